//! Work that takes a core for a while: one piece after the other, beside the workers.

use std::sync::Arc;

use actix_web::web;
use tokio::sync::Semaphore;

use super::problem::Problem;
use crate::store::StoreError;

/// Pieces of work of one kind, of which one runs at a time: whoever plays goes before.
#[derive(Debug, Clone)]
pub struct OneByOne(Arc<Semaphore>);

impl Default for OneByOne {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl OneByOne {
    /// Does a piece of work when it is its turn.
    ///
    /// # Errors
    /// The server is about to end.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = self.0.clone().acquire_owned().await;
        // Whoever has gone away leaves work behind that ends: its turn ends with it.
        let in_turn = move || {
            let _turn = turn;
            work()
        };
        web::block(in_turn).await.map_err(|_| StoreError::Busy.into())
    }
}
