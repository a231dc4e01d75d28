//! What a backup costs the players: `cargo bench --bench backup`.
//!
//! 1,000 answers per second, one every millisecond whatever became of those before, each to another game of a large
//! file. Rounds without a backup and rounds in which one backup follows the other take turns. Prints the latencies
//! of both, their ratio, and what the backups were: size, time, and how much the file grew meanwhile.
//! `REJOIN_BENCH_SESSIONS` sets the number of games.

mod common;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::load::Figures;
use rejoin::domain::Millis;
use rejoin::store::GameSessionStore;
use rejoin::store::backup::{BackupReport, BackupSource, CopyControl};
use rejoin::store::redb::RedbStore;

const GAMES: usize = 500_000;
const EVERY: Duration = Duration::from_millis(1);
const ROUND: Duration = Duration::from_secs(12);
const ROUNDS: usize = 4;

fn main() {
    let games = std::env::var("REJOIN_BENCH_SESSIONS").ok().and_then(|games| games.parse().ok()).unwrap_or(GAMES);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let path = folder.path().join("rejoin.redb");
    let redb = common::open(&path);
    let store: Arc<dyn GameSessionStore> = redb.clone();
    let runtime = common::runtime();
    let games = runtime.block_on(common::fill(&store, games, Millis::seconds(7_200)));
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let length = || mib(std::fs::metadata(&path).expect("there").len());
    println!("a file of {:.0} MiB, {:.0} fdatasyncs/s", length(), common::fdatasyncs_per_second(folder.path()));
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        for is_beside in [false, true] {
            let before = length();
            let backups = is_beside.then(|| Repeated::start(redb.clone(), folder.path()));
            let latencies = runtime.block_on(answers(&store, &games));
            let made = backups.map(Repeated::stop).unwrap_or_default();
            let figures = Figures::of(latencies.clone(), ROUND);
            let Figures { per_second, p50, p95, p99, most } = figures;
            let kind = if is_beside { "backups" } else { "alone  " };
            println!(
                "{round} {kind} {per_second:>5.0}/s  p50 {p50:>9.2?}  p95 {p95:>9.2?}  p99 {p99:>9.2?}  most {most:>9.2?}"
            );
            for BackupReport { bytes, games, took, .. } in &made {
                println!(
                    "  {games} games, {:.0} MiB in {:.1} s, file + {:.0} MiB",
                    mib(*bytes),
                    took.as_secs_f64(),
                    length() - before
                );
            }
            if is_beside { beside.extend(latencies) } else { alone.extend(latencies) }
        }
    }
    let took = ROUND * ROUNDS as u32;
    let (alone, beside) = (Figures::of(alone, took), Figures::of(beside, took));
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!(
        "p99 {:.2?} alone, {:.2?} beside backups: {:.2} times; p50 {:.2} times",
        alone.p99,
        beside.p99,
        ratio(beside.p99, alone.p99),
        ratio(beside.p50, alone.p50)
    );
}

/// One answer every millisecond. The latency counts from when it was due.
async fn answers(store: &Arc<dyn GameSessionStore>, games: &common::Games) -> Vec<Duration> {
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (begun, bank) = (Instant::now(), common::bank());
            let mut due = begun;
            while begun.elapsed() < ROUND {
                due += EVERY;
                tokio::time::sleep_until(due.into()).await;
                let (store, games, latencies, bank) = (store.clone(), games.clone(), latencies.clone(), bank.clone());
                tokio::task::spawn_local(async move {
                    games.answer(&*store, &bank).await;
                    latencies.borrow_mut().push(due.elapsed());
                });
            }
        })
        .await;
    local.await;
    latencies.take()
}

/// Backups that follow each other on a thread of their own, as in the server.
struct Repeated {
    stop: Arc<AtomicBool>,
    control: CopyControl,
    thread: std::thread::JoinHandle<Vec<BackupReport>>,
}

impl Repeated {
    fn start(store: Arc<RedbStore>, folder: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let control = CopyControl { is_gentle: true, ..CopyControl::default() };
        let (stopped, controlled, target) = (stop.clone(), control.clone(), folder.join("backup.redb"));
        let thread = std::thread::spawn(move || {
            let mut made = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                match store.back_up(&target, &controlled) {
                    Ok(report) => made.push(report),
                    Err(_) => break,
                }
                std::fs::remove_file(&target).expect("it is removed");
            }
            made
        });
        Self { stop, control, thread }
    }

    fn stop(self) -> Vec<BackupReport> {
        self.stop.store(true, Ordering::Relaxed);
        self.control.stop.cancel();
        self.thread.join().expect("no panic")
    }
}
