//! Lists of an owner's sessions.
//!
//! A list is in another cluster slot than the sessions, so it can't be part of their commits. A session is
//! listed before it is stored and unlisted after it is deleted. A crash in between leaves an entry without a
//! session, but never an unlisted session. An entry contains the session's nonce, so that deleting one
//! session never removes the entry of a later session with the same id.

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

/// Maximum number of sessions read at the same time.
const AT_ONCE: usize = 64;
/// For this long, an entry without a session may belong to a session that is just being stored.
const STORING: Duration = Duration::from_secs(5);
/// Maximum number of remembered entries without a session.
const MOST_ORPHANS: usize = 10_000;

/// An entry of an owner's list: a session's id and nonce, written as `<id> <nonce in hex>`.
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

/// Entries that had no session when they were read, with the time of the first read.
#[derive(Default)]
pub(super) struct Orphans(Mutex<HashMap<OwnerEntry, Instant>>);

impl Orphans {
    /// Records that an entry has no session. Returns true if it was first recorded at least [`STORING`] ago,
    /// so the session can't be one that is just being stored.
    fn is_orphan(&self, entry: &OwnerEntry, now: Instant) -> bool {
        let mut met = self.0.lock();
        if met.len() >= MOST_ORPHANS && !met.contains_key(entry) {
            // Make room: drop the entries that are already old enough. The next reader records them again.
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

    /// Removes an entry whose session exists.
    fn forget(&self, entry: &OwnerEntry) {
        self.0.lock().remove(entry);
    }
}

/// The session that an entry refers to.
enum ListedSession {
    /// The session is alive.
    Live(OwnerEntry),
    /// The session is dead or can't be read.
    Hidden(OwnerEntry),
    /// There is no session with this id, or only one with another nonce.
    Nothing(OwnerEntry),
}

impl Engine {
    /// Adds a session to its owner's list, if it has an owner. Must be called before the session is stored.
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

    /// Removes a deleted session from its owner's list. If that fails, a later reader of the list removes it.
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

    /// Returns the ids of an owner's live sessions after `after`, in ascending order, at most `limit`.
    pub(super) async fn owned(
        self: &Arc<Self>,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        now: Timestamp,
        until: Instant,
    ) -> StoreResult<Vec<SessionId>> {
        // `!` is the character after the space that ends an id, so this starts after all entries of that id.
        let mut from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}!"));
        let mut owned = Vec::new();
        while owned.len() < limit {
            let most = (limit - owned.len()).min(AT_ONCE);
            let page = self.link.read::<Vec<String>>(&page(owner, &from, most), until).await;
            let page = page.map_err(Failure::of_read)?;
            // Text that is not an entry was not written by this program; ignore it.
            let entries = page.iter().filter_map(|entry| entry.parse().ok()).collect();
            owned.extend(self.live_of(owner, entries, now, until).await?);
            match page.last() {
                Some(last) if page.len() == most => from = format!("({last}"),
                _ => break,
            }
        }
        Ok(owned)
    }

    /// Returns the ids of the live sessions of these entries. Entries that have had no session for
    /// [`STORING`] are removed from the list.
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

    /// Looks up the session of an entry.
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

/// The command that reads at most `most` entries of an owner's list, from the lexical bound `from` on.
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
