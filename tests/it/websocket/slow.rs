//! Clients that do not read.

use std::time::Duration;

use super::{ALL, TEXT_ONLY};
use crate::support::websocket::{Socket, TEXT, frame};
use crate::support::{Server, took};

/// How long no byte may be taken before a client counts as stalled.
const STALLED: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_and_costs_no_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::process(folder.path(), &["--test-echo"]);
    let message = frame(TEXT, &[b'x'; 60_000]);
    let before = server.resident();
    let mut sockets = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
        let messages = message.repeat(1_000);
        let taken = socket.stuff(&messages, STALLED).await;
        // The server takes what the buffers of the kernel hold in both directions, and no more.
        assert!(taken < messages.len(), "60 MB were taken");
        sockets.push((socket, messages, taken));
    }
    let grown = server.resident() - before;
    // 480 MB wait at the clients. 16 MiB is enough for what any server allocates soon after its start.
    assert!(grown < 16 << 20, "{grown} bytes for 8 clients");
    // Other clients are served, and the slow one gets every reply in the end.
    let mut other = Socket::open(&server.client(), ALL).await;
    other.say(TEXT, b"hello").await;
    assert_eq!(other.text().await, "hello");
    let (mut socket, messages, taken) = sockets.pop().expect("one of them");
    let whole = taken / message.len();
    for _ in 0..whole {
        assert_eq!(socket.text().await.len(), 60_000);
    }
    socket.send(&messages[taken..(whole + 1) * message.len()]).await;
    assert_eq!(socket.text().await.len(), 60_000);
    drop((sockets, socket, other));
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_cannot_block_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::process(folder.path(), &["--test-echo"]);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    let messages = frame(TEXT, &[b'x'; 60_000]).repeat(1_000);
    assert!(socket.stuff(&messages, STALLED).await < messages.len());
    let begun = std::time::Instant::now();
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    took("a stop beside a client that does not read", begun);
}
