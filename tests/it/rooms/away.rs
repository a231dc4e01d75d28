//! Two kinds of absence: a store that is unavailable for a while, which every call reports with a clear 503;
//! and players who are silent, which does not make them away.

use std::sync::Arc;
use std::time::Duration;

use rejoin::server::Stores;
use rejoin::store::clock::system_wall_clock;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::raw::{Heard, Raw};
use super::{api, connected, event, join, open, server};
use crate::degraded::shared::{Mood, Shared};
use crate::support::Server;
use crate::support::client::send;
use crate::support::until_async;

fn over(shared: &Arc<Shared>) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--store", "valkey", "--valkey-url", "valkey://127.0.0.1"];
    let store = shared.store();
    let server = Server::here_over(folder.path(), &args, system_wall_clock(), async move |settings, outside| {
        Stores::shared(store, "a shared store".to_owned(), settings, outside)
    });
    (folder, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_reports_an_unavailable_store_and_nothing_is_lost() {
    let shared = Shared::new();
    let (_folder, server) = over(&shared);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let client = server.client().with_key(ada.ticket.token.as_str());
    let (connection, mut happenings) = connected(&api, &bob.ticket).await;
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    event(&mut happenings, "question").await;
    let answer = json!({ "questionId": "q0", "optionId": 1 });

    shared.is(Mood::Away);
    for rest in ["", "/events", "/results"] {
        client.get(&url(rest)).await.problem(503, "store-unavailable");
    }
    let code = format!("/seats/{}/code", ada.seat_id);
    for (rest, body) in [
        ("/answer", answer.clone()),
        ("/resume", json!({})),
        ("/ack", json!({ "sequence": 1 })),
        ("/heartbeat", json!({})),
        ("/close", json!({ "at": 1 })),
        ("/leave", Value::Null),
        (&code, Value::Null),
    ] {
        client.post(&url(rest), &body).await.problem(503, "store-unavailable");
    }
    client
        .post("/api/rooms/join", &json!({ "joinCode": room.join_code, "name": "Cleo" }))
        .await
        .problem(503, "store-unavailable");
    client.post("/api/rooms", &json!({})).await.problem(503, "store-unavailable");
    let mut raw = Raw::open(&server.base, &room.room_id).await;
    raw.say(&json!({ "type": "resume", "token": ada.ticket.token.as_str() })).await;
    assert_eq!(raw.closed().await, Some(1013));

    shared.is(Mood::Well);
    client.post(&url("/answer"), &answer).await.json(200);
    assert!(connection.answer("q0", Some(2)).await.unwrap().accepted);
    event(&mut happenings, "reveal").await;
    let results = host.get(&url("/results")).await.json(200);
    assert_eq!(results["seats"].as_array().unwrap().len(), 2);
    assert!(results["seats"][0]["total"].as_u64() > Some(0), "{results}");
    assert!(connection.faults().is_clean(), "{:?}", connection.faults());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_resolves_an_unknown_outcome() {
    let shared = Shared::new();
    let (_folder, server) = over(&shared);
    let api = api(&server);
    let room = open(&api, 2, json!({})).await;
    let (ada, _bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    let host = server.client().with_key(room.token.as_ref().unwrap().as_str());
    let client = server.client().with_key(ada.ticket.token.as_str());
    host.post(&url("/start"), &json!({ "at": 0 })).await.json(200);
    let answer = || {
        let request = client.request(Method::POST, &url("/answer"));
        send(request.json(&json!({ "questionId": "q0", "optionId": 1 })))
    };
    let newcomer = || {
        let request = client.request(Method::POST, "/api/rooms/join").header("Idempotency-Key", "j");
        send(request.json(&json!({ "joinCode": room.join_code, "name": "Cleo" })))
    };
    shared.is(Mood::Mute);
    answer().await.problem(503, "outcome-unknown");
    newcomer().await.problem(503, "outcome-unknown");
    shared.is(Mood::Well);
    assert_eq!(answer().await.json(200)["accepted"], true);
    assert_eq!(newcomer().await.json(201)["seatId"], 4);
    let seen = client.get(&url("")).await.json(200);
    let names: Vec<_> = seen["seats"].as_array().unwrap().iter().map(|seat| &seat["name"]).collect();
    assert_eq!(names, ["Host", "Ada", "Bob", "Cleo"], "one seat was taken, once");
    for (mood, code) in [(Mood::Full, "store-full"), (Mood::Busy, "store-busy")] {
        shared.is(mood);
        host.post(&url("/close"), &json!({ "at": 1 })).await.problem(503, code);
        shared.is(Mood::Well);
    }
    assert_eq!(host.post(&url("/close"), &json!({ "at": 1 })).await.json(200)["moved"], true);
    let own = client.get(&url("/results")).await.json(200);
    assert_eq!(own["seats"][0]["answers"].as_array().unwrap().len(), 1, "{own}");
}

/// A host and a player only answer pings, for four away graces. Neither is away: the host is not reported as
/// missing, and the question stays open for the player.
async fn only_pongs(server: &Server, away: u64) {
    let api = api(server);
    let room = open(&api, 2, json!({ "awayMs": away })).await;
    let (ada, bob) = (join(&api, &room, "Ada").await, join(&api, &room, "Bob").await);
    let host = room.token.as_ref().unwrap().as_str();
    let (mut host, _) = Raw::resumed(&server.base, &room.room_id, host).await;
    let (mut quiet, _) = Raw::resumed(&server.base, &room.room_id, ada.ticket.token.as_str()).await;
    host.say(&json!({ "type": "start", "id": "s", "at": 0 })).await;
    let client = server.client().with_key(bob.ticket.token.as_str());
    let url = |rest: &str| format!("/api/rooms/{}{rest}", room.room_id);
    until_async(async || client.get(&url("")).await.json(200)["phase"] == "question").await;
    client.post(&url("/answer"), &json!({ "questionId": "q0", "optionId": 1 })).await.json(200);
    let graces = Duration::from_millis(4 * away);
    let (of_host, of_quiet) = tokio::join!(heard_in(&mut host, graces), heard_in(&mut quiet, graces));
    for told in [of_host, of_quiet] {
        let names: Vec<_> = told.iter().filter_map(|frame| frame["event"].as_str()).collect();
        assert_eq!(names, ["question"], "nobody was away: {told:?}");
    }
    let seats = client.get(&url("")).await.json(200)["seats"].clone();
    assert_eq!((&seats[0]["present"], &seats[1]["present"]), (&json!(true), &json!(true)), "{seats}");
}

/// The frames that arrive within this time.
async fn heard_in(raw: &mut Raw, time: Duration) -> Vec<Value> {
    let mut told = Vec::new();
    let all = async {
        loop {
            match raw.hear_without_limit().await {
                Heard::Frame(frame) => told.push(frame),
                Heard::Closed(code) => panic!("closed by {code:?}"),
            }
        }
    };
    let _ = tokio::time::timeout(time, all).await;
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_answers_pings_is_not_away() {
    let (_folder, server) = server(&[]);
    // With the longer grace, presence is written less often, and not in step with the checks of the room.
    tokio::join!(only_pongs(&server, 1_200), only_pongs(&server, 3_100));
}

#[tokio::test]
async fn a_host_who_only_long_polls_is_not_away() {
    let (_folder, server) = server(&[]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "count": 1, "readyMs": 0, "awayMs": 2000 })).await.json(201);
    let path = format!("/api/rooms/{}", room["roomId"].as_str().unwrap());
    let host = client.with_key(room["token"].as_str().unwrap());
    host.post(&format!("{path}/start"), &json!({ "at": 0 })).await.json(200);
    let waiting = format!("{path}/events?after=1&waitMs=5000");
    let page = host.get(&waiting).await.json(200);
    assert_eq!(page["events"], json!([]));
    let snapshot = host.get(&path).await.json(200);
    assert_eq!((&snapshot["phase"], &snapshot["paused"]), (&json!("question"), &Value::Null));
    server.stop().await;
}
