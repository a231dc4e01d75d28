//! Reads from the newest committed snapshot, on the caller's own thread. A read takes a few microseconds.
//!
//! Invariant: a snapshot joins an overlay view with tables that hold no batch newer than the view.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ::redb::{ReadTransaction, ReadableTableMetadata};

use super::database_slot::{DAMAGED_PAGE, DatabaseSlot};
use super::due_entries::DueEntries;
use super::expired_count::{Counter, ExpiryEntry};
use super::meta::Meta;
use super::overlay::{Merged, Overlay, OverlayView, QuestionEnd};
use super::quizzes::{self, QuestionName, Questions, QuizReader};
use super::row_changes::{QuestionRow, SessionRow};
use super::{EVENTS, EXPIRY_INDEX, JOINS, QUESTION_ENDS, QUESTIONS, QUIZZES, SESSIONS, Stored, events};
use crate::domain::{Event, GameSession, JoinCode, Life, Millis, Quiz, Sequence, SessionId, SessionState, Timestamp};
use crate::store::contract::EventPage;
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;
use crate::store::page::Budget;
use crate::store::panics;

/// Most expiry entries that one call of `counts` examines, so that its caller does not wait long.
const LOOK: usize = 256;
/// The same for the writer's `look_ahead`. It is less, because players wait meanwhile.
const LOOK_AHEAD: usize = 64;

/// How many sessions are stored, and how many of them are known to have expired.
#[derive(Default)]
pub(super) struct RecordCounts {
    pub(super) records: u64,
    pub(super) dead: u64,
    /// Whether `dead` includes all expired sessions.
    pub(super) is_all: bool,
}

/// What reads need. Callers, the writer and the checkpoint thread share it.
pub(super) struct Reader {
    pub(super) slot: DatabaseSlot,
    pub(super) quizzes: QuizReader,
    /// The file's random number, which is a part of every epoch.
    pub(super) random: u64,
    /// Sessions that could not be read lately. They fail at once until they are tried again.
    pub(super) damaged: Damaged,
    pub(super) counter: Counter,
    /// Rows that are committed to the log and may not be in the tables yet.
    pub(super) overlay: Overlay,
    /// Set once a page of the expiry index could not be read.
    index_damage: AtomicBool,
}

/// Everything that is committed at one point in time: redb's tables with the overlay over them.
pub(super) struct ReadSnapshot<'a> {
    pub(super) view: &'a OverlayView,
    pub(super) transaction: &'a ReadTransaction,
    pub(super) damaged: &'a Damaged,
    pub(super) sessions: ::redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(super) quizzes: &'a QuizReader,
    /// Set once a page of the expiry index could not be read.
    pub(super) index_damage: &'a AtomicBool,
}

impl<'a> ReadSnapshot<'a> {
    fn new(view: &'a OverlayView, transaction: &'a ReadTransaction, reader: &'a Reader) -> StoreResult<Self> {
        let sessions = transaction.open_table(SESSIONS).map_err(StoreError::unavailable)?;
        Ok(Self {
            view,
            transaction,
            damaged: &reader.damaged,
            sessions,
            quizzes: &reader.quizzes,
            index_damage: &reader.index_damage,
        })
    }

    /// A session's record, live or not; `None` if there is none.
    pub(super) fn stored(&self, id: &SessionId) -> StoreResult<Option<Stored>> {
        let what = || format!("state of {id:?}");
        if let Some(row) = self.view.session(id) {
            return row.map(|row| row.stored(what)).transpose();
        }
        guarded(what, || {
            let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
            let Some(bytes) = bytes else { return self.is_absent(id).map(|()| None) };
            format::decode(bytes.value(), what).map(Some)
        })
    }

    /// Checks that a session without a record really does not exist. Every session also has a row in
    /// `quizzes`: if that row is left, the record was lost, which is `Corrupt`.
    fn is_absent(&self, id: &SessionId) -> StoreResult<()> {
        if self.view.quiz(id).is_some() {
            return Ok(());
        }
        let table = self.transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?;
        match table.get(id.as_bytes()).map_err(StoreError::unavailable)? {
            None => Ok(()),
            Some(_) => Err(StoreError::Corrupt { what: format!("state of {id:?}: missing") }),
        }
    }

    /// A whole session, live or not, with its index time.
    pub(super) fn session(&self, id: &SessionId) -> StoreResult<Option<(GameSession, Timestamp)>> {
        guarded(|| format!("session {id:?}"), || self.whole(id))
    }

    fn whole(&self, id: &SessionId) -> StoreResult<Option<(GameSession, Timestamp)>> {
        if let Some(Some(SessionRow::State { index_time, state, quiz: Some(quiz) })) = self.view.session(id) {
            let (state, quiz) = (SessionState::clone(state), Some(quiz.clone()));
            return Ok(Some((GameSession { id: id.clone(), state, quiz }, *index_time)));
        }
        let Some(Stored { index_time, state }) = self.stored(id)? else { return Ok(None) };
        let quiz = if state.game.has_quiz() { Some(self.quiz(id, state.nonce)?) } else { None };
        Ok(Some((GameSession { id: id.clone(), state, quiz }, index_time)))
    }

    fn quiz(&self, id: &SessionId, nonce: u64) -> StoreResult<Arc<Quiz>> {
        if let Some(quiz) = self.quizzes.cache.get(id, nonce) {
            return Ok(quiz);
        }
        let missing = || StoreError::Corrupt { what: format!("quiz of {id:?}: missing") };
        let read = |name: &QuestionName| self.questions(name);
        if let Some(record) = self.view.quiz(id) {
            return self.quizzes.decode(id, nonce, record.ok_or_else(missing)?, read);
        }
        let table = self.transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?;
        let bytes = table.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        self.quizzes.decode(id, nonce, bytes.ok_or_else(missing)?.value(), read)
    }

    fn questions(&self, name: &QuestionName) -> StoreResult<Questions> {
        let missing = || quizzes::missing_question(name);
        let read = || quizzes::decode_questions(name, &self.question_row(name)?.ok_or_else(missing)?.record);
        read().inspect_err(|error| {
            if matches!(error, StoreError::Corrupt { .. }) {
                self.quizzes.note_damaged(name);
            }
        })
    }

    /// Until when a question is kept; `None` if it is missing or can't be read. If it is known to be kept
    /// until `needed`, the answer comes from memory and may be earlier than the stored end.
    pub(super) fn question_end(&self, name: &QuestionName, needed: Timestamp) -> StoreResult<Option<Timestamp>> {
        if let Some(end) = self.quizzes.known_end(name).filter(|end| *end >= needed) {
            return Ok(Some(end));
        }
        let end = match self.question_row(name) {
            Err(StoreError::Corrupt { .. }) => None,
            row => row?.map(|row| row.until),
        };
        end.into_iter().for_each(|end| self.quizzes.note_end(name, end));
        Ok(end)
    }

    /// The row of a question; `None` if it is missing.
    pub(super) fn question_row(&self, name: &QuestionName) -> StoreResult<Option<QuestionRow>> {
        if let Some(row) = self.view.question(name) {
            return Ok(row.cloned());
        }
        guarded(
            || quizzes::question_what(name),
            || {
                let table = self.transaction.open_table(QUESTIONS).map_err(StoreError::unavailable)?;
                let row = table.get(name).map_err(StoreError::unavailable)?;
                row.map(|row| quizzes::question_row(name, row.value())).transpose()
            },
        )
    }

    /// The names of a session's question rows; empty if it has no quiz.
    pub(super) fn question_names(&self, id: &SessionId) -> StoreResult<Vec<QuestionName>> {
        let what = || format!("quiz of {id:?}");
        if let Some(record) = self.view.quiz(id) {
            return record.map_or(Ok(Vec::new()), |record| quizzes::names(record, what));
        }
        guarded(what, || {
            let table = self.transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?;
            let bytes = table.get(id.as_bytes()).map_err(StoreError::unavailable)?;
            bytes.map_or(Ok(Vec::new()), |bytes| quizzes::names(bytes.value(), what))
        })
    }

    /// Ends of questions at or before `now`, earliest first.
    pub(super) fn question_ends(&self, now: Timestamp) -> StoreResult<Merged<'_, QuestionEnd>> {
        let table = self.transaction.open_table(QUESTION_ENDS).map_err(StoreError::unavailable)?;
        let rows = table.range(..(now.as_millis().saturating_add(1), &[0; 16])).map_err(StoreError::unavailable)?;
        let base = rows.map(|row| {
            let (key, _) = row.map_err(StoreError::unavailable)?;
            let (until, name) = key.value();
            Ok((Timestamp::from_millis(until), *name))
        });
        let range = (Bound::Unbounded, Bound::Excluded((now.plus(Millis(1)), [0; 16])));
        Ok(self.view.over_question_ends(base, range))
    }

    /// The session that holds a join code, live or not.
    pub(super) fn holder(&self, code: &JoinCode) -> StoreResult<Option<SessionId>> {
        if let Some(holder) = self.view.holder(code) {
            return Ok(holder.cloned());
        }
        let table = self.transaction.open_table(JOINS).map_err(StoreError::unavailable)?;
        let bytes = table.get(code.as_str()).map_err(StoreError::unavailable)?;
        Ok(bytes.and_then(|bytes| SessionId::from_bytes(bytes.value())))
    }

    /// Events from `first` on, as many as `budget` takes.
    pub(super) fn events(&self, id: &SessionId, first: Sequence, budget: &mut Budget) -> StoreResult<Vec<Event>> {
        guarded(|| format!("events of {id:?}"), || self.page(id, first, budget))
    }

    fn page(&self, id: &SessionId, first: Sequence, budget: &mut Budget) -> StoreResult<Vec<Event>> {
        // A read of the session alone pays nothing for its log.
        if budget.is_spent() {
            return Ok(Vec::new());
        }
        let (newest, kept) = self.view.events(id, first);
        // An event that the tables have too is taken from the overlay, whose row is newer.
        let end = newest.first().map_or(u64::MAX, |row| row.event.sequence.0 - 1);
        let mut page = Vec::new();
        if kept.0 <= end {
            let table = self.transaction.open_table(EVENTS).map_err(StoreError::unavailable)?;
            let range = table.range((id.as_bytes(), kept.0)..=(id.as_bytes(), end));
            let mut rows = range.map_err(StoreError::unavailable)?;
            while !budget.is_spent() {
                let Some(row) = rows.next() else { break };
                let (key, bytes) = row.map_err(StoreError::unavailable)?;
                let event = events::decode(bytes.value(), || format!("event {} of {id:?}", key.value().1))?;
                if budget.takes(&event) {
                    page.push(event);
                }
            }
        }
        for row in newest {
            if budget.is_spent() {
                break;
            }
            if budget.takes(&row.event) {
                page.push(row.event.clone());
            }
        }
        Ok(page)
    }

    /// Expiry entries whose time is `now` or earlier, earliest first, beginning after `after`.
    pub(super) fn due_entries(
        &self,
        now: Timestamp,
        after: Option<&ExpiryEntry>,
    ) -> StoreResult<Merged<'_, ExpiryEntry>> {
        let table = self.transaction.open_table(EXPIRY_INDEX).map_err(StoreError::unavailable)?;
        let end = (now.plus(Millis(1)), SessionId::first());
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        let is_over = after.is_some_and(|after| *after >= end);
        // Nothing is left then. An empty range is needed: one whose start is behind its end panics.
        let range =
            if is_over { (Bound::Included(end.clone()), Bound::Excluded(end)) } else { (from, Bound::Excluded(end)) };
        let due = DueEntries::after(table, after, now, self.index_damage);
        Ok(self.view.over_expiry_index(due, range))
    }

    /// A session's index time and its life, without decoding its game.
    pub(super) fn life(&self, id: &SessionId) -> StoreResult<Option<(Timestamp, Life)>> {
        let what = || format!("life of {id:?}");
        match self.view.session(id) {
            Some(Some(SessionRow::State { index_time, state, .. })) => {
                return Ok(Some((*index_time, state.life.clone())));
            }
            Some(Some(SessionRow::Record(record))) => return format::decode_prefix(record, what).map(Some),
            Some(None) => return Ok(None),
            None => {}
        }
        guarded(what, || {
            let bytes = self.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
            bytes.map(|bytes| format::decode_prefix(bytes.value(), what)).transpose()
        })
    }

    /// The number of the last batch in the snapshot.
    pub(super) fn batch(&self) -> StoreResult<u64> {
        // The tables lag behind the view if there is a log. Without one the tables may be ahead of it.
        Meta::batches(self.transaction).map(|batch| batch.max(self.view.batch))
    }

    /// How many sessions are stored, live or not.
    fn records(&self) -> StoreResult<u64> {
        let stored = self.sessions.len().map_err(StoreError::unavailable)?;
        if self.view.is_empty() {
            return Ok(stored);
        }
        Ok(stored.saturating_add_signed(self.view.added(Meta::batches(self.transaction)?)))
    }
}

/// Runs a read over which redb may panic. redb panics over a damaged page: then only this read fails, with
/// `Corrupt`.
pub(super) fn guarded<T>(what: impl Fn() -> String, read: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
    panics::catch(read).map_err(|met| {
        tracing::debug!(met, "a page of the file cannot be read");
        StoreError::Corrupt { what: format!("{}: {DAMAGED_PAGE}", what()) }
    })?
}

/// Whether a page of an event log is complete: it has every sequence from `first` on, up to the head of the
/// log or until the page is full.
pub(super) fn without_gaps(events: &[Event], first: Sequence, head: Sequence, is_page_full: bool) -> bool {
    let (kept, found) = ((head.0 + 1).saturating_sub(first.0), events.len() as u64);
    let is_whole = found == kept || (is_page_full && found < kept);
    is_whole && events.iter().zip(first.0..).all(|(event, sequence)| event.sequence.0 == sequence)
}

impl Reader {
    pub(super) fn new(slot: DatabaseSlot, quizzes: QuizReader, random: u64) -> Self {
        let (damaged, counter, overlay, index_damage) = Default::default();
        Self { slot, quizzes, random, damaged, counter, overlay, index_damage }
    }

    /// The ids of at most `limit` sessions after `cursor`, live or not, in ascending order.
    pub(super) fn ids(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.look(|snapshot| {
            let from = cursor.map_or(Bound::Unbounded, |id| Bound::Excluded(id.as_bytes()));
            let rows = snapshot.sessions.range::<&[u8]>((from, Bound::Unbounded));
            let base = rows.map_err(StoreError::unavailable)?.map(|row| {
                let (key, _) = row.map_err(StoreError::unavailable)?;
                let what = || StoreError::Corrupt { what: "a session's key".to_owned() };
                SessionId::from_bytes(key.value()).ok_or_else(what)
            });
            snapshot.view.over_ids(base, cursor).take(limit).collect()
        })
    }

    /// Runs `act` on the newest snapshot.
    pub(super) fn look<T>(&self, act: impl FnOnce(&ReadSnapshot<'_>) -> StoreResult<T>) -> StoreResult<T> {
        self.slot.with_reads(|begin| {
            loop {
                // The view is taken before the tables are opened: `fits` depends on this order.
                let view = self.overlay.view();
                let transaction = begin()?;
                // If not, a checkpoint may have written batches to the tables that the view does not have:
                // take both again.
                if self.overlay.fits(&view) {
                    return act(&ReadSnapshot::new(&view, &transaction, self)?);
                }
            }
        })
    }

    /// The same for one session. Fails at once if the session could not be read lately.
    fn look_at<T>(&self, id: &SessionId, act: impl FnOnce(&ReadSnapshot<'_>) -> StoreResult<T>) -> StoreResult<T> {
        self.damaged.look(id, || self.look(act))
    }

    pub(super) fn get(&self, id: &SessionId, now: Timestamp) -> StoreResult<Option<GameSession>> {
        let session = self.look_at(id, |snapshot| snapshot.session(id))?;
        Ok(session.map(|(session, _)| session).filter(|session| session.is_live(now)))
    }

    /// Decodes a session's quiz into the cache on the caller's thread, so that the one writer does not have
    /// to. Decoding is the most expensive part of a command on a game that was not used lately. Errors are
    /// ignored here: the writer meets them again.
    pub(super) fn warm(&self, id: &SessionId) {
        let is_at_hand = || match self.overlay.view().session(id) {
            Some(Some(SessionRow::State { state, quiz, .. })) => quiz.is_some() || !state.game.has_quiz(),
            _ => false,
        };
        if !self.quizzes.cache.knows(id) && !is_at_hand() {
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
            let epoch = session.epoch(self.random);
            Ok(Some(EventPage { session, events, epoch }))
        })
    }

    pub(super) fn find(&self, code: &JoinCode, now: Timestamp) -> StoreResult<Option<SessionId>> {
        self.look(|snapshot| {
            let Some(id) = guarded(|| "a join code".to_owned(), || snapshot.holder(code))? else { return Ok(None) };
            let stored = self.damaged.look(&id, || snapshot.stored(&id))?;
            // A code is deleted in the same batch as its session, so the record must be there.
            let stored = stored.ok_or_else(|| StoreError::Corrupt { what: format!("state of {id:?}: missing") })?;
            // Damage must not lead a player into another room.
            if stored.state.join_code.as_ref() != Some(code) {
                return Err(StoreError::Corrupt { what: format!("the join code of {id:?}: it has another one") });
            }
            Ok(stored.state.life.is_live(now).then_some(id))
        })
    }

    pub(super) fn counts(&self, now: Timestamp) -> StoreResult<RecordCounts> {
        self.look(|snapshot| {
            let records = snapshot.records()?;
            let (dead, is_all) = self.counter.count(snapshot, now, LOOK)?;
            Ok(RecordCounts { records, dead, is_all })
        })
    }

    /// Whether no session is stored.
    pub(super) fn is_empty(&self) -> StoreResult<bool> {
        self.look(|snapshot| Ok(snapshot.records()? == 0))
    }

    /// Examines expiry entries that became due, so that the next count has less to do. Errors are ignored
    /// here: the next count meets them again.
    pub(super) fn look_ahead(&self, now: Timestamp) {
        if self.counter.is_look_due(now) {
            drop(self.look(|snapshot| self.counter.look_ahead(snapshot, now, LOOK_AHEAD)));
        }
    }
}
