//! Everything that a client of rooms can do wrong: each time a problem with a stable code, and a
//! room that goes on as if nothing had been.

use serde_json::{Value, json};

use super::{join, open, server, with_backend};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_room_says_what_is_wrong_with_its_settings() {
    let (_folder, server, client) = server(&[]);
    let wrong = [
        (json!({ "timeLimitMs": 999 }), "timeLimitMs"),
        (json!({ "timeLimitMs": "20s" }), "timeLimitMs"),
        (json!({ "readyMs": 60_001 }), "readyMs"),
        (json!({ "revealMs": -1 }), "revealMs"),
        (json!({ "awayMs": 0 }), "awayMs"),
        (json!({ "maxSeats": 0 }), "maxSeats"),
        (json!({ "maxSeats": 1_001 }), "maxSeats"),
        (json!({ "maxSeats": 1_000, "count": 41 }), "maxSeats"),
        (json!({ "advance": "later" }), "advance"),
        (json!({ "hostAway": "panic" }), "hostAway"),
        (json!({ "hostName": "" }), "hostName"),
        (json!({ "hostName": "a\u{202e}b" }), "hostName"),
        (json!({ "hostPlays": "yes" }), "hostPlays"),
        (json!({ "mode": "chess" }), "mode"),
        (json!({ "colour": "red" }), "body"),
        (json!({ "count": 0 }), "count"),
        (json!({ "questions": [] }), "questions"),
        (json!({ "questions": [], "quizId": "space" }), "quizId"),
    ];
    for (settings, path) in wrong {
        let problem = client.post("/api/rooms", &settings).await.problem(422, "invalid-request");
        let found = problem["problems"][0]["path"].as_str().unwrap();
        assert!(found == path || path == "body", "{settings}: {problem}");
    }
    client.post("/api/rooms", &json!({ "quizId": "nothing" })).await.problem(404, "quiz-not-found");
    client.post("/api/rooms", &json!([])).await.problem(422, "invalid-request");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_says_what_is_wrong() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 1, json!({ "maxSeats": 3, "lateJoin": false })).await;
    let post = async |body: Value| client.post("/api/rooms/join", &body).await;
    post(json!({ "joinCode": "ABC", "name": "Ada" })).await.problem(404, "join-code-unknown");
    post(json!({ "joinCode": "222222", "name": "Ada" })).await.problem(404, "join-code-unknown");
    for body in [
        json!({ "joinCode": code }),
        json!({ "joinCode": code, "name": " " }),
        json!({ "joinCode": code, "name": "x".repeat(25) }),
        json!({ "joinCode": code, "name": "a\u{200b}" }),
        json!({ "joinCode": code, "name": 7 }),
        json!({ "joinCode": 7, "name": "Ada" }),
        json!({ "name": "Ada" }),
        json!({ "joinCode": code, "name": "Ada", "seatCode": "ABCD2345" }),
    ] {
        post(body).await.problem(422, "invalid-request");
    }
    post(json!({ "joinCode": code, "seatCode": "ABCD2345" })).await.problem(404, "seat-code-unknown");
    join(&client, &code, "Ada").await;
    post(json!({ "joinCode": code, "name": "ADA" })).await.problem(409, "name-taken");
    post(json!({ "joinCode": code, "name": "host" })).await.problem(409, "name-taken");
    let bob = join(&client, &code, "Bob").await;
    post(json!({ "joinCode": code, "name": "Eve" })).await.problem(409, "room-full");
    bob.post("/leave", json!({})).await;
    host.moves("/start", json!({})).await;
    post(json!({ "joinCode": code, "name": "Eve" })).await.problem(409, "room-locked");
    host.moves("/finish", json!({})).await;
    post(json!({ "joinCode": code, "name": "Eve" })).await.problem(409, "room-finished");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_needs_the_right_token_and_a_room() {
    let (_folder, server, client, _) = with_backend();
    let opened = client.post("/api/rooms", &json!({ "quizId": "space", "readyMs": 0 })).await.json(201);
    let host = super::Seat::of(&client, &opened);
    let ada = join(&client, opened["joinCode"].as_str().unwrap(), "Ada").await;
    let calls = [
        ("/start", json!({ "at": 0 })),
        ("/next", json!({ "at": 0 })),
        ("/close", json!({ "at": 0 })),
        ("/finish", json!({ "at": 0 })),
        ("/pause", json!({ "at": 0, "paused": true })),
        ("/lock", json!({ "at": 0, "locked": true })),
        ("/kick", json!({ "at": 0, "seatId": 2 })),
        ("/takeover", json!({ "at": 0 })),
        ("/answer", json!({ "questionId": "q", "optionId": 1 })),
        ("/leave", json!({})),
        ("/resume", json!({})),
        ("/ack", json!({ "sequence": 0 })),
        ("/heartbeat", json!({})),
        ("/seats/2/code", json!({})),
    ];
    let stranger = client.with_key(&"0".repeat(64));
    let garbled = client.with_key("no-token");
    for (call, body) in &calls {
        client.post(&host.path(call), body).await.problem(401, "token-required");
        stranger.post(&host.path(call), body).await.problem(401, "bad-token");
        garbled.post(&host.path(call), body).await.problem(401, "bad-token");
        for room in [NOBODY, "x", "01890a5d-ac96-774b-bcce-b302099a8057x"] {
            host.client.post(&format!("/api/rooms/{room}{call}"), body).await.problem(404, "room-not-found");
        }
    }
    for (call, body) in &calls[..7] {
        ada.post(call, body.clone()).await.problem(403, "host-only");
    }
    for (call, body) in calls.iter().filter(|(_, body)| body.get("at").is_some()) {
        host.post(call, json!({})).await.problem(422, "invalid-request");
        let mut late = body.clone();
        late["at"] = json!("now");
        host.post(call, late).await.problem(422, "invalid-request");
    }
    host.post("/kick", json!({ "at": 0, "seatId": 9 })).await.problem(404, "seat-not-found");
    host.post("/kick", json!({ "at": 0, "seatId": 1 })).await.problem(409, "host-may-not-leave");
    ada.post("/seats/1/code", json!({})).await.problem(403, "host-only");
    ada.post("/seats/x/code", json!({})).await.problem(404, "seat-not-found");
    for query in ["after=x", "limit=0", "limit=501", "waitMs=25001", "before=1"] {
        ada.get(&format!("/events?{query}")).await.problem(422, "invalid-request");
    }
    ada.get("/results?format=xml").await.problem(422, "invalid-request");
    host.get("/start").await.problem(405, "method-not-allowed");
    // All that moved nothing.
    let seen = host.snapshot().await;
    assert_eq!((&seen["phase"], &seen["head"], &seen["locked"]), (&json!("lobby"), &json!(1), &json!(false)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_is_wrong_and_counts_nothing() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 2, json!({})).await;
    let ada = join(&client, &code, "Ada").await;
    ada.answer(0, 1).await.problem(404, "question-not-open");
    host.moves("/start", json!({})).await;
    ada.answer(1, 1).await.problem(404, "question-not-open");
    ada.answer(0, 99).await.problem(422, "option-not-in-question");
    ada.post("/answer", json!({ "questionId": "q0" })).await.problem(422, "invalid-request");
    ada.post("/answer", json!({ "questionId": "q0", "optionId": "1" })).await.problem(422, "invalid-request");
    ada.post("/answer", json!({ "questionId": "q0", "optionId": 1, "seatId": 1 }))
        .await
        .problem(422, "invalid-request");
    host.answer(0, 1).await.problem(403, "not-playing");
    let late = join(&client, &code, "Late").await;
    late.answer(0, 1).await.problem(403, "not-playing");
    host.moves("/pause", json!({ "paused": true })).await;
    ada.answer(0, 1).await.problem(409, "room-paused");
    host.moves("/pause", json!({ "paused": false })).await;
    ada.post("/answer", json!({ "questionId": "q0", "optionId": null })).await.json(200);
    let seen = ada.snapshot().await;
    assert_eq!((&seen["phase"], &seen["reveal"]["verdicts"][0]["optionId"]), (&json!("reveal"), &Value::Null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_no_solo_game_and_a_solo_game_no_room() {
    let (_folder, server, client) = server(&[]);
    let (host, _) = open(&client, 1, json!({})).await;
    client.resume(&host.room).await.problem(404, "session-not-found");
    client.results(&host.room).await.problem(404, "session-not-found");
    client.answer(&host.room, 0, 1).await.problem(404, "session-not-found");
    let game = client.play(1).await;
    host.client.get(&format!("/api/rooms/{game}")).await.problem(404, "room-not-found");
    host.client.post(&format!("/api/rooms/{game}/heartbeat"), &json!({})).await.problem(404, "room-not-found");
    server.stop().await;
}
