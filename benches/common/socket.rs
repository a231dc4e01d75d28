//! A player's end of a WebSocket, cheap enough that one core for all of them is no bottleneck. It reads raw
//! bytes and looks only at frame heads; the caller looks into the texts.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::traffic;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The sending half of a socket.
pub struct Sender {
    stream: Rc<TcpStream>,
    /// Bytes that the kernel has not accepted yet.
    rest: RefCell<Vec<u8>>,
}

impl Sender {
    /// Sends a text frame, without waiting for the kernel to accept it. Shorter than 64 KiB.
    pub fn send(&self, text: &str) {
        self.put(TEXT, text.as_bytes());
    }

    /// Writes as much as the kernel accepts now.
    pub fn flush(&self) {
        let mut rest = self.rest.borrow_mut();
        while !rest.is_empty() {
            match self.stream.try_write(&rest) {
                Ok(count) => {
                    traffic::sent(count);
                    rest.drain(..count);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("the server cut the connection: {error}"),
            }
        }
    }

    fn put(&self, opcode: u8, payload: &[u8]) {
        let mut rest = self.rest.borrow_mut();
        rest.push(0x80 | opcode);
        match payload.len() {
            short @ 0..126 => rest.push(0x80 | short as u8),
            long => {
                rest.push(0x80 | 126);
                rest.extend((long as u16).to_be_bytes());
            }
        }
        // A mask of zeros leaves the payload unchanged.
        rest.extend([0; 4]);
        rest.extend(payload);
        drop(rest);
        self.flush();
    }
}

/// A connected WebSocket: the sending half, and the bytes received so far.
pub struct Socket {
    pub sender: Rc<Sender>,
    input: Vec<u8>,
}

impl Socket {
    /// Connects a seat, or a backend, to a room and sends `resume`. Returns the welcome too.
    pub async fn open(address: SocketAddr, room: &str, token: &str) -> (Self, serde_json::Value) {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        let request = format!(
            "GET /api/rooms/{room}/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut reply).await.expect("the server writes") > 0, "the server closed it");
        }
        assert!(reply.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&reply));
        let sender = Rc::new(Sender { stream: Rc::new(stream), rest: RefCell::default() });
        let mut socket = Self { sender, input: Vec::new() };
        socket.sender.send(&format!(r#"{{"type":"resume","token":"{token}"}}"#));
        let mut welcome = None;
        while welcome.is_none() {
            let take = |text: &[u8]| welcome = welcome.take().or_else(|| serde_json::from_slice(text).ok());
            socket.skim(take).await;
        }
        (socket, welcome.unwrap_or_default())
    }

    /// Waits for bytes, and calls `take` for each complete text. Answers pings.
    pub async fn skim(&mut self, mut take: impl FnMut(&[u8])) {
        self.read().await;
        let mut begin = 0;
        while let Some((opcode, Range { start, end })) = frame(&self.input[begin..]) {
            let payload = &self.input[begin + start..begin + end];
            match opcode {
                TEXT => take(payload),
                PING => self.sender.put(PONG, payload),
                CLOSE => panic!("the server closed: {}", String::from_utf8_lossy(payload)),
                _ => {}
            }
            begin += end;
        }
        self.input.drain(..begin);
    }

    async fn read(&mut self) {
        let stream = &self.sender.stream;
        loop {
            stream.readable().await.expect("a connection");
            self.input.reserve(4 * 1024);
            match stream.try_read_buf(&mut self.input) {
                Ok(0) => panic!("the server cut the connection"),
                Ok(count) => return traffic::received(count),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => panic!("the server cut the connection: {error}"),
            }
        }
    }
}

/// The opcode and the payload range of the first frame in these bytes; `None` if the frame is not complete.
fn frame(bytes: &[u8]) -> Option<(u8, Range<usize>)> {
    let (start, length) = match *bytes {
        [_, short @ 0..126, ..] => (2, usize::from(short)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 127, a, b, c, d, e, f, g, h, ..] => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize),
        _ => return None,
    };
    (bytes.len() >= start + length).then(|| (bytes[0] & 0x0F, start..start + length))
}

/// The sequence number if the text is an event frame.
pub fn sequence(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(br#"{"type":"event","sequence":"#)?;
    let digits = digits.iter().take_while(|digit| digit.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}
