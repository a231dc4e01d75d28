//! What reaping costs those who play: `cargo bench --bench reaper`.
//!
//! 64 players answer without a pause on redb, each noting how long its answers take: first alone,
//! then while 100,000 dead sessions are reaped. Prints both p99s and their ratio.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::load::Figures;
use rejoin::domain::Millis;
use rejoin::store::{Clock, GameSessionStore, StoreStatus, Swept};

const DEAD: usize = 100_000;
const ALIVE: usize = 250_000;
const WAITING: usize = 64;
const ROUNDS: usize = 3;

struct Bed {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn GameSessionStore>,
    clock: Arc<dyn Clock>,
    games: common::Games,
}

impl Bed {
    fn fill(&self, count: usize, ttl: Millis) -> common::Games {
        self.runtime.block_on(common::fill(&self.store, &self.clock, count, ttl))
    }

    /// Answers until `until` ends.
    fn answers(&self, until: impl Future<Output = ()> + 'static) -> Figures {
        let latencies = Rc::new(RefCell::new(Vec::new()));
        let done = Rc::new(std::cell::Cell::new(false));
        let started = Instant::now();
        self.runtime.block_on(async {
            let local = tokio::task::LocalSet::new();
            for _ in 0..WAITING {
                let (store, clock, games) = (self.store.clone(), self.clock.clone(), self.games.clone());
                let (latencies, done, bank) = (latencies.clone(), done.clone(), common::bank());
                local.spawn_local(async move {
                    while !done.get() {
                        let asked = Instant::now();
                        games.answer(&*store, &*clock, &bank).await;
                        latencies.borrow_mut().push(asked.elapsed());
                    }
                });
            }
            local.spawn_local(async move {
                until.await;
                done.set(true);
            });
            local.await;
        });
        Figures::of(latencies.take(), started.elapsed())
    }

    fn status(&self) -> StoreStatus {
        self.runtime.block_on(self.store.status(self.clock.moment())).expect("the store answers")
    }
}

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let redb = common::open(&folder.path().join("reaper.redb"));
    let clock: Arc<dyn Clock> = redb.clock();
    let store: Arc<dyn GameSessionStore> = redb;
    let runtime = common::runtime();
    let games = runtime.block_on(common::fill(&store, &clock, ALIVE, Millis::seconds(7_200)));
    let bed = Bed { runtime, store, clock, games };
    for round in 1..=ROUNDS {
        let alone = bed.answers(async { tokio::time::sleep(Duration::from_secs(3)).await });
        bed.fill(DEAD, Millis(1_000));
        while bed.status().records - bed.status().live_sessions < DEAD as u64 {
            std::thread::sleep(Duration::from_millis(50));
        }
        let (store, clock) = (bed.store.clone(), bed.clock.clone());
        let reaping = Instant::now();
        let beside = bed.answers(async move {
            let mut left = true;
            while left {
                let swept: Swept = store.sweep(clock.moment(), 1_024).await.expect("the store answers");
                left = swept.more;
            }
        });
        let rate = DEAD as f64 / reaping.elapsed().as_secs_f64();
        println!(
            "round {round}: p99 alone {:.2?} at {:.0} answers/s, while reaping {:.2?} at {:.0} answers/s; {rate:.0} reaped/s; ratio {:.2}",
            alone.p99,
            alone.per_second,
            beside.p99,
            beside.per_second,
            beside.p99.as_secs_f64() / alone.p99.as_secs_f64()
        );
    }
}
