//! The store's throughput: `cargo bench --bench store`.
//!
//! Durable answers on redb, with one and with many callers waiting, in a file of 1,000 games and in one of
//! 100,000 games, or as many as `REJOIN_BENCH_SESSIONS` says. At the end the ratios are printed, and the
//! disk's number of fdatasyncs per second.

mod common;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use rejoin::domain::{GameSession, Millis, Timestamp};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::memory::MemoryStore;
use rejoin::store::{GameClock, GameSessionStore};

struct Bed {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn GameSessionStore>,
    sessions: usize,
    games: RefCell<common::Games>,
}

impl Bed {
    fn new(store: Arc<dyn GameSessionStore>, sessions: usize) -> Self {
        let runtime = common::runtime();
        let started = Instant::now();
        let games = runtime.block_on(common::fill(&store, sessions, Millis::seconds(7_200)));
        let rate = sessions as f64 / started.elapsed().as_secs_f64();
        println!("{sessions} games created, {rate:.0}/s");
        Self { runtime, store, sessions, games: RefCell::new(games) }
    }

    /// How long `count` answers take with `waiting` callers at a time.
    fn answers(&self, count: u64, waiting: usize) -> Duration {
        let (mut took, mut rest) = (Duration::ZERO, count as usize);
        while rest > 0 {
            if self.games.borrow().left() < waiting {
                self.begin_anew();
            }
            let games = self.games.borrow().clone();
            let part = rest.min(games.left());
            let (store, bank) = (self.store.clone(), common::bank());
            let started = Instant::now();
            self.runtime.block_on(common::all_of(part, waiting, move |_| {
                let (store, games, bank) = (store.clone(), games.clone(), bank.clone());
                async move { games.answer(&*store, &bank).await }
            }));
            took += started.elapsed();
            rest -= part;
        }
        took
    }

    /// Replaces the games, which are nearly played to their end, with new ones.
    fn begin_anew(&self) {
        self.runtime.block_on(async {
            let games = self.games.borrow().clone();
            games.delete(&self.store).await;
            let fill = common::fill(&self.store, self.sessions, Millis::seconds(7_200)).await;
            self.games.replace(fill);
        });
    }
}

/// The throughput: answers per second, and processor time per answer in microseconds. The processor time
/// includes the callers', and depends less on other load on the machine.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    cpu_micros: f64,
}

fn cpu_micros() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn measure(criterion: &mut Criterion, bed: &Bed, name: &str, waiting: usize) -> Rate {
    let mut rates = Vec::new();
    let mut group = criterion.benchmark_group("durable answers");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(4));
    group.warm_up_time(Duration::from_secs(1));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| {
            // Enough answers that there are always `waiting` of them to share a commit.
            let count = count.max(waiting as u64 * 4);
            let before = cpu_micros();
            let took = bed.answers(count, waiting);
            let cpu_micros = (cpu_micros() - before) / count as f64;
            rates.push(Rate { per_second: count as f64 / took.as_secs_f64(), cpu_micros });
            took
        });
    });
    group.finish();
    rates.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    // NaN if a filter has skipped this benchmark.
    rates.get(rates.len() / 2).copied().unwrap_or(Rate { per_second: f64::NAN, cpu_micros: f64::NAN })
}

/// How many callers wait at the same time.
const WAITING: [usize; 4] = [1, 8, 64, 256];
/// The size of a file that costs as little as possible.
const FEW: usize = 1_000;

fn main() {
    let sessions = std::env::var("REJOIN_BENCH_SESSIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let syncs = common::fdatasyncs_per_second(folder.path());
    let bed = |sessions: usize| {
        let redb = common::open(&folder.path().join(format!("{sessions}.redb")));
        Bed::new(redb, sessions)
    };
    // Measured in turn, so that changes in the disk's speed affect both files.
    let beds = [bed(FEW), bed(sessions)];
    let rates: Vec<_> = WAITING
        .map(|waiting| {
            let mut of = |games: usize, bed: &Bed| {
                measure(&mut criterion, bed, &format!("redb of {games}, {waiting} waiting"), waiting)
            };
            (waiting, of(FEW, &beds[0]), of(sessions, &beds[1]))
        })
        .to_vec();
    let wall = system_wall_clock();
    let clock = Arc::new(GameClock::start(Timestamp::from_millis(wall().0), wall));
    let memory = Bed::new(Arc::new(MemoryStore::new(GameSession::apply, 1, clock)), sessions.min(100_000));
    let ceiling = measure(&mut criterion, &memory, "memory, 64 waiting", 64);
    println!("\nfdatasync of 4 KiB: {syncs:.0}/s");
    let one_each = rates[0].2.per_second;
    for (waiting, few, Rate { per_second, cpu_micros }) in &rates {
        println!(
            "redb of {sessions}, {waiting:>3} waiting: {per_second:>6.0} answers/s, {:.2} of a file of {FEW} games, {:>5.2} \
             of one commit each, {:.2} of memory, {:.2} of fdatasync; {cpu_micros:.1} µs of processor each",
            per_second / few.per_second,
            per_second / one_each,
            per_second / ceiling.per_second,
            per_second / syncs,
        );
    }
}
