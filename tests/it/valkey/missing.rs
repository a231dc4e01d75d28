//! Parts of a session that are missing or cannot be read affect only that session. A read never mixes parts
//! of two sessions that had the same id.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rejoin::domain::{Game, Moment, Sequence};
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use rejoin::store::{GameSessionStore, NewSession, Portable, StoreError};
use serde_json::{Value, json};

use super::{REACHING, options, reached};
use crate::kit::{external, id, record, right, solo};
use crate::support::valkey::ValkeyServer;
use crate::support::{KEY, Server, questions, right as right_option};

fn keys(n: u64) -> [String; 3] {
    let state = format!("session:{}", id(n));
    [state.clone(), format!("{{{state}}}:quiz"), format!("{{{state}}}:ev")]
}

async fn damaged(store: &ValkeyStore) -> u64 {
    store.status(store.clock().moment()).await.expect("told").damaged
}

/// A store without a usable quiz cache: it reads every quiz from the server.
async fn forgetful(url: &str) -> Arc<ValkeyStore> {
    let target = ValkeyTarget::parse(url, Topology::Standalone).expect("a good URL");
    let store = ValkeyStore::open(ValkeyOptions { quiz_cache: 1, ..options(target) }).expect("opened");
    store.until_reachable(REACHING).await.expect("the server is there");
    Arc::new(store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_whose_quiz_was_evicted_is_reported_once_and_kept() {
    let valkey = ValkeyServer::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["--store", "valkey", "--valkey-url", &valkey.url()];
    let server = Server::process(folder.path(), &words);
    server.logged("connected to Valkey").await;
    let game = server.client().create(json!({ "questions": questions(2) })).await;
    let id = game["sessionId"].as_str().expect("an id").to_owned();
    server.client().answer(&id, 0, right_option(0)).await.json(200);
    server.stop().await;
    let state = format!("session:{id}");
    assert_eq!(valkey.command(&["DEL", &format!("{{{state}}}:quiz")]).integer(), 1);

    let server = Server::process(folder.path(), &words);
    server.logged("connected to Valkey").await;
    let client = server.client();
    for _ in 0..5 {
        client.resume(&id).await.problem(500, "session-corrupt");
        client.results(&id).await.problem(500, "session-corrupt");
        client.answer(&id, 1, right_option(1)).await.problem(500, "session-corrupt");
    }
    client.play(2).await;
    assert_eq!(valkey.command(&["EXISTS", &state]).integer(), 1, "what was answered so far is not lost");
    let health: Value = client.get("/health").await.json(200);
    assert_eq!(health["damaged"], 1, "{health}");
    let log = server.log();
    assert_eq!(log.matches("a session cannot be read").count(), 1, "{log}");
    assert!(!log.contains(&id), "{log}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_evicted_event_log_gets_a_new_epoch_and_never_a_gap() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    let [_, _, log] = keys(1);
    store.create(NewSession(external(1, None, at)), at).await.expect("created");
    store.apply(&id(1), record(3), at).await.expect("answered").expect("alive").result.expect("recorded");
    let page = async |after| store.events(&id(1), Sequence(after), 9, at).await.expect("read").expect("alive");
    let numbers = async |after| page(after).await.events.iter().map(|event| event.sequence.0).collect::<Vec<_>>();
    let whole = page(0).await;
    assert_eq!((whole.events.len(), whole.oldest()), (3, Sequence(1)));
    assert_eq!(server.command(&["DEL", &log]).integer(), 1);

    let gone = page(0).await;
    assert_ne!(gone.epoch, whole.epoch);
    assert_eq!((gone.events.len(), gone.head(), gone.oldest()), (0, Sequence(3), Sequence(4)));
    store.apply(&id(1), record(2), at).await.expect("answered").expect("alive").result.expect("recorded");
    let begun = page(0).await;
    assert_eq!(
        (begun.head(), begun.oldest(), &begun.epoch),
        (Sequence(5), Sequence(4), &gone.epoch),
        "it stays the same"
    );
    assert_eq!((numbers(0).await, numbers(3).await, numbers(4).await), (vec![4, 5], vec![4, 5], vec![5]));
    let dump = store.export(&id(1), at).await.expect("read").expect("alive");
    assert_eq!((dump.session.log().oldest, dump.events.len()), (Sequence(4), 2), "it is moved without a gap");

    // A second deletion makes yet another epoch.
    assert_eq!(server.command(&["DEL", &log]).integer(), 1);
    store.apply(&id(1), record(3), at).await.expect("answered").expect("alive").result.expect("recorded");
    let again = page(0).await;
    assert_eq!((again.head(), again.oldest()), (Sequence(8), Sequence(6)));
    assert!(again.epoch != begun.epoch && again.epoch != whole.epoch);
    // If an event in the middle is missing, only the events after the gap count.
    assert_eq!(server.command(&["XDEL", &log, "7-0"]).integer(), 1);
    let torn = page(0).await;
    assert_eq!((torn.oldest(), numbers(0).await), (Sequence(8), vec![8]));
    assert_eq!(damaged(&store).await, 0, "it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_an_evicted_event_log_gets_a_snapshot() {
    let valkey = ValkeyServer::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["--store", "valkey", "--valkey-url", &valkey.url(), "--api-keys", KEY];
    let server = Server::here(folder.path(), &words);
    let backend = server.client().with_key(KEY);
    let room = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
    let room = room["roomId"].as_str().expect("an id").to_owned();
    let record = async || {
        let events = json!({ "events": [{ "type": "move", "payload": 1 }, { "type": "move", "payload": 2 }] });
        backend.post(&format!("/api/rooms/{room}/events"), &events).await.json(201);
    };
    let since = async |after: u64, epoch: &str| {
        backend.get(&format!("/api/rooms/{room}/events?after={after}&epoch={epoch}")).await.json(200)
    };
    record().await;
    let first = backend.get(&format!("/api/rooms/{room}/events?after=0")).await.json(200);
    let epoch = first["epoch"].as_str().expect("a name").to_owned();
    assert_eq!((&first["recovered"], &first["events"].as_array().map(Vec::len)), (&json!(true), &Some(2)), "{first}");
    assert_eq!(valkey.command(&["DEL", &format!("{{session:{room}}}:ev")]).integer(), 1);
    record().await;
    for after in [0, 1, 2] {
        let page = since(after, &epoch).await;
        assert_eq!((&page["recovered"], &page["snapshot"]["head"]), (&json!(false), &json!(4)), "{page}");
        assert_ne!(page["epoch"], json!(epoch));
    }
    let epoch = since(2, &epoch).await["epoch"].as_str().expect("a name").to_owned();
    record().await;
    let page = since(4, &epoch).await;
    let numbers: Vec<_> = page["events"].as_array().expect("a list").iter().map(|event| &event["sequence"]).collect();
    assert_eq!((&page["recovered"], numbers), (&json!(true), vec![&json!(5), &json!(6)]), "{page}");
    server.stop().await;
}

#[tokio::test]
async fn unreadable_sessions_do_not_stop_a_sweep() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    const NEWER: u64 = 40;
    for n in 0..NEWER + 10 {
        store.create(NewSession(solo(n, 1, at)), at).await.expect("created");
    }
    assert_eq!(store.status(at).await.expect("told").records, NEWER + 10);
    // All entries of the index have the same deadline, so they are ordered by id, and the unreadable ones
    // come first.
    let newer = "{\"version\":3,\"format\":4,\"x\":1}";
    for n in 0..NEWER {
        assert!(server.command(&["SET", &keys(n)[0], newer, "KEEPTTL"]).is("OK"));
    }
    let dead = Moment { now: at.now.plus(rejoin::domain::Millis(8_000_000)), ..at };
    let (mut deleted, mut sweeps) = (0, 0);
    loop {
        let swept = store.sweep(dead, 4).await.expect("swept");
        deleted += swept.deleted;
        sweeps += 1;
        if !swept.more {
            break;
        }
        assert!(sweeps < 20, "it does not come to an end");
    }
    assert_eq!(deleted, 10);
    assert_eq!(damaged(&store).await, NEWER);
    for n in 0..NEWER {
        assert_eq!(server.command(&["GET", &keys(n)[0]]).text(), newer, "it is left as it is");
    }
    let met = store.get(&id(0), at).await;
    assert!(matches!(&met, Err(StoreError::Corrupt { what }) if what.contains("format 4")), "{met:?}");
    // After a deletion a new game can begin under the same id.
    assert!(store.delete(&id(0)).await.expect("deleted"));
    store.create(NewSession(solo(0, 1, at)), at).await.expect("created");
    store.apply(&id(0), right(0), at).await.expect("answered").expect("alive").result.expect("evaluated");
    assert_eq!(damaged(&store).await, NEWER - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_join_code_of_an_unreadable_session_counts_as_taken() {
    let server = ValkeyServer::start(&[]);
    let store = reached(&server.url()).await;
    let at = store.clock().moment();
    store.create(NewSession(external(1, Some("ABC234"), at)), at).await.expect("created");
    assert!(server.command(&["SET", &keys(1)[0], "{\"version\":3,\"format\":4}", "KEEPTTL"]).is("OK"));
    let taken = store.create(NewSession(external(2, Some("ABC234"), at)), at).await;
    assert!(matches!(taken, Err(StoreError::AlreadyExists)), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_never_mixes_the_state_and_quiz_of_two_sessions_with_one_id() {
    let server = ValkeyServer::start(&[]);
    let (writer, reader) = (reached(&server.url()).await, forgetful(&server.url()).await);
    let at = writer.clock().moment();
    // Each session is dead for the next one, which replaces it in one step. For the reader's clock all are
    // alive.
    let life = move |n: u64| {
        let at = Moment { now: at.now.plus(rejoin::domain::Millis(n * 10_000_000)), ..at };
        let mut game = solo(1, 2 + n as usize % 2, at);
        game.state.nonce = n;
        (NewSession(game), at)
    };
    let (first, begun) = life(0);
    writer.create(first, begun).await.expect("created");
    let writing = tokio::spawn(async move {
        for n in 1.. {
            let (next, at) = life(n);
            writer.create(next, at).await.expect("created");
        }
    });
    let (until, mut lives) = (Instant::now() + Duration::from_secs(3), std::collections::HashSet::new());
    while Instant::now() < until {
        let session = reader.get(&id(1), at).await.expect("read").expect("alive");
        assert!(matches!(session.state.game, Game::Solo(_)));
        let questions = session.quiz.expect("it goes on").questions.len() as u64;
        assert_eq!(questions, 2 + session.state.nonce % 2, "in life {}", session.state.nonce);
        lives.insert(session.state.nonce);
    }
    writing.abort();
    assert!(lives.len() > 20, "{} lives were seen, so this has tested little", lives.len());
}
