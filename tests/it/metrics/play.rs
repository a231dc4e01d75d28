//! A little of everything: a solo game, a room, a player who comes back, a limit that is met. And what must be counted
//! of it.

use serde_json::{Value, json};

use super::exposition::Exposition;
use crate::support::client::send;
use crate::support::websocket::{CLOSE, Socket, TEXT};
use crate::support::{Client, questions, right, wrong};

pub(super) async fn all(client: &Client) {
    solo(client).await;
    room(client).await;
    // The first wrong code is one, the second one too many.
    let guess = json!({ "joinCode": "222222", "name": "Eve" });
    client.post("/api/rooms/join", &guess).await.problem(404, "join-code-unknown");
    client.post("/api/rooms/join", &guess).await.problem(429, "too-many-requests");
    client.get("/nowhere").await.problem(404, "not-found");
}

async fn solo(client: &Client) {
    let game = client.play(3).await;
    client.answer(&game, 0, right(0)).await.json(200);
    client.answer(&game, 1, wrong(1)).await.json(200);
    client.answer(&game, 0, right(0)).await.problem(404, "question-not-open");
    client.resume(&game).await.json(200);
    client.resume("01890a5d-ac96-774b-bcce-b302099a8057").await.problem(404, "session-not-found");
}

async fn room(client: &Client) {
    let settings = json!({ "questions": questions(1), "readyMs": 0, "timeLimitMs": 60_000 });
    let room = client.post("/api/rooms", &settings).await.json(201);
    let join = json!({ "joinCode": room["joinCode"], "name": "Ada" });
    let ada = client.post("/api/rooms/join", &join).await.json(201);
    let path = format!("/api/rooms/{}", room["roomId"].as_str().expect("an id"));
    let (mut socket, welcome) = resume(client, &path, json!({ "token": ada["token"] })).await;
    drop(socket);
    let host = client.with_key(room["token"].as_str().expect("a token"));
    host.post(&format!("{path}/start"), &json!({ "at": 0 })).await.json(200);
    // What happened meanwhile is replayed.
    let known = json!({ "token": ada["token"], "epoch": welcome["epoch"], "lastSequence": welcome["head"] });
    (socket, _) = resume(client, &path, known).await;
    hear(&mut socket, "event").await;
    let answer = json!({ "type": "answer", "id": "1", "questionId": "q0", "optionId": right(0) });
    say(&mut socket, &answer).await;
    hear(&mut socket, "reply").await;
    // The only player has answered, so the question closes, and that is an event.
    hear(&mut socket, "event").await;
    say(&mut socket, &json!({ "type": "dance" })).await;
    hear(&mut socket, "error").await;
    let page = send(host.request(reqwest::Method::GET, &format!("{path}/events?after=0"))).await.json(200);
    assert!(page["events"].as_array().expect("events").len() >= 3, "{page}");
    // A frame that is no JSON ends the connection.
    socket.say(TEXT, b"nonsense").await;
    while !matches!(socket.hear().await, Some((CLOSE, _)) | None) {}
}

async fn resume(client: &Client, path: &str, mut frame: Value) -> (Socket, Value) {
    let mut socket = Socket::open(client, &format!("{path}/ws")).await;
    frame["type"] = json!("resume");
    say(&mut socket, &frame).await;
    let welcome = hear(&mut socket, "welcome").await;
    (socket, welcome)
}

async fn say(socket: &mut Socket, frame: &Value) {
    socket.say(TEXT, frame.to_string().as_bytes()).await;
}

/// The next frame of this type. Other frames are skipped.
async fn hear(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let (first, payload) = socket.hear().await.expect("the connection goes on");
        assert_ne!(first, CLOSE, "closed before a {kind}");
        let frame: Value = if first == TEXT { serde_json::from_slice(&payload).expect("JSON") } else { Value::Null };
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// Checks the counters after [`all`].
pub(super) fn is_counted(found: &Exposition) {
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(found.value(name, labels), expected, "{name} {labels:?}");
    };
    let at_least = |name: &str, labels: &[(&str, &str)], least: f64| {
        let value = found.value(name, labels);
        assert!(value >= least, "{name} {labels:?}: {value}");
    };
    for (game, outcome, count) in [
        ("solo", "right", 1.0),
        ("solo", "wrong", 1.0),
        ("solo", "repeated", 1.0),
        ("room", "accepted", 1.0),
        ("room", "repeated", 0.0),
    ] {
        is("rejoin_answers_total", &[("game", game), ("outcome", outcome)], count);
    }
    for (game, outcome, count) in [
        ("solo", "recovered", 1.0),
        ("solo", "refused", 1.0),
        ("room", "first", 1.0),
        ("room", "recovered", 1.0),
        ("room", "snapshot", 0.0),
    ] {
        is("rejoin_resumes_total", &[("game", game), ("outcome", outcome)], count);
    }
    is("rejoin_limit_hits_total", &[("limit", "REJOIN_UNKNOWN_CODES_PER_ADDRESS")], 1.0);
    is("rejoin_limit_hits_total", &[("limit", "REJOIN_CREATES")], 0.0);
    is("rejoin_refusals_total", &[("code", "join-code-unknown")], 1.0);
    is("rejoin_refusals_total", &[("code", "too-many-requests")], 1.0);
    is("rejoin_refusals_total", &[("code", "invalid-request")], 1.0);
    is("rejoin_websocket_closes_total", &[("code", "4400")], 1.0);
    is("rejoin_websocket_closes_total", &[("code", "none")], 1.0);
    at_least("rejoin_websocket_frames_total", &[("direction", "in")], 5.0);
    at_least("rejoin_websocket_frames_total", &[("direction", "out")], 6.0);
    for way in ["live", "replay", "http"] {
        at_least("rejoin_events_delivered_total", &[("way", way)], 1.0);
    }
    at_least("rejoin_events_recorded_total", &[], 3.0);
    is("rejoin_http_requests_total", &[("route", "/api/game/answer"), ("status", "200")], 2.0);
    is("rejoin_http_requests_total", &[("route", "/api/game/answer"), ("status", "404")], 1.0);
    is("rejoin_http_requests_total", &[("route", "/api/rooms/{id}/ws"), ("status", "101")], 2.0);
    is("rejoin_http_requests_total", &[("route", "(not routed)"), ("status", "404")], 1.0);
    is("rejoin_http_request_duration_seconds_count", &[("group", "upgrade")], 2.0);
    let created = [("store", "main"), ("engine", "valkey"), ("operation", "create")];
    is("rejoin_store_call_duration_seconds_count", &created, 2.0);
    is("rejoin_store_errors_total", &[], 0.0);
    is("rejoin_sessions", &[("store", "main"), ("state", "live")], 2.0);
    at_least("rejoin_store_commits_total", &[("store", "main")], 8.0);
    at_least("rejoin_store_batch_commands_count", &[("store", "main")], 6.0);
    at_least("rejoin_valkey_call_duration_seconds_count", &[], 8.0);
    at_least("rejoin_store_file_bytes", &[("file", "database")], 1_000_000.0);
    at_least("rejoin_store_reserve_bytes", &[], 1_000_000.0);
}
