//! What a backup costs the players: `cargo bench --bench backup`.
//!
//! 1,000 answers per second, one every millisecond whatever became of those before, each to another game of a large
//! file. Rounds without a backup and rounds with one take turns; the last backup is made to its end. Prints the
//! latencies of both, the ratio of their medians, and what that backup was: size, time, and how much the file grew.
//! `REJOIN_BENCH_SESSIONS` sets the number of games.

mod common;

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::load::Figures;
use rejoin::domain::Millis;
use rejoin::store::GameSessionStore;
use rejoin::store::backup::{BackupReport, BackupSource, CopyControl};
use rejoin::store::redb::RedbStore;

const GAMES: usize = 500_000;
const EVERY: Duration = Duration::from_millis(1);
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 12;
/// The longest round: the last one goes on until a backup is complete.
const LONGEST: Duration = Duration::from_secs(120);

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
            let begun = Instant::now();
            let has_made = || backups.as_ref().is_none_or(|backups| backups.made.load(Ordering::Relaxed) > 0);
            let is_enough = || round < ROUNDS || has_made();
            let latencies = runtime.block_on(answers(&store, &games, is_enough));
            let took = begun.elapsed();
            let made = backups.map(Repeated::stop).unwrap_or_default();
            let figures = Figures::of(latencies, took);
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
            if is_beside { beside.push((p50, p99)) } else { alone.push((p50, p99)) }
        }
    }
    let ratio = |of: fn(&(Duration, Duration)) -> Duration| {
        let median = |rounds: &[(Duration, Duration)]| {
            let mut sorted: Vec<_> = rounds.iter().map(of).collect();
            sorted.sort_unstable();
            sorted[sorted.len() / 2]
        };
        let (one, other) = (median(&alone), median(&beside));
        format!("{one:.2?} alone, {other:.2?} beside a backup: {:.2} times", other.as_secs_f64() / one.as_secs_f64())
    };
    println!("medians of {ROUNDS} rounds: p50 {}; p99 {}", ratio(|round| round.0), ratio(|round| round.1));
}

/// One answer every millisecond. The latency counts from when it was due.
async fn answers(
    store: &Arc<dyn GameSessionStore>,
    games: &common::Games,
    is_enough: impl Fn() -> bool,
) -> Vec<Duration> {
    let latencies = Rc::new(RefCell::new(Vec::new()));
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (begun, bank) = (Instant::now(), common::bank());
            let mut due = begun;
            while begun.elapsed() < ROUND || (begun.elapsed() < LONGEST && !is_enough()) {
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
    made: Arc<AtomicUsize>,
    control: CopyControl,
    thread: std::thread::JoinHandle<Vec<BackupReport>>,
}

impl Repeated {
    fn start(store: Arc<RedbStore>, folder: &Path) -> Self {
        let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let count = made.clone();
        let control = CopyControl { is_gentle: true, ..CopyControl::default() };
        let (stopped, controlled, target) = (stop.clone(), control.clone(), folder.join("backup.redb"));
        let thread = std::thread::spawn(move || {
            let mut made = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                match store.back_up(&target, &controlled) {
                    Ok(report) => {
                        made.push(report);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(_) => break,
                }
                std::fs::remove_file(&target).expect("it is removed");
            }
            made
        });
        Self { stop, made, control, thread }
    }

    fn stop(self) -> Vec<BackupReport> {
        self.stop.store(true, Ordering::Relaxed);
        self.control.stop.cancel();
        self.thread.join().expect("no panic")
    }
}
