//! The first half of a group commit: applies the queued commands to copies from one snapshot, outside any
//! write transaction, and collects the changes.
//!
//! Invariant: commands on the same session are applied in order, each to the result of the one before it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::expired_count::ExpiryEntry;
use super::quizzes::{NamedRecord, QuestionName};
use super::reads::ReadSnapshot;
use super::row_changes::{Op, QuestionRow, SessionRow};
use crate::domain::{
    Applied, Command, Event, GameSession, JoinCode, Millis, Moment, Owner, Quiz, Sequence, SessionId, Timestamp,
};
use crate::store::contract::{Dump, ImportOutcome};
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;
use crate::store::step::{ApplyFn, apply_on_copy};

/// What the commit needs to know about a session as it was stored before the batch.
pub(super) struct PreviousRow {
    pub(super) index_time: Timestamp,
    pub(super) deadline: Timestamp,
    /// Whether the expiry index has an entry for it at `index_time`.
    pub(super) is_filed: bool,
    pub(super) had_events: bool,
    pub(super) join_code: Option<JoinCode>,
    pub(super) owner: Option<Owner>,
}

/// A session's time in the expiry index, and its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filed {
    pub(super) index_time: Timestamp,
    pub(super) deadline: Timestamp,
}

impl PreviousRow {
    fn filed(&self) -> Option<Filed> {
        self.is_filed.then_some(Filed { index_time: self.index_time, deadline: self.deadline })
    }
}

/// A live session whose only change is that its expiry entry moves.
pub(super) struct Refiled {
    /// The index time of its old entry; `None` if it had no entry.
    pub(super) from: Option<Timestamp>,
    /// The new index time, which is its deadline.
    pub(super) to: Timestamp,
    /// Its row, with the new index time in it.
    pub(super) row: SessionRow,
}

impl Refiled {
    fn filings(&self) -> (Option<Filed>, Option<Filed>) {
        let filed = |index_time| Filed { index_time, deadline: self.to };
        (self.from.map(filed), Some(filed(self.to)))
    }
}

/// A question row that the batch stores, or keeps for longer.
pub(super) struct QuestionChange {
    /// The keep-until time that it had; `None` if it was not stored or can't be read.
    pub(super) was: Option<Timestamp>,
    pub(super) row: QuestionRow,
}

/// A question is kept longer than its sessions need it, by one part in this many of that time. Its row is
/// then rewritten less often.
const KEPT_LONGER_PART: u64 = 4;
/// The most by which a question is kept longer than its sessions need it.
const KEPT_LONGER: Millis = Millis::seconds(3_600);
/// Most question rows that one batch of a sweep removes. Each row lies on a page of its own, and its removal
/// takes another page until the batch is committed. Those pages must be available even when the file is full.
const MOST_FORGOTTEN: usize = 64;

/// What a batch does to one session.
#[derive(Default)]
pub(super) struct SessionChange {
    /// The session that was stored under this id before the batch; `None` if there was none.
    pub(super) before: Option<PreviousRow>,
    /// The session after the commands so far; `None` if it is deleted or never existed.
    pub(super) after: Option<GameSession>,
    /// The quiz record; `None` unless the session was created in this batch.
    pub(super) quiz_record: Option<Arc<[u8]>>,
    /// Whether `after` was created in this batch: no row of `before` stays.
    pub(super) is_new: bool,
    pub(super) events: Vec<Event>,
    pub(super) prune_through: Option<Sequence>,
    /// Whether its expiry entry must move to its deadline.
    pub(super) refile: bool,
    /// Whether the change must be stored; false for a session that was only loaded.
    pub(super) is_dirty: bool,
}

impl SessionChange {
    /// The index time that the session gets. If only the deadline moves later, the entry stays where it is
    /// and the sweep moves it when it comes due: this saves two row changes per command. If the deadline
    /// moves earlier, or will never move again, the entry moves to it at once.
    pub(super) fn index_time(&self, session: &GameSession) -> Timestamp {
        let life = &session.state.life;
        let deadline = life.deadline().0;
        let filed = self.before.as_ref().filter(|before| !self.is_new && before.is_filed);
        let may_stay = |index_time: &Timestamp| *index_time <= deadline && !self.refile && !life.is_fixed();
        filed.map(|before| before.index_time).filter(may_stay).unwrap_or(deadline)
    }

    fn filings(&self) -> (Option<Filed>, Option<Filed>) {
        let after = self.after.as_ref();
        let filed = |session| Filed { index_time: self.index_time(session), deadline: session.state.life.deadline().0 };
        (self.before.as_ref().and_then(PreviousRow::filed), after.map(filed))
    }
}

/// A batch in progress: the changes that its commands have made so far to one snapshot.
pub(super) struct Batch<'a> {
    pub(super) snapshot: &'a ReadSnapshot<'a>,
    rules: ApplyFn,
    pub(super) changes: BTreeMap<SessionId, SessionChange>,
    /// Live sessions that only the sweep of this batch has loaded.
    pub(super) refiled: BTreeMap<SessionId, Refiled>,
    joins: HashMap<JoinCode, Option<SessionId>>,
    questions: BTreeMap<QuestionName, QuestionChange>,
    old_questions: Vec<(Timestamp, QuestionName, bool)>,
    /// Expiry entries that are removed because no session has its index time there.
    pub(super) stray_hints: Vec<ExpiryEntry>,
    time: Timestamp,
}

/// The result of a batch: what the commit must store.
pub(super) struct Changes {
    pub(super) sessions: BTreeMap<SessionId, SessionChange>,
    pub(super) refiled: BTreeMap<SessionId, Refiled>,
    pub(super) stray_hints: Vec<ExpiryEntry>,
    /// Every join code that changed: its new holder, or `None` if it is free.
    pub(super) joins: HashMap<JoinCode, Option<SessionId>>,
    /// Question rows that are stored, or kept for longer.
    pub(super) questions: BTreeMap<QuestionName, QuestionChange>,
    /// Past ends of questions to remove, and whether the question's row goes with it.
    pub(super) old_questions: Vec<(Timestamp, QuestionName, bool)>,
    /// The latest game time at which a command of the batch was applied.
    pub(super) time: Timestamp,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        let is_unchanged = self.sessions.is_empty() && self.refiled.is_empty() && self.stray_hints.is_empty();
        is_unchanged && self.old_questions.is_empty()
    }

    /// The changed session that was stored before, if there is exactly one.
    fn only_one(&self) -> Option<&SessionId> {
        let changed = self.sessions.iter().filter(|(_, change)| change.before.is_some()).map(|(id, _)| id);
        let mut ids = changed.chain(self.refiled.keys()).chain(self.stray_hints.iter().map(|(_, id)| id));
        ids.next().filter(|_| ids.next().is_none())
    }

    /// Every changed session with its expiry entry before and after the batch.
    fn filings(&self) -> Vec<Filing> {
        let changed = self.sessions.iter().map(|(id, change)| (id, change.filings()));
        let refiled = self.refiled.iter().map(|(id, refiled)| (id, refiled.filings()));
        changed.chain(refiled).map(|(id, (before, after))| (id.clone(), before, after)).collect()
    }

    /// Changes to the quiz cache: quizzes of deleted sessions leave it, quizzes of new sessions enter it.
    fn quizzes(&self) -> Vec<CacheChange> {
        let cached = |(id, change): (&SessionId, &SessionChange)| match &change.after {
            None => Some((id.clone(), None)),
            Some(session) if change.is_new => {
                let quiz = session.quiz.as_ref()?;
                Some((id.clone(), Some((session.state.nonce, quiz.clone()))))
            }
            Some(_) => None,
        };
        self.sessions.iter().filter_map(cached).collect()
    }

    /// Turns the changes into row changes, with what the counter and the caches need to know about them.
    pub(super) fn into_rows(self) -> StoreResult<ChangedRows> {
        let (time, filings, quizzes) = (self.time, self.filings(), self.quizzes());
        let (only_one, removes) =
            (self.only_one().cloned(), self.sessions.values().any(|change| change.after.is_none()));
        Ok(ChangedRows { ops: self.into_ops()?, time, filings, quizzes, only_one, removes })
    }
}

/// A session, with its expiry entry before and after the batch.
pub(super) type Filing = (SessionId, Option<Filed>, Option<Filed>);
/// A change of the quiz cache: the session's nonce and quiz to insert, or `None` to remove its quiz.
pub(super) type CacheChange = (SessionId, Option<(u64, Arc<Quiz>)>);

/// The row changes of a batch.
pub(super) struct ChangedRows {
    pub(super) ops: Vec<Op>,
    /// The latest game time at which a command of the batch was applied.
    pub(super) time: Timestamp,
    /// Every changed session with its expiry entry before and after the batch.
    pub(super) filings: Vec<Filing>,
    /// Changes to the quiz cache.
    pub(super) quizzes: Vec<CacheChange>,
    /// The changed session that was stored before, if there is exactly one.
    pub(super) only_one: Option<SessionId>,
    /// Whether any session is deleted.
    pub(super) removes: bool,
}

impl ChangedRows {
    /// A batch without changes, which only stores the game time.
    pub(super) fn none(time: Timestamp) -> Self {
        let (ops, filings, quizzes) = Default::default();
        Self { ops, time, filings, quizzes, only_one: None, removes: false }
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(snapshot: &'a ReadSnapshot<'a>, rules: ApplyFn) -> Self {
        Self {
            snapshot,
            rules,
            changes: BTreeMap::new(),
            refiled: BTreeMap::new(),
            joins: HashMap::new(),
            questions: BTreeMap::new(),
            old_questions: Vec::new(),
            stray_hints: Vec::new(),
            time: Timestamp::from_millis(0),
        }
    }

    pub(super) fn into_changes(mut self) -> StoreResult<Changes> {
        self.changes.retain(|_, change| change.is_dirty);
        self.keep_what_is_filed_later()?;
        let Self { changes: sessions, refiled, stray_hints, joins, questions, old_questions, time, .. } = self;
        Ok(Changes { sessions, refiled, stray_hints, joins, questions, old_questions, time })
    }

    /// Keeps the questions of every session whose expiry entry moves later.
    fn keep_what_is_filed_later(&mut self) -> StoreResult<()> {
        let later = |change: &SessionChange| {
            let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
            let index_time = change.index_time(after);
            (!change.is_new && index_time > before.index_time).then_some(index_time)
        };
        let filed: Vec<_> = self.changes.iter().filter_map(|(id, change)| Some((id.clone(), later(change)?))).collect();
        for (id, index_time) in &filed {
            match self.keep_questions(id, *index_time) {
                // A question that can't be read affects only this session, not the batch.
                Ok(()) | Err(StoreError::Corrupt { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The change of a session so far. The first call loads the session from the snapshot.
    fn change(&mut self, id: &SessionId) -> StoreResult<&mut SessionChange> {
        if !self.changes.contains_key(id) {
            let mut change = SessionChange::default();
            if let Some((session, index_time)) = self.snapshot.damaged.look(id, || self.snapshot.session(id))? {
                change.before = Some(PreviousRow {
                    index_time,
                    deadline: session.state.life.deadline().0,
                    is_filed: true,
                    had_events: session.log().head > Sequence(0),
                    join_code: session.state.join_code.clone(),
                    owner: session.state.owner.clone(),
                });
                change.after = Some(session);
            }
            if let (Some(refiled), Some(before)) = (self.refiled.remove(id), &mut change.before) {
                // The sweep of this batch came first: its move of the entry becomes a part of this change.
                before.is_filed = refiled.from.is_some();
                (change.refile, change.is_dirty) = (true, true);
            }
            self.changes.insert(id.clone(), change);
        }
        Ok(self.changes.get_mut(id).expect("it was put there just now"))
    }

    fn live(&mut self, id: &SessionId, now: Timestamp) -> StoreResult<Option<&GameSession>> {
        Ok(self.change(id)?.after.as_ref().filter(|session| session.is_live(now)))
    }

    /// The session that holds a join code at this point of the batch, live or not.
    fn holder(&self, code: &JoinCode) -> StoreResult<Option<SessionId>> {
        self.joins.get(code).map_or_else(|| self.snapshot.holder(code), |holder| Ok(holder.clone()))
    }

    fn is_code_taken(&mut self, code: &JoinCode, now: Timestamp) -> StoreResult<bool> {
        let Some(holder) = self.holder(code)? else { return Ok(false) };
        let holder = self.live(&holder, now)?;
        Ok(holder.is_some_and(|session| session.state.join_code.as_ref() == Some(code)))
    }

    fn is_taken(&mut self, session: &GameSession, now: Timestamp) -> StoreResult<bool> {
        let code = session.state.join_code.clone();
        Ok(self.live(&session.id, now)?.is_some() || code.map_or(Ok(false), |code| self.is_code_taken(&code, now))?)
    }

    fn put_new(&mut self, session: GameSession, events: Vec<Event>) -> StoreResult<()> {
        let id = session.id.clone();
        let quiz_record = self.quiz_record(&session)?;
        let before = self.change(&id)?.before.take();
        if let Some(code) = before.as_ref().and_then(|before| before.join_code.clone()) {
            self.free(&code, &id)?;
        }
        if let Some(code) = &session.state.join_code {
            self.joins.insert(code.clone(), Some(id.clone()));
        }
        let change = self.change(&id)?;
        let after = Some(session);
        *change = SessionChange {
            before,
            after,
            quiz_record,
            is_new: true,
            is_dirty: true,
            events,
            ..SessionChange::default()
        };
        Ok(())
    }

    /// The record of a new session's quiz. The batch also stores its questions, unless they are stored for
    /// long enough already.
    fn quiz_record(&mut self, session: &GameSession) -> StoreResult<Option<Arc<[u8]>>> {
        let (Some(quiz), needed) = (&session.quiz, session.state.life.deadline().0) else { return Ok(None) };
        let (snapshot, mut missing) = (self.snapshot, Vec::new());
        let is_kept = |name: &QuestionName| self.is_kept(name, needed);
        let record = snapshot.quizzes.encode(quiz, is_kept, |named| missing.push(named))?;
        for NamedRecord { name, record } in missing {
            self.keep(name, needed, record.into())?;
        }
        Ok(Some(record.into()))
    }

    /// Keeps the questions of a session at least until `needed`, which is when the sweep checks it next.
    pub(super) fn keep_questions(&mut self, id: &SessionId, needed: Timestamp) -> StoreResult<()> {
        for name in self.snapshot.question_names(id)? {
            if !self.is_kept(&name, needed)?
                && let Some(row) = self.snapshot.question_row(&name)?
            {
                self.keep(name, needed, row.record)?;
            }
        }
        Ok(())
    }

    /// Whether a question is kept until `needed` or longer, and can be read.
    fn is_kept(&self, name: &QuestionName, needed: Timestamp) -> StoreResult<bool> {
        let end = match self.questions.get(name) {
            Some(change) => Some(change.row.until),
            None => self.snapshot.question_end(name, needed)?,
        };
        Ok(end.is_some_and(|end| end >= needed) && !self.snapshot.quizzes.is_damaged(name))
    }

    /// Keeps a question until `needed` and somewhat longer, so that its row is seldom rewritten.
    fn keep(&mut self, name: QuestionName, needed: Timestamp, record: Arc<[u8]>) -> StoreResult<()> {
        let longer = Millis(needed.since(self.time).0 / KEPT_LONGER_PART).min(KEPT_LONGER);
        let was = match self.questions.get(&name) {
            Some(change) => change.was,
            // A row that can't be read is stored again.
            None => match self.snapshot.question_row(&name) {
                Err(StoreError::Corrupt { .. }) => None,
                row => row?.map(|row| row.until),
            },
        };
        self.snapshot.quizzes.forget_damaged(&name);
        // A sweep earlier in this batch may have marked it for removal.
        self.old_questions.retain(|(_, old, _)| *old != name);
        let row = QuestionRow { until: needed.plus(longer), record };
        self.questions.insert(name, QuestionChange { was, row });
        Ok(())
    }

    /// Removes questions that no session needs any more. May be called only after every due expiry entry was
    /// examined. Returns whether there may be more of them.
    pub(super) fn forget_questions(&mut self, now: Timestamp) -> StoreResult<bool> {
        let (mut ends, mut looked) = (self.snapshot.question_ends(now)?, 0);
        while looked < MOST_FORGOTTEN {
            let Some((until, name)) = ends.next().transpose()? else { return Ok(false) };
            looked += 1;
            if !self.questions.contains_key(&name) {
                // If the row names another end, only this entry is removed: the question is still needed.
                let row = self.snapshot.question_row(&name)?;
                self.old_questions.push((until, name, row.is_none_or(|row| row.until == until)));
            }
        }
        Ok(true)
    }

    /// Frees a join code, unless another session holds it by now: the code of an expired session may have
    /// been claimed again, in this batch or before it.
    pub(super) fn free(&mut self, code: &JoinCode, id: &SessionId) -> StoreResult<()> {
        if self.holder(code)?.as_ref() == Some(id) {
            self.joins.insert(code.clone(), None);
        }
        Ok(())
    }

    /// Claims the new join code for a session, and frees its old one.
    fn move_code(
        &mut self,
        id: &SessionId,
        old: Option<&JoinCode>,
        new: Option<&JoinCode>,
        now: Timestamp,
    ) -> StoreResult<()> {
        if let Some(code) = new {
            if self.is_code_taken(code, now)? {
                return Err(StoreError::AlreadyExists);
            }
            self.joins.insert(code.clone(), Some(id.clone()));
        }
        old.map_or(Ok(()), |code| self.free(code, id))
    }

    pub(super) fn remove(&mut self, id: &SessionId) -> StoreResult<bool> {
        let change = self.change(id)?;
        let before = change.before.take();
        let is_dirty = before.is_some();
        let removed = std::mem::replace(change, SessionChange { before, is_dirty, ..SessionChange::default() }).after;
        if let Some(code) = removed.as_ref().and_then(|session| session.state.join_code.clone()) {
            self.free(&code, id)?;
        }
        Ok(removed.is_some())
    }

    pub(super) fn create(&mut self, session: GameSession, at: Moment) -> StoreResult<()> {
        self.time = self.time.max(at.now);
        if self.is_taken(&session, at.now)? {
            return Err(StoreError::AlreadyExists);
        }
        self.put_new(session, Vec::new())
    }

    pub(super) fn apply(&mut self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        self.time = self.time.max(at.now);
        let rules = self.rules;
        let change = self.change(id)?;
        let Some(before) = change.after.as_ref().filter(|session| session.is_live(at.now)) else { return Ok(None) };
        let (after, applied) = apply_on_copy(rules, before, command, at)?;
        let is_changed = after != *before;
        let codes = (before.state.join_code != after.state.join_code)
            .then(|| (before.state.join_code.clone(), after.state.join_code.clone()));
        if let Some((old, new)) = codes {
            self.move_code(id, old.as_ref(), new.as_ref(), at.now)?;
        }
        let change = self.change(id)?;
        change.is_dirty |= is_changed;
        change.after = Some(after);
        change.events.extend(applied.events.iter().cloned());
        change.prune_through = change.prune_through.max(applied.prune_through);
        Ok(Some(applied))
    }

    pub(super) fn delete(&mut self, id: &SessionId) -> StoreResult<bool> {
        self.remove(id)
    }

    pub(super) fn import(&mut self, dump: Dump, at: Moment) -> StoreResult<ImportOutcome> {
        self.time = self.time.max(at.now);
        let dump = dump.moved_to(at.now);
        let id = dump.session.id.clone();
        if let Some(held) = self.live(&id, at.now)?.cloned() {
            let events = self.events(&id)?;
            let held = Dump { taken: at.now, session: held, events };
            return Ok(if held.is_same(&dump) { ImportOutcome::Same } else { ImportOutcome::Conflict });
        }
        if self.is_taken(&dump.session, at.now)? {
            return Ok(ImportOutcome::Conflict);
        }
        self.put_new(dump.session, dump.events)?;
        Ok(ImportOutcome::Imported)
    }

    /// All events of a session that are kept, including those of this batch.
    fn events(&mut self, id: &SessionId) -> StoreResult<Vec<Event>> {
        let snapshot = self.snapshot;
        let change = self.change(id)?;
        let stored = || snapshot.events(id, Sequence(0), &mut Budget::all());
        let mut events = if change.is_new { Vec::new() } else { stored()? };
        events.extend(change.events.iter().cloned());
        events.retain(|event| Some(event.sequence) > change.prune_through);
        Ok(events)
    }
}
