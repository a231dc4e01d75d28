//! Access and limits: what strangers may use up, who may open rooms, and that honest clients are not refused.

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

/// A WebSocket that is resumed with the token of a seat or with an API key.
async fn connected(client: &Client, room: &str, token: &Value) -> Socket {
    let mut socket = Socket::open(client, &format!("/api/rooms/{room}/ws")).await;
    socket.say(TEXT, json!({ "type": "resume", "token": token }).to_string().as_bytes()).await;
    assert!(socket.text().await.contains("welcome"));
    socket
}

/// Opens a room with a quiz bank of the server.
async fn open(client: &Client) -> Reply {
    client.post("/api/rooms", &json!({ "count": 2 })).await
}

/// Like [`open`], for a client behind a proxy that reports this address.
async fn open_from(client: &Client, address: &str) -> Reply {
    let request = client.request(reqwest::Method::POST, "/api/rooms").header("X-Forwarded-For", address);
    send(request.json(&json!({ "count": 2 }))).await
}

/// The problem in a reply. Fails unless it is the refusal of the limit with this setting.
#[track_caller]
fn is_over(reply: &Reply, setting: &str) -> Value {
    let problem = reply.problem(429, "too-many-requests");
    assert_eq!(problem["limit"], setting, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(setting), "{problem}");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
    problem
}
