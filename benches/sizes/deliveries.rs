//! Deliveries: events of a backend in external rooms of 20 seats, each sent to every seat.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::common::rooms::{AT_ONCE, KEY, connect, open};
use crate::common::server::Server;
use crate::common::socket::{Sender, Socket, sequence};
use crate::common::{runtime, traffic};
use crate::figures::Figures;

const ROUNDS: usize = 3;
const ROOMS: usize = 100;
const SEATS: usize = 20;
/// Deliveries per second, far below what the core could do, and near to it.
const RATES: [usize; 2] = [10_000, 40_000];
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
const TICK: Duration = Duration::from_millis(1);

/// Measures deliveries.
pub(crate) fn measure(figures: &mut Figures) {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let server = Server::start(folder.path(), &["--api-keys", KEY]);
        let local = LocalSet::new();
        runtime().block_on(local.run_until(one(&server, figures)));
    }
}

async fn one(server: &Server, figures: &mut Figures) {
    let rooms = open(server.address, ROOMS, SEATS).await;
    let delivered = Rc::new(Cell::new(0_u64));
    for mut socket in connect(server.address, &rooms, AT_ONCE).await.into_iter().flatten() {
        let delivered = delivered.clone();
        spawn_local(async move {
            loop {
                socket.skim(|text| delivered.set(delivered.get() + u64::from(sequence(text).is_some()))).await;
            }
        });
    }
    let mut backends = Vec::new();
    for room in &rooms {
        let (mut backend, _) = Socket::open(server.address, &room.id, KEY).await;
        backends.push(backend.sender.clone());
        spawn_local(async move {
            loop {
                backend.skim(|text| assert!(!text.starts_with(br#"{"type":"error""#))).await;
            }
        });
    }
    for rate in RATES {
        let recording = spawn_local(record(backends.clone(), rate));
        sleep(WARM_UP).await;
        let (busy, before, bytes) = (server.busy(), delivered.get(), traffic::so_far());
        sleep(MEASURED).await;
        let count = (delivered.get() - before) as f64;
        let busy = (server.busy() - busy).as_secs_f64() * 1e6;
        figures.note(&format!("deliveries.at_{rate}.cpu"), "µs", busy / count);
        figures.note(&format!("deliveries.at_{rate}.received"), "bytes", (traffic::so_far()[1] - bytes[1]) / count);
        figures.note(&format!("deliveries.at_{rate}.reached"), "a second", count / MEASURED.as_secs_f64());
        recording.abort();
        sleep(WARM_UP).await;
    }
}

/// Records events at this rate of deliveries, in one room after the other.
async fn record(backends: Vec<Rc<Sender>>, rate: usize) {
    let (begun, mut recorded) = (Instant::now(), 0);
    loop {
        let due = (begun.elapsed().as_secs_f64() * rate as f64 / SEATS as f64) as usize;
        while recorded < due {
            backends[recorded % backends.len()].send(&format!(
                r#"{{"type":"record","events":[{{"type":"moved","payload":{{"from":"e2","to":"e4","clockMs":{recorded}}}}}]}}"#
            ));
            recorded += 1;
        }
        sleep(TICK).await;
    }
}
