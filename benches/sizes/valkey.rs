//! One instance on one Valkey: memory, CPU time and bandwidth of Valkey for games, rooms, seats and answers.

use std::time::Duration;

use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::common::rooms::KEY;
use crate::common::runtime;
use crate::common::server::Server;
use crate::figures::Figures;
use crate::live::{CYCLE, Live, PLAYERS, Spread, open};
use crate::rooms::{MEASURED, note_play, note_waits};
use crate::shards::Usage;
use crate::solo;
use crate::support::valkey::ValkeyServer;

const ROUNDS: usize = 3;
const GAMES: usize = 10_000;
const ROOMS: usize = 300;
const FEW: usize = 2;
const LIVE_ROOMS: usize = 60;
/// Longer than the deadline index lags behind, and than Valkey takes to forget what connections used.
const SETTLING: Duration = Duration::from_secs(1);

/// Measures Valkey.
pub(crate) fn measure(figures: &mut Figures) {
    for _ in 0..ROUNDS {
        beside_valkey(async |server, valkey| stored(server, valkey, figures).await);
    }
    beside_valkey(async |server, valkey| played(server, valkey, figures).await);
}

fn beside_valkey(part: impl AsyncFnOnce(&Server, &ValkeyServer)) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let valkey = ValkeyServer::start(&[]);
    let args = ["--store", "valkey", "--valkey-url", &valkey.url(), "--api-keys", KEY];
    let server = Server::start(folder.path(), &args);
    let local = LocalSet::new();
    runtime().block_on(local.run_until(part(&server, &valkey)));
}

async fn stored(server: &Server, valkey: &ValkeyServer, figures: &mut Figures) {
    let lines = solo::Lines::to(&[server.address]);
    let first = solo::create(&lines, 500).await;
    solo::answer(&lines, &first).await;
    sleep(SETTLING).await;

    let (before, busy) = (Usage::of(valkey), server.busy());
    let games = solo::create(&lines, GAMES).await;
    sleep(SETTLING).await;
    let used = Usage::of(valkey).since(before);
    let micros = |busy: Duration| (server.busy() - busy).as_secs_f64() * 1e6;
    figures.note("valkey.game.memory", "bytes", used.memory / GAMES as f64);
    figures.note("valkey.create.cpu", "µs", used.cpu / GAMES as f64);
    figures.note("valkey.create.instance_cpu", "µs", micros(busy) / GAMES as f64);

    let (before_answers, busy) = (Usage::of(valkey), server.busy());
    solo::answer(&lines, &games).await;
    sleep(SETTLING).await;
    let (used, answers) = (Usage::of(valkey).since(before_answers), (GAMES * 10) as f64);
    figures.note("valkey.solo_answer.cpu", "µs", used.cpu / answers);
    figures.note("valkey.solo_answer.instance_cpu", "µs", micros(busy) / answers);
    figures.note("valkey.solo_answer.to_valkey", "bytes", used.traffic[0] / answers);
    figures.note("valkey.solo_answer.from_valkey", "bytes", used.traffic[1] / answers);
    let all = Usage::of(valkey).since(before);
    figures.note("valkey.finished.memory", "bytes", all.memory / GAMES as f64);
    figures.note("valkey.game.cpu", "µs", all.cpu / GAMES as f64);

    let mut sizes = [0.0; 2];
    for (players, size) in [FEW, PLAYERS].into_iter().zip(&mut sizes) {
        let before = Usage::of(valkey).memory;
        open(&[server.address], ROOMS, players).await;
        sleep(SETTLING).await;
        *size = (Usage::of(valkey).memory - before) / ROOMS as f64;
    }
    let seat = (sizes[1] - sizes[0]) / (PLAYERS - FEW) as f64;
    figures.note("valkey.seat.memory", "bytes", seat);
    figures.note("valkey.room.memory", "bytes", sizes[0] - seat * FEW as f64);
}

async fn played(server: &Server, valkey: &ValkeyServer, figures: &mut Figures) {
    let quizzes = open(&[server.address], LIVE_ROOMS, PLAYERS).await;
    let live = Live::new();
    live.connect(&[server.address], &quizzes, Spread::ByRoom).await;
    live.start(&quizzes).await;
    sleep(CYCLE / 4).await;
    for _ in 0..ROUNDS {
        let (before, busy, usage) = (live.counts(), server.busy(), Usage::of(valkey));
        sleep(MEASURED).await;
        let (counts, used) = (live.counts().since(before), Usage::of(valkey).since(usage));
        let busy = (server.busy() - busy).as_secs_f64() * 1e6;
        note_play(figures, "valkey", counts, LIVE_ROOMS * PLAYERS, busy);
        figures.note("valkey.answer.valkey_cpu", "µs", used.cpu / counts.answers);
        figures.note("valkey.answer.commands", "commands", used.commands / counts.answers);
        figures.note("valkey.answer.to_valkey", "bytes", used.traffic[0] / counts.answers);
        figures.note("valkey.answer.from_valkey", "bytes", used.traffic[1] / counts.answers);
    }
    note_waits(figures, "valkey", live.latencies());
}
