//! A network between a server and its clients that loses replies, holds requests back, or stalls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::support::until;

/// Forwards connections to a port on 127.0.0.1 as long as it lives.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    rules: Arc<Rules>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Rules {
    /// Whether the next step of a session is to be the last of which a reply comes back.
    is_armed: AtomicBool,
    is_losing: AtomicBool,
    lost: AtomicUsize,
    /// Whether what carries a session's step is held back.
    is_holding: AtomicBool,
    held: AtomicUsize,
    delivered: AtomicUsize,
    /// How many milliseconds late what carries a session's step arrives.
    delay: AtomicU64,
    /// Whether nothing gets through, either way.
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

    /// From the next step of a session on, that one included, requests get through and replies
    /// don't.
    pub(crate) fn lose_replies_from_the_next_step_on(&self) {
        self.rules.is_armed.store(true, Ordering::SeqCst);
    }

    /// Replies get through again, on new connections.
    pub(crate) fn lose_nothing(&self) {
        self.rules.is_armed.store(false, Ordering::SeqCst);
        self.rules.is_losing.store(false, Ordering::SeqCst);
    }

    /// From the next step of a session on, requests are held back.
    pub(crate) fn hold_steps(&self) {
        self.rules.is_holding.store(true, Ordering::SeqCst);
    }

    /// From now on a session's step arrives so much later.
    pub(crate) fn delay_steps(&self, by: Duration) {
        self.rules.delay.store(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// How many connections have something held back.
    pub(crate) fn held(&self) -> usize {
        self.rules.held.load(Ordering::SeqCst)
    }

    /// Lets all that was held back arrive, and waits until it has.
    pub(crate) async fn deliver(&self) {
        assert!(self.held() > 0, "nothing was held back, so this has tested nothing");
        self.rules.is_holding.store(false, Ordering::SeqCst);
        until(|| self.rules.delivered.load(Ordering::SeqCst) == self.held()).await;
        // Written is not yet carried out.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Nothing gets through any more, though connections stand.
    pub(crate) fn stall(&self) {
        self.rules.is_stalled.store(true, Ordering::SeqCst);
    }

    /// What was held up goes on.
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
            // A store's probe is none: its session is `session:probe`.
            let names_a_session = part.windows(9).any(|word| word.starts_with(b"session:") && word[8] != b'p');
            has(b"EVALSHA") && names_a_session
        };
        if rules.is_armed.load(Ordering::SeqCst) && is_step(&bytes[..read]) {
            rules.is_losing.store(true, Ordering::SeqCst);
        }
        if rules.is_holding.load(Ordering::SeqCst) && is_step(&bytes[..read]) {
            rules.held.fetch_add(1, Ordering::SeqCst);
            until(|| !rules.is_holding.load(Ordering::SeqCst)).await;
            // Though its client has gone, it arrives.
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
            // What follows a lost reply is nothing that could be understood.
            return;
        }
    }
}
