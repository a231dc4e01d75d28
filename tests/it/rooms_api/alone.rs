//! A whole game without a WebSocket: joining, polling, answering, coming back, results.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Seat, join, open, post_as, server, with_backend};
use crate::support::{right, wrong};

fn kinds(page: &Value) -> Vec<&str> {
    page["events"].as_array().expect("events").iter().map(|event| event["event"].as_str().unwrap_or("skip")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_is_played_by_single_requests() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 2, json!({})).await;
    let (ada, bob) = (join(&client, &code.to_lowercase(), "Ada").await, join(&client, &code, " Bob ").await);
    assert_eq!((host.id, ada.id, bob.id), (1, 2, 3));
    assert_eq!(host.moves("/start", json!({})).await["moved"], true);
    let shown = ada.snapshot().await;
    assert_eq!((&shown["phase"], &shown["question"]["questionId"]), (&json!("question"), &json!("q0")));
    assert!(shown["question"]["correctOptionId"].is_null() && shown["question"]["explanation"].is_null(), "{shown}");
    let accepted = ada.answer(0, right(0)).await.json(200);
    assert_eq!(accepted["accepted"], true);
    ada.answer(0, wrong(0)).await.problem(404, "question-not-open");
    bob.answer(0, wrong(0)).await.json(200);
    let revealed = bob.snapshot().await;
    assert_eq!((&revealed["phase"], &revealed["reveal"]["correctOptionId"]), (&json!("reveal"), &json!(right(0))));
    assert_eq!((&revealed["you"]["total"], &revealed["you"]["rank"]), (&json!(0), &json!(2)));
    // A laggy host taps twice: one step.
    let at = revealed["phaseNumber"].clone();
    assert_eq!(host.post("/next", json!({ "at": at })).await.json(200)["moved"], true);
    assert_eq!(host.post("/next", json!({ "at": at })).await.json(200)["moved"], false);
    assert_eq!(host.moves("/close", json!({})).await["moved"], true);
    let over = host.moves("/next", json!({})).await;
    assert_eq!(
        (&over["snapshot"]["phase"], &over["snapshot"]["ranking"][0]["total"]),
        (&json!("finished"), &json!(150))
    );
    let page = ada.get("/events?after=0&limit=4").await.json(200);
    assert_eq!((kinds(&page), &page["more"]), (vec!["joined", "joined", "question", "reveal"], &json!(true)));
    let page = ada.get("/events?after=4").await.json(200);
    assert_eq!((kinds(&page), &page["more"]), (vec!["question", "reveal", "finished"], &json!(false)));

    let own = ada.get("/results").await.json(200);
    assert_eq!((own["seats"].as_array().unwrap().len(), &own["completed"]), (1, &json!(true)));
    assert_eq!(own["seats"][0]["answers"][0]["optionText"], format!("option {} of 0", right(0)));
    let all = host.get("/results").await.json(200);
    assert_eq!(
        (all["seats"].as_array().unwrap().len(), &all["questions"][0]["correctOptionId"]),
        (2, &json!(right(0)))
    );
    let table = host.get("/results?format=csv").await;
    assert_eq!((table.status, table.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let lines: Vec<_> = table.text().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "rank,seatId,name,userId,total,correct,left,q0,q0 points,q1,q1 points");
    assert!(lines[1].starts_with("1,2,Ada,,150,1,false,option"), "{}", lines[1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_is_told_at_once_or_after_the_wait() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 1, json!({})).await;
    let ada = join(&client, &code, "Ada").await;
    let begun = Instant::now();
    let page = ada.get("/events?after=1&waitMs=200").await.json(200);
    assert!(kinds(&page).is_empty() && begun.elapsed() >= Duration::from_millis(200));
    let waiting = tokio::spawn({
        let ada = ada.clone();
        async move { ada.get("/events?after=1&waitMs=15000").await.json(200) }
    });
    // What happens before the wait has begun is there as well.
    assert_eq!(host.moves("/start", json!({})).await["moved"], true);
    let page = waiting.await.unwrap();
    assert_eq!(kinds(&page), ["question"]);
    // A stop does not wait for who waits.
    let waiting = tokio::spawn(async move { ada.get("/events?after=2&waitMs=25000").await.status });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(waiting.await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_what_was_missed_or_the_whole() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 3, json!({})).await;
    let ada = join(&client, &code, "Ada").await;
    let first = ada.post("/resume", json!({})).await.json(200);
    assert_eq!((&first["recovered"], &first["generation"], &first["head"]), (&json!(false), &json!(1), &json!(1)));
    let epoch = first["epoch"].clone();
    host.moves("/start", json!({})).await;
    host.moves("/close", json!({})).await;
    let back = ada.post("/resume", json!({ "epoch": epoch, "lastSequence": 1 })).await.json(200);
    assert_eq!((&back["recovered"], kinds(&back)), (&json!(true), vec!["question", "reveal"]));
    assert_eq!(ada.post("/ack", json!({ "sequence": 3 })).await.json(200)["acknowledged"], 3);
    assert_eq!(ada.post("/ack", json!({ "sequence": 4 })).await.problem(409, "ahead-of-head")["head"], 3);
    assert_eq!(host.post("/ack", json!({ "sequence": 3 })).await.json(200)["acknowledged"], 3);
    // Everything is acknowledged and forgotten: nothing is missed by who has it, all by who has not.
    for (epoch, last, recovered) in
        [(epoch.clone(), 3, true), (epoch.clone(), 1, false), (json!("other"), 3, false), (epoch, 9, false)]
    {
        let back = ada.post("/resume", json!({ "epoch": epoch, "lastSequence": last })).await.json(200);
        assert_eq!((&back["recovered"], kinds(&back).len()), (&json!(recovered), 0), "{epoch} {last}");
        assert_eq!(back["snapshot"]["head"], 3);
        let page = ada.get(&format!("/events?after={last}&epoch={}", epoch.as_str().unwrap())).await.json(200);
        assert_eq!((&page["recovered"], page["snapshot"].is_object()), (&json!(recovered), !recovered), "{page}");
    }
    let beat = ada.post("/heartbeat", json!({})).await.json(200);
    assert_eq!(beat["head"], 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_survives_its_lost_replies() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 1, json!({})).await;
    let body = json!({ "joinCode": code, "name": "Ada" });
    let first = post_as(&client, "join-1", "/api/rooms/join", &body).await.json(201);
    let again = post_as(&client, "join-1", "/api/rooms/join", &body).await.json(201);
    assert_eq!(first["seatId"], again["seatId"]);
    assert_ne!(first["token"], again["token"]);
    Seat::of(&client, &first).get("").await.problem(401, "bad-token");
    let ada = Seat::of(&client, &again);
    let other = json!({ "joinCode": code, "name": "Eve" });
    post_as(&client, "join-1", "/api/rooms/join", &other).await.problem(422, "idempotency-key-reused");
    ada.post("/resume", json!({})).await.json(200);
    post_as(&client, "join-1", "/api/rooms/join", &body).await.problem(409, "already-connected");
    // To another device, once.
    let handed = host.post(&format!("/seats/{}/code", ada.id), json!({})).await.json(201);
    let takes = json!({ "joinCode": code, "seatCode": handed["seatCode"] });
    let taken = client.post("/api/rooms/join", &takes).await.json(200);
    assert_eq!(taken["seatId"], ada.id);
    client.post("/api/rooms/join", &takes).await.problem(404, "seat-code-unknown");
    ada.get("").await.problem(401, "bad-token");
    let ada = Seat::of(&client, &taken);
    host.moves("/start", json!({})).await;
    let answer = json!({ "questionId": "q0", "optionId": 1 });
    let first = post_as(&ada.client, "q0", &ada.path("/answer"), &answer).await.json(200);
    let again = post_as(&ada.client, "q0", &ada.path("/answer"), &answer).await.json(200);
    assert_eq!(first, again);
    let other = json!({ "questionId": "q0", "optionId": 2 });
    post_as(&ada.client, "q0", &ada.path("/answer"), &other).await.problem(422, "idempotency-key-reused");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_connection_is_refused_by_its_generation() {
    let (_folder, server, client) = server(&[]);
    let (_host, code) = open(&client, 1, json!({})).await;
    let ada = join(&client, &code, "Ada").await;
    for _ in 0..2 {
        ada.post("/resume", json!({})).await.json(200);
    }
    let beat = |generation: &'static str| {
        let request = ada.client.request(reqwest::Method::POST, &ada.path("/heartbeat"));
        crate::support::client::send(request.header("Rejoin-Generation", generation))
    };
    beat("1").await.problem(409, "superseded");
    beat("2").await.json(200);
    beat("x").await.problem(400, "invalid-generation");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_sent_away_stays_away_and_who_leaves_may_come_anew() {
    let (_folder, server, client) = server(&[]);
    let (host, code) = open(&client, 1, json!({})).await;
    let (ada, bob) = (join(&client, &code, "Ada").await, join(&client, &code, "Bob").await);
    assert_eq!(host.moves("/kick", json!({ "seatId": ada.id })).await["moved"], true);
    ada.get("").await.problem(403, "kicked");
    assert_eq!(bob.post("/leave", json!({})).await.status, 204);
    bob.get("").await.problem(401, "bad-token");
    assert_eq!(join(&client, &code, "Bob").await.id, 4);
    assert_eq!(host.moves("/lock", json!({ "locked": true })).await["moved"], true);
    let body = json!({ "joinCode": code, "name": "Late" });
    client.post("/api/rooms/join", &body).await.problem(409, "room-locked");
    host.post("/leave", json!({})).await.problem(409, "host-may-not-leave");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_a_room_of_a_bank_needs_none_and_a_backend_sees_all() {
    let (_folder, server, client, backend) = with_backend();
    let own = json!({ "questions": crate::support::questions(1) });
    client.post("/api/rooms", &own).await.problem(403, "api-key-required");
    let opened = client.post("/api/rooms", &json!({ "quizId": "space", "count": 3 })).await.json(201);
    let host = Seat::of(&client, &opened);
    let seen = backend.get(&host.path("")).await.json(200);
    assert_eq!((&seen["you"], &seen["questionCount"]), (&Value::Null, &json!(3)));
    let moved = backend.post(&host.path("/start"), &json!({ "at": 0 })).await.json(200);
    assert_eq!(moved["moved"], true);
    assert_eq!(backend.get(&host.path("/results")).await.json(200)["seats"], json!([]));
    server.stop().await;
}
