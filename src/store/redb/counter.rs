//! How many sessions are dead, without walking them each time.
//!
//! A dead session's hint is due, since no hint is later than its deadline. So each hint is looked at
//! once, when it becomes due; what becomes of its session after that, the commits say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::batch::{Filed, Filing};
use super::reads::ReadSnapshot;
use crate::domain::{Millis, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// An entry of the index: when to look, at what.
pub(super) type ExpiryEntry = (Timestamp, SessionId);

/// How long the file may hold another batch than the last one noted before it is clear that no note
/// will come: that batch's outcome was unknown.
const LOST: Duration = Duration::from_secs(1);
/// How much earlier than the last count one may be, and still get that one's.
const BACK: Millis = Millis(999);
/// How often the writer looks at what has become due meanwhile.
const LOOK_EVERY: Millis = Millis(100);

/// Counts the dead.
#[derive(Default)]
pub(super) struct Counter(Mutex<CountedIndex>);

#[derive(Default)]
struct CountedIndex {
    /// The last batch that is counted in; `None` before the first look.
    batch: Option<u64>,
    /// Since when the file holds another one.
    differs_since: Option<Instant>,
    /// The last hint that was looked at.
    last: Option<ExpiryEntry>,
    /// The sessions of the hints up to it: how many were dead at `until`, and the others' deadlines.
    dead: u64,
    until: Timestamp,
    alive: BTreeMap<Timestamp, u64>,
    /// When the writer looks again.
    look_at: Timestamp,
}

impl Counter {
    /// Looks at most at so many hints that have become due. How many sessions are known to be dead, and
    /// whether that is all of them.
    pub(super) fn count(&self, snapshot: &ReadSnapshot<'_>, now: Timestamp, most: usize) -> StoreResult<(u64, bool)> {
        let mut seen = self.0.lock();
        if now.plus(BACK) < seen.until {
            // Those who ask one after the other are never that far apart, but on another clock.
            *seen = CountedIndex::default();
        }
        let is_all = seen.is_at(snapshot.batch()?) && seen.look(snapshot, now, most)?;
        seen.pass(now);
        Ok((seen.dead, is_all))
    }

    /// Looks at them, so that whoever counts finds that done.
    pub(super) fn look_ahead(&self, snapshot: &ReadSnapshot<'_>, now: Timestamp, most: usize) -> StoreResult<()> {
        let mut seen = self.0.lock();
        let is_all = seen.is_at(snapshot.batch()?) && seen.look(snapshot, now, most)?;
        seen.look_at = if is_all { now.plus(LOOK_EVERY) } else { now };
        Ok(())
    }

    /// Whether hints may have become due since the last look.
    pub(super) fn is_look_due(&self, now: Timestamp) -> bool {
        self.0.lock().look_at <= now
    }

    /// A batch is committed.
    pub(super) fn note(&self, batch: u64, filings: &[Filing]) {
        let mut seen = self.0.lock();
        match seen.batch {
            Some(known) if batch == known + 1 => {
                seen.batch = Some(batch);
                seen.differs_since = None;
                filings.iter().for_each(|(id, before, after)| seen.move_one(id, *before, *after));
            }
            // A look has found it already.
            Some(known) if batch <= known => {}
            None => {}
            // One before it was not noted.
            Some(_) => *seen = CountedIndex::default(),
        }
    }
}

impl CountedIndex {
    /// Whether the snapshot holds just what is counted in. Between a commit and its note it doesn't.
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

    /// Whether no due hint was left to look at.
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
                // A record that can't be read is not alive.
                Err(StoreError::Corrupt { .. }) => self.add(index_time.0),
                Err(error) => return Err(error),
            }
            self.last = Some(index_time);
        }
        Ok(true)
    }

    /// Counts those dead that died until `now`.
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
