//! A store over another one that measures its calls: how long they take, how they fail, what they record and prune,
//! and whether the reaper keeps up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;

use super::clock::Clock;
use super::contract::{EventPage, GameSessionStore, NewSession, Store, StoreFigures, StoreStatus, Swept};
use super::error::{StoreError, StoreResult};
use super::watch::Watch;
use crate::domain::{Applied, Command, GameSession, JoinCode, Moment, Owner, Sequence, SessionId};
use crate::metrics::{StoreFault, StoreMetrics, StoreOperation};

/// A store that measures its calls.
pub struct MeteredStore {
    store: Store,
    metrics: StoreMetrics,
    opened: Instant,
    /// When a sweep last left nothing behind, in milliseconds since `opened`.
    swept: AtomicU64,
}

impl MeteredStore {
    /// Measures the calls to `store`.
    pub fn over(store: Store, metrics: StoreMetrics) -> Self {
        Self { store, metrics, opened: Instant::now(), swept: AtomicU64::new(0) }
    }

    async fn measured<T>(
        &self,
        operation: StoreOperation,
        call: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let begun = Instant::now();
        let result = call.await;
        self.metrics.called(operation, begun.elapsed(), result.as_ref().err().and_then(fault));
        result
    }

    /// Milliseconds since `opened`.
    fn now(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }
}

/// The fault that an error is. `None` if it is the caller's choice of an id or a code.
fn fault(error: &StoreError) -> Option<StoreFault> {
    match error {
        StoreError::AlreadyExists => None,
        StoreError::Busy => Some(StoreFault::Busy),
        StoreError::Full => Some(StoreFault::Full),
        StoreError::Unavailable(_) => Some(StoreFault::Unavailable),
        StoreError::OutcomeUnknown => Some(StoreFault::Unknown),
        StoreError::Corrupt { .. } => Some(StoreFault::Corrupt),
        StoreError::RuleFailed { .. } => Some(StoreFault::Rule),
    }
}

#[async_trait]
impl GameSessionStore for MeteredStore {
    fn clock(&self) -> &dyn Clock {
        self.store.clock()
    }

    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()> {
        self.measured(StoreOperation::Create, self.store.create(session, at)).await
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.measured(StoreOperation::Get, self.store.get(id, at)).await
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        let applied = self.measured(StoreOperation::Apply, self.store.apply(id, command, at)).await;
        if let Ok(Some(applied)) = &applied {
            if !applied.events.is_empty() {
                self.metrics.recorded.inc_by(applied.events.len() as u64);
            }
            if applied.pruned > 0 {
                self.metrics.pruned.inc_by(applied.pruned);
            }
        }
        applied
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        self.measured(StoreOperation::Delete, self.store.delete(id)).await
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.measured(StoreOperation::Events, self.store.events(id, after, limit, at)).await
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.measured(StoreOperation::Find, self.store.find(code, at)).await
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.measured(StoreOperation::Owned, self.store.owned(owner, after, limit, at)).await
    }

    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.store.scan(cursor, limit).await
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        let swept = self.measured(StoreOperation::Sweep, self.store.sweep(at, limit)).await?;
        self.metrics.reaped.inc_by(swept.deleted as u64);
        if !swept.more {
            self.swept.store(self.now(), Ordering::Relaxed);
        }
        Ok(swept)
    }

    fn watch(&self, id: &SessionId) -> Option<Watch> {
        self.store.watch(id)
    }

    fn figures(&self) -> StoreFigures {
        let lag = self.now().saturating_sub(self.swept.load(Ordering::Relaxed));
        StoreFigures { sweep_lag: Some(std::time::Duration::from_millis(lag)), ..self.store.figures() }
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        self.store.status(at).await
    }

    async fn close(&self) -> StoreResult<()> {
        self.store.close().await
    }
}
