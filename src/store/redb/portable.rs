//! Export of whole sessions from the file, and import into it.

use std::ops::Bound;

use async_trait::async_trait;

use super::RedbStore;
use super::queue::Work;
use crate::domain::{Moment, Sequence, SessionId};
use crate::store::contract::{Dump, ImportOutcome, Portable};
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;

#[async_trait]
impl Portable for RedbStore {
    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.read(|reader| {
            reader.look(|snapshot| {
                let from = cursor.map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_bytes()));
                let rows = snapshot.sessions.range::<&[u8]>((from, Bound::Unbounded));
                let base = rows.map_err(StoreError::unavailable)?.map(|row| {
                    let (key, _) = row.map_err(StoreError::unavailable)?;
                    let what = || StoreError::Corrupt { what: "a session's key".to_owned() };
                    SessionId::from_bytes(key.value()).ok_or_else(what)
                });
                snapshot.view.over_ids(base, cursor).take(limit).collect()
            })
        })
    }

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
