//! A WebSocket client that can break every rule of the protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::read_to_close;
use super::{Client, Reply, in_time};

/// The first bytes of frames that are whole messages.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;
/// The first bytes of the first and the last fragment of a text message.
pub(crate) const FIRST: u8 = 0x01;
pub(crate) const LAST: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// One open WebSocket, used by a client.
pub(crate) struct Socket {
    stream: TcpStream,
}

/// The bytes of a WebSocket upgrade request. `change` may add, remove or replace its lines.
pub(crate) fn request(path: &str, change: impl Fn(&mut Vec<String>)) -> Vec<u8> {
    let mut lines = vec![
        format!("GET {path} HTTP/1.1"),
        "Host: localhost".to_owned(),
        "Connection: Upgrade".to_owned(),
        "Upgrade: websocket".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
    ];
    change(&mut lines);
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}

/// A frame as a client sends it, which is masked. `first` is its first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long @ 126..0x1_0000 => frame.extend([&[0x80 | 126], &(long as u16).to_be_bytes()[..]].concat()),
        long => frame.extend([&[0x80 | 127], &(long as u64).to_be_bytes()[..]].concat()),
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The payload of a close frame.
pub(crate) fn closing(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// The reply to an upgrade request that the server refuses, sent over an open connection.
pub(crate) async fn exchange(mut stream: TcpStream, path: &str) -> Reply {
    stream.write_all(&request(path, |_| ())).await.expect("the server reads");
    Reply::parse(&read_to_close(&mut stream).await)
}

impl Socket {
    pub(crate) async fn open(client: &Client, path: &str) -> Self {
        Self::open_with(client, path, &[]).await
    }

    /// Like [`Socket::open`], but the client sends `early` together with the request and does not wait for
    /// the reply.
    pub(crate) async fn open_with(client: &Client, path: &str, early: &[u8]) -> Self {
        let mut socket = Self { stream: client.connect().await };
        socket.send(&[&request(path, |_| ())[..], early].concat()).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.bytes::<1>().await.expect("a reply")[0]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        for header in
            ["upgrade: websocket", "connection: upgrade", "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="]
        {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{header}: {head}");
        }
        socket
    }

    /// Sends bytes unchanged.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server reads");
    }

    /// Sends one frame, masked.
    pub(crate) async fn say(&mut self, first: u8, payload: &[u8]) {
        self.send(&frame(first, payload)).await;
    }

    /// Sends until a write takes longer than `patience`. Returns how many of the bytes the server took.
    pub(crate) async fn stuff(&mut self, bytes: &[u8], patience: Duration) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            match tokio::time::timeout(patience, self.stream.write(&bytes[taken..])).await {
                Ok(count) => taken += count.expect("the server is there"),
                Err(_) => break,
            }
        }
        taken
    }

    /// The first byte and the payload of the next frame, or `None` at the end of the connection.
    pub(crate) async fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, short] = self.bytes().await?;
        assert_eq!(short & 0x80, 0, "a server's frame is not masked");
        let length = match short {
            126 => u16::from_be_bytes(self.bytes().await?).into(),
            127 => u64::from_be_bytes(self.bytes().await?),
            short => short.into(),
        };
        let mut payload = vec![0; length as usize];
        in_time(self.stream.read_exact(&mut payload)).await.ok()?;
        Some((first, payload))
    }

    /// The text of the next frame, which must be a whole text message.
    pub(crate) async fn text(&mut self) -> String {
        let (first, payload) = self.hear().await.expect("a frame");
        assert_eq!(first, TEXT, "{payload:?}");
        String::from_utf8(payload).expect("text is UTF-8")
    }

    /// Reads the server's close frame and answers it. Fails unless the server then closes the connection.
    /// Returns the code, if the frame has one, and the reason.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, String) {
        let (first, payload) = self.hear().await.expect("a close frame");
        assert_eq!(first, CLOSE, "{payload:?}");
        // The write may fail: a server that has sent everything may read no more.
        let _ = self.stream.write_all(&frame(CLOSE, &payload)).await;
        assert_eq!(self.hear().await, None, "nothing comes after the close frame");
        let Some((code, reason)) = payload.split_first_chunk() else { return (None, String::new()) };
        (Some(u16::from_be_bytes(*code)), String::from_utf8(reason.to_vec()).expect("a reason is UTF-8"))
    }

    async fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        in_time(self.stream.read_exact(&mut bytes)).await.ok()?;
        Some(bytes)
    }
}
