//! A network between a server and its clients that loses replies, holds requests back, or stalls.
//! A session command is an `EVALSHA` that names a key of a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::support::until;

/// Forwards connections to a port on 127.0.0.1 until it is dropped.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    rules: Arc<Rules>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Rules {
    /// True: losing replies starts at the next session command, whose own reply is lost too.
    is_armed: AtomicBool,
    is_losing: AtomicBool,
    lost: AtomicUsize,
    /// True: requests with a session command are held back.
    is_holding: AtomicBool,
    held: AtomicUsize,
    delivered: AtomicUsize,
    /// By how many milliseconds a request with a session command is delayed.
    delay: AtomicU64,
    /// True: nothing passes in either direction.
    is_stalled: AtomicBool,
}

impl Rules {
    async fn pass(&self) {
        until(|| !self.is_stalled.load(Ordering::SeqCst)).await;
    }
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let rules = Arc::new(Rules::default());
        let accepting = tokio::spawn(accept(listener, to, rules.clone())).abort_handle();
        Self { port, rules, accepting }
    }

    /// From the next session command on, requests still reach the server, but replies are lost. The reply to
    /// that command is lost too.
    pub(crate) fn lose_replies_from_the_next_step_on(&self) {
        self.rules.is_armed.store(true, Ordering::SeqCst);
    }

    /// Replies pass again, but only on new connections.
    pub(crate) fn lose_nothing(&self) {
        self.rules.is_armed.store(false, Ordering::SeqCst);
        self.rules.is_losing.store(false, Ordering::SeqCst);
    }

    /// Holds back every request with a session command from now on.
    pub(crate) fn hold_steps(&self) {
        self.rules.is_holding.store(true, Ordering::SeqCst);
    }

    /// Delays every request with a session command by this time from now on.
    pub(crate) fn delay_steps(&self, by: Duration) {
        self.rules.delay.store(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// The number of requests that have been held back, those delivered since included.
    pub(crate) fn held(&self) -> usize {
        self.rules.held.load(Ordering::SeqCst)
    }

    /// Delivers all requests that were held back, and waits until they are written to the server.
    pub(crate) async fn deliver(&self) {
        assert!(self.held() > 0, "nothing was held back, so this has tested nothing");
        self.rules.is_holding.store(false, Ordering::SeqCst);
        until(|| self.rules.delivered.load(Ordering::SeqCst) == self.held()).await;
        // The server needs time to carry out what was written to it.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Lets nothing pass any more, while the connections stay open.
    pub(crate) fn stall(&self) {
        self.rules.is_stalled.store(true, Ordering::SeqCst);
    }

    /// Ends the stall; what was held up passes.
    pub(crate) fn go_on(&self) {
        self.rules.is_stalled.store(false, Ordering::SeqCst);
    }

    /// How many times replies were lost.
    pub(crate) fn lost(&self) -> usize {
        self.rules.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, to: u16, rules: Arc<Rules>) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], to))).await else { continue };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(requests(from_client, to_server, rules.clone()));
        tokio::spawn(replies(from_server, to_client, rules.clone()));
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rules: Arc<Rules>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        rules.pass().await;
        let is_step = |part: &[u8]| {
            let has = |word: &[u8]| part.windows(word.len()).any(|window| window == word);
            // The probe of a store is not a session command, though its key begins with `session:`: it is
            // `session:probe`.
            let names_a_session = part.windows(9).any(|word| word.starts_with(b"session:") && word[8] != b'p');
            has(b"EVALSHA") && names_a_session
        };
        if rules.is_armed.load(Ordering::SeqCst) && is_step(&bytes[..read]) {
            // Before the request is forwarded, so that its reply cannot pass.
            rules.is_losing.store(true, Ordering::SeqCst);
        }
        if rules.is_holding.load(Ordering::SeqCst) && is_step(&bytes[..read]) {
            rules.held.fetch_add(1, Ordering::SeqCst);
            until(|| !rules.is_holding.load(Ordering::SeqCst)).await;
            // The request arrives even if its client has gone.
            let written = to.write_all(&bytes[..read]).await;
            rules.delivered.fetch_add(1, Ordering::SeqCst);
            if written.is_err() {
                return;
            }
            continue;
        }
        if is_step(&bytes[..read]) {
            tokio::time::sleep(Duration::from_millis(rules.delay.load(Ordering::SeqCst))).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rules: Arc<Rules>) {
    let mut bytes = vec![0; 64 * 1024];
    let mut has_lost = false;
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        rules.pass().await;
        if rules.is_losing.load(Ordering::SeqCst) {
            rules.lost.fetch_add(1, Ordering::SeqCst);
            has_lost = true;
        } else if has_lost || to.write_all(&bytes[..read]).await.is_err() {
            // Replies carry no ids: the client would take this one for the lost one. So the connection ends
            // here.
            return;
        }
    }
}
