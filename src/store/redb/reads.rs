//! Reading the newest committed snapshot, on the caller's own thread: a few microseconds.

use std::sync::Arc;

use ::redb::{ReadTransaction, ReadableTableMetadata};

use super::counter::{Counter, Hint};
use super::due::DueHints;
use super::meta::Meta;
use super::quizzes::QuizReader;
use super::slot::{DAMAGED_PAGE, Slot};
use super::{EVENTS, HINTS, JOINS, QUIZZES, SESSIONS, Stored, events};
use crate::domain::{Event, GameSession, JoinCode, Life, Quiz, Sequence, SessionId, Timestamp};
use crate::store::contract::EventPage;
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;
use crate::store::page::Budget;
use crate::store::panics;

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
    /// Sessions that could not be read lately.
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
        let what = || format!("state of {id:?}");
        guarded(what, || {
            let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
            let Some(bytes) = bytes else { return self.is_absent(id).map(|()| None) };
            format::decode(bytes.value(), what).map(Some)
        })
    }

    /// There is no record of the session. Each session has its place among the quizzes too, so one
    /// that has only that was damaged, and is no absence.
    fn is_absent(&self, id: &SessionId) -> StoreResult<()> {
        let table = self.transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?;
        match table.get(id.as_bytes()).map_err(StoreError::unavailable)? {
            None => Ok(()),
            Some(_) => Err(StoreError::Corrupt { what: format!("state of {id:?}: missing") }),
        }
    }

    /// A session whole, with the hint under which it is filed.
    pub(super) fn session(&self, id: &SessionId) -> StoreResult<Option<(GameSession, Timestamp)>> {
        guarded(|| format!("session {id:?}"), || self.whole(id))
    }

    fn whole(&self, id: &SessionId) -> StoreResult<Option<(GameSession, Timestamp)>> {
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

    /// Events from `first` on, as many as `budget` takes.
    pub(super) fn events(&self, id: &SessionId, first: Sequence, budget: &mut Budget) -> StoreResult<Vec<Event>> {
        guarded(|| format!("events of {id:?}"), || self.page(id, first, budget))
    }

    fn page(&self, id: &SessionId, first: Sequence, budget: &mut Budget) -> StoreResult<Vec<Event>> {
        let table = self.transaction.open_table(EVENTS).map_err(StoreError::unavailable)?;
        let range = table.range((id.as_bytes(), first.0)..=(id.as_bytes(), u64::MAX));
        let (mut rows, mut page) = (range.map_err(StoreError::unavailable)?, Vec::new());
        while !budget.is_spent() {
            let Some(row) = rows.next() else { break };
            let (key, bytes) = row.map_err(StoreError::unavailable)?;
            let event = events::decode(bytes.value(), || format!("event {} of {id:?}", key.value().1))?;
            if budget.takes(&event) {
                page.push(event);
            }
        }
        Ok(page)
    }

    /// The hints that say to look at `now` or before, soonest first, beginning after this one.
    pub(super) fn due_hints(&self, now: Timestamp, after: Option<&Hint>) -> StoreResult<DueHints> {
        let table = self.transaction.open_table(HINTS).map_err(StoreError::unavailable)?;
        Ok(DueHints::after(table, after, now))
    }

    /// The life in a session's record, and its hint, without decoding the game.
    pub(super) fn life(&self, id: &SessionId) -> StoreResult<Option<(Timestamp, Life)>> {
        let what = || format!("life of {id:?}");
        guarded(what, || {
            let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
            bytes.map(|bytes| format::decode_prefix(bytes.value(), what)).transpose()
        })
    }

    /// The number of the batch that it ends with.
    pub(super) fn batch(&self) -> StoreResult<u64> {
        Meta::batches(self.transaction)
    }
}

/// redb panics when it meets a damaged page: whoever needs that page can't be read, and nobody else.
pub(super) fn guarded<T>(what: impl Fn() -> String, read: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
    panics::catch(read).map_err(|met| {
        tracing::debug!(met, "a page of the file cannot be read");
        StoreError::Corrupt { what: format!("{}: {DAMAGED_PAGE}", what()) }
    })?
}

/// What a page of a log must hold: every number from `first` on, up to the log's end or the page's.
fn without_gaps(events: &[Event], first: Sequence, head: Sequence, is_page_full: bool) -> bool {
    let (kept, found) = ((head.0 + 1).saturating_sub(first.0), events.len() as u64);
    let is_whole = found == kept || (is_page_full && found < kept);
    is_whole && events.iter().zip(first.0..).all(|(event, sequence)| event.sequence.0 == sequence)
}

impl Reader {
    pub(super) fn new(slot: Slot, quizzes: QuizReader, random: u64) -> Self {
        Self { slot, quizzes, random, damaged: Damaged::default(), counter: Counter::default() }
    }

    /// Lets `act` look at the newest snapshot.
    pub(super) fn look<T>(&self, act: impl FnOnce(&Snapshot<'_>) -> StoreResult<T>) -> StoreResult<T> {
        self.slot.read(|transaction| act(&Snapshot::new(transaction, self)?))
    }

    /// The same for one session.
    fn look_at<T>(&self, id: &SessionId, act: impl FnOnce(&Snapshot<'_>) -> StoreResult<T>) -> StoreResult<T> {
        self.damaged.look(id, || self.look(act))
    }

    pub(super) fn get(&self, id: &SessionId, now: Timestamp) -> StoreResult<Option<GameSession>> {
        let session = self.look_at(id, |snapshot| snapshot.session(id))?;
        Ok(session.map(|(session, _)| session).filter(|session| session.is_live(now)))
    }

    /// Decodes a session's quiz on the caller's thread, so that the one writer need not: that is
    /// the dearest part of an answer to a game that was not used lately. Failures are the writer's
    /// to meet.
    pub(super) fn warm(&self, id: &SessionId) {
        if !self.quizzes.cache.knows(id) {
            let _ = self.look_at(id, |snapshot| snapshot.session(id));
        }
    }

    pub(super) fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        now: Timestamp,
    ) -> StoreResult<Option<EventPage>> {
        self.look_at(id, |snapshot| {
            let Some((session, _)) = snapshot.session(id)?.filter(|(session, _)| session.is_live(now)) else {
                return Ok(None);
            };
            let log = session.log();
            let first = Sequence(after.0.saturating_add(1)).max(log.oldest);
            let mut budget = Budget::page(limit);
            let mut events = snapshot.events(id, first, &mut budget)?;
            if !without_gaps(&events, first, log.head, budget.is_spent()) {
                return Err(StoreError::Corrupt { what: format!("events of {id:?}: some are missing") });
            }
            session.state.redact(&mut events);
            Ok(Some(EventPage { events, head: log.head, oldest: log.oldest, epoch: session.epoch(self.random) }))
        })
    }

    pub(super) fn find(&self, code: &JoinCode, now: Timestamp) -> StoreResult<Option<SessionId>> {
        self.look(|snapshot| {
            let Some(id) = guarded(|| "a join code".to_owned(), || snapshot.holder(code))? else { return Ok(None) };
            let stored = self.damaged.look(&id, || snapshot.stored(&id))?;
            // A code is deleted with its session.
            let stored = stored.ok_or_else(|| StoreError::Corrupt { what: format!("state of {id:?}: missing") })?;
            Ok(stored.state.life.is_live(now).then_some(id))
        })
    }

    pub(super) fn counts(&self, now: Timestamp) -> StoreResult<Counts> {
        self.look(|snapshot| {
            let records = snapshot.sessions.len().map_err(StoreError::unavailable)?;
            let (dead, is_all) = self.counter.count(snapshot, now, LOOK)?;
            Ok(Counts { records, dead, is_all })
        })
    }

    /// Whether nothing is stored.
    pub(super) fn is_empty(&self) -> StoreResult<bool> {
        self.look(|snapshot| snapshot.sessions.is_empty().map_err(StoreError::unavailable))
    }

    /// Looks at what has become due, so that whoever counts finds that done. What fails is met again
    /// by them.
    pub(super) fn look_ahead(&self, now: Timestamp) {
        if self.counter.is_look_due(now) {
            drop(self.look(|snapshot| self.counter.look_ahead(snapshot, now, LOOK_AHEAD)));
        }
    }
}
