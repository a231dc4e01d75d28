//! The door: what strangers may take, who may open rooms, and that nobody honest is hurt by it.

mod access;
mod codes;
mod connections;
mod frames;
mod hosting;
mod keys;
mod opening;
mod proxies;
mod school;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::websocket::{Socket, TEXT};
use crate::support::{Client, KEY, Reply, Server};

/// A server in this process with these settings.
fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    let client = server.client();
    (folder, server, client)
}

/// A live connection of a seat, or of a backend by its key, that is welcome.
async fn connected(client: &Client, room: &str, token: &Value) -> Socket {
    let mut socket = Socket::open(client, &format!("/api/rooms/{room}/ws")).await;
    socket.say(TEXT, json!({ "type": "resume", "token": token }).to_string().as_bytes()).await;
    assert!(socket.text().await.contains("welcome"));
    socket
}

/// A room on a bank of the server's.
async fn open(client: &Client) -> Reply {
    client.post("/api/rooms", &json!({ "count": 2 })).await
}

/// The same for a client that comes through a proxy, which says that this is its address.
async fn open_from(client: &Client, address: &str) -> Reply {
    let request = client.request(reqwest::Method::POST, "/api/rooms").header("X-Forwarded-For", address);
    send(request.json(&json!({ "count": 2 }))).await
}

/// What the refusal of a limit says, which names this setting.
#[track_caller]
fn is_over(reply: &Reply, setting: &str) -> Value {
    let problem = reply.problem(429, "too-many-requests");
    assert_eq!(problem["limit"], setting, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(setting), "{problem}");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    problem
}
