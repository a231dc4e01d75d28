//! The rules' half of a group commit: what the waiting commands come to, worked out on copies from
//! one snapshot, outside any write transaction. Commands on one session follow each other.

use std::collections::{BTreeMap, HashMap};

use super::reads::Snapshot;
use crate::domain::{Applied, Command, Event, GameSession, JoinCode, Moment, Sequence, SessionId, Timestamp};
use crate::store::contract::{Dump, Imported, Swept};
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::step::{Rules, step};

/// A session as the file has it, as far as the commit needs to know.
pub(super) struct Before {
    pub(super) hint: Timestamp,
    /// Whether its questions were still open.
    pub(super) had_quiz: bool,
    pub(super) join_code: Option<JoinCode>,
}

/// One session's way through the batch.
#[derive(Default)]
pub(super) struct Change {
    pub(super) before: Option<Before>,
    pub(super) after: Option<GameSession>,
    /// Whether `after` began anew in this batch: nothing of `before` stays.
    pub(super) is_new: bool,
    pub(super) events: Vec<Event>,
    pub(super) prune_through: Option<Sequence>,
    /// Whether its hint is to be filed anew, at its deadline.
    pub(super) refile: bool,
    /// Whether there is something to store.
    is_dirty: bool,
}

/// What a batch comes to.
pub(super) struct Batch<'a> {
    snapshot: &'a Snapshot<'a>,
    damaged: &'a Damaged,
    rules: Rules,
    changes: BTreeMap<SessionId, Change>,
    joins: HashMap<JoinCode, Option<SessionId>>,
    /// Hints that belong to nothing.
    stray_hints: Vec<(Timestamp, SessionId)>,
    time: Timestamp,
}

/// What a batch asks the commit to store.
pub(super) struct Changes {
    pub(super) sessions: BTreeMap<SessionId, Change>,
    pub(super) stray_hints: Vec<(Timestamp, SessionId)>,
    /// The latest moment that a command of the batch was applied at.
    pub(super) time: Timestamp,
}

impl<'a> Batch<'a> {
    pub(super) fn new(snapshot: &'a Snapshot<'a>, damaged: &'a Damaged, rules: Rules) -> Self {
        let time = Timestamp::from_millis(0);
        let (changes, joins, stray_hints) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Self { snapshot, damaged, rules, changes, joins, stray_hints, time }
    }

    pub(super) fn into_changes(mut self) -> Changes {
        self.changes.retain(|_, change| change.is_dirty);
        Changes { sessions: self.changes, stray_hints: self.stray_hints, time: self.time }
    }

    /// The session's way so far, beginning with what the snapshot has.
    fn change(&mut self, id: &SessionId) -> StoreResult<&mut Change> {
        if !self.changes.contains_key(id) {
            let mut change = Change::default();
            if let Some((session, hint)) = self.damaged.look(id, || self.snapshot.session(id))? {
                let join_code = session.state.join_code.clone();
                change.before = Some(Before { hint, had_quiz: session.quiz.is_some(), join_code });
                change.after = Some(session);
            }
            self.changes.insert(id.clone(), change);
        }
        Ok(self.changes.get_mut(id).expect("it was put there just now"))
    }

    fn live(&mut self, id: &SessionId, now: Timestamp) -> StoreResult<Option<&GameSession>> {
        Ok(self.change(id)?.after.as_ref().filter(|session| session.is_live(now)))
    }

    /// The session that a code names by now, alive or not.
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
        if let Some(code) = &session.state.join_code {
            self.joins.insert(code.clone(), Some(session.id.clone()));
        }
        let change = self.change(&session.id.clone())?;
        let before = change.before.take();
        *change = Change { before, after: Some(session), is_new: true, is_dirty: true, events, ..Change::default() };
        Ok(())
    }

    fn remove(&mut self, id: &SessionId) -> StoreResult<bool> {
        let change = self.change(id)?;
        let before = change.before.take();
        let is_dirty = before.is_some();
        let removed = std::mem::replace(change, Change { before, is_dirty, ..Change::default() }).after;
        if let Some(code) = removed.as_ref().and_then(|session| session.state.join_code.clone()) {
            // Another session may have claimed the code of a dead one, in this batch or before it.
            if self.holder(&code)?.as_ref() == Some(id) {
                self.joins.insert(code, None);
            }
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
        let (after, applied) = step(rules, before, command, at)?;
        change.is_dirty |= after != *before;
        change.after = Some(after);
        change.events.extend(applied.events.iter().cloned());
        change.prune_through = change.prune_through.max(applied.prune_through);
        Ok(Some(applied))
    }

    pub(super) fn delete(&mut self, id: &SessionId) -> StoreResult<bool> {
        self.remove(id)
    }

    pub(super) fn import(&mut self, dump: Dump, at: Moment) -> StoreResult<Imported> {
        self.time = self.time.max(at.now);
        let dump = dump.moved_to(at.now);
        let id = dump.session.id.clone();
        if let Some(held) = self.live(&id, at.now)?.cloned() {
            let events = self.events(&id)?;
            let held = Dump { taken: at.now, session: held, events };
            return Ok(if held.is_same(&dump) { Imported::Same } else { Imported::Conflict });
        }
        if self.is_taken(&dump.session, at.now)? {
            return Ok(Imported::Conflict);
        }
        self.put_new(dump.session, dump.events)?;
        Ok(Imported::Imported)
    }

    /// All events of a session that are kept, those of this batch included.
    fn events(&mut self, id: &SessionId) -> StoreResult<Vec<Event>> {
        let snapshot = self.snapshot;
        let change = self.change(id)?;
        let mut events = if change.is_new { Vec::new() } else { snapshot.events(id, Sequence(0), usize::MAX)? };
        events.extend(change.events.iter().cloned());
        events.retain(|event| Some(event.sequence) > change.prune_through);
        Ok(events)
    }

    /// Takes what is due from the index, looks at the real deadline, and deletes or files it anew.
    /// What can't be read stays as it is, hint and all, and is passed over.
    pub(super) fn sweep(&mut self, at: Moment, most: usize) -> StoreResult<Swept> {
        let snapshot = self.snapshot;
        let (mut handled, mut deleted) = (0, 0);
        for due in snapshot.due_hints(at.now)? {
            if handled == most {
                return Ok(Swept { deleted, more: true });
            }
            let (hint, id) = due?;
            match self.change(&id) {
                Ok(change) if change.before.as_ref().is_none_or(|before| before.hint != hint) => {
                    self.stray_hints.push((hint, id));
                }
                Ok(change) => match &change.after {
                    Some(session) if session.is_live(at.now) => {
                        change.refile = true;
                        change.is_dirty = true;
                    }
                    Some(_) => deleted += usize::from(self.remove(&id)?),
                    None => {}
                },
                Err(StoreError::Corrupt { what }) => {
                    tracing::error!(what, "a dead session's record cannot be read; it is left as it is");
                    continue;
                }
                Err(error) => return Err(error),
            }
            handled += 1;
        }
        Ok(Swept { deleted, more: false })
    }
}
