//! What is read: states, quizzes, pages of events, counts.

use std::sync::Arc;

use tokio::time::Instant;

use super::batch::without_quiz;
use super::engine::Engine;
use super::failure::Failure;
use super::log::{self, Entry};
use super::record::{self, Held};
use super::scripts::PAGE;
use super::{DEADLINES, Keys};
use crate::domain::room::MOST_KEPT;
use crate::domain::{Event, GameSession, Quiz, Sequence, SessionId, SessionState, Timestamp};
use crate::store::contract::EventPage;
use crate::store::error::StoreResult;

/// How often a read begins anew because what it read was no longer there.
const MOST_TRIES: usize = 4;

/// A session's state and some of its events, of one moment.
pub(super) struct Page {
    pub(super) held: Held,
    pub(super) events: Vec<Event>,
    server_life: u64,
}

impl Engine {
    /// A live session.
    pub(super) async fn get(&self, id: &SessionId, now: Timestamp, until: Instant) -> StoreResult<Option<GameSession>> {
        for _ in 0..MOST_TRIES {
            let held = self.state(id, until).await?.filter(|held| held.state.life.is_live(now));
            let Some(held) = held else { return Ok(None) };
            if let Some(session) = self.whole(id, &held, until).await? {
                return Ok(Some(session));
            }
        }
        Err(without_quiz(id))
    }

    /// A state with its quiz; `None` if the quiz is gone, and so the state is an old one.
    pub(super) async fn whole(&self, id: &SessionId, held: &Held, until: Instant) -> StoreResult<Option<GameSession>> {
        let session = held.session(id);
        if !held.state.game.has_quiz() {
            return Ok(Some(session));
        }
        let quiz = self.quiz(id, &held.state, until).await?;
        Ok(quiz.map(|quiz| GameSession { quiz: Some(quiz), ..session }))
    }

    /// What is stored under an id, dead or alive.
    pub(super) async fn state(&self, id: &SessionId, until: Instant) -> StoreResult<Option<Held>> {
        let body = self.link.read::<Option<Vec<u8>>>(redis::cmd("GET").arg(Keys::of(id).state), until).await;
        body.map_err(Failure::of_read)?.map(|body| record::decode(id, &body)).transpose()
    }

    /// The quiz of a session in this state, which never changes, and so is read once.
    pub(super) async fn quiz(
        &self,
        id: &SessionId,
        state: &SessionState,
        until: Instant,
    ) -> StoreResult<Option<Arc<Quiz>>> {
        if let Some(quiz) = self.quizzes.get(id, state.nonce) {
            return Ok(Some(quiz));
        }
        let body = self.link.read::<Option<Vec<u8>>>(redis::cmd("GET").arg(Keys::of(id).quiz), until).await;
        let Some(body) = body.map_err(Failure::of_read)? else { return Ok(None) };
        let quiz = Arc::new(record::decode_quiz(id, &body)?);
        self.quizzes.insert(id, state.nonce, &quiz);
        Ok(Some(quiz))
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
        let page = self.page(id, after, limit, until).await?.filter(|page| page.held.state.life.is_live(now));
        Ok(page.map(|page| {
            let session = page.held.session(id);
            let log = session.log();
            EventPage {
                events: page.events,
                head: log.head,
                oldest: log.oldest,
                epoch: session.epoch(page.server_life),
            }
        }))
    }

    /// A state and at most `limit` of its events after `after`, read in one step.
    pub(super) async fn page(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        until: Instant,
    ) -> StoreResult<Option<Page>> {
        let keys = Keys::of(id);
        let first = after.0.saturating_add(1).to_string();
        let limit = limit.min(MOST_KEPT as usize);
        // The stream's own "how many" knows no nothing.
        let count = limit.max(1).to_string();
        let (names, args) = ([keys.state.as_str(), &keys.events], [first.as_bytes(), count.as_bytes()]);
        let read = self.link.run_read::<Option<(Vec<u8>, String, Vec<Entry>)>>(&PAGE, &names, &args, until).await;
        let Some((body, server_life, entries)) = read.map_err(Failure::of_read)? else { return Ok(None) };
        let held = record::decode(id, &body)?;
        let events = entries.into_iter().take(limit).map(|entry| log::event(id, entry)).collect::<StoreResult<_>>()?;
        let server_life = server_life.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or_default();
        Ok(Some(Page { held, events, server_life }))
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
