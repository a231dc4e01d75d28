//! Games with questions of every kind on the real binary, which is killed in the middle.

use std::path::Path;

use serde_json::{Value, json};

use super::{Sample, assert_has, questions, samples, with};
use crate::support::valkey::ValkeyServer;
use crate::support::valkey::ports::free_port;
use crate::support::{Client, Server};

/// A server that can be killed and started again at the same address and folder.
struct Place<'a> {
    address: String,
    folder: &'a Path,
    args: Vec<String>,
    server: Option<Server>,
}

impl<'a> Place<'a> {
    async fn start(folder: &'a Path, args: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let mut place = Self { address, folder, args, server: None };
        place.spawn().await;
        place
    }

    async fn spawn(&mut self) {
        let folder_name = self.folder.to_str().expect("a name");
        let words = ["serve", "--admin-listen", "off", "--listen", &self.address, "--data-dir", folder_name];
        let words: Vec<&str> = words.into_iter().chain(self.args.iter().map(String::as_str)).collect();
        let server = Server::process(self.folder, &words);
        server.until_ready().await;
        self.server = Some(server);
    }

    async fn kill_and_start(&mut self) {
        self.server.take().expect("it runs").kill().await;
        self.spawn().await;
    }

    fn client(&self) -> Client {
        self.server.as_ref().expect("it runs").client()
    }

    async fn stop(mut self) {
        self.server.take().expect("it runs").stop().await;
    }
}

fn answer_of(sample: &Sample, is_right: bool) -> &Value {
    if is_right { &sample.right } else { &sample.wrong }
}

/// Every other question is answered right.
fn is_right(n: usize) -> bool {
    n.is_multiple_of(2)
}

async fn a_solo_game(place: &mut Place<'_>) {
    let samples = samples();
    let game = json!({ "questions": questions(&samples) });
    let created = place.client().create(game).await;
    let id = created["sessionId"].clone();
    for (shown, sample) in created["questions"].as_array().expect("questions").iter().zip(&samples) {
        assert_eq!((&shown["questionId"], &shown["kind"]), (&json!(sample.id()), &sample.question["kind"]));
        let keys = sample.told.as_object().expect("an object").keys();
        assert!(keys.into_iter().all(|key| shown.get(key).is_none()), "{shown}");
    }
    let mut total = 0;
    for (n, sample) in samples.iter().enumerate() {
        if n == samples.len() / 2 {
            place.kill_and_start().await;
        }
        let client = place.client();
        let answer = answer_of(sample, is_right(n));
        let body = with(json!({"sessionId": id, "questionId": sample.id()}), answer);
        let verdict = client.post("/api/game/answer", &body).await.json(200);
        assert_has(&verdict, &with(sample.told.clone(), answer));
        let points = if is_right(n) { sample.points() } else { 0 };
        total += points;
        let correct = if sample.is_scored { json!(is_right(n)) } else { Value::Null };
        assert_has(&verdict, &json!({"correct": correct, "points": points, "totalScore": total}));
    }
    place.kill_and_start().await;
    let results = place.client().results(id.as_str().expect("an id")).await.json(200);
    assert_has(&results, &json!({"completed": true, "totalScore": total, "correctCount": 3, "questionCount": 7}));
    for ((n, sample), told) in samples.iter().enumerate().zip(results["answers"].as_array().expect("answers")) {
        assert_has(told, answer_of(sample, is_right(n)));
        assert_has(told, &sample.told);
        assert!(told["answerText"].is_string(), "{told}");
    }
    assert_eq!(results["answers"][4]["answerText"], "option 2; option 4; option 1; option 3");
    assert_eq!(results["progression"], json!({"xp": 30, "gems": 3}));
}

struct Seat {
    client: Client,
    path: String,
}

impl Seat {
    fn of(place: &Place<'_>, opened: &Value) -> Self {
        let client = place.client().with_key(opened["token"].as_str().expect("a token"));
        Self { client, path: format!("/api/rooms/{}", opened["roomId"].as_str().expect("an id")) }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.client.post(&format!("{}{path}", self.path), body).await.json(200)
    }

    async fn snapshot(&self) -> Value {
        self.client.get(&self.path).await.json(200)
    }

    /// Makes a host's move that names the current phase number.
    async fn moves(&self, path: &str) -> Value {
        let at = self.snapshot().await["phaseNumber"].clone();
        self.post(path, &json!({ "at": at })).await
    }
}

async fn a_room(place: &mut Place<'_>) {
    let samples = samples();
    let settings = json!({"questions": questions(&samples), "readyMs": 0, "timeLimitMs": 60_000});
    let opened = place.client().post("/api/rooms", &settings).await.json(201);
    let mut joined = Vec::new();
    for name in ["Ada", "Bob"] {
        let join = json!({"joinCode": opened["joinCode"], "name": name});
        joined.push(place.client().post("/api/rooms/join", &join).await.json(201));
    }
    let host = Seat::of(place, &opened);
    let (ada, bob) = (Seat::of(place, &joined[0]), Seat::of(place, &joined[1]));
    host.moves("/start").await;
    for (n, sample) in samples.iter().enumerate() {
        let id = json!({"questionId": sample.id()});
        let right = with(id.clone(), &sample.right);
        assert_has(&ada.post("/answer", &right).await, &sample.right);
        let shown = ada.snapshot().await;
        assert_has(&shown["you"], &with(json!({"answered": true}), &sample.right));
        assert!(shown["reveal"].is_null() && shown["question"]["kind"] == sample.question["kind"], "{shown}");
        if n == samples.len() / 2 {
            // In the middle of a question: Ada has answered and Bob has not.
            place.kill_and_start().await;
        }
        assert_has(&ada.post("/answer", &right).await, &sample.right);
        bob.post("/answer", &with(id, &sample.wrong)).await;
        let reveal = bob.snapshot().await["reveal"].clone();
        assert_has(&reveal, &with(sample.told.clone(), &json!({"kind": sample.question["kind"], "index": n})));
        let verdicts = reveal["verdicts"].as_array().expect("verdicts");
        assert_has(&verdicts[0], &with(json!({"seatId": 2, "points": sample.points()}), &sample.right));
        assert_has(&verdicts[1], &with(json!({"seatId": 3, "points": 0}), &sample.wrong));
        let counted: u64 =
            reveal["counts"].as_array().expect("counts").iter().filter_map(|one| one["count"].as_u64()).sum();
        assert!((2..=3).contains(&counted), "{reveal}");
        host.moves("/next").await;
    }
    place.kill_and_start().await;
    let results = host.client.get(&format!("{}/results", host.path)).await.json(200);
    let totals: Vec<_> = results["seats"].as_array().expect("seats").iter().map(|seat| &seat["total"]).collect();
    assert_eq!(totals, [&json!(750), &json!(0)]);
    assert_eq!(results["questions"][2]["correctText"], "Zürich");
    let table = host.client.get(&format!("{}/results?format=csv", host.path)).await.text().replace('"', "");
    assert!(table.contains("ZURICH,right,150") && table.contains("green tea,,0"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solo_game_of_every_kind_goes_on_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::start(folder.path(), &[]).await;
    a_solo_game(&mut place).await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_every_kind_goes_on_after_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut place = Place::start(folder.path(), &[]).await;
    a_room(&mut place).await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_valkey_games_of_every_kind_go_on_after_kills() {
    let (valkey, folder) = (ValkeyServer::start(&[]), tempfile::tempdir().unwrap());
    let mut place = Place::start(folder.path(), &["--store", "valkey", "--valkey-url", &valkey.url()]).await;
    a_solo_game(&mut place).await;
    a_room(&mut place).await;
    place.stop().await;
}
