//! The periodic reaper, which deletes dead sessions. This is housekeeping only: the stores never return a
//! dead session, reaped or not.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::activity::Activity;
use crate::store::{Store, StoreResult, Swept};

/// Maximum sessions per step. It is small because the server's stop waits for the running step.
const STEP: usize = 256;

/// Deletes the dead sessions of one store at intervals.
pub struct Reaper {
    /// The store to sweep, and its clock.
    pub store: Store,
    /// The pause between steps, while there is no backlog.
    pub every: Duration,
    /// Counts what is deleted.
    pub activity: Arc<Activity>,
}

impl Reaper {
    /// Sweeps the store once, for at most 256 sessions.
    ///
    /// # Errors
    /// The store failed.
    pub async fn step(&self) -> StoreResult<Swept> {
        let swept = self.store.sweep(self.store.clock().moment(), STEP).await?;
        self.activity.swept(&swept);
        Ok(swept)
    }

    /// Repeats [`step`](Self::step) until `stop` is cancelled. If there is more to delete, the next step
    /// follows at once. After an error or a panic it waits for `every` and tries again.
    pub async fn run(self, stop: CancellationToken) {
        let reaper = Arc::new(self);
        loop {
            // A task of its own, so that a panic ends only the step and not the loop.
            let step = reaper.clone();
            let more = match tokio::spawn(async move { step.step().await }).await {
                Ok(Ok(swept)) => {
                    if swept.deleted > 0 {
                        tracing::debug!(deleted = swept.deleted, "expired sessions were deleted");
                    }
                    swept.more
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "expired sessions could not be deleted; trying again later");
                    false
                }
                Err(error) => {
                    tracing::error!(%error, "the deletion of expired sessions panicked; trying again later");
                    false
                }
            };
            let pause = if more { Duration::ZERO } else { reaper.every };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
