//! Connections of rooms in their lobby: what 10,000 of them cost while nothing happens, and while they come back.

use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::common::rooms::KEY;
use crate::common::server::Server;
use crate::common::{runtime, traffic};
use crate::figures::Figures;
use crate::host::Group;
use crate::live::{Live, PLAYERS, Spread, open};

const ROUNDS: usize = 3;
const ROOMS: usize = 334;
/// Long enough for pings, heartbeats and the reports of presence.
const SETTLING: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(5);

/// Measures idle connections.
pub(crate) fn measure(figures: &mut Figures) {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let group = Group::open(None);
        let args = ["--api-keys", KEY];
        let server = match &group {
            Some(group) => Server::start_within(group.folder(), folder.path(), &args),
            None => Server::start(folder.path(), &args),
        };
        let local = LocalSet::new();
        runtime().block_on(local.run_until(one(&server, group.as_ref(), figures)));
    }
}

async fn one(server: &Server, group: Option<&Group>, figures: &mut Figures) {
    let quizzes = open(&[server.address], ROOMS, PLAYERS).await;
    let connections = (ROOMS * PLAYERS) as f64;
    let kernel = || group.map_or(0.0, Group::kernel_memory);
    let (before, kernel_before, busy) = (server.resident() as f64, kernel(), server.busy());
    let live = Live::new();
    live.connect(&[server.address], &quizzes, Spread::ByRoom).await;
    figures.note("idle.connect.cpu", "µs", (server.busy() - busy).as_secs_f64() * 1e6 / connections);
    sleep(SETTLING).await;
    figures.note("idle.connection.memory", "bytes", (server.resident() as f64 - before) / connections);
    if group.is_some() {
        figures.note("idle.connection.kernel_memory", "bytes", (kernel() - kernel_before) / connections);
    }
    let (busy, bytes) = (server.busy(), traffic::so_far());
    sleep(MEASURED).await;
    let seconds = connections * MEASURED.as_secs_f64();
    figures.note("idle.connection.cpu_a_second", "µs", (server.busy() - busy).as_secs_f64() * 1e6 / seconds);
    let later = traffic::so_far();
    figures.note("idle.connection.sent_a_second", "bytes", (later[0] - bytes[0]) / seconds);
    figures.note("idle.connection.received_a_second", "bytes", (later[1] - bytes[1]) / seconds);
}
