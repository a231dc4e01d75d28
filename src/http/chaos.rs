//! Chaos, for whoever writes a client: replies that are lost after their commit, sockets that freeze
//! and are cut, hints that come late. Everything that was acknowledged stays true under it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Bytes;

use super::Shared;
use crate::game::Entropy;

/// The longest that a socket freezes, and a hint is late, in milliseconds.
const LONGEST_FREEZE: usize = 2_000;
const LONGEST_DELAY: usize = 1_000;
/// Of this many frames one is as likely to be struck as one request: a game has more of them.
const FRAMES_A_REQUEST: f64 = 3.0;

/// Strikes by chance.
#[derive(Clone)]
pub struct Chaos {
    likelihood: f64,
    chance: Entropy,
}

/// The connection is to be cut.
pub(super) struct Cut;

impl Chaos {
    /// Strikes one in so many times.
    pub fn new(likelihood: f64, chance: Entropy) -> Self {
        Self { likelihood, chance }
    }

    /// How likely each reply is lost.
    pub(super) fn likelihood(&self) -> f64 {
        self.likelihood
    }

    fn strikes(&self, likelihood: f64) -> bool {
        let random = u32::from_le_bytes(self.chance.bytes());
        f64::from(random) < likelihood * f64::from(u32::MAX)
    }

    /// Freezes the socket, or has it cut, or leaves it be.
    pub(super) async fn before_a_frame(&self) -> Result<(), Cut> {
        if !self.strikes(self.likelihood / FRAMES_A_REQUEST) {
            return Ok(());
        }
        let kind = self.chance.below(3);
        if kind > 0 {
            tokio::time::sleep(Duration::from_millis(self.chance.below(LONGEST_FREEZE) as u64)).await;
        }
        if kind < 2 { Err(Cut) } else { Ok(()) }
    }

    /// How late the next hint comes.
    pub fn delay(&self) -> Option<Duration> {
        let late = || Duration::from_millis(self.chance.below(LONGEST_DELAY) as u64);
        self.strikes(self.likelihood).then(late)
    }
}

/// Loses the API's replies: what was asked for has happened, and nobody is told. A page that can't be loaded
/// would try no client.
pub(super) async fn lossy(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_api = request.path().starts_with("/api/");
    let chaos = Shared::of(request.request()).chaos.clone().filter(|_| is_api);
    let response = next.call(request).await?;
    let is_upgrade = response.status().is_informational();
    match chaos {
        Some(chaos) if !is_upgrade && chaos.strikes(chaos.likelihood) => Ok(response.map_body(|_, _| LostBody.boxed())),
        _ => Ok(response.map_into_boxed_body()),
    }
}

/// A body that never comes: the connection is closed in the middle of the reply.
struct LostBody;

impl MessageBody for LostBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}
