//! The two ends of a WebSocket: [`Sender`] and [`Receiver`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use thiserror::Error;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::close::{CloseCode, ProtocolError, ReceiveEnd};
use super::decoder::{Decoder, Limits, Message, WireEvent};
use super::frame::Frame;
use super::rate::{FrameLimiter, FrameRate};
use super::wire::{CLOSING_BYTES, Wire, in_time};

/// Both ends of a connection. `early` are the bytes that the client sent behind its upgrade request.
pub(crate) fn socket(wire: Wire, early: &BytesMut, limits: Limits) -> (Sender, Receiver) {
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
pub(crate) enum Unsent {
    /// The connection broke, or its close frame has been sent.
    #[error("the connection is gone")]
    Gone,
    /// The client did not read the frame within the caller's patience.
    #[error("the client is too slow")]
    Slow,
}

/// Sends frames. All clones send over the same connection.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    wire: Arc<Wire>,
}

impl Sender {
    /// Sends a frame, and waits while the client doesn't read: at most for `patience`, if given. Frames are not
    /// queued: the caller waits. If the future is dropped while it waits, the frame is sent whole or not at all.
    ///
    /// # Errors
    /// Nothing more can be sent, or `patience` has passed.
    pub(crate) async fn send(&self, frame: Frame, patience: Option<Duration>) -> Result<(), Unsent> {
        let mut frame = Some(frame);
        // Most frames are sent without waiting. This lets other tasks run on the thread all the same.
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

    /// Sends the rest of a frame that was partly written, as [`send`](Self::send) does.
    ///
    /// # Errors
    /// The same as of [`send`](Self::send).
    pub(crate) async fn flush(&self, patience: Duration) -> Result<(), Unsent> {
        if !self.wire.has_rest() {
            return Ok(());
        }
        let sent = timeout(patience, self.wire.send(&mut None)).await.map_err(|_| Unsent::Slow)?;
        sent.map_err(|_| Unsent::Gone)
    }

    /// Writes as much of the frame as the kernel takes without waiting. If another frame is still being sent,
    /// does nothing and leaves the frame in place; otherwise takes it. True if the frame was written whole.
    /// The rest of a partly written frame goes out with the next frame, or by [`flush`](Self::flush).
    ///
    /// # Errors
    /// Nothing more can be sent: the connection broke, or its close frame has been sent.
    pub(crate) fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool, Unsent> {
        self.wire.try_send(frame).map_err(|_| Unsent::Gone)
    }

    /// Sends the close frame, after which nothing more is sent. If the client doesn't read it within a
    /// second, the connection is cut.
    pub(crate) async fn close(&self, code: CloseCode, reason: &str) {
        let mut frame = Some(Frame::close(Some(code), reason));
        // Boxed, since a task reserves the space of all its futures for its whole life.
        if Box::pin(in_time(self.wire.send(&mut frame))).await.is_none() {
            self.wire.cut();
        }
    }
}

/// Receives messages, and answers pings and close frames.
#[derive(Debug)]
pub(crate) struct Receiver {
    wire: Arc<Wire>,
    decoder: Decoder,
    /// Limits what the client may send. `None` is without a limit.
    limiter: Option<FrameLimiter>,
    /// A pong or close frame that must be sent before the next message is read.
    reply: Option<Frame>,
    /// Why no more messages come. Reported after `reply` is sent.
    end: Option<ReceiveEnd>,
    /// When bytes last arrived.
    heard: Instant,
    /// How many more bytes are read while the connection closes. `None` before that.
    closing: Option<usize>,
}

impl Receiver {
    /// The next message. Answers pings while it waits. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// Why there are no more messages. Where the protocol has a close frame for it, the client has been sent one.
    pub(crate) async fn next(&mut self) -> Result<Message, ReceiveEnd> {
        loop {
            // A client that always has input ready must not keep the thread from other tasks.
            consume_budget().await;
            if self.reply.is_some() && self.wire.send(&mut self.reply).await.is_err() {
                // The connection is closed or broken. Without this the loop would try again for ever.
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

    /// When bytes last arrived from the client: a pong or a part of a message counts too.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// True if the connection ends because the client was over its rate limit.
    pub(crate) fn is_over_limit(&self) -> bool {
        self.end == Some(ReceiveEnd::Fault(ProtocolError::TOO_MANY))
    }

    /// Removes the rate limit.
    pub(crate) fn lift_limit(&mut self) {
        self.limiter = None;
    }

    fn end_by_fault(&mut self, fault: ProtocolError) {
        self.end_by(Frame::close(Some(fault.code), fault.reason), ReceiveEnd::Fault(fault));
    }

    /// Ends the receiving, with `reply` as the last frame.
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

    /// Hands read bytes to the decoder, if the client is within its limits.
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

    /// Ends the connection. If a close frame was sent, completes the closing handshake first: waits for the
    /// client's close frame and its end of file, for a second at most. Otherwise cuts it at once.
    pub(crate) async fn finish(mut self) {
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
pub(crate) mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Both ends of the server's side, and the client's socket.
    pub(crate) async fn connected() -> (Sender, Receiver, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (sender, receiver) = socket(
            Wire::new(server.expect("a client").0, None).expect("it is open"),
            &BytesMut::new(),
            Limits::room(None),
        );
        (sender, receiver, client.expect("it listens"))
    }

    /// A frame larger than the kernel's socket buffers, so that sending it has to wait.
    pub(crate) fn large(letter: &str) -> Frame {
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
        // The first frame is half sent, so this one can't begin.
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
