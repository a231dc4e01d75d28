//! What somebody tried on rooms who wanted to break them, and once could.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::{Client, Reply, Server};

fn server() -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    (folder, server, client)
}

async fn ask(client: &Client, method: Method, path: &str, token: &str, body: Option<Value>) -> Reply {
    let request = client.request(method, path).bearer_auth(token);
    send(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text")
}

#[tokio::test]
async fn a_rooms_id_ends_no_room_as_if_it_were_a_solo_games() {
    let (_folder, server, client) = server();
    let room = client.post("/api/rooms", &json!({ "count": 1, "readyMs": 0 })).await.json(201);
    let (id, host) = (text(&room, "roomId"), text(&room, "token"));
    let path = format!("/api/rooms/{id}");
    let end = async || {
        assert_eq!(client.delete(&format!("/api/game/session/{id}")).await.status, 204);
        ask(&client, Method::GET, &path, host, None).await.json(200)
    };
    assert_eq!(end().await["phase"], "lobby");
    ask(&client, Method::POST, &format!("{path}/finish"), host, Some(json!({ "at": 0 }))).await.json(200);
    assert_eq!(end().await["phase"], "finished");
    server.stop().await;
}
