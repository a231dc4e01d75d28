//! Commands and reads that touch the session.

use std::time::Duration;

use super::error::GameError;
use crate::domain::{Command, GameSession, Moment, Reply, SessionId, Timestamp};
use crate::store::{GameSessionStore, StoreError};

/// How long a reader waits for its touch, which is carried out all the same.
const TOUCHING: Duration = Duration::from_millis(150);

/// Touches a session that was just read, if its time has come; until when it lives then.
pub(super) async fn lives_until(
    store: &dyn GameSessionStore,
    session: &GameSession,
    at: Moment,
) -> Result<Timestamp, GameError> {
    let life = &session.state.life;
    if !life.is_touch_due(at.now) {
        return Ok(life.promised_end(at.now));
    }
    let touching = tokio::time::timeout(TOUCHING, store.apply(&session.id, Command::Touch, at));
    match touching.await.unwrap_or(Err(StoreError::OutcomeUnknown)) {
        Ok(touched) => touched.map(|_| life.promised_end(at.now)).ok_or(GameError::SessionNotFound),
        // What can't be written can still be read; it promises no more than the store does.
        Err(StoreError::Busy | StoreError::Full | StoreError::Unavailable(_) | StoreError::OutcomeUnknown) => {
            Ok(life.deadline().0)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn apply(
    store: &dyn GameSessionStore,
    id: &SessionId,
    command: Command,
    at: Moment,
) -> Result<Reply, GameError> {
    let applied = store.apply(id, command, at).await?.ok_or(GameError::SessionNotFound)?;
    Ok(applied.result?)
}

/// The rules answered another command than the one that was asked.
pub(super) fn unexpected(reply: &Reply) -> GameError {
    StoreError::RuleFailed { what: format!("an unexpected reply: {reply:?}") }.into()
}
