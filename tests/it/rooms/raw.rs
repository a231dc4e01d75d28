//! A WebSocket client that sends what a test tells it to and returns what it receives.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::in_time;

/// One WebSocket of a room.
pub(super) struct Raw {
    stream: WebSocketStream<TcpStream>,
}

/// What the server sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Frame(Value),
    /// The code of a close frame, or `None` if the connection ended without one.
    Closed(Option<u16>),
}

impl Raw {
    /// A WebSocket on which nothing was sent yet.
    pub(super) async fn open(base: &str, room: &str) -> Self {
        let place = base.strip_prefix("http://").expect("the base is http");
        let request = format!("ws://{place}/api/rooms/{room}/ws").into_client_request().expect("a URL");
        let stream = TcpStream::connect(place).await.expect("the server listens");
        stream.set_nodelay(true).expect("it is open");
        let (stream, _) = client_async(request, stream).await.expect("it becomes a WebSocket");
        Self { stream }
    }

    /// A WebSocket that is resumed with a token and without a known sequence number, and its welcome.
    pub(super) async fn resumed(base: &str, room: &str, token: &str) -> (Self, Value) {
        let mut raw = Self::open(base, room).await;
        raw.say(&json!({ "type": "resume", "token": token })).await;
        let welcome = raw.frame("welcome").await;
        (raw, welcome)
    }

    pub(super) async fn say(&mut self, frame: &Value) {
        self.text(&frame.to_string()).await;
    }

    pub(super) async fn text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("the server reads");
    }

    /// Sends a frame this many times in one go.
    pub(super) async fn burst(&mut self, frame: &Value, times: usize) {
        for _ in 0..times {
            self.stream.feed(Message::text(frame.to_string())).await.expect("the server reads");
        }
        self.stream.flush().await.expect("the server reads");
    }

    /// The next frame or close. Pings are skipped.
    pub(super) async fn hear(&mut self) -> Heard {
        in_time(self.hear_without_limit()).await
    }

    /// Like [`Raw::hear`], without a deadline. Reading also answers pings.
    pub(super) async fn hear_without_limit(&mut self) -> Heard {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Heard::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Closed(None),
            }
        }
    }

    /// The next frame of this type. Other frames are skipped.
    pub(super) async fn frame(&mut self, kind: &str) -> Value {
        loop {
            match self.hear().await {
                Heard::Frame(frame) if frame["type"] == kind => return frame,
                Heard::Frame(_) => {}
                Heard::Closed(code) => panic!("closed by {code:?} before a {kind}"),
            }
        }
    }

    /// Sends a frame with an `id` and returns its reply or error.
    pub(super) async fn ask(&mut self, frame: &Value) -> Value {
        self.say(frame).await;
        self.answer(frame["id"].as_str().expect("an id")).await
    }

    /// The reply or error to the frame with this id.
    pub(super) async fn answer(&mut self, id: &str) -> Value {
        loop {
            match self.hear().await {
                Heard::Frame(frame) if frame["re"] == id => return frame,
                Heard::Frame(_) => {}
                Heard::Closed(code) => panic!("closed by {code:?} before the answer to {id}"),
            }
        }
    }

    /// The code by which the server closes. Earlier frames are skipped.
    pub(super) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }

    /// Drops the connection without a close frame.
    pub(super) fn cut(self) {
        drop(self);
    }
}
