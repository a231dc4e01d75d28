//! The periodic reaper: housekeeping only, since a dead session is never returned anyway. One
//! tested step, and a loop that cannot die.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Keeper, StoreResult, Swept};

/// Most sessions that one step looks after: few, since the stop waits for the end of a step.
const STEP: usize = 256;

/// Deletes the dead every so often.
pub struct Reaper {
    /// Whose dead.
    pub keeper: Keeper,
    /// How often.
    pub every: Duration,
}

impl Reaper {
    /// One step: a few hundred sessions.
    ///
    /// # Errors
    /// What the store says.
    pub async fn step(&self) -> StoreResult<Swept> {
        self.keeper.store.sweep(self.keeper.clock.moment(), STEP).await
    }

    /// Steps until `stop`. A full step is followed by the next at once; after an error, or a panic,
    /// it waits and tries again.
    pub async fn run(self, stop: CancellationToken) {
        let reaper = Arc::new(self);
        loop {
            // A task of its own, so that a step that panics ends itself and not the loop.
            let step = reaper.clone();
            let more = match tokio::spawn(async move { step.step().await }).await {
                Ok(Ok(swept)) => {
                    if swept.deleted > 0 {
                        tracing::debug!(deleted = swept.deleted, "dead sessions were deleted");
                    }
                    swept.more
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "dead sessions could not be deleted; trying again later");
                    false
                }
                Err(error) => {
                    tracing::error!(%error, "deleting dead sessions failed inside; trying again later");
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
