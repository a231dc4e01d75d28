//! `kill -9` on the real binary under load: nothing acknowledged is lost, and nothing counts twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::faults::disk::Chance;
use crate::support::{HANG, Server, right, until};

const PLAYERS: usize = 50;
const KILLS: usize = 20;
/// The longest time that a server lives before it is killed, long enough for some commits to reach a
/// checkpoint.
const CHECKPOINTED_AFTER: Duration = Duration::from_millis(1_300);
/// The number of answers to be acknowledged between two kills.
const ANSWERS_BETWEEN: usize = 150;

/// What one player was told, to be compared with what the server says in the end.
#[derive(Default)]
struct Told {
    /// The finished games, each with the total score of its last verdict.
    games: Vec<(String, u64)>,
    /// The awarded sessions, each with the number of its claims that got the award. It must be one.
    awards: Vec<(String, usize)>,
    answers: usize,
    repeats: usize,
}

/// Sends a request until the server answers it, across kills. Every repeat has the same idempotency key or
/// session id. Returns the status, the body, and the number of tries.
async fn until_answered(
    address: &mut watch::Receiver<String>,
    make: impl Fn(&str) -> reqwest::RequestBuilder,
) -> (StatusCode, Value, usize) {
    let (mut tries, begun) = (0, Instant::now());
    loop {
        tries += 1;
        let base = address.borrow().clone();
        match make(&base).send().await {
            Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {}
            Ok(response) => {
                let status = response.status();
                if let Ok(body) = response.json().await {
                    return (status, body, tries);
                }
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(begun.elapsed() < HANG, "the server does not come back");
    }
}

/// Plays one game after the other until told to stop, and finishes the last one.
async fn play(
    client: reqwest::Client,
    mut address: watch::Receiver<String>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    player: usize,
) -> Told {
    let mut told = Told::default();
    let mut game = 0;
    while !stop.load(Ordering::Relaxed) {
        // The player chooses the session id, so the creation can be repeated.
        let id = uuid::Uuid::from_u128(((player as u128) << 64) | (game + 1)).to_string();
        game += 1;
        let create = json!({ "sessionId": id, "count": 10, "userId": format!("player-{player}") });
        let (status, created, _) =
            until_answered(&mut address, |base| client.post(format!("{base}/api/game/session")).json(&create)).await;
        assert_eq!(status, StatusCode::CREATED, "{created}");
        let questions = created["questions"].as_array().expect("questions").clone();
        let mut total = 0;
        for (place, question) in questions.iter().enumerate() {
            let question_id = question["questionId"].as_str().expect("an id");
            let answer = json!({ "sessionId": id, "questionId": question_id, "optionId": place % 2 + 1 });
            let (status, verdict, tries) = until_answered(&mut address, |base| {
                client.post(format!("{base}/api/game/answer")).header("Idempotency-Key", question_id).json(&answer)
            })
            .await;
            assert_eq!(status, StatusCode::OK, "{verdict}");
            // The totals continue exactly from the last acknowledged answer.
            total += verdict["points"].as_u64().expect("points");
            assert_eq!(verdict["totalScore"].as_u64(), Some(total), "{verdict}");
            assert_eq!(verdict["answered"].as_u64(), Some(place as u64 + 1), "{verdict}");
            told.answers += 1;
            told.repeats += usize::from(tries > 1);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        let mut firsts = 0;
        for key in ["claim", "again"] {
            let url = format!("/api/game/results/{id}/award");
            let (status, award, _) =
                until_answered(&mut address, |base| client.post(format!("{base}{url}")).header("Idempotency-Key", key))
                    .await;
            assert_eq!(status, StatusCode::OK, "{award}");
            firsts += usize::from(award["awarded"].as_bool().expect("awarded"));
        }
        told.awards.push((id.clone(), firsts));
        told.games.push((id, total));
    }
    told
}

/// Compares the results on the server with what the player was told.
async fn check(client: &reqwest::Client, base: &str, told: &Told) {
    for (id, total) in &told.games {
        let results = client.get(format!("{base}/api/game/results/{id}")).send().await.expect("an answer");
        assert_eq!(results.status(), StatusCode::OK);
        let results: Value = results.json().await.expect("JSON");
        assert_eq!(results["completed"], true);
        assert_eq!(results["totalScore"].as_u64(), Some(*total), "{results}");
        let answers = results["answers"].as_array().expect("answers");
        assert_eq!(answers.len(), 10);
        let sum: u64 = answers.iter().filter_map(|answer| answer["points"].as_u64()).sum();
        assert_eq!(sum, *total, "the score is the sum of its verdicts");
    }
    for (id, firsts) in &told.awards {
        assert_eq!(*firsts, 1, "the award of {id} was claimed once");
    }
}

/// The number in this environment variable, or `usually` if it is not set. `REJOIN_TEST_KILLS=200
/// REJOIN_TEST_PLAYERS=100` takes some minutes.
fn asked(name: &str, usually: usize) -> usize {
    std::env::var(name).map_or(usually, |count| count.parse().expect("a number"))
}

/// Kills at any moment: some while the log has only a few entries, some during a checkpoint.
#[tokio::test]
async fn kills_under_load_lose_nothing_and_count_nothing_twice() {
    let (players, kills) = (asked("REJOIN_TEST_PLAYERS", PLAYERS), asked("REJOIN_TEST_KILLS", KILLS));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = Server::process(folder.path(), &["--limits", "off"]);
    let (moved, address) = watch::channel(server.base.clone());
    let client = reqwest::Client::new();
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let players: Vec<_> = (0..players)
        .map(|player| tokio::spawn(play(client.clone(), address.clone(), stop.clone(), acknowledged.clone(), player)))
        .collect();
    let mut slowest = Duration::ZERO;
    let mut chance = Chance::new(kills as u64);
    for kill in 1..=kills {
        let goal = acknowledged.load(Ordering::Relaxed) + ANSWERS_BETWEEN;
        until(|| acknowledged.load(Ordering::Relaxed) >= goal).await;
        // Every other server lives longer, some of them until a checkpoint.
        let lives = if kill % 2 == 0 { chance.below(CHECKPOINTED_AFTER.as_millis() as u64) } else { 0 };
        tokio::time::sleep(Duration::from_millis(lives)).await;
        server.kill().await;
        let killed = Instant::now();
        server = Server::process(folder.path(), &["--limits", "off"]);
        server.until_ready().await;
        slowest = slowest.max(killed.elapsed());
        moved.send_replace(server.base.clone());
    }
    stop.store(true, Ordering::Relaxed);
    let (mut answers, mut repeats, mut games) = (0, 0, 0);
    for player in players {
        let told = player.await.expect("a player goes on to the end");
        check(&client, &server.base, &told).await;
        answers += told.answers;
        repeats += told.repeats;
        games += told.games.len();
    }
    println!(
        "{kills} kills: {games} games, {answers} answers, {repeats} repeated after a kill, ready after {slowest:?} at the slowest"
    );
    assert!(repeats > 0, "no kill hit a request, so this has tested nothing");
    server.stop().await;
}

#[tokio::test]
async fn a_question_open_at_the_kill_keeps_its_time_and_its_bonus() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::process(folder.path(), &[]);
    let id = server.client().play(2).await;
    server.client().show(&id, "q0").await.json(200);
    let mut server = Some(server);
    for _ in 0..8 {
        server.take().expect("one runs").kill().await;
        server = Some(Server::process(folder.path(), &[]));
    }
    let server = server.expect("one runs");
    let verdict = server.client().answer(&id, 0, right(0)).await.json(200);
    // Eight kills would have cost 80 s if each had cost the maximum of 10 s.
    assert_eq!(verdict["speedBonus"], 50, "{verdict}");
    let shown = server.client().show(&id, "q1").await.json(200);
    assert_eq!(shown["question"]["questionId"], "q1");
    server.stop().await;
}
