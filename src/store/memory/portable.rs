//! Export and import of whole sessions for the memory engine.

use async_trait::async_trait;

use super::MemoryStore;
use crate::domain::{Moment, SessionId};
use crate::store::contract::{Dump, ImportOutcome, Portable};
use crate::store::error::StoreResult;

#[async_trait]
impl Portable for MemoryStore {
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>> {
        self.with(|inner| Ok(inner.live(id, at.now).map(|entry| entry.dump(at.now))))
    }

    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome> {
        self.with(|inner| {
            let dump = dump.moved_to(at.now);
            let held = inner.live(&dump.session.id, at.now).map(|entry| entry.dump(at.now));
            if held.is_some_and(|held| held.is_same(&dump)) {
                return Ok(ImportOutcome::Same);
            }
            if inner.is_taken(&dump.session, at.now) {
                return Ok(ImportOutcome::Conflict);
            }
            inner.insert(dump.session, dump.events);
            Ok(ImportOutcome::Imported)
        })
    }
}
