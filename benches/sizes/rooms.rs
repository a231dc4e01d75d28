//! Quiz rooms on redb: CPU time, memory of a room and of a seat, and of answers at the pace of people.

use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::common::rooms::KEY;
use crate::common::runtime;
use crate::common::server::Server;
use crate::figures::Figures;
use crate::live::{CYCLE, Counts, Live, PLAYERS, Spread, open};

const ROUNDS: usize = 3;
/// Rooms of each size whose memory is measured.
const ROOMS: usize = 400;
/// Players in the small rooms. What a large room has more is due to its seats.
const FEW: usize = 2;
/// Rooms that are played live.
const LIVE_ROOMS: usize = 100;
const SETTLING: Duration = Duration::from_secs(3);
/// How long live rooms are measured for one value.
pub(crate) const MEASURED: Duration = Duration::from_secs(7);

/// Measures rooms.
pub(crate) fn measure(figures: &mut Figures) {
    for _ in 0..ROUNDS {
        beside_a_server(async |server| stored(server, figures).await);
    }
    beside_a_server(async |server| played(server, figures).await);
}

fn beside_a_server(part: impl AsyncFnOnce(&Server)) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let server = Server::start(folder.path(), &["--api-keys", KEY]);
    let local = LocalSet::new();
    runtime().block_on(local.run_until(part(&server)));
}

/// What rooms cost to open and fill, and what they take while nobody is connected.
async fn stored(server: &Server, figures: &mut Figures) {
    open(&[server.address], 20, PLAYERS).await;
    let mut costs = [[0.0; 2]; 2];
    for (players, cost) in [FEW, PLAYERS].into_iter().zip(&mut costs) {
        sleep(SETTLING).await;
        let look = || [server.busy().as_secs_f64() * 1e6, server.resident() as f64];
        let before = look();
        open(&[server.address], ROOMS, players).await;
        sleep(SETTLING).await;
        let after = look();
        *cost = std::array::from_fn(|n| (after[n] - before[n]) / ROOMS as f64);
    }
    let names = [("cpu", "µs"), ("memory", "bytes")];
    for (n, (what, unit)) in names.into_iter().enumerate() {
        let seat = (costs[1][n] - costs[0][n]) / (PLAYERS - FEW) as f64;
        figures.note(&format!("rooms.seat.{what}"), unit, seat);
        figures.note(&format!("rooms.room.{what}"), unit, costs[0][n] - seat * FEW as f64);
    }
}

/// What rooms cost while they are played.
async fn played(server: &Server, figures: &mut Figures) {
    let quizzes = open(&[server.address], LIVE_ROOMS, PLAYERS).await;
    let live = Live::new();
    live.connect(&[server.address], &quizzes, Spread::ByRoom).await;
    live.start(&quizzes).await;
    sleep(CYCLE / 4).await;
    for _ in 0..ROUNDS {
        let (before, busy, written) = (live.counts(), server.busy(), server.written());
        sleep(MEASURED).await;
        let counts = live.counts().since(before);
        let busy = (server.busy() - busy).as_secs_f64() * 1e6;
        note_play(figures, "rooms", counts, LIVE_ROOMS * PLAYERS, busy);
        figures.note("rooms.answer.written", "bytes", (server.written() - written) as f64 / counts.answers);
    }
    note_waits(figures, "rooms", live.latencies());
}

/// Notes what one window of play has cost.
pub(crate) fn note_play(figures: &mut Figures, part: &str, counts: Counts, seats: usize, busy: f64) {
    let seat_seconds = seats as f64 * MEASURED.as_secs_f64();
    let mut note = |name: &str, unit, value| figures.note(&format!("{part}.{name}"), unit, value);
    note("played_seat.cpu_a_second", "µs", busy / seat_seconds);
    note("answer.cpu", "µs", busy / counts.answers);
    note("played_seat.answers_a_second", "answers", counts.answers / seat_seconds);
    note("answer.frames", "frames", counts.frames / counts.answers);
    note("answer.presence", "frames", counts.presence / counts.answers);
    note("played_seat.sent_a_second", "bytes", counts.traffic[0] / seat_seconds);
    note("played_seat.received_a_second", "bytes", counts.traffic[1] / seat_seconds);
}

/// Notes how long players have waited for the replies to their answers.
pub(crate) fn note_waits(figures: &mut Figures, part: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let wait = waits[((waits.len() - 1) as f64 * share) as usize];
        figures.note(&format!("{part}.answer.{name}"), "ms", wait.as_secs_f64() * 1e3);
    }
}
