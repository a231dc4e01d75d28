//! Export of whole sessions from the file, and import into it.

use async_trait::async_trait;

use super::RedbStore;
use super::queue::Work;
use super::reads::without_gaps;
use crate::domain::{Moment, SessionId};
use crate::store::contract::{Dump, ImportOutcome, Portable};
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;

#[async_trait]
impl Portable for RedbStore {
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>> {
        self.read(|reader| {
            reader.look(|snapshot| {
                let live = snapshot.session(id)?.map(|(session, _)| session).filter(|session| session.is_live(at.now));
                let Some(session) = live else { return Ok(None) };
                let log = session.log();
                let events = snapshot.events(id, log.oldest, &mut Budget::all())?;
                if !without_gaps(&events, log.oldest, log.head, false) {
                    return Err(StoreError::Corrupt { what: format!("events of {id:?}: some are missing") });
                }
                Ok(Some(Dump { taken: at.now, session, events }))
            })
        })
    }

    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome> {
        let dump = Box::new(dump);
        self.commit(|reply| Work::Import { dump, at, reply }).await
    }
}
