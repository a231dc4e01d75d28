//! Degraded mode: the shared store becomes unavailable and returns. Games that begin meanwhile stay in the
//! instance's fallback store to their end. No other game is stored there, and no game is in two stores.

mod real;
pub(crate) mod shared;

use std::sync::Arc;

use rejoin::server::Stores;
use rejoin::store::Store;
use rejoin::store::clock::system_wall_clock;
use rejoin::version::{COMMIT, VERSION};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Client, Reply, Server, questions, right, until_async, wrong};
use shared::{Mood, SINCE, Shared};

const CREATE: &str = "/api/game/session";
const OWN_ID: &str = "4f1c2f52-7a51-4c1e-9d6e-6f1f3b0f7a10";

/// An instance over a shared store.
struct Instance {
    server: Server,
    client: Client,
    /// The fallback store, if the instance has one.
    own: Option<Store>,
}

/// Starts the instance `eu-1` with its files in `folder`.
fn start(folder: &TempDir, shared: &Arc<Shared>, fallback: &str, args: &[&str]) -> Instance {
    let valkey = ["--store", "valkey", "--valkey-url", "valkey://127.0.0.1", "--instance", "eu-1"];
    let args = [&valkey[..], &["--fallback", fallback], args].concat();
    let store = shared.store();
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::here_over(folder.path(), &args, system_wall_clock(), async move |settings, outside| {
        let stores = Stores::shared(store, "a shared store".to_owned(), settings, outside)?;
        tell.send(stores.router.own().map(|own| own.store.clone())).expect("the test waits for it");
        Ok(stores)
    });
    let own = told.recv().expect("the stores open");
    Instance { client: server.client(), server, own }
}

/// Creates a game of two questions.
async fn begin(client: &Client) -> Value {
    client.create(json!({ "questions": questions(2) })).await
}

fn id(game: &Value) -> String {
    game["sessionId"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn assert_is_at_home(game: &Value) {
    assert!(id(game).ends_with("-eu-1"), "{game}");
    assert_eq!(game["degraded"], true);
}

#[track_caller]
fn assert_is_in_the_shared_store(game: &Value) {
    assert_eq!(id(game).len(), OWN_ID.len(), "{game}");
    assert_eq!(game["degraded"], false);
}

/// Plays a game of two questions to its end. Its first question is answered already.
async fn play_to_the_end(client: &Client, id: &str) {
    let game = client.resume(id).await.json(200);
    assert_eq!((&game["answers"][0]["questionId"], &game["questions"][0]["questionId"]), (&json!("q0"), &json!("q1")));
    client.show(id, "q1").await.json(200);
    client.answer(id, 0, right(0)).await.problem(404, "question-not-open");
    assert_eq!(client.answer(id, 1, wrong(1)).await.json(200)["completed"], true);
    assert_ends_well(client, id).await;
}

async fn assert_ends_well(client: &Client, id: &str) {
    let results = client.results(id).await.json(200);
    assert_eq!((&results["sessionId"], &results["completed"]), (&json!(id), &json!(true)));
    assert_eq!((&results["correctCount"], &results["progression"]["xp"]), (&json!(1), &json!(10)));
    assert_eq!(client.award(id).await.json(200)["awarded"], true);
    assert_eq!(client.award(id).await.json(200)["awarded"], false);
    client.resume(id).await.problem(404, "session-finished");
}

/// The replies to every call that names a session.
async fn every_call(client: &Client, id: &str) -> [Reply; 6] {
    [
        client.resume(id).await,
        client.show(id, "q1").await,
        client.answer_as("again", id, 1, right(1)).await,
        client.results(id).await,
        client.award(id).await,
        client.delete(&format!("{CREATE}/{id}")).await,
    ]
}

async fn games_end_where_they_began(fallback: &str) {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, fallback, &[]);
    let client = &instance.client;
    shared.is(Mood::Away);
    let games = [begin(client).await, begin(client).await];
    games.iter().for_each(assert_is_at_home);
    let [first, second] = games.each_ref().map(id);
    assert_ne!(first, second);
    for id in [&first, &second] {
        client.answer(id, 0, right(0)).await.json(200);
    }
    play_to_the_end(client, &first).await;

    shared.is(Mood::Well);
    assert_is_in_the_shared_store(&begin(client).await);
    play_to_the_end(client, &second).await;
    assert_eq!(client.results(&first).await.json(200)["completed"], true);
    client.delete(&format!("{CREATE}/{first}")).await;
    client.results(&first).await.problem(404, "session-not-found");
    instance.server.stop().await;
}

#[tokio::test]
async fn games_begun_without_the_shared_store_end_in_the_fallback_in_memory() {
    games_end_where_they_began("memory").await;
}

#[tokio::test]
async fn games_begun_without_the_shared_store_end_in_the_fallback_in_redb() {
    games_end_where_they_began("redb").await;
}

#[tokio::test]
async fn games_in_the_fallback_store_survive_a_restart() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &[]);
    shared.is(Mood::Away);
    let ids = [id(&begin(&instance.client).await), id(&begin(&instance.client).await)];
    for id in &ids {
        instance.client.answer(id, 0, right(0)).await.json(200);
    }
    instance.server.stop().await;

    let instance = start(&folder, &shared, "redb", &[]);
    play_to_the_end(&instance.client, &ids[0]).await;
    shared.is(Mood::Well);
    play_to_the_end(&instance.client, &ids[1]).await;
    instance.server.stop().await;

    // Without a fallback store the instance cannot serve these games, and says which instance can.
    let instance = start(&folder, &shared, "none", &[]);
    let reply = instance.client.results(&ids[0]).await;
    reply.problem(503, "session-elsewhere");
    assert_eq!(reply.header("rejoin-home"), Some("eu-1"));
    instance.server.stop().await;
}

#[tokio::test]
async fn games_in_the_shared_store_resume_when_it_is_back() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &[]);
    let client = &instance.client;
    let game = begin(client).await;
    assert_is_in_the_shared_store(&game);
    let id = id(&game);
    let first = client.answer_as("first", &id, 0, right(0)).await;
    shared.is(Mood::Away);
    client.answer_as("first", &id, 0, right(0)).await.problem(503, "store-unavailable");
    for reply in every_call(client, &id).await {
        reply.problem(503, "store-unavailable");
    }
    shared.is(Mood::Well);
    assert_eq!(client.answer_as("first", &id, 0, right(0)).await.body, first.body);
    play_to_the_end(client, &id).await;
    instance.server.stop().await;
}

#[tokio::test]
async fn every_call_refuses_a_session_of_another_instance_and_names_it() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    for (fallback, mood) in [("memory", Mood::Well), ("memory", Mood::Away), ("none", Mood::Well)] {
        let instance = start(&folder, &shared, fallback, &[]);
        shared.is(mood);
        for home in ["eu-2", "eu-", "eu-1-1"] {
            for reply in every_call(&instance.client, &format!("{OWN_ID}-{home}")).await {
                reply.problem(503, "session-elsewhere");
                assert_eq!(reply.header("rejoin-home"), Some(home));
            }
        }
        instance.server.stop().await;
    }
}

#[tokio::test]
async fn a_caller_chosen_session_id_is_created_only_in_the_shared_store() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &[]);
    let client = &instance.client;
    let new = json!({ "questions": questions(2), "sessionId": OWN_ID });
    shared.is(Mood::Away);
    let refused = client.post(CREATE, &new).await.problem(503, "store-unavailable");
    assert!(refused["detail"].as_str().unwrap().contains("sessionId"), "{refused}");
    shared.is(Mood::Full);
    client.post(CREATE, &new).await.problem(503, "store-full");
    let own = instance.own.as_ref().expect("it has a fallback");
    assert_eq!(own.status(own.clock().moment()).await.unwrap().records, 0);

    // The session was created, and the repeat finds it.
    shared.is(Mood::Mute);
    client.post(CREATE, &new).await.problem(503, "outcome-unknown");
    shared.is(Mood::Well);
    let created = client.create(new.clone()).await;
    assert_is_in_the_shared_store(&created);
    client.answer(OWN_ID, 0, right(0)).await.json(200);

    // A repeat finds its game. While the store cannot be read, it creates no other game.
    shared.is(Mood::Away);
    client.post(CREATE, &new).await.problem(503, "store-unavailable");
    shared.is(Mood::Well);
    assert_eq!(client.create(new).await["sessionId"], created["sessionId"]);
    play_to_the_end(client, OWN_ID).await;
    instance.server.stop().await;
}

#[tokio::test]
async fn a_game_begins_in_the_fallback_store_for_every_lasting_fault_of_the_shared_one() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "memory", &[]);
    let client = &instance.client;
    for mood in [Mood::Away, Mood::Mute, Mood::Full] {
        shared.is(mood);
        let game = begin(client).await;
        assert_is_at_home(&game);
        client.answer(&id(&game), 0, right(0)).await.json(200);
        play_to_the_end(client, &id(&game)).await;
    }
    shared.is(Mood::Busy);
    client.post(CREATE, &json!({})).await.problem(503, "store-busy");
    instance.server.stop().await;
}

#[tokio::test]
async fn without_a_fallback_no_game_begins_while_the_store_is_away() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "none", &[]);
    let client = &instance.client;
    for (mood, code) in [(Mood::Away, "store-unavailable"), (Mood::Mute, "outcome-unknown"), (Mood::Full, "store-full")]
    {
        shared.is(mood);
        client.post(CREATE, &json!({})).await.problem(503, code);
    }
    shared.is(Mood::Well);
    assert_is_in_the_shared_store(&begin(client).await);
    instance.server.stop().await;
}

/// The fields of `/health` and `/readyz` about a shared store that is available or away.
fn standing(is_away: bool, has_fallback: bool) -> Value {
    let standing = json!({
        "engine": "shared", "reachable": !is_away, "degraded": is_away && has_fallback,
        "breaker": if is_away { "open" } else { "closed" },
    });
    let trouble = if is_away { json!({ "cause": "valkey: unreachable", "since": SINCE }) } else { json!({}) };
    with(standing, trouble)
}

fn with(mut object: Value, more: Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(more);
    object
}

/// The reply of `/health` when `begun` sessions were created and nothing else happened.
fn health(word: &str, begun: u64, standing: Value) -> Value {
    let counts = json!({ "liveSessions": begun, "commits": begun, "damaged": 0, "limits": "on", "limitsHit": {} });
    let health = with(json!({ "status": word, "version": VERSION, "commit": COMMIT, "instance": "eu-1" }), counts);
    with(health, standing)
}

#[tokio::test]
async fn health_reports_degraded_mode_and_the_instance_stays_ready() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &[]);
    let client = &instance.client;
    begin(client).await;
    for (is_away, word, ready, live_sessions) in
        [(false, "ok", "ready", 1), (true, "degraded", "degraded", 2), (false, "ok", "ready", 3)]
    {
        shared.is(if is_away { Mood::Away } else { Mood::Well });
        if live_sessions > 1 {
            begin(client).await;
        }
        let told = standing(is_away, true);
        assert_eq!(client.get("/health").await.json(200), health(word, live_sessions, told.clone()));
        assert_eq!(client.get("/readyz").await.json(200), with(json!({ "status": ready }), told));
    }
    instance.server.stop().await;
}

#[tokio::test]
async fn without_a_fallback_an_instance_is_not_ready_while_the_store_is_away() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "none", &[]);
    let client = &instance.client;
    shared.is(Mood::Away);
    assert_eq!(client.get("/health").await.json(503), health("unavailable", 0, standing(true, false)));
    let problem = client.get("/readyz").await.problem(503, "store-unavailable");
    assert_eq!(with(problem.clone(), standing(true, false)), problem);
    shared.is(Mood::Well);
    assert_eq!(client.get("/readyz").await.json(200), with(json!({ "status": "ready" }), standing(false, false)));
    instance.server.stop().await;
}

#[tokio::test]
async fn dead_sessions_in_the_fallback_store_are_swept_while_the_shared_store_is_away() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &["--results-ttl", "1s", "--reap-every", "100ms"]);
    let client = &instance.client;
    shared.is(Mood::Away);
    let id = id(&begin(client).await);
    for n in 0..2 {
        client.answer(&id, n, right(n)).await.json(200);
    }
    let own = instance.own.as_ref().expect("it has a fallback");
    let records = async || own.status(own.clock().moment()).await.unwrap().records;
    assert_eq!(records().await, 1);
    until_async(async || records().await == 0).await;
    instance.server.stop().await;
}

#[tokio::test]
async fn only_one_instance_can_open_the_fallback_file() {
    let (folder, shared) = (tempfile::tempdir().unwrap(), Shared::new());
    let instance = start(&folder, &shared, "redb", &[]);
    let (store, tell) = (shared.store(), std::sync::mpsc::channel());
    let args = ["--store", "valkey", "--valkey-url", "valkey://127.0.0.1", "--instance", "eu-2", "--fallback", "redb"];
    let second = Server::here_over(folder.path(), &args, system_wall_clock(), async move |settings, outside| {
        let stores = Stores::shared(store, "a shared store".to_owned(), settings, outside);
        tell.0.send(stores.as_ref().err().map(|error| format!("{error:#}"))).expect("the test waits for it");
        stores
    });
    let said = tell.1.recv().unwrap().expect("it is refused");
    assert!(said.starts_with("REJOIN_FALLBACK: another process holds") && said.contains("fallback.redb"), "{said}");
    drop(second);
    instance.server.stop().await;
}
