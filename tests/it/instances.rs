//! Several instances of the real binary over one Valkey. A player's requests may go to any of them and reach
//! the same game.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::valkey::{Proxy, ValkeyServer};
use crate::support::{HANG, Server, right, took, until, until_async};

const PLAYERS: usize = 200;
const QUESTIONS: usize = 10;

/// The instances from which a load balancer would choose.
#[derive(Clone)]
pub(crate) struct Balancer {
    client: reqwest::Client,
    bases: Arc<RwLock<Vec<String>>>,
}

impl Balancer {
    fn over(servers: &[&Server]) -> Self {
        Self::among(servers.iter().map(|server| server.base.clone()))
    }

    /// Over the instances at these URLs.
    pub(crate) fn among(bases: impl IntoIterator<Item = String>) -> Self {
        let bases = bases.into_iter().collect();
        Self { client: reqwest::Client::new(), bases: Arc::new(RwLock::new(bases)) }
    }

    /// Sends a request to the instances in turn until one answers it.
    async fn send(
        &self,
        turn: &mut usize,
        make: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> (StatusCode, Value) {
        let begun = Instant::now();
        while begun.elapsed() < HANG {
            let base = {
                let bases = self.bases.read();
                bases[*turn % bases.len()].clone()
            };
            *turn += 1;
            match make(&self.client, &base).send().await {
                Ok(reply) if reply.status() == StatusCode::SERVICE_UNAVAILABLE => {}
                Ok(reply) => {
                    let status = reply.status();
                    if let Ok(body) = reply.json().await {
                        return (status, body);
                    }
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no instance answers");
    }
}

fn instance(folder: &Path, url: &str) -> Server {
    instance_with(folder, url, &[])
}

fn instance_with(folder: &Path, url: &str, more: &[&str]) -> Server {
    Server::process(folder, &[&["--store", "valkey", "--valkey-url", url, "--workers", "1"], more].concat())
}

/// Plays a whole game with each request at the next instance, and checks every verdict against those before.
/// Returns the session id and the total score.
pub(crate) async fn play(balancer: Balancer, player: usize, verdicts: Arc<AtomicUsize>) -> (String, u64) {
    let mut turn = player;
    let id = uuid::Uuid::from_u128((player as u128) << 64 | 1).to_string();
    let create = json!({ "sessionId": id, "count": QUESTIONS });
    let (status, created) =
        balancer.send(&mut turn, |client, base| client.post(format!("{base}/api/game/session")).json(&create)).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    let mut total = 0;
    for (place, question) in created["questions"].as_array().expect("questions").iter().enumerate() {
        let question = question["questionId"].as_str().expect("an id");
        let answer = json!({ "sessionId": id, "questionId": question, "optionId": place % 2 + 1 });
        let (status, verdict) = balancer
            .send(&mut turn, |client, base| {
                client.post(format!("{base}/api/game/answer")).header("Idempotency-Key", question).json(&answer)
            })
            .await;
        assert_eq!(status, StatusCode::OK, "{verdict}");
        total += verdict["points"].as_u64().expect("points");
        assert_eq!(verdict["totalScore"].as_u64(), Some(total), "{verdict}");
        assert_eq!(verdict["answered"].as_u64(), Some(place as u64 + 1), "{verdict}");
        verdicts.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (id, total)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_players_alternate_between_two_instances_and_one_is_killed() {
    let valkey = ValkeyServer::start(&[]);
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let [one, other] = [0, 1].map(|n| instance(folders[n].path(), &valkey.url()));
    one.until_ready().await;
    other.until_ready().await;
    let balancer = Balancer::over(&[&one, &other]);
    let (mut playing, verdicts) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for player in 0..PLAYERS {
        playing.spawn(play(balancer.clone(), player, verdicts.clone()));
    }
    // One instance is killed in the middle of the games, and the balancer notices a little later.
    until(|| verdicts.load(Ordering::Relaxed) > PLAYERS).await;
    one.kill().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    balancer.bases.write().remove(0);
    let games = playing.join_all().await;
    assert_eq!(games.len(), PLAYERS);
    for (id, total) in games {
        let results = other.client().results(&id).await.json(200);
        assert_eq!(results["completed"], true);
        assert_eq!(results["totalScore"].as_u64(), Some(total), "{results}");
        assert_eq!(results["answers"].as_array().map(Vec::len), Some(QUESTIONS));
    }
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_64_copies_of_an_answer_over_two_instances_is_evaluated() {
    let valkey = ValkeyServer::start(&[]);
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let servers = [0, 1].map(|n| instance(folders[n].path(), &valkey.url()));
    for server in &servers {
        server.until_ready().await;
    }
    for round in 0..10 {
        let id = servers[round % 2].client().play(2).await;
        let mut copies = JoinSet::new();
        for copy in 0..64 {
            let (client, id) = (servers[copy % 2].client(), id.clone());
            copies.spawn(async move { client.answer(&id, 0, right(0)).await.status });
        }
        let statuses = copies.join_all().await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 63, "{statuses:?}");
        let results = servers[(round + 1) % 2].client().results(&id).await.json(200);
        assert_eq!(results["totalScore"], 150);
    }
    // With one idempotency key, all are repeats of one answer and get the same verdict.
    let id = servers[0].client().play(2).await;
    let mut copies = JoinSet::new();
    for copy in 0..64 {
        let (client, id) = (servers[copy % 2].client(), id.clone());
        copies.spawn(async move { client.answer_as("key", &id, 0, right(0)).await.json(200).to_string() });
    }
    assert_eq!(copies.join_all().await.into_iter().collect::<HashSet<_>>().len(), 1);
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_repeat_of_an_answer_without_a_reply_gets_its_verdict() {
    let valkey = ValkeyServer::start(&[]);
    let proxy = Proxy::start(valkey.port).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = instance(folder.path(), &format!("valkey://127.0.0.1:{}", proxy.port));
    server.until_ready().await;
    let client = server.client();
    let id = client.play(2).await;
    client.show(&id, "q0").await.json(200);
    proxy.lose_replies_from_the_next_step_on();
    let begun = Instant::now();
    client.answer_as("key", &id, 0, right(0)).await.problem(503, "outcome-unknown");
    took("a call whose reply is lost", begun);
    assert!(proxy.lost() > 0);
    let stored = valkey.command(&["GET", &format!("session:{id}")]).text();
    assert!(stored.contains("\"totalAfter\":150"), "it was applied: {stored}");
    proxy.lose_nothing();
    server.until_ready().await;
    let verdict = client.answer_as("key", &id, 0, right(0)).await.json(200);
    assert_eq!(verdict["totalScore"], 150, "{verdict}");
    assert_eq!(verdict["answered"], 1, "{verdict}");
    client.answer(&id, 0, right(0)).await.problem(404, "question-not-open");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_and_its_end_are_logged_once() {
    let mut valkey = ValkeyServer::start(&["--requirepass", "a-secret-word"]);
    let folder = tempfile::tempdir().expect("a folder");
    let server = instance(folder.path(), &valkey.url());
    server.until_ready().await;
    let client = server.client();
    let id = client.play(2).await;
    let told = |text: &str| server.log().matches(text).count();
    assert_eq!(told("connected to Valkey"), 1, "{}", server.log());
    // The second outage follows so soon that it is not logged again.
    for _ in 1..=2 {
        valkey.kill();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(600) {
            client.resume(&id).await.problem(503, "store-unavailable");
        }
        assert_eq!(told("new games are refused: Valkey is out of reach"), 1, "{}", server.log());
        valkey.restart();
        server.until_ready().await;
        assert_eq!(told("new games begin again"), 1, "{}", server.log());
    }
    let log = server.log();
    assert!(!log.contains("a-secret-word") && !log.contains(&id), "{log}");
    assert!(log.lines().count() < 10, "{log}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_to_channels_is_logged_once_and_games_go_on() {
    let mut valkey = ValkeyServer::start(&[]);
    let few = ["ACL", "SETUSER", "few", "on", ">secret", "~*", "+@all", "resetchannels"];
    assert!(valkey.command(&few).is("OK"));
    let folder = tempfile::tempdir().expect("a folder");
    let server = instance(folder.path(), &valkey.url().replace("valkey://", "valkey://few:secret@"));
    server.until_ready().await;
    server.logged("Valkey refuses pub/sub commands").await;
    server.client().play(2).await;
    // Every new connection meets the missing right again.
    for _ in 0..2 {
        valkey.restart();
        assert!(valkey.command(&few).is("OK"));
        server.until_ready().await;
    }
    server.client().play(2).await;
    assert_eq!(server.log().matches("refuses pub/sub commands").count(), 1, "{}", server.log());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_rights_are_logged_and_the_server_is_not_ready() {
    let valkey = ValkeyServer::start(&[]);
    let few = ["ACL", "SETUSER", "few", "on", ">secret", "~rejoin:*", "+@all"];
    assert!(valkey.command(&few).is("OK"));
    let folder = tempfile::tempdir().expect("a folder");
    let server = instance(folder.path(), &valkey.url().replace("valkey://", "valkey://few:secret@"));
    server.logged("No permissions").await;
    server.client().get("/readyz").await.problem(503, "store-unavailable");
    assert!(valkey.command(&["ACL", "SETUSER", "few", "~*"]).is("OK"));
    server.until_ready().await;
    server.client().play(2).await;
    server.stop().await;
}

/// A user of Valkey can have several passwords at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_valkey_is_replaced_without_a_gap() {
    let valkey = ValkeyServer::start(&[]);
    let acl = |rules: &[&str]| assert!(valkey.command(&[&["ACL", "SETUSER", "rejoin"], rules].concat()).is("OK"));
    acl(&["on", ">the-old-password", "~*", "&*", "+@all"]);
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let url = valkey.url().replace("valkey://", "valkey://rejoin@");
    let start = |n: usize, password: &str| {
        let file = folders[n].path().join("password");
        std::fs::write(&file, password).expect("a file");
        let file = file.to_str().expect("a plain name");
        instance_with(folders[n].path(), &url, &["--valkey-password-file", file])
    };
    let (one, other) = (start(0, "the-old-password\n"), start(1, "the-old-password\n"));
    one.until_ready().await;
    other.until_ready().await;
    let id = one.client().play(4).await;
    acl(&[">the-new-password"]);
    one.stop().await;
    other.client().answer(&id, 0, right(0)).await.json(200);
    let one = start(0, "the-new-password\n");
    one.until_ready().await;
    one.client().answer(&id, 1, right(1)).await.json(200);
    other.stop().await;
    let other = start(1, "the-new-password\n");
    other.until_ready().await;
    acl(&["<the-old-password"]);
    // Whoever still has the old password is cut off by hand: a connection stays valid until it ends.
    valkey.command(&["CLIENT", "KILL", "USER", "rejoin"]);
    for (n, server) in [(2, &one), (3, &other)] {
        let key = format!("answer {n}");
        until_async(async || server.client().answer_as(&key, &id, n, right(n)).await.status == 200).await;
    }
    assert_eq!(other.client().results(&id).await.json(200)["correctCount"], 4);
    one.stop().await;
    other.stop().await;
}
