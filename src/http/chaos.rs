//! Injects faults, so that authors of clients can test theirs: replies that are lost after their commit,
//! WebSockets that freeze or are cut, notices that are delayed. Everything that was acknowledged stays true.

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

/// Upper bound of a WebSocket's freeze, in milliseconds.
const LONGEST_FREEZE: usize = 2_000;
/// Upper bound of a notice's delay, in milliseconds.
const LONGEST_DELAY: usize = 1_000;
/// A frame is this many times less likely to be hit than a request, since a game sends more frames than requests.
const FRAMES_A_REQUEST: f64 = 3.0;

/// Decides by chance where to inject a fault.
#[derive(Clone)]
pub struct Chaos {
    likelihood: f64,
    chance: Entropy,
}

/// The connection must be cut.
pub(super) struct Cut;

impl Chaos {
    /// Injects faults with this probability, from 0 to 1.
    pub fn new(likelihood: f64, chance: Entropy) -> Self {
        Self { likelihood, chance }
    }

    /// The probability, from 0 to 1, that a reply is lost.
    pub(super) fn likelihood(&self) -> f64 {
        self.likelihood
    }

    fn strikes(&self, likelihood: f64) -> bool {
        let random = u32::from_le_bytes(self.chance.bytes());
        f64::from(random) < likelihood * f64::from(u32::MAX)
    }

    /// Run before each frame. With some probability it cuts the connection at once, freezes it and then cuts
    /// it, or only freezes it: each of the three is equally likely.
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

    /// How long to delay the next notice. `None` delivers it at once.
    pub fn delay(&self) -> Option<Duration> {
        let late = || Duration::from_millis(self.chance.below(LONGEST_DELAY) as u64);
        self.strikes(self.likelihood).then(late)
    }
}

/// Middleware that loses replies of the API: the request has been carried out, but its reply never arrives.
/// Pages are spared, because a page that can't be loaded tests no client.
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

/// A body that fails instead of arriving, so that the connection is closed in the middle of the reply.
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
