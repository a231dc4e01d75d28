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

/// Reads a table in the order of session ids.
pub(super) struct Feed<'f> {
    cursor: Cursor<'f>,
    id_of: IdOf,
    next: Option<Row>,
    /// Rows of damaged pages by session id.
    suspects: BTreeMap<Vec<u8>, Vec<RawRow>>,
}

impl<'f> Feed<'f> {
    pub(super) fn new(cursor: Cursor<'f>, id_of: IdOf) -> Self {
        let mut feed = Self { cursor, id_of, next: None, suspects: BTreeMap::new() };
        feed.advance();
        feed
    }

    fn advance(&mut self) -> Option<Row> {
        let next = self.cursor.next();
        for suspect in self.cursor.suspects.drain(..) {
            let id = (self.id_of)(&suspect.key).unwrap_or(&suspect.key).to_vec();
            self.suspects.entry(id).or_default().push((suspect.key, suspect.value));
        }
        std::mem::replace(&mut self.next, next)
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
