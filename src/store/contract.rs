//! The store contract: the [`GameSessionStore`] and [`Portable`] traits and their data types.
//!
//! Each sentence in the traits' comments is a promise, and each promise has a test case that runs on every
//! engine (`tests/it/contract/`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::clock::Clock;
use super::error::StoreResult;
use super::watch::Watch;
use crate::domain::{
    Applied, Command, Event, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, Timestamp, WallTime,
};
use crate::metrics::{BatchSizes, Latency};

/// Maximum bytes of events in one page. Only a first event that is larger on its own may exceed it.
pub const PAGE_BYTES: usize = 256 * 1024;

/// A new session for [`GameSessionStore::create`] to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession(pub GameSession);

/// A session and a page of its event log, both read from the same committed state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The committed session.
    pub session: GameSession,
    /// The events of this page, oldest first, without gaps.
    pub events: Vec<Event>,
    /// The epoch of the session's sequence numbers. Numbers of different epochs can't be compared.
    pub epoch: String,
}

impl EventPage {
    /// The sequence number of the newest event in the log, whether this page contains it or not.
    pub fn head(&self) -> Sequence {
        self.session.log().head
    }

    /// The sequence number of the oldest event still kept, or head + 1 if no event is kept.
    pub fn oldest(&self) -> Sequence {
        self.session.log().oldest
    }
}

/// The result of one call of [`GameSessionStore::sweep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Number of sessions deleted.
    pub deleted: usize,
    /// How many of the deleted sessions had a join code and an unfinished game: rooms that died before their
    /// end.
    pub unfinished_rooms: usize,
    /// Number of sessions handled: those deleted, and those found alive and rescheduled for a later sweep.
    /// Sessions that can't be read are skipped and not counted.
    pub handled: usize,
    /// True if the sweep stopped at its limit, so more sessions may be due.
    pub more: bool,
}

/// The status of a store, as `/health` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// The engine's name: `memory`, `redb` or `valkey`.
    pub engine: &'static str,
    /// True while commands are committed, so running games go on.
    pub reachable: bool,
    /// The reason why no new game can begin, or `None` while new games can begin.
    pub trouble: Option<Trouble>,
    /// Number of sessions alive now. When very many sessions die at the same moment, a few calls may still
    /// count the dead ones not checked since. The number is never too low.
    pub live_sessions: u64,
    /// Number of sessions stored, including dead ones that are not reaped yet.
    pub records: u64,
    /// Number of sessions that were read and found unreadable.
    pub damaged: u64,
    /// Number of commits of changed sessions that this process made since it opened the store. Commands that
    /// are committed together count once.
    pub commits: u64,
    /// The status of the link to a remote store, or `None` if the store is local.
    pub link: Option<LinkStatus>,
}

/// What a store knows about itself for operators, without waiting for anything.
#[derive(Debug, Clone, Default)]
pub struct StoreFigures {
    /// Number of commands that wait for their batch.
    pub queued: u64,
    /// The sizes of the batches so far. `None` if the engine makes no batches.
    pub batches: Option<BatchSizes>,
    /// The file, and the disk that it is on. `None` if the engine has none.
    pub file: Option<FileFigures>,
    /// The link to Valkey. `None` for another engine.
    pub valkey: Option<ValkeyFigures>,
    /// Time since a sweep last left nothing behind. `None` if nobody keeps account of the sweeps.
    pub sweep_lag: Option<Duration>,
}

/// The sizes of a store's file and its disk, in bytes.
#[derive(Debug, Clone, Default)]
pub struct FileFigures {
    /// The database file.
    pub database: u64,
    /// The log before it. 0 without a log.
    pub log: u64,
    /// The space in the file that is kept for running games. `None` if it can't be read now.
    pub reserve: Option<u64>,
    /// The free space that this process may take, and the size of the disk. `None` if they can't be read.
    pub disk: Option<(u64, u64)>,
}

/// What is known about Valkey.
#[derive(Debug, Clone)]
pub struct ValkeyFigures {
    /// How long it takes to answer.
    pub latency: Latency,
    /// True if it may evict live games, whether that is allowed or not.
    pub evicts: bool,
}

/// The reason why no new game can begin, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// The reason, as a category.
    pub cause: Cause,
    /// The date at which it began.
    pub since: WallTime,
}

/// The reason why no new game can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The database file can't grow because no space is left. Running games go on.
    Full,
    /// The disk reports errors or does not respond.
    Disk,
    /// The database file is no longer at the path where it was opened.
    Gone,
    /// The database file is damaged in a part that every change needs.
    Damaged,
    /// Valkey accepts no writes.
    Valkey(ValkeyCause),
}

/// The reason why Valkey accepts no writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValkeyCause {
    /// Valkey can't be reached or does not respond.
    Unreachable,
    /// Valkey is loading its data after a start (LOADING).
    Loading,
    /// Valkey has no memory left (OOM).
    Full,
    /// Valkey rejects the user name or password (WRONGPASS, NOAUTH).
    Password,
    /// Valkey may evict live games: its `maxmemory-policy` is not `noeviction`.
    Evicting,
    /// The ACL user lacks a permission (NOPERM).
    Rights,
    /// The server's TLS certificate is not trusted.
    Certificate,
    /// Valkey can't write to its disk (MISCONF).
    Disk,
    /// Valkey has too few replicas (NOREPLICAS).
    Replicas,
    /// The server is a replica and accepts no writes (READONLY).
    ReadOnly,
    /// The Valkey cluster, or a part of it, is down.
    Cluster,
    /// Valkey refuses writes for another reason.
    Refusing,
}

impl Cause {
    /// All causes of trouble in a store of this engine.
    pub fn of_engine(engine: &str) -> &'static [Self] {
        const FILE: [Cause; 4] = [Cause::Full, Cause::Disk, Cause::Gone, Cause::Damaged];
        const VALKEY: [Cause; 12] = [
            Cause::Valkey(ValkeyCause::Unreachable),
            Cause::Valkey(ValkeyCause::Loading),
            Cause::Valkey(ValkeyCause::Full),
            Cause::Valkey(ValkeyCause::Password),
            Cause::Valkey(ValkeyCause::Evicting),
            Cause::Valkey(ValkeyCause::Rights),
            Cause::Valkey(ValkeyCause::Certificate),
            Cause::Valkey(ValkeyCause::Disk),
            Cause::Valkey(ValkeyCause::Replicas),
            Cause::Valkey(ValkeyCause::ReadOnly),
            Cause::Valkey(ValkeyCause::Cluster),
            Cause::Valkey(ValkeyCause::Refusing),
        ];
        if engine == "valkey" { &VALKEY } else { &FILE }
    }

    /// The short name of the cause in `/readyz`, in `/health` and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Disk => "disk",
            Self::Gone => "gone",
            Self::Damaged => "damaged",
            Self::Valkey(cause) => match cause {
                ValkeyCause::Unreachable => "valkey: unreachable",
                ValkeyCause::Loading => "valkey: loading",
                ValkeyCause::Full => "valkey: full",
                ValkeyCause::Password => "valkey: password",
                ValkeyCause::Evicting => "valkey: evicting",
                ValkeyCause::Rights => "valkey: rights",
                ValkeyCause::Certificate => "valkey: certificate",
                ValkeyCause::Disk => "valkey: disk",
                ValkeyCause::Replicas => "valkey: replicas",
                ValkeyCause::ReadOnly => "valkey: read-only",
                ValkeyCause::Cluster => "valkey: cluster",
                ValkeyCause::Refusing => "valkey: refusing",
            },
        }
    }

    /// The cause as a sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Full => "the store has no space left; running games go on",
            Self::Disk => "the disk fails, or does not answer",
            Self::Gone => "the database file is no longer where it was opened",
            Self::Damaged => "the database file is damaged",
            Self::Valkey(cause) => match cause {
                ValkeyCause::Unreachable => "Valkey is out of reach",
                ValkeyCause::Loading => "Valkey is loading its data",
                ValkeyCause::Full => "Valkey has no memory left",
                ValkeyCause::Password => "Valkey refuses the password",
                ValkeyCause::Evicting => "Valkey may throw games away: its maxmemory-policy is not noeviction",
                ValkeyCause::Rights => "Valkey's user lacks a right",
                ValkeyCause::Certificate => "Valkey's certificate is not trusted",
                ValkeyCause::Disk => "Valkey cannot write to its disk",
                ValkeyCause::Replicas => "Valkey has too few replicas",
                ValkeyCause::ReadOnly => "Valkey is a replica, and takes no writes",
                ValkeyCause::Cluster => "Valkey's cluster is down, or a part of it",
                ValkeyCause::Refusing => "Valkey refuses writes",
            },
        }
    }
}

/// The status of the link to a remote store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkStatus {
    /// The state of the circuit breaker in front of the store.
    pub breaker: Breaker,
}

/// The state of the circuit breaker in front of a remote store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Requests are sent to the store.
    Closed,
    /// Requests are still refused. One probe succeeded, and the next one closes or opens the breaker.
    HalfOpen,
    /// Requests are refused at once, while a background task probes the store.
    Open,
}

/// A whole session, exported from one engine to be imported into another. Its times are on the source
/// engine's clock; the target shifts them to its own clock ([`Dump::moved_to`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// The time of the export, on the source engine's clock.
    pub taken: Timestamp,
    /// The session, including its quiz.
    pub session: GameSession,
    /// All events still in the log, oldest first.
    pub events: Vec<Event>,
}

impl Dump {
    /// Shifts every time in the session so that `taken` becomes `now` on another clock.
    #[must_use]
    pub fn moved_to(mut self, now: Timestamp) -> Self {
        let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let by = millis(now) - millis(self.taken);
        self.session.shift(by);
        self.taken = now;
        self
    }

    /// True if both hold the same game with the same progress. Clocks and the time of the last touch may
    /// differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.events == other.events && self.session.is_same_game(&other.session)
    }
}

/// The result of [`Portable::import`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The session was stored.
    Imported,
    /// The same session with the same progress was already stored.
    Same,
    /// Another live session has the id or the join code. Nothing was changed.
    Conflict,
}

/// A store of whatever engine.
pub type Store = Arc<dyn GameSessionStore>;

/// A store of live game sessions.
#[async_trait]
pub trait GameSessionStore: Send + Sync {
    /// The clock that its sessions' times are on. It gives the `Moment` of every call to this store.
    fn clock(&self) -> &dyn Clock;

    /// Stores a new session and claims its join code. `AlreadyExists` if a live session has the id or the
    /// code. If a dead session has the id, its state, quiz and events are replaced in one atomic step.
    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()>;

    /// Returns the committed session, or `None` once its deadline is reached. Does not apply what is due.
    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>>;

    /// Applies one command to a live session in one atomic step: first everything that is due at `at.now`,
    /// then the command. The new state, the new deadline and the events are committed together or not at all.
    /// What was due is committed even if the command itself is refused. `None` if no live session has this
    /// id.
    ///
    /// If the step changes the join code, the new code is claimed and the old one is freed. If a live session
    /// has the new code, the result is `AlreadyExists` and nothing is changed.
    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>>;

    /// Deletes a session with its quiz and events. Returns whether it existed; deleting an unknown session is
    /// not an error.
    async fn delete(&self, id: &SessionId) -> StoreResult<bool>;

    /// Returns the committed session, its epoch, and its events after `after`, oldest first, all from the
    /// same committed state. The page has at most `limit` events and about [`PAGE_BYTES`] bytes, but at least
    /// one event if there is one and the limit is not 0. A `joined` event of a player who was kicked or
    /// revoked has no name. `None` if no live session has this id. A session without an event log gets an
    /// empty page.
    async fn events(&self, id: &SessionId, after: Sequence, limit: usize, at: Moment)
    -> StoreResult<Option<EventPage>>;

    /// Returns the id of the live session that holds this join code.
    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>>;

    /// Returns the ids of an owner's live sessions that come after `after`, in ascending order, at most
    /// `limit`.
    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>>;

    /// Returns at most `limit` ids of stored sessions after `cursor`, in ascending order, dead sessions included. An
    /// empty page means that there are no more.
    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>>;

    /// Handles at most `limit` sessions that are due and deletes those that are dead. An engine may instead
    /// leave this to its own expiry.
    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept>;

    /// Subscribes to notices about commits on this session by other processes, and perhaps by this one.
    /// `None` if no other process can commit to this store.
    fn watch(&self, id: &SessionId) -> Option<Watch> {
        let _ = id;
        None
    }

    /// What the store knows about itself for operators, without waiting for anything.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }

    /// Returns the store's counts and reachability for `/health`. An unreachable store is reported as a
    /// status and not as an error.
    async fn status(&self, at: Moment) -> StoreResult<StoreStatus>;

    /// Finishes the accepted work and releases the storage. Every later call fails with `Unavailable`.
    async fn close(&self) -> StoreResult<()>;
}

/// Export and import of whole sessions.
#[async_trait]
pub trait Portable: GameSessionStore {
    /// Exports a live session with its quiz and events. `None` if no live session has this id.
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>>;

    /// Stores an exported session. It keeps the lifetime that it had left at the time of the export.
    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome>;
}
