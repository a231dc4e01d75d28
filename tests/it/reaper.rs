//! The periodic reaper: it clears the dead away, and nothing that a step meets ends its loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rejoin::domain::{
    Applied, Command, GameSession, JoinCode, Lifetimes, Millis, Moment, Sequence, SessionId, Timestamp,
};
use rejoin::game::reaper::Reaper;
use rejoin::store::clock::system_wall_clock;
use rejoin::store::memory::MemoryStore;
use rejoin::store::{
    Clock, EventPage, GameClock, GameSessionStore, Keeper, NewSession, StoreError, StoreResult, StoreStatus, Swept,
};
use tokio_util::sync::CancellationToken;

use crate::support::until_async;

/// A store whose first sweep panics and whose second fails.
struct Stumbling {
    store: MemoryStore,
    sweeps: AtomicUsize,
}

#[async_trait]
impl GameSessionStore for Stumbling {
    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        match self.sweeps.fetch_add(1, Ordering::Relaxed) {
            0 => panic!("the first sweep panics"),
            1 => Err(StoreError::Unavailable(None)),
            _ => self.store.sweep(at, limit).await,
        }
    }

    async fn create(&self, session: NewSession, at: Moment) -> StoreResult<()> {
        self.store.create(session, at).await
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.store.get(id, at).await
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        self.store.apply(id, command, at).await
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        self.store.delete(id).await
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.store.events(id, after, limit, at).await
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.store.find(code, at).await
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        self.store.status(at).await
    }

    async fn close(&self) -> StoreResult<()> {
        self.store.close().await
    }
}

#[tokio::test]
async fn neither_a_panic_nor_an_error_ends_the_reapers_loop() {
    let clock: Arc<dyn Clock> = Arc::new(GameClock::start(Timestamp::from_millis(1_000_000), system_wall_clock()));
    let store = Arc::new(Stumbling { store: MemoryStore::new(GameSession::apply, 1), sweeps: AtomicUsize::new(0) });
    let lifetimes = Lifetimes { ttl: Millis(1), max_age: Millis(1), results_ttl: Millis(1) };
    for n in 0..3_000 {
        let at = clock.moment();
        let id = SessionId::generate(n, &[1; 10]);
        let session = GameSession::external(id, n, None, [], lifetimes, at.now);
        store.create(NewSession(session), at).await.expect("stored");
    }
    let reaper =
        Reaper { keeper: Keeper { store: store.clone(), clock: clock.clone() }, every: Duration::from_millis(5) };
    let stop = CancellationToken::new();
    let running = tokio::spawn(reaper.run(stop.clone()));
    until_async(async || store.status(clock.moment()).await.expect("counted").records == 0).await;
    stop.cancel();
    running.await.expect("it stops when it is told to");
    assert!(store.sweeps.load(Ordering::Relaxed) >= 5, "three full steps follow the two that failed");
}
