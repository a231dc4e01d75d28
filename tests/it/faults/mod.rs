//! The redb engine on disks that fail, fill up and freeze, and after crashes.

mod damage;
pub(crate) mod disk;
pub(crate) mod disks;
mod failing;
mod files;
mod frozen;
mod games;
mod lives;
mod logged;
mod time;

use std::sync::Arc;
use std::time::Duration;

use disks::Medium;
use games::Ledger;
use rejoin::domain::{GameSession, WallTime};
use rejoin::store::redb::{DatabaseOpener, OpenError, RedbOptions, RedbStore};
use rejoin::store::{GameSessionStore, StoreStatus};

use crate::kit::race;

const PLAYERS: u64 = 6;

/// An opener without a redb cache: everything is read from the disk.
fn opener(medium: &impl Medium) -> DatabaseOpener {
    medium.cached_opener(0)
}

fn options(patience: Duration) -> RedbOptions {
    RedbOptions { rules: GameSession::apply, wall: Arc::new(|| WallTime(1_700_000_000_000)), patience, quiz_cache: 0 }
}

fn try_to_open(disk: &impl Medium) -> Result<RedbStore, OpenError> {
    RedbStore::open(opener(disk), options(Duration::from_secs(10)))
}

fn open(disk: &impl Medium) -> RedbStore {
    try_to_open(disk).expect("opened")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// True if running games can go on and new games can begin.
fn is_reachable(store: &RedbStore) -> bool {
    let is_good = |status: StoreStatus| status.reachable && status.trouble.is_none();
    block_on(store.status(store.clock().moment())).is_ok_and(is_good)
}

/// Lets all players play at the same time, `times` rounds each, with event payloads of `bytes` bytes.
fn play(store: &RedbStore, ledgers: Vec<Ledger>, times: usize, bytes: usize) -> Vec<Ledger> {
    race(ledgers.len(), |n| {
        let mut ledger = ledgers[n].clone();
        async move {
            ledger.begin(store, store.clock().moment()).await;
            for _ in 0..times {
                ledger.go_on(store, store.clock().moment(), bytes).await;
            }
            ledger
        }
    })
}

fn make_up(store: &RedbStore, ledgers: Vec<Ledger>) -> Vec<Ledger> {
    race(ledgers.len(), |n| {
        let mut ledger = ledgers[n].clone();
        async move {
            ledger.make_up(store, store.clock().moment()).await;
            ledger
        }
    })
}

fn check(store: &RedbStore, ledgers: &[Ledger]) {
    block_on(async {
        for ledger in ledgers {
            ledger.check(store, store.clock().moment()).await;
        }
    });
}

fn check_crashed(disk: &impl Medium, seed: u64, ledgers: &[Ledger]) {
    let store = open(&disk.crashed(seed));
    check(&store, ledgers);
    // The recovered store must take new commands too.
    let mut ledgers = ledgers.to_vec();
    ledgers.truncate(1);
    check(&store, &make_up(&store, ledgers));
}

/// Runs `act` for each number, four at a time, because most of a run is waiting.
fn for_each(numbers: impl IntoIterator<Item = u64>, act: impl Fn(u64) + Sync) {
    let numbers = parking_lot::Mutex::new(numbers.into_iter().collect::<Vec<_>>().into_iter());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(n) = numbers.lock().next() else { return };
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(n)));
                    if let Err(panic) = outcome {
                        eprintln!("failed at number {n}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
}
