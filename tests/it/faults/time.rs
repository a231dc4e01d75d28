//! Game time is exact over a clean close, never goes back over a crash, and does not depend on the wall
//! clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rejoin::domain::{Millis, Moment, Timestamp, WallTime};
use rejoin::store::redb::{RedbOptions, RedbStore};
use rejoin::store::{GameSessionStore, NewSession};

use super::disk::Disk;
use super::disks::Medium;
use super::{block_on, open, opener, options};
use crate::kit::{id, right, solo};
use crate::support::wait_until;

const TEN_SECONDS: Millis = Millis(10_000);

fn now(store: &RedbStore) -> Timestamp {
    store.clock().moment().now
}

fn create(store: &RedbStore, n: u64, at: Moment) {
    block_on(store.create(NewSession(solo(n, 2, at)), at)).expect("created");
}

#[test]
fn game_time_continues_exactly_after_a_clean_close() {
    let disk = Disk::new(1);
    let store = open(&disk);
    create(&store, 1, store.clock().moment());
    wait_until("some time has passed", || now(&store) > store.clock().moment().up_since.plus(Millis(30)));
    let before = now(&store);
    block_on(store.close()).expect("closed");
    let after = now(&store);
    let up_since = open(&disk).clock().moment().up_since;
    assert!(before <= up_since && up_since <= after, "{before:?} {up_since:?} {after:?}");
}

#[test]
fn game_time_never_goes_back_over_a_crash_and_skips_at_most_10_s() {
    let disk = Disk::new(1);
    let store = open(&disk);
    for n in 0..20 {
        create(&store, n, store.clock().moment());
        let told = now(&store);
        let up_since = open(&disk.crashed(n)).clock().moment().up_since;
        assert!(told <= up_since, "{told:?} {up_since:?}");
        assert!(up_since <= now(&store).plus(TEN_SECONDS), "{up_since:?}");
    }
}

#[test]
fn a_restart_right_after_a_crash_skips_no_game_time() {
    let disk = Disk::new(1);
    let store = open(&disk);
    for n in 0..20 {
        create(&store, n, store.clock().moment());
        let crashed = disk.crashed(n);
        let before = std::time::Instant::now();
        let told = now(&store);
        let up_since = open(&crashed).clock().moment().up_since;
        // Only the time that passed on the machine meanwhile may have been added.
        let passed = Millis::from(before.elapsed() + std::time::Duration::from_millis(200));
        assert!(up_since <= told.plus(passed), "{up_since:?} after {told:?} and {passed:?}");
    }
}

#[test]
fn every_commit_stores_the_game_time() {
    let disk = Disk::new(1);
    let store = open(&disk);
    let created = store.clock().moment();
    create(&store, 1, created);
    create(&store, 2, created);
    let reopened = |seed| open(&disk.crashed(seed)).clock().moment().up_since;
    wait_until("some time has passed", || now(&store) > created.now.plus(Millis(30)));
    let before = now(&store);
    block_on(store.delete(&id(1))).expect("deleted");
    assert!(reopened(1) >= before, "a deletion, at no moment of its own");
    wait_until("some time has passed", || now(&store) > before.plus(Millis(30)));
    let before = now(&store);
    block_on(store.apply(&id(2), right(0), created)).expect("answered");
    assert!(reopened(2) >= before, "a command that waited long");
}

#[test]
fn reopening_never_moves_game_time_back() {
    let mut disk = Disk::new(1);
    let mut latest = Timestamp::from_millis(0);
    for n in 0..10 {
        let store = open(&disk);
        assert!(store.clock().moment().up_since >= latest);
        latest = now(&store);
        if n % 3 == 0 {
            block_on(store.close()).expect("closed");
        } else {
            disk = disk.crashed(n);
        }
    }
}

#[test]
fn a_wrong_wall_clock_neither_ends_nor_revives_a_session() {
    let disk = Disk::new(1);
    let wall = Arc::new(AtomicU64::new(1_700_000_000_000));
    let open = || {
        let wall = wall.clone();
        let wall = Arc::new(move || WallTime(wall.load(Ordering::Relaxed)));
        RedbStore::open(opener(&disk), RedbOptions { wall, ..options(Duration::from_secs(10)) }).expect("opened")
    };
    let mut store = open();
    let first = store.clock().moment();
    assert_eq!(first.up_since, Timestamp::from_millis(1_700_000_000_000), "a new file begins at the date");
    create(&store, 1, first);
    let deadline = block_on(store.get(&id(1), first)).expect("read").expect("alive").state.life.deadline();
    for wall_time in [1_700_003_600_000, 1_699_992_800_000, 0, u64::MAX] {
        wall.store(wall_time, Ordering::Relaxed);
        let before = now(&store);
        block_on(store.close()).expect("closed");
        let after = now(&store);
        store = open();
        let up_since = store.clock().moment().up_since;
        assert!(before <= up_since && up_since <= after);
        let session = block_on(store.get(&id(1), store.clock().moment())).expect("read").expect("alive");
        assert_eq!(session.state.life.deadline(), deadline);
        assert_eq!(store.clock().wall(), WallTime(wall_time));
    }
}

#[test]
fn game_time_is_stored_while_sessions_live_and_nothing_commits() {
    let (busy, idle) = (Disk::new(1), Disk::new(2));
    // With no cache redb would write pages that it only reads, and this test counts writes.
    let idle_store = RedbStore::open(idle.cached_opener(1 << 20), options(Duration::from_secs(10))).expect("opened");
    let store = open(&busy);
    create(&store, 1, store.clock().moment());
    let (before, idle_before) = (busy.steps(), idle.steps());
    wait_until("a sign of life was written", || busy.steps() > before);
    // The commit is still running. After a crash at any point of it, game time is not behind what was told
    // before.
    let told = now(&store);
    for seed in 0..20 {
        let up_since = open(&busy.crashed(seed)).clock().moment().up_since;
        assert!(told <= up_since, "{told:?} {up_since:?}");
    }
    assert_eq!(idle.steps(), idle_before, "where nobody lives, nothing is written");
    drop(idle_store);
}
