//! Counts the expired (dead) sessions that are still stored, without a scan of all sessions each time.
//!
//! The expiry entry of an expired session is always due, because no index time is later than the deadline. So
//! each entry is examined once, when it comes due. After that, the commits report every change of its
//! session.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::batch::{Filed, Filing};
use super::reads::ReadSnapshot;
use crate::domain::{Millis, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// An entry of the expiry index: the index time, and the session to check then.
pub(super) type ExpiryEntry = (Timestamp, SessionId);

/// How long the file may hold another batch than the last one that was noted. After that no note will come,
/// because the outcome of that batch was unknown, and the count starts again.
const LOST: Duration = Duration::from_secs(1);
/// How much earlier than the last count a count may be and still use its result.
const BACK: Millis = Millis(999);
/// How often the writer examines entries that became due.
const LOOK_EVERY: Millis = Millis(100);

/// Counts expired sessions. Readers and the writer share it.
#[derive(Default)]
pub(super) struct Counter(Mutex<CountedIndex>);

#[derive(Default)]
struct CountedIndex {
    /// The last batch that the count includes; `None` before the first count.
    batch: Option<u64>,
    /// Since when the file has held another batch than `batch`.
    differs_since: Option<Instant>,
    /// The last entry that was examined.
    last: Option<ExpiryEntry>,
    /// How many sessions with entries up to `last` had expired at `until`.
    dead: u64,
    until: Timestamp,
    /// The deadlines of the other sessions with entries up to `last`, and how many sessions have each.
    alive: BTreeMap<Timestamp, u64>,
    /// When the writer examines due entries next.
    look_at: Timestamp,
}

impl Counter {
    /// Examines at most `most` entries that became due. Returns how many sessions are known to have expired,
    /// and whether those are all.
    pub(super) fn count(&self, snapshot: &ReadSnapshot<'_>, now: Timestamp, most: usize) -> StoreResult<(u64, bool)> {
        // The writer's `note` waits for this lock, so `most` also limits how long a commit can be delayed.
        let mut seen = self.0.lock();
        if now.plus(BACK) < seen.until {
            // Times of consecutive calls never go back this far. The clock is another one, so the count
            // starts again.
            *seen = CountedIndex::default();
        }
        let is_all = seen.is_at(snapshot.batch()?) && seen.look(snapshot, now, most)?;
        seen.pass(now);
        Ok((seen.dead, is_all))
    }

    /// Examines due entries without counting, so that the next count has less to do.
    pub(super) fn look_ahead(&self, snapshot: &ReadSnapshot<'_>, now: Timestamp, most: usize) -> StoreResult<()> {
        let mut seen = self.0.lock();
        let is_all = seen.is_at(snapshot.batch()?) && seen.look(snapshot, now, most)?;
        seen.look_at = if is_all { now.plus(LOOK_EVERY) } else { now };
        Ok(())
    }

    /// Whether entries may have become due since the last call of `look_ahead`.
    pub(super) fn is_look_due(&self, now: Timestamp) -> bool {
        self.0.lock().look_at <= now
    }

    /// Includes a committed batch. The writer calls this after every commit, in the order of the batches.
    pub(super) fn note(&self, batch: u64, filings: &[Filing]) {
        let mut seen = self.0.lock();
        match seen.batch {
            Some(known) if batch == known + 1 => {
                seen.batch = Some(batch);
                seen.differs_since = None;
                filings.iter().for_each(|(id, before, after)| seen.move_one(id, *before, *after));
            }
            // A count has read this batch from the file already.
            Some(known) if batch <= known => {}
            None => {}
            // A batch before it was not noted, so the count starts again.
            Some(_) => *seen = CountedIndex::default(),
        }
    }
}

impl CountedIndex {
    /// Whether the snapshot holds exactly the batches that the count includes. Between a commit and its note
    /// it holds one more.
    fn is_at(&mut self, batch: u64) -> bool {
        if self.batch == Some(batch) {
            self.differs_since = None;
            return true;
        }
        let lost = |since: Instant| since.elapsed() > LOST;
        if self.batch.is_none() || self.differs_since.is_some_and(lost) {
            *self = Self { batch: Some(batch), ..Self::default() };
            return true;
        }
        self.differs_since.get_or_insert_with(Instant::now);
        false
    }

    /// Examines due entries, at most `most`. Returns whether none is left.
    fn look(&mut self, snapshot: &ReadSnapshot<'_>, now: Timestamp, most: usize) -> StoreResult<bool> {
        for (looked, due) in snapshot.due_entries(now, self.last.as_ref())?.enumerate() {
            if looked == most {
                return Ok(false);
            }
            let index_time = match due {
                Ok(index_time) => index_time,
                Err(StoreError::Corrupt { .. }) => continue,
                Err(error) => return Err(error),
            };
            match snapshot.life(&index_time.1) {
                Ok(Some((filed, life))) if filed == index_time.0 => self.add(life.deadline().0),
                Ok(_) => {}
                // A session that can't be read counts as expired.
                Err(StoreError::Corrupt { .. }) => self.add(index_time.0),
                Err(error) => return Err(error),
            }
            self.last = Some(index_time);
        }
        Ok(true)
    }

    /// Counts the sessions as expired whose deadline is `now` or earlier.
    fn pass(&mut self, now: Timestamp) {
        while let Some(first) = self.alive.first_entry().filter(|first| *first.key() <= now) {
            self.dead += first.remove();
        }
        self.until = self.until.max(now);
    }

    fn move_one(&mut self, id: &SessionId, before: Option<Filed>, after: Option<Filed>) {
        if let Some(filed) = before.filter(|filed| self.has_seen(filed.index_time, id)) {
            self.remove(filed.deadline);
        }
        if let Some(filed) = after.filter(|filed| self.has_seen(filed.index_time, id)) {
            self.add(filed.deadline);
        }
    }

    /// Whether this entry is in the part of the index that was examined.
    fn has_seen(&self, index_time: Timestamp, id: &SessionId) -> bool {
        self.last.as_ref().is_some_and(|(time, last)| (index_time, id) <= (*time, last))
    }

    fn add(&mut self, deadline: Timestamp) {
        if deadline <= self.until {
            self.dead += 1;
        } else {
            *self.alive.entry(deadline).or_default() += 1;
        }
    }

    fn remove(&mut self, deadline: Timestamp) {
        if deadline <= self.until {
            self.dead = self.dead.saturating_sub(1);
        } else if let Some(count) = self.alive.get_mut(&deadline) {
            *count -= 1;
            if *count == 0 {
                self.alive.remove(&deadline);
            }
        }
    }
}
