//! A connection under HTTP: it has a place among all, and each request's head has to arrive in time.
//! actix bounds the first head alone, and none once its first byte has come.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
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

use super::super::problem::Problem;
use super::Admission;
use super::places::Place;

/// How long a request's head may take from its first byte on.
const HEAD: Duration = Duration::from_secs(5);
/// How long the kernel waits for a client that takes nothing of what was sent, in milliseconds.
const UNREAD_MS: u32 = 60_000;

/// An accepted connection.
#[derive(Debug)]
pub(in crate::http) struct CountedConnection {
    stream: TcpStream,
    place: Place,
    activity: Activity,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What a connection is at, as its requests know it.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Activity(Rc<ActivityState>);

#[derive(Debug, Default)]
struct ActivityState {
    /// How many requests are being answered.
    requests: Cell<u32>,
    /// Since when the next request's head has been arriving. Of the first one actix takes care.
    head_since: Cell<Option<Instant>>,
    was_used: Cell<bool>,
    /// Whether something came behind the body of the request that is being answered.
    has_more: Cell<bool>,
}

/// A request is being answered.
#[derive(Debug)]
pub(in crate::http) struct Answering(Activity);

impl Activity {
    /// A request's head has arrived.
    pub(in crate::http) fn begin(&self) -> Answering {
        let state = &self.0;
        state.requests.set(state.requests.get() + 1);
        state.head_since.set(None);
        state.has_more.set(false);
        state.was_used.set(true);
        Answering(self.clone())
    }

    /// The body has arrived, too: what comes now is of the next request.
    pub(in crate::http) fn body_arrived(&self) {
        self.0.has_more.set(false);
    }

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
            state.head_since.set(Some(Instant::now()));
        }
    }
}

impl CountedConnection {
    /// What the requests of this connection are told by.
    pub(in crate::http) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    /// The bare connection, and the place that it has.
    pub(in crate::http) fn into_parts(self) -> (TcpStream, Place) {
        (self.stream, self.place)
    }

    /// Ready once a head that has begun is late. The timer may still be an earlier head's: it is moved
    /// only when it fires, so that a request costs none.
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
            // Told as the end of what the client sends.
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

/// Gives an accepted connection its place, or refuses it before anything is read.
pub(in crate::http) fn admit(
    admission: &Arc<Admission>,
    stream: TcpStream,
) -> Result<(CountedConnection, Protocol, Option<std::net::SocketAddr>), DispatchError> {
    let peer = stream.peer_addr()?;
    let place = match admission.enter(peer.ip()) {
        Ok(place) => place,
        Err(problem) => {
            refuse(stream, &problem);
            return Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into()));
        }
    };
    // A kernel that doesn't know it leaves the connection as it is.
    let _ = set_tcp_user_timeout(&stream, UNREAD_MS);
    let connection = CountedConnection { stream, place, activity: Activity::default(), timer: None };
    Ok((connection, Protocol::Http1, Some(peer)))
}

/// Says why, as far as that goes without waiting.
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
    // What the client has sent already is taken, or the reply would be lost in a reset.
    let _ = stream.read(&mut [0; 4096]);
}
