//! A store that instances share, in memory, which can be sent away.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use rejoin::domain::{
    Applied, Command, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, Timestamp, WallTime,
};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::memory::MemoryStore;
use rejoin::store::{
    Breaker, Cause, EventPage, GameClock, GameSessionStore, Keeper, Link, NewSession, StoreError, StoreResult,
    StoreStatus, Swept, Trouble, ValkeyCause,
};

/// How the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Well,
    /// Out of reach.
    Away,
    /// It does what it is told, and cannot say so.
    Mute,
    /// Nothing more goes in.
    Full,
    /// Too much is waiting.
    Busy,
}

/// The store, and its mood.
pub(crate) struct Shared {
    store: MemoryStore,
    mood: Mutex<Mood>,
}

/// Since when the way to the store is as it is.
pub(crate) const SINCE: &str = "2026-01-02T03:04:05.678Z";

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { store: MemoryStore::new(GameSession::apply, 1), mood: Mutex::new(Mood::Well) })
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    /// The store with a clock that is far ahead of any other: what is judged by the wrong one is
    /// long dead, or never dies.
    pub(crate) fn keeper(self: &Arc<Self>) -> Keeper {
        let clock = GameClock::start(Timestamp::from_millis(9_000_000_000_000), system_wall_clock());
        Keeper { store: self.clone(), clock: Arc::new(clock) }
    }

    fn read(&self) -> StoreResult<&MemoryStore> {
        if *self.mood.lock() == Mood::Away { Err(StoreError::Unavailable(None)) } else { Ok(&self.store) }
    }

    fn write(&self) -> StoreResult<&MemoryStore> {
        let mood = *self.mood.lock();
        match mood {
            Mood::Full => Err(StoreError::Full),
            Mood::Busy => Err(StoreError::Busy),
            Mood::Well | Mood::Away | Mood::Mute => self.read(),
        }
    }

    /// What was written, if it can say so.
    fn told<T>(&self, written: T) -> StoreResult<T> {
        if *self.mood.lock() == Mood::Mute { Err(StoreError::OutcomeUnknown) } else { Ok(written) }
    }
}

#[async_trait]
impl GameSessionStore for Shared {
    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()> {
        self.told(self.write()?.create(session, at).await?)
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.read()?.get(id, at).await
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        self.told(self.write()?.apply(id, command, at).await?)
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        self.told(self.write()?.delete(id).await?)
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.read()?.events(id, after, limit, at).await
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.read()?.find(code, at).await
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        self.write()?.sweep(at, limit).await
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.read()?.owned(owner, after, limit, at).await
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        let is_away = *self.mood.lock() == Mood::Away;
        let since = humantime::parse_rfc3339(SINCE).expect("a date").duration_since(std::time::UNIX_EPOCH);
        let since = WallTime(since.expect("after 1970").as_millis() as u64);
        let link = Link { breaker: if is_away { Breaker::Open } else { Breaker::Closed } };
        let status = self.store.status(at).await?;
        let trouble = Trouble { cause: Cause::Valkey(ValkeyCause::Unreachable), since };
        let trouble = is_away.then_some(trouble);
        Ok(StoreStatus { engine: "shared", reachable: !is_away, trouble, link: Some(link), ..status })
    }

    async fn close(&self) -> StoreResult<()> {
        Ok(())
    }
}
