//! The rows of one table, session by session.

use std::collections::BTreeMap;

use super::super::new_file::RawRow;
use super::super::pages::{Cursor, DamagedPage, Row};

/// Which session a row belongs to, from its key. `None` if the key is of no session.
pub(super) type IdOf = fn(&[u8]) -> Option<&[u8]>;

/// The key of `sessions` and `quizzes` is the id.
pub(super) fn whole_key(key: &[u8]) -> Option<&[u8]> {
    Some(key)
}

/// The id in a key of `events`: the length of the id, the id, the sequence.
pub(super) fn event_id(key: &[u8]) -> Option<&[u8]> {
    // Longer ids than this would have a longer length. There are none.
    let (length, rest) = key.split_first().filter(|(length, _)| **length < 254)?;
    rest.get(..usize::from(*length)).filter(|id| rest.len() == id.len() + size_of::<u64>())
}

/// The sequence in a key of `events`.
pub(super) fn event_sequence(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Where a row stands in the order of a table: id and sequence. Tables without sequences have one row for each id.
type RowOrder = (Vec<u8>, u64);

/// Reads a table in the order of session ids.
pub(super) struct Feed<'f> {
    cursor: Cursor<'f>,
    id_of: IdOf,
    /// The next row, and the one after it.
    next: Option<Row>,
    ahead: Option<Row>,
    /// The place of the last row that was given.
    last: Option<RowOrder>,
    /// Rows of damaged pages, and rows in a wrong place, by session id.
    suspects: BTreeMap<Vec<u8>, Vec<RawRow>>,
}

impl<'f> Feed<'f> {
    pub(super) fn new(cursor: Cursor<'f>, id_of: IdOf) -> Self {
        let mut feed = Self { cursor, id_of, next: None, ahead: None, last: None, suspects: BTreeMap::new() };
        feed.ahead = feed.read();
        feed.next = feed.next_in_order();
        feed
    }

    fn advance(&mut self) -> Option<Row> {
        let next = self.next_in_order();
        std::mem::replace(&mut self.next, next)
    }

    fn read(&mut self) -> Option<Row> {
        let row = self.cursor.next();
        for suspect in std::mem::take(&mut self.cursor.suspects) {
            self.suspect((suspect.key, suspect.value));
        }
        row
    }

    fn suspect(&mut self, row: RawRow) {
        let id = (self.id_of)(&row.0).unwrap_or(&row.0).to_vec();
        self.suspects.entry(id).or_default().push(row);
    }

    /// The place of a row in the order of ids.
    fn place(&self, row: &Row) -> RowOrder {
        let id = (self.id_of)(&row.key).unwrap_or(&row.key).to_vec();
        (id, event_sequence(&row.key).unwrap_or_default())
    }

    /// The next row that lies behind the last one. A row with a flipped bit in its key stands in a wrong place, on a
    /// page that is right if redb has written it anew since. One such row must not hide all others.
    fn next_in_order(&mut self) -> Option<Row> {
        loop {
            let row = self.ahead.take()?;
            self.ahead = self.read();
            let place = self.place(&row);
            let follows = |place: &RowOrder| self.last.as_ref().is_none_or(|last| last < place);
            let is_too_far = self
                .ahead
                .as_ref()
                .map(|ahead| self.place(ahead))
                .is_some_and(|ahead| ahead < place && follows(&ahead));
            if follows(&place) && !is_too_far {
                self.last = Some(place);
                return Some(row);
            }
            self.suspect((row.key, row.value));
        }
    }

    /// The session of the next row; `None` if no row is left.
    pub(super) fn next_id(&self) -> Option<&[u8]> {
        self.next.as_ref().and_then(|row| (self.id_of)(&row.key).or(Some(&row.key)))
    }

    /// Takes the next row if it belongs to this session.
    pub(super) fn take(&mut self, id: &[u8]) -> Option<Row> {
        if self.next_id() == Some(id) { self.advance() } else { None }
    }

    /// Takes the rows of a session that damaged pages have.
    pub(super) fn take_suspects(&mut self, id: &[u8]) -> Vec<RawRow> {
        self.suspects.remove(id).unwrap_or_default()
    }

    /// A session of which only damaged pages have rows, once no row is left.
    pub(super) fn id_left(&self) -> Option<&[u8]> {
        self.suspects.keys().next().map(|id| &**id)
    }

    /// The damaged pages that were met.
    pub(super) fn into_damaged(self) -> Vec<DamagedPage> {
        self.cursor.damaged
    }
}
