//! Returning to a seat: many times in a row, after all events are pruned, and from another tab. Also requests
//! whose replies were lost.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::raw::{Heard, Raw};
use super::{api, connected, event, join, open, server};
use crate::support::Client;
use crate::support::client::send;
use crate::support::until;

fn resume(token: &str, known: Option<(&str, u64)>) -> Value {
    let mut frame = json!({ "type": "resume", "token": token });
    if let Some((epoch, last)) = known {
        (frame["epoch"], frame["lastSequence"]) = (json!(epoch), json!(last));
    }
    frame
}

async fn present(client: &Client, room: &str) -> Vec<u64> {
    let snapshot = client.get(&format!("/api/rooms/{room}")).await.json(200);
    let seats = snapshot["seats"].as_array().unwrap().iter();
    seats.filter(|seat| seat["present"] == true).filter_map(|seat| seat["seatId"].as_u64()).collect()
}

#[tokio::test]
async fn ten_lost_connections_in_a_row_miss_and_repeat_no_event() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let seat = join(&api, &room, "Ada").await;
    let (connection, mut happenings) = connected(&api, &seat.ticket).await;
    for n in 0..10 {
        connection.cut();
        join(&api, &room, &format!("Guest {n}")).await;
        let joined = event(&mut happenings, "joined").await;
        assert_eq!(joined.payload["name"], format!("Guest {n}"));
        until(|| connection.figures().welcomes == n + 2).await;
    }
    let figures = connection.figures();
    assert_eq!((figures.recovered, figures.snapshots), (10, 0));
    assert!(connection.faults().is_clean(), "{:?}", connection.faults());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_ten_simultaneous_connections_of_a_seat_stays() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let seat = join(&api, &room, "Ada").await;
    let (mut racing, all_ended) = (JoinSet::new(), CancellationToken::new());
    for _ in 0..10 {
        let (base, ticket, all_ended) = (server.base.clone(), seat.ticket.clone(), all_ended.clone());
        racing.spawn(async move {
            let mut raw = Raw::open(&base, &ticket.room_id).await;
            raw.say(&resume(ticket.token.as_str(), None)).await;
            let code = all_ended.run_until_cancelled(raw.closed()).await;
            (code, raw)
        });
    }
    for _ in 0..9 {
        let (code, _) = racing.join_next().await.expect("one of ten").expect("no panic");
        assert_eq!(code, Some(Some(4409)));
    }
    all_ended.cancel();
    let (code, mut raw) = racing.join_next().await.expect("the tenth").expect("no panic");
    assert_eq!(code, None);
    raw.say(&json!({ "type": "heartbeat" })).await;
    raw.frame("heartbeat").await;
}

#[tokio::test]
async fn sequence_numbers_continue_after_all_events_are_pruned() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    join(&api, &room, "Bob").await;
    let id = &room.room_id;
    let tokens = [ada.ticket.token.as_str(), room.token.as_ref().unwrap().as_str()];
    let [client, host] = tokens.map(|token| server.client().with_key(token));
    let head = client.get(&format!("/api/rooms/{id}")).await.json(200)["head"].as_u64().unwrap();
    for client in [&client, &host] {
        client.post(&format!("/api/rooms/{id}/ack"), &json!({ "sequence": head })).await.json(200);
    }
    // Bob's seat began at the head, so now every seat has every event and all are pruned.
    let page = client.get(&format!("/api/rooms/{id}/events?after=0")).await.json(200);
    assert_eq!((&page["recovered"], &page["snapshot"]["head"]), (&json!(false), &json!(head)), "{page}");
    let token = ada.ticket.token.as_str();
    let mut raw = Raw::open(&server.base, id).await;
    raw.say(&resume(token, Some((&room.epoch, head)))).await;
    let welcome = raw.frame("welcome").await;
    assert_eq!((&welcome["recovered"], &welcome["head"]), (&json!(true), &json!(head)));
    join(&api, &room, "Cleo").await;
    assert_eq!(raw.frame("event").await["sequence"], head + 1);
    raw.cut();
    for (epoch, last) in [(&*room.epoch, 0), (&*room.epoch, head + 9), ("0123456789ab", head)] {
        let mut raw = Raw::open(&server.base, id).await;
        raw.say(&resume(token, Some((epoch, last)))).await;
        let welcome = raw.frame("welcome").await;
        assert_eq!(
            (&welcome["recovered"], &welcome["snapshot"]["head"]),
            (&json!(false), &json!(head + 1)),
            "{epoch} {last}"
        );
    }
}

#[tokio::test]
async fn a_resume_whose_welcome_is_lost_can_be_repeated() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    for n in 0..20 {
        join(&api, &room, &format!("Guest {n}")).await;
    }
    let (id, token) = (&room.room_id, ada.ticket.token.as_str());
    for _ in 0..10 {
        let mut raw = Raw::open(&server.base, id).await;
        raw.say(&resume(token, Some((&room.epoch, 1)))).await;
        raw.cut();
    }
    let mut raw = Raw::open(&server.base, id).await;
    raw.say(&resume(token, Some((&room.epoch, 1)))).await;
    let welcome = raw.frame("welcome").await;
    assert_eq!(welcome["recovered"], true);
    for sequence in 2..=21 {
        assert_eq!(raw.frame("event").await["sequence"], sequence);
    }
}

#[tokio::test]
async fn a_newer_tab_closes_the_older_one_whose_late_end_changes_nothing() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let ada = join(&api, &room, "Ada").await;
    let (id, token) = (&room.room_id, ada.ticket.token.as_str());
    let host = room.token.as_ref().unwrap().as_str();
    let (mut watching, _) = Raw::resumed(&server.base, id, host).await;
    let (mut older, first) = Raw::resumed(&server.base, id, token).await;
    let (mut newer, second) = Raw::resumed(&server.base, id, token).await;
    assert!(second["generation"].as_u64() > first["generation"].as_u64());
    assert_eq!(older.closed().await, Some(4409));
    let client = server.client().with_key(host);
    let begun = Instant::now();
    // The old socket ends long after the new connection has taken over.
    tokio::time::sleep(Duration::from_millis(600)).await;
    older.cut();
    while begun.elapsed() < Duration::from_secs(2) {
        assert!(present(&client, id).await.contains(&ada.seat_id));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let head = newer.ask(&json!({ "type": "snapshot", "id": "s" })).await["snapshot"]["head"].clone();
    assert_eq!(head, second["head"], "nothing happened in the room");
    watching.say(&json!({ "type": "snapshot", "id": "s" })).await;
    loop {
        match watching.hear().await {
            Heard::Frame(frame) if frame["re"] == "s" => break,
            Heard::Frame(frame) => assert_eq!(frame["type"], "presence", "{frame}"),
            Heard::Closed(code) => panic!("{code:?}"),
        }
    }
}

#[tokio::test]
async fn a_repeated_join_gives_the_same_seat_a_new_token() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let first = api.join_as(&room.join_code, "Ada", "key").await.unwrap();
    let second = api.join_as(&room.join_code, "Ada", "key").await.unwrap();
    assert_eq!(first.seat_id, second.seat_id);
    assert_ne!(first.ticket.token, second.ticket.token);
    let path = format!("/api/rooms/{}", room.room_id);
    server.client().with_key(first.ticket.token.as_str()).get(&path).await.problem(401, "bad-token");
    Raw::resumed(&server.base, &room.room_id, second.ticket.token.as_str()).await.0.cut();
    let again = send(
        server
            .client()
            .request(Method::POST, "/api/rooms/join")
            .header("Idempotency-Key", "key")
            .json(&json!({ "joinCode": room.join_code, "name": "Ada" })),
    )
    .await;
    again.problem(409, "already-connected");
    server.client().with_key(second.ticket.token.as_str()).get(&path).await.json(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_copies_of_a_join_take_one_seat_with_one_valid_token() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    for round in 0..5 {
        let mut copies = JoinSet::new();
        for _ in 0..20 {
            let (api, code) = (api.clone(), room.join_code.clone());
            let (name, key) = (format!("Ada {round}"), format!("key {round}"));
            copies.spawn(async move { api.join_as(&code, &name, &key).await.unwrap() });
        }
        let seats = copies.join_all().await;
        assert!(seats.iter().all(|seat| seat.seat_id == seats[0].seat_id));
        let mut good = 0;
        for seat in seats {
            let client = server.client().with_key(seat.ticket.token.as_str());
            good += usize::from(client.get(&format!("/api/rooms/{}", room.room_id)).await.status == 200);
        }
        assert_eq!(good, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_hosts_next_advance_the_game_once() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 6, json!({})).await;
    let (id, token) = (room.room_id.clone(), room.token.clone().unwrap());
    let client = server.client().with_key(token.as_str());
    let (mut raw, _) = Raw::resumed(&server.base, &id, token.as_str()).await;
    client.post(&format!("/api/rooms/{id}/start"), &json!({ "at": 0 })).await.json(200);
    let mut at = 1;
    for (over_http, over_socket) in [(2, 0), (0, 2), (2, 2), (1, 3)] {
        let closed = client.post(&format!("/api/rooms/{id}/close"), &json!({ "at": at })).await.json(200);
        assert_eq!(closed["moved"], true, "{closed}");
        at += 1;
        let mut copies = JoinSet::new();
        for _ in 0..over_http {
            let (client, path) = (client.clone(), format!("/api/rooms/{id}/next"));
            copies.spawn(async move { client.post(&path, &json!({ "at": at })).await.json(200)["moved"] == true });
        }
        for n in 0..over_socket {
            raw.say(&json!({ "type": "next", "id": format!("{at}-{n}"), "at": at })).await;
        }
        let mut moved = 0;
        for n in 0..over_socket {
            moved += usize::from(raw.answer(&format!("{at}-{n}")).await["moved"] == true);
        }
        moved += copies.join_all().await.into_iter().filter(|moved| *moved).count();
        assert_eq!(moved, 1);
        at += 1;
        let snapshot = client.get(&format!("/api/rooms/{id}")).await.json(200);
        assert_eq!(snapshot["phaseNumber"], at, "{snapshot}");
    }
}

#[tokio::test]
async fn replayed_events_hide_the_name_of_a_kicked_player() {
    let (_folder, server) = server(&[]);
    let api = api(&server);
    let room = open(&api, 1, json!({})).await;
    let (id, host) = (&room.room_id, room.token.as_ref().unwrap().as_str());
    // While somebody listens, the newest events stay in the log for everybody.
    let (mut listening, _) = Raw::resumed(&server.base, id, host).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    for name in ["Ada", "Bob"] {
        assert_eq!(listening.frame("event").await["payload"]["name"], name);
    }
    let client = server.client().with_key(host);
    let kick = json!({ "at": 0, "seatId": bob.seat_id });
    client.post(&format!("/api/rooms/{id}/kick"), &kick).await.json(200);
    assert_eq!(listening.frame("event").await["event"], "kicked");
    let joined = |event: &Value| (event["payload"]["seatId"].clone(), event["payload"]["name"].clone());
    let told = [(json!(ada.seat_id), json!("Ada")), (json!(bob.seat_id), Value::Null)];
    let mut raw = Raw::open(&server.base, id).await;
    raw.say(&resume(ada.ticket.token.as_str(), Some((&room.epoch, 0)))).await;
    assert_eq!(raw.frame("welcome").await["recovered"], true);
    let again = [raw.frame("event").await, raw.frame("event").await];
    assert_eq!(again.each_ref().map(joined), told);
    let page = client.get(&format!("/api/rooms/{id}/events?after=0")).await.json(200);
    assert_eq!([&page["events"][0], &page["events"][1]].map(joined), told);
}
