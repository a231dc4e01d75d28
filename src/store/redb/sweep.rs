//! The sweep, as a part of a batch. It checks the sessions whose expiry entry is due, deletes those that have
//! expired, and moves the entry of the others to their deadline.
//!
//! Invariant: a damaged session is never deleted as expired. Only the beginning of a record is decoded, and
//! only after the checksum of the whole record was verified.

use std::sync::atomic::Ordering;

use ::redb::ReadOnlyTable;

use super::batch::{Batch, PreviousRow, Refiled, SessionChange};
use super::expired_count::ExpiryEntry;
use super::overlay::OverlayView;
use super::reads::{ReadSnapshot, guarded};
use super::row_changes::SessionRow;
use super::{EVENTS, EXPIRY_INDEX, QUIZZES};
use crate::domain::{JoinCode, Life, Moment, Owner, Sequence, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// Most expiry entries that one batch passes over, in addition to those that it handles.
const MOST_PASSED: usize = 1_024;

/// The result of one batch of a sweep.
#[derive(Default)]
pub(super) struct SweptBatch {
    /// Number of sessions that were deleted.
    pub(super) deleted: usize,
    /// How many of them were rooms whose game was not over.
    pub(super) unfinished_rooms: usize,
    /// Number of entries that were handled: deleted, moved or removed. Entries passed over don't count.
    pub(super) handled: usize,
    /// The entry after which the next batch continues; `None` if nothing more is due.
    pub(super) next: Option<ExpiryEntry>,
    /// Whether there may be more questions that no session needs.
    pub(super) has_questions_left: bool,
}

impl SweptBatch {
    /// Whether another batch would have something to do.
    pub(super) fn has_more(&self) -> bool {
        self.next.is_some() || self.has_questions_left
    }
}

/// What was done with an expiry entry.
enum SweepOutcome {
    /// Its session had expired, and is deleted. Whether it was a room whose game was not over.
    Deleted { is_unfinished_room: bool },
    /// The entry of a live session was moved, or an entry that belongs to no session was removed.
    Kept,
    /// Nothing: the session can't be read, or this batch changes it anyway.
    Passed,
}

/// A session's whole row, with the fields at its beginning decoded.
pub(super) struct RowHead {
    index_time: Timestamp,
    pub(super) life: Life,
    join_code: Option<JoinCode>,
    owner: Option<Owner>,
    row: SessionRow,
}

impl RowHead {
    /// The session's row in the snapshot, live or not; `None` if there is none.
    pub(super) fn of(snapshot: &ReadSnapshot<'_>, id: &SessionId) -> StoreResult<Option<Self>> {
        let what = || format!("state of {id:?}");
        if let Some(row) = snapshot.view.session(id) {
            return row.map(|row| Self::of_row(row.clone(), what)).transpose();
        }
        let record = snapshot.sessions.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        let Some(record) = record else { return Ok(None) };
        // Before decoding: only the checksum of the whole record tells that its beginning can be trusted.
        format::check(record.value(), what)?;
        Self::of_row(SessionRow::Record(record.value().to_vec()), what).map(Some)
    }

    fn of_row(row: SessionRow, what: impl Fn() -> String) -> StoreResult<Self> {
        let (index_time, life, join_code, owner) = match &row {
            SessionRow::State { index_time, state, .. } => {
                (*index_time, state.life.clone(), state.join_code.clone(), state.owner.clone())
            }
            SessionRow::Record(record) => {
                // The first fields of `Stored` and of `SessionState`, in their order.
                let prefix: (Timestamp, Life, u64, Option<JoinCode>, Option<Owner>) =
                    format::decode_prefix(record, what)?;
                let (index_time, life, _nonce, join_code, owner) = prefix;
                (index_time, life, join_code, owner)
            }
        };
        Ok(Self { index_time, life, join_code, owner, row })
    }
}

/// The other tables that hold rows of a session, with the overlay over them.
struct Rest<'s> {
    view: &'s OverlayView,
    quizzes: ReadOnlyTable<&'static [u8], &'static [u8]>,
    events: ReadOnlyTable<(&'static [u8], u64), &'static [u8]>,
    expiry_entries: ReadOnlyTable<(u64, &'static [u8]), ()>,
}

impl<'s> Rest<'s> {
    fn open(snapshot: &ReadSnapshot<'s>) -> StoreResult<Self> {
        let transaction = snapshot.transaction;
        Ok(Self {
            view: snapshot.view,
            quizzes: transaction.open_table(QUIZZES).map_err(StoreError::unavailable)?,
            events: transaction.open_table(EVENTS).map_err(StoreError::unavailable)?,
            expiry_entries: transaction.open_table(EXPIRY_INDEX).map_err(StoreError::unavailable)?,
        })
    }

    /// Whether the session has a row in `quizzes`. Every stored session has one.
    fn has_place(&self, id: &SessionId) -> StoreResult<bool> {
        match self.view.quiz(id) {
            Some(record) => Ok(record.is_some()),
            None => Ok(self.quizzes.get(id.as_bytes()).map_err(StoreError::unavailable)?.is_some()),
        }
    }

    /// Fails if the session's quiz record is damaged.
    fn check_quiz(&self, id: &SessionId) -> StoreResult<()> {
        if self.view.quiz(id).is_some() {
            return Ok(());
        }
        let quiz = self.quizzes.get(id.as_bytes()).map_err(StoreError::unavailable)?;
        let quiz = quiz.filter(|quiz| !quiz.value().is_empty());
        quiz.map_or(Ok(()), |quiz| format::check(quiz.value(), || format!("quiz of {id:?}")))
    }

    fn has_events(&self, id: &SessionId) -> StoreResult<bool> {
        let (newest, kept) = self.view.events(id, Sequence(0));
        if !newest.is_empty() {
            return Ok(true);
        }
        let rows = self.events.range((id.as_bytes(), kept.0)..=(id.as_bytes(), u64::MAX));
        Ok(rows.map_err(StoreError::unavailable)?.next().transpose().map_err(StoreError::unavailable)?.is_some())
    }

    fn has_expiry_entry(&self, index_time: Timestamp, id: &SessionId) -> StoreResult<bool> {
        if let Some(is_there) = self.view.has_expiry_entry(&(index_time, id.clone())) {
            return Ok(is_there);
        }
        let index_time =
            self.expiry_entries.get((index_time.as_millis(), id.as_bytes())).map_err(StoreError::unavailable)?;
        Ok(index_time.is_some())
    }
}

impl Batch<'_> {
    /// Takes due entries after `after` from the expiry index and checks the real deadline of each session. It
    /// deletes the session or moves its entry, for at most `most` sessions. A session that can't be read is
    /// passed over: its rows and its entry stay as they are.
    pub(super) fn sweep(&mut self, at: Moment, after: Option<&ExpiryEntry>, most: usize) -> StoreResult<SweptBatch> {
        let snapshot = self.snapshot;
        let rest = Rest::open(snapshot)?;
        let (mut swept, mut last) = (SweptBatch::default(), None);
        for (looked, due) in snapshot.due_entries(at.now, after)?.enumerate() {
            if swept.handled == most || looked == most + MOST_PASSED {
                swept.next = last;
                break;
            }
            let index_time = match due {
                Ok(index_time) => index_time,
                Err(StoreError::Corrupt { .. }) => continue,
                Err(error) => return Err(error),
            };
            match guarded(|| format!("session {:?}", index_time.1), || self.sweep_one(&rest, &index_time, at.now)) {
                Ok(SweepOutcome::Passed) => {}
                Ok(done) => {
                    swept.handled += 1;
                    if let SweepOutcome::Deleted { is_unfinished_room } = done {
                        swept.deleted += 1;
                        swept.unfinished_rooms += usize::from(is_unfinished_room);
                    }
                }
                Err(StoreError::Corrupt { what }) => snapshot.damaged.note(&index_time.1, &what),
                Err(error) => return Err(error),
            }
            last = Some(index_time);
        }
        // If a part of the index can't be read, sessions that are not found may need any of the questions:
        // remove none.
        if swept.next.is_none() && !self.snapshot.index_damage.load(Ordering::Relaxed) {
            let forgotten = guarded(|| "the index of questions".to_owned(), || self.forget_questions(at.now));
            swept.has_questions_left = match forgotten {
                // These questions stay as garbage. The sessions that were swept are deleted all the same.
                Err(StoreError::Corrupt { .. }) => false,
                forgotten => forgotten?,
            };
        }
        Ok(swept)
    }

    fn sweep_one(&mut self, rest: &Rest<'_>, index_time: &ExpiryEntry, now: Timestamp) -> StoreResult<SweepOutcome> {
        let (time, id) = index_time;
        if self.refiled.contains_key(id) || self.snapshot.damaged.known(id).is_some() {
            return Ok(SweepOutcome::Passed);
        }
        if self.changes.contains_key(id) {
            return self.sweep_changed(index_time, now);
        }
        let Some(head) = RowHead::of(self.snapshot, id)? else {
            if rest.has_place(id)? || rest.has_events(id)? {
                let what = format!("state of {id:?}: missing, and its quiz or events are there");
                return Err(StoreError::Corrupt { what });
            }
            self.stray_hints.push(index_time.clone());
            return Ok(SweepOutcome::Kept);
        };
        let is_filed = head.index_time == *time;
        if !is_filed {
            self.stray_hints.push(index_time.clone());
            if rest.has_expiry_entry(head.index_time, id)? {
                return Ok(SweepOutcome::Kept);
            }
            // The index has no other entry for this session. Its checksum was right, so its record is
            // trusted.
            tracing::warn!(session = id.short_hash(), "a wrong entry of the expiry index was found; it is corrected");
        }
        if head.life.is_live(now) {
            let to = head.life.deadline().0;
            let (from, row) = (is_filed.then_some(head.index_time), head.row.filed_at(to)?);
            self.keep_questions(id, to)?;
            self.refiled.insert(id.clone(), Refiled { from, to, row });
            return Ok(SweepOutcome::Kept);
        }
        rest.check_quiz(id)?;
        let had_events = rest.has_events(id)?;
        let (index_time, deadline) = (head.index_time, head.life.deadline().0);
        let is_unfinished_room = head.join_code.is_some() && !head.life.is_fixed();
        let (join_code, owner) = (head.join_code, head.owner);
        let before = PreviousRow { index_time, deadline, is_filed, had_events, join_code, owner };
        self.bury(id, before)?;
        Ok(SweepOutcome::Deleted { is_unfinished_room })
    }

    /// The same for a session that an earlier command of the batch has already loaded.
    fn sweep_changed(&mut self, (index_time, id): &ExpiryEntry, now: Timestamp) -> StoreResult<SweepOutcome> {
        let Some(change) = self.changes.get_mut(id) else { return Ok(SweepOutcome::Passed) };
        if change.before.as_ref().is_none_or(|before| before.index_time != *index_time) {
            return Ok(SweepOutcome::Passed);
        }
        match &change.after {
            Some(session) if session.is_live(now) => {
                change.refile = true;
                change.is_dirty = true;
                Ok(SweepOutcome::Kept)
            }
            Some(session) => {
                let is_unfinished_room = session.state.is_unfinished_room();
                self.remove(id).map(|_| SweepOutcome::Deleted { is_unfinished_room })
            }
            None => Ok(SweepOutcome::Passed),
        }
    }

    /// Deletes a session that no earlier command of the batch has loaded.
    fn bury(&mut self, id: &SessionId, before: PreviousRow) -> StoreResult<()> {
        if let Some(code) = &before.join_code {
            self.free(code, id)?;
        }
        self.changes
            .insert(id.clone(), SessionChange { before: Some(before), is_dirty: true, ..SessionChange::default() });
        Ok(())
    }
}
