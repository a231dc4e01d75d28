//! Rooms whose game lies elsewhere: a backend seats, records, hears and revokes.

use serde_json::{Value, json};

use super::{Seat, post_as, server, with_backend};
use crate::support::{Client, KEY};

async fn external(backend: &Client) -> (String, String) {
    let opened = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    assert!(opened["token"].is_null() && opened["seatId"].is_null(), "an external room has no host: {opened}");
    (opened["roomId"].as_str().unwrap().to_owned(), opened["joinCode"].as_str().unwrap().to_owned())
}

async fn seated(client: &Client, backend: &Client, room: &str, user: &str, name: &str) -> Seat {
    let body = json!({ "userId": user, "name": name });
    let seated = backend.post(&format!("/api/rooms/{room}/seats"), &body).await.json(201);
    Seat::of(client, &seated)
}

fn told(page: &Value) -> Vec<(u64, String)> {
    let events = page["events"].as_array().expect("events");
    let told = |event: &Value| {
        (event["sequence"].as_u64().expect("a number"), event["event"].as_str().unwrap_or("skip").to_owned())
    };
    events.iter().map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_seats_records_and_revokes() {
    let (_folder, server, client, backend) = with_backend();
    let (room, _) = external(&backend).await;
    let ada = seated(&client, &backend, &room, "user-1", "Ada").await;
    let bob = seated(&client, &backend, &room, "user-2", "Bob").await;
    let again = seated(&client, &backend, &room, "user-1", "Ada").await;
    assert_eq!((ada.id, again.id), (1, 1));
    ada.get("").await.problem(401, "bad-token");
    let (ada, events) = (again, format!("/api/rooms/{room}/events"));
    let dealt = json!({ "type": "dealt", "payload": { "cards": [7] }, "to": [1] });
    assert_eq!(post_as(&backend, "deal", &events, &dealt).await.json(201)["sequence"], 3);
    assert_eq!(post_as(&backend, "deal", &events, &dealt).await.json(201)["sequence"], 3);
    let other = json!({ "type": "dealt", "payload": { "cards": [8] }, "to": [1] });
    post_as(&backend, "deal", &events, &other).await.problem(422, "idempotency-key-reused");
    let turn = json!({ "events": [{ "type": "turn" }, { "type": "clock", "payload": 3 }], "expected": 3 });
    assert_eq!(backend.post(&events, &turn).await.json(201)["sequence"], 5);
    assert_eq!(backend.post(&events, &turn).await.problem(409, "head-moved")["head"], 5);
    let all: Vec<(u64, String)> =
        [(3, "dealt"), (4, "turn"), (5, "clock")].map(|(n, name)| (n, name.to_owned())).into();
    assert_eq!(told(&ada.get("/events?after=2").await.json(200)), all);
    let mut skipped = all.clone();
    skipped[0].1 = "skip".to_owned();
    let page = bob.get("/events?after=2").await;
    assert_eq!(told(&page.json(200)), skipped);
    assert!(!page.text().contains("cards"), "{}", page.text());
    assert_eq!(told(&backend.get(&format!("{events}?after=2")).await.json(200)), all);
    assert_eq!(backend.delete(&format!("/api/rooms/{room}/seats/2")).await.status, 204);
    assert_eq!(backend.delete(&format!("/api/rooms/{room}/seats/2")).await.status, 204);
    bob.get("").await.problem(403, "kicked");
    backend.delete(&format!("/api/rooms/{room}/seats/9")).await.problem(404, "seat-not-found");
    let unknown = json!({ "type": "x", "to": [9] });
    backend.post(&events, &unknown).await.problem(404, "seat-not-found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_reaches_the_backend_alone_in_order_and_once() {
    let (folder, server, client, backend) = with_backend();
    let (room, _) = external(&backend).await;
    let ada = seated(&client, &backend, &room, "user-1", "Ada").await;
    let bob = seated(&client, &backend, &room, "user-2", "Bob").await;
    for n in 0..3 {
        let body = json!({ "payload": { "move": n } });
        let said = post_as(&ada.client, &format!("m{n}"), &ada.path("/say"), &body).await.json(201);
        let again = post_as(&ada.client, &format!("m{n}"), &ada.path("/say"), &body).await.json(201);
        assert_eq!(said, again);
    }
    server.stop().await;
    // Durable like all others.
    let server = crate::support::Server::here(folder.path(), &["--api-keys", KEY]);
    let backend = server.client().with_key(KEY);
    let page = backend.get(&format!("/api/rooms/{room}/events?after=2")).await.json(200);
    let moves: Vec<_> =
        page["events"].as_array().unwrap().iter().map(|event| &event["payload"]["payload"]["move"]).collect();
    assert_eq!(moves, [0, 1, 2]);
    assert_eq!(page["events"][0]["payload"]["seatId"], 1);
    let bob = server.client().with_key(&bob.token);
    let page = bob.get(&format!("/api/rooms/{room}/events?after=2")).await;
    assert_eq!(told(&page.json(200)).iter().filter(|(_, name)| name == "skip").count(), 3);
    assert!(!page.text().contains("move"), "{}", page.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_is_no_external_room() {
    let (_folder, server, client) = server(&[]);
    client.post("/api/rooms", &json!({ "mode": "external" })).await.problem(403, "api-key-required");
    server.stop().await;
    let (_folder, server, client, backend) = with_backend();
    client.post("/api/rooms", &json!({ "mode": "external" })).await.problem(403, "api-key-required");
    let (room, code) = external(&backend).await;
    let joined = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": "Eve" })).await.json(201);
    let eve = Seat::of(&client, &joined);
    let path = |rest: &str| format!("/api/rooms/{room}{rest}");
    for (rest, body) in [("/seats", json!({ "name": "Mallory" })), ("/events", json!({ "type": "won", "payload": 1 }))]
    {
        eve.client.post(&path(rest), &body).await.problem(403, "api-key-required");
        client.post(&path(rest), &body).await.problem(401, "token-required");
    }
    eve.client.delete(&path("/seats/1")).await.problem(403, "api-key-required");
    eve.answer(0, 1).await.problem(409, "wrong-mode");
    eve.get("/results").await.problem(409, "wrong-mode");
    backend.post(&path("/start"), &json!({ "at": 0 })).await.problem(409, "wrong-mode");
    server.stop().await;
}
