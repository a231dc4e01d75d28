//! A store in memory that lets a test act before and after each call.

use std::sync::Arc;

use async_trait::async_trait;
use rejoin::domain::{Applied, Command, GameSession, JoinCode, Moment, Owner, Sequence, SessionId};
use rejoin::store::memory::MemoryStore;
use rejoin::store::{Clock, EventPage, GameClock, GameSessionStore, NewSession, StoreResult, StoreStatus, Swept};

/// A call of the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Get,
    Apply,
    Delete,
    Events,
    Find,
    Owned,
    Sweep,
}

impl Call {
    pub(crate) fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Apply | Self::Delete | Self::Sweep)
    }
}

/// What a test does around each call.
pub(crate) trait Hook: Send + Sync {
    /// An error keeps the call from happening.
    fn before(&self, call: Call) -> StoreResult<()>;

    /// An error takes the place of the call's result.
    fn after(&self, _: Call) -> StoreResult<()> {
        Ok(())
    }

    /// What health is shown.
    fn status(&self, status: StoreStatus) -> StoreStatus {
        status
    }
}

/// The store.
pub(crate) struct HookedStore<H> {
    store: MemoryStore,
    pub(crate) hook: H,
}

impl<H: Hook> HookedStore<H> {
    pub(crate) fn new(hook: H, clock: GameClock) -> Self {
        Self { store: MemoryStore::new(GameSession::apply, 1, Arc::new(clock)), hook }
    }

    async fn run<T>(&self, call: Call, run: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        self.hook.before(call)?;
        let result = run.await?;
        self.hook.after(call)?;
        Ok(result)
    }
}

#[async_trait]
impl<H: Hook> GameSessionStore for HookedStore<H> {
    fn clock(&self) -> &dyn Clock {
        self.store.clock()
    }

    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()> {
        self.run(Call::Create, self.store.create(session, at)).await
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.run(Call::Get, self.store.get(id, at)).await
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        self.run(Call::Apply, self.store.apply(id, command, at)).await
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        self.run(Call::Delete, self.store.delete(id)).await
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.run(Call::Events, self.store.events(id, after, limit, at)).await
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.run(Call::Find, self.store.find(code, at)).await
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.run(Call::Owned, self.store.owned(owner, after, limit, at)).await
    }

    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.store.scan(cursor, limit).await
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        self.run(Call::Sweep, self.store.sweep(at, limit)).await
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        Ok(self.hook.status(self.store.status(at).await?))
    }

    async fn close(&self) -> StoreResult<()> {
        Ok(())
    }
}
