//! Reads due entries from the expiry index. A damaged page of the index is passed over. The sessions of its
//! entries are found again only when they are used; all others are found as usual.

use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{Range, ReadOnlyTable};

use super::expired_count::ExpiryEntry;
use crate::domain::{SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

type ExpiryTable = ReadOnlyTable<(u64, &'static [u8]), ()>;

/// Due entries of the expiry index, earliest first.
pub(super) struct DueEntries<'a> {
    index: ExpiryTable,
    /// Set when a page of the index can't be read.
    damage: &'a AtomicBool,
    /// The rows that come next; `None` if there are none, or they can't be read.
    rows: Option<Range<'static, (u64, &'static [u8]), ()>>,
    /// The last entry that was read: its time, and the beginning of its id.
    last: (u64, u128),
    /// The earliest time that is not due, in milliseconds.
    end: u64,
}

impl<'a> DueEntries<'a> {
    /// The entries after `after` whose time is `now` or earlier.
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

    /// The rows from `from` on; `None` if they can't be read.
    fn rows_from(&self, from: Bound<(u64, &[u8])>) -> Option<Range<'static, (u64, &'static [u8]), ()>> {
        let end = Bound::Excluded((self.end, &[][..]));
        panics::catch(|| self.index.range::<(u64, &[u8])>((from, end)).ok()).ok().flatten()
    }

    /// Whether the first due row from this position on can be read. True if there is none.
    fn is_readable_from(&self, time: u64, id: u128) -> bool {
        let rows = self.rows_from(Bound::Included((time, &id.to_be_bytes())));
        rows.is_some_and(|mut rows| panics::catch(|| rows.next().is_none_or(|row| row.is_ok())).unwrap_or(false))
    }

    /// Continues behind a damaged page. A binary search finds the earliest time from whose start on rows can
    /// be read. Another one finds the earliest such id within the time just before it, because the page may
    /// end between two ids of one time.
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

/// The first 16 bytes of an id as a number, which is enough to find a position in the index.
fn beginning(id: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = id.len().min(bytes.len());
    bytes[..length].copy_from_slice(&id[..length]);
    u128::from_be_bytes(bytes)
}

/// The first number after `low` for which `holds` is true; `high` if there is none before it. If `holds` is
/// true for a number, it must be true for all larger ones.
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
