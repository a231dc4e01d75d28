//! One small host: the server on one core, in a control group with 1 GiB of memory. The players are on the other
//! core. Rooms are added until the core is full, players have to wait for so long that they answer less often, or there
//! are no more open files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::common::load::{Figures as Speed, Play, run};
use crate::common::rooms::KEY;
use crate::common::runtime;
use crate::common::server::{Server, busy_here};
use crate::figures::Figures;
use crate::live::{CYCLE, Live, PLAYERS, Spread, open};
use crate::solo;

const GIB: u64 = 1 << 30;
/// The load at which the core is full.
const FULL: f64 = 0.9;
/// Answers a second of a player who hardly waits, at least.
const PACE: f64 = 0.9 / 20.0;
const FIRST_ROOMS: usize = 80;
/// The next numbers of rooms, as parts of what the server's core should hold by its load with the first ones.
const PARTS: [f64; 3] = [0.6, 1.0, 1.4];
const MEASURED: Duration = Duration::from_secs(8);
/// Open files that are no connections of players.
const OTHER_FILES: usize = 400;
const GAMES: usize = 100_000;
const SOLO_PLAYERS: usize = 200;

/// A control group for one server. It is removed when this value is dropped, after its server.
pub(crate) struct Group(PathBuf);

impl Group {
    /// A new group below that of this process, with this memory limit in bytes. `None` if the system refuses that.
    pub(crate) fn open(limit: Option<u64>) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let path_of = |line: &str| Some(line.splitn(3, ':').nth(2)?.trim_start_matches('/').to_owned());
        let first = groups.lines().find(|line| line.split(':').nth(1).is_some_and(|names| names.contains("memory")));
        let root = match first {
            Some(line) => Path::new("/sys/fs/cgroup/memory").join(path_of(line)?),
            None => Path::new("/sys/fs/cgroup").join(path_of(groups.lines().next()?)?),
        };
        let folder = root.join(format!("rejoin-sizes-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        if let Some(limit) = limit {
            let files = ["memory.limit_in_bytes", "memory.max"];
            files.iter().find(|file| fs::write(group.0.join(file), limit.to_string()).is_ok())?;
        }
        Some(group)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    fn number(&self, file: &str) -> Option<f64> {
        fs::read_to_string(self.0.join(file)).ok()?.trim().parse().ok()
    }

    /// The memory that the kernel uses for this group, in bytes: sockets, files, page tables.
    pub(crate) fn kernel_memory(&self) -> f64 {
        let stat = || {
            let stat = fs::read_to_string(self.0.join("memory.stat")).unwrap_or_default();
            stat.lines().find_map(|line| line.strip_prefix("kernel ")?.parse().ok()).unwrap_or(0.0)
        };
        self.number("memory.kmem.usage_in_bytes").unwrap_or_else(stat)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that has just ended may still be counted for a moment.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Measures what a small host holds.
pub(crate) fn measure(figures: &mut Figures) {
    beside_a_small_server(async |server, group| rooms(server, group, figures).await);
    beside_a_small_server(async |server, _| games(server, figures).await);
}

fn beside_a_small_server(part: impl AsyncFnOnce(&Server, &Group)) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let Some(group) = Group::open(Some(GIB)) else {
        return eprintln!("no control group can be made here: nothing is measured");
    };
    let server = Server::start_within(group.folder(), folder.path(), &["--api-keys", KEY]);
    let local = LocalSet::new();
    runtime().block_on(local.run_until(part(&server, &group)));
}

/// The number of rooms of 30 whose players all may be connected, by the limit of open files.
fn rooms_by_files() -> usize {
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files.map_or(usize::MAX, |files| (files - OTHER_FILES) / PLAYERS)
}

async fn rooms(server: &Server, group: &Group, figures: &mut Figures) {
    let live = Live::new();
    let (mut rooms, mut wanted, mut parts) = (0, FIRST_ROOMS, PARTS.iter());
    let mut by_core = None;
    loop {
        let quizzes = open(&[server.address], wanted - rooms, PLAYERS).await;
        live.connect(&[server.address], &quizzes, Spread::ByRoom).await;
        live.start(&quizzes).await;
        rooms = wanted;
        // The last rooms answer their first question.
        sleep(CYCLE / 4).await;
        let (_, before, busy, here) = (live.latencies(), live.counts(), server.busy(), busy_here());
        sleep(MEASURED).await;
        let share = |busy: Duration| busy.as_secs_f64() / MEASURED.as_secs_f64();
        let (core, core_here) = (share(server.busy() - busy), share(busy_here() - here));
        let counts = live.counts().since(before);
        let speed = Speed::of(live.latencies(), MEASURED);
        let answers = counts.answers / MEASURED.as_secs_f64();
        let step = format!("host.rooms_{rooms:04}");
        let mut note = |name: &str, unit, value| figures.note(&format!("{step}.{name}"), unit, value);
        note("players", "players", (rooms * PLAYERS) as f64);
        note("answers", "answers a second", answers);
        note("core", "% of the core", core * 100.0);
        note("load_core", "% of the players' core", core_here * 100.0);
        note("p50", "ms", speed.p50.as_secs_f64() * 1e3);
        note("p99", "ms", speed.p99.as_secs_f64() * 1e3);
        note("memory", "MB", server.resident() as f64 / 1e6);
        note("kernel_memory", "MB", group.kernel_memory() / 1e6);
        let full = *by_core.get_or_insert(rooms as f64 / core);
        let next = parts.next().map(|part| ((full * part) as usize).min(rooms_by_files()));
        match next {
            Some(next) if next > rooms && core < FULL && answers >= PACE * (rooms * PLAYERS) as f64 => wanted = next,
            _ => break,
        }
    }
    figures.note("host.rooms_by_files", "rooms", rooms_by_files() as f64);
}

async fn games(server: &Server, figures: &mut Figures) {
    let lines = solo::Lines::to(&[server.address]);
    let empty = server.resident() as f64;
    drop(solo::create(&lines, GAMES).await);
    figures.note("host.games.count", "games", GAMES as f64);
    figures.note("host.games.memory", "MB", server.resident() as f64 / 1e6);
    figures.note("host.games.memory_each", "bytes", (server.resident() as f64 - empty) / GAMES as f64);
    let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(3));
    for _ in 0..3 {
        let speed = run(server.address, SOLO_PLAYERS, Play::Games, warm_up, measured).await;
        figures.note("host.games.requests", "a second", speed.per_second);
        figures.note("host.games.p99", "ms", speed.p99.as_secs_f64() * 1e3);
    }
}
