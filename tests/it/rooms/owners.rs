//! What a backend can do with the rooms that it opened: list them, issue a new token for the host, delete
//! them.

use serde_json::{Value, json};

use super::raw::Raw;
use super::{api, join, open, server};
use crate::support::until_async;
use crate::support::{Client, KEY, assert_shape, in_time, questions};

/// All rooms of the key, read in pages of `limit`.
async fn listed(backend: &Client, limit: usize) -> Vec<Value> {
    let (mut rooms, mut after) = (Vec::new(), String::new());
    loop {
        let page = backend.get(&format!("/api/rooms?limit={limit}{after}")).await.json(200);
        assert_shape(&page, &["rooms: array", "more: bool", "serverTime: date"]);
        let some = page["rooms"].as_array().unwrap();
        assert!(some.len() == limit || page["more"] == false, "{page}");
        rooms.extend(some.clone());
        if page["more"] == false {
            return rooms;
        }
        after = format!("&after={}", some.last().unwrap()["roomId"].as_str().unwrap());
    }
}

#[tokio::test]
async fn a_key_lists_its_own_rooms() {
    let (_folder, server) = server(&["--api-keys", KEY, "--hosting", "open"]);
    let (client, backend) = (server.client(), server.client().with_key(KEY));
    assert!(listed(&backend, 9).await.is_empty());
    let mut its = Vec::new();
    for body in [json!({ "mode": "external" }), json!({ "questions": questions(1) }), json!({ "quizId": "civics" })] {
        its.push(backend.post("/api/rooms", &body).await.json(201));
    }
    client.post("/api/rooms", &json!({})).await.json(201);
    backend.create(json!({ "questions": questions(1) })).await;
    its.sort_by_key(|room| room["roomId"].to_string());
    let rooms = listed(&backend, 2).await;
    let names = |rooms: &[Value]| rooms.iter().map(|room| room["roomId"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&rooms), names(&its), "neither another's room nor a solo game");
    assert_eq!(listed(&backend, 3).await.len(), 3);
    for room in &rooms {
        let fields = ["roomId: text", "joinCode: text", "mode: text", "seats: integer"];
        let dates = ["createdAt: date", "expiresAt: date"];
        let of_quiz =
            if room["mode"] == "quiz" { ["phase: text", "quizId: text"] } else { ["phase: null", "phase: null"] };
        assert_shape(room, &[&fields[..], &dates, &of_quiz].concat());
    }
    let civics = rooms.iter().find(|room| room["quizId"] == "civics").unwrap();
    assert_eq!((&civics["phase"], &civics["seats"]), (&json!("lobby"), &json!(1)));

    client.get("/api/rooms").await.problem(403, "api-key-required");
    client.with_key("no-key-of-this-server").get("/api/rooms").await.problem(401, "api-key-invalid");
    for wrong in ["limit=0", "limit=201", "after=x", "colour=red"] {
        assert_eq!(backend.get(&format!("/api/rooms?{wrong}")).await.problem(422, "invalid-request")["status"], 422);
    }
    let (_folder, open) = super::server(&[]);
    open.client().get("/api/rooms").await.problem(403, "api-key-required");
}

#[tokio::test]
async fn a_backend_can_replace_the_token_of_a_host() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let (api, client) = (api(&server), server.client());
    let backend = client.with_key(KEY);
    let room = api.open(&json!({}), Some(KEY)).await.unwrap();
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let old = room.token.as_ref().unwrap().as_str();
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, old).await;
    client.with_key(old).post(&url("/host"), &Value::Null).await.problem(403, "api-key-required");
    let renewed = backend.post(&url("/host"), &Value::Null).await.json(201);
    assert_shape(&renewed, &["roomId: text", "seatId: integer", "token: text"]);
    assert_eq!((&renewed["roomId"], &renewed["seatId"]), (&json!(room.room_id), &json!(1)));
    assert_eq!(raw.closed().await, Some(4409));
    client.with_key(old).get(&url("")).await.problem(401, "bad-token");
    let host = client.with_key(renewed["token"].as_str().unwrap());
    assert_eq!(host.post(&url("/start"), &json!({ "at": 0 })).await.json(200)["moved"], true);
    let external = api.open(&json!({ "mode": "external" }), Some(KEY)).await.unwrap().room_id;
    backend.post(&format!("/api/rooms/{external}/host"), &Value::Null).await.problem(409, "wrong-mode");
}

#[tokio::test]
async fn deleting_a_room_closes_its_connections() {
    // A seat may have its live connection and one waiting request.
    let (_folder, server) = server(&["--api-keys", KEY, "--max-connections-per-seat", "2"]);
    let (api, client) = (api(&server), server.client());
    let backend = client.with_key(KEY);
    for by_key in [false, true] {
        let room = api.open(&json!({}), Some(KEY)).await.unwrap();
        let url = format!("/api/rooms/{}", room.room_id);
        let ada = join(&api, &room, "Ada").await;
        let (ada, host) = (ada.ticket.token.as_str(), room.token.as_ref().unwrap().as_str());
        let mut connections = Vec::new();
        for token in [ada, host, KEY] {
            connections.push(Raw::resumed(&server.base, &room.room_id, token).await.0);
        }
        let waiting = tokio::spawn({
            let (client, url) = (client.with_key(ada), format!("{url}/events?after=1&waitMs=25000"));
            async move {
                loop {
                    let reply = client.get(&url).await;
                    if reply.status != 429 {
                        return reply;
                    }
                }
            }
        });
        let probe = format!("{url}/events?after=1&waitMs=1");
        until_async(async || client.with_key(ada).get(&probe).await.status == 429).await;
        client.delete(&url).await.problem(401, "token-required");
        client.with_key(ada).delete(&url).await.problem(403, "host-only");
        let who = client.with_key(if by_key { KEY } else { host });
        assert_eq!(who.delete(&url).await.status, 204);
        for mut connection in connections {
            assert_eq!(connection.closed().await, Some(4404));
        }
        in_time(waiting).await.unwrap().problem(404, "room-not-found");
        let again = who.delete(&url).await;
        if by_key {
            again.problem(404, "room-not-found")
        } else {
            again.problem(401, "bad-token")
        };
        client.with_key(ada).get(&url).await.problem(401, "bad-token");
        let again = json!({ "joinCode": room.join_code, "name": "Bob" });
        client.post("/api/rooms/join", &again).await.problem(404, "join-code-unknown");
    }
    assert!(listed(&backend, 9).await.is_empty());
    // Solo games are deleted by another request.
    let game = backend.play(1).await;
    backend.delete(&format!("/api/rooms/{game}")).await.problem(404, "room-not-found");
    assert_eq!(backend.resume(&game).await.status, 200);
}

#[tokio::test]
async fn a_host_can_delete_a_room_on_a_server_without_keys() {
    let (_folder, server) = server(&[]);
    let room = open(&api(&server), 1, json!({})).await;
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    assert_eq!(host.delete(&format!("/api/rooms/{}", room.room_id)).await.status, 204);
}

#[tokio::test]
async fn deleting_a_solo_game_with_a_room_id_keeps_the_room() {
    let (_folder, server) = server(&[]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "count": 1, "readyMs": 0 })).await.json(201);
    let (id, host) = (room["roomId"].as_str().unwrap(), client.with_key(room["token"].as_str().unwrap()));
    let path = format!("/api/rooms/{id}");
    let end = async || {
        assert_eq!(client.delete(&format!("/api/game/session/{id}")).await.status, 204);
        host.get(&path).await.json(200)
    };
    assert_eq!(end().await["phase"], "lobby");
    host.post(&format!("{path}/finish"), &json!({ "at": 0 })).await.json(200);
    assert_eq!(end().await["phase"], "finished");
    server.stop().await;
}
