//! How WebSocket connections end.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{ALL, TEXT_ONLY, echoing, open_many};
use crate::support::websocket::{CLOSE, PING, Socket, TEXT, closing};
use crate::support::{Server, took, until};

#[tokio::test]
async fn a_client_that_closes_gets_its_code_back_and_then_the_connection_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut quickest = Duration::MAX;
    for payload in [closing(1000, "bye"), closing(1001, ""), closing(3000, ""), closing(4999, "ours"), Vec::new()] {
        let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
        socket.say(CLOSE, &payload).await;
        let begun = Instant::now();
        let code = payload.get(..2).unwrap_or_default().to_vec();
        assert_eq!(socket.hear().await, Some((CLOSE, code)));
        assert_eq!(socket.hear().await, None);
        quickest = quickest.min(begun.elapsed());
    }
    // The server must close the connection, and browsers wait for that. A server that waited for its client
    // instead would take a second.
    assert!(quickest < Duration::from_millis(500), "{quickest:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_closes_waits_for_the_clients_close_frame() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    socket.say(TEXT, b"close").await;
    assert_eq!(socket.hear().await, Some((CLOSE, closing(1000, "as you wish"))));
    // Frames that were on their way are skipped and not answered.
    socket.say(TEXT, b"one more").await;
    socket.say(PING, b"there?").await;
    socket.say(CLOSE, &closing(1000, "")).await;
    assert_eq!(socket.hear().await, None);
    server.stop().await;
}

#[tokio::test]
async fn dropping_both_halves_cuts_the_connection() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open(&server.client(), TEXT_ONLY).await;
    socket.say(TEXT, b"cut").await;
    assert_eq!(socket.hear().await, None, "no close frame");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_vanishes_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::process(folder.path(), &["--test-echo", "--log", "rejoin=debug"]);
    let mut sockets = open_many(&server, 10).await;
    for socket in &mut sockets {
        socket.say(TEXT, b"here").await;
        assert_eq!(socket.text().await, "here");
    }
    drop(sockets);
    until(|| server.log().matches("end=Lost").count() == 10).await;
    server.stop().await;
}

#[tokio::test]
async fn a_stop_closes_every_client_with_code_1001() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::process(folder.path(), &["--test-echo"]);
    let mut sockets = open_many(&server, 50).await;
    // One client is in the middle of a message.
    sockets[0].say(0x01, b"begun").await;
    let begun = Instant::now();
    server.signal(Signal::TERM);
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, (Some(1001), "the server stops".to_owned()));
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    took("a stop beside clients that answer", begun);
}

#[tokio::test]
async fn a_client_that_does_not_answer_cannot_block_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::process(folder.path(), &["--test-echo"]);
    let mut sockets = open_many(&server, 50).await;
    let begun = Instant::now();
    server.signal(Signal::TERM);
    for socket in &mut sockets {
        assert_eq!(socket.hear().await, Some((CLOSE, closing(1001, "the server stops"))));
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    took("a stop beside clients that do not answer", begun);
    assert_eq!(sockets[0].hear().await, None);
}

#[tokio::test]
async fn a_stopping_server_accepts_no_new_websocket() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::process(folder.path(), &["--test-echo"]);
    let mut open = Socket::open(&server.client(), ALL).await;
    let early = server.client().connect().await;
    server.signal(Signal::TERM);
    assert_eq!(open.hear().await, Some((CLOSE, closing(1001, "the server stops"))));
    let reply = crate::support::websocket::exchange(early, ALL).await;
    reply.problem(503, "stopping");
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
}
