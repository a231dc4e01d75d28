//! An accepted TCP connection under HTTP. It counts against the connection limits while it lives, and each
//! request head must arrive within [`HEAD`]. actix itself limits only the first head of a connection; on
//! later heads it has no limit once the first byte has arrived.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Protocol;
use actix_http::error::DispatchError;
use actix_web::ResponseError;
use actix_web::body::MessageBody;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::Shared;
use super::super::problem::Problem;
use super::in_use::Place;
use crate::metrics::{Listener, OpenConnection};
use crate::websocket::Wire;

/// How long a request head may take, counted from its first byte.
const HEAD: Duration = Duration::from_secs(5);
/// `TCP_USER_TIMEOUT` in milliseconds: the kernel drops the connection if sent data stays unacknowledged this long.
const UNREAD_MS: u32 = 60_000;

/// An accepted connection, with its place in the connection limits.
#[derive(Debug)]
pub(in crate::http) struct CountedConnection {
    stream: TcpStream,
    place: Place,
    /// Counts it as open.
    open: OpenConnection,
    activity: Activity,
    /// Fires when the head that is arriving is late. `None` until the first such head.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What a connection is doing, shared between the connection and its requests. `Rc` and `Cell` suffice: both
/// run on the same worker thread.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Activity(Rc<ActivityState>);

#[derive(Debug, Default)]
struct ActivityState {
    /// Number of requests that are being answered.
    requests: Cell<u32>,
    /// When the first byte of the next request head arrived. Not set for the first head of a connection,
    /// which actix limits itself.
    head_since: Cell<Option<Instant>>,
    was_used: Cell<bool>,
    /// True if bytes have arrived behind the body of the request that is being answered: a pipelined request.
    has_more: Cell<bool>,
}

/// Guard of one request: the connection counts as answering until it is dropped.
#[derive(Debug)]
pub(in crate::http) struct Answering(Activity);

impl Activity {
    /// Notes that a whole request head has arrived.
    pub(in crate::http) fn begin(&self) -> Answering {
        let state = &self.0;
        state.requests.set(state.requests.get() + 1);
        state.head_since.set(None);
        state.has_more.set(false);
        state.was_used.set(true);
        Answering(self.clone())
    }

    /// Notes that the whole body has arrived. Bytes read from now on belong to the next request.
    pub(in crate::http) fn body_arrived(&self) {
        self.0.has_more.set(false);
    }

    /// Notes that bytes have arrived.
    fn heard(&self) {
        let state = &self.0;
        if state.requests.get() > 0 {
            state.has_more.set(true);
        } else if state.was_used.get() && state.head_since.get().is_none() {
            state.head_since.set(Some(Instant::now()));
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.requests.set(state.requests.get() - 1);
        if state.requests.get() == 0 && state.has_more.get() {
            // A pipelined head could not be parsed before now, so its time starts here.
            state.head_since.set(Some(Instant::now()));
        }
    }
}

impl CountedConnection {
    /// The activity that this connection's requests update.
    pub(in crate::http) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// The connection as a WebSocket's, which keeps its place in the limits.
    pub(in crate::http) fn into_wire(self) -> io::Result<Wire> {
        Wire::new(self.stream, Some(Box::new((self.place, self.open))))
    }

    /// Ready once the head that is arriving is late. The timer may still be set for an earlier head. It is
    /// moved only when it fires, so that a request in time costs no timer operation.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(since) = self.activity.0.head_since.get() else { return Poll::Pending };
        let until = since + HEAD;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl AsyncRead for CountedConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.heard();
        }
        match read {
            // A late head is reported as end of file, so that actix closes the connection.
            Poll::Pending if self.poll_late(cx).is_ready() => Poll::Ready(Ok(())),
            read => read,
        }
    }
}

impl AsyncWrite for CountedConnection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Gives an accepted connection its place in the limits, or refuses it before anything is read.
pub(in crate::http) fn admit(
    shared: &Shared,
    listener: Listener,
    stream: TcpStream,
) -> Result<(CountedConnection, Protocol, Option<std::net::SocketAddr>), DispatchError> {
    let peer = stream.peer_addr()?;
    let place = match listener {
        Listener::Public => shared.admission.enter(peer.ip()),
        Listener::Admin => shared.admission.enter_admin(peer.ip()),
    };
    let place = match place {
        Ok(place) => place,
        Err(problem) => {
            refuse(stream, &problem);
            return Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()));
        }
    };
    // Best effort: if the kernel doesn't know the option, the connection works without it.
    let _ = set_tcp_user_timeout(&stream, UNREAD_MS);
    let open = shared.metrics.http.connected(listener);
    let connection = CountedConnection { stream, place, open, activity: Activity::default(), timer: None };
    Ok((connection, Protocol::Http1, Some(peer)))
}

/// Sends the refusal with one non-blocking write. What the socket doesn't take at once is lost.
fn refuse(stream: TcpStream, problem: &Problem) {
    let Ok(mut stream) = stream.into_std() else { return };
    let response = problem.error_response();
    let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    head += &format!("content-length: {}\r\n\r\n", body.len());
    let _ = stream.write(&[head.as_bytes(), &body].concat());
    let _ = stream.shutdown(Shutdown::Write);
    // Closing a socket that has unread input sends a reset, which can destroy the reply. So read first.
    let _ = stream.read(&mut [0; 4096]);
}
