//! The engines on which the contract's cases run, each with its fixture.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rejoin::domain::{GameSession, Timestamp};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::memory::MemoryStore;
use rejoin::store::redb::{CheckpointRule, LogOptions, RedbOptions, RedbStore, file_opener};
use rejoin::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use rejoin::store::{ApplyFn, GameClock, GameSessionStore, Portable};

use crate::faults::disk::Chance;
use crate::faults::disks::{Disks, Medium};
use crate::support::HANG;
use crate::support::valkey::{FreshCluster, ValkeyCluster, fresh_cluster, fresh_database};

/// What a case can do with an engine besides using its store.
#[async_trait]
pub(crate) trait Engine: Sized + Send + Sync + 'static {
    /// True if sessions survive the closing of the store.
    const IS_DURABLE: bool;
    /// True if commands on different sessions are carried out in the order in which they were sent.
    const LINES_UP: bool = true;
    /// True if other processes can commit to the same sessions.
    const IS_SHARED: bool = false;

    /// A new, empty store that applies commands with `rules`.
    async fn with_rules(rules: ApplyFn) -> Self;
    /// The store of this engine.
    fn store(&self) -> Arc<dyn GameSessionStore>;
    /// The same store, as one that can export and import sessions.
    fn portable(&self) -> Arc<dyn Portable>;
    /// Closes the store and opens it again, or crashes its disks first. `None` if nothing survives the
    /// closing.
    async fn reopened(self) -> Option<Self>;

    /// A new, empty store with the game's own rules.
    async fn fresh() -> Self {
        Self::with_rules(GameSession::apply).await
    }
}

pub(crate) struct Memory(Arc<MemoryStore>);

#[async_trait]
impl Engine for Memory {
    const IS_DURABLE: bool = false;

    async fn with_rules(rules: ApplyFn) -> Self {
        let clock = GameClock::start(Timestamp::default(), system_wall_clock());
        Self(Arc::new(MemoryStore::new(rules, 11, Arc::new(clock))))
    }

    fn store(&self) -> Arc<dyn GameSessionStore> {
        self.0.clone()
    }

    fn portable(&self) -> Arc<dyn Portable> {
        self.0.clone()
    }

    async fn reopened(self) -> Option<Self> {
        None
    }
}

/// A store in a real file. `L` says how it uses its log; it is closed cleanly before it is opened again.
pub(crate) struct RedbFile<L> {
    store: Arc<RedbStore>,
    rules: ApplyFn,
    folder: tempfile::TempDir,
    log: std::marker::PhantomData<fn() -> L>,
}

/// How a store in a file uses its log.
pub(crate) trait LogChoice: 'static {
    fn log() -> Option<LogOptions>;
}

fn checkpointed(every: Duration, bytes: u64) -> Option<LogOptions> {
    Some(LogOptions { rule: CheckpointRule { every, bytes }, ..LogOptions::default() })
}

/// The log with the default options, as a server has it.
pub(crate) struct Usual;
/// A log with a checkpoint after each commit.
pub(crate) struct AtOnce;
/// No log: batches are committed to the tables.
pub(crate) struct NoLog;

impl LogChoice for Usual {
    fn log() -> Option<LogOptions> {
        Some(LogOptions::default())
    }
}

impl LogChoice for AtOnce {
    fn log() -> Option<LogOptions> {
        checkpointed(Duration::ZERO, 0)
    }
}

impl LogChoice for NoLog {
    fn log() -> Option<LogOptions> {
        None
    }
}

pub(crate) type Redb = RedbFile<Usual>;
pub(crate) type RedbAtOnce = RedbFile<AtOnce>;
pub(crate) type RedbWithoutLog = RedbFile<NoLog>;

fn options(rules: ApplyFn) -> RedbOptions {
    RedbOptions { rules, wall: system_wall_clock(), patience: Duration::from_secs(30), quiz_cache: 1 << 20 }
}

impl<L: LogChoice> RedbFile<L> {
    fn open(folder: &tempfile::TempDir, rules: ApplyFn) -> Arc<RedbStore> {
        let path: PathBuf = folder.path().join("rejoin.redb");
        Arc::new(RedbStore::open(file_opener(path, 16 << 20).log(L::log()), options(rules)).expect("opened"))
    }
}

#[async_trait]
impl<L: LogChoice> Engine for RedbFile<L> {
    const IS_DURABLE: bool = true;

    async fn with_rules(rules: ApplyFn) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { store: Self::open(&folder, rules), rules, folder, log: std::marker::PhantomData }
    }

    fn store(&self) -> Arc<dyn GameSessionStore> {
        self.store.clone()
    }

    fn portable(&self) -> Arc<dyn Portable> {
        self.store.clone()
    }

    async fn reopened(self) -> Option<Self> {
        self.store.close().await.expect("closed");
        Some(Self { store: Self::open(&self.folder, self.rules), ..self })
    }
}

/// A store whose file and log are on simulated disks that crash before it is opened again. Before a crash
/// there is no checkpoint, or with `AT_RANDOM` after a random number of bytes.
pub(crate) struct RedbDisks<const AT_RANDOM: bool> {
    store: Arc<RedbStore>,
    rules: ApplyFn,
    disks: Disks,
    crashes: u64,
}

pub(crate) type RedbNeverCheckpointed = RedbDisks<false>;
pub(crate) type RedbAtRandom = RedbDisks<true>;

impl<const AT_RANDOM: bool> RedbDisks<AT_RANDOM> {
    fn open(disks: &Disks, rules: ApplyFn, crashes: u64) -> Arc<RedbStore> {
        let bytes = if AT_RANDOM { Chance::new(crashes).below(4_096) } else { u64::MAX };
        let log = LogOptions { rule: CheckpointRule { every: Duration::MAX, bytes }, ..disks.options };
        let opener = disks.cached_opener(16 << 20).log(Some(log));
        Arc::new(RedbStore::open(opener, options(rules)).expect("opened"))
    }
}

#[async_trait]
impl<const AT_RANDOM: bool> Engine for RedbDisks<AT_RANDOM> {
    const IS_DURABLE: bool = true;

    async fn with_rules(rules: ApplyFn) -> Self {
        let disks = Disks::new(1, LogOptions { size: 16 << 20, ..LogOptions::default() });
        Self { store: Self::open(&disks, rules, 0), rules, disks, crashes: 0 }
    }

    fn store(&self) -> Arc<dyn GameSessionStore> {
        self.store.clone()
    }

    fn portable(&self) -> Arc<dyn Portable> {
        self.store.clone()
    }

    async fn reopened(self) -> Option<Self> {
        let (disks, crashes) = (self.disks.crashed(self.crashes), self.crashes + 1);
        Some(Self { store: Self::open(&disks, self.rules, crashes), disks, crashes, ..self })
    }
}

/// How long a test waits for a server that is running.
const REACHING: Duration = HANG;

async fn open_valkey(target: ValkeyTarget, rules: ApplyFn) -> Arc<ValkeyStore> {
    let options = ValkeyOptions {
        target,
        rules,
        wall: system_wall_clock(),
        quiz_cache: 1 << 20,
        kept_dead: ValkeyOptions::KEPT_DEAD,
    };
    let store = ValkeyStore::open(options).expect("opened");
    store.until_reachable(REACHING).await.expect("the server is there");
    Arc::new(store)
}

pub(crate) struct Valkey {
    store: Arc<ValkeyStore>,
    rules: ApplyFn,
    target: ValkeyTarget,
}

#[async_trait]
impl Engine for Valkey {
    const IS_DURABLE: bool = true;
    const LINES_UP: bool = false;
    const IS_SHARED: bool = true;

    async fn with_rules(rules: ApplyFn) -> Self {
        let target = ValkeyTarget::parse(&fresh_database(), Topology::Standalone).expect("a good URL");
        Self { store: open_valkey(target.clone(), rules).await, rules, target }
    }

    fn store(&self) -> Arc<dyn GameSessionStore> {
        self.store.clone()
    }

    fn portable(&self) -> Arc<dyn Portable> {
        self.store.clone()
    }

    async fn reopened(self) -> Option<Self> {
        self.store.close().await.expect("closed");
        Some(Self { store: open_valkey(self.target.clone(), self.rules).await, ..self })
    }
}

/// A cluster of three primaries without replicas.
pub(crate) struct Cluster {
    store: Arc<ValkeyStore>,
    rules: ApplyFn,
    cluster: FreshCluster,
}

impl Cluster {
    fn target(cluster: &ValkeyCluster) -> ValkeyTarget {
        ValkeyTarget::parse(&cluster.url(), Topology::Cluster).expect("a good URL")
    }
}

#[async_trait]
impl Engine for Cluster {
    const IS_DURABLE: bool = true;
    const LINES_UP: bool = false;
    const IS_SHARED: bool = true;

    async fn with_rules(rules: ApplyFn) -> Self {
        let cluster = fresh_cluster().await;
        Self { store: open_valkey(Self::target(&cluster), rules).await, rules, cluster }
    }

    fn store(&self) -> Arc<dyn GameSessionStore> {
        self.store.clone()
    }

    fn portable(&self) -> Arc<dyn Portable> {
        self.store.clone()
    }

    async fn reopened(self) -> Option<Self> {
        self.store.close().await.expect("closed");
        Some(Self { store: open_valkey(Self::target(&self.cluster), self.rules).await, ..self })
    }
}
