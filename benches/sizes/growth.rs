//! Growth: one instance on a cluster of one shard, beside three instances on three shards with the same players.
//! Valkey's own CPU time for a game is compared, in solo games and in rooms. With the same players the machine is
//! equally busy; with three times as many a game would seem cheaper, because a busy core wakes up less often.
//!
//! The seats of a room are either all at one instance, or at all instances in turn. The difference is what the
//! notifications between the instances cost.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{interval, sleep};

use crate::common::rooms::KEY;
use crate::common::runtime;
use crate::common::server::Server;
use crate::figures::Figures;
use crate::live::{CYCLE, Live, PLAYERS, Spread, open};
use crate::shards::{Usage, since, usage, watch_slots};
use crate::solo::Lines;
use crate::support::valkey::ValkeyCluster;

const ROUNDS: usize = 3;
/// Solo players of all instances, and how often each makes a request.
const SOLO_PLAYERS: usize = 60;
const EVERY: Duration = Duration::from_millis(40);
const SOLO_WARM_UP: Duration = Duration::from_secs(2);
const SOLO_MEASURED: Duration = Duration::from_secs(4);
/// Instances that are started for a while, to see what each of them costs without players.
const MORE: usize = 8;
/// Live rooms of all instances.
const ROOMS: usize = 60;
const MEASURED: Duration = Duration::from_secs(7);
const WATCHED: Duration = Duration::from_secs(4);

/// A number of instances over a cluster of as many shards.
struct Grown {
    servers: Vec<Server>,
    cluster: Arc<ValkeyCluster>,
    /// For the names of figures: `one` or `three`.
    name: &'static str,
    folders: Vec<TempDir>,
}

impl Grown {
    fn to(count: usize, name: &'static str) -> Self {
        let cluster = Arc::new(ValkeyCluster::start(count, 0));
        let mut grown = Self { servers: Vec::new(), cluster, name, folders: Vec::new() };
        for _ in 0..count {
            let (server, folder) = grown.one_more();
            grown.servers.push(server);
            grown.folders.push(folder);
        }
        grown
    }

    /// Starts one more instance on this cluster.
    fn one_more(&self) -> (Server, TempDir) {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let url = self.cluster.url();
        let args = ["--store", "valkey", "--valkey-mode", "cluster", "--valkey-url", &url, "--api-keys", KEY];
        (Server::start(folder.path(), &args), folder)
    }

    fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.servers.iter().map(|server| server.address).collect()
    }

    /// The CPU time of all instances, in microseconds.
    fn busy(&self) -> f64 {
        self.servers.iter().map(|server| server.busy().as_secs_f64() * 1e6).sum()
    }

    fn usage(&self) -> Vec<Usage> {
        usage(&self.cluster.nodes)
    }

    fn since(&self, earlier: &[Usage]) -> Vec<Usage> {
        since(&self.cluster.nodes, earlier)
    }
}

/// Measures growth.
pub(crate) fn measure(figures: &mut Figures) {
    let alone = [Spread::ByRoom];
    for (count, name, spreads) in [(1, "one", &alone[..]), (3, "three", &[Spread::ByRoom, Spread::BySeat])] {
        let grown = Grown::to(count, name);
        let local = LocalSet::new();
        runtime().block_on(local.run_until(async {
            idle(&grown, figures).await;
            games(&grown, figures).await;
            for spread in spreads {
                rooms(&grown, *spread, figures).await;
            }
        }));
    }
    for (name, one, three) in [
        ("solo", "growth.one.solo.valkey_cpu", "growth.three.solo.valkey_cpu"),
        ("rooms_by_room", "growth.one.by_room.valkey_cpu", "growth.three.by_room.valkey_cpu"),
        ("rooms_by_seat", "growth.one.by_room.valkey_cpu", "growth.three.by_seat.valkey_cpu"),
    ] {
        figures.note(&format!("growth.ratio.{name}"), "times", figures.median(three) / figures.median(one));
    }
}

/// What the heartbeats and probes of the instances cost, without players. Their cost for Valkey is so small that it
/// is taken from the difference that several more instances make.
async fn idle(grown: &Grown, figures: &mut Figures) {
    let few = idle_shards(grown).await;
    let more: Vec<_> = (0..MORE).map(|_| grown.one_more()).collect();
    sleep(SOLO_WARM_UP).await;
    let busy = || grown.busy() + more.iter().map(|(server, _)| server.busy().as_secs_f64() * 1e6).sum::<f64>();
    let before = busy();
    let many = idle_shards(grown).await;
    let instances = (grown.servers.len() + MORE) as f64 * MEASURED.as_secs_f64();
    let mean = |shards: &[f64]| shards.iter().sum::<f64>() / shards.len() as f64;
    let each = |few: f64, many: f64| ((many - few) / MORE as f64).max(0.0);
    let most = few.iter().zip(&many).map(|(few, many)| each(*few, *many)).fold(0.0, f64::max);
    let mut note = |what: &str, value| figures.note(&format!("growth.{}.idle.{what}", grown.name), "µs", value);
    note("shard_cpu_a_second", mean(&few));
    note("shard_cpu_for_each_instance", each(mean(&few), mean(&many)));
    note("busiest_shard_cpu_for_each_instance", most);
    note("instance_cpu_a_second", (busy() - before) / instances);
}

/// The CPU time of each shard in a second without players, in microseconds.
async fn idle_shards(grown: &Grown) -> Vec<f64> {
    sleep(SOLO_WARM_UP).await;
    let before = grown.usage();
    sleep(MEASURED).await;
    grown.since(&before).iter().map(|used| used.cpu / MEASURED.as_secs_f64()).collect()
}

async fn games(grown: &Grown, figures: &mut Figures) {
    let played = Rc::new(std::cell::Cell::new(0.0));
    let players: Vec<_> = (0..SOLO_PLAYERS)
        .map(|n| {
            let (lines, played) = (Lines::to(&[grown.addresses()[n % grown.servers.len()]]), played.clone());
            spawn_local(async move {
                // Games at all points of their course, so that no two windows differ.
                let mut every = interval(EVERY);
                for first in 0.. {
                    let game = lines.create(n).await;
                    let skipped = if first == 0 { n % 10 } else { 0 };
                    for question in skipped..10 {
                        every.tick().await;
                        lines.answer(n, &game, question).await;
                    }
                    lines.results(n, &game).await;
                    played.set(played.get() + 1.0);
                }
            })
        })
        .collect();
    sleep(SOLO_WARM_UP).await;
    for _ in 0..ROUNDS {
        let (before, busy, first) = (grown.usage(), grown.busy(), played.get());
        sleep(SOLO_MEASURED).await;
        let (used, games) = (grown.since(&before), played.get() - first);
        let (all, name) = (Usage::sum(&used), grown.name);
        figures.note(&format!("growth.{name}.solo.games_a_second"), "games", games / SOLO_MEASURED.as_secs_f64());
        figures.note(&format!("growth.{name}.solo.valkey_cpu"), "µs a game", all.cpu / games);
        figures.note(&format!("growth.{name}.solo.instance_cpu"), "µs a game", (grown.busy() - busy) / games);
        note_shares(figures, grown, "solo", &used);
    }
    players.iter().for_each(|player| player.abort());
}

/// Notes which part of Valkey's CPU time the busiest and the least busy shard had.
fn note_shares(figures: &mut Figures, grown: &Grown, what: &str, used: &[Usage]) {
    if used.len() > 1 {
        let all = Usage::sum(used).cpu;
        let mut shares: Vec<_> = used.iter().map(|used| used.cpu / all * 100.0).collect();
        shares.sort_by(f64::total_cmp);
        figures.note(&format!("growth.{}.{what}.least_shard", grown.name), "% of all", shares[0]);
        figures.note(&format!("growth.{}.{what}.most_shard", grown.name), "% of all", shares[shares.len() - 1]);
    }
}

async fn rooms(grown: &Grown, spread: Spread, figures: &mut Figures) {
    let what = if spread == Spread::ByRoom { "by_room" } else { "by_seat" };
    let addresses = grown.addresses();
    let quizzes = open(&addresses, ROOMS, PLAYERS).await;
    let live = Live::new();
    let (before, busy) = (grown.usage(), grown.busy());
    live.connect(&addresses, &quizzes, spread).await;
    let (seats, name) = ((ROOMS * PLAYERS) as f64, grown.name);
    let used = Usage::sum(&grown.since(&before));
    figures.note(&format!("growth.{name}.{what}.connect.valkey_cpu"), "µs", used.cpu / seats);
    figures.note(&format!("growth.{name}.{what}.connect.instance_cpu"), "µs", (grown.busy() - busy) / seats);
    live.start(&quizzes).await;
    sleep(CYCLE / 4).await;
    for _ in 0..ROUNDS {
        let (before, busy, counts) = (grown.usage(), grown.busy(), live.counts());
        sleep(MEASURED).await;
        let (used, counts) = (grown.since(&before), live.counts().since(counts));
        let all = Usage::sum(&used);
        let each = |value: f64| value / counts.answers;
        figures.note(&format!("growth.{name}.{what}.answers"), "a second", counts.answers / MEASURED.as_secs_f64());
        figures.note(&format!("growth.{name}.{what}.valkey_cpu"), "µs an answer", each(all.cpu));
        figures.note(&format!("growth.{name}.{what}.valkey_main_thread"), "µs an answer", each(all.main_thread));
        figures.note(&format!("growth.{name}.{what}.instance_cpu"), "µs an answer", each(grown.busy() - busy));
        figures.note(&format!("growth.{name}.{what}.commands"), "an answer", each(all.commands));
        figures.note(&format!("growth.{name}.{what}.to_valkey"), "bytes an answer", each(all.traffic[0]));
        figures.note(&format!("growth.{name}.{what}.from_valkey"), "bytes an answer", each(all.traffic[1]));
        figures.note(&format!("growth.{name}.{what}.repeated"), "of all answers", each(counts.repeated));
        note_shares(figures, grown, what, &used);
    }
    if spread == Spread::BySeat {
        check_slots(grown, figures).await;
    }
    live.leave();
    for quiz in &quizzes {
        quiz.delete().await;
    }
}

/// Watches every command for a while, with rooms and solo games, and fails if one touches two slots.
async fn check_slots(grown: &Grown, figures: &mut Figures) {
    let lines = Lines::to(&grown.addresses());
    let playing = spawn_local(async move {
        loop {
            let game = lines.create(0).await;
            lines.answer(0, &game, 0).await;
        }
    });
    // On a thread of its own: the players go on meanwhile.
    let cluster = grown.cluster.clone();
    let slots = tokio::task::spawn_blocking(move || watch_slots(&cluster.nodes, WATCHED)).await;
    playing.abort();
    let slots = slots.expect("it was watched");
    assert!(slots.crossing.is_empty(), "these touch two slots: {:#?}", slots.crossing);
    figures.note("growth.slots.commands", "commands watched", slots.commands as f64);
    for (kind, (count, shards)) in &slots.others {
        figures.note(&format!("growth.slots.{kind}"), &format!("uses, shards: {}", shards.len()), *count as f64);
    }
}
