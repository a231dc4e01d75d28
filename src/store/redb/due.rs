//! What is due by the index. A damaged page of the index is passed over: what it held is found again
//! only when its sessions are touched, and all others are looked after.

use std::ops::Bound;

use ::redb::{Range, ReadOnlyTable};

use super::counter::Hint;
use crate::domain::{SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

type Index = ReadOnlyTable<(u64, &'static [u8]), ()>;

/// Hints that are due, soonest first.
pub(super) struct DueHints {
    index: Index,
    rows: Option<Range<'static, (u64, &'static [u8]), ()>>,
    /// The time of the last hint that was read, and the first that is not due.
    last: u64,
    end: u64,
}

impl DueHints {
    /// Those after this one, up to `now`.
    pub(super) fn after(index: Index, after: Option<&Hint>, now: Timestamp) -> Self {
        let end = now.as_millis().saturating_add(1);
        let last = after.map_or(0, |(time, _)| time.as_millis());
        let from = after.map_or(Bound::Unbounded, |(time, id)| Bound::Excluded((time.as_millis(), id.as_bytes())));
        let mut hints = Self { index, rows: None, last, end };
        if last < end {
            hints.rows = hints.rows_from(from);
            if hints.rows.is_none() {
                hints.pass_damage();
            }
        }
        hints
    }

    /// The rows from here on; `None` if they can't be read.
    fn rows_from(&self, from: Bound<(u64, &[u8])>) -> Option<Range<'static, (u64, &'static [u8]), ()>> {
        let end = Bound::Excluded((self.end, &[][..]));
        panics::catch(|| self.index.range::<(u64, &[u8])>((from, end)).ok()).ok().flatten()
    }

    /// Whether what is due at this time, or next after it, can be read.
    fn is_readable_from(&self, time: u64) -> bool {
        let rows = self.rows_from(Bound::Included((time, &[])));
        rows.is_some_and(|mut rows| panics::catch(|| rows.next().is_none_or(|row| row.is_ok())).unwrap_or(false))
    }

    /// Goes on behind a damaged page.
    fn pass_damage(&mut self) {
        let (mut damaged, mut readable) = (self.last, self.end);
        while readable - damaged > 1 {
            let middle = damaged + (readable - damaged) / 2;
            if self.is_readable_from(middle) { readable = middle } else { damaged = middle }
        }
        self.last = readable;
        self.rows = if readable < self.end { self.rows_from(Bound::Included((readable, &[]))) } else { None };
    }
}

impl Iterator for DueHints {
    type Item = StoreResult<Hint>;

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
                    self.last = time;
                    Ok((Timestamp::from_millis(time), id))
                }
            });
        }
    }
}
