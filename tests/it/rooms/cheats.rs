//! What a player must not learn, and what a player must not do.

use reqwest::Method;
use serde_json::{Value, json};

use super::raw::{Heard, Raw};
use super::{api, fixed_address, join, open, process_at, server};
use crate::support::client::send;
use crate::support::{Client, Reply, Server, questions, until, until_async};

const MARKER: &str = "because-the-marker-says-so";

/// Two questions with this right option, and explanations that are easy to find in a reply.
fn marked(correct: u64) -> Value {
    let mut questions = questions(2);
    for question in questions.as_array_mut().unwrap() {
        question["correctOptionId"] = json!(correct);
        question["explanation"] = json!(format!("{MARKER} {correct}"));
    }
    questions
}

/// Every reply and frame that two players and their host receive while the first question is open, before its
/// reveal.
async fn told_until_the_end_of_a_question(server: &Server, correct: u64) -> Vec<String> {
    let mut told = Vec::new();
    let (client, settings) =
        (server.client(), json!({ "questions": marked(correct), "readyMs": 0, "timeLimitMs": 60_000 }));
    let mut keep = |reply: Reply| -> Value {
        told.push(reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    };
    let room = keep(client.post("/api/rooms", &settings).await);
    let id = room["roomId"].as_str().unwrap();
    let host = client.with_key(room["token"].as_str().unwrap());
    let mut players = Vec::new();
    for name in ["Ada", "Bob"] {
        let seat = keep(client.post("/api/rooms/join", &json!({ "joinCode": room["joinCode"], "name": name })).await);
        let token = seat["token"].as_str().unwrap().to_owned();
        let (raw, welcome) = Raw::resumed(&server.base, id, &token).await;
        players.push((client.with_key(&token), raw, welcome));
    }
    let url = |rest: &str| format!("/api/rooms/{id}{rest}");
    keep(host.post(&url("/start"), &json!({ "at": 0 })).await);
    keep(players[0].0.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 2 })).await);
    keep(players[0].0.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 3 })).await);
    for client in [&host, &players[0].0, &players[1].0] {
        keep(client.get(&url("")).await);
        keep(client.get(&url("/events?after=0")).await);
        keep(client.get(&url("/results")).await);
        told_csv(&mut keep, client, &url("/results?format=csv")).await;
    }
    keep(players[1].0.post(&url("/resume"), &json!({ "epoch": room["epoch"], "lastSequence": 0 })).await);
    keep(client.get(&format!("/api/game/results/{id}")).await);
    let frames = [
        json!({ "type": "snapshot", "id": "1" }),
        json!({ "type": "answer", "id": "2", "questionId": "q0", "optionId": 4 }),
    ];
    let (_, raw, welcome) = &mut players[0];
    told.push(welcome.to_string());
    for frame in frames {
        raw.say(&frame).await;
        loop {
            let Heard::Frame(heard) = raw.hear().await else { panic!("closed") };
            // Presence frames arrive at times that vary.
            if heard["type"] != "presence" {
                told.push(heard.to_string());
            }
            if heard["re"] == frame["id"] {
                break;
            }
        }
    }
    told
}

async fn told_csv(keep: &mut impl FnMut(Reply) -> Value, client: &Client, url: &str) {
    let mut reply = client.get(url).await;
    reply.body = json!(reply.text()).to_string().into_bytes();
    keep(reply);
}

/// The JSON of a reply, without the values that differ from room to room or from moment to moment.
fn timeless(text: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let differs = ["roomId", "token", "joinCode", "epoch", "at", "responseMs"];
                    if differs.contains(&name.as_str()) || name.ends_with("At") || name.ends_with("Time") {
                        *value = Value::Null;
                    }
                    strip(value);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(text).unwrap();
    strip(&mut value);
    value
}

#[tokio::test]
async fn no_message_contains_the_right_answer_before_the_reveal() {
    let (_folder, server) = server(&[]);
    let one = told_until_the_end_of_a_question(&server, 2).await;
    let (_folder, other) = super::server(&[]);
    let other = told_until_the_end_of_a_question(&other, 4).await;
    assert!(one.len() > 15);
    for text in one.iter().chain(&other) {
        for word in [MARKER, "correct_", "correctOptionId\":2", "correctOptionId\":4", "explanation"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    let [one, other] = [one, other].map(|told| told.iter().map(|text| timeless(text)).collect::<Vec<_>>());
    assert_eq!(one, other, "another key, and not a word differs");
}

#[tokio::test]
async fn a_seat_answers_only_for_itself_and_only_once() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    let [ada_client, bob_client] = [&ada, &bob].map(|seat| server.client().with_key(seat.ticket.token.as_str()));
    let for_another = json!({ "questionId": "q0", "optionId": 1, "seatId": bob.seat_id });
    ada_client.post(&url("/answer"), &for_another).await.problem(422, "invalid-request");
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    let mut frame = for_another.clone();
    (frame["type"], frame["id"]) = (json!("answer"), json!("1"));
    assert_eq!(raw.ask(&frame).await["accepted"], true);
    let bobs = bob_client.get(&url("")).await.json(200);
    assert_eq!(bobs["you"]["answered"], false, "{bobs}");
    // Another tab sends another answer: the first one counts.
    let other = json!({ "questionId": "q0", "optionId": 2 });
    let refused = ada_client.post(&url("/answer"), &other).await.problem(404, "question-not-open");
    assert_eq!(refused["reason"], "already-answered");
    let (mut tab, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    let refused = tab.ask(&json!({ "type": "answer", "id": "x", "questionId": "q0", "optionId": 3 })).await;
    assert_eq!((&refused["code"], &refused["reason"]), (&json!("question-not-open"), &json!("already-answered")));
    assert_eq!(raw.closed().await, Some(4409));
    ada_client.post(&url("/next"), &json!({ "at": 1 })).await.problem(403, "host-only");
    ada_client.post(&url("/kick"), &json!({ "at": 1, "seatId": bob.seat_id })).await.problem(403, "host-only");
    ada_client.post(&url(&format!("/seats/{}/code", bob.seat_id)), &json!({})).await.problem(403, "host-only");
    bob_client.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": null })).await.json(200);
    let results = host.get(&url("/results")).await.json(200);
    let mine = results["seats"].as_array().unwrap().iter().find(|seat| seat["seatId"] == ada.seat_id).unwrap();
    assert_eq!(
        mine["answers"],
        json!([{
            "questionId": "q0", "optionId": 1, "answerText": "option 1 of 0", "correct": true,
            "points": mine["total"], "responseMs": mine["answers"][0]["responseMs"],
        }])
    );
}

#[tokio::test]
async fn a_token_is_valid_only_in_its_own_room() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let (one, other) = (open(&api, 1, json!({})).await, open(&api, 1, json!({})).await);
    let ada = join(&api, &one, "Ada").await;
    for token in [ada.ticket.token.as_str(), one.token.as_ref().unwrap().as_str()] {
        let client = server.client().with_key(token);
        for (method, rest) in
            [(Method::GET, ""), (Method::GET, "/events"), (Method::GET, "/results"), (Method::POST, "/resume")]
        {
            let path = format!("/api/rooms/{}{rest}", other.room_id);
            send(client.request(method, &path)).await.problem(401, "bad-token");
        }
        let mut raw = Raw::open(&server.base, &other.room_id).await;
        raw.say(&json!({ "type": "resume", "token": token })).await;
        assert_eq!(raw.closed().await, Some(4401));
    }
}

#[tokio::test]
async fn room_ids_and_solo_game_ids_are_not_interchangeable() {
    let (_folder, server) = server(&[]);
    let (api, client) = (api(&server), server.client());
    let room = open(&api, 1, json!({})).await;
    let id = &room.room_id;
    let host = client.with_key(room.token.as_ref().unwrap().as_str());
    host.post(&format!("/api/rooms/{id}/start"), &json!({ "at": 0 })).await.json(200);
    client.resume(id).await.problem(404, "session-not-found");
    client.results(id).await.problem(404, "session-not-found");
    client.award(id).await.problem(404, "session-not-found");
    client.show(id, "q0").await.problem(404, "session-not-found");
    client.answer(id, 0, 1).await.problem(404, "session-not-found");
    // Deleting a solo game succeeds for any id, but it must not delete a room.
    assert_eq!(client.delete(&format!("/api/game/session/{id}")).await.status, 204);
    host.get(&format!("/api/rooms/{id}")).await.json(200);
    let solo = client.play(1).await;
    for rest in ["", "/events", "/results"] {
        host.get(&format!("/api/rooms/{solo}{rest}")).await.problem(401, "bad-token");
    }
    host.post(&format!("/api/rooms/{solo}/start"), &json!({ "at": 0 })).await.problem(401, "bad-token");
    let mut raw = Raw::open(&server.base, &solo).await;
    raw.say(&json!({ "type": "resume", "token": room.token.as_ref().unwrap().as_str() })).await;
    assert_eq!(raw.closed().await, Some(4401));
    client.answer(&solo, 0, 1).await.json(200);
}

#[tokio::test]
async fn an_answer_after_the_deadline_does_not_count() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({ "timeLimitMs": 1_000 })).await;
    let (ada, _bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    let client = server.client().with_key(ada.ticket.token.as_str());
    until_async(async || client.get(&url("")).await.json(200)["phase"] == "reveal").await;
    let late = client.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 1 })).await;
    assert_eq!(late.problem(404, "question-not-open")["reason"], "too-late");
    let seen = client.get(&url("")).await.json(200);
    assert_eq!((&seen["phase"], &seen["you"]["total"]), (&json!("reveal"), &json!(0)), "{seen}");
}

#[tokio::test]
async fn the_trace_log_contains_no_credential() {
    let folder = tempfile::tempdir().unwrap();
    let server = process_at(&fixed_address(), folder.path(), &["--log", "trace"]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let client = server.client().with_key(ada.ticket.token.as_str());
    client.get(&url("")).await.json(200);
    client.post(&url("/resume"), &json!({})).await.json(200);
    let code = client.post(&url(&format!("/seats/{}/code", ada.seat_id)), &json!({})).await.json(201);
    let code = code["seatCode"].as_str().unwrap().to_owned();
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    raw.ask(&json!({ "type": "snapshot", "id": "1" })).await;
    let taken = api.take_over(&room.join_code, &code).await.unwrap();
    assert_eq!((raw.closed().await, taken.seat_id), (Some(4409), ada.seat_id));
    until(|| server.log().contains("take") || server.log().len() > 1_000).await;
    let log = server.log();
    assert!(log.contains("/api/rooms/"), "it logs requests: {log}");
    let tokens = [&ada.ticket.token, &taken.ticket.token, room.token.as_ref().unwrap()].map(|token| token.as_str());
    for secret in tokens.into_iter().chain([&*code]) {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    server.stop().await;
}
