//! The memory engine: sessions in this process's memory, for tests, benchmarks and the local fallback of
//! degraded mode.
//!
//! One lock guards everything and is never held across an await. Nothing survives the process.

mod portable;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::clock::Clock;
use super::contract::{Dump, EventPage, GameSessionStore, NewSession, StoreStatus, Swept};
use super::error::{StoreError, StoreResult};
use super::page::Budget;
use super::step::{ApplyFn, apply_on_copy};
use crate::domain::{
    Applied, Command, Deadline, Event, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, SessionState,
    Timestamp,
};

/// The engine's name in [`StoreStatus::engine`].
const ENGINE: &str = "memory";

/// A store that keeps all sessions in memory.
pub struct MemoryStore {
    rules: ApplyFn,
    random: u64,
    /// `None` once the store is closed.
    inner: Mutex<Option<MemorySessions>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct MemorySessions {
    sessions: BTreeMap<SessionId, StoredSession>,
    deadlines: BTreeSet<(Deadline, SessionId)>,
    joins: HashMap<JoinCode, SessionId>,
    commits: u64,
}

struct StoredSession {
    session: GameSession,
    events: BTreeMap<Sequence, Event>,
}

impl StoredSession {
    fn dump(&self, now: Timestamp) -> Dump {
        Dump { taken: now, session: self.session.clone(), events: self.events.values().cloned().collect() }
    }
}

impl MemoryStore {
    /// Creates an empty store. `random` is part of the epoch of its sessions, which distinguishes its
    /// sequence numbers from those of any other store.
    pub fn new(rules: ApplyFn, random: u64, clock: Arc<dyn Clock>) -> Self {
        Self { rules, random, clock, inner: Mutex::new(Some(MemorySessions::default())) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut MemorySessions) -> StoreResult<T>) -> StoreResult<T> {
        self.inner.lock().as_mut().map_or(Err(StoreError::Unavailable(None)), act)
    }
}

impl MemorySessions {
    fn live(&self, id: &SessionId, now: Timestamp) -> Option<&StoredSession> {
        self.sessions.get(id).filter(|entry| entry.session.is_live(now))
    }

    fn holder(&self, code: &JoinCode, now: Timestamp) -> Option<&SessionId> {
        self.joins.get(code).filter(|id| self.live(id, now).is_some())
    }

    /// True if a live session has this session's id or join code.
    fn is_taken(&self, session: &GameSession, now: Timestamp) -> bool {
        let code = session.state.join_code.as_ref();
        self.live(&session.id, now).is_some() || code.is_some_and(|code| self.holder(code, now).is_some())
    }

    fn insert(&mut self, session: GameSession, events: Vec<Event>) {
        self.commits += 1;
        self.remove(&session.id.clone());
        self.deadlines.insert((session.state.life.deadline(), session.id.clone()));
        if let Some(code) = &session.state.join_code {
            self.joins.insert(code.clone(), session.id.clone());
        }
        let events = events.into_iter().map(|event| (event.sequence, event)).collect();
        self.sessions.insert(session.id.clone(), StoredSession { session, events });
    }

    fn remove(&mut self, id: &SessionId) -> bool {
        let Some(entry) = self.sessions.remove(id) else { return false };
        let state = &entry.session.state;
        self.deadlines.remove(&(state.life.deadline(), id.clone()));
        if let Some(code) = &state.join_code {
            self.free(code, id);
        }
        true
    }

    /// Frees a join code, unless another session holds it: a live session may have claimed the code of a dead
    /// one.
    fn free(&mut self, code: &JoinCode, id: &SessionId) {
        if self.joins.get(code) == Some(id) {
            self.joins.remove(code);
        }
    }

    fn replace(&mut self, after: GameSession, applied: &Applied) {
        let Some(entry) = self.sessions.get_mut(&after.id) else { return };
        self.commits += u64::from(after != entry.session);
        let (old, new) = (entry.session.state.life.deadline(), after.state.life.deadline());
        if old != new {
            self.deadlines.remove(&(old, after.id.clone()));
            self.deadlines.insert((new, after.id.clone()));
        }
        entry.events.extend(applied.events.iter().map(|event| (event.sequence, event.clone())));
        if let Some(through) = applied.prune_through {
            entry.events.retain(|sequence, _| *sequence > through);
        }
        let before = std::mem::replace(&mut entry.session, after);
        let (old, new) = (&before.state.join_code, &entry.session.state.join_code);
        if old != new {
            self.joins.extend(new.clone().map(|code| (code, before.id.clone())));
            old.iter().for_each(|code| self.free(code, &before.id));
        }
    }
}

#[async_trait]
impl GameSessionStore for MemoryStore {
    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn create(&self, NewSession(session): NewSession, at: Moment) -> StoreResult<()> {
        self.with(|inner| {
            if inner.is_taken(&session, at.now) {
                return Err(StoreError::AlreadyExists);
            }
            inner.insert(session, Vec::new());
            Ok(())
        })
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.with(|inner| Ok(inner.live(id, at.now).map(|entry| entry.session.clone())))
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        self.with(|inner| {
            let Some(entry) = inner.live(id, at.now) else { return Ok(None) };
            // The rules run on a copy, so a refused join code leaves the stored session unchanged.
            let (after, applied) = apply_on_copy(self.rules, &entry.session, command, at)?;
            let (old, new) = (&entry.session.state.join_code, &after.state.join_code);
            if old != new && new.as_ref().is_some_and(|code| inner.holder(code, at.now).is_some()) {
                return Err(StoreError::AlreadyExists);
            }
            inner.replace(after, &applied);
            Ok(Some(applied))
        })
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        self.with(|inner| {
            let was_there = inner.remove(id);
            inner.commits += u64::from(was_there);
            Ok(was_there)
        })
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.with(|inner| {
            let page = |entry: &StoredSession| {
                let from = Sequence(after.0.saturating_add(1));
                let mut budget = Budget::page(limit);
                let page = entry.events.range(from..).map(|(_, event)| event);
                let mut events: Vec<_> = page.take_while(|event| budget.takes(event)).cloned().collect();
                entry.session.state.redact(&mut events);
                EventPage { session: entry.session.clone(), events, epoch: entry.session.epoch(self.random) }
            };
            Ok(inner.live(id, at.now).map(page))
        })
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.with(|inner| Ok(inner.holder(code, at.now).cloned()))
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.with(|inner| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let all = inner.sessions.range((from, Bound::Unbounded)).map(|(_, entry)| &entry.session);
            let its = all.filter(|session| session.state.owner.as_ref() == Some(owner) && session.is_live(at.now));
            Ok(its.take(limit).map(|session| session.id.clone()).collect())
        })
    }

    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.with(|inner| {
            let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
            let ids = inner.sessions.range((from, Bound::Unbounded)).map(|(id, _)| id.clone());
            Ok(ids.take(limit).collect())
        })
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        self.with(|inner| {
            let is_dead = |(deadline, _): &&(Deadline, SessionId)| !deadline.is_live(at.now);
            let dead: Vec<_> = inner.deadlines.iter().take_while(is_dead).take(limit).cloned().collect();
            let is_unfinished = |id: &SessionId| {
                let state = inner.sessions.get(id).map(|entry| &entry.session.state);
                state.is_some_and(SessionState::is_unfinished_room)
            };
            let unfinished_rooms = dead.iter().filter(|(_, id)| is_unfinished(id)).count();
            dead.iter().for_each(|(_, id)| {
                inner.remove(id);
            });
            inner.commits += u64::from(!dead.is_empty());
            let more = inner.deadlines.first().as_ref().is_some_and(is_dead);
            Ok(Swept { deleted: dead.len(), unfinished_rooms, handled: dead.len(), more })
        })
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        self.with(|inner| {
            let dead = inner.deadlines.iter().take_while(|(deadline, _)| !deadline.is_live(at.now)).count();
            let records = inner.sessions.len() as u64;
            Ok(StoreStatus {
                engine: ENGINE,
                reachable: true,
                trouble: None,
                live_sessions: records - dead as u64,
                records,
                damaged: 0,
                commits: inner.commits,
                link: None,
            })
        })
    }

    async fn close(&self) -> StoreResult<()> {
        self.inner.lock().take();
        Ok(())
    }
}
