//! The sessions of an owner: a list that lies in another slot than they do, and so outside their steps.
//! A session is listed before it is stored, and taken from the list after it is deleted: a crash between
//! the two leaves an entry without a session, and never a session that is not listed. An entry names one
//! life of an id, so that the end of one takes no other's.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::Cmd;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::engine::Engine;
use super::failure::Failure;
use super::owner_key;
use super::scripts::LIST;
use crate::domain::{GameSession, Owner, SessionId, SessionState, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// Sessions that are looked at together.
const AT_ONCE: usize = 64;
/// An entry without a session may be of one that is just being stored, for less than this.
const STORING: Duration = Duration::from_secs(5);
/// Most entries without a session that are remembered.
const MOST_ORPHANS: usize = 10_000;

/// A listed session: its id, and which life of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct OwnerEntry {
    id: SessionId,
    nonce: u64,
}

impl OwnerEntry {
    fn of(id: &SessionId, state: &SessionState) -> Self {
        Self { id: id.clone(), nonce: state.nonce }
    }
}

impl fmt::Display for OwnerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:x}", self.id, self.nonce)
    }
}

impl FromStr for OwnerEntry {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, nonce) = text.split_once(' ').ok_or(())?;
        Ok(Self { id: id.parse().map_err(drop)?, nonce: u64::from_str_radix(nonce, 16).map_err(drop)? })
    }
}

/// Entries that had no session when they were met.
#[derive(Default)]
pub(super) struct Orphans(Mutex<HashMap<OwnerEntry, Instant>>);

impl Orphans {
    /// An entry without a session is met; whether its session can't be one that is just being stored.
    fn is_orphan(&self, entry: &OwnerEntry, now: Instant) -> bool {
        let mut met = self.0.lock();
        if met.len() >= MOST_ORPHANS && !met.contains_key(entry) {
            // Of those whose time has come the next reader takes care; they are met anew.
            met.retain(|_, first| now.duration_since(*first) < STORING);
            if met.len() >= MOST_ORPHANS {
                return false;
            }
        }
        let first = *met.entry(entry.clone()).or_insert(now);
        let is_orphan = now.duration_since(first) >= STORING;
        if is_orphan {
            met.remove(entry);
        }
        is_orphan
    }

    /// Its session is there.
    fn forget(&self, entry: &OwnerEntry) {
        self.0.lock().remove(entry);
    }
}

/// What stands behind an entry.
enum ListedSession {
    Live(OwnerEntry),
    /// A session that is dead, or can't be read.
    Hidden(OwnerEntry),
    /// No session, or another life of it.
    Nothing(OwnerEntry),
}

impl Engine {
    /// Lists a session that is to be stored, if it has an owner.
    pub(super) async fn list(&self, session: &GameSession, now: Timestamp, until: Instant) -> StoreResult<()> {
        let Some(owner) = &session.state.owner else { return Ok(()) };
        let entry = OwnerEntry::of(&session.id, &session.state).to_string();
        let kept = self.code_kept_for(&session.state, now).0.to_string();
        let (key, args) = (owner_key(owner), [entry.as_bytes(), kept.as_bytes()]);
        loop {
            match self.link.run::<i64>(&LIST, &[&key], &args, until).await {
                Ok(_) => return Ok(()),
                Err(failure) => failure.wait_to_retry(until).await?,
            }
        }
    }

    /// Takes a deleted session from its owner's list. If that fails, whoever reads the list does it.
    pub(super) async fn unlist(&self, id: &SessionId, state: &SessionState, until: Instant) {
        if let Some(owner) = &state.owner {
            self.take_from(owner, &[OwnerEntry::of(id, state)], until).await;
        }
    }

    async fn take_from(&self, owner: &Owner, entries: &[OwnerEntry], until: Instant) {
        let mut remove = redis::cmd("ZREM");
        remove.arg(owner_key(owner));
        remove.arg(entries.iter().map(ToString::to_string).collect::<Vec<_>>());
        if !entries.is_empty() {
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
        until: Instant,
    ) -> StoreResult<Vec<SessionId>> {
        // Behind the blank that ends an id: after all lives of it.
        let mut from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}!"));
        let mut owned = Vec::new();
        while owned.len() < limit {
            let most = (limit - owned.len()).min(AT_ONCE);
            let page = self.link.read::<Vec<String>>(&page(owner, &from, most), until).await;
            let page = page.map_err(Failure::of_read)?;
            // What is no entry was listed by somebody else.
            let entries = page.iter().filter_map(|entry| entry.parse().ok()).collect();
            owned.extend(self.live_of(owner, entries, now, until).await?);
            match page.last() {
                Some(last) if page.len() == most => from = format!("({last}"),
                _ => break,
            }
        }
        Ok(owned)
    }

    /// The sessions of these entries that live. Entries that are nothing are taken from the list.
    async fn live_of(
        self: &Arc<Self>,
        owner: &Owner,
        entries: Vec<OwnerEntry>,
        now: Timestamp,
        until: Instant,
    ) -> StoreResult<Vec<SessionId>> {
        let mut looking = JoinSet::new();
        for entry in entries {
            let engine = self.clone();
            looking.spawn(async move { engine.behind(entry, now, until).await });
        }
        let (mut live, mut orphans) = (Vec::new(), Vec::new());
        while let Some(one) = looking.join_next().await {
            let Ok(one) = one else { continue };
            match one? {
                ListedSession::Live(entry) => {
                    self.orphans.forget(&entry);
                    live.push(entry.id);
                }
                ListedSession::Hidden(entry) => self.orphans.forget(&entry),
                ListedSession::Nothing(entry) => orphans.push(entry),
            }
        }
        orphans.retain(|entry| self.orphans.is_orphan(entry, Instant::now()));
        self.take_from(owner, &orphans, until).await;
        live.sort();
        Ok(live)
    }

    async fn behind(&self, entry: OwnerEntry, now: Timestamp, until: Instant) -> StoreResult<ListedSession> {
        match self.state(&entry.id, until).await {
            Ok(Some(held)) if held.state.nonce != entry.nonce => Ok(ListedSession::Nothing(entry)),
            Ok(Some(held)) if held.state.life.is_live(now) => Ok(ListedSession::Live(entry)),
            Ok(None) => Ok(ListedSession::Nothing(entry)),
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => Ok(ListedSession::Hidden(entry)),
            Err(error) => Err(error),
        }
    }
}

/// At most `most` entries from here on.
fn page(owner: &Owner, from: &str, most: usize) -> Cmd {
    let mut page = redis::cmd("ZRANGEBYLEX");
    page.arg(owner_key(owner)).arg(from).arg("+").arg("LIMIT").arg(0).arg(most);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_orphan_when_no_session_of_it_can_be_on_its_way_any_more() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let [id, other] = [1, 2].map(|n| OwnerEntry { id: SessionId::generate(n, &[0; 10]), nonce: 7 });
        assert!(!orphans.is_orphan(&id, now) && !orphans.is_orphan(&id, now + STORING / 2));
        assert!(!orphans.is_orphan(&other, now + STORING));
        assert!(orphans.is_orphan(&id, now + STORING));
        assert!(!orphans.is_orphan(&id, now + STORING), "it was taken from the list; this is another meeting");
        orphans.forget(&id);
        assert!(!orphans.is_orphan(&id, now + 2 * STORING), "its session was there in between");
    }

    #[test]
    fn however_many_orphans_there_are_each_has_its_turn() {
        let (orphans, now) = (Orphans::default(), Instant::now());
        let entries: Vec<_> =
            (0..=MOST_ORPHANS as u64).map(|nonce| OwnerEntry { id: SessionId::generate(1, &[0; 10]), nonce }).collect();
        assert!(entries.iter().all(|entry| !orphans.is_orphan(entry, now)));
        assert_eq!(orphans.0.lock().len(), MOST_ORPHANS);
        let found = entries.iter().filter(|entry| orphans.is_orphan(entry, now + STORING)).count();
        assert_eq!(found, MOST_ORPHANS, "the last one is met for the first time");
        assert!(orphans.is_orphan(&entries[MOST_ORPHANS], now + 2 * STORING));
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = OwnerEntry { id: SessionId::generate(1, &[9; 10]), nonce: u64::MAX };
        assert_eq!(entry.to_string().parse(), Ok(entry.clone()));
        for text in ["", &entry.id.to_string(), "x 7", &format!("{} x", entry.id)] {
            assert!(text.parse::<OwnerEntry>().is_err(), "{text}");
        }
    }
}
