//! A whole game over single HTTP requests, without a WebSocket and without the client library: joining,
//! answering, returning.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::{Client, Reply, Server, questions, right, wrong};

fn server() -> (TempDir, Server, Client) {
    let (folder, server) = super::server(&[]);
    let client = server.client();
    (folder, server, client)
}

/// A seat in a room, and a client with the token of the seat.
struct Seat {
    client: Client,
    room: String,
    id: u64,
}

impl Seat {
    fn of(client: &Client, reply: &Value) -> Self {
        let text = |name: &str| reply[name].as_str().expect("a text").to_owned();
        let room = text("roomId");
        Self { client: client.with_key(&text("token")), room, id: reply["seatId"].as_u64().expect("a seat") }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.room)
    }

    async fn post(&self, rest: &str, body: Value) -> Reply {
        self.client.post(&self.path(rest), &body).await
    }

    async fn get(&self, rest: &str) -> Reply {
        self.client.get(&self.path(rest)).await
    }

    async fn snapshot(&self) -> Value {
        self.get("").await.json(200)
    }

    /// Makes a host's move that names the current phase number.
    async fn moves(&self, what: &str, mut body: Value) -> Value {
        body["at"] = self.snapshot().await["phaseNumber"].clone();
        self.post(what, body).await.json(200)
    }

    async fn answer(&self, n: u64, option: u64) -> Reply {
        self.post("/answer", json!({ "questionId": format!("q{n}"), "optionId": option })).await
    }
}

/// Opens a room with `count` own questions, which open without a ready phase. `more` are further settings.
/// Returns the host's seat and the join code.
async fn open_by(client: &Client, count: u64, more: Value) -> (Seat, String) {
    let mut settings = json!({ "questions": questions(count), "readyMs": 0, "timeLimitMs": 60_000 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let opened = client.post("/api/rooms", &settings).await.json(201);
    (Seat::of(client, &opened), opened["joinCode"].as_str().expect("a code").to_owned())
}

async fn join_by(client: &Client, code: &str, name: &str) -> Seat {
    let joined = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": name })).await.json(201);
    Seat::of(client, &joined)
}

/// A POST request with an idempotency key.
async fn post_as(client: &Client, key: &str, path: &str, body: &Value) -> Reply {
    send(client.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

fn kinds(page: &Value) -> Vec<&str> {
    page["events"].as_array().expect("events").iter().map(|event| event["event"].as_str().unwrap_or("skip")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_can_be_played_with_single_requests() {
    let (_folder, server, client) = server();
    let (host, code) = open_by(&client, 2, json!({})).await;
    let (ada, bob) = (join_by(&client, &code.to_lowercase(), "Ada").await, join_by(&client, &code, " Bob ").await);
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
    // A host with a slow connection taps twice: the game moves by one step.
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
    assert_eq!(own["seats"][0]["answers"][0]["answerText"], format!("option {} of 0", right(0)));
    let all = host.get("/results").await.json(200);
    assert_eq!(
        (all["seats"].as_array().unwrap().len(), &all["questions"][0]["correctOptionId"]),
        (2, &json!(right(0)))
    );
    let table = host.get("/results?format=csv").await;
    assert_eq!((table.status, table.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let lines: Vec<_> = table.text().replace('"', "").lines().map(str::to_owned).collect();
    let columns = "rank,seatId,name,userId,total,correct,left,kicked";
    let of = |n: u64| format!("What is {n}?,What is {n}? (right or wrong),What is {n}? (points)");
    assert_eq!(lines[0], format!("\u{feff}{columns},{},{}", of(0), of(1)));
    assert!(lines[1].starts_with("1,2,Ada,,150,1,false,false,option"), "{}", lines[1]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_player_gets_the_missed_events_or_a_snapshot() {
    let (_folder, server, client) = server();
    let (host, code) = open_by(&client, 3, json!({})).await;
    let ada = join_by(&client, &code, "Ada").await;
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
    // All events are acknowledged and pruned. A player who has them all has missed nothing; any other gets a
    // snapshot.
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
async fn a_seat_survives_lost_replies() {
    let (_folder, server, client) = server();
    let (host, code) = open_by(&client, 1, json!({})).await;
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
    // The seat code hands the seat to another device, once.
    let handed = host.post(&format!("/seats/{}/code", ada.id), json!({})).await.json(201);
    let takes = json!({ "joinCode": code, "seatCode": handed["seatCode"] });
    let taken = client.post("/api/rooms/join", &takes).await.json(200);
    assert_eq!(taken["seatId"], ada.id);
    client.post("/api/rooms/join", &takes).await.problem(404, "join-code-unknown");
    ada.get("").await.problem(401, "bad-token");
    let ada = Seat::of(&client, &taken);
    host.moves("/start", json!({})).await;
    let answer = json!({ "questionId": "q0", "optionId": 1 });
    let first = ada.post("/answer", answer.clone()).await.json(200);
    // The question has closed by now, and the repeat still gets the first reply.
    assert_eq!(ada.post("/answer", answer).await.json(200), first);
    ada.post("/answer", json!({ "questionId": "q0", "optionId": 2 })).await.problem(404, "question-not-open");
    server.stop().await;
}
