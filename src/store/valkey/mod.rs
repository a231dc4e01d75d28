//! Sessions in a Valkey that several instances share: one server, a primary with replicas behind
//! sentinels, or a cluster.
//!
//! Every change of a session is one script that compares the stamp of the state which the change
//! was computed from ([`commit`]); the commands of this instance on one session take turns
//! ([`lanes`]) and those that wait are committed together ([`batch`]). Every call has its limit, and
//! a breaker refuses them at once while the server is away ([`link`], [`supervisor`]).
//!
//! | key | value |
//! | --- | --- |
//! | `session:<id>` | the state, JSON that begins with its stamp ([`record`]) |
//! | `{session:<id>}:quiz` | the quiz, JSON, there while questions are open |
//! | `{session:<id>}:ev` | the event log, a stream whose ids are `<sequence>-0` |
//! | `join:<code>` | which session holds the code ([`joins`]) |
//! | `owner:<name>` | ids of the owner's sessions, a sorted set in the order of their text ([`owners`]) |
//! | `rejoin:deadlines` | ids by deadline, a sorted set: advisory, for counting and sweeping |
//! | `rejoin:up` | since when some instance and this server have been there without a break |
//!
//! | channel | message |
//! | --- | --- |
//! | `{session:<id>}:n` | a commit's head, published with it; anything else is to be looked at ([`hints`]) |
//!
//! The keys and the channel of a session lie in one slot of a cluster. They live by `PX` for an hour beyond the
//! session's deadline; whether it is alive the deadline in the state decides.

mod batch;
mod breaker;
mod clock;
mod commit;
mod connect;
mod engine;
mod failure;
mod index;
mod insert;
mod joins;
mod link;
mod log;
mod notifier;
mod owners;
mod portable;
mod reads;
mod record;
mod scripts;
mod session_queues;
mod shards;
mod subscriber;
mod subscriptions;
mod supervisor;
mod sweep;
mod target;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::clock::ValkeyClock;
use super::clock::{Clock, WallClock};
use super::contract::{EventPage, GameSessionStore, NewSession, StoreStatus, Swept};
use super::error::{StoreError, StoreResult};
use super::step::ApplyFn;
use super::watch::Watch;
use crate::domain::{Applied, Command, GameSession, JoinCode, Millis, Moment, Owner, Sequence, SessionId};
use batch::QueuedCommand;
use engine::Engine;
use link::Link;
use session_queues::{QueueItem, SessionQueues};
use subscriptions::Subscriptions;
use supervisor::Supervisor;

pub use target::{InvalidTarget, Topology, ValkeyTarget};

/// The engine's name.
const ENGINE: &str = "valkey";
/// All that one command may take, tries and re-reads included: a player's request ends within a
/// second, however busy the machine is.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long a stop waits for what is under way.
const CLOSING: Duration = Duration::from_secs(2);

const DEADLINES: &str = "rejoin:deadlines";
const UP: &str = "rejoin:up";
/// How long the mark [`UP`] stands without a sign of life, in milliseconds.
const UP_FOR: &[u8] = b"3000";

/// The keys of one session, all in one slot.
struct Keys {
    state: String,
    quiz: String,
    events: String,
}

impl Keys {
    fn of(id: &SessionId) -> Self {
        Self::named(&format!("session:{id}"))
    }

    fn named(state: &str) -> Self {
        let state = state.to_owned();
        Self { quiz: format!("{{{state}}}:quiz"), events: format!("{{{state}}}:ev"), state }
    }

    fn all(&self) -> [&str; 3] {
        [&self.state, &self.quiz, &self.events]
    }
}

/// On which channel a session's commits are hinted at.
fn channel_of(id: &SessionId) -> String {
    format!("{{session:{id}}}:n")
}

/// What the commands for hints are called.
struct PubSubCommands {
    publish: &'static str,
    subscribe: &'static str,
    unsubscribe: &'static str,
}

const WORDS: PubSubCommands = PubSubCommands { publish: "PUBLISH", subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE" };
/// A cluster sends these to one shard, and not to all nodes.
const CLUSTER_WORDS: PubSubCommands =
    PubSubCommands { publish: "SPUBLISH", subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE" };

/// Where a join code lies.
fn join_key(code: &JoinCode) -> String {
    format!("join:{code}")
}

/// Where an owner's sessions are listed.
fn owner_key(owner: &Owner) -> String {
    format!("owner:{owner}")
}

/// What a server or a test chooses of the engine.
pub struct ValkeyOptions {
    /// Where Valkey is.
    pub target: ValkeyTarget,
    /// The rules.
    pub rules: ApplyFn,
    /// Where dates come from.
    pub wall: WallClock,
    /// Bytes of quizzes kept decoded.
    pub quiz_cache: u64,
    /// How long beyond its deadline a session's keys are kept.
    pub kept_dead: Millis,
}

impl ValkeyOptions {
    /// How long a server keeps the dead: long enough for any clock that is a little off.
    pub const KEPT_DEAD: Millis = Millis::seconds(3_600);
}

/// The Valkey engine.
pub struct ValkeyStore {
    engine: Arc<Engine>,
    lanes: Arc<SessionQueues>,
    clock: Arc<ValkeyClock>,
    stop: CancellationToken,
    /// What the last enumeration found.
    enumerated: Mutex<Option<Arc<Vec<SessionId>>>>,
    /// Its own threads: a command goes on though its caller's runtime has ended.
    runtime: Option<Runtime>,
}

impl ValkeyStore {
    /// Begins to look for the server, and doesn't wait for it.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn open(options: ValkeyOptions) -> StoreResult<Self> {
        if options.target.is_encrypted {
            // Another one that was installed before will do as well.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("valkey").enable_all().build();
        let runtime = runtime.map_err(StoreError::unavailable)?;
        let clock = Arc::new(ValkeyClock::new(options.wall.clone()));
        let ValkeyTarget { topology, allows_eviction, .. } = &options.target;
        let link = Link::new(*topology == Topology::Cluster, *allows_eviction, options.wall);
        let engine =
            Arc::new(Engine::new(link.clone(), clock.clone(), options.rules, options.quiz_cache, options.kept_dead));
        let stop = CancellationToken::new();
        let (target, notifier) = (Arc::new(options.target), engine.notifier.clone());
        let listener = Subscriptions { notifier: notifier.clone(), link: link.clone(), target: target.clone() };
        runtime.spawn(listener.run(stop.clone()));
        let supervisor = Supervisor { link, clock: clock.clone(), target, notifier };
        runtime.spawn(supervisor.run(stop.clone()));
        let (indexed, stopping) = (engine.clone(), stop.clone());
        runtime.spawn(async move { indexed.index.keep(&indexed.link, stopping).await });
        let lanes = SessionQueues::new(engine.clone(), runtime.handle().clone());
        Ok(Self { engine, lanes, clock, stop, enumerated: Mutex::default(), runtime: Some(runtime) })
    }

    /// The clock by which this server's sessions live.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Ends once commands can be committed.
    ///
    /// # Errors
    /// What is in the way after `patience`.
    pub async fn until_reachable(&self, patience: Duration) -> StoreResult<()> {
        self.engine.link.until_good(patience).await
    }

    /// Does work on a session when its turn has come.
    async fn in_turn<T: Send + 'static>(
        &self,
        id: &SessionId,
        make: impl FnOnce(tokio::sync::oneshot::Sender<StoreResult<T>>) -> QueueItem,
    ) -> StoreResult<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.lanes.push(id, make(answer))?;
        answered.await.unwrap_or(Err(StoreError::OutcomeUnknown))
    }
}

impl Drop for ValkeyStore {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// When a call that begins now is to end.
fn limit() -> Instant {
    Instant::now() + PATIENCE
}

#[async_trait]
impl GameSessionStore for ValkeyStore {
    async fn create(&self, NewSession(session): NewSession, at: Moment) -> StoreResult<()> {
        let (id, until) = (session.id.clone(), limit());
        self.in_turn(&id, |answer| {
            QueueItem::task(answer, move |engine| async move { engine.create(session, at, until).await })
        })
        .await
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.engine.get(id, at.now, limit()).await
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        let (asked, answered) = QueuedCommand::new(command, at, limit());
        self.lanes.push(id, QueueItem::Apply(asked))?;
        answered.await
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        let (forgotten, until) = (id.clone(), limit());
        self.in_turn(id, |answer| {
            QueueItem::task(answer, move |engine| async move { engine.delete(&forgotten, until).await })
        })
        .await
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.engine.events(id, after, limit, at.now, self::limit()).await
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.engine.find(code, at.now, limit()).await
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.engine.owned(owner, after, limit, at.now, self::limit()).await
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        let link = &self.engine.link;
        let may_delete = link.can_delete() && self.clock.is_steady();
        if !may_delete && !link.is_shut() {
            // The keys expire by themselves, an hour later. What is away need not be asked; and one
            // wrong reading of a clock must not delete all that lives.
            return Ok(Swept::default());
        }
        self.engine.sweep(at.now, limit).await
    }

    fn watch(&self, id: &SessionId) -> Option<Watch> {
        Some(self.engine.notifier.watch(id))
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        let link = &self.engine.link;
        let (live_sessions, records) = self.engine.known_counts(at.now, limit()).await;
        let (reachable, trouble) = (link.is_good(), link.trouble());
        let damaged = self.engine.damaged.count() + self.engine.faulty.count();
        let (commits, link) = (self.engine.commits(), Some(link.told()));
        Ok(StoreStatus { engine: ENGINE, reachable, trouble, live_sessions, records, damaged, commits, link })
    }

    async fn close(&self) -> StoreResult<()> {
        self.lanes.close(CLOSING).await;
        drop(self.engine.index.flush(&self.engine.link, limit()).await);
        self.engine.link.shut();
        self.engine.notifier.shut();
        self.stop.cancel();
        Ok(())
    }
}
