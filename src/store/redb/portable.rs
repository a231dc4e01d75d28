//! Export of whole sessions from the file, and import into it.

use async_trait::async_trait;

use super::RedbStore;
use super::queue::Work;
use crate::domain::{Moment, Sequence, SessionId};
use crate::store::contract::{Dump, ImportOutcome, Portable};
use crate::store::error::StoreResult;
use crate::store::page::Budget;

#[async_trait]
impl Portable for RedbStore {
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>> {
        self.read(|reader| {
            reader.look(|snapshot| {
                let live = snapshot.session(id)?.map(|(session, _)| session).filter(|session| session.is_live(at.now));
                let Some(session) = live else { return Ok(None) };
                let events = snapshot.events(id, Sequence(0), &mut Budget::all())?;
                Ok(Some(Dump { taken: at.now, session, events }))
            })
        })
    }

    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome> {
        let dump = Box::new(dump);
        self.commit(|reply| Work::Import { dump, at, reply }).await
    }
}
