//! Requests that are sent again because their reply was lost: each is carried out once, and the repeat gets
//! the first reply.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::raw::Raw;
use super::{api, fixed_address, open, process_at, server};
use crate::support::client::{Reply, send};
use crate::support::{Client, KEY, Server, in_time};

/// The number of frames that a connection may send at once.
const AT_ONCE: usize = 100;

/// An external room with one seat, and what the player's page remembers.
struct Talk {
    room: String,
    token: String,
    epoch: String,
    head: u64,
}

impl Talk {
    async fn begin(server: &Server) -> Self {
        let backend = server.client().with_key(KEY);
        let opened = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
        let (room, epoch) = (opened["roomId"].as_str().unwrap(), opened["epoch"].as_str().unwrap());
        let seat = backend.post(&format!("/api/rooms/{room}/seats"), &json!({ "name": "Ada" })).await.json(201);
        let token = seat["token"].as_str().unwrap().to_owned();
        Self { room: room.to_owned(), token, epoch: epoch.to_owned(), head: 1 }
    }

    fn url(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.room)
    }

    /// The next connection of the same page, which remembers the epoch and the head.
    async fn again(&self, server: &Server) -> Raw {
        let mut raw = Raw::open(&server.base, &self.room).await;
        let known = json!({ "type": "resume", "token": self.token, "epoch": self.epoch, "lastSequence": self.head });
        raw.say(&known).await;
        assert_eq!(raw.frame("welcome").await["recovered"], true);
        raw
    }

    /// Sends each number in a frame with that number as its id. Without `replies` the connection is cut right
    /// after sending.
    async fn says(&self, server: &Server, numbers: std::ops::Range<usize>, replies: bool) {
        for from in numbers.clone().step_by(AT_ONCE) {
            let some = from..(from + AT_ONCE).min(numbers.end);
            let mut raw = self.again(server).await;
            for n in some.clone() {
                raw.say(&said(n)).await;
            }
            let mut waiting: BTreeSet<String> =
                if replies { some.map(|n| n.to_string()).collect() } else { BTreeSet::new() };
            while !waiting.is_empty() {
                let reply = raw.frame("reply").await;
                assert!(waiting.remove(reply["re"].as_str().unwrap()), "{reply}");
            }
            raw.cut();
        }
    }

    /// Every payload of a `said` event in the log, in the order of the log.
    async fn heard(&self, server: &Server) -> Vec<Value> {
        let backend = server.client().with_key(KEY);
        let page = backend.get(&self.url("/events?after=1&limit=500")).await.json(200);
        assert_eq!(page["more"], false);
        let events = page["events"].as_array().unwrap().iter();
        events.filter(|event| event["event"] == "said").map(|event| event["payload"]["payload"].clone()).collect()
    }
}

fn said(n: usize) -> Value {
    json!({ "type": "say", "id": n.to_string(), "payload": n })
}

async fn post_as(client: &Client, key: &str, path: &str, body: &str) -> Reply {
    let request = client.request(Method::POST, path).header("Idempotency-Key", key);
    send(request.header("Content-Type", "application/json").body(body.to_owned())).await
}

#[tokio::test]
async fn a_player_must_wait_while_the_log_is_full_of_unread_events() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let talk = Talk::begin(&server).await;
    let (backend, _) = Raw::resumed(&server.base, &talk.room, KEY).await;
    let large =
        json!({ "events": (0..16).map(|_| json!({ "type": "x", "payload": "x".repeat(16_000) })).collect::<Vec<_>>() });
    let recorder = server.client().with_key(KEY);
    for _ in 0..17 {
        recorder.post(&talk.url("/events"), &large).await.json(201);
    }
    let player = server.client().with_key(&talk.token);
    let (url, body) = (talk.url("/say"), json!({ "payload": "x".repeat(16_000) }));
    for _ in 0..5 {
        player.post(&url, &body).await;
    }
    let refused = player.post(&url, &body).await;
    refused.problem(429, "log-full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(backend);
}

fn numbers(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!(n)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_messages_are_recorded_once_however_many_were_in_flight() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    for count in [17, 300] {
        let talk = Talk::begin(&server).await;
        talk.says(&server, 0..count, false).await;
        talk.says(&server, 0..count, true).await;
        talk.says(&server, 0..count, true).await;
        let mut heard = talk.heard(&server).await;
        if count > AT_ONCE {
            // Messages that were cut off are recorded later than others that the next connection delivered.
            heard.sort_by_key(Value::as_u64);
        }
        assert_eq!(heard, numbers(count));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_around_a_kill_are_recorded_once_and_in_order() {
    let (folder, address) = (tempfile::tempdir().unwrap(), fixed_address());
    let server = process_at(&address, folder.path(), &["--api-keys", KEY]);
    let talk = Talk::begin(&server).await;
    talk.says(&server, 0..40, true).await;
    let mut raw = talk.again(&server).await;
    for n in 40..90 {
        raw.say(&said(n)).await;
    }
    raw.frame("reply").await;
    server.kill().await;
    let server = process_at(&address, folder.path(), &["--api-keys", KEY]);
    server.until_ready().await;
    talk.says(&server, 0..90, true).await;
    assert_eq!(talk.heard(&server).await, numbers(90));
    server.stop().await;
}

#[tokio::test]
async fn a_message_over_http_is_recorded_once_per_idempotency_key() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let talk = Talk::begin(&server).await;
    let client = server.client().with_key(&talk.token);
    let mut sequences = Vec::new();
    for round in 0..2 {
        for n in 0..40 {
            let body = if round == 0 {
                format!(r#"{{"payload": {{"a": {n}, "b": 1}}}}"#)
            } else {
                format!(r#"{{"payload":{{"b":1,"a":{n}}}}}"#)
            };
            let reply = post_as(&client, &format!("k{n}"), &talk.url("/say"), &body).await.json(201);
            sequences.push(reply["sequence"].clone());
        }
    }
    assert_eq!(sequences[..40], sequences[40..]);
    assert_eq!(talk.heard(&server).await.len(), 40);
    post_as(&client, "k0", &talk.url("/say"), r#"{"payload": 7}"#).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_page_that_restarts_its_frame_ids_loses_no_message() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let talk = Talk::begin(&server).await;
    let say = |payload: &str| json!({ "type": "say", "id": "1", "payload": payload });
    let mut raw = talk.again(&server).await;
    let first = raw.ask(&say("a")).await;
    assert_eq!(raw.ask(&say("a")).await, first);
    assert_ne!(raw.ask(&say("b")).await, first, "another body is another thing");
    let mut raw = talk.again(&server).await;
    assert_eq!(raw.ask(&say("a")).await, first, "over the next connection it is the repeat");
    // A reloaded page remembers nothing, so the same id and payload are a new message.
    let (mut raw, _) = Raw::resumed(&server.base, &talk.room, &talk.token).await;
    assert_ne!(raw.ask(&say("a")).await, first);
    assert_eq!(talk.heard(&server).await, ["a", "b", "a"]);
}

#[tokio::test]
async fn a_record_repeated_over_the_other_transport_is_recognized() {
    let (_folder, server) = server(&["--api-keys", KEY]);
    let talk = Talk::begin(&server).await;
    let backend = server.client().with_key(KEY);
    let frame = json!({ "type": "record", "id": "1", "key": "m", "expected": 1,
                        "events": [{ "type": "moved", "payload": { "a": 1, "b": [2] }, "to": [1] }] });
    let (mut raw, _) = Raw::resumed(&server.base, &talk.room, KEY).await;
    let sequence = raw.ask(&frame).await["sequence"].clone();
    let one = r#"{"expected": 1, "to": [1], "payload": {"b": [2], "a": 1}, "type": "moved"}"#;
    let list = r#"{"events": [{"type":"moved","payload":{"a":1,"b":[2]},"to":[1]}], "expected": 1}"#;
    for body in [one, list] {
        assert_eq!(post_as(&backend, "m", &talk.url("/events"), body).await.json(201)["sequence"], sequence);
    }
    assert_eq!(raw.ask(&frame).await["sequence"], sequence);
    let other = r#"{"type": "moved", "payload": {"b": [2], "a": 1}, "to": [1]}"#;
    post_as(&backend, "m", &talk.url("/events"), other).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_repeated_host_move_gets_its_first_reply_on_the_next_connection() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let token = room.token.as_ref().unwrap().as_str();
    let start = json!({ "type": "start", "id": "s", "at": 0 });
    for _ in 0..2 {
        let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, token).await;
        for _ in 0..2 {
            let reply = raw.ask(&start).await;
            assert_eq!((&reply["moved"], &reply["snapshot"]["phase"]), (&json!(true), &json!("question")), "{reply}");
        }
    }
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, token).await;
    assert_eq!(raw.ask(&json!({ "type": "start", "id": "t", "at": 0 })).await["moved"], false);
    let (host, url) = (server.client().with_key(token), format!("/api/rooms/{}/close", room.room_id));
    for (key, moved) in [("c", true), ("c", true), ("d", false)] {
        assert_eq!(post_as(&host, key, &url, r#"{"at": 1}"#).await.json(200)["moved"], moved, "{key}");
    }
    assert_eq!(host.post(&url, &json!({ "at": 1 })).await.json(200)["moved"], false);
}

#[tokio::test]
async fn a_room_is_opened_once_per_idempotency_key() {
    let (_folder, server) = server(&["--api-keys", KEY, "--hosting", "open"]);
    let (player, backend) = (server.client(), server.client().with_key(KEY));
    let open = |client: &Client, key: &'static str, body: &'static str| {
        let client = client.clone();
        async move { post_as(&client, key, "/api/rooms", body).await }
    };
    let (body, same, other) =
        (r#"{"hostName": "Ada", "count": 3}"#, r#"{"count":3,"hostName":"Ada"}"#, r#"{"count": 4}"#);
    let at_once = in_time(async { tokio::join!(open(&player, "k", body), open(&player, "k", same)) }).await;
    let (first, second) = (at_once.0.json(201), at_once.1.json(201));
    assert_eq!(first, second);
    assert_eq!(open(&player, "k", body).await.json(201), first);
    let host = server.client().with_key(first["token"].as_str().unwrap());
    assert_eq!(
        host.get(&format!("/api/rooms/{}", first["roomId"].as_str().unwrap())).await.json(200)["you"]["name"],
        "Ada"
    );
    open(&player, "k", other).await.problem(422, "idempotency-key-reused");
    for another in [open(&player, "l", body).await, open(&backend, "k", body).await] {
        assert_ne!(another.json(201)["roomId"], first["roomId"]);
    }
    // A refused request does not use up its key.
    open(&player, "m", r#"{"quizId": "unknown"}"#).await.problem(404, "quiz-not-found");
    open(&player, "m", body).await.json(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_copies_of_a_join_take_one_seat_with_one_token_or_are_superseded() {
    let (_folder, server) = server(&[]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "count": 1 })).await.json(201);
    let body = json!({ "joinCode": room["joinCode"].as_str().unwrap(), "name": "Ada" });
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
        let path = format!("/api/rooms/{}", room["roomId"].as_str().unwrap());
        let ada = client.with_key(ada["token"].as_str().unwrap());
        good += usize::from(ada.get(&path).await.status == 200);
    }
    assert_eq!(good, 1);
    server.stop().await;
}
