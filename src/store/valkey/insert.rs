//! Putting whole sessions in and taking them out: new ones, imported ones, forgotten ones.

use redis::Value;
use tokio::time::Instant;

use super::Keys;
use super::batch::jitter;
use super::commit::{AGAIN, CommitOutcome, QuizChange, StateChange};
use super::engine::Engine;
use super::failure::Failure;
use super::record::{self, StoredState};
use super::scripts::FORGET;
use crate::domain::{Event, GameSession, Moment, SessionId};
use crate::store::error::{StoreError, StoreResult};

/// How often a placing begins anew because another instance was faster.
const MOST_TRIES: u32 = 8;

impl Engine {
    /// Stores a new session over none or a dead one, its join code claimed first.
    pub(super) async fn create(&self, session: GameSession, at: Moment, until: Instant) -> StoreResult<()> {
        let placed = match self.link.lets_games_begin() {
            Ok(()) => self.insert(&session, &[], at, until).await,
            Err(error) => match self.state(&session.id, until).await {
                // A repeat is not told that its game could not begin.
                Ok(Some(held)) if held.state.life.is_live(at.now) => Ok(false),
                _ => Err(error),
            },
        };
        if matches!(placed, Err(StoreError::Full | StoreError::Unavailable(_))) {
            self.link.count_refused();
        }
        if placed? { Ok(()) } else { Err(StoreError::AlreadyExists) }
    }

    /// Whether the session is stored now; if not, a live one has its id or its join code.
    pub(super) async fn insert(
        &self,
        session: &GameSession,
        events: &[Event],
        at: Moment,
        until: Instant,
    ) -> StoreResult<bool> {
        if !self.claim(session, at, until).await? {
            return Ok(false);
        }
        let placed = match self.list(session, at.now, until).await {
            Ok(()) => self.place_claimed(session, events, at, until).await,
            Err(error) => Err(error),
        };
        // An outcome that is not known leaves the code claimed: the session may be there.
        if !matches!(placed, Ok(true) | Err(StoreError::OutcomeUnknown)) {
            self.release(&session.id, &session.state, until).await;
        }
        placed
    }

    async fn place_claimed(
        &self,
        session: &GameSession,
        events: &[Event],
        at: Moment,
        until: Instant,
    ) -> StoreResult<bool> {
        let id = &session.id;
        let mut dead: Option<Box<StoredState>> = None;
        for tries in 0..MOST_TRIES {
            let change = StateChange {
                before: dead.as_ref().map(|dead| dead.stamp),
                after: &session.state,
                is_fresh: true,
                quiz: session.quiz.as_deref().map_or(QuizChange::Dropped, QuizChange::Set),
                is_shared: session.state.game.is_shared(),
                events,
                prune_through: None,
                now: at.now,
            };
            let settled = self.commit(id, &change, until).await?;
            match self.noting_fault(id, settled.stands.map_err(Failure::of_write))? {
                CommitOutcome::Done => {
                    self.note(session);
                    if let Some(dead) = dead {
                        self.release(id, &dead.state, until).await;
                        self.unlist(id, &dead.state, until).await;
                    }
                    return Ok(true);
                }
                // A step that got no answer can have been followed by others.
                CommitOutcome::Other(held) if settled.may_have_been && held.state.nonce == session.state.nonce => {
                    return Err(StoreError::OutcomeUnknown);
                }
                CommitOutcome::Other(held) if held.state.life.is_live(at.now) => return Ok(false),
                CommitOutcome::Other(held) => dead = Some(held),
                CommitOutcome::Nothing => dead = None,
            }
            tokio::time::sleep(jitter(tries)).await;
        }
        Err(StoreError::Busy)
    }

    fn note(&self, session: &GameSession) {
        // What stood there before is no basis for anything now.
        self.let_go(&session.id);
        self.index.note(&session.id, session.state.life.deadline());
        match &session.quiz {
            Some(quiz) => self.quizzes.insert(&session.id, session.state.nonce, quiz),
            None => self.quizzes.remove(&session.id),
        }
    }

    /// Forgets a session, whatever its state; whether there was one. Should the call arrive late, it
    /// must not find a session that has come since: so each names the state that it means.
    pub(super) async fn delete(&self, id: &SessionId, until: Instant) -> StoreResult<bool> {
        for tries in 0..MOST_TRIES {
            // What could not be read a moment ago may be another session by now.
            let held = match self.look(id, until).await {
                Ok(held) => held,
                // What can't be read can be forgotten all the same.
                Err(StoreError::Corrupt { .. }) => {
                    return self.forget(id, None, until).await.map(Option::unwrap_or_default);
                }
                Err(error) => return Err(error),
            };
            let Some(held) = held else {
                self.let_go(id);
                return Ok(false);
            };
            if let Some(was_there) = self.forget(id, Some(&held), until).await? {
                return Ok(was_there);
            }
            tokio::time::sleep(jitter(tries)).await;
        }
        Err(StoreError::Busy)
    }

    /// Forgets a session in this state, or in any; whether there was one. `None` if another state
    /// stands there.
    pub(super) async fn forget(
        &self,
        id: &SessionId,
        state: Option<&StoredState>,
        until: Instant,
    ) -> StoreResult<Option<bool>> {
        let expected = state.map(|held| held.stamp.head()).unwrap_or_default();
        let [publish, channel] = self.notice(id, state.is_some_and(|held| held.state.game.is_shared()));
        let args = [expected.as_bytes(), &publish, &channel];
        let (keys, mut may_have_been) = (Keys::of(id), false);
        loop {
            let ran = self.link.run::<Value>(&FORGET, &keys.all(), &args, until).await;
            match ran {
                Ok(Value::BulkString(body)) => {
                    self.note_commit();
                    self.let_go(id);
                    // What can't be read holds no code that could be found, and is in no owner's list.
                    if let Ok(held) = record::decode(id, &body) {
                        self.release(id, &held.state, until).await;
                        self.unlist(id, &held.state, until).await;
                    }
                    return Ok(Some(true));
                }
                Ok(Value::Nil) => {
                    self.let_go(id);
                    return Ok(Some(may_have_been));
                }
                Ok(_) => return Ok(None),
                Err(Failure::Unknown(_)) if Instant::now() + AGAIN < until => may_have_been = true,
                Err(failure) if may_have_been && Instant::now() + AGAIN < until => drop(failure),
                Err(_) if may_have_been => return Err(StoreError::OutcomeUnknown),
                Err(failure) => return Err(failure.of_write()),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
