//! Degraded mode of the real binary over a real Valkey: thousands of requests, and kills of both.

use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{assert_is_at_home, assert_is_in_the_shared_store, begin, id, play_to_the_end};
use crate::support::valkey::{DURABLE, ValkeyServer};
use crate::support::{Client, Server, right, took, until_async};

/// The number of games that begin while Valkey is away.
const GAMES: usize = 1_000;
/// The number of players who play at the same time.
const AT_ONCE: usize = 16;

fn start(folder: &TempDir, valkey: &ValkeyServer) -> Server {
    let url = valkey.url();
    let place = ["--store", "valkey", "--valkey-url", &url];
    // No limits, because a thousand games begin within a few seconds.
    let own = ["--fallback", "redb", "--instance", "eu-1", "--limits", "off"];
    Server::process(folder.path(), &[&place[..], &own].concat())
}

/// Runs `act` for each of the games, [`AT_ONCE`] at a time.
async fn with_each<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    games: impl IntoIterator<Item = String>,
    act: impl Fn(String) -> F,
) -> Vec<T> {
    let (mut waiting, mut playing, mut done) = (games.into_iter(), JoinSet::new(), Vec::new());
    loop {
        while playing.len() < AT_ONCE
            && let Some(game) = waiting.next()
        {
            playing.spawn(act(game));
        }
        match playing.join_next().await {
            Some(played) => done.push(played.expect("no player panics")),
            None => return done,
        }
    }
}

/// Creates a game and answers its first question.
async fn begun(client: Client) -> Value {
    let game = begin(&client).await;
    client.answer_as("first", &id(&game), 0, right(0)).await.json(200);
    game
}

/// Plays the games to their end.
async fn play(client: &Client, games: &[String]) {
    let play = async |client: Client, id: String| play_to_the_end(&client, &id).await;
    with_each(games.to_vec(), |id| play(client.clone(), id)).await;
}

/// Waits until a new game is created in the shared store.
async fn until_in_the_shared_store(client: &Client) {
    let begun = Instant::now();
    until_async(async || {
        let game = begin(client).await;
        let is_shared = game["degraded"] == false;
        (if is_shared { assert_is_in_the_shared_store } else { assert_is_at_home })(&game);
        is_shared
    })
    .await;
    took("a new game is in Valkey again", begun);
}

async fn until_health_says(client: &Client, word: &str) -> Value {
    let mut health = Value::Null;
    until_async(async || {
        health = serde_json::from_slice(&client.get("/health").await.body).expect("JSON");
        health["status"] == word
    })
    .await;
    health
}

#[tokio::test]
async fn a_thousand_games_begun_without_valkey_are_finished_in_the_fallback_store() {
    let (folder, mut valkey) = (tempfile::tempdir().unwrap(), ValkeyServer::start(&DURABLE));
    let server = start(&folder, &valkey);
    let client = server.client();
    let mut shared = Vec::new();
    for game in with_each((0..20).map(|n| n.to_string()), |_| begun(client.clone())).await {
        assert_is_in_the_shared_store(&game);
        shared.push(id(&game));
    }
    valkey.kill();
    let mut games = Vec::new();
    for game in with_each((0..GAMES).map(|n| n.to_string()), |_| begun(client.clone())).await {
        assert_is_at_home(&game);
        games.push(id(&game));
    }
    client.resume(&shared[0]).await.problem(503, "store-unavailable");
    let (before, after) = games.split_at(GAMES / 2);
    let (away, away_after_a_kill) = before.split_at(GAMES / 4);
    play(&client, away).await;

    server.kill().await;
    let server = start(&folder, &valkey);
    let client = server.client();
    assert!(server.line().contains("(out of reach yet), fallback redb at"), "{}", server.line());
    assert!(server.line().contains(&format!(" {GAMES} session records")), "{}", server.line());
    let health = until_health_says(&client, "degraded").await;
    assert_eq!((&health["liveSessions"], &health["instance"]), (&json!(GAMES), &json!("eu-1")));
    play(&client, away_after_a_kill).await;

    valkey.restart();
    until_in_the_shared_store(&client).await;
    let (back, back_after_a_kill) = after.split_at(GAMES / 4);
    play(&client, back).await;
    server.kill().await;
    let server = start(&folder, &valkey);
    let client = server.client();
    play(&client, back_after_a_kill).await;

    // Games that waited for Valkey go on. Games that ended in the fallback store keep their results there.
    play(&client, &shared).await;
    for id in &games {
        let results = client.results(id).await.json(200);
        assert_eq!((&results["completed"], &results["totalScore"]), (&json!(true), &json!(150)));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_without_valkey_uses_it_once_it_is_there() {
    let (folder, mut valkey) = (tempfile::tempdir().unwrap(), ValkeyServer::start(&[]));
    valkey.kill();
    let server = start(&folder, &valkey);
    let client = server.client();
    let place = format!("sessions in valkey at 127.0.0.1:{} (out of reach yet), fallback redb at", valkey.port);
    assert!(server.line().contains(&place), "{}", server.line());
    let game = begin(&client).await;
    assert_is_at_home(&game);
    let health = until_health_says(&client, "degraded").await;
    assert_eq!((&health["engine"], &health["degraded"]), (&json!("valkey"), &json!(true)));

    valkey.restart();
    until_in_the_shared_store(&client).await;
    let health = until_health_says(&client, "ok").await;
    assert_eq!((&health["breaker"], &health["reachable"]), (&json!("closed"), &json!(true)));
    client.answer(&id(&game), 0, right(0)).await.json(200);
    play_to_the_end(&client, &id(&game)).await;
    server.stop().await;

    let server = start(&folder, &valkey);
    assert!(server.line().contains(&format!("valkey at 127.0.0.1:{}, fallback", valkey.port)), "{}", server.line());
    server.stop().await;
}

#[tokio::test]
async fn a_game_that_a_halted_valkey_does_not_acknowledge_begins_in_the_fallback_store() {
    let (folder, valkey) = (tempfile::tempdir().unwrap(), ValkeyServer::start(&[]));
    let server = start(&folder, &valkey);
    let client = server.client();
    assert_is_in_the_shared_store(&begin(&client).await);
    valkey.stop_signal();
    let game = begin(&client).await;
    assert_is_at_home(&game);
    valkey.continue_signal();
    until_in_the_shared_store(&client).await;
    for n in 0..2 {
        client.answer(&id(&game), n, right(n)).await.json(200);
    }
    assert_eq!(client.results(&id(&game)).await.json(200)["correctCount"], 2);
    server.stop().await;
}
