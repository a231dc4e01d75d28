//! The store contract: few verbs, each promise one sentence, each sentence a case that runs on
//! every engine (`tests/it/contract/`).

use async_trait::async_trait;

use super::error::StoreResult;
use super::watch::Watch;
use crate::domain::{
    Applied, Command, Event, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, Timestamp, WallTime,
};

/// Most bytes of events in one page, unless its first event alone is larger.
pub const PAGE_BYTES: usize = 256 * 1024;

/// A session to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession(pub GameSession);

/// A session and a page of its event log, of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The session.
    pub session: GameSession,
    /// The events, oldest first, without gaps.
    pub events: Vec<Event>,
    /// The epoch of the session's sequence numbers.
    pub epoch: String,
}

impl EventPage {
    /// The newest event's number, in this page or not.
    pub fn head(&self) -> Sequence {
        self.session.log().head
    }

    /// The oldest event still kept; one above the head if none is.
    pub fn oldest(&self) -> Sequence {
        self.session.log().oldest
    }
}

/// What one sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Sessions deleted.
    pub deleted: usize,
    /// Sessions looked after: those deleted, and those found alive that will be looked at again later.
    /// What can't be read is passed over.
    pub handled: usize,
    /// Whether the limit, and not the end of what is due, ended it.
    pub more: bool,
}

/// What health shows of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// The engine's name.
    pub engine: &'static str,
    /// Whether running games go on: commands are being committed.
    pub reachable: bool,
    /// Why no new game can begin; `None` while one can.
    pub trouble: Option<Trouble>,
    /// Sessions alive now. While very many die in one moment this can be too high for a few calls, by
    /// those that have not been looked at since; never too low.
    pub live_sessions: u64,
    /// Sessions stored, dead ones that are not reaped yet included.
    pub records: u64,
    /// Sessions that were met and could not be read.
    pub damaged: u64,
    /// Commits of changed sessions that this process has made since it opened the store; what waited
    /// together is one.
    pub commits: u64,
    /// How the way to it is, if it lies elsewhere.
    pub link: Option<LinkStatus>,
}

/// Why no new game can begin, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: WallTime,
}

/// Why no new game can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The file has no space to grow. Running games go on.
    Full,
    /// The disk fails, or does not answer.
    Disk,
    /// The file is no longer where it was opened.
    Gone,
    /// The file is damaged in a place that every change needs.
    Damaged,
    /// Valkey serves no writes.
    Valkey(ValkeyCause),
}

/// Why Valkey serves no writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValkeyCause {
    /// It can't be reached, or does not answer.
    Unreachable,
    /// It is loading its data after a start.
    Loading,
    /// It has no memory left.
    Full,
    /// It refuses the password.
    Password,
    /// It may throw live games away: its `maxmemory-policy` is not `noeviction`.
    Evicting,
    /// Its user lacks a right.
    Rights,
    /// Its certificate is not trusted.
    Certificate,
    /// It can't write to its disk (MISCONF).
    Disk,
    /// It has too few replicas (NOREPLICAS).
    Replicas,
    /// It is a replica, and takes no writes.
    ReadOnly,
    /// Its cluster is down, or a part of it.
    Cluster,
    /// It refuses writes in another way.
    Refusing,
}

impl Cause {
    /// As `/readyz`, `/health` and the log name it.
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

    /// As people are told it.
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

/// How the way to a store that lies elsewhere is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkStatus {
    /// Whether requests are let through.
    pub breaker: Breaker,
}

/// Whether requests are let through to a store that lies elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// They are.
    Closed,
    /// One probe has come through, the next one decides.
    HalfOpen,
    /// They are refused at once, and a prober looks for the store.
    Open,
}

/// A whole session as it moves between engines. Its times are those of the engine that it was
/// taken from, at `taken`; the target moves them to its own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// When it was taken, on its engine's clock.
    pub taken: Timestamp,
    /// The session with its quiz.
    pub session: GameSession,
    /// All events still kept.
    pub events: Vec<Event>,
}

impl Dump {
    /// The same session on a clock that shows `now`.
    #[must_use]
    pub fn moved_to(mut self, now: Timestamp) -> Self {
        let millis = |time: Timestamp| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let by = millis(now) - millis(self.taken);
        self.session.shift(by);
        self.taken = now;
        self
    }

    /// Whether both hold the same game as far, on whatever clocks and however lately touched.
    pub fn is_same(&self, other: &Self) -> bool {
        self.events == other.events && self.session.is_same_game(&other.session)
    }
}

/// What an import came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The session is stored now.
    Imported,
    /// It was there already, as far as this one.
    Same,
    /// Another live session has its id or its join code. Nothing was changed.
    Conflict,
}

/// Live game sessions.
#[async_trait]
pub trait GameSessionStore: Send + Sync {
    /// Stores a new session and claims its join code. `AlreadyExists` if a live one has either.
    /// Over a dead session of that id it replaces state, quiz and events in one step.
    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()>;

    /// The committed session, or `None` once its deadline is reached. Applies nothing.
    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>>;

    /// One atomic step on a live session: first whatever is due at `at.now` happens, then the
    /// command. New state, new deadline and events are committed together or not at all; what was
    /// due is committed even if the command itself is refused. `None` if no live session has this
    /// id. A join code that the step changes is claimed, and the one before is free; if a live session
    /// has it, `AlreadyExists`, and nothing has happened.
    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>>;

    /// Forgets the session, its quiz and events; whether there was one. Forgetting an unknown one
    /// is no error.
    async fn delete(&self, id: &SessionId) -> StoreResult<bool>;

    /// The committed session, its epoch, and its events after `after`, oldest first, all of one moment. There
    /// are at most `limit` events and about [`PAGE_BYTES`] of them, but at least one if there is one and the
    /// limit is not 0. A `joined` event of a player who was kicked or revoked has no name. `None` if no live
    /// session has this id; a session without a log has an empty page.
    async fn events(&self, id: &SessionId, after: Sequence, limit: usize, at: Moment)
    -> StoreResult<Option<EventPage>>;

    /// The live session that holds this join code.
    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>>;

    /// The live sessions of an owner after this one, in the order of their ids, at most `limit`.
    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>>;

    /// Looks after at most `limit` sessions that are due, and deletes those that are dead; or leaves
    /// it to the engine's own expiry.
    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept>;

    /// Hears of commits on this session that other processes make, and perhaps of its own. `None` if
    /// no other process can make any.
    fn watch(&self, id: &SessionId) -> Option<Watch> {
        let _ = id;
        None
    }

    /// Counts and reachability: what health shows. To be out of reach is an answer and no error.
    async fn status(&self, at: Moment) -> StoreResult<StoreStatus>;

    /// Finishes what was accepted and lets go of the storage. Whatever comes later is
    /// `Unavailable`.
    async fn close(&self) -> StoreResult<()>;
}

/// Moving whole sessions.
#[async_trait]
pub trait Portable: Send + Sync {
    /// At most `limit` ids of stored sessions after `cursor`, in order; none at the end.
    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>>;

    /// A live session, whole; `None` if it isn't alive.
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>>;

    /// Stores a session taken elsewhere, with the life it had left.
    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome>;
}
