//! The Valkey engine: sessions in a Valkey that several instances share. It can be one server, a primary with
//! replicas behind sentinels, or a cluster.
//!
//! Every change of a session is one script call. The script commits only if the stored state still has the
//! version that the change was computed from ([`commit`]). Within this instance, the commands on one session
//! are queued ([`session_queues`]), and queued commands are committed together ([`batch`]). Every call has a
//! time limit, and a circuit breaker refuses calls at once while the server is unavailable ([`link`],
//! [`supervisor`]).
//!
//! | key | value |
//! | --- | --- |
//! | `session:<id>` | the state: JSON that begins with its version ([`record`]) |
//! | `{session:<id>}:quiz` | the quiz: JSON, only if the game has one |
//! | `{session:<id>}:ev` | the event log: a stream whose entry ids are `<sequence>-0` ([`log`]) |
//! | `join:<code>` | the session that claimed the join code ([`joins`]) |
//! | `owner:<name>` | the owner's sessions: a sorted set, ordered by text ([`owners`]) |
//! | `rejoin:deadlines` | session ids by deadline: a sorted set, advisory, for counting and sweeping |
//! | `rejoin:up` | the time since which this server and at least one instance have been up without a break |
//!
//! | channel | message |
//! | --- | --- |
//! | `{session:<id>}:n` | the log's head after a commit; any other text means: read it ([`notifier`]) |
//!
//! The keys and the channel of a session are in one cluster slot. The keys expire (`PX`) one hour after the
//! session's deadline. Expiry is only cleanup: the deadline in the state decides whether the session is
//! alive.

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
use super::contract::{EventPage, GameSessionStore, NewSession, StoreFigures, StoreStatus, Swept};
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

pub use record::RECORD_FORMAT;
pub use target::{InvalidTarget, Topology, ValkeyTarget};

/// The engine's name in [`StoreStatus::engine`].
const ENGINE: &str = "valkey";
/// Time limit of one store call, including retries and re-reads. It keeps a player's request below one
/// second, however busy the machine is.
const PATIENCE: Duration = Duration::from_millis(800);
/// Maximum time that `close` waits for queued work.
const CLOSING: Duration = Duration::from_secs(2);

/// Key of the deadline index.
const DEADLINES: &str = "rejoin:deadlines";
/// Key of the uptime mark, which the heartbeat script keeps alive.
const UP: &str = "rejoin:up";
/// TTL of the [`UP`] key in milliseconds. Every heartbeat renews it.
const UP_FOR: &[u8] = b"3000";

/// The keys of one session, all in one cluster slot.
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

/// The pub/sub channel for notices about commits of this session.
fn channel_of(id: &SessionId) -> String {
    format!("{{session:{id}}}:n")
}

/// Names of the pub/sub commands.
struct PubSubCommands {
    publish: &'static str,
    subscribe: &'static str,
    unsubscribe: &'static str,
}

const WORDS: PubSubCommands = PubSubCommands { publish: "PUBLISH", subscribe: "SUBSCRIBE", unsubscribe: "UNSUBSCRIBE" };
/// Sharded pub/sub: a cluster delivers these messages within one shard and not to all nodes.
const CLUSTER_WORDS: PubSubCommands =
    PubSubCommands { publish: "SPUBLISH", subscribe: "SSUBSCRIBE", unsubscribe: "SUNSUBSCRIBE" };

/// The key that holds the claim on a join code.
fn join_key(code: &JoinCode) -> String {
    format!("join:{code}")
}

/// The key of an owner's session list.
fn owner_key(owner: &Owner) -> String {
    format!("owner:{owner}")
}

/// Options of the Valkey engine, set by the server or a test.
pub struct ValkeyOptions {
    /// The servers to connect to, and how.
    pub target: ValkeyTarget,
    /// The function that applies commands to sessions.
    pub rules: ApplyFn,
    /// The wall clock that gives dates.
    pub wall: WallClock,
    /// Limit in bytes for cached quizzes and recently committed states together.
    pub quiz_cache: u64,
    /// Time after a session's deadline for which its keys are kept.
    pub kept_dead: Millis,
}

impl ValkeyOptions {
    /// The server's value for `kept_dead`: one hour, long enough for clocks that are slightly wrong.
    pub const KEPT_DEAD: Millis = Millis::seconds(3_600);
}

/// A store that keeps sessions in Valkey.
pub struct ValkeyStore {
    engine: Arc<Engine>,
    lanes: Arc<SessionQueues>,
    clock: Arc<ValkeyClock>,
    stop: CancellationToken,
    /// The sorted ids that the last full `scan` found.
    enumerated: Mutex<Option<Arc<Vec<SessionId>>>>,
    /// The engine's own runtime, so that a started command is finished even if the caller's runtime has
    /// ended.
    runtime: Option<Runtime>,
}

impl ValkeyStore {
    /// Opens the store and starts connecting in the background. Doesn't wait for the server.
    ///
    /// # Errors
    /// The operating system can't start a thread.
    pub fn open(options: ValkeyOptions) -> StoreResult<Self> {
        if options.target.is_encrypted {
            // An error means that a provider is already installed, which works as well.
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

    /// Waits until commands can be committed.
    ///
    /// # Errors
    /// The obstacle that remains after `patience`.
    pub async fn until_reachable(&self, patience: Duration) -> StoreResult<()> {
        self.engine.link.until_good(patience).await
    }

    /// Queues work on a session and waits for its result.
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
            // Not a plain drop, which blocks and panics if the store is dropped in an async context.
            runtime.shutdown_background();
        }
    }
}

/// The time limit of a store call that begins now.
fn limit() -> Instant {
    Instant::now() + PATIENCE
}

#[async_trait]
impl GameSessionStore for ValkeyStore {
    /// The Valkey server's clock.
    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

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

    /// SCAN returns keys in no order. So the call for the first page reads all ids and sorts them, and the
    /// calls for the following pages use that list.
    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        if self.engine.link.is_shut() {
            return Err(StoreError::Unavailable(None));
        }
        let kept = cursor.and_then(|_| self.enumerated.lock().clone());
        let ids = match kept {
            Some(ids) => ids,
            None => {
                let ids = Arc::new(self.enumerate().await?);
                *self.enumerated.lock() = Some(ids.clone());
                ids
            }
        };
        let from = cursor.map_or(0, |cursor| ids.partition_point(|id| id <= cursor));
        let page: Vec<_> = ids[from..].iter().take(limit).cloned().collect();
        if page.is_empty() {
            // The walk is over: its list is no longer needed.
            self.enumerated.lock().take();
        }
        Ok(page)
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        let link = &self.engine.link;
        let may_delete = link.can_delete() && self.clock.is_steady();
        if !may_delete && !link.is_shut() {
            // Skip the sweep if the server is unavailable or its clock has just jumped: a wrong clock reading
            // must not delete live sessions. The keys still expire by themselves, one hour after the
            // deadline.
            return Ok(Swept::default());
        }
        self.engine.sweep(at.now, limit).await
    }

    fn watch(&self, id: &SessionId) -> Option<Watch> {
        Some(self.engine.notifier.watch(id))
    }

    fn figures(&self) -> StoreFigures {
        StoreFigures {
            queued: self.lanes.waiting() as u64,
            batches: Some(self.engine.batches.clone()),
            valkey: Some(self.engine.link.figures()),
            ..StoreFigures::default()
        }
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
        // Order: first finish the queued work, which still needs the link and adds index entries; then write
        // the index; then shut the link.
        self.lanes.close(CLOSING).await;
        drop(self.engine.index.flush(&self.engine.link, limit()).await);
        self.engine.link.shut();
        self.engine.notifier.shut();
        self.stop.cancel();
        Ok(())
    }
}
