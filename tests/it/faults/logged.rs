//! The log in front of the tables, on disks that fail: the disk of the log, that of the file, or both. Also
//! crashes at every step of a checkpoint, and logs that are damaged, cut, or of another file.

use std::time::Duration;

use rejoin::domain::Game;
use rejoin::store::redb::{CheckpointRule, LogOptions, RedbStore, file_opener};
use rejoin::store::{GameSessionStore, NewSession};

use super::disk::{Disk, Fault};
use super::disks::{Disks, Medium};
use super::failing::survives_on;
use super::games::Ledger;
use super::{PLAYERS, block_on, check, check_crashed, for_each, open, options, play, try_to_open};
use crate::kit::{answer, at, external, id, solo};
use crate::support::wait_until;

/// A small log with a checkpoint every 20 ms once it holds this many bytes.
fn checkpointed_after(bytes: u64) -> LogOptions {
    LogOptions { size: 512 << 10, rule: CheckpointRule { every: Duration::from_millis(20), bytes } }
}

/// The number of sessions that are created one by one while other threads count them.
const COUNTED: u64 = 1_500;
const NEVER: LogOptions = LogOptions { size: 1 << 20, rule: CheckpointRule { every: Duration::MAX, bytes: u64::MAX } };

/// The disks of a store that fail.
#[derive(Debug, Clone, Copy)]
enum Failing {
    File,
    Log,
    Both,
}

fn survives(n: u64, failing: Failing, fault: Fault, failures: Option<u64>) -> Vec<Ledger> {
    let disks = Disks::new(n, checkpointed_after(n % 5 * 2_000));
    let both: [&Disk; 2] = [&disks.file, &disks.log];
    let faulty = match failing {
        Failing::File => &both[..1],
        Failing::Log => &both[1..],
        Failing::Both => &both[..],
    };
    survives_on(&disks, faulty, n, (fault, failures))
}

#[test]
fn a_single_failure_of_the_log_loses_nothing() {
    for_each(0..40, |n| {
        survives(n, Failing::Log, Fault::Broken, Some(1));
    });
}

#[test]
fn a_log_that_stays_broken_loses_nothing() {
    for_each((0..40).step_by(2), |n| {
        survives(n, Failing::Log, Fault::Broken, None);
    });
}

#[test]
fn a_single_failure_of_the_file_behind_the_log_loses_nothing() {
    for_each(0..40, |n| {
        survives(n, Failing::File, Fault::Broken, Some(1));
    });
}

#[test]
fn a_file_that_stays_broken_behind_the_log_loses_nothing() {
    for_each((0..40).step_by(2), |n| {
        survives(n, Failing::File, Fault::Broken, None);
    });
}

#[test]
fn a_disk_that_fails_with_file_and_log_loses_nothing() {
    for_each(0..40, |n| {
        survives(n, Failing::Both, Fault::Broken, [Some(1), Some(3), None][n as usize % 3]);
    });
}

#[test]
fn a_full_disk_behind_the_log_loses_nothing() {
    for_each(0..8, |n| {
        survives(n, Failing::File, Fault::Full, None);
    });
}

#[test]
fn a_disk_too_full_for_any_write_loses_nothing_of_the_log() {
    for_each((0..40).step_by(3), |n| {
        survives(n, Failing::Both, Fault::FullForAll, None);
        survives(n, Failing::Log, Fault::FullForAll, None);
    });
}

/// The file's disk fails from each step of a checkpoint on. Nothing that was acknowledged is lost.
#[test]
fn a_crash_at_any_point_of_a_checkpoint_loses_nothing() {
    for_each(0..120, |n| {
        let disks = Disks::new(n, checkpointed_after(1_000));
        let store = open(&disks);
        let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 2, 300);
        disks.file.fail_after(n % 60, Fault::Broken, None);
        let ledgers = play(&store, ledgers, 3, 300);
        for seed in 0..4 {
            check_crashed(&disks, n * 10 + seed, &ledgers);
        }
        disks.file.end_fault();
    });
}

/// A reply comes only when its command is durable, whether a checkpoint is running or not.
#[test]
fn a_crash_at_any_moment_of_play_loses_nothing() {
    for_each(0..40, |n| {
        let disks = Disks::new(n, checkpointed_after(n % 7 * 500));
        let store = open(&disks);
        let mut ledgers: Vec<_> = (0..PLAYERS).map(Ledger::new).collect();
        for round in 0..6 {
            ledgers = play(&store, ledgers, 1, 500);
            check_crashed(&disks, n * 100 + round, &ledgers);
        }
    });
}

/// Several crashes follow each other without a checkpoint in between.
#[test]
fn repeated_crashes_lose_nothing() {
    for_each(0..20, |n| {
        let mut disks = Disks::new(n, NEVER);
        let mut ledgers: Vec<_> = (0..PLAYERS).map(Ledger::new).collect();
        for round in 0..8 {
            let store = open(&disks);
            check(&store, &ledgers);
            ledgers = play(&store, ledgers, 1, 200);
            disks = disks.crashed(n * 100 + round);
        }
        check(&open(&disks), &ledgers);
    });
}

/// A log with twelve games, each in its own batch.
fn a_log_of_twelve() -> Disks {
    let disks = Disks::new(1, NEVER);
    let store = open(&disks);
    for n in 0..12 {
        block_on(store.create(NewSession(solo(n, 2, at(0))), at(0))).expect("created");
    }
    // Copied while the store is open: closing it would empty the log.
    disks.copied(1)
}

/// The number of games that are there. They must be the first ones.
fn games(store: &RedbStore) -> u64 {
    let is_there = |n: &u64| block_on(store.get(&id(*n), at(0))).expect("read").is_some();
    let count = (0..12).take_while(is_there).count() as u64;
    assert!((count..12).all(|n| !is_there(&n)), "a game is there and one before it is not");
    count
}

#[test]
fn a_truncated_log_recovers_the_games_before_the_cut() {
    let whole = a_log_of_twelve();
    let used = whole.log.used();
    let end = used.last().expect("it holds something") + 1;
    let mut counts = std::collections::BTreeSet::new();
    for length in (0..=end).step_by(7) {
        let cut = Disks { log: whole.log.truncated(length), ..whole.copied(1) };
        let store = open(&cut);
        counts.insert(games(&store));
        block_on(store.create(NewSession(solo(20, 2, at(0))), at(0))).expect("it takes new games");
    }
    assert_eq!(games(&open(&whole)), 12);
    assert!(counts.contains(&0) && counts.len() > 1, "{counts:?}");
}

#[test]
fn a_log_with_a_flipped_bit_recovers_the_games_before_it() {
    let whole = a_log_of_twelve();
    let mut counts = std::collections::BTreeSet::new();
    let used = whole.log.used();
    for (n, byte) in used.iter().enumerate().step_by(5) {
        let flipped = Disks { log: whole.log.with_flipped(byte * 8 + n % 8), ..whole.copied(1) };
        let store = open(&flipped);
        counts.insert(games(&store));
        block_on(store.create(NewSession(solo(20, 2, at(0))), at(0))).expect("it takes new games");
    }
    assert!((0..=12).all(|count| counts.contains(&count)), "{counts:?}");
}

#[test]
fn the_log_of_another_file_is_ignored() {
    let (one, other) = (a_log_of_twelve(), a_log_of_twelve());
    let mixed = Disks { file: one.file.copied(1), log: other.log.copied(1), options: NEVER };
    let store = open(&mixed);
    assert_eq!(games(&store), 0);
    block_on(store.create(NewSession(solo(0, 2, at(0))), at(0))).expect("created");
    let crashed = mixed.crashed(3);
    drop(store);
    assert_eq!(games(&open(&crashed)), 1, "what that held comes back never");
}

#[test]
fn a_closed_store_leaves_an_empty_log() {
    let disks = Disks::new(1, NEVER);
    let store = open(&disks);
    let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 2, 100);
    block_on(store.close()).expect("closed");
    assert_eq!(disks.log.used(), Vec::<usize>::new());
    check(&open(&disks), &ledgers);
}

#[test]
fn a_store_opened_without_a_log_recovers_the_old_log() {
    let disks = Disks::new(1, NEVER);
    let store = open(&disks);
    let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 2, 100);
    let crashed = disks.crashed(5);
    let opened = RedbStore::open(crashed.cached_opener(0).log(None), super::options(Duration::from_secs(10)));
    let store = opened.expect("opened");
    check(&store, &ledgers);
    // A store that is only dropped may still be writing when the next one opens the disk.
    block_on(store.close()).expect("closed");
    check(&open(&crashed), &ledgers);
}

#[test]
fn writes_that_exceed_the_log_go_into_the_tables() {
    let disks = Disks::new(1, LogOptions { size: 64 << 10, ..NEVER });
    let store = open(&disks);
    let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 12, 15_000);
    check_crashed(&disks, 1, &ledgers);
    wait_until("the file has grown", || disks.file.used().len() > 64 << 10);
    check(&store, &ledgers);
}

/// The number of answers in a solo game, or `None` if it cannot be read.
fn answers(store: &RedbStore, n: u64) -> Option<usize> {
    let session = block_on(store.get(&id(n), at(0))).ok()?.expect("alive");
    let (Game::Solo(game), Some(quiz)) = (&session.state.game, &session.quiz) else { panic!("it runs") };
    Some(game.results(quiz, None).answers.len())
}

fn answer_next(store: &RedbStore, n: u64, question: usize) {
    let applied = block_on(store.apply(&id(n), answer(question, 1, None), at(0)));
    applied.expect("committed").expect("alive").result.expect("evaluated");
}

/// Rows that need a damaged page stay in the log, whatever else is checkpointed. They are read from the log,
/// also after a crash.
#[test]
fn rows_that_need_a_damaged_page_stay_in_the_log() {
    let whole = Disks::new(1, LogOptions { rule: CheckpointRule { every: Duration::MAX, bytes: 5_000 }, ..NEVER });
    let store = open(&whole);
    for n in 0..200 {
        block_on(store.create(NewSession(solo(n, 9, at(0))), at(0))).expect("created");
    }
    block_on(store.close()).expect("closed");
    let mut left = 0;
    for place in whole.file.places(id(100).as_bytes()) {
        let disks = whole.copied(1);
        let store = open(&disks);
        answer_next(&store, 100, 0);
        disks.file.damage(place);
        // The first games are on other pages.
        for (question, n) in (0..8).flat_map(|question| (0..10).map(move |n| (question, n))) {
            answer_next(&store, n, question);
        }
        assert_eq!(answers(&store, 0), Some(8));
        // A copy, not a crash: the damage is only in the cache, and a crash would undo it.
        let reopened = open(&disks.copied(1));
        if answers(&reopened, 100).is_none() {
            // This was the place of the quiz, which no checkpoint needs.
            continue;
        }
        assert_eq!(answers(&store, 100), Some(1));
        answer_next(&store, 100, 1);
        if block_on(store.close()).is_ok() {
            continue;
        }
        left += 1;
        for _ in 0..3 {
            let store = open(&disks);
            assert_eq!((answers(&store, 100), answers(&store, 0)), (Some(2), Some(8)), "at {place}");
            assert!(block_on(store.close()).is_err(), "what is left can be in no checkpoint");
        }
    }
    assert!(left > 0, "no place was a session's, so this has tested nothing");
}

/// The first commit after the start finds no space. It must not use up a number of the log, or recovery would
/// stop at the gap and lose the later commits.
#[test]
fn a_start_on_a_full_disk_leaves_no_hole_in_the_log() {
    let mut started_full = 0;
    for spared in 0..20 {
        let disks = Disks::new(spared, NEVER);
        let ledgers = {
            let store = open(&disks);
            let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 2, 500);
            block_on(store.close()).expect("closed");
            ledgers
        };
        disks.file.fail_after(spared, Fault::FullForAll, Some(1));
        let Ok(store) = try_to_open(&disks) else { continue };
        started_full += usize::from(disks.file.struck() > 0);
        let ledgers = play(&store, ledgers, 2, 500);
        for seed in 0..3 {
            check_crashed(&disks, spared * 10 + seed, &ledgers);
        }
    }
    assert!(started_full > 0, "no start met the full disk, so this has tested nothing");
}

#[test]
fn a_session_counts_once_during_a_checkpoint() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    let folder = tempfile::tempdir().expect("a folder");
    let rule = CheckpointRule { every: Duration::ZERO, bytes: 0 };
    let opener = file_opener(folder.path().join("rejoin.redb"), 1 << 20);
    let opener = opener.log(Some(LogOptions { rule, ..LogOptions::default() }));
    let store = RedbStore::open(opener, options(Duration::from_secs(60))).expect("opened");
    let (begun, created) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while created.load(SeqCst) < COUNTED {
                    // In this order: the count includes all that were created before it, and no more than
                    // were begun after it.
                    let least = created.load(SeqCst);
                    let live = block_on(store.status(at(0))).expect("counted").live_sessions;
                    let most = begun.load(SeqCst);
                    assert!((least..=most).contains(&live), "{live} of {least} to {most}");
                }
            });
        }
        for n in 0..COUNTED {
            begun.fetch_add(1, SeqCst);
            block_on(store.create(NewSession(external(n, None, at(0))), at(0))).expect("created");
            created.fetch_add(1, SeqCst);
        }
    });
    block_on(store.close()).expect("closed");
}
