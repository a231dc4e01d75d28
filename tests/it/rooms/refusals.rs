//! Every refusal of a room over HTTP with its code, and the paths of invalid fields.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::raw::Raw;
use super::{api, join, open, server};
use crate::support::client::send;
use crate::support::{Client, KEY, questions};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn every_refusal_to_a_player_has_its_code() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 2, json!({ "maxSeats": 4, "hostAway": "oldestSeat" })).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let client = server.client();
    let host = client.with_key(room.token.as_ref().unwrap().as_str());
    let [ada, bob_client] = [&ada, &bob].map(|seat| client.with_key(seat.ticket.token.as_str()));
    let join = |body: Value| {
        let client = client.clone();
        async move { client.post("/api/rooms/join", &body).await }
    };
    let called = |name: &str| json!({ "joinCode": room.join_code, "name": name });

    client.get(&url("")).await.problem(401, "token-required");
    client.with_key("x").get(&url("")).await.problem(401, "bad-token");
    let basic = client.request(Method::GET, &url("")).header("Authorization", "Basic eDp5");
    send(basic).await.problem(401, "bad-token");
    send(ada.request(Method::GET, &url("")).header("Rejoin-Generation", "x")).await.problem(400, "invalid-generation");
    send(ada.request(Method::GET, &url("")).header("Rejoin-Generation", "99")).await.problem(409, "superseded");
    a_token_of_no_seat_gets_one_answer(&client, &[&room.room_id, NOBODY]).await;
    ada.get("/api/rooms/x").await.problem(404, "room-not-found");
    ada.get(&url("/ws")).await.problem(426, "upgrade-required");
    send(ada.request(Method::PUT, &url(""))).await.problem(405, "method-not-allowed");
    let code = &room.join_code;
    let mut details = Vec::new();
    for pair in [
        json!({ "joinCode": "ABC234", "name": "Cleo" }),
        json!({ "joinCode": "x", "name": "Cleo" }),
        json!({ "joinCode": "", "name": "Cleo" }),
        json!({ "joinCode": "O0IL11", "name": "Cleo" }),
        json!({ "joinCode": "ABC234", "seatCode": "ABCDEFGH" }),
        json!({ "joinCode": code, "seatCode": "ABCDEFGH" }),
        json!({ "joinCode": code, "seatCode": "" }),
    ] {
        details.push(join(pair).await.problem(404, "join-code-unknown")["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "which code is wrong is not told: {details:?}");
    join(called("ADA")).await.problem(409, "name-taken");
    ada.post(&url("/start"), &json!({ "at": 0 })).await.problem(403, "host-only");
    ada.post(&url("/seats"), &json!({ "name": "x" })).await.problem(403, "api-key-required");
    ada.post(&url("/say"), &json!({ "payload": 1 })).await.problem(409, "wrong-mode");
    host.post(&url("/leave"), &Value::Null).await.problem(409, "host-may-not-leave");
    host.post(&url("/kick"), &json!({ "at": 0, "seatId": 99 })).await.problem(404, "seat-not-found");
    host.post(&url("/seats/x/code"), &Value::Null).await.problem(404, "seat-not-found");
    host.post(&url("/lock"), &json!({ "at": 0, "locked": true })).await.json(200);
    join(called("Cleo")).await.problem(409, "room-locked");
    host.post(&url("/lock"), &json!({ "at": 0, "locked": false })).await.json(200);
    ada.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 1 })).await.problem(404, "question-not-open");

    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    let late = join(called("Cleo")).await.json(201);
    join(called("Dora")).await.problem(409, "room-full");
    let answer = json!({ "questionId": "q0", "optionId": 1 });
    client.with_key(late["token"].as_str().unwrap()).post(&url("/answer"), &answer).await.problem(403, "not-playing");
    host.post(&url("/answer"), &answer).await.problem(403, "not-playing");
    let none = json!({ "questionId": "q0", "optionId": 9 });
    ada.post(&url("/answer"), &none).await.problem(422, "option-not-in-question");
    host.post(&url("/pause"), &json!({ "at": 1, "paused": true })).await.json(200);
    ada.post(&url("/answer"), &answer).await.problem(409, "room-paused");
    host.post(&url("/pause"), &json!({ "at": 1, "paused": false })).await.json(200);
    let first = ada.post(&url("/answer"), &answer).await.json(200);
    assert_eq!(ada.post(&url("/answer"), &answer).await.json(200), first);
    let another = json!({ "questionId": "q0", "optionId": 2 });
    ada.post(&url("/answer"), &another).await.problem(404, "question-not-open");
    let stale = host.post(&url("/next"), &json!({ "at": 0 })).await.json(200);
    assert_eq!(stale["moved"], false);
    host.post(&url("/kick"), &json!({ "at": 1, "seatId": bob.seat_id })).await.json(200);
    bob_client.get(&url("")).await.problem(403, "kicked");
    ada.post(&url("/ack"), &json!({ "sequence": 999 })).await.problem(409, "ahead-of-head");
    let at = ada.get(&url("")).await.json(200)["phaseNumber"].clone();
    host.post(&url("/finish"), &json!({ "at": at })).await.json(200);
    join(called("Dora")).await.problem(409, "room-finished");
    client.post("/api/rooms", &json!({ "quizId": "unknown" })).await.problem(404, "quiz-not-found");
    let nothing = json!({ "quizId": "civics", "category": "no such category" });
    client.post("/api/rooms", &nothing).await.problem(422, "no-questions");
}

#[tokio::test]
async fn every_refusal_to_a_backend_has_its_code() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let backend = server.client().with_key(KEY);
    let room = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room["roomId"].as_str().unwrap());
    let record = async |body: Value| backend.post(&url("/events"), &body).await;
    let many: Vec<_> = (0..101).map(|_| json!({ "type": "x" })).collect();
    record(json!({ "events": many })).await.problem(422, "too-many-events");
    record(json!({ "type": "x", "payload": "y".repeat(16 * 1024) })).await.problem(422, "event-too-large");
    record(json!({ "type": "x", "to": [7] })).await.problem(404, "seat-not-found");
    record(json!({ "type": "x", "payload": "y".repeat(300 * 1024) })).await.problem(413, "body-too-large");
    backend.delete(&url("/seats/7")).await.problem(404, "seat-not-found");
    backend.get(&url("/results")).await.problem(409, "wrong-mode");
    backend.post(&url("/start"), &json!({ "at": 0 })).await.problem(409, "wrong-mode");
    let quiz = backend.post("/api/rooms", &json!({ "questions": questions(1) })).await.json(201);
    let quiz = format!("/api/rooms/{}", quiz["roomId"].as_str().unwrap());
    backend.post(&format!("{quiz}/events"), &json!({ "type": "x" })).await.problem(409, "wrong-mode");
    backend.post(&format!("{quiz}/seats"), &json!({ "name": "x" })).await.problem(409, "wrong-mode");
    backend.get(&format!("/api/rooms/{NOBODY}")).await.problem(404, "room-not-found");
    let mut raw = Raw::open(&server.base, NOBODY).await;
    raw.say(&json!({ "type": "resume", "token": KEY })).await;
    assert_eq!(raw.closed().await, Some(4404));
    backend
        .post(&format!("{quiz}/answer"), &json!({ "questionId": "q0", "optionId": 1 }))
        .await
        .problem(401, "bad-token");
}

/// A token without a seat gets the same answer whether the room exists or not.
async fn a_token_of_no_seat_gets_one_answer(client: &Client, rooms: &[&str]) {
    let nobody = client.with_key(&"ab".repeat(32));
    for room in rooms {
        for rest in ["", "/events", "/results"] {
            let problem = nobody.get(&format!("/api/rooms/{room}{rest}")).await.problem(401, "bad-token");
            assert_eq!(problem["detail"], "no live room has a seat with this token");
        }
        for (rest, body) in [
            ("start", json!({ "at": 0 })),
            ("answer", json!({ "questionId": "q0", "optionId": 1 })),
            ("leave", Value::Null),
            ("seats/2/code", Value::Null),
            ("resume", json!({})),
            ("ack", json!({ "sequence": 0 })),
            ("heartbeat", Value::Null),
            ("say", json!({ "payload": 1 })),
        ] {
            nobody.post(&format!("/api/rooms/{room}/{rest}"), &body).await.problem(401, "bad-token");
        }
    }
}

#[tokio::test]
async fn a_room_with_too_many_joins_and_leaves_limits_the_rate_of_joins() {
    let (_folder, server) = server(&[]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "questions": questions(1), "maxSeats": 61 })).await.json(201);
    let join = async |n: usize| {
        let body = json!({ "joinCode": room["joinCode"], "name": format!("Guest {n}") });
        client.post("/api/rooms/join", &body).await
    };
    let leave = format!("/api/rooms/{}/leave", room["roomId"].as_str().unwrap());
    for round in [0, 60] {
        let seats = join_all((round..round + 60).map(&join)).await;
        let leaves = seats.into_iter().map(async |seat| {
            let token = seat.json(201)["token"].as_str().unwrap().to_owned();
            client.with_key(&token).post(&leave, &Value::Null).await.status
        });
        assert_eq!(join_all(leaves).await, [204; 60]);
    }
    // The rate limit refills a little meanwhile, so a few more joins succeed.
    for n in 120..240 {
        let reply = join(n).await;
        if reply.status != 201 {
            reply.problem(429, "too-many-joins");
            assert_eq!(reply.header("retry-after"), Some("1"));
            return;
        }
    }
    panic!("twice as many joins within a minute");
}

#[tokio::test]
async fn an_invalid_room_request_is_422_with_its_path() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let backend = server.client().with_key(KEY);
    let opened = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    let id = opened["roomId"].as_str().unwrap();
    let (long, code) = ("x".repeat(65), opened["joinCode"].as_str().unwrap());
    let (name, too_long) = (format!(r#"{{"joinCode":"{code}","name":""#), "n".repeat(33));
    let mut cases: Vec<(&str, String, &str)> = vec![
        ("join", format!(r#"{{"joinCode":"{code}"}}"#), "name"),
        ("join", format!(r#"{{"joinCode":"{code}","name":"a","seatCode":"b"}}"#), "seatCode"),
        ("join", format!(r#"{name}"}}"#), "name"),
        ("join", format!(r#"{name}{too_long}"}}"#), "name"),
        ("join", format!(r#"{name}a\u202eb"}}"#), "name"),
        (
            "",
            json!({ "maxSeats": 1_000, "questionIds": (0..41).map(|n| format!("q{n}")).collect::<Vec<_>>() })
                .to_string(),
            "maxSeats",
        ),
        ("events", format!(r#"{{"type":"{long}"}}"#), "type"),
        ("events", format!(r#"{{"events":[{{"type":"x"}},{{"type":"{long}"}}]}}"#), "events[1].type"),
    ];
    for (path, body, at) in [
        ("", r#"{"mode":"x"}"#, "mode"),
        ("", r#"{"colour":1}"#, "colour"),
        ("", r#"{"count":1,"count":1}"#, "body"),
        ("", r#"{"count":0}"#, "count"),
        ("", r#"{"count":201}"#, "count"),
        ("", r#"{"quizId":7}"#, "quizId"),
        ("", r#"{"hostName":""}"#, "hostName"),
        ("", r#"{"timeLimitMs":999}"#, "timeLimitMs"),
        ("", r#"{"timeLimitMs":3600001}"#, "timeLimitMs"),
        ("", r#"{"timeLimitMs":"1s"}"#, "timeLimitMs"),
        ("", r#"{"readyMs":60001}"#, "readyMs"),
        ("", r#"{"readyMs":-1}"#, "readyMs"),
        ("", r#"{"revealMs":600001}"#, "revealMs"),
        ("", r#"{"advance":"later"}"#, "advance"),
        ("", r#"{"lateJoin":1}"#, "lateJoin"),
        ("", r#"{"maxSeats":0}"#, "maxSeats"),
        ("", r#"{"maxSeats":1001}"#, "maxSeats"),
        ("", r#"{"maxSeats":1000,"count":41}"#, "maxSeats"),
        ("", r#"{"hostPlays":"yes"}"#, "hostPlays"),
        ("", r#"{"hostAway":"x"}"#, "hostAway"),
        ("", r#"{"awayMs":999}"#, "awayMs"),
        ("", r#"{"awayMs":600001}"#, "awayMs"),
        ("", r#"{"questions":[]}"#, "questions"),
        ("", r#"{"mode":"external","quizId":"civics"}"#, "quizId"),
        ("", r#"{"mode":"external","hostName":"x"}"#, "hostName"),
        ("", "[]", "body"),
        ("join", "{}", "joinCode"),
        ("join", r#"{"joinCode":7,"name":"x"}"#, "joinCode"),
        ("start", "{}", "at"),
        ("next", r#"{"at":"1"}"#, "at"),
        ("close", r#"{"at":-1}"#, "at"),
        ("finish", r#"{"at":4294967296}"#, "at"),
        ("takeover", r#"{"at":1,"x":1}"#, "x"),
        ("pause", r#"{"at":1}"#, "paused"),
        ("lock", r#"{"at":1,"locked":0}"#, "locked"),
        ("kick", r#"{"at":1}"#, "seatId"),
        ("kick", r#"{"at":1,"seatId":"2"}"#, "seatId"),
        ("answer", r#"{"optionId":1}"#, "questionId"),
        ("answer", r#"{"questionId":"q0"}"#, "optionId"),
        ("answer", r#"{"questionId":"","optionId":1}"#, "questionId"),
        ("answer", r#"{"questionId":"q0","optionId":"1"}"#, "optionId"),
        ("resume", r#"{"epoch":7}"#, "epoch"),
        ("resume", r#"{"epoch":"x","lastSequence":"1"}"#, "lastSequence"),
        ("ack", "{}", "sequence"),
        ("ack", r#"{"sequence":-1}"#, "sequence"),
        ("say", "{}", "payload"),
        ("seats", "{}", "name"),
        ("seats", r#"{"name":"x","userId":""}"#, "userId"),
        ("seats", r#"{"name":"x","userId":7}"#, "userId"),
        ("events", "{}", "type"),
        ("events", r#"{"type":""}"#, "type"),
        ("events", r#"{"type":"said"}"#, "type"),
        ("events", r#"{"type":"x","to":"all"}"#, "to"),
        ("events", r#"{"type":"x","to":[-1]}"#, "to[0]"),
        ("events", r#"{"type":"x","expected":"1"}"#, "expected"),
        ("events", r#"{"type":"x","events":[]}"#, "events"),
        ("events", r#"{"events":[{}]}"#, "events[0].type"),
        ("events", r#"{"events":[7]}"#, "events[0]"),
        ("events", r#"{"events":[{"type":"x","To":[1]}]}"#, "events[0].To"),
    ] {
        cases.push((path, body.to_owned(), at));
    }
    for (path, body, at) in cases {
        let path = match path {
            "" => "/api/rooms".to_owned(),
            "join" => "/api/rooms/join".to_owned(),
            rest => format!("/api/rooms/{id}/{rest}"),
        };
        let request = backend.request(Method::POST, &path).header("Content-Type", "application/json");
        let problem = send(request.body(body.clone())).await.problem(422, "invalid-request");
        assert_eq!(problem["problems"][0]["path"], at, "{path} {body} → {problem}");
    }
    for (query, at) in [
        ("events?after=x", "query"),
        ("events?after=-1", "query"),
        ("events?limit=0", "limit"),
        ("events?limit=501", "limit"),
        ("events?waitMs=25001", "waitMs"),
        ("events?limit=1&limit=2", "query"),
        ("events?colour=red", "query"),
        ("results?format=xml", "query"),
        ("results?format=csv&separator=tab", "query"),
    ] {
        let problem = backend.get(&format!("/api/rooms/{id}/{query}")).await.problem(422, "invalid-request");
        assert_eq!(problem["problems"][0]["path"], at, "{query} → {problem}");
    }
    for body in ["", "{", "{\"at\":01}"] {
        for path in ["/api/rooms", "/api/rooms/join", &format!("/api/rooms/{id}/answer")] {
            let request = backend.request(Method::POST, path).header("Content-Type", "application/json");
            send(request.body(body)).await.problem(400, "malformed-json");
        }
    }
}
