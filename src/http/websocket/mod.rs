//! WebSockets (RFC 6455) under whatever is spoken over them: from a request to two ends that send
//! and receive whole messages. What a client does wrong is answered here, and so is its pings.
//!
//! A [`Sender`] queues nothing and waits instead, and a [`Receiver`] reads no further than the
//! message that it gives: a client that doesn't read, or that floods, costs no memory.

mod close;
mod decoder;
pub(super) mod echo;
mod frame;
mod handshake;
mod rate;
mod socket;
mod upgrade;
mod wire;

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, rt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(in crate::http) use close::{CloseCode, ReceiveEnd};
pub(in crate::http) use decoder::{Limits, Message};
pub(in crate::http) use frame::Frame;
pub(in crate::http) use rate::FRAMES_BURST;
#[cfg(test)]
pub(in crate::http) use socket::tests::{connected, large};
pub(in crate::http) use socket::{Receiver, Sender, Unsent};
pub(in crate::http) use upgrade::takeover;

use super::admission::Place;
use super::problem::Problem;
use upgrade::UpgradeSlot;
use wire::Wire;

/// How long all of them may take to end at the stop: for the close frame, and for its answer.
const ENDING: Duration = Duration::from_secs(2);

/// All WebSockets of a server.
#[derive(Debug, Clone, Default)]
pub struct Sockets {
    stopping: CancellationToken,
    open: TaskTracker,
}

impl Sockets {
    /// Turns a request into a WebSocket. Once the reply has gone out, `serve` runs on the request's
    /// thread, and its end is the connection's: closed in order if one side has closed, else cut.
    ///
    /// `serve` has to end soon after [`stopping`](Self::stopping) is cancelled.
    pub(in crate::http) fn upgrade(
        &self,
        request: &HttpRequest,
        limits: Limits,
        serve: impl AsyncFnOnce(Sender, &mut Receiver) + 'static,
    ) -> Result<HttpResponse, Problem> {
        let response = handshake::accept(request)?;
        if self.stopping.is_cancelled() {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "this server stops; try again"));
        }
        // One whose body comes in chunks is no upgrade to actix.
        let slot = request.extensions().get::<UpgradeSlot>().cloned().ok_or_else(handshake::not_asked)?;
        let open = self.open.token();
        // Through a proxy the request has a place of its own, which the WebSocket keeps.
        let place = request.extensions().get::<Rc<Place>>().cloned();
        slot.fill(move |connection, early| {
            let Ok(wire) = Wire::new(connection) else { return };
            let (sender, mut receiver) = socket::socket(wire, early, limits);
            rt::spawn(async move {
                let (_open, _place) = (open, place);
                serve(sender, &mut receiver).await;
                // On the heap when it comes to that: a task has room for all its waits as long as it lives.
                Box::pin(receiver.finish()).await;
            });
        });
        Ok(response)
    }

    /// Cancelled when the server stops: time to close, by [`CloseCode::AWAY`].
    pub(in crate::http) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Has all of them close, and waits until they have.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.open.close();
        if tokio::time::timeout(ENDING, self.open.wait()).await.is_err() {
            tracing::warn!("{} WebSockets did not end in time, and are cut", self.open.len());
        }
    }
}
