//! How a request becomes a WebSocket: the handshake, the takeover of its connection, and the signal that ends
//! all of them. What goes over it is the work of [`crate::websocket`].

pub(super) mod echo;
mod handshake;
mod upgrade;

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, rt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(in crate::http) use upgrade::takeover;

use super::admission::Place;
use super::problem::Problem;
use crate::websocket::{Limits, Receiver, Sender, socket};
use upgrade::UpgradeSlot;

/// How long all WebSockets together may take to end when the server stops: to send the close frame, and to
/// get its answer.
const ENDING: Duration = Duration::from_secs(2);

/// The open WebSockets of a server, and the signal that stops them. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Sockets {
    stopping: CancellationToken,
    open: TaskTracker,
}

impl Sockets {
    /// Turns a request into a WebSocket. Once the reply is sent, `serve` runs on the request's thread. When
    /// `serve` returns, the connection ends: after a close frame with the closing handshake, otherwise at once.
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
        // actix doesn't treat a request with a chunked body as an upgrade, so it has no slot.
        let slot = request.extensions().get::<UpgradeSlot>().cloned().ok_or_else(handshake::not_asked)?;
        let open = self.open.token();
        // A request through a proxy has its own place in the connection limits, which the WebSocket keeps.
        let place = request.extensions().get::<Rc<Place>>().cloned();
        slot.fill(move |connection, early| {
            let Ok(wire) = connection.into_wire() else { return };
            let (sender, mut receiver) = socket(wire, early, limits);
            rt::spawn(async move {
                let (_open, _place) = (open, place);
                serve(sender, &mut receiver).await;
                // Boxed, since a task reserves the space of all its futures for its whole life.
                Box::pin(receiver.finish()).await;
            });
        });
        Ok(response)
    }

    /// The number of open WebSockets.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Cancelled when the server stops. Connections then close with [`CloseCode::AWAY`].
    pub(in crate::http) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Asks all WebSockets to close, and waits until they have, for two seconds at most.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.open.close();
        if tokio::time::timeout(ENDING, self.open.wait()).await.is_err() {
            tracing::warn!("{} WebSockets did not close in time; their connections are cut", self.open.len());
        }
    }
}
