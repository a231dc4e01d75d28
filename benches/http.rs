//! The server's throughput over HTTP: `cargo bench --bench http`.
//!
//! 100 players in a closed loop play whole games (create, ten answers, results), the server on one
//! core and the players on another, in turn on redb and on memory; `/livez` by the same program is
//! the ceiling. Prints each run's requests/s and latencies, and the ratios of the medians.

mod common;

use std::time::Duration;

use common::load::{Figures, Play, run};
use common::server::Server;

const PLAYERS: usize = 100;
const ROUNDS: usize = 3;

fn measure(name: &str, args: &[&str], play: Play) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let server = Server::start(folder.path(), args);
    let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(5));
    let Figures { per_second, p50, p95, p99 } =
        common::runtime().block_on(run(server.address, PLAYERS, play, warm_up, measured));
    let rss = server.resident() / 1024 / 1024;
    println!("{name:<7} {per_second:>7.0} requests/s  p50 {p50:>9.2?}  p95 {p95:>9.2?}  p99 {p99:>9.2?}  {rss} MiB");
    per_second
}

fn main() {
    let kinds = [
        ("redb", &["--store", "redb"][..], Play::Games),
        ("memory", &["--store", "memory"], Play::Games),
        ("livez", &["--store", "memory"], Play::Livez),
    ];
    let mut rates = kinds.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (place, (name, args, play)) in kinds.iter().enumerate() {
            rates[place].push(measure(name, args, *play));
        }
    }
    let [redb, memory, livez] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    println!(
        "redb is {:.2} of memory and {:.2} of livez; memory is {:.2} of livez",
        redb / memory,
        redb / livez,
        memory / livez
    );
}
