//! Playing again with the same players in a next room: every player's token is valid there, and every player
//! is told of the room.

use serde_json::{Value, json};

use super::{api, connected, event, fixed_address, join, open, process_at, server};
use crate::support::{Client, KEY, Server, questions};

fn host_of(server: &Server, token: &str) -> Client {
    server.client().with_key(token)
}

async fn finish(host: &Client, room: &str) {
    let phase = host.get(&format!("/api/rooms/{room}")).await.json(200)["phaseNumber"].clone();
    host.post(&format!("/api/rooms/{room}/finish"), &json!({ "at": phase })).await.json(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_continue_in_the_next_room_with_their_own_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let address = fixed_address();
    let server = process_at(&address, folder.path(), &[]);
    let api = api(&server);
    let room = open(&api, 2, json!({ "timeLimitMs": 45_000 })).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let (connection, mut happenings) = connected(&api, &ada.ticket).await;
    let token = room.token.as_ref().unwrap().as_str().to_owned();
    let host = host_of(&server, &token);
    let again = format!("/api/rooms/{}/again", room.room_id);
    host.post(&again, &json!({})).await.problem(409, "session-not-finished");
    host.post(&format!("/api/rooms/{}/start", room.room_id), &json!({ "at": 0 })).await.json(200);
    // Only questions that were asked are played again, so the game is played to its end.
    for at in 1..5 {
        let move_on = if at % 2 == 1 { "close" } else { "next" };
        host.post(&format!("/api/rooms/{}/{move_on}", room.room_id), &json!({ "at": at })).await.json(200);
    }
    host_of(&server, ada.ticket.token.as_str()).post(&again, &json!({})).await.problem(403, "host-only");
    let next = host.post(&again, &json!({})).await.json(201);
    assert!(next.get("token").is_none() && next["seatId"] == 1, "{next}");
    assert_eq!(host.post(&again, &json!({})).await.json(200)["roomId"], next["roomId"]);
    let told = event(&mut happenings, "successor").await;
    let successor = json!({ "roomId": next["roomId"], "joinCode": next["joinCode"] });
    assert_eq!(told.payload, successor);
    drop(connection);
    server.kill().await;

    let server = process_at(&address, folder.path(), &[]);
    let host = host_of(&server, &token);
    assert_eq!(host.get(&format!("/api/rooms/{}", room.room_id)).await.json(200)["successor"], successor);
    let next_room = format!("/api/rooms/{}", next["roomId"].as_str().unwrap());
    for (who, seat) in [(&ada, 2), (&bob, 3)] {
        let snapshot = host_of(&server, who.ticket.token.as_str()).get(&next_room).await.json(200);
        assert_eq!((&snapshot["you"]["seatId"], &snapshot["phase"]), (&json!(seat), &json!("lobby")), "{snapshot}");
        assert_eq!(snapshot["settings"]["timeLimitMs"], 45_000, "what is left out is as it was");
        assert_eq!((&snapshot["questionCount"], &snapshot["successor"]), (&json!(2), &Value::Null));
    }
    let body = json!({ "joinCode": next["joinCode"], "name": "Ada" });
    server.client().post("/api/rooms/join", &body).await.problem(409, "name-taken");
    let moved = host.post(&format!("{next_room}/start"), &json!({ "at": 0 })).await.json(200);
    assert_eq!(moved["snapshot"]["question"]["questionId"], "q0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_requests_for_the_next_room_get_one_room_with_the_requested_quiz() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let backend = server.client().with_key(KEY);
    let room = backend.post("/api/rooms", &json!({ "questions": questions(1) })).await.json(201);
    let id = room["roomId"].as_str().unwrap();
    finish(&backend, id).await;
    let again = format!("/api/rooms/{id}/again");
    let host = host_of(&server, room["token"].as_str().unwrap());
    host.post(&again, &json!({ "questions": questions(1) })).await.problem(403, "api-key-required");
    let strange = host.post(&again, &json!({ "hostName": "Eve" })).await.problem(422, "invalid-request");
    assert_eq!(strange["problems"][0]["path"], "hostName");
    let body = json!({ "quizId": "civics", "count": 3, "timeLimitMs": 9_000 });
    let all = futures_util::future::join_all((0..8).map(|_| backend.post(&again, &body))).await;
    let rooms: std::collections::BTreeSet<_> =
        all.iter().map(|reply| reply.json(if reply.status == 201 { 201 } else { 200 })["roomId"].to_string()).collect();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let next = all[0].json(all[0].status)["roomId"].as_str().unwrap().to_owned();
    let snapshot = host.get(&format!("/api/rooms/{next}")).await.json(200);
    assert_eq!((&snapshot["quizId"], &snapshot["questionCount"]), (&json!("civics"), &json!(3)), "{snapshot}");
    assert_eq!(snapshot["settings"]["timeLimitMs"], 9_000);
    // After the next room was deleted, another one takes its place.
    host.request(reqwest::Method::DELETE, &format!("/api/rooms/{next}")).send().await.unwrap();
    assert_ne!(host.post(&again, &json!({ "quizId": "civics" })).await.json(201)["roomId"], next.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_room_needs_a_key_for_a_key_only_bank_and_a_seat_for_every_player() {
    let folder = tempfile::tempdir().unwrap();
    let mut exam: Value = serde_json::from_str(include_str!("../../../data/quizzes/civics.json")).unwrap();
    (exam["quizId"], exam["hosting"], exam["play"]) = (json!("exam"), json!("key"), json!(["rooms"]));
    std::fs::write(folder.path().join("exam.json"), exam.to_string()).unwrap();
    let (_data, server) = server(&["--api-keys", KEY, "--quiz-dir", folder.path().to_str().unwrap()]);
    let backend = server.client().with_key(KEY);
    let room = backend.post("/api/rooms", &json!({ "quizId": "space", "count": 2 })).await.json(201);
    let id = room["roomId"].as_str().unwrap();
    for name in ["Ada", "Bob"] {
        let body = json!({ "joinCode": room["joinCode"], "name": name });
        server.client().post("/api/rooms/join", &body).await.json(201);
    }
    finish(&backend, id).await;
    let again = format!("/api/rooms/{id}/again");
    let host = host_of(&server, room["token"].as_str().unwrap());
    host.post(&again, &json!({ "quizId": "exam" })).await.problem(403, "api-key-required");
    let small = host.post(&again, &json!({ "maxSeats": 1 })).await.problem(422, "invalid-request");
    assert_eq!(small["problems"][0]["path"], "maxSeats");
    backend.post(&again, &json!({ "quizId": "exam", "count": 2 })).await.json(201);
}
