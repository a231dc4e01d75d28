//! The TCP connection under a WebSocket. Frames from all senders are written whole, one after another. If a
//! sender is dropped in the middle of its frame, the next sender writes the rest first.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustix::net::{Shutdown, shutdown};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

use super::Guard;
use super::frame::Frame;

/// How long the client may take for its part of the closing handshake.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Maximum bytes per read. The buffer is on the stack, so an idle connection has none.
const READ: usize = 8 * 1024;
/// Maximum bytes read from a client while its connection closes.
pub(crate) const CLOSING_BYTES: usize = 64 * 1024;

/// One connection, shared by its senders and its receiver.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    /// Held as long as the connection.
    _guard: Option<Guard>,
    /// Async, since it is held while a frame waits for the client to read.
    outgoing: Mutex<Outgoing>,
}

#[derive(Debug, Default)]
struct Outgoing {
    /// The part of the last frame that is not written yet.
    rest: Bytes,
    /// True if the last frame was the close frame.
    is_closed: bool,
}

impl Outgoing {
    /// Begins a frame, if there is one. `rest` must be empty.
    fn begin(&mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.is_closed = frame.is_close();
            self.rest = frame.into_bytes();
        }
    }
}

impl Wire {
    /// Takes over a TCP connection, and holds `guard` as long as that lives.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) fn new(stream: TcpStream, guard: Option<Guard>) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, _guard: guard, outgoing: Mutex::default() })
    }

    /// Sends `frame`, after the rest of the frame before it, and waits while the client doesn't read. The
    /// frame is taken only when its turn has come. From then on it goes out whole, or its rest is left to the
    /// next call, even if this future is dropped.
    ///
    /// # Errors
    /// The connection broke, or its close frame has been sent.
    pub(super) async fn send(&self, frame: &mut Option<Frame>) -> Result<()> {
        let mut outgoing = self.outgoing.lock().await;
        self.flush(&mut outgoing).await?;
        if outgoing.is_closed {
            return Err(Error::from(ErrorKind::NotConnected));
        }
        outgoing.begin(frame.take());
        self.flush(&mut outgoing).await
    }

    /// Writes as much of `frame` as the kernel takes without waiting, unless another frame is still being
    /// sent. True if it was written whole. The rest goes out with the next [`send`](Self::send).
    ///
    /// # Errors
    /// The connection broke, or its close frame has been sent.
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

    /// True if a frame is partly written, or is being written by another task.
    pub(super) fn has_rest(&self) -> bool {
        self.outgoing.try_lock().map_or(true, |outgoing| !outgoing.rest.is_empty())
    }

    /// Writes the rest without waiting. `WouldBlock` if the kernel doesn't take all of it.
    fn write(&self, outgoing: &mut Outgoing) -> Result<()> {
        while !outgoing.rest.is_empty() {
            let count = self.stream.try_write(&outgoing.rest)?;
            outgoing.rest.advance(count);
        }
        // Even when empty, `Bytes` keeps its whole allocation alive, which is shared with other receivers.
        outgoing.rest = Bytes::new();
        Ok(())
    }

    /// Writes the rest, and waits as often as the kernel takes no more.
    async fn flush(&self, outgoing: &mut Outgoing) -> Result<()> {
        loop {
            match self.write(outgoing) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                written => return written,
            }
        }
    }

    /// Waits for input and hands it over. False at the end of file.
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

    /// True if the close frame was sent, or has begun to be.
    pub(super) async fn is_closed(&self) -> bool {
        self.outgoing.lock().await.is_closed
    }

    /// Shuts down the sending side, then reads until the client's end of file, `most` bytes at most. Closing at once
    /// instead would reset the connection if input is unread, and a reset can destroy the last frame on its way.
    pub(crate) async fn finish(&self, most: usize) -> Result<()> {
        shutdown(&self.stream, Shutdown::Write)?;
        let mut left = most;
        while left > 0 && self.read(|bytes| left = left.saturating_sub(bytes.len())).await? {
            consume_budget().await;
        }
        Ok(())
    }

    /// Shuts down both directions, also for all others that share the connection.
    pub(super) fn cut(&self) {
        // Fails if it was cut before.
        let _ = shutdown(&self.stream, Shutdown::Both);
    }
}

/// The future's output, or `None` if it takes longer than [`PATIENCE`].
pub(crate) async fn in_time<T>(ending: impl Future<Output = T>) -> Option<T> {
    timeout(PATIENCE, ending).await.ok()
}
