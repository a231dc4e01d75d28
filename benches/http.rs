//! The server's throughput over HTTP: `cargo bench --bench http`.
//!
//! 100 players in a closed loop play whole games (create, ten answers, results), the server on one
//! core and the players on another, in turn on redb, on memory, and on a Valkey that syncs every
//! second and with every write; `/livez` by the same program is the ceiling. Valkey shares the
//! players' core. Prints each run's requests/s and latencies, and the ratios of the medians.

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
    /// How Valkey syncs, where it is the store.
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

fn measure(kind: &Kind) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    common::server::pin_to_load();
    let valkey = kind.sync.map(|sync| Valkey::start(folder.path(), sync));
    let url = valkey.as_ref().map_or("valkey://127.0.0.1:1", |valkey| valkey.url.as_str());
    let server = Server::start(folder.path(), &["--store", kind.store, "--valkey-url", url]);
    let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(5));
    let Figures { per_second, p50, p95, p99, .. } =
        common::runtime().block_on(run(server.address, PLAYERS, kind.play, warm_up, measured));
    let rss = server.resident() / 1024 / 1024;
    let name = kind.name;
    println!("{name:<16} {per_second:>7.0} requests/s  p50 {p50:>9.2?}  p95 {p95:>9.2?}  p99 {p99:>9.2?}  {rss} MiB");
    per_second
}

fn main() {
    let mut rates = KINDS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (place, kind) in KINDS.iter().enumerate() {
            rates[place].push(measure(kind));
        }
    }
    let [redb, memory, everysec, always, livez] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    println!(
        "of memory: redb {:.2}, valkey {:.2} everysec and {:.2} always",
        redb / memory,
        everysec / memory,
        always / memory
    );
    println!("of livez: memory {:.2}, redb {:.2}", memory / livez, redb / livez);
    println!("of redb: valkey {:.2} everysec and {:.2} always", everysec / redb, always / redb);
}
