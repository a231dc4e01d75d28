//! Throughput with few players: `cargo bench --bench players`.
//!
//! Each number of players in the table answers in a closed loop on redb, without HTTP: a player sends the
//! next answer as soon as the last one is done. With few players the figures show what the writer loses by
//! waiting for more commands that can't come. Prints answers per second, p50 and p99 for each number.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::load::Figures;
use rejoin::domain::Millis;
use rejoin::store::GameSessionStore;

const GAMES: usize = 60_000;
const PLAYERS: [usize; 10] = [1, 2, 4, 8, 16, 21, 32, 64, 100, 256];
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_secs(2);

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let redb = common::open(&folder.path().join("players.redb"));
    let store: Arc<dyn GameSessionStore> = redb;
    // The callers are on one thread and the writer on another, as in the server.
    let runtime = common::runtime();
    let games = runtime.block_on(common::fill(&store, GAMES, Millis::seconds(7_200)));
    for players in PLAYERS {
        let latencies = Rc::new(RefCell::new(Vec::new()));
        runtime.block_on(async {
            let local = tokio::task::LocalSet::new();
            let (from, until) = (Instant::now() + WARM_UP, Instant::now() + WARM_UP + MEASURED);
            for _ in 0..players {
                let (store, games) = (store.clone(), games.clone());
                let (latencies, bank) = (latencies.clone(), common::bank());
                local.spawn_local(async move {
                    loop {
                        let asked = Instant::now();
                        if asked >= until {
                            return;
                        }
                        games.answer(&*store, &bank).await;
                        if asked >= from {
                            latencies.borrow_mut().push(asked.elapsed());
                        }
                    }
                });
            }
            local.await;
        });
        let Figures { per_second, p50, p99, .. } = Figures::of(latencies.take(), MEASURED);
        println!("{players:>4} players  {per_second:>7.0} answers/s  p50 {p50:>9.2?}  p99 {p99:>9.2?}");
    }
}
