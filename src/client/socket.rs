//! The WebSocket: sends and receives text frames. Connecting, sending and closing have a time limit; waiting
//! for a frame has none.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::event::ConnectionLost;

/// How long sending or answering a close frame may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// A connection to a room. Dropping it cuts the TCP connection without a close frame.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    patience: Duration,
}

impl Socket {
    /// Connects to the room at `base`. Connecting and each later send may take `patience` at most.
    pub(super) async fn open(base: &str, room: &str, patience: Duration) -> Result<Self, ConnectionLost> {
        let opened = timeout(patience, Self::connect(base, room)).await;
        let stream =
            opened.unwrap_or_else(|_| Err(ConnectionLost::cut(format_args!("{base} takes too long to answer"))))?;
        Ok(Self { stream, patience })
    }

    async fn connect(base: &str, room: &str) -> Result<WebSocketStream<TcpStream>, ConnectionLost> {
        let Some(place) = base.strip_prefix("http://") else {
            return Err(ConnectionLost::cut(format_args!(
                "{base:?} is no place that this client can reach: it needs http://"
            )));
        };
        let request = format!("ws://{place}/api/rooms/{room}/ws").into_client_request().map_err(ConnectionLost::cut)?;
        let host = request.uri().host().unwrap_or_default().trim_matches(['[', ']']);
        let port = request.uri().port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await.map_err(ConnectionLost::cut)?;
        // Frames are small and someone waits for each: don't delay them with Nagle's algorithm.
        stream.set_nodelay(true).map_err(ConnectionLost::cut)?;
        let (stream, _) = client_async(request, stream).await.map_err(ConnectionLost::cut)?;
        Ok(stream)
    }

    /// Sends a text frame.
    pub(super) async fn send(&mut self, text: String) -> Result<(), ConnectionLost> {
        let sent = timeout(self.patience, self.stream.send(Message::text(text))).await;
        sent.map_err(|_| ConnectionLost::cut("the server does not read"))?.map_err(ConnectionLost::cut)
    }

    /// Receives the next frame. `None` for a frame without text, which is still a sign of life. Cancel-safe:
    /// no frame is lost if the caller stops waiting.
    pub(super) async fn next(&mut self) -> Result<Option<String>, ConnectionLost> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Close(frame))) => {
                // Sends the reply to the server's close frame before the connection is dropped.
                let _ = timeout(GOODBYE, self.stream.flush()).await;
                let no_code = || ConnectionLost::cut("the server said good-bye");
                Err(frame
                    .map_or_else(no_code, |frame| ConnectionLost::closed(frame.code.into(), frame.reason.as_str())))
            }
            Some(Ok(_)) => Ok(None),
            Some(Err(error)) => Err(ConnectionLost::cut(error)),
            None => Err(ConnectionLost::cut("the connection was cut")),
        }
    }

    /// Sends a close frame with code 1000 and ends the connection.
    pub(super) async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let _ = timeout(GOODBYE, self.stream.close(Some(frame))).await;
    }
}
