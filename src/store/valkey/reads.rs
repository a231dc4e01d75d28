//! Reads: states, quizzes, pages of events, and counts.

use std::sync::Arc;

use tokio::time::Instant;

use super::engine::Engine;
use super::failure::Failure;
use super::log::{self, StreamEntry};
use super::record::{self, StoredState};
use super::scripts::PAGE;
use super::{DEADLINES, Keys};
use crate::domain::room::MOST_KEPT;
use crate::domain::{Event, GameSession, Quiz, Sequence, SessionId, Timestamp};
use crate::store::contract::EventPage;
use crate::store::error::{StoreError, StoreResult};
use crate::store::page::Budget;

/// A session's state and some of its events, read in one script call.
pub(super) struct StatePage {
    /// The state. The start of its log is adjusted if the stream has lost events.
    pub(super) held: StoredState,
    pub(super) events: Vec<Event>,
    epoch: String,
}

/// The script's answer: state, the server's replication id, stream entries, and the first and last sequence
/// number that the stream holds without a gap.
type Paged = (Vec<u8>, String, Vec<StreamEntry>, u64, u64);

impl Engine {
    /// Returns the live session with this id, including its quiz.
    pub(super) async fn get(&self, id: &SessionId, now: Timestamp, until: Instant) -> StoreResult<Option<GameSession>> {
        // If the quiz is probably cached, read only the state.
        if self.quizzes.knows(id) {
            let held = self.state(id, until).await?.filter(|held| held.state.life.is_live(now));
            let Some(held) = held else { return Ok(None) };
            if let Some(session) = self.kept_whole(id, &held) {
                return Ok(Some(session));
            }
        }
        let is_live = |held: &StoredState| held.state.life.is_live(now);
        Ok(self.whole(id, is_live, until).await?.map(|(_, session)| session))
    }

    /// Combines a state with its cached quiz. `None` if the game has a quiz that is not cached.
    fn kept_whole(&self, id: &SessionId, held: &StoredState) -> Option<GameSession> {
        let session = held.session(id);
        if !held.state.game.has_quiz() {
            return Some(session);
        }
        let quiz = self.quizzes.get(id, held.state.nonce)?;
        Some(GameSession { quiz: Some(quiz), ..session })
    }

    /// Reads a state and its quiz with one MGET, so that both belong to the same session. `None` if there is
    /// no state or if it is not `wanted`. A state whose quiz is missing counts as damaged: the quiz can't be
    /// restored.
    pub(super) async fn whole(
        &self,
        id: &SessionId,
        wanted: impl Fn(&StoredState) -> bool,
        until: Instant,
    ) -> StoreResult<Option<(StoredState, GameSession)>> {
        self.known_damage(id)?;
        let keys = Keys::of(id);
        let mut both = redis::cmd("MGET");
        both.arg(&keys.state).arg(&keys.quiz);
        let read = self.link.read::<(Option<Vec<u8>>, Option<Vec<u8>>)>(&both, until).await;
        let (state, quiz) = read.map_err(Failure::of_read)?;
        let Some(body) = state else {
            self.damaged.forget(id);
            return Ok(None);
        };
        let held = self.decode(id, &body)?;
        if !wanted(&held) {
            return Ok(None);
        }
        let mut session = held.session(id);
        if held.state.game.has_quiz() {
            let quiz = quiz.ok_or_else(|| without_quiz(id)).and_then(|quiz| record::decode_quiz(id, &quiz));
            let quiz: Arc<Quiz> = Arc::new(self.noting(id, quiz)?);
            self.quizzes.insert(id, held.state.nonce, &quiz);
            session.quiz = Some(quiz);
        }
        self.damaged.forget(id);
        Ok(Some((held, session)))
    }

    /// Reads the state that is stored under an id, dead or alive.
    pub(super) async fn state(&self, id: &SessionId, until: Instant) -> StoreResult<Option<StoredState>> {
        self.known_damage(id)?;
        self.look(id, until).await
    }

    /// Like [`state`](Self::state), but also reads a session that was found damaged within the last 60 s.
    pub(super) async fn look(&self, id: &SessionId, until: Instant) -> StoreResult<Option<StoredState>> {
        let body = self.link.read::<Option<Vec<u8>>>(redis::cmd("GET").arg(Keys::of(id).state), until).await;
        let Some(body) = body.map_err(Failure::of_read)? else {
            self.damaged.forget(id);
            return Ok(None);
        };
        self.decode(id, &body).map(Some)
    }

    fn known_damage(&self, id: &SessionId) -> StoreResult<()> {
        self.damaged.known(id).map_or(Ok(()), Err)
    }

    /// Returns the quiz of the session with this state. A quiz never changes, so it is cached after the first
    /// read. `None` if another session has the id by now.
    pub(super) async fn quiz(
        &self,
        id: &SessionId,
        held: &StoredState,
        until: Instant,
    ) -> StoreResult<Option<Arc<Quiz>>> {
        if let Some(quiz) = self.quizzes.get(id, held.state.nonce) {
            return Ok(Some(quiz));
        }
        let is_it = |now: &StoredState| now.state.nonce == held.state.nonce;
        Ok(self.whole(id, is_it, until).await?.and_then(|(_, session)| session.quiz))
    }

    /// Returns a live session with a page of its events.
    pub(super) async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        now: Timestamp,
        until: Instant,
    ) -> StoreResult<Option<EventPage>> {
        let budget = Budget::page(limit);
        let page = self.page(id, after, budget, until).await?.filter(|page| page.held.state.life.is_live(now));
        let Some(StatePage { held, mut events, epoch }) = page else { return Ok(None) };
        held.state.redact(&mut events);
        let mut session = held.session(id);
        if held.state.game.has_quiz() {
            let Some(quiz) = self.quiz(id, &held, until).await? else { return Ok(None) };
            session.quiz = Some(quiz);
        }
        Ok(Some(EventPage { session, events, epoch }))
    }

    /// Reads a state and its events after `after`, as many as `budget` allows, in one script call.
    ///
    /// If the stream has lost events that the state still counts, for example because a server evicted the
    /// stream, then the log starts at the first event that is left, and the epoch changes. So a log with a
    /// gap is never reported as complete.
    pub(super) async fn page(
        &self,
        id: &SessionId,
        after: Sequence,
        mut budget: Budget,
        until: Instant,
    ) -> StoreResult<Option<StatePage>> {
        self.known_damage(id)?;
        let keys = Keys::of(id);
        let first = after.0.saturating_add(1).to_string();
        let count = budget.events().min(MOST_KEPT as usize).to_string();
        // Lua's numbers are doubles, so `usize::MAX` would lose precision.
        let bytes = budget.bytes().min(u32::MAX as usize).to_string();
        let names = [keys.state.as_str(), &keys.events];
        let args = [first.as_bytes(), count.as_bytes(), bytes.as_bytes()];
        let read = self.link.run_read::<Option<Paged>>(&PAGE, &names, &args, until).await;
        let read = self.noting_fault(id, read.map_err(Failure::of_read))?;
        let Some((body, server_life, entries, first, last)) = read else {
            return Ok(None);
        };
        let mut held = self.decode(id, &body)?;
        let server_life = server_life.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
        let log = held.state.log();
        let oldest = if last < log.head.0 { log.head.0 + 1 } else { first };
        let mut life = server_life;
        if oldest > log.oldest.0 {
            held.state.lose_events_before(Sequence(oldest));
            life ^= oldest.rotate_right(16);
        }
        let is_kept = |event: &StoreResult<Event>| event.as_ref().map_or(true, |event| event.sequence.0 >= oldest);
        // The script counts compressed bytes, so it may return more events than the budget allows.
        let fits = |event: &StoreResult<Event>| event.as_ref().map_or(true, |event| budget.takes(event));
        let events = entries.into_iter().map(|entry| log::event(id, entry)).filter(is_kept).take_while(fits);
        let events = self.noting_fault(id, events.collect::<StoreResult<Vec<_>>>())?;
        let epoch = held.session(id).epoch(life);
        Ok(Some(StatePage { held, events, epoch }))
    }

    /// Returns the numbers of live and of stored sessions. While the server can't be asked, returns the last
    /// known ones.
    pub(super) async fn known_counts(&self, now: Timestamp, until: Instant) -> (u64, u64) {
        if !self.link.is_good() {
            return *self.counted.lock();
        }
        let counted = self.counts(now, until).await;
        let mut known = self.counted.lock();
        if let Ok(counted) = counted {
            *known = counted;
        }
        *known
    }

    async fn counts(&self, now: Timestamp, until: Instant) -> StoreResult<(u64, u64)> {
        // Write the pending index entries first, so that the counts include this process's own changes.
        self.index.flush(&self.link, until).await.map_err(Failure::of_read)?;
        let mut alive = redis::cmd("ZCOUNT");
        alive.arg(DEADLINES).arg(format!("({}", now.as_millis())).arg("+inf");
        let alive = self.link.read(&alive, until).await.map_err(Failure::of_read)?;
        let stored = self.link.read(redis::cmd("ZCARD").arg(DEADLINES), until).await;
        Ok((alive, stored.map_err(Failure::of_read)?))
    }
}

/// The error for a state whose game has a quiz but whose quiz key is missing.
fn without_quiz(id: &SessionId) -> StoreError {
    StoreError::Corrupt { what: format!("session #{} has no quiz", id.short_hash()) }
}
