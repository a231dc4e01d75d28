//! Export and import of whole sessions for the Valkey engine.

use async_trait::async_trait;

use super::failure::Failure;
use super::session_queues::QueueItem;
use super::{ValkeyStore, limit};
use crate::domain::{Moment, Sequence, SessionId};
use crate::store::contract::{Dump, ImportOutcome, Portable};
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;

/// The COUNT of a SCAN call: about this many keys are examined per call.
const SCAN_STEP: usize = 1_000;
/// Maximum number of attempts of an export, if the session is replaced while it is read.
const MOST_TRIES: usize = 8;

#[async_trait]
impl Portable for ValkeyStore {
    async fn export(&self, id: &SessionId, at: Moment) -> StoreResult<Option<Dump>> {
        let until = limit();
        for _ in 0..MOST_TRIES {
            let page = self.engine.page(id, Sequence(0), Budget::all(), until).await?;
            let Some(page) = page.filter(|page| page.held.state.life.is_live(at.now)) else { return Ok(None) };
            let mut session = page.held.session(id);
            if page.held.state.game.has_quiz() {
                session.quiz = self.engine.quiz(id, &page.held, until).await?;
                if session.quiz.is_none() {
                    continue;
                }
            }
            return Ok(Some(Dump { taken: at.now, session, events: page.events }));
        }
        Err(StoreError::Busy)
    }

    async fn import(&self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome> {
        let dump = dump.moved_to(at.now);
        if let Some(held) = self.export(&dump.session.id, at).await? {
            return Ok(if held.is_same(&dump) { ImportOutcome::Same } else { ImportOutcome::Conflict });
        }
        self.engine.link.lets_games_begin()?;
        let (id, until, same) = (dump.session.id.clone(), limit(), dump.clone());
        let is_placed = self
            .in_turn(&id, |answer| {
                QueueItem::task(answer, move |engine| async move {
                    engine.insert(&dump.session, &dump.events, at, until).await
                })
            })
            .await?;
        if is_placed {
            return Ok(ImportOutcome::Imported);
        }
        // A concurrent import of the same session may have been faster.
        let held = self.export(&id, at).await?;
        Ok(if held.is_some_and(|held| held.is_same(&same)) { ImportOutcome::Same } else { ImportOutcome::Conflict })
    }
}

impl ValkeyStore {
    /// Reads the ids of all sessions from every primary, sorted and without duplicates.
    pub(super) async fn enumerate(&self) -> StoreResult<Vec<SessionId>> {
        let link = &self.engine.link;
        let (_, mut connection) = link.connection(limit()).await.map_err(Failure::of_read)?;
        let failed = |error| Failure::of(error, link.is_cluster()).0.of_read();
        let mut ids = Vec::new();
        for primary in connection.primaries().await.map_err(failed)? {
            let mut cursor = "0".to_owned();
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(&cursor).arg("MATCH").arg("session:*").arg("COUNT").arg(SCAN_STEP);
                let (next, keys): (String, Vec<String>) = connection.query_at(&primary, scan).await.map_err(failed)?;
                ids.extend(keys.iter().filter_map(|key| key.strip_prefix("session:")?.parse::<SessionId>().ok()));
                if next == "0" {
                    break;
                }
                cursor = next;
            }
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }
}
