//! The live connection of a seat or a backend over a WebSocket: the upgrade, and the two ends for the state machine
//! in `connection`.

mod close_reason;
mod connection;
mod event_sender;
mod frames;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::Instant;

use super::room_id;
use crate::domain::SessionId;
use crate::http::Shared;
use crate::http::admission::Limit;
use crate::http::problem::Problem;
use crate::metrics::Direction;
use crate::websocket::{Frame, Limits, Message, ReceiveEnd, Receiver, Sender, Unsent};
use close_reason::CloseReason;
use connection::{Ending, MessageSource, RoomConnection, first};
use event_sender::FrameSink;

/// How long a frame may wait for a client that doesn't read. After that the connection is closed.
const SLOW: Duration = Duration::from_secs(10);

/// Upgrades a request to a live connection of a room.
pub(in crate::http) async fn connect(
    request: HttpRequest,
    shared: web::Data<Shared>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = room_id(&id)?;
    shared.rooms.dates(&id).map_err(Problem::in_room)?;
    let shown = shared.keys.shown(&request)?;
    let (sockets, client) = (shared.sockets.clone(), shared.admission.client(&request));
    sockets.upgrade(
        &request,
        Limits::room(shared.admission.frames_per_second()),
        async move |sender: Sender, receiver: &mut Receiver| {
            let stopping = shared.sockets.stopping().clone();
            let metrics = shared.metrics.clone();
            let closing = tokio::select! {
                // A stopping server answers no more frames.
                biased;
                () = stopping.cancelled() => Err(CloseReason::GoingAway),
                ended = serve(shared.clone(), id, shown, &sender, receiver) => ended,
            };
            if receiver.is_over_limit() {
                shared.admission.met(Limit::Calls, &client);
            }
            metrics.game.closed(closing.err().map(|closing| closing.code().0));
            if let Err(closing) = closing {
                sender.close(closing.code(), closing.reason()).await;
            }
        },
    )
}

impl FrameSink for Sender {
    fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool, Unsent> {
        Self::try_send(self, frame)
    }

    async fn send(&self, frame: Option<Frame>) -> Result<(), Unsent> {
        match frame {
            Some(frame) => Self::send(self, frame, Some(SLOW)).await,
            None => self.flush(SLOW).await,
        }
    }
}

impl MessageSource for Receiver {
    async fn next(&mut self) -> Result<Message, ReceiveEnd> {
        Self::next(self).await
    }

    fn heard(&self) -> Instant {
        Instant::from_std(Self::heard(self))
    }
}

/// Serves a connection until it ends. Returns the reason if the server closes it.
async fn serve(
    shared: web::Data<Shared>,
    id: SessionId,
    shown: Option<String>,
    sender: &Sender,
    receiver: &mut Receiver,
) -> Result<(), CloseReason> {
    let served = async {
        let resume = first(receiver).await?;
        shared.metrics.game.frame(Direction::In);
        let mut connection = RoomConnection::make(shared, id, shown, resume, sender.clone()).await?;
        if connection.is_backend() {
            receiver.lift_limit();
        }
        connection.pump(receiver).await
    };
    match served.await {
        Ok(()) | Err(Ending::Over) => Ok(()),
        Err(Ending::Close(closing)) => Err(closing),
    }
}
