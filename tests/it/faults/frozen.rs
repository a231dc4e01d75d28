//! Disks that do not answer. Every call ends in time, and the store recovers when the disk answers again.

use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rejoin::domain::Sequence;
use rejoin::store::redb::RedbStore;
use rejoin::store::{GameSessionStore, NewSession, StoreError};

use super::disk::{Disk, Fault};
use super::disks::Medium;
use super::games::Ledger;
use super::{PLAYERS, block_on, check, check_crashed, for_each, is_reachable, make_up, options, play};
use crate::kit::{code, external, id, record};
use crate::support::{HANG, took, wait_until};

/// Long enough that no commit fails on a busy machine before the disk freezes.
const PATIENCE: Duration = Duration::from_secs(1);
/// Large enough that redb does not write pages in the middle of a transaction.
const CACHE: usize = 16 << 20;

/// Runs `act`, and aborts the test process if it hangs.
fn in_time<T: Send>(what: &str, act: impl FnOnce() -> T + Send) -> T {
    let (done, is_done) = mpsc::channel();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || done.send(act()));
        match is_done.recv_timeout(HANG) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(_) => panic!("{what} told nothing"),
            },
            Err(mpsc::RecvTimeoutError::Timeout) => {
                // A thread that hangs would keep the test from ending and its output from being shown. So
                // abort.
                let _ = writeln!(std::io::stderr(), "{what} hangs");
                std::process::abort()
            }
        }
    })
}

fn check_reads(store: &RedbStore) {
    let now = store.clock().moment();
    in_time("a read", || {
        block_on(async {
            assert!(store.get(&id(0), now).await.expect("read").is_some());
            assert!(store.get(&id(1), now).await.expect("read").is_some());
            assert!(store.events(&id(0), Sequence(0), 9, now).await.expect("read").is_some());
            assert_eq!(store.find(&code("ABCD22"), now).await.expect("read"), Some(id(0)));
        });
    });
}

fn freezes(n: u64) {
    let disk = Disk::new(n);
    let store = RedbStore::open(disk.cached_opener(CACHE), options(PATIENCE)).expect("opened");
    let ledgers = play(&store, (0..PLAYERS).map(Ledger::new).collect(), 1, 100);
    disk.fail_after(n, Fault::Frozen, None);
    // Only the first player's commands meet the frozen commit; the others' queue behind it.
    let mut first = ledgers[0].clone();
    wait_until("it froze", || {
        block_on(first.go_on(&store, store.clock().moment(), 3_000));
        disk.struck() > 0
    });
    let begun = Instant::now();
    let mut ledgers = ledgers;
    ledgers[0] = first;
    let ledgers = in_time("commands", || play(&store, ledgers, 1, 3_000));
    took("two commands each, one after the other", begun);
    assert!(ledgers[0].has("OutcomeUnknown"), "{:?}", ledgers[0].errors);
    for ledger in &ledgers[1..] {
        assert!(ledger.errors.len() == 2 && ledger.errors.iter().all(|e| e.starts_with("Unavailable")), "{ledger:?}");
    }
    assert!(!in_time("the status", || is_reachable(&store)));
    check_reads(&store);
    check_crashed(&disk, n, &ledgers);

    disk.end_fault();
    wait_until("commits work again", || is_reachable(&store));
    check(&store, &ledgers);
    let ledgers = make_up(&store, ledgers);
    check(&store, &ledgers);
    block_on(store.close()).expect("closed");
    check(&super::open(&disk), &ledgers);
}

#[test]
fn every_call_on_a_frozen_disk_ends_within_its_patience() {
    for_each(0..24, freezes);
}

#[test]
fn a_disk_that_freezes_during_recovery_does_not_block_reads() {
    for_each(0..12, |n| {
        let disk = Disk::new(n);
        let store = RedbStore::open(disk.cached_opener(CACHE), options(PATIENCE)).expect("opened");
        let ledgers = play(&store, vec![Ledger::new(0)], 2, 100);
        disk.fail_after(0, Fault::Broken, Some(1));
        let mut ledger = ledgers[0].clone();
        wait_until("it broke", || {
            block_on(ledger.go_on(&store, store.clock().moment(), 3_000));
            disk.struck() > 0
        });
        disk.fail_after(n, Fault::Frozen, None);
        wait_until("it froze or got well", || disk.struck() > 0 || is_reachable(&store));
        let begun = Instant::now();
        in_time("a command", || block_on(ledger.go_on(&store, store.clock().moment(), 10)));
        took("two commands", begun);
        // A read may be refused, because the file may not be open during recovery. It must not hang.
        in_time("a read", || drop(block_on(store.get(&id(0), store.clock().moment()))));
        in_time("the status", || is_reachable(&store));
        disk.end_fault();
        wait_until("commits work again", || is_reachable(&store));
        check(&store, &make_up(&store, vec![ledger]));
    });
}

#[test]
fn closing_on_a_frozen_disk_ends_in_time() {
    let disk = Disk::new(1);
    let store = RedbStore::open(disk.cached_opener(CACHE), options(PATIENCE)).expect("opened");
    let ledgers = play(&store, vec![Ledger::new(0)], 2, 100);
    disk.fail_after(0, Fault::Frozen, None);
    in_time("closing", || assert!(block_on(store.close()).is_err()));
    drop(store);
    check_crashed(&disk, 1, &ledgers);
    disk.end_fault();
}

#[test]
fn a_full_queue_refuses_commands_at_once() {
    let disk = Disk::new(1);
    let store = std::sync::Arc::new(RedbStore::open(disk.cached_opener(CACHE), options(PATIENCE)).expect("opened"));
    let ledgers = play(&store, vec![Ledger::new(0)], 1, 100);
    let now = store.clock().moment();
    disk.fail_after(0, Fault::Frozen, None);
    let answers = block_on(async {
        let mut asking = tokio::task::JoinSet::new();
        for n in 0..25_000 {
            let store = store.clone();
            asking.spawn(async move { store.create(NewSession(external(1_000 + n, None, now)), now).await });
        }
        asking.join_all().await
    });
    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy))).count();
    assert!(busy > 0 && answers.len() - busy >= 20_000, "{busy} were refused");
    disk.end_fault();
    wait_until("commits work again", || is_reachable(&store));
    check(&store, &make_up(&store, ledgers));
}

#[test]
fn a_command_is_carried_out_even_if_its_caller_is_gone() {
    let disk = Disk::new(1);
    let store = RedbStore::open(disk.cached_opener(CACHE), options(Duration::from_secs(10))).expect("opened");
    let at = store.clock().moment();
    block_on(store.create(NewSession(external(7, None, at)), at)).expect("created");
    disk.fail_after(0, Fault::Frozen, None);
    block_on(async {
        for _ in 0..2 {
            let gone = tokio::time::timeout(Duration::from_millis(20), store.apply(&id(7), record(1), at)).await;
            assert!(gone.is_err(), "the disk is frozen");
        }
    });
    disk.end_fault();
    wait_until("both were carried out", || {
        block_on(store.events(&id(7), Sequence(0), 9, at)).is_ok_and(|page| page.is_some_and(|page| page.head().0 == 2))
    });
}
