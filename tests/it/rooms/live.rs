//! The WebSocket of a room: what closes it, what does not, and what it carries.

use std::time::{Duration, Instant};

use rejoin::client::ClientEvent;
use serde_json::{Value, json};

use super::raw::{Heard, Raw};
use super::{api, connected, event, fixed_address, happening, join, open, process_at, server, welcome};
use crate::support::{Client, KEY};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn a_connection_without_a_valid_resume_is_closed() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    // Before the connection is opened: its five seconds begin at the server while this test may have to wait.
    let begun = Instant::now();
    let mut silent = Raw::open(&server.base, &room.room_id).await;
    let (mut good, _) = Raw::resumed(&server.base, &room.room_id, room.token.as_ref().unwrap().as_str()).await;
    for (first, code) in [
        ("{", 4400),
        ("[]", 4400),
        (r#"{"type":"heartbeat"}"#, 4400),
        (r#"{"type":"resume"}"#, 4401),
        (r#"{"type":"resume","token":"x"}"#, 4401),
        (r#"{"type":"resume","token":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, 4401),
    ] {
        let mut raw = Raw::open(&server.base, &room.room_id).await;
        raw.text(first).await;
        assert_eq!(raw.closed().await, Some(code), "{first}");
    }
    let mut raw = Raw::open(&server.base, NOBODY).await;
    raw.say(&json!({ "type": "resume", "token": room.token.as_ref().unwrap().as_str() })).await;
    assert_eq!(raw.closed().await, Some(4401), "a token of no seat there, nor of a room");
    assert_eq!(silent.closed().await, Some(4400));
    assert!(begun.elapsed() >= Duration::from_secs(5));
    good.say(&json!({ "type": "heartbeat" })).await;
    good.frame("heartbeat").await;
}

#[tokio::test]
async fn an_invalid_request_gets_an_error_and_only_an_invalid_frame_closes() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let bob = join(&api, &room, "Bob").await;
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    let (mut other, _) = Raw::resumed(&server.base, &room.room_id, bob.ticket.token.as_str()).await;
    let error = raw.ask(&json!({ "type": "dance", "id": "1" })).await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("invalid-request")));
    raw.say(&json!({ "type": "dance" })).await;
    assert_eq!(raw.frame("error").await["re"], Value::Null);
    let error = raw.ask(&json!({ "type": "answer", "id": "2", "questionId": "q0" })).await;
    assert_eq!(error["code"], "invalid-request", "an option that is missing is no answer: {error}");
    let long = "x".repeat(65);
    raw.say(&json!({ "type": "snapshot", "id": long })).await;
    assert_eq!(raw.frame("error").await["code"], "invalid-request");
    let reply = raw.ask(&json!({ "type": "snapshot", "id": "3", "colour": "red", "deep": { "a": [1] } })).await;
    assert_eq!((&reply["type"], &reply["snapshot"]["phase"]), (&json!("reply"), &json!("lobby")));
    // A second `resume` on an open connection is refused and changes nothing.
    raw.say(&json!({ "type": "resume", "token": "x", "id": "4" })).await;
    assert_eq!(raw.answer("4").await["type"], "error");
    raw.text("nonsense").await;
    assert_eq!(raw.closed().await, Some(4400));
    other.say(&json!({ "type": "heartbeat" })).await;
    other.frame("heartbeat").await;
}

#[tokio::test]
async fn a_repeated_request_is_carried_out_once_whatever_its_id() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let (mut host, _) = Raw::resumed(&server.base, &room.room_id, room.token.as_ref().unwrap().as_str()).await;
    let start = json!({ "type": "start", "id": "1", "at": 0 });
    for _ in 0..2 {
        assert_eq!(host.ask(&start).await["moved"], true);
    }
    join(&api, &room, "Bob").await;
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    let answer = json!({ "type": "answer", "id": "a", "questionId": "q0", "optionId": 2 });
    let first = raw.ask(&answer).await;
    assert_eq!(first["accepted"], true, "{first}");
    assert_eq!(raw.ask(&answer).await, first);
    // The repeat works on the next connection too, although the question has closed by then. An answer
    // belongs to its question and not to its id or key: under the same ones the next question can be
    // answered.
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    assert_eq!(raw.ask(&answer).await, first);
    let other = json!({ "type": "answer", "id": "a", "questionId": "q0", "optionId": 3 });
    assert_eq!(raw.ask(&other).await["code"], "question-not-open");
    assert_eq!(host.ask(&json!({ "type": "next", "id": "3", "at": 2 })).await["moved"], true);
    let next = json!({ "type": "answer", "id": "a", "key": "a", "questionId": "q1", "optionId": 2 });
    assert_eq!((&raw.ask(&next).await["accepted"], &raw.ask(&answer).await), (&json!(true), &first));
}

#[tokio::test]
async fn a_flood_of_frames_closes_the_connection_and_a_burst_does_not() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    raw.burst(&json!({ "type": "heartbeat" }), 80).await;
    for _ in 0..80 {
        raw.frame("heartbeat").await;
    }
    raw.burst(&json!({ "type": "heartbeat" }), 400).await;
    assert_eq!(raw.closed().await, Some(4429));
}

#[tokio::test]
async fn single_requests_have_the_frame_limit_of_their_seat() {
    let (_folder, server) = server(&["--api-keys", KEY, "--frames-per-second", "1"]);
    let backend = server.client().with_key(KEY);
    let opened = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", opened["roomId"].as_str().unwrap());
    let mut players = Vec::new();
    for name in ["Ada", "Bob"] {
        let seat = backend.post(&url("/seats"), &json!({ "name": name })).await.json(201);
        players.push(server.client().with_key(seat["token"].as_str().unwrap()));
    }
    let beat = |client: &Client| {
        let (client, url) = (client.clone(), url("/heartbeat"));
        async move { client.post(&url, &json!({})).await }
    };
    let of = |client: &Client| futures_util::future::join_all((0..30).map(|_| beat(client)));
    let replies = of(&players[0]).await;
    let allowed = replies.iter().filter(|reply| reply.status == 200).count();
    assert!((6..30).contains(&allowed), "{allowed}");
    let refused = replies.iter().find(|reply| reply.status != 200).unwrap();
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Reads do not count, another seat has its own limit, and a backend has none.
    players[0].get(&url("")).await.json(200);
    beat(&players[1]).await.json(200);
    assert!(of(&backend).await.iter().all(|reply| reply.status == 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_all_connections_and_a_start_recovers_them() {
    let folder = tempfile::tempdir().unwrap();
    let address = fixed_address();
    let server = process_at(&address, folder.path(), &[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let mut seats = Vec::new();
    for n in 0..20 {
        let seat = join(&api, &room, &format!("Player {n}")).await;
        seats.push(connected(&api, &seat.ticket).await);
    }
    server.stop().await;
    let server = process_at(&address, folder.path(), &[]);
    for (connection, happenings) in &mut seats {
        let code = happening(happenings, |happening| match happening {
            ClientEvent::Disconnected(lost) => Some(lost.code),
            _ => None,
        });
        assert_eq!(code.await, Some(1001));
        assert!(welcome(happenings).await.recovered);
        assert!(connection.faults().is_clean(), "{:?}", connection.faults());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_seat_that_leaves_or_is_kicked_gets_its_close_code() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let token = room.token.clone().unwrap();
    let host = server.client().with_key(token.as_str());
    let mut seats = Vec::new();
    for name in ["Ada", "Bob", "Cleo"] {
        let seat = join(&api, &room, name).await;
        let (raw, _) = Raw::resumed(&server.base, &room.room_id, seat.ticket.token.as_str()).await;
        seats.push((seat, raw));
    }
    let (ada, raw) = &mut seats[0];
    raw.say(&json!({ "type": "leave", "id": "1" })).await;
    assert_eq!(raw.closed().await, Some(1000));
    let mut raw = Raw::open(&server.base, &room.room_id).await;
    raw.say(&json!({ "type": "resume", "token": ada.ticket.token.as_str() })).await;
    assert_eq!(raw.closed().await, Some(4401));
    let (bob, raw) = &mut seats[1];
    let kick = json!({ "at": 0, "seatId": bob.seat_id });
    assert_eq!(host.post(&format!("/api/rooms/{}/kick", room.room_id), &kick).await.json(200)["moved"], true);
    assert_eq!(raw.closed().await, Some(4403));
    let mut raw = Raw::open(&server.base, &room.room_id).await;
    raw.say(&json!({ "type": "resume", "token": bob.ticket.token.as_str() })).await;
    assert_eq!(raw.closed().await, Some(4403));
    // After the end of the game too, a seat that leaves gets 1000, and not the code of a superseded tab.
    host.post(&format!("/api/rooms/{}/finish", room.room_id), &json!({ "at": 0 })).await.json(200);
    let (_, raw) = &mut seats[2];
    raw.say(&json!({ "type": "leave", "id": "1" })).await;
    assert_eq!(raw.closed().await, Some(1000));
}

#[tokio::test]
async fn an_expired_room_closes_its_connections() {
    let (_folder, server) = server(&["--room-ttl", "10s", "--room-max-age", "10s"]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let token = room.token.as_ref().unwrap().as_str();
    let (mut raw, _) = Raw::resumed(&server.base, &room.room_id, token).await;
    assert_eq!(raw.closed().await, Some(4404));
    let mut raw = Raw::open(&server.base, &room.room_id).await;
    raw.say(&json!({ "type": "resume", "token": token })).await;
    assert_eq!(raw.closed().await, Some(4401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_has_no_sequence_number_and_comes_at_most_four_times_a_second() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let (mut watching, _) = Raw::resumed(&server.base, &room.room_id, room.token.as_ref().unwrap().as_str()).await;
    let (base, begun) = (server.base.clone(), Instant::now());
    let coming = tokio::spawn(async move {
        loop {
            let (raw, _) = Raw::resumed(&base, &ada.ticket.room_id, ada.ticket.token.as_str()).await;
            raw.cut();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    });
    let mut count = 0;
    while count < 8 {
        let heard = watching.hear().await;
        let Heard::Frame(frame) = heard else { panic!("{heard:?}") };
        assert_eq!((&frame["type"], &frame["sequence"]), (&json!("presence"), &Value::Null), "{frame}");
        count += 1;
    }
    // One presence frame may already have been on its way.
    assert!(begun.elapsed() > Duration::from_millis(250) * (count - 2), "{count} in {:?}", begun.elapsed());
    coming.abort();
}

#[tokio::test]
async fn a_host_plays_from_two_devices_at_once() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ticket = room.ticket().unwrap();
    let (laptop, mut on_laptop) = connected(&api, &ticket).await;
    let (phone, mut on_phone) = connected(&api, &ticket).await;
    join(&api, &room, "Ada").await;
    event(&mut on_laptop, "joined").await;
    event(&mut on_phone, "joined").await;
    assert!(phone.host_move("start", json!({ "at": 0 })).await.unwrap().moved);
    event(&mut on_laptop, "question").await;
    phone.close();
    assert!(laptop.host_move("close", json!({ "at": 1 })).await.unwrap().moved);
    let snapshot = laptop.snapshot().await.unwrap();
    assert_eq!(snapshot["seats"][0]["present"], true, "{snapshot}");
    assert_eq!((laptop.stopped(), laptop.figures().welcomes), (None, 1));
}
