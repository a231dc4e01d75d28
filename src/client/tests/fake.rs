//! A fake server that a test drives frame by frame.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};

/// The time limit of every step.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Fake {
    listener: TcpListener,
    pub(super) base: String,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        Self { listener, base }
    }

    /// Accepts the next connection and reads its `resume` frame.
    pub(super) async fn accept(&self) -> Peer {
        let mut peer = Peer { stream: accept_async(self.tcp().await).await.expect("a WebSocket"), resume: Value::Null };
        peer.resume = peer.hear().await;
        assert_eq!(peer.resume["type"], "resume");
        peer
    }

    /// Accepts the next connection and welcomes it. `head` is the newest event.
    pub(super) async fn welcome(&self, recovered: bool, head: u64) -> Peer {
        let mut peer = self.accept().await;
        peer.welcome("e", recovered, head).await;
        peer
    }

    /// True if a client connects within this time.
    pub(super) async fn is_called(&self, within: Duration) -> bool {
        timeout(within, self.listener.accept()).await.is_ok()
    }

    /// Reads the next HTTP request and returns it. Sends `reply`, or cuts the connection if it is `None`.
    pub(super) async fn http(&self, reply: Option<&str>) -> String {
        let mut stream = self.tcp().await;
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert!(stream.read_buf(&mut request).await.expect("a request") > 0, "it was cut short");
        }
        if let Some(reply) = reply {
            stream.write_all(reply.as_bytes()).await.expect("it is read");
        }
        String::from_utf8(request).expect("a request is text")
    }

    async fn tcp(&self) -> TcpStream {
        timeout(PATIENCE, self.listener.accept()).await.expect("somebody connects").expect("a connection").0
    }
}

/// The server's end of one connection. Dropping it cuts the connection without a close frame.
pub(super) struct Peer {
    stream: WebSocketStream<TcpStream>,
    pub(super) resume: Value,
}

impl Peer {
    pub(super) async fn welcome(&mut self, epoch: &str, recovered: bool, head: u64) {
        self.say(json!({"type": "welcome", "seatId": 3, "generation": 1, "epoch": epoch, "head": head,
            "recovered": recovered, "heartbeatMs": 60_000, "snapshot": {"head": head, "phaseNumber": 2}}))
            .await;
    }

    pub(super) async fn event(&mut self, sequence: u64) {
        self.say(json!({"type": "event", "sequence": sequence, "at": "", "event": "joined", "payload": {}})).await;
    }

    pub(super) async fn say(&mut self, frame: Value) {
        self.stream.send(Message::text(frame.to_string())).await.expect("the client reads");
    }

    /// Receives the next frame.
    pub(super) async fn hear(&mut self) -> Value {
        let message = timeout(PATIENCE, self.stream.next()).await.expect("the client speaks");
        let message = message.expect("it has not gone").expect("a frame");
        serde_json::from_str(message.to_text().expect("a text")).expect("JSON")
    }

    /// Receives frames until one has this type.
    pub(super) async fn hear_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hear().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Waits until the client has closed or lost the connection.
    pub(super) async fn gone(mut self) {
        while let Some(Ok(message)) = timeout(PATIENCE, self.stream.next()).await.expect("it goes") {
            if message.is_close() {
                return;
            }
        }
    }

    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "as the test says".into() };
        self.stream.close(Some(frame)).await.expect("it is told");
        self.gone().await;
    }
}
