//! The two ends of a WebSocket that its pump holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::BytesMut;
use thiserror::Error;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::close::{CloseCode, ProtocolError, ReceiveEnd};
use super::decoder::{Decoder, Limits, Message, WireEvent};
use super::frame::Frame;
use super::rate::{FrameLimiter, FrameRate};
use super::wire::{CLOSING_BYTES, Wire, in_time};

/// Both ends over a connection whose client has sent `early` already.
pub(super) fn socket(wire: Wire, early: &BytesMut, limits: Limits) -> (Sender, Receiver) {
    let wire = Arc::new(wire);
    let mut receiver = Receiver {
        wire: wire.clone(),
        decoder: Decoder::new(limits),
        limiter: limits.rate.map(FrameRate::limiter),
        reply: None,
        end: None,
        heard: Instant::now(),
        closing: None,
    };
    receiver.take(early);
    (Sender { wire }, receiver)
}

/// Why a frame was not sent.
#[derive(Debug, PartialEq, Eq, Error)]
pub(in crate::http) enum Unsent {
    /// The connection broke, or is closed.
    #[error("the connection is gone")]
    Gone,
    /// The client reads nothing.
    #[error("the client is too slow")]
    Slow,
}

/// Sends frames. All clones send over the same connection.
#[derive(Debug, Clone)]
pub(in crate::http) struct Sender {
    wire: Arc<Wire>,
}

impl Sender {
    /// Sends a frame, and waits for as long as the client reads nothing: for `patience` at most, if that is given.
    /// Nothing is queued here: what waits is the caller. Dropped while it waits, the frame goes out whole or not at
    /// all.
    ///
    /// # Errors
    /// If nothing more can be sent, or the client has read nothing for too long.
    pub(in crate::http) async fn send(&self, frame: Frame, patience: Option<Duration>) -> Result<(), Unsent> {
        let mut frame = Some(frame);
        // Most frames go out at once. A connection that never has to wait must not keep its thread from the others.
        consume_budget().await;
        if self.wire.try_send(&mut frame).map_err(|_| Unsent::Gone)? {
            return Ok(());
        }
        let sending = self.wire.send(&mut frame);
        let sent = match patience {
            Some(patience) => timeout(patience, sending).await.map_err(|_| Unsent::Slow)?,
            None => sending.await,
        };
        sent.map_err(|_| Unsent::Gone)
    }

    /// Sends what of a frame has not gone out yet, as [`send`](Self::send) does.
    ///
    /// # Errors
    /// As of `send`.
    pub(in crate::http) async fn flush(&self, patience: Duration) -> Result<(), Unsent> {
        if !self.wire.has_rest() {
            return Ok(());
        }
        let sent = timeout(patience, self.wire.send(&mut None)).await.map_err(|_| Unsent::Slow)?;
        sent.map_err(|_| Unsent::Gone)
    }

    /// Sends what goes at once of a frame, unless something else is on its way; the frame is taken once any of it
    /// has gone. True if that was all of it; what is left goes out with the next frame, or is flushed.
    ///
    /// # Errors
    /// If nothing more can be sent.
    pub(in crate::http) fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool, Unsent> {
        self.wire.try_send(frame).map_err(|_| Unsent::Gone)
    }

    /// Sends the close frame, and nothing after it. A client that doesn't even read that in time is
    /// cut off.
    pub(in crate::http) async fn close(&self, code: CloseCode, reason: &str) {
        let mut frame = Some(Frame::close(Some(code), reason));
        // On the heap, like all of an ending: in a task it would take room as long as that lives.
        if Box::pin(in_time(self.wire.send(&mut frame))).await.is_none() {
            self.wire.cut();
        }
    }
}

/// Receives messages.
#[derive(Debug)]
pub(in crate::http) struct Receiver {
    wire: Arc<Wire>,
    decoder: Decoder,
    /// How much the client may still send, if that is bounded.
    limiter: Option<FrameLimiter>,
    /// An answer that the protocol owes: a pong, or the close frame.
    reply: Option<Frame>,
    end: Option<ReceiveEnd>,
    heard: Instant,
    /// How many bytes are still read while the connection closes.
    closing: Option<usize>,
}

impl Receiver {
    /// The next message. Pings are answered by the way. Dropped while it waits, it loses nothing.
    ///
    /// # Errors
    /// Why there will be none; the client has been told.
    pub(in crate::http) async fn next(&mut self) -> Result<Message, ReceiveEnd> {
        loop {
            // A client that always has more to read must not keep its thread from the others.
            consume_budget().await;
            if self.reply.is_some() && self.wire.send(&mut self.reply).await.is_err() {
                // An answer that can't be sent is owed no longer.
                self.reply = None;
            }
            if let Some(end) = self.end {
                return Err(end);
            }
            let next = self.decoder.next();
            let begun = self.decoder.begun();
            if self.limiter.as_ref().is_some_and(|limiter| !limiter.takes_frames(begun)) {
                self.end_by_fault(ProtocolError::TOO_MANY);
                continue;
            }
            match next {
                Ok(Some(WireEvent::Message(message))) => return Ok(message),
                Ok(Some(WireEvent::Ping(payload))) => self.reply = Some(Frame::pong(&payload)),
                Ok(Some(WireEvent::Close(code))) => self.end_by(Frame::close(code, ""), ReceiveEnd::Closed(code)),
                Err(fault) => self.end_by_fault(fault),
                Ok(None) => self.read().await,
            }
        }
    }

    /// When the client was last heard, be it a pong or a part of a message.
    pub(in crate::http) fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether the connection ends because the client sent too much.
    pub(in crate::http) fn is_over_limit(&self) -> bool {
        self.end == Some(ReceiveEnd::Fault(ProtocolError::TOO_MANY))
    }

    /// Lets the client send as much as it likes.
    pub(in crate::http) fn lift_limit(&mut self) {
        self.limiter = None;
    }

    fn end_by_fault(&mut self, fault: ProtocolError) {
        self.end_by(Frame::close(Some(fault.code), fault.reason), ReceiveEnd::Fault(fault));
    }

    fn end_by(&mut self, reply: Frame, end: ReceiveEnd) {
        (self.reply, self.end) = (Some(reply), Some(end));
    }

    async fn read(&mut self) {
        let wire = self.wire.clone();
        match wire.read(|bytes| self.take(bytes)).await {
            Ok(true) => self.heard = Instant::now(),
            Ok(false) | Err(_) => self.end = Some(ReceiveEnd::Lost),
        }
    }

    /// Takes what has come, if it is not too much.
    fn take(&mut self, bytes: &[u8]) {
        if self.limiter.as_ref().is_some_and(|limiter| !limiter.takes_bytes(bytes.len())) {
            return self.end_by_fault(ProtocolError::TOO_MANY);
        }
        if let Some(left) = &mut self.closing {
            *left = left.saturating_sub(bytes.len());
            if *left == 0 {
                self.end = Some(ReceiveEnd::Lost);
            }
        }
        self.decoder.push(bytes);
    }

    /// Ends the connection: in the order that the protocol asks for, the server last, if it was
    /// closed; at once, if not.
    pub(super) async fn finish(mut self) {
        if self.wire.is_closed().await {
            (self.closing, self.limiter) = (Some(CLOSING_BYTES), None);
            in_time(async {
                while self.next().await.is_ok() {}
                self.wire.finish(self.closing.unwrap_or_default()).await
            })
            .await;
        }
        self.wire.cut();
    }
}

#[cfg(test)]
pub(in crate::http) mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Both ends, and the client's.
    pub(in crate::http) async fn connected() -> (Sender, Receiver, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (sender, receiver) = socket(Wire::bare(server.expect("a client").0), &BytesMut::new(), Limits::room(None));
        (sender, receiver, client.expect("it listens"))
    }

    /// More than the kernel takes on its own.
    pub(in crate::http) fn large(letter: &str) -> Frame {
        Frame::text(&letter.repeat(32 << 20))
    }

    async fn dropped(sending: impl Future) {
        assert!(timeout(Duration::from_millis(50), sending).await.is_err(), "the kernel took it all");
    }

    #[tokio::test]
    async fn a_frame_goes_out_whole_or_not_at_all_though_its_sender_is_dropped() {
        let (sender, _receiver, mut client) = connected().await;
        let (begun, waiting, last) = (large("a"), large("b"), Frame::text("c"));
        let clone = sender.clone();
        let mut one = Box::pin(clone.send(begun.clone(), None));
        dropped(&mut one).await;
        // The first is in the middle of its frame, and keeps this one from beginning.
        dropped(sender.send(waiting, None)).await;
        drop(one);
        let expected = [begun.into_bytes(), last.clone().into_bytes()].concat();
        let mut heard = vec![0; expected.len()];
        let (sent, read) = tokio::join!(sender.send(last, None), client.read_exact(&mut heard));
        assert!(sent.is_ok() && read.is_ok() && heard == expected);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_the_close_frame_is_cut_off() {
        let (sender, mut receiver, mut client) = connected().await;
        dropped(sender.send(large("a"), None)).await;
        sender.close(CloseCode::AWAY, "").await;
        assert!(sender.send(Frame::ping(), None).await.is_err());
        assert_eq!(receiver.next().await, Err(ReceiveEnd::Lost));
        let mut heard = Vec::new();
        let read = timeout(Duration::from_secs(60), client.read_to_end(&mut heard)).await;
        assert!(read.is_ok() && heard.len() < large("a").into_bytes().len());
    }

    #[tokio::test]
    async fn nothing_is_sent_after_the_close_frame() {
        let (sender, receiver, mut client) = connected().await;
        sender.close(CloseCode::NORMAL, "").await;
        sender.close(CloseCode::AWAY, "").await;
        assert!(sender.send(Frame::text("a"), None).await.is_err());
        let mut heard = Vec::new();
        let ((), read) = tokio::join!(receiver.finish(), client.read_to_end(&mut heard));
        assert!(read.is_ok());
        assert_eq!(heard, *Frame::close(Some(CloseCode::NORMAL), "").into_bytes());
    }
}
