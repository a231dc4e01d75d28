//! External rooms: the game runs elsewhere. A backend gives users their seats, receives their messages and
//! records events.

use rejoin::client::{Api, ClientEvent, ConnectOptions, SeatCredentials, connect};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::raw::{Heard, Raw};
use super::{api, event, happening, server, welcome};
use crate::support::client::send;
use crate::support::{Client, KEY, Server};

/// An external room on a server with an API key, and the client of its backend.
struct Game {
    _folder: TempDir,
    server: Server,
    api: Api,
    backend: Client,
    room: String,
}

async fn game() -> Game {
    let (folder, server) = server(&["--api-keys", KEY]);
    let api = api(&server);
    let room = api.open(&json!({ "mode": "external" }), Some(KEY)).await.unwrap().room_id;
    Game { _folder: folder, backend: server.client().with_key(KEY), server, api, room }
}

impl Game {
    fn url(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.room)
    }

    /// Gives a user a seat. Returns the number of the seat and its token.
    async fn seat(&self, user: &str) -> (u64, String) {
        let seated = self.backend.post(&self.url("/seats"), &json!({ "userId": user, "name": user })).await.json(201);
        (seated["seatId"].as_u64().unwrap(), seated["token"].as_str().unwrap().to_owned())
    }

    async fn record(&self, body: Value) -> u64 {
        self.backend.post(&self.url("/events"), &body).await.json(201)["sequence"].as_u64().unwrap()
    }
}

#[tokio::test]
async fn only_a_backend_can_open_an_external_room() {
    let body = json!({ "mode": "external" });
    for args in [&[][..], &["--api-keys", KEY]] {
        let (_folder, server) = server(args);
        server.client().post("/api/rooms", &body).await.problem(403, "api-key-required");
    }
    let (_folder, server) = server(&["--api-keys", KEY]);
    server.client().with_key("no-key-of-this-server").post("/api/rooms", &body).await.problem(401, "api-key-invalid");
    let opened = server.client().with_key(KEY).post("/api/rooms", &body).await.json(201);
    assert!(opened.get("seatId").is_none() && opened.get("token").is_none(), "{opened}");
    // Rooms with own questions need the key as well.
    let own = json!({ "questions": crate::support::questions(1) });
    server.client().post("/api/rooms", &own).await.problem(403, "api-key-required");
}

#[tokio::test]
async fn a_user_has_one_seat_and_only_the_newest_token_is_valid() {
    let game = game().await;
    let (seat, old) = game.seat("ada").await;
    let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, &old).await;
    let (again, fresh) = game.seat("ada").await;
    assert_eq!(seat, again);
    assert_eq!(raw.closed().await, Some(4409));
    let path = game.url("");
    game.server.client().with_key(&old).get(&path).await.problem(401, "bad-token");
    let seen = game.server.client().with_key(&fresh).get(&path).await.json(200);
    assert_eq!(
        (&seen["mode"], &seen["phase"], &seen["you"]["seatId"]),
        (&json!("external"), &Value::Null, &json!(seat))
    );
    let (other, _) = game.seat("bob").await;
    assert_ne!(seat, other);
    // Only the backend may give seats, revoke them and record events.
    let player = game.server.client().with_key(&fresh);
    player.post(&game.url("/seats"), &json!({ "name": "Cleo" })).await.problem(403, "api-key-required");
    player.post(&game.url("/events"), &json!({ "type": "x" })).await.problem(403, "api-key-required");
    player.delete(&game.url(&format!("/seats/{other}"))).await.problem(403, "api-key-required");
}

#[tokio::test]
async fn a_backend_receives_messages_in_order_and_presence() {
    let game = game().await;
    let ticket = SeatCredentials::new(&*game.room, KEY);
    let (backend, mut happenings) = connect(ticket, ConnectOptions::new(game.api.bases()));
    let welcomed = welcome(&mut happenings).await;
    assert_eq!((welcomed.seat_id, &welcomed.snapshot["you"]), (None, &Value::Null));
    let mut seats = Vec::new();
    for name in ["ada", "bob"] {
        let (seat, token) = game.seat(name).await;
        let ticket = SeatCredentials::new(&*game.room, token);
        seats.push((seat, connect(ticket, ConnectOptions::new(game.api.bases()))));
    }
    let mut said = Vec::new();
    for n in 0..10 {
        let (seat, (connection, _)) = &seats[n % 2];
        let sequence = connection.say(json!({ "move": n })).await.unwrap();
        said.push((sequence, *seat, n));
    }
    for (sequence, seat, n) in said {
        let heard = event(&mut happenings, "said").await;
        assert_eq!(heard.sequence, sequence);
        assert_eq!(heard.payload, json!({ "seatId": seat, "payload": { "move": n } }));
    }
    let snapshot = backend.snapshot().await.unwrap();
    assert!(snapshot["seats"].as_array().unwrap().iter().all(|seat| seat["present"] == true), "{snapshot}");
    // A player who disconnects is reported as not present.
    seats[0].1.0.close();
    let other = vec![seats[1].0];
    happening(&mut happenings, |happening| match happening {
        ClientEvent::Presence(presence) if presence.present == other => Some(()),
        _ => None,
    })
    .await;
    for (_, (connection, _)) in &seats {
        assert!(connection.faults().is_clean(), "{:?}", connection.faults());
    }
    assert!(backend.faults().is_clean(), "{:?}", backend.faults());
}

#[tokio::test]
async fn an_event_for_some_seats_is_a_skip_for_the_others() {
    let game = game().await;
    let (ada, ada_token) = game.seat("ada").await;
    let (_, bob_token) = game.seat("bob").await;
    let (mut to_ada, _) = Raw::resumed(&game.server.base, &game.room, &ada_token).await;
    let (mut to_bob, _) = Raw::resumed(&game.server.base, &game.room, &bob_token).await;
    let head = game.record(json!({ "type": "dealt", "payload": { "card": "queen" }, "to": [ada] })).await;
    game.record(json!({ "events": [{ "type": "turn", "payload": { "seat": ada } }, { "type": "tick" }] })).await;
    let dealt = to_ada.frame("event").await;
    assert_eq!(
        (&dealt["event"], &dealt["payload"], &dealt["sequence"]),
        (&json!("dealt"), &json!({ "card": "queen" }), &json!(head))
    );
    assert_eq!(to_bob.frame("skip").await, json!({ "type": "skip", "sequence": head }));
    for raw in [&mut to_ada, &mut to_bob] {
        let (turn, tick) = (raw.frame("event").await, raw.frame("event").await);
        assert_eq!((&turn["sequence"], &tick["sequence"]), (&json!(head + 1), &json!(head + 2)));
        assert_eq!((&turn["event"], &tick["payload"]), (&json!("turn"), &Value::Null));
    }
    let client = game.server.client().with_key(&bob_token);
    let page = client.get(&game.url(&format!("/events?after={}", head - 1))).await.json(200);
    assert_eq!(page["events"][0], json!({ "type": "skip", "sequence": head }));
    let page = game.backend.get(&game.url(&format!("/events?after={}", head - 1))).await.json(200);
    assert_eq!(page["events"][0]["payload"]["card"], "queen");
}

#[tokio::test]
async fn a_record_is_written_once_and_only_on_the_expected_head() {
    let game = game().await;
    game.seat("ada").await;
    let head = game.record(json!({ "type": "x" })).await;
    let stale = json!({ "type": "y", "expected": head - 1 });
    let problem = game.backend.post(&game.url("/events"), &stale).await.problem(409, "head-moved");
    assert_eq!(problem["head"], head);
    assert_eq!(game.record(json!({ "type": "y", "expected": head })).await, head + 1);
    let once = |body: Value| {
        send(game.backend.request(Method::POST, &game.url("/events")).header("Idempotency-Key", "k").json(&body))
    };
    let body = json!({ "type": "z", "payload": [1] });
    for _ in 0..3 {
        assert_eq!(once(body.clone()).await.json(201)["sequence"], head + 2);
    }
    once(json!({ "type": "z", "payload": [2] })).await.problem(422, "idempotency-key-reused");
    // Over the WebSocket the frame's id takes the place of an idempotency key, on the next connection too.
    let record = json!({ "type": "record", "id": "r", "events": [{ "type": "w" }] });
    let (mut raw, welcomed) = Raw::resumed(&game.server.base, &game.room, KEY).await;
    assert_eq!(raw.ask(&record).await["sequence"], head + 3);
    let mut raw = Raw::open(&game.server.base, &game.room).await;
    let known = json!({ "type": "resume", "token": KEY, "epoch": welcomed["epoch"], "lastSequence": head + 2 });
    raw.say(&known).await;
    assert_eq!(raw.ask(&record).await["sequence"], head + 3);
    let for_one =
        json!({ "type": "record", "id": "t", "key": "k", "events": [{ "type": "z", "payload": [1], "to": [1] }] });
    let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, KEY).await;
    assert_eq!(raw.ask(&for_one).await["code"], "idempotency-key-reused", "it is for another one");
    let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, KEY).await;
    let stale = raw.ask(&json!({ "type": "record", "id": "s", "events": [{ "type": "w" }], "expected": 1 })).await;
    assert_eq!((&stale["code"], &stale["head"]), (&json!("head-moved"), &json!(head + 3)));
}

#[tokio::test]
async fn a_revoked_seat_is_gone_at_once() {
    let game = game().await;
    let (seat, token) = game.seat("ada").await;
    let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, &token).await;
    assert_eq!(game.backend.delete(&game.url(&format!("/seats/{seat}"))).await.status, 204);
    let player = game.server.client().with_key(&token);
    player.post(&game.url("/say"), &json!({ "payload": 1 })).await.problem(403, "kicked");
    assert_eq!(raw.closed().await, Some(4403));
    let (another, _) = game.seat("ada").await;
    assert_ne!(another, seat, "numbers of seats are never used again");
}

#[tokio::test]
async fn a_connection_that_lost_its_seat_receives_no_later_event() {
    let game = game().await;
    for round in 0..20 {
        let user = format!("user {round}");
        let (seat, token) = game.seat(&user).await;
        let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, &token).await;
        let code = if round % 2 == 0 {
            assert_eq!(game.backend.delete(&game.url(&format!("/seats/{seat}"))).await.status, 204);
            4403
        } else {
            game.seat(&user).await;
            4409
        };
        let after = game.record(json!({ "events": [{ "type": "secret", "payload": 1 }] })).await;
        loop {
            match raw.hear().await {
                Heard::Frame(frame) => assert_ne!(frame["sequence"], after, "round {round}: {frame}"),
                Heard::Closed(closed) => break assert_eq!(closed, Some(code), "round {round}"),
            }
        }
    }
}

#[tokio::test]
async fn a_returning_backend_receives_every_missed_message() {
    let game = game().await;
    let (_, token) = game.seat("ada").await;
    let player = game.server.client().with_key(&token);
    let (raw, welcomed) = Raw::resumed(&game.server.base, &game.room, KEY).await;
    raw.cut();
    let mut wanted = Vec::new();
    for n in 0..30 {
        let said = player.post(&game.url("/say"), &json!({ "payload": n })).await.json(201);
        wanted.push((said["sequence"].as_u64().unwrap(), json!(n)));
    }
    let mut raw = Raw::open(&game.server.base, &game.room).await;
    let known = json!({ "type": "resume", "token": KEY, "epoch": welcomed["epoch"], "lastSequence": welcomed["head"] });
    raw.say(&known).await;
    assert_eq!(raw.frame("welcome").await["recovered"], true);
    for (sequence, payload) in wanted {
        let Heard::Frame(said) = raw.hear().await else { panic!("closed") };
        assert_eq!((&said["sequence"], &said["payload"]["payload"]), (&json!(sequence), &payload), "{said}");
    }
}

#[tokio::test]
async fn a_finished_game_is_announced_once_and_accepts_nothing_more() {
    let game = game().await;
    let (_, token) = game.seat("ada").await;
    let player = game.server.client().with_key(&token);
    game.record(json!({ "type": "moved" })).await;
    let (mut raw, _) = Raw::resumed(&game.server.base, &game.room, &token).await;
    game.backend.post(&game.url("/events"), &json!({ "type": "finished" })).await.problem(422, "invalid-request");
    player.post(&game.url("/finish"), &json!({ "at": 0 })).await.problem(403, "host-only");
    for is_first in [true, false] {
        let moved = game.backend.post(&game.url("/finish"), &json!({ "at": 0 })).await.json(200);
        assert_eq!((&moved["moved"], &moved["snapshot"]["phase"]), (&json!(is_first), &json!("finished")), "{moved}");
    }
    assert_eq!(raw.frame("event").await["event"], "finished");
    game.backend.post(&game.url("/events"), &json!({ "type": "x" })).await.problem(409, "room-finished");
    game.backend.post(&game.url("/seats"), &json!({ "name": "Eve" })).await.problem(409, "room-finished");
    player.post(&game.url("/say"), &json!({ "payload": 1 })).await.problem(409, "room-finished");
    let code = player.get(&game.url("")).await.json(200)["joinCode"].clone();
    let join = json!({ "joinCode": code, "name": "Eve" });
    game.server.client().post("/api/rooms/join", &join).await.problem(409, "room-finished");
    let page = player.get(&game.url("/events?after=1")).await.json(200);
    let kinds: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["event"].clone()).collect();
    assert_eq!(kinds, [json!("moved"), json!("finished")], "its log is kept");
}

#[tokio::test]
async fn large_events_come_in_smaller_pages_and_all_of_them_over_the_socket() {
    let game = game().await;
    let (_, token) = game.seat("ada").await;
    let (raw, welcomed) = Raw::resumed(&game.server.base, &game.room, &token).await;
    raw.cut();
    let event = json!({ "type": "x", "payload": "y".repeat(15_000) });
    for _ in 0..4 {
        game.record(json!({ "events": vec![event.clone(); 10] })).await;
    }
    let player = game.server.client().with_key(&token);
    let (mut after, mut sizes) = (1, Vec::new());
    loop {
        let page = player.get(&game.url(&format!("/events?limit=500&after={after}"))).await.json(200);
        let events = page["events"].as_array().unwrap();
        sizes.push(events.len());
        after = events.last().unwrap()["sequence"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!((sizes, after), (vec![17, 17, 6], 41));
    let known = json!({ "epoch": welcomed["epoch"], "lastSequence": 1 });
    let resumed = player.post(&game.url("/resume"), &known).await.json(200);
    assert_eq!((resumed["events"].as_array().unwrap().len(), &resumed["more"]), (17, &json!(true)));
    let mut raw = Raw::open(&game.server.base, &game.room).await;
    raw.say(&json!({ "type": "resume", "token": token, "epoch": welcomed["epoch"], "lastSequence": 1 })).await;
    raw.frame("welcome").await;
    for sequence in 2..=41 {
        assert_eq!(raw.frame("event").await["sequence"], sequence);
    }
}
