//! What is due by the index. A damaged page of the index is passed over: what it held is found again
//! only when its sessions are touched, and all others are looked after.

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{Range, ReadOnlyTable};

use super::counter::ExpiryEntry;
use crate::domain::{SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

type ExpiryTable = ReadOnlyTable<(u64, &'static [u8]), ()>;

/// Hints that are due, soonest first.
pub(super) struct DueEntries<'a> {
    index: ExpiryTable,
    /// Set where a page can't be read.
    damage: &'a AtomicBool,
    rows: Option<Range<'static, (u64, &'static [u8]), ()>>,
    /// The last hint that was read: its time, and how its id begins.
    last: (u64, u128),
    /// The first time that is not due.
    end: u64,
}

impl<'a> DueEntries<'a> {
    /// Those after this one, up to `now`.
    pub(super) fn after(
        index: ExpiryTable,
        after: Option<&ExpiryEntry>,
        now: Timestamp,
        damage: &'a AtomicBool,
    ) -> Self {
        let end = now.as_millis().saturating_add(1);
        let last = after.map_or((0, 0), |(time, id)| (time.as_millis(), beginning(id.as_bytes())));
        let from = after.map_or(Bound::Unbounded, |(time, id)| Bound::Excluded((time.as_millis(), id.as_bytes())));
        let mut expiry_entries = Self { index, damage, rows: None, last, end };
        if last.0 < end {
            expiry_entries.rows = expiry_entries.rows_from(from);
            if expiry_entries.rows.is_none() {
                expiry_entries.pass_damage();
            }
        }
        expiry_entries
    }

    /// The rows from here on; `None` if they can't be read.
    fn rows_from(&self, from: Bound<(u64, &[u8])>) -> Option<Range<'static, (u64, &'static [u8]), ()>> {
        let end = Bound::Excluded((self.end, &[][..]));
        panics::catch(|| self.index.range::<(u64, &[u8])>((from, end)).ok()).ok().flatten()
    }

    /// Whether what is due from here on can be read, as far as its first entry.
    fn is_readable_from(&self, time: u64, id: u128) -> bool {
        let rows = self.rows_from(Bound::Included((time, &id.to_be_bytes())));
        rows.is_some_and(|mut rows| panics::catch(|| rows.next().is_none_or(|row| row.is_ok())).unwrap_or(false))
    }

    /// Goes on behind a damaged page: at the first time from which on all can be read, and before it at
    /// the first id of the time in which the page ends.
    fn pass_damage(&mut self) {
        self.damage.store(true, Ordering::Relaxed);
        let (last, id) = self.last;
        let time = first_of(last.into(), self.end.into(), |time| self.is_readable_from(time as u64, 0));
        let before = (time as u64).saturating_sub(1);
        let id = first_of(if before == last { id } else { 0 }, u128::MAX, |id| self.is_readable_from(before, id));
        self.last = if id == u128::MAX { (time as u64, 0) } else { (before, id) };
        self.rows = self.rows_from(Bound::Included((self.last.0, &self.last.1.to_be_bytes())));
    }
}

/// How an id begins: enough to tell a place in the index.
fn beginning(id: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = id.len().min(bytes.len());
    bytes[..length].copy_from_slice(&id[..length]);
    u128::from_be_bytes(bytes)
}

/// The first number after `low` for which it holds, where it does for all after that too; `high` if it
/// holds for none before.
fn first_of(mut low: u128, mut high: u128, holds: impl Fn(u128) -> bool) -> u128 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

impl Iterator for DueEntries<'_> {
    type Item = StoreResult<ExpiryEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rows = self.rows.as_mut()?;
            let Ok(row) = panics::catch(|| {
                let row = rows.next()?;
                Some(row.map(|(key, _)| {
                    let (time, id) = key.value();
                    (time, SessionId::from_bytes(id))
                }))
            }) else {
                self.pass_damage();
                continue;
            };
            return Some(match row? {
                Err(error) => Err(StoreError::unavailable(error)),
                Ok((_, None)) => Err(StoreError::Corrupt { what: "a hint's key".to_owned() }),
                Ok((time, Some(id))) => {
                    self.last = (time, beginning(id.as_bytes()));
                    Ok((Timestamp::from_millis(time), id))
                }
            });
        }
    }
}
