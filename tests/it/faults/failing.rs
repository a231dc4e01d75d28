//! Disks that fail or fill up at the n-th write or sync while several players play.

use std::time::{Duration, Instant};

use rejoin::domain::{Command, Game, GameSession, Millis, Moment};
use rejoin::store::redb::RedbStore;
use rejoin::store::{Cause, GameSessionStore, StoreError};

use super::disk::{Disk, Fault};
use super::disks::Medium;
use super::games::{Ledger, fill_up};
use super::{PLAYERS, block_on, check, check_crashed, for_each, is_reachable, make_up, open, play, try_to_open};
use crate::kit::{DEAD, id};
use crate::support::{HANG, wait_until};

/// Starts a fault after `n` more writes and syncs. Nothing acknowledged may be lost and nothing refused may
/// appear: not in the running store, not after recovery, and not after crashes at any of these times. Returns
/// the ledgers from before the repeats.
fn survives(n: u64, fault: Fault, failures: Option<u64>) -> Vec<Ledger> {
    let disk = Disk::new(n);
    survives_on(&disk, &[&disk], n, (fault, failures))
}

/// Like [`survives`], where only these disks of a medium fail.
pub(super) fn survives_on(
    medium: &impl Medium,
    disks: &[&Disk],
    n: u64,
    (fault, failures): (Fault, Option<u64>),
) -> Vec<Ledger> {
    let struck = || disks.iter().map(|disk| disk.struck()).sum::<u64>();
    let store = open(medium);
    let ledgers = play(&store, (0..PLAYERS / 2).map(Ledger::new).collect(), 2, 100);
    // A full disk strikes only when the file grows. That is rare, because redb doubles the file each time.
    let spared = if fault == Fault::Full { n % 2 } else { n };
    disks.iter().for_each(|disk| disk.fail_after(spared, fault, failures));
    let newcomers = (PLAYERS / 2..PLAYERS).map(Ledger::new);
    if fault == Fault::Full {
        block_on(fill_up(&store, 1_000_000, async || {}));
    }
    let mut ledgers = play(&store, ledgers.into_iter().chain(newcomers).collect(), 4, 3_000);
    wait_until("the fault struck", || {
        if struck() == 0 {
            ledgers = play(&store, std::mem::take(&mut ledgers), 2, 3_000);
        }
        struck() > 0
    });
    for seed in 0..3 {
        check_crashed(medium, n * 10 + seed, &ledgers);
    }
    disks.iter().for_each(|disk| disk.end_fault());
    wait_until("commits work again", || is_reachable(&store));
    check(&store, &ledgers);
    let unsettled = ledgers.clone();
    let ledgers = make_up(&store, ledgers);
    check(&store, &ledgers);
    check_crashed(medium, n, &ledgers);
    block_on(store.close()).expect("closed");
    check(&open(medium), &ledgers);
    unsettled
}

#[test]
fn a_single_failed_write_or_sync_loses_nothing() {
    for_each(0..60, |n| {
        survives(n, Fault::Broken, Some(1));
    });
}

#[test]
fn a_disk_that_stays_broken_for_a_while_loses_nothing() {
    for_each((0..60).step_by(2), |n| {
        let ledgers = survives(n, Fault::Broken, None);
        assert!(ledgers.iter().any(|ledger| ledger.has("OutcomeUnknown") || ledger.has("Unavailable")));
    });
}

#[test]
fn a_disk_that_fails_again_while_healing_loses_nothing() {
    for_each(0..48, |n| {
        survives(n % 12, Fault::Broken, Some(2 + n / 12));
    });
}

#[test]
fn a_full_disk_loses_nothing_and_says_that_it_is_full() {
    for_each(0..8, |n| {
        let ledgers = survives(n, Fault::Full, None);
        let errors: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.errors).collect();
        assert!(errors.iter().any(|error| *error == "Full"), "{errors:?}");
        assert!(errors.iter().all(|error| *error == "Full" || *error == "OutcomeUnknown"), "{errors:?}");
    });
}

#[test]
fn a_disk_too_full_for_any_write_loses_nothing() {
    for_each((0..60).step_by(3), |n| {
        let ledgers = survives(n, Fault::FullForAll, None);
        let errors: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.errors).collect();
        assert!(errors.iter().all(|error| *error == "Full" || *error == "OutcomeUnknown"), "{errors:?}");
    });
}

/// The head of the log and the number of answers of each session, or `None` where it cannot be read.
fn progress(store: &RedbStore) -> Vec<Option<(u64, usize)>> {
    let now = store.clock().moment();
    let answers = |session: &GameSession| match (&session.state.game, &session.quiz) {
        (Game::Solo(game), Some(quiz)) => game.results(quiz, None).answers.len(),
        (Game::Finished(game), Some(quiz)) => game.results(quiz).answers.len(),
        _ => 0,
    };
    let far = |session: GameSession| (session.log().head.0, answers(&session));
    (0..2 * PLAYERS).map(|n| block_on(store.get(&id(n), now)).ok().flatten().map(far)).collect()
}

#[test]
fn everything_read_from_a_broken_disk_survives_a_crash() {
    for_each(0..90, |n| {
        let disk = Disk::new(n + 1_000);
        let store = open(&disk);
        let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 1, 100);
        disk.fail_after(n, Fault::Broken, Some(1 + n % 3));
        play(&store, ledgers, 3, 3_000);
        let told = progress(&store);
        for seed in 0..3 {
            let after = progress(&open(&disk.crashed(n * 10 + seed)));
            for (told, after) in told.iter().zip(&after) {
                let is_there =
                    told.is_none_or(|told| after.is_some_and(|after| after.0 >= told.0 && after.1 >= told.1));
                assert!(is_there, "{told:?} was read, and a crash left {after:?}");
            }
        }
    });
}

#[test]
fn reads_go_on_while_the_disk_is_full() {
    let disk = Disk::new(1);
    let store = open(&disk);
    let ledgers = play(&store, vec![Ledger::new(0)], 2, 100);
    disk.fail_after(0, Fault::Full, None);
    block_on(fill_up(&store, 1_000, async || {}));
    let mut ledger = ledgers[0].clone();
    let mut read_at = Instant::now();
    wait_until("it was tried several times", || {
        let now = store.clock().moment();
        block_on(ledger.go_on(&store, now, 15_000));
        match block_on(store.get(&id(0), now)) {
            Ok(session) => {
                assert!(session.is_some());
                read_at = Instant::now();
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
        assert!(read_at.elapsed() < HANG / 2, "reads are gone");
        disk.struck() > 2
    });
    assert!(ledger.has("Full"), "{:?}", ledger.errors);
    assert!(ledger.errors.iter().all(|error| error == "Full"), "{:?}", ledger.errors);
    disk.end_fault();
    wait_until("commits work again", || is_reachable(&store));
    check(&store, &make_up(&store, vec![ledger]));
}

#[test]
fn the_store_recovers_from_a_failed_read_without_a_restart() {
    for commands in [false, true] {
        let disk = Disk::new(1);
        let store = open(&disk);
        let ledgers = play(&store, vec![Ledger::new(0)], 2, 100);
        disk.fail_after(0, Fault::Unreadable, Some(1));
        let now = store.clock().moment();
        wait_until("a read failed", || {
            if commands {
                let _ = block_on(store.apply(&id(0), rejoin::domain::Command::Touch, now));
            } else {
                let _ = block_on(store.get(&id(0), now));
            }
            disk.struck() > 0
        });
        if !commands {
            wait_until("reads go on, though nobody writes", || block_on(store.get(&id(0), now)).is_ok());
        }
        wait_until("commands are carried out", || {
            block_on(store.apply(&id(0), rejoin::domain::Command::Touch, store.clock().moment())).is_ok()
        });
        wait_until("reads go on", || block_on(store.get(&id(0), now)).is_ok());
        check(&store, &make_up(&store, ledgers));
    }
}

#[test]
fn a_store_that_cannot_write_is_not_opened() {
    for n in 0..20 {
        let disk = Disk::new(n);
        let store = open(&disk);
        let ledgers = play(&store, vec![Ledger::new(0)], 1, 100);
        block_on(store.close()).expect("closed");
        disk.fail_after(n, Fault::Broken, None);
        let before = disk.steps();
        let opened = try_to_open(&disk);
        if disk.struck() > 0 {
            assert!(opened.is_err(), "opened after {} steps", disk.steps() - before);
        }
        if let Ok(store) = opened {
            // A store that is only dropped may still be writing when the next one opens the disk.
            let _ = block_on(store.close());
        }
        disk.end_fault();
        wait_until("it can be opened", || try_to_open(&disk).is_ok());
        check_crashed(&disk, n, &ledgers);
    }
}

#[test]
fn a_store_opened_on_a_full_disk_serves_reads_and_later_writes() {
    let mut started_full = 0;
    for spared in 0..20 {
        let disk = Disk::new(spared);
        let store = open(&disk);
        let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 3, 1_000);
        block_on(store.close()).expect("closed");
        disk.fail_after(spared, Fault::FullForAll, Some(1));
        // If redb cannot even write its own mark of an open file, there is nothing to read.
        let Ok(store) = try_to_open(&disk) else { continue };
        started_full += usize::from(disk.struck() > 0);
        wait_until("commits work again", || is_reachable(&store));
        check(&store, &ledgers);
    }
    assert!(started_full > 0, "no start met the full disk, so this has tested nothing");
}

#[test]
fn game_time_stops_while_nothing_can_be_committed() {
    let disk = Disk::new(4);
    let store = open(&disk);
    disk.fail_after(0, Fault::Broken, None);
    let refused = block_on(store.delete(&id(0)));
    assert!(refused.is_ok(), "there is nothing to delete, and nothing to commit: {refused:?}");
    play(&store, vec![Ledger::new(0)], 1, 1_000);
    wait_until("the fault is met", || !is_reachable(&store));
    let clock = store.clock();
    let stood = clock.moment().now;
    let begun = Instant::now();
    wait_until("some time has passed", || begun.elapsed() > Duration::from_millis(50));
    assert_eq!(clock.moment().now, stood);
    disk.end_fault();
    wait_until("commits work again", || is_reachable(&store));
    wait_until("time goes on", || clock.moment().now > stood);
}

/// A command of a running game is never refused, and neither is a deletion.
async fn goes_on(store: &RedbStore, running: u64, at: Moment) {
    let touched = store.apply(&id(running), Command::Touch, at).await;
    assert!(matches!(touched, Ok(Some(_))), "a running game was refused: {touched:?}");
    store.delete(&id(1_000_000_000)).await.expect("deleting is not refused");
}

/// The space is used up and stays used up. Running games go on, and new games are refused until sweeps of
/// dead sessions free space.
#[test]
fn deleting_dead_sessions_frees_space_on_a_full_disk() {
    let disk = Disk::new(7);
    let store = open(&disk);
    let start = store.clock().moment();
    let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 1, 100);
    disk.fail_after(0, Fault::Full, None);
    let mut n = 1_000;
    for round in 0..3 {
        let first = n;
        n = block_on(fill_up(&store, n, async || goes_on(&store, 1, store.clock().moment()).await));
        assert!(n > first, "games began in round {round}");
        let trouble = block_on(store.status(store.clock().moment())).expect("told").trouble;
        assert_eq!(trouble.map(|trouble| trouble.cause), Some(Cause::Full));
        // Players touch their games now and then; all other games die.
        let later = |millis| Moment { now: start.now.plus(Millis(round * DEAD + millis)), ..start };
        for (time, game) in [DEAD / 2, DEAD].into_iter().flat_map(|time| (0..2 * PLAYERS).map(move |game| (time, game)))
        {
            block_on(goes_on(&store, game, later(time)));
        }
        let mut deleted = 0;
        while deleted < n - first {
            deleted +=
                block_on(store.sweep(later(DEAD + DEAD / 4), 64)).expect("sweeping is not refused").deleted as u64;
        }
        wait_until("games begin again, though there is no more space", || is_reachable(&store));
        assert!(disk.struck() > round, "the disk was full");
    }
    check(&store, &ledgers);
}

#[test]
fn game_time_goes_on_while_the_disk_is_full() {
    let disk = Disk::new(4);
    let store = open(&disk);
    play(&store, vec![Ledger::new(0)], 1, 1_000);
    disk.fail_after(0, Fault::Full, None);
    block_on(fill_up(&store, 1_000, async || {}));
    let stood = store.clock().moment().now;
    wait_until("time goes on", || store.clock().moment().now > stood.plus(Millis(20)));
    let status = block_on(store.status(store.clock().moment())).expect("told");
    assert!(status.reachable, "running games go on");
    assert_eq!(status.trouble.map(|trouble| trouble.cause), Some(Cause::Full), "and new ones are refused");
}
