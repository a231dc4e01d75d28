//! Sessions that can't be read.
//!
//! A damaged session never affects other sessions. It is logged once and read again only after 60 s, so that
//! repeated requests for it don't slow down others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::error::{StoreError, StoreResult};
use crate::domain::SessionId;

/// Time after which an unreadable session is read again.
const AGAIN: Duration = Duration::from_secs(60);
/// Maximum number of remembered sessions. Beyond it all are forgotten, and a session may be logged a second
/// time.
const MOST: usize = 10_000;

/// The sessions that could not be read recently.
#[derive(Default)]
pub(crate) struct Damaged {
    known: Mutex<HashMap<SessionId, KnownDamage>>,
    /// True once a damaged session was seen. Usually there is none, and then no reader takes the lock.
    is_any: AtomicBool,
}

struct KnownDamage {
    what: String,
    looked: Instant,
}

impl Damaged {
    /// Runs `read`, unless the session was found unreadable within the last 60 s.
    pub(crate) fn look<T>(&self, id: &SessionId, read: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
        if let Some(error) = self.known(id) {
            return Err(error);
        }
        let looked = read();
        match &looked {
            Err(StoreError::Corrupt { what }) => self.note(id, what),
            Ok(_) => self.forget(id),
            Err(_) => {}
        }
        looked
    }

    /// The error of the last read, or `None` if the session may be read (again).
    pub(crate) fn known(&self, id: &SessionId) -> Option<StoreError> {
        if !self.is_any.load(Ordering::Relaxed) {
            return None;
        }
        self.known_at(id, Instant::now())
    }

    fn known_at(&self, id: &SessionId, now: Instant) -> Option<StoreError> {
        let known = self.known.lock();
        let known = known.get(id).filter(|known| now.duration_since(known.looked) < AGAIN)?;
        Some(StoreError::Corrupt { what: known.what.clone() })
    }

    /// Records that the session could not be read, and logs it the first time.
    pub(crate) fn note(&self, id: &SessionId, what: &str) {
        self.note_at(id, what, Instant::now());
    }

    fn note_at(&self, id: &SessionId, what: &str, now: Instant) -> bool {
        // Relaxed is enough: a reader that misses the flag only reads the session once more.
        self.is_any.store(true, Ordering::Relaxed);
        let mut known = self.known.lock();
        let is_news = !known.contains_key(id);
        if is_news {
            if known.len() >= MOST {
                known.clear();
            }
            tracing::error!(
                session = id.short_hash(),
                what,
                "a session cannot be read: requests for it get an error, all other games go on"
            );
        }
        known.insert(id.clone(), KnownDamage { what: what.to_owned(), looked: now });
        is_news
    }

    /// Removes a session that could be read or no longer exists.
    pub(crate) fn forget(&self, id: &SessionId) {
        if self.is_any.load(Ordering::Relaxed) {
            self.known.lock().remove(id);
        }
    }

    /// The number of remembered unreadable sessions.
    pub(crate) fn count(&self) -> u64 {
        self.known.lock().len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_cannot_be_read_is_told_once_and_looked_at_again_a_minute_later() {
        let (damaged, now) = (Damaged::default(), Instant::now());
        let (id, other) = (SessionId::generate(1, &[0; 10]), SessionId::generate(2, &[0; 10]));
        assert!(damaged.note_at(&id, "its checksum is wrong", now));
        assert!(matches!(damaged.known_at(&id, now), Some(StoreError::Corrupt { what }) if what.contains("checksum")));
        assert!(damaged.known_at(&other, now).is_none());
        let later = now + AGAIN;
        assert!(damaged.known_at(&id, later).is_none(), "it is looked at again");
        assert!(!damaged.note_at(&id, "its checksum is wrong", later), "and not told again");
        assert!(damaged.known_at(&id, later).is_some());
        damaged.forget(&id);
        assert!(damaged.known_at(&id, later).is_none());
        assert_eq!(damaged.count(), 0);
    }
}
