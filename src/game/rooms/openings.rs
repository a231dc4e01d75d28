//! Rooms that were recently opened with an idempotency key. A retry gets the same room and the same host token.
//!
//! They are kept in this process's memory only. After a restart, or on another instance, a retry opens a second
//! room, and the first one expires unused.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::open::OpenedRoom;
use crate::domain::{IdempotencyKey, Refusal};

/// How long an opening is remembered, counted from its first request.
const OPENING_KNOWN_FOR: Duration = Duration::from_secs(600);
/// Maximum number of openings that are remembered. Beyond it the oldest is forgotten.
const MOST: usize = 10_000;

type BodyHash = [u8; 16];

/// The slot for the opened room. If two requests with the same key run at once, the second waits for the first.
type PendingOpening = Arc<OnceCell<OpenedRoom>>;

/// Recent openings by idempotency key.
#[derive(Default)]
pub struct Openings(Mutex<RecentOpenings>);

#[derive(Default)]
struct RecentOpenings {
    oldest_first: VecDeque<(Instant, BodyHash)>,
    openings: HashMap<BodyHash, (BodyHash, PendingOpening)>,
}

impl Openings {
    /// The opening with this key: a new one, or a known one that may be done already.
    ///
    /// # Errors
    /// `KeyReused` if the key was used with another body.
    pub(super) fn of(&self, idempotency: IdempotencyKey, now: Instant) -> Result<PendingOpening, Refusal> {
        let mut known = self.0.lock();
        known.forget(now);
        let Some((body, opening)) = known.openings.get_mut(&idempotency.key) else {
            known.make_room();
            let opening = PendingOpening::default();
            known.oldest_first.push_back((now, idempotency.key));
            known.openings.insert(idempotency.key, (idempotency.body, opening.clone()));
            return Ok(opening);
        };
        // A failed opening that no request is working on does not bind the key to its body. The count can't rise
        // meanwhile: clones are made only here, under the lock.
        let is_free = !opening.initialized() && Arc::strong_count(opening) == 1;
        if is_free {
            *body = idempotency.body;
        }
        if *body == idempotency.body { Ok(opening.clone()) } else { Err(Refusal::KeyReused) }
    }
}

impl RecentOpenings {
    fn forget(&mut self, now: Instant) {
        let is_over = |(begun, _): &mut (Instant, BodyHash)| now.duration_since(*begun) >= OPENING_KNOWN_FOR;
        while let Some((_, key)) = self.oldest_first.pop_front_if(is_over) {
            self.openings.remove(&key);
        }
    }

    /// Forgets the oldest opening if there is no space for another one.
    fn make_room(&mut self) {
        if self.oldest_first.len() >= MOST
            && let Some((_, key)) = self.oldest_first.pop_front()
        {
            self.openings.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> IdempotencyKey {
        IdempotencyKey::new("open", &n.to_string(), &[])
    }

    #[test]
    fn an_opening_is_known_for_ten_minutes_and_another_room_is_refused() {
        let (openings, begun) = (Openings::default(), Instant::now());
        let other = IdempotencyKey { body: [9; 16], ..key(1) };
        openings.of(other, begun).expect("new, and given up");
        let first = openings.of(key(1), begun).expect("new");
        let before = begun + OPENING_KNOWN_FOR - Duration::from_millis(1);
        assert!(Arc::ptr_eq(&first, &openings.of(key(1), before).expect("known")));
        assert_eq!(openings.of(other, before).err(), Some(Refusal::KeyReused));
        assert!(!Arc::ptr_eq(&first, &openings.of(key(1), begun + OPENING_KNOWN_FOR).expect("new")));
    }

    #[test]
    fn no_more_than_the_most_are_known() {
        let (openings, now) = (Openings::default(), Instant::now());
        let first = openings.of(key(0), now).expect("new");
        for n in 1..MOST {
            openings.of(key(n), now).expect("new");
        }
        assert!(Arc::ptr_eq(&first, &openings.of(key(0), now).expect("known")), "a repeat takes no place");
        openings.of(key(MOST), now).expect("new");
        assert_eq!(openings.0.lock().openings.len(), MOST);
        assert!(!Arc::ptr_eq(&first, &openings.of(key(0), now).expect("new")), "the oldest is forgotten");
    }
}
