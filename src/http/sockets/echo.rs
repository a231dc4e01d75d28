//! Routes that send back what they get, to test the WebSocket code under the rooms. They exist only if
//! `REJOIN_TEST_ECHO` is set.

use actix_web::{HttpRequest, HttpResponse, web};

use super::super::Shared;
use super::super::problem::Problem;
use super::Sockets;
use crate::websocket::{CloseCode, Frame, Limits, Message, ReceiveEnd, Receiver, Sender};

/// Allows the largest message of the conformance tests, 16 MiB.
const LARGE: Limits = Limits { frame: 16 << 20, message: 16 << 20, is_text_only: false, rate: None };

/// Echoes text and binary messages of up to 16 MiB.
pub(in crate::http) async fn all(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    upgrade(&request, &shared.sockets, LARGE)
}

/// Echoes under the limits of rooms: text of up to 64 KiB.
pub(in crate::http) async fn text(request: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    upgrade(&request, &shared.sockets, Limits::room(None))
}

fn upgrade(request: &HttpRequest, sockets: &Sockets, limits: Limits) -> Result<HttpResponse, Problem> {
    let stopping = sockets.stopping().clone();
    sockets.upgrade(request, limits, async move |sender: Sender, receiver: &mut Receiver| {
        tokio::select! {
            end = echo(&sender, receiver) => tracing::debug!(?end, last_heard = ?receiver.heard().elapsed(), "ended"),
            () = stopping.cancelled() => sender.close(CloseCode::AWAY, "the server stops").await,
        }
    })
}

/// Echoes until the connection ends. Three texts are commands of the tests: `cut` drops the connection,
/// `close` sends a close frame, `ping` sends a ping.
async fn echo(sender: &Sender, receiver: &mut Receiver) -> ReceiveEnd {
    loop {
        let sent = match receiver.next().await {
            Ok(Message::Text(word)) if word == "cut" => return ReceiveEnd::Lost,
            Ok(Message::Text(word)) if word == "close" => {
                sender.close(CloseCode::NORMAL, "as you wish").await;
                Ok(())
            }
            Ok(Message::Text(word)) if word == "ping" => sender.send(Frame::ping(), None).await,
            Ok(Message::Text(text)) => sender.send(Frame::text(&text), None).await,
            Ok(Message::Binary(bytes)) => sender.send(Frame::binary(&bytes), None).await,
            Err(end) => return end,
        };
        if sent.is_err() {
            return ReceiveEnd::Lost;
        }
    }
}
