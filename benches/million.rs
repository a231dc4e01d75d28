//! A million live sessions in the file: `cargo bench --bench million`.
//!
//! Fills a file, kills the server that holds it with SIGKILL while it is played on, starts it
//! again, and prints how long it takes to listen, what it keeps in memory, and how fast it then
//! serves. `REJOIN_BENCH_SESSIONS` sets how many (1,000,000).

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::load::{Play, run};
use common::server::Server;
use rejoin::domain::Millis;
use rejoin::store::{Clock, GameSessionStore};

const KILLS: usize = 3;

fn main() {
    let sessions =
        std::env::var("REJOIN_BENCH_SESSIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let file = folder.path().join("rejoin.redb");
    let runtime = common::runtime();
    let filling = Instant::now();
    {
        let redb = common::open(&file);
        let clock: Arc<dyn Clock> = redb.clock();
        let store: Arc<dyn GameSessionStore> = redb;
        runtime.block_on(async {
            common::fill(&store, &clock, sessions, Millis::seconds(80_000)).await;
            store.close().await.expect("it closes");
        });
    }
    let size = std::fs::metadata(&file).expect("the file is there").len() / 1024 / 1024;
    println!("{sessions} games of {} questions, {size} MiB, filled in {:.0?}", common::QUESTIONS, filling.elapsed());
    for _ in 0..KILLS {
        let server = Server::start(folder.path(), &[]);
        // Played on, so that the kill comes in the middle of commits.
        let load = run(server.address, 100, Play::Games, Duration::from_secs(1), Duration::from_secs(4));
        let figures = runtime.block_on(load);
        let rss = server.resident() / 1024 / 1024;
        println!("{:.0} requests/s, p99 {:.2?}, {rss} MiB resident", figures.per_second, figures.p99);
        server.kill();
        let started = Instant::now();
        let server = Server::start(folder.path(), &[]);
        let listening = started.elapsed();
        let rss = server.resident() / 1024 / 1024;
        println!("after kill -9: listening within {listening:.0?}, {rss} MiB resident");
    }
}
