//! The connection under a WebSocket. Frames go out whole and one after another, whoever sends them;
//! a sender that is dropped in the middle of one leaves the rest to the next.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use actix_web::web::{Buf, Bytes};
use rustix::net::{Shutdown, shutdown};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::super::admission::{CountedConnection, Place};
use super::frame::Frame;

/// How long the other side may take for its part of an ending.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Most bytes that are read at once. They lie on the stack: an idle connection has no buffer.
const READ: usize = 8 * 1024;
/// Most bytes that are read of a client whose connection closes.
pub(super) const CLOSING_BYTES: usize = 64 * 1024;

/// One connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// Held for as long as the connection is.
    _place: Option<Place>,
    outgoing: Mutex<Outgoing>,
}

#[derive(Debug, Default)]
struct Outgoing {
    /// What has not gone out yet of the last frame.
    rest: Bytes,
    /// Whether that is the close frame.
    is_closed: bool,
}

impl Outgoing {
    /// Takes a frame, if there is one, to be sent behind nothing else.
    fn begin(&mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.is_closed = frame.is_close();
            self.rest = frame.into_bytes();
        }
    }
}

impl Wire {
    /// The connection under an HTTP one.
    pub(super) fn new(connection: CountedConnection) -> Result<Self> {
        let (stream, place) = connection.into_parts();
        stream.set_nodelay(true)?;
        Ok(Self { stream, _place: Some(place), outgoing: Mutex::default() })
    }

    #[cfg(test)]
    pub(super) fn bare(stream: TcpStream) -> Self {
        Self { stream, _place: None, outgoing: Mutex::default() }
    }

    /// Sends what `frame` holds, waiting for as long as the other side reads nothing. The frame is
    /// taken when it is sure to go out whole, even if this is dropped then.
    ///
    /// # Errors
    /// A connection that broke, or on which the close frame was sent.
    pub(super) async fn send(&self, frame: &mut Option<Frame>) -> Result<()> {
        let mut outgoing = self.outgoing.lock().await;
        self.flush(&mut outgoing).await?;
        if outgoing.is_closed {
            return Err(Error::from(ErrorKind::NotConnected));
        }
        outgoing.begin(frame.take());
        self.flush(&mut outgoing).await
    }

    /// Sends as much of `frame` as goes at once, unless something else is on its way. True if that was all of it;
    /// what is left of it goes out with the next `send`.
    ///
    /// # Errors
    /// A connection that broke, or on which the close frame was sent.
    pub(super) fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool> {
        let Ok(mut outgoing) = self.outgoing.try_lock() else { return Ok(false) };
        if outgoing.is_closed {
            return Err(Error::from(ErrorKind::NotConnected));
        }
        if !outgoing.rest.is_empty() {
            return Ok(false);
        }
        outgoing.begin(frame.take());
        match self.write(&mut outgoing) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Whether a frame has not gone out whole yet, or is just going out.
    pub(super) fn has_rest(&self) -> bool {
        self.outgoing.try_lock().map_or(true, |outgoing| !outgoing.rest.is_empty())
    }

    /// Writes what has not gone out yet, as far as the kernel takes it.
    fn write(&self, outgoing: &mut Outgoing) -> Result<()> {
        while !outgoing.rest.is_empty() {
            let count = self.stream.try_write(&outgoing.rest)?;
            outgoing.rest.advance(count);
        }
        // Even empty it would hold on to a payload that all others have let go of.
        outgoing.rest = Bytes::new();
        Ok(())
    }

    async fn flush(&self, outgoing: &mut Outgoing) -> Result<()> {
        loop {
            match self.write(outgoing) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                written => return written,
            }
        }
    }

    /// Waits for something to read and hands it over; false is the end.
    pub(super) async fn read(&self, mut take: impl FnMut(&[u8])) -> Result<bool> {
        loop {
            self.stream.readable().await?;
            match self.try_read(&mut take) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                count => return Ok(count? > 0),
            }
        }
    }

    fn try_read(&self, take: &mut impl FnMut(&[u8])) -> Result<usize> {
        let mut bytes = [0; READ];
        let count = self.stream.try_read(&mut bytes)?;
        take(&bytes[..count]);
        Ok(count)
    }

    /// Whether the close frame was sent.
    pub(super) async fn is_closed(&self) -> bool {
        self.outgoing.lock().await.is_closed
    }

    /// Says that nothing more is sent, and reads on while the other side sends, `most` bytes at most:
    /// closed before, the connection would be reset, and the last frame lost on its way.
    pub(super) async fn finish(&self, most: usize) -> Result<()> {
        shutdown(&self.stream, Shutdown::Write)?;
        let mut left = most;
        while left > 0 && self.read(|bytes| left = left.saturating_sub(bytes.len())).await? {
            consume_budget().await;
        }
        Ok(())
    }

    /// Cuts the connection, whoever holds on to it.
    pub(super) fn cut(&self) {
        // One that is cut already can't be cut again.
        let _ = shutdown(&self.stream, Shutdown::Both);
    }
}

/// The outcome, if it comes in time.
pub(super) async fn in_time<T>(ending: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, ending).await.ok()
}
