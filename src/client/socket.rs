//! The WebSocket itself: text frames in and out, each within its time.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::event::ConnectionLost;

/// How long a good-bye may take.
const GOODBYE: Duration = Duration::from_millis(200);

/// A connection to a room. Dropping it cuts it without a word.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    patience: Duration,
}

impl Socket {
    /// Connects to the room at `base`. No step takes longer than `patience`, now and later.
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
        // A frame is small, and somebody waits for it.
        stream.set_nodelay(true).map_err(ConnectionLost::cut)?;
        let (stream, _) = client_async(request, stream).await.map_err(ConnectionLost::cut)?;
        Ok(stream)
    }

    /// Sends a frame.
    pub(super) async fn send(&mut self, text: String) -> Result<(), ConnectionLost> {
        let sent = timeout(self.patience, self.stream.send(Message::text(text))).await;
        sent.map_err(|_| ConnectionLost::cut("the server does not read"))?.map_err(ConnectionLost::cut)
    }

    /// The next frame of the server; `None` for one without a text, which is a sign of life. Nothing is
    /// lost if the caller stops waiting.
    pub(super) async fn next(&mut self) -> Result<Option<String>, ConnectionLost> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Close(frame))) => {
                // The server's close is answered before the line is cut.
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

    /// Says good-bye.
    pub(super) async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let _ = timeout(GOODBYE, self.stream.close(Some(frame))).await;
    }
}
