//! Runs CPU-heavy work on blocking threads, one piece at a time, so that it doesn't hold up the HTTP workers.

use std::sync::Arc;

use actix_web::web;
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::store::StoreError;

/// Work of one kind. Only one piece runs at a time, so that most of the CPU stays free for running games.
/// Clones share the queue.
#[derive(Debug, Clone)]
pub struct OneByOne(Arc<Semaphore>);

impl Default for OneByOne {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl OneByOne {
    /// Runs `work` once all pieces before it are done.
    ///
    /// # Errors
    /// The server is stopping, or the work panicked.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = self.0.clone().acquire_owned().await;
        // The permit moves into the work: if the caller goes away, the work still runs to its end, and the
        // next piece must not begin before that.
        let in_turn = move || {
            let _turn = turn;
            work()
        };
        web::block(in_turn).await.map_err(|_| StoreError::Busy.into())
    }
}
