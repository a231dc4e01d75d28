//! Rooms by single requests: no WebSocket, a client that knows nothing but HTTP.

mod alone;
mod external;
mod refused;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::{Client, KEY, Reply, Server, questions};

fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    let client = server.client();
    (folder, server, client)
}

/// A room, and somebody who acts in it.
#[derive(Clone)]
struct Seat {
    client: Client,
    room: String,
    id: u64,
    token: String,
}

impl Seat {
    fn of(client: &Client, reply: &Value) -> Self {
        let text = |name: &str| reply[name].as_str().expect("a text").to_owned();
        let (room, token) = (text("roomId"), text("token"));
        Self { client: client.with_key(&token), room, id: reply["seatId"].as_u64().expect("a seat"), token }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.room)
    }

    async fn post(&self, rest: &str, body: Value) -> Reply {
        self.client.post(&self.path(rest), &body).await
    }

    async fn get(&self, rest: &str) -> Reply {
        self.client.get(&self.path(rest)).await
    }

    async fn snapshot(&self) -> Value {
        self.get("").await.json(200)
    }

    /// A host's move that names the phase number of now.
    async fn moves(&self, what: &str, mut body: Value) -> Value {
        body["at"] = self.snapshot().await["phaseNumber"].clone();
        self.post(what, body).await.json(200)
    }

    async fn answer(&self, n: u64, option: u64) -> Reply {
        self.post("/answer", json!({ "questionId": format!("q{n}"), "optionId": option })).await
    }
}

/// A room of so many questions of our own, which open at once, and these settings besides.
async fn open(client: &Client, count: u64, more: Value) -> (Seat, String) {
    let mut settings = json!({ "questions": questions(count), "readyMs": 0, "timeLimitMs": 60_000 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let opened = client.post("/api/rooms", &settings).await.json(201);
    (Seat::of(client, &opened), opened["joinCode"].as_str().expect("a code").to_owned())
}

async fn join(client: &Client, code: &str, name: &str) -> Seat {
    let joined = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": name })).await.json(201);
    Seat::of(client, &joined)
}

/// A request with an idempotency key.
async fn post_as(client: &Client, key: &str, path: &str, body: &Value) -> Reply {
    send(client.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

/// A backend's client, and a server that knows its key.
fn with_backend() -> (TempDir, Server, Client, Client) {
    let (folder, server, client) = server(&["--api-keys", KEY]);
    let backend = client.with_key(KEY);
    (folder, server, client, backend)
}
