//! WebSockets below the protocol of rooms, tested with an echo endpoint.

mod closing;
mod conformance;
mod handshake;
mod messages;
mod slow;

use crate::support::Server;
use crate::support::websocket::Socket;

/// The path of an echo that accepts every message up to 16 MiB.
const ALL: &str = "/websocket-echo";
/// The path of an echo that accepts what rooms accept: text up to 64 KiB.
const TEXT_ONLY: &str = "/websocket-echo/text";

/// A server in this process with the echo endpoints.
fn echoing(folder: &tempfile::TempDir) -> Server {
    Server::here(folder.path(), &["--test-echo"])
}

async fn open_many(server: &Server, count: usize) -> Vec<Socket> {
    let client = server.client();
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(Socket::open(&client, ALL).await);
    }
    sockets
}
