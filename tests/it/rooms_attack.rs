//! Attacks on rooms that succeeded once.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::{Client, Reply, Server, bank};

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
async fn deleting_a_solo_game_with_a_room_id_keeps_the_room() {
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

#[tokio::test]
async fn a_long_poll_gets_no_event_once_the_seat_was_handed_over() {
    let (_folder, server, client) = server();
    let room = client.post("/api/rooms", &json!({ "count": 1 })).await.json(201);
    let (id, code) = (text(&room, "roomId"), text(&room, "joinCode"));
    let join = async |body: Value| client.post("/api/rooms/join", &body).await;
    let ada = join(json!({ "joinCode": code, "name": "Ada" })).await.json(201);
    let (path, token) = (format!("/api/rooms/{id}"), text(&ada, "token"));
    let waiting = format!("{path}/events?after=1&waitMs=25000");
    let begun = Instant::now();
    let change = async {
        // Time for the other request to start waiting.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let handed = ask(&client, Method::POST, &format!("{path}/seats/2/code"), token, None).await.json(201);
        join(json!({ "joinCode": code, "seatCode": text(&handed, "seatCode") })).await.json(200);
    };
    let (reply, ()) = tokio::join!(ask(&client, Method::GET, &waiting, token, None), change);
    reply.problem(401, "bad-token");
    assert!(begun.elapsed() < Duration::from_secs(20), "only the end of the wait woke it up");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_copies_of_a_join_take_one_seat_with_one_token_or_are_superseded() {
    let (_folder, server, client) = server();
    let room = client.post("/api/rooms", &json!({ "count": 1 })).await.json(201);
    let body = json!({ "joinCode": text(&room, "joinCode"), "name": "Ada" });
    let join = async || {
        let request = client.request(Method::POST, "/api/rooms/join").header("Idempotency-Key", "once");
        send(request.json(&body)).await
    };
    let mut good = 0;
    for reply in futures_util::future::join_all((0..32).map(|_| join())).await {
        if reply.status != 201 {
            reply.problem(409, "superseded");
            continue;
        }
        let ada = reply.json(201);
        assert_eq!(ada["seatId"], 2);
        let path = format!("/api/rooms/{}", text(&room, "roomId"));
        good += usize::from(ask(&client, Method::GET, &path, text(&ada, "token"), None).await.status == 200);
    }
    assert_eq!(good, 1);
    server.stop().await;
}

#[tokio::test]
async fn a_list_of_question_ids_has_the_limit_of_a_question_count() {
    let (_folder, server, client) = server();
    let ids: Vec<_> =
        bank("civics")["questions"].as_array().unwrap().iter().map(|one| one["questionId"].clone()).collect();
    for (count, status) in [(10, 201), (11, 422)] {
        let body = json!({ "quizId": "civics", "questionIds": ids[..count], "maxSeats": 1000 });
        assert_eq!(client.post("/api/rooms", &body).await.status, status);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_host_who_only_long_polls_is_not_away() {
    let (_folder, server, client) = server();
    let room = client.post("/api/rooms", &json!({ "count": 1, "readyMs": 0, "awayMs": 5000 })).await.json(201);
    let (path, host) = (format!("/api/rooms/{}", text(&room, "roomId")), text(&room, "token"));
    ask(&client, Method::POST, &format!("{path}/start"), host, Some(json!({ "at": 0 }))).await.json(200);
    let waiting = format!("{path}/events?after=1&waitMs=12000");
    let page = ask(&client, Method::GET, &waiting, host, None).await.json(200);
    assert_eq!(page["events"], json!([]));
    let snapshot = ask(&client, Method::GET, &path, host, None).await.json(200);
    assert_eq!((&snapshot["phase"], &snapshot["paused"]), (&json!("question"), &Value::Null));
    server.stop().await;
}
