//! The rules' half of a group commit: what the waiting commands come to, worked out on copies from
//! one snapshot, outside any write transaction. Commands on one session follow each other.

use std::collections::{BTreeMap, HashMap};

use super::counter::Hint;
use super::reads::Snapshot;
use crate::domain::{Applied, Command, Event, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, Timestamp};
use crate::store::contract::{Dump, Imported};
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;
use crate::store::step::{Rules, step};

/// A session as the file has it, as far as the commit needs to know.
pub(super) struct Before {
    pub(super) hint: Timestamp,
    pub(super) deadline: Timestamp,
    /// Whether the index has it under its hint.
    pub(super) is_filed: bool,
    /// Whether its questions were still open.
    pub(super) had_quiz: bool,
    pub(super) had_events: bool,
    pub(super) join_code: Option<JoinCode>,
    pub(super) owner: Option<Owner>,
}

/// Where the index has a session, and until when it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filed {
    pub(super) hint: Timestamp,
    pub(super) deadline: Timestamp,
}

impl Before {
    fn filed(&self) -> Option<Filed> {
        self.is_filed.then_some(Filed { hint: self.hint, deadline: self.deadline })
    }
}

/// A live session that is only filed anew.
pub(super) struct Refiled {
    /// Where it was; `None` if the index had it nowhere.
    pub(super) from: Option<Timestamp>,
    /// Its deadline.
    pub(super) to: Timestamp,
    /// Its record, which says so.
    pub(super) record: Vec<u8>,
}

impl Refiled {
    fn filings(&self) -> (Option<Filed>, Option<Filed>) {
        let filed = |hint| Filed { hint, deadline: self.to };
        (self.from.map(filed), Some(filed(self.to)))
    }
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
    pub(super) is_dirty: bool,
}

impl Change {
    /// The hint that the session is to have. A hint says when to look: a later deadline leaves it where
    /// it is, and the reaper files it anew; one that is earlier, or will never move again, moves it.
    pub(super) fn hint(&self, session: &GameSession) -> Timestamp {
        let life = &session.state.life;
        let deadline = life.deadline().0;
        let filed = self.before.as_ref().filter(|before| !self.is_new && before.is_filed);
        let may_stay = |hint: &Timestamp| *hint <= deadline && !self.refile && !life.is_fixed();
        filed.map(|before| before.hint).filter(may_stay).unwrap_or(deadline)
    }

    fn filings(&self) -> (Option<Filed>, Option<Filed>) {
        let after = self.after.as_ref();
        let filed = |session| Filed { hint: self.hint(session), deadline: session.state.life.deadline().0 };
        (self.before.as_ref().and_then(Before::filed), after.map(filed))
    }
}

/// What a batch comes to.
pub(super) struct Batch<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    rules: Rules,
    pub(super) changes: BTreeMap<SessionId, Change>,
    /// Those that nothing but the sweep has come upon.
    pub(super) refiled: BTreeMap<SessionId, Refiled>,
    joins: HashMap<JoinCode, Option<SessionId>>,
    /// Hints that belong to nothing.
    pub(super) stray_hints: Vec<Hint>,
    time: Timestamp,
}

/// What a batch asks the commit to store.
pub(super) struct Changes {
    pub(super) sessions: BTreeMap<SessionId, Change>,
    pub(super) refiled: BTreeMap<SessionId, Refiled>,
    pub(super) stray_hints: Vec<Hint>,
    /// The latest moment that a command of the batch was applied at.
    pub(super) time: Timestamp,
}

impl Changes {
    /// No change, at this time.
    pub(super) fn none(time: Timestamp) -> Self {
        Self { sessions: BTreeMap::new(), refiled: BTreeMap::new(), stray_hints: Vec::new(), time }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.refiled.is_empty() && self.stray_hints.is_empty()
    }

    /// The session that it changes, if it changes just one that was there before.
    pub(super) fn only_one(&self) -> Option<&SessionId> {
        let changed = self.sessions.iter().filter(|(_, change)| change.before.is_some()).map(|(id, _)| id);
        let mut ids = changed.chain(self.refiled.keys()).chain(self.stray_hints.iter().map(|(_, id)| id));
        ids.next().filter(|_| ids.next().is_none())
    }

    /// Where each session was filed, and where it is from now on.
    pub(super) fn filings(&self) -> impl Iterator<Item = (&SessionId, Option<Filed>, Option<Filed>)> {
        let changed = self.sessions.iter().map(|(id, change)| (id, change.filings()));
        let refiled = self.refiled.iter().map(|(id, refiled)| (id, refiled.filings()));
        changed.chain(refiled).map(|(id, (before, after))| (id, before, after))
    }
}

impl<'a> Batch<'a> {
    pub(super) fn new(snapshot: &'a Snapshot<'a>, rules: Rules) -> Self {
        Self {
            snapshot,
            rules,
            changes: BTreeMap::new(),
            refiled: BTreeMap::new(),
            joins: HashMap::new(),
            stray_hints: Vec::new(),
            time: Timestamp::from_millis(0),
        }
    }

    pub(super) fn into_changes(mut self) -> Changes {
        self.changes.retain(|_, change| change.is_dirty);
        let Self { changes: sessions, refiled, stray_hints, time, .. } = self;
        Changes { sessions, refiled, stray_hints, time }
    }

    /// The session's way so far, beginning with what the snapshot has.
    fn change(&mut self, id: &SessionId) -> StoreResult<&mut Change> {
        if !self.changes.contains_key(id) {
            let mut change = Change::default();
            if let Some((session, hint)) = self.snapshot.damaged.look(id, || self.snapshot.session(id))? {
                change.before = Some(Before {
                    hint,
                    deadline: session.state.life.deadline().0,
                    is_filed: true,
                    had_quiz: session.quiz.is_some(),
                    had_events: true,
                    join_code: session.state.join_code.clone(),
                    owner: session.state.owner.clone(),
                });
                change.after = Some(session);
            }
            if let (Some(refiled), Some(before)) = (self.refiled.remove(id), &mut change.before) {
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

    /// Another session may have claimed the code of a dead one, in this batch or before it.
    pub(super) fn free(&mut self, code: &JoinCode, id: &SessionId) -> StoreResult<()> {
        if self.holder(code)?.as_ref() == Some(id) {
            self.joins.insert(code.clone(), None);
        }
        Ok(())
    }

    /// Claims another code for a session, which gives up the one before.
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
        let removed = std::mem::replace(change, Change { before, is_dirty, ..Change::default() }).after;
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
        let (after, applied) = step(rules, before, command, at)?;
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
        let stored = || snapshot.events(id, Sequence(0), &mut Budget::all());
        let mut events = if change.is_new { Vec::new() } else { stored()? };
        events.extend(change.events.iter().cloned());
        events.retain(|event| Some(event.sequence) > change.prune_through);
        Ok(events)
    }
}
