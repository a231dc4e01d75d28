//! The periodic reaper: it deletes dead sessions, and neither errors nor panics end its loop.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use rejoin::domain::{Command, GameSession, Lifetimes, Millis, SessionId, Timestamp};
use rejoin::game::reaper::Reaper;
use rejoin::store::clock::system_wall_clock;
use rejoin::store::redb::{RedbOptions, RedbStore, file_opener};
use rejoin::store::{GameClock, GameSessionStore, NewSession, StoreError, StoreResult};
use tokio_util::sync::CancellationToken;

use crate::kit::{DEAD, at, external, id, right, solo};
use crate::support::store::{Call, Hook, HookedStore};
use crate::support::{Server, until_async};

const SESSIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sessions");
const QUIZZES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("quizzes");
const QUESTIONS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("questions");
const QUESTION_ENDS: TableDefinition<'_, (u64, &[u8; 16]), ()> = TableDefinition::new("question_ends");
const HINTS: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("hints");

/// A hook that counts sweeps. The first sweep panics, and the second fails.
struct Stumbling(AtomicUsize);

impl Hook for Stumbling {
    fn before(&self, call: Call) -> StoreResult<()> {
        if call != Call::Sweep {
            return Ok(());
        }
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("the first sweep panics"),
            1 => Err(StoreError::Unavailable(None)),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn the_reaper_survives_panics_and_errors() {
    let clock = GameClock::start(Timestamp::from_millis(1_000_000), system_wall_clock());
    let store = Arc::new(HookedStore::new(Stumbling(AtomicUsize::new(0)), clock));
    let lifetimes = Lifetimes { ttl: Millis(1), max_age: Millis(1), results_ttl: Millis(1) };
    for n in 0..3_000 {
        let at = store.clock().moment();
        let id = SessionId::generate(n, &[1; 10]);
        let session = GameSession::external(id, n, None, [], lifetimes, at.now);
        store.create(NewSession(session), at).await.expect("stored");
    }
    let reaper = Reaper { store: store.clone(), every: Duration::from_millis(5), activity: Arc::default() };
    let stop = CancellationToken::new();
    let running = tokio::spawn(reaper.run(stop.clone()));
    until_async(async || store.status(store.clock().moment()).await.expect("counted").records == 0).await;
    stop.cancel();
    running.await.expect("it stops when it is told to");
    assert!(store.hook.0.load(Ordering::Relaxed) >= 5, "three full steps follow the two that failed");
}

fn open(folder: &Path) -> RedbStore {
    let (rules, wall, patience) = (GameSession::apply as _, system_wall_clock(), Duration::from_secs(30));
    let options = RedbOptions { rules, wall, patience, quiz_cache: 1 << 20 };
    RedbStore::open(file_opener(folder.join("rejoin.redb"), 1 << 24), options).expect("opened")
}

/// Lets `act` change the tables of the closed file.
fn edit(folder: &Path, act: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(folder.join("rejoin.redb")).expect("opened");
    let transaction = database.begin_write().expect("begun");
    act(&transaction);
    transaction.commit().expect("committed");
}

/// The expiry index of the closed file: the time of each entry and its session.
fn hints(folder: &Path) -> Vec<(u64, SessionId)> {
    let database = Database::open(folder.join("rejoin.redb")).expect("opened");
    let table = database.begin_read().expect("begun").open_table(HINTS).expect("there");
    let rows = table.iter().expect("read").map(|row| {
        let (key, _) = row.expect("read");
        let (time, id) = key.value();
        (time, SessionId::from_bytes(id).expect("an id"))
    });
    rows.collect()
}

fn time(after: u64) -> u64 {
    at(after).now.as_millis()
}

async fn touch(store: &RedbStore, n: u64, after: u64) {
    let touched = store.apply(&id(n), Command::Touch, at(after)).await.expect("answered");
    touched.expect("alive").result.expect("touched");
}

#[tokio::test]
async fn the_end_of_a_game_indexes_its_deadline_in_the_same_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create(NewSession(solo(1, 1, at(0))), at(0)).await.expect("created");
    store.apply(&id(1), right(0), at(1_000)).await.expect("answered");
    store.close().await.expect("closed");
    assert_eq!(hints(folder.path()), [(time(7_201_000), id(1))]);
}

#[tokio::test]
async fn a_sweep_moves_at_most_its_limit_of_index_entries_and_changes_no_game() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for n in 0..10 {
        store.create(NewSession(solo(n, 2, at(0))), at(0)).await.expect("created");
        touch(&store, n, 300_000).await;
    }
    let game = store.get(&id(3), at(DEAD)).await.expect("read");
    let swept = store.sweep(at(DEAD), 4).await.expect("swept");
    assert_eq!((swept.deleted, swept.handled, swept.more), (0, 4, true));
    store.close().await.expect("closed");
    let moved = |folder: &Path| hints(folder).iter().filter(|(hint, _)| *hint == time(960_000)).count();
    assert_eq!(moved(folder.path()), 4);
    let store = open(folder.path());
    assert_eq!(store.get(&id(3), at(DEAD)).await.expect("read"), game, "its record is whole");
    while store.sweep(at(DEAD), 4).await.expect("swept").more {}
    store.close().await.expect("closed");
    assert_eq!((moved(folder.path()), hints(folder.path()).len()), (10, 10));
}

#[tokio::test]
async fn an_index_entry_without_a_session_is_removed_only_if_its_quiz_is_gone_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    store.close().await.expect("closed");
    edit(folder.path(), |transaction| {
        transaction.open_table(SESSIONS).expect("there").remove(id(1).as_bytes()).expect("removed");
    });
    for has_quiz in [true, false] {
        if !has_quiz {
            edit(folder.path(), |transaction| {
                transaction.open_table(QUIZZES).expect("there").remove(id(1).as_bytes()).expect("removed");
            });
        }
        let store = open(folder.path());
        let swept = store.sweep(at(DEAD), 9).await.expect("swept");
        assert_eq!((swept.deleted, swept.handled, swept.more), (0, usize::from(!has_quiz), false));
        store.close().await.expect("closed");
        assert_eq!(hints(folder.path()).len(), usize::from(has_quiz));
    }
}

#[tokio::test]
async fn a_session_with_a_wrong_index_entry_is_reaped() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create(NewSession(solo(1, 2, at(0))), at(0)).await.expect("created");
    store.create(NewSession(solo(2, 2, at(9_000))), at(9_000)).await.expect("created");
    store.close().await.expect("closed");
    edit(folder.path(), |transaction| {
        let mut hints = transaction.open_table(HINTS).expect("there");
        for (n, deadline) in [(1, DEAD), (2, DEAD + 9_000)] {
            hints.remove((time(deadline), id(n).as_bytes())).expect("removed");
            hints.insert((time(7), id(n).as_bytes()), ()).expect("set");
        }
    });
    let store = open(folder.path());
    let swept = store.sweep(at(DEAD), 9).await.expect("swept");
    assert_eq!((swept.deleted, swept.handled), (1, 2));
    let status = store.status(at(DEAD)).await.expect("told");
    assert_eq!((status.live_sessions, status.records), (1, 1));
    assert_eq!(store.status(at(DEAD + 9_000)).await.expect("told").live_sessions, 0);
    store.close().await.expect("closed");
    assert_eq!(hints(folder.path()), [(time(DEAD + 9_000), id(2))]);
}

/// The record of a session with another time in the expiry index, and a new checksum.
fn filed_at(record: &[u8], hint: u64) -> Vec<u8> {
    let mut record = record.to_vec();
    record[1..9].copy_from_slice(&hint.to_le_bytes());
    let end = record.len() - 4;
    let crc = crc32fast::hash(&record[..end]).to_le_bytes();
    record[end..].copy_from_slice(&crc);
    record
}

#[tokio::test]
async fn a_sweep_skips_any_number_of_unreadable_records() {
    const DAMAGED: u64 = 3_000;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create(NewSession(external(DAMAGED, None, at(0))), at(0)).await.expect("created");
    store.close().await.expect("closed");
    edit(folder.path(), |transaction| {
        let mut sessions = transaction.open_table(SESSIONS).expect("there");
        let mut hints = transaction.open_table(HINTS).expect("there");
        let record = sessions.get(id(DAMAGED).as_bytes()).expect("read").expect("there").value().to_vec();
        let mut damaged = filed_at(&record, 7);
        damaged[20] ^= 1;
        for n in 0..DAMAGED {
            sessions.insert(id(n).as_bytes(), &*damaged).expect("set");
            hints.insert((7, id(n).as_bytes()), ()).expect("set");
        }
    });
    let store = open(folder.path());
    let (mut deleted, mut calls) = (0, 0);
    loop {
        let swept = store.sweep(at(DEAD), 1).await.expect("swept");
        (deleted, calls) = (deleted + swept.deleted, calls + 1);
        if !swept.more {
            break;
        }
    }
    assert_eq!(deleted, 1, "the one behind them");
    assert!(calls < 10, "{calls}");
    store.close().await.expect("closed");
    assert_eq!(hints(folder.path()).len(), DAMAGED as usize);
}

#[tokio::test]
async fn a_pass_that_only_moves_index_entries_stops_on_shutdown() {
    const SESSIONS_DUE: u64 = 40_000;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let lifetimes = Lifetimes { ttl: Millis(3_600_000), max_age: Millis(86_400_000), results_ttl: Millis(1) };
    let now = store.clock().moment();
    let session = GameSession::external(id(0), 0, None, [], lifetimes, now.now);
    let deadline = session.state.life.deadline().0.as_millis();
    store.create(NewSession(session), now).await.expect("created");
    store.close().await.expect("closed");
    edit(folder.path(), |transaction| {
        let mut sessions = transaction.open_table(SESSIONS).expect("there");
        let mut hints = transaction.open_table(HINTS).expect("there");
        let record = sessions.get(id(0).as_bytes()).expect("read").expect("there").value().to_vec();
        hints.remove((deadline, id(0).as_bytes())).expect("removed");
        let record = filed_at(&record, 1);
        for n in 0..SESSIONS_DUE {
            sessions.insert(id(n).as_bytes(), &*record).expect("set");
            hints.insert((1, id(n).as_bytes()), ()).expect("set");
        }
    });
    // The reaper starts at once.
    let server = Server::process(folder.path(), &[]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.stop().await;
    assert_eq!(hints(folder.path()).len() as u64, SESSIONS_DUE);
}

/// The time until which each question of the closed file is kept.
fn stored_questions(folder: &Path) -> Vec<u64> {
    let database = Database::open(folder.join("rejoin.redb")).expect("opened");
    let transaction = database.begin_read().expect("begun");
    let count = transaction.open_table(QUESTIONS).expect("there").len().expect("counted");
    let table = transaction.open_table(QUESTION_ENDS).expect("there");
    let ends: Vec<_> = table.iter().expect("read").map(|row| row.expect("read").0.value().0).collect();
    assert_eq!(ends.len() as u64, count, "each has its end in the index");
    ends
}

#[tokio::test]
async fn a_question_is_stored_once_and_as_long_as_a_game_uses_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for n in 0..20 {
        store.create(NewSession(solo(n, 3, at(0))), at(0)).await.expect("created");
    }
    // One game is over, and its results live longer than the other games.
    for question in 0..3 {
        store.apply(&id(7), right(question), at(1_000)).await.expect("answered");
    }
    store.close().await.expect("closed");
    let ends = stored_questions(folder.path());
    assert!(ends.len() == 3 && ends.iter().all(|end| *end >= time(7_201_000)), "{ends:?}");
    let store = open(folder.path());
    let swept = store.sweep(at(DEAD), 100).await.expect("swept");
    assert_eq!(swept.deleted, 19);
    let session = store.get(&id(7), at(DEAD)).await.expect("read").expect("its results live");
    assert!(session.quiz.is_some_and(|quiz| quiz.questions.len() == 3), "with their texts");
    store.sweep(at(7_201_001), 100).await.expect("swept");
    // Questions are kept a quarter longer than needed, so that their end is rarely rewritten.
    store.sweep(at(7_201_001 + 7_201_000 / 4), 100).await.expect("swept");
    store.close().await.expect("closed");
    assert_eq!(stored_questions(folder.path()), [0; 0]);
}

#[tokio::test]
async fn a_game_that_is_only_touched_keeps_its_questions() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    store.create(NewSession(solo(1, 3, at(0))), at(0)).await.expect("created");
    for minute in 1..28 {
        let after = minute * 120_000;
        touch(&store, 1, after).await;
        store.sweep(at(after), 100).await.expect("swept");
    }
    store.close().await.expect("closed");
    assert_eq!(stored_questions(folder.path()).len(), 3);
    let store = open(folder.path());
    let session = store.get(&id(1), at(27 * 120_000)).await.expect("read").expect("alive");
    assert!(session.quiz.is_some());
}
