//! Reading the newest committed snapshot, on the caller's own thread: a few microseconds.

use std::ops::Bound;
use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTableMetadata};

use super::counter::{Counter, Hint};
use super::meta::Meta;
use super::quizzes::QuizReader;
use super::slot::Slot;
use super::{EVENTS, HINTS, JOINS, QUIZZES, SESSIONS, Stored, events};
use crate::domain::{Event, GameSession, JoinCode, Life, Quiz, Sequence, SessionId, Timestamp};
use crate::store::contract::EventPage;
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// How many hints one look looks at, so that nobody waits long for it; the writer's has players wait.
const LOOK: usize = 256;
const LOOK_AHEAD: usize = 64;

/// How many sessions are stored, and how many of them are known to be dead.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) dead: u64,
    /// Whether no others are dead.
    pub(super) is_all: bool,
}

pub(super) struct Reader {
    pub(super) slot: Slot,
    pub(super) quizzes: QuizReader,
    pub(super) random: u64,
    pub(super) damaged: Damaged,
    pub(super) counter: Counter,
}

/// A session's tables in one snapshot.
pub(super) struct Snapshot<'a> {
    pub(super) transaction: &'a ReadTransaction,
    pub(super) damaged: &'a Damaged,
    pub(super) sessions: ::redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    quizzes: &'a QuizReader,
}

impl<'a> Snapshot<'a> {
    fn new(transaction: &'a ReadTransaction, reader: &'a Reader) -> StoreResult<Self> {
        let sessions = transaction.open_table(SESSIONS).map_err(StoreError::unavailable)?;
        Ok(Self { transaction, damaged: &reader.damaged, sessions, quizzes: &reader.quizzes })
    }

    /// A session's record, alive or not.
    pub(super) fn stored(&self, id: &SessionId) -> StoreResult<Option<Stored>> {
        let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        bytes.map(|bytes| format::decode(bytes.value(), || format!("state of {id:?}"))).transpose()
    }

    /// A session whole, with the hint under which it is filed.
    pub(super) fn session(&self, id: &SessionId) -> StoreResult<Option<(GameSession, Timestamp)>> {
        let Some(Stored { hint, state }) = self.stored(id)? else { return Ok(None) };
        let quiz = if state.game.has_quiz() { Some(self.quiz(id, state.nonce)?) } else { None };
        Ok(Some((GameSession { id: id.clone(), state, quiz }, hint)))
    }

    fn quiz(&self, id: &SessionId, nonce: u64) -> StoreResult<Arc<Quiz>> {
        if let Some(quiz) = self.quizzes.cache.get(id, nonce) {
            return Ok(quiz);
        }
        let table = self.transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?;
        let bytes = table.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        let what = || format!("quiz of {id:?}");
        let bytes = bytes.ok_or_else(|| StoreError::Corrupt { what: format!("{}: missing", what()) })?;
        self.quizzes.decode(id, nonce, bytes.value(), what)
    }

    /// The session that a join code names, alive or not.
    pub(super) fn holder(&self, code: &JoinCode) -> StoreResult<Option<SessionId>> {
        let table = self.transaction.open_table(JOINS).map_err(StoreError::unavailable)?;
        let bytes = table.get(code.as_str()).map_err(StoreError::unavailable)?;
        Ok(bytes.and_then(|bytes| SessionId::from_bytes(bytes.value())))
    }

    /// At most `limit` events from `first` on.
    pub(super) fn events(&self, id: &SessionId, first: Sequence, limit: usize) -> StoreResult<Vec<Event>> {
        let table = self.transaction.open_table(EVENTS).map_err(StoreError::unavailable)?;
        let range = table.range((id.as_bytes(), first.0)..=(id.as_bytes(), u64::MAX));
        let rows = range.map_err(StoreError::unavailable)?.take(limit);
        rows.map(|row| {
            let (key, bytes) = row.map_err(StoreError::unavailable)?;
            events::decode(bytes.value(), || format!("event {} of {id:?}", key.value().1))
        })
        .collect()
    }

    /// The hints that say to look at `now` or before, soonest first, beginning after this one.
    pub(super) fn due_hints(
        &self,
        now: Timestamp,
        after: Option<&Hint>,
    ) -> StoreResult<impl Iterator<Item = StoreResult<Hint>> + use<>> {
        let table = self.transaction.open_table(HINTS).map_err(StoreError::unavailable)?;
        let beyond = (now.as_millis().saturating_add(1), &[][..]);
        let after = after.map(|(time, id)| (time.as_millis(), id.as_bytes())).filter(|after| *after < beyond);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = table.range::<(u64, &[u8])>((from, Bound::Excluded(beyond))).map_err(StoreError::unavailable)?;
        Ok(rows.map(|row| {
            let (key, _) = row.map_err(StoreError::unavailable)?;
            let (time, id) = key.value();
            let what = || StoreError::Corrupt { what: "a hint's key".to_owned() };
            Ok((Timestamp::from_millis(time), SessionId::from_bytes(id).ok_or_else(what)?))
        }))
    }

    /// The life in a session's record, and its hint, without decoding the game.
    pub(super) fn life(&self, id: &SessionId) -> StoreResult<Option<(Timestamp, Life)>> {
        let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        bytes.map(|bytes| format::decode_prefix(bytes.value(), || format!("life of {id:?}"))).transpose()
    }

    /// The number of the batch that it ends with.
    pub(super) fn batch(&self) -> StoreResult<u64> {
        Meta::batches(self.transaction)
    }
}

impl Reader {
    pub(super) fn new(slot: Slot, quizzes: QuizReader, random: u64) -> Self {
        Self { slot, quizzes, random, damaged: Damaged::default(), counter: Counter::default() }
    }

    /// Lets `act` look at the newest snapshot.
    pub(super) fn look<T>(&self, act: impl FnOnce(&Snapshot<'_>) -> StoreResult<T>) -> StoreResult<T> {
        self.slot.read(|transaction| act(&Snapshot::new(transaction, self)?))
    }

    pub(super) fn get(&self, id: &SessionId, now: Timestamp) -> StoreResult<Option<GameSession>> {
        let session = self.look(|snapshot| snapshot.session(id))?;
        Ok(session.map(|(session, _)| session).filter(|session| session.is_live(now)))
    }

    /// Decodes a session's quiz on the caller's thread, so that the one writer need not: that is
    /// the dearest part of an answer to a game that was not used lately. Failures are the writer's
    /// to meet.
    pub(super) fn warm(&self, id: &SessionId) {
        if !self.quizzes.cache.knows(id) {
            let _ = self.look(|snapshot| snapshot.session(id));
        }
    }

    pub(super) fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        now: Timestamp,
    ) -> StoreResult<Option<EventPage>> {
        self.look(|snapshot| {
            let Some((session, _)) = snapshot.session(id)?.filter(|(session, _)| session.is_live(now)) else {
                return Ok(None);
            };
            let log = session.log();
            let events = snapshot.events(id, Sequence(after.0.saturating_add(1)), limit)?;
            Ok(Some(EventPage { events, head: log.head, oldest: log.oldest, epoch: session.epoch(self.random) }))
        })
    }

    pub(super) fn find(&self, code: &JoinCode, now: Timestamp) -> StoreResult<Option<SessionId>> {
        self.look(|snapshot| {
            let Some(id) = snapshot.holder(code)? else { return Ok(None) };
            let stored = snapshot.stored(&id)?;
            Ok(stored.filter(|stored| stored.state.life.is_live(now)).map(|_| id))
        })
    }

    pub(super) fn counts(&self, now: Timestamp) -> StoreResult<Counts> {
        self.look(|snapshot| {
            let records = snapshot.sessions.len().map_err(StoreError::unavailable)?;
            let (dead, is_all) = self.counter.count(snapshot, now, LOOK)?;
            Ok(Counts { records, dead, is_all })
        })
    }

    /// Looks at what has become due, so that whoever counts finds that done. What fails is met again
    /// by them.
    pub(super) fn look_ahead(&self, now: Timestamp) {
        if self.counter.is_look_due(now) {
            drop(self.look(|snapshot| self.counter.look_ahead(snapshot, now, LOOK_AHEAD)));
        }
    }
}
