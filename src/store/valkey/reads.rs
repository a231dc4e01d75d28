//! What is read: states, quizzes, pages of events, counts.

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

/// A session's state and some of its events, of one moment.
pub(super) struct StatePage {
    /// Its log begins where the stream does.
    pub(super) held: StoredState,
    pub(super) events: Vec<Event>,
    epoch: String,
}

/// What the script gives: state, the server's life, entries, the first and the last that is kept.
type Paged = (Vec<u8>, String, Vec<StreamEntry>, u64, u64);

impl Engine {
    /// A live session.
    pub(super) async fn get(&self, id: &SessionId, now: Timestamp, until: Instant) -> StoreResult<Option<GameSession>> {
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

    /// A state with the quiz that is kept here for it, if it needs one.
    fn kept_whole(&self, id: &SessionId, held: &StoredState) -> Option<GameSession> {
        let session = held.session(id);
        if !held.state.game.has_quiz() {
            return Some(session);
        }
        let quiz = self.quizzes.get(id, held.state.nonce)?;
        Some(GameSession { quiz: Some(quiz), ..session })
    }

    /// What is stored under an id, if it is `wanted`: a state and its quiz, read in one step, so that
    /// both are of one life of that id. A state whose quiz is gone is damage that nothing mends.
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

    /// What is stored under an id, dead or alive.
    pub(super) async fn state(&self, id: &SessionId, until: Instant) -> StoreResult<Option<StoredState>> {
        self.known_damage(id)?;
        self.look(id, until).await
    }

    /// The same, though it could not be read a moment ago.
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

    /// The quiz of a session that was read as this state, which never changes, and so is read once.
    /// `None` if another session has its id by now.
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

    /// A page of a live session's events.
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

    /// A state and its events after `after`, as many as `budget` takes, read in one step.
    ///
    /// Where the stream has lost events that the state speaks of, because a server has thrown the stream
    /// away, the log begins where what is left of it does, and the epoch is another one: nobody is told
    /// of a log without a gap that has one.
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
        // Lua's numbers are doubles: `usize::MAX` would not survive.
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
        // The script counts compressed bytes, and so may have read too many.
        let fits = |event: &StoreResult<Event>| event.as_ref().map_or(true, |event| budget.takes(event));
        let events = entries.into_iter().map(|entry| log::event(id, entry)).filter(is_kept).take_while(fits);
        let events = self.noting_fault(id, events.collect::<StoreResult<Vec<_>>>())?;
        let epoch = held.session(id).epoch(life);
        Ok(Some(StatePage { held, events, epoch }))
    }

    /// How many sessions are alive, and how many stored; as it was last, while that can't be asked.
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
        self.index.flush(&self.link, until).await.map_err(Failure::of_read)?;
        let mut alive = redis::cmd("ZCOUNT");
        alive.arg(DEADLINES).arg(format!("({}", now.as_millis())).arg("+inf");
        let alive = self.link.read(&alive, until).await.map_err(Failure::of_read)?;
        let stored = self.link.read(redis::cmd("ZCARD").arg(DEADLINES), until).await;
        Ok((alive, stored.map_err(Failure::of_read)?))
    }
}

/// What is met when a state speaks of a quiz that isn't there.
fn without_quiz(id: &SessionId) -> StoreError {
    StoreError::Corrupt { what: format!("session #{} has no quiz", id.short_hash()) }
}
