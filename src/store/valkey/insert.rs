//! Inserting and deleting whole sessions: new ones, imported ones and deleted ones.
//!
//! An insert claims the join code first, then lists the session for its owner, and stores the session last. A
//! delete removes the session first. So a crash in between never leaves a stored session without its code or
//! its list entry.

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

/// Maximum number of attempts when another instance wins the race.
const MOST_TRIES: u32 = 8;

impl Engine {
    /// Stores a new session. Fails with `AlreadyExists` if a live session has the id or the join code.
    pub(super) async fn create(&self, session: GameSession, at: Moment, until: Instant) -> StoreResult<()> {
        let placed = match self.link.lets_games_begin() {
            Ok(()) => self.insert(&session, &[], at, until).await,
            Err(error) => match self.state(&session.id, until).await {
                // A retried creation must not fail with this error if its game already exists.
                Ok(Some(held)) if held.state.life.is_live(at.now) => Ok(false),
                _ => Err(error),
            },
        };
        if matches!(placed, Err(StoreError::Full | StoreError::Unavailable(_))) {
            self.link.count_refused();
        }
        if placed? { Ok(()) } else { Err(StoreError::AlreadyExists) }
    }

    /// Inserts a session with its events. Returns false if a live session has the id or the join code. A dead
    /// session with the same id is replaced.
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
        // If the outcome is unknown, the code stays claimed, because the session may have been stored.
        if !matches!(placed, Ok(true) | Err(StoreError::OutcomeUnknown)) {
            self.release(&session.id, &session.state, until).await;
        }
        placed
    }

    /// Stores a session whose join code is claimed and which is listed for its owner.
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
                // The stored state is a later one of this very session: a try that got no answer was stored,
                // and other commits followed it.
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

    /// Updates this process's caches and the deadline index for a session that was just stored.
    fn note(&self, session: &GameSession) {
        // First drop everything about the session that had this id before.
        self.let_go(&session.id);
        self.index.note(&session.id, session.state.life.deadline());
        match &session.quiz {
            Some(quiz) => self.quizzes.insert(&session.id, session.state.nonce, quiz),
            None => self.quizzes.remove(&session.id),
        }
    }

    /// Deletes a session, whatever its state. Returns whether it existed. Each delete call names the version
    /// that it means, so that a call that arrives late can't delete a newer session.
    pub(super) async fn delete(&self, id: &SessionId, until: Instant) -> StoreResult<bool> {
        for tries in 0..MOST_TRIES {
            // `look` and not `state`: an id that was damaged a moment ago may belong to another session by
            // now.
            let held = match self.look(id, until).await {
                Ok(held) => held,
                // A session that can't be read can still be deleted. Its version is unknown, so any state
                // matches.
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

    /// Deletes a session if it still has this state, or in any state if `state` is `None`. Returns whether it
    /// existed, or `None` if another state is stored.
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
                    // If the deleted state can't be read, its join code and owner are unknown. The code's
                    // claim is no longer valid, and readers of the owner's list remove the entry.
                    if let Ok(held) = record::decode(id, &body) {
                        self.release(id, &held.state, until).await;
                        self.unlist(id, &held.state, until).await;
                    }
                    return Ok(Some(true));
                }
                Ok(Value::Nil) => {
                    self.let_go(id);
                    // If an earlier try got no answer, most likely it deleted the session.
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
