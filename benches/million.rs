//! The cost of a file with many live games: `cargo bench --bench million`.
//!
//! For 1,000, 100,000 and 1,000,000 games it fills a file and prints: its size; the bytes written per commit
//! of one player (as counted by the kernel for the disk, checkpoints included); the throughput of 100
//! players; and, after the server was killed by SIGKILL right after play, how long the next server takes to
//! listen, and how much memory it uses. `REJOIN_BENCH_SESSIONS` sets another number of games, or several
//! (`1000,4000000`).

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::load::{Connection, Play, run};
use common::server::Server;
use rejoin::domain::Millis;
use rejoin::store::GameSessionStore;

const KILLS: usize = 3;
const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

fn main() {
    let asked = std::env::var("REJOIN_BENCH_SESSIONS").unwrap_or_default();
    let asked: Vec<usize> = asked.split(',').filter_map(|count| count.trim().parse().ok()).collect();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    println!("the disk makes {:.0} fdatasyncs/s", common::fdatasyncs_per_second(folder.path()));
    drop(folder);
    (if asked.is_empty() { SIZES.to_vec() } else { asked }).into_iter().for_each(measure);
}

fn measure(sessions: usize) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let file = folder.path().join("rejoin.redb");
    let runtime = common::runtime();
    let filling = Instant::now();
    {
        let redb = common::open(&file);
        let store: Arc<dyn GameSessionStore> = redb;
        runtime.block_on(async {
            common::fill(&store, sessions, Millis::seconds(80_000)).await;
            store.close().await.expect("it closes");
        });
    }
    let size = std::fs::metadata(&file).expect("the file is there").len();
    println!(
        "\n{sessions} games of {} questions: {} MiB, {:.2} KB each, filled in {:.0?}",
        common::QUESTIONS,
        size / 1024 / 1024,
        size as f64 / 1e3 / sessions as f64,
        filling.elapsed()
    );
    for _ in 0..KILLS {
        let server = Server::start(folder.path(), &[]);
        let commits = || runtime.block_on(async { Connection::open(server.address).await.commits().await });
        let (begun, before) = (commits(), server.written());
        runtime.block_on(run(server.address, 1, Play::Games, WARM_UP, MEASURED));
        let (commits, written) = (commits() - begun, server.written() - before);
        // Play first, so that the log has entries to recover when the server is killed.
        let figures = runtime.block_on(run(server.address, 100, Play::Games, WARM_UP, MEASURED));
        let rss = server.resident() / 1024 / 1024;
        server.kill();
        let log = std::fs::metadata(folder.path().join("rejoin.log")).map_or(0, |log| log.len());
        let started = Instant::now();
        let server = Server::start(folder.path(), &[]);
        let listening = started.elapsed();
        println!(
            "{:.1} KiB written a commit of one player; 100 players: {:.0} requests/s, p99 {:.2?}, {rss} MiB resident; \
             after kill -9, with a log of {} MiB: listening within {listening:.0?}, {} MiB resident",
            written as f64 / 1024.0 / commits,
            figures.per_second,
            figures.p99,
            log / 1024 / 1024,
            server.resident() / 1024 / 1024,
        );
    }
}
