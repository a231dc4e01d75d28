//! WebSockets, under whatever is spoken over them.

mod closing;
mod conformance;
mod handshake;
mod messages;
mod slow;

use crate::support::Server;
use crate::support::websocket::Socket;

/// Takes all there is, up to 16 MiB.
const ALL: &str = "/websocket-echo";
/// Takes what rooms take: text of 64 KiB.
const TEXT_ONLY: &str = "/websocket-echo/text";

/// A server in this process that echoes.
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
