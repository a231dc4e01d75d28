//! The sessions of an owner: a list that lies in another slot than they do, and so outside their steps.
//! An id is listed before its session is stored, and taken from the list after it is deleted: a crash
//! between the two leaves an id without a session, and never a session that is not listed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::Cmd;
use tokio::task::JoinSet;

use super::commit::AGAIN;
use super::engine::Engine;
use super::failure::Failure;
use super::owner_key;
use super::scripts::LIST;
use crate::domain::{GameSession, Owner, SessionId, SessionState, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// Sessions that are looked at together.
const AT_ONCE: usize = 64;
/// An id without a session may be one that is just being stored, for less than this.
const STORING: Duration = Duration::from_secs(5);
/// Most ids without a session that are remembered.
const MOST_ORPHANS: usize = 10_000;

/// Listed ids that had no session when they were met.
#[derive(Default)]
pub(super) struct Orphans(Mutex<HashMap<SessionId, Instant>>);

impl Orphans {
    /// An id without a session is met; whether its session can't be one that is just being stored.
    fn is_orphan(&self, id: &SessionId, now: Instant) -> bool {
        let mut met = self.0.lock();
        if met.len() >= MOST_ORPHANS {
            met.clear();
        }
        let first = *met.entry(id.clone()).or_insert(now);
        let is_orphan = now.duration_since(first) >= STORING;
        if is_orphan {
            met.remove(id);
        }
        is_orphan
    }

    /// Its session is there.
    fn forget(&self, id: &SessionId) {
        self.0.lock().remove(id);
    }
}

/// What stands behind a listed id.
enum Listed {
    Live(SessionId),
    /// A session that is dead, or can't be read.
    Hidden,
    /// No session of the owner's.
    Nothing(SessionId),
}

impl Engine {
    /// Lists a session that is to be stored, if it has an owner.
    pub(super) async fn list(
        &self,
        session: &GameSession,
        now: Timestamp,
        until: tokio::time::Instant,
    ) -> StoreResult<()> {
        let Some(owner) = &session.state.owner else { return Ok(()) };
        let (id, kept) = (session.id.to_string(), self.code_kept_for(&session.state, now).0.to_string());
        let (key, args) = (owner_key(owner), [id.as_bytes(), kept.as_bytes()]);
        loop {
            match self.link.run::<i64>(&LIST, &[&key], &args, until).await {
                Ok(_) => return Ok(()),
                Err(Failure::Unknown(_)) if tokio::time::Instant::now() + AGAIN < until => {
                    tokio::time::sleep(AGAIN).await;
                }
                // Listed or not, nothing was stored.
                Err(Failure::Unknown(cause)) => return Err(StoreError::Unavailable(Some(cause))),
                Err(failure) => return Err(failure.of_write()),
            }
        }
    }

    /// Takes a deleted session from its owner's list. If that fails, whoever reads the list does it.
    pub(super) async fn unlist(&self, id: &SessionId, state: &SessionState, until: tokio::time::Instant) {
        if let Some(owner) = &state.owner {
            self.take_from(owner, std::slice::from_ref(id), until).await;
        }
    }

    async fn take_from(&self, owner: &Owner, ids: &[SessionId], until: tokio::time::Instant) {
        let mut remove = redis::cmd("ZREM");
        remove.arg(owner_key(owner));
        remove.arg(ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        if !ids.is_empty() {
            drop(self.link.call::<i64>(&remove, until).await);
        }
    }

    /// The live sessions of an owner after this one, at most `limit`.
    pub(super) async fn owned(
        self: &Arc<Self>,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        now: Timestamp,
        until: tokio::time::Instant,
    ) -> StoreResult<Vec<SessionId>> {
        let (mut owned, mut after) = (Vec::new(), after.map(ToString::to_string));
        while owned.len() < limit {
            let most = (limit - owned.len()).min(AT_ONCE);
            let page = self.link.read::<Vec<String>>(&page(owner, after.as_deref(), most), until).await;
            let page = page.map_err(Failure::of_read)?;
            // What is no id was listed by somebody else.
            let ids = page.iter().filter_map(|id| id.parse().ok()).collect();
            owned.extend(self.live_of(owner, ids, now, until).await?);
            if page.len() < most {
                break;
            }
            after = page.into_iter().last();
        }
        Ok(owned)
    }

    /// Those of these ids that are live sessions of the owner's. Ids that are nothing are taken from the
    /// list.
    async fn live_of(
        self: &Arc<Self>,
        owner: &Owner,
        ids: Vec<SessionId>,
        now: Timestamp,
        until: tokio::time::Instant,
    ) -> StoreResult<Vec<SessionId>> {
        let mut looking = JoinSet::new();
        for id in ids {
            let (engine, owner) = (self.clone(), owner.clone());
            looking.spawn(async move { engine.behind(&owner, id, now, until).await });
        }
        let (mut live, mut orphans) = (Vec::new(), Vec::new());
        while let Some(one) = looking.join_next().await {
            match one.unwrap_or(Ok(Listed::Hidden))? {
                Listed::Live(id) => live.push(id),
                Listed::Hidden => {}
                Listed::Nothing(id) => orphans.push(id),
            }
        }
        live.iter().for_each(|id| self.orphans.forget(id));
        orphans.retain(|id| self.orphans.is_orphan(id, Instant::now()));
        self.take_from(owner, &orphans, until).await;
        live.sort();
        Ok(live)
    }

    async fn behind(
        &self,
        owner: &Owner,
        id: SessionId,
        now: Timestamp,
        until: tokio::time::Instant,
    ) -> StoreResult<Listed> {
        match self.state(&id, until).await {
            Ok(Some(held)) if held.state.owner.as_ref() != Some(owner) => Ok(Listed::Nothing(id)),
            Ok(Some(held)) if held.state.life.is_live(now) => Ok(Listed::Live(id)),
            Ok(None) => Ok(Listed::Nothing(id)),
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => Ok(Listed::Hidden),
            Err(error) => Err(error),
        }
    }
}

/// At most `most` listed ids after this one.
fn page(owner: &Owner, after: Option<&str>, most: usize) -> Cmd {
    let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
    let mut page = redis::cmd("ZRANGEBYLEX");
    page.arg(owner_key(owner)).arg(from).arg("+").arg("LIMIT").arg(0).arg(most);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_orphan_when_no_session_of_it_can_be_on_its_way_any_more() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let (id, other) = (SessionId::generate(1, &[0; 10]), SessionId::generate(2, &[0; 10]));
        assert!(!orphans.is_orphan(&id, now) && !orphans.is_orphan(&id, now + STORING / 2));
        assert!(!orphans.is_orphan(&other, now + STORING));
        assert!(orphans.is_orphan(&id, now + STORING));
        assert!(!orphans.is_orphan(&id, now + STORING), "it was taken from the list; this is another meeting");
        orphans.forget(&id);
        assert!(!orphans.is_orphan(&id, now + 2 * STORING), "its session was there in between");
    }
}
