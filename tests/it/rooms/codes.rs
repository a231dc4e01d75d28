//! Changing the join code of a room, for example because the old code became known to the wrong people.

use serde_json::{Value, json};

use super::raw::Raw;
use super::{api, join, open, server};
use crate::support::KEY;

#[tokio::test]
async fn a_changed_join_code_works_and_the_old_one_does_not() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let (api, client) = (api(&server), server.client());
    let room = api.open(&json!({}), Some(KEY)).await.unwrap();
    let url = format!("/api/rooms/{}/join-code", room.room_id);
    let ada = join(&api, &room, "Ada").await;
    let ada_token = ada.ticket.token.as_str();
    client.with_key(ada_token).post(&url, &Value::Null).await.problem(403, "host-only");
    client.post(&url, &Value::Null).await.problem(401, "token-required");
    let (mut listening, _) = Raw::resumed(&server.base, &room.room_id, ada_token).await;

    let host = room.token.as_ref().unwrap().as_str();
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, host).await;
    let over_socket = raw.ask(&json!({ "type": "joinCode", "id": "1" })).await["joinCode"].clone();
    let mut codes = vec![json!(room.join_code), over_socket];
    for key in [host, KEY] {
        codes.push(client.with_key(key).post(&url, &Value::Null).await.json(200)["joinCode"].clone());
    }
    for code in &codes[1..] {
        let event = listening.frame("event").await;
        assert_eq!((&event["event"], &event["payload"]), (&json!("joinCode"), &json!({ "joinCode": code })));
    }
    let snapshot = client.with_key(ada_token).get(&format!("/api/rooms/{}", room.room_id)).await.json(200);
    assert_eq!(Some(&snapshot["joinCode"]), codes.last());
    for (n, code) in codes.iter().enumerate() {
        let joined = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": format!("Bob {n}") })).await;
        if n + 1 == codes.len() {
            assert_eq!(joined.json(201)["roomId"], room.room_id);
        } else {
            joined.problem(404, "join-code-unknown");
        }
    }
}

#[tokio::test]
async fn a_finished_room_keeps_its_join_code() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let url = |rest: &str| format!("/api/rooms/{}/{rest}", room.room_id);
    host.post(&url("finish"), &json!({ "at": 0 })).await.json(200);
    host.post(&url("join-code"), &Value::Null).await.problem(409, "room-finished");
}
