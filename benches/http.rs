//! The server's throughput over HTTP: `cargo bench --bench http`.
//!
//! 100 players in a closed loop play whole games (create, ten answers, results). The server has one core and
//! the players another. The stores are redb, memory, and a Valkey that syncs every second or at every write.
//! `/livez`, called by the same program, is the upper bound. Valkey shares the players' core. Prints each
//! run's requests per second, latencies and processor time, and the ratios of the medians. Names after `--`
//! select stores (`-- redb livez`). `BENCH_SERVER` measures another binary.

mod common;

use std::time::Duration;

use common::load::{Figures, Play, run};
use common::server::Server;
use common::valkey::Valkey;

const PLAYERS: usize = 100;
const ROUNDS: usize = 3;

struct Kind {
    name: &'static str,
    store: &'static str,
    /// The `appendfsync` of Valkey; `None` for another store.
    sync: Option<&'static str>,
    play: Play,
}

const KINDS: [Kind; 5] = [
    Kind { name: "redb", store: "redb", sync: None, play: Play::Games },
    Kind { name: "memory", store: "memory", sync: None, play: Play::Games },
    Kind { name: "valkey, everysec", store: "valkey", sync: Some("everysec"), play: Play::Games },
    Kind { name: "valkey, always", store: "valkey", sync: Some("always"), play: Play::Games },
    Kind { name: "livez", store: "memory", sync: None, play: Play::Livez },
];

/// The result of a run: requests per second, and the server's processor time per request in microseconds.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    cpu_micros: f64,
}

fn measure(kind: &Kind) -> Rate {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    common::server::pin_to_load();
    let valkey = kind.sync.map(|sync| Valkey::start(folder.path(), sync));
    let url = valkey.as_ref().map_or("valkey://127.0.0.1:1", |valkey| valkey.url.as_str());
    let server = Server::start(folder.path(), &["--store", kind.store, "--valkey-url", url]);
    let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(5));
    let Figures { per_second, p50, p95, p99, .. } =
        common::runtime().block_on(run(server.address, PLAYERS, kind.play, warm_up, measured));
    // The busy time includes the warm-up. The rate is taken to be the same during it.
    let cpu_micros = server.busy().as_secs_f64() * 1e6 / (per_second * (warm_up + measured).as_secs_f64());
    let rss = server.resident() / 1024 / 1024;
    let name = kind.name;
    println!(
        "{name:<16} {per_second:>7.0} requests/s  p50 {p50:>9.2?}  p95 {p95:>9.2?}  p99 {p99:>9.2?}  \
         {cpu_micros:>5.1} us of a core each  {rss} MiB"
    );
    Rate { per_second, cpu_micros }
}

/// The median of one figure over several runs.
fn median(rates: &[Rate], figure: impl Fn(&Rate) -> f64) -> f64 {
    let mut figures: Vec<_> = rates.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let asked: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_asked = |kind: &&Kind| asked.is_empty() || asked.iter().any(|word| kind.name.starts_with(word.as_str()));
    let kinds: Vec<_> = KINDS.iter().filter(is_asked).collect();
    let mut rates = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for (place, kind) in kinds.iter().enumerate() {
            rates[place].push(measure(kind));
        }
    }
    let rate_of = |name: &str| {
        let place = kinds.iter().position(|kind| kind.name == name)?;
        Some(median(&rates[place], |rate| rate.per_second))
    };
    for (kind, rates) in kinds.iter().zip(&rates) {
        let (per_second, cpu) = (median(rates, |rate| rate.per_second), median(rates, |rate| rate.cpu_micros));
        let of = |name| rate_of(name).map_or("   -".to_owned(), |other: f64| format!("{:.2}", per_second / other));
        let name = kind.name;
        println!(
            "{name:<16} {per_second:>7.0} requests/s, {cpu:.1} us each: {} of memory, {} of livez, {} of redb",
            of("memory"),
            of("livez"),
            of("redb")
        );
    }
}
