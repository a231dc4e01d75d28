//! Runs commands on a session, and extends the life of a session that is read.

use std::time::Duration;

use super::error::GameError;
use crate::domain::{Command, GameSession, Moment, Reply, SessionId, Timestamp};
use crate::store::{GameSessionStore, StoreError};

/// How long a reader waits for its touch to be committed. The store carries the touch out even if nobody waits.
const TOUCHING: Duration = Duration::from_millis(150);

/// Touches a session that was just read, if its deadline is due to be extended. Returns until when the
/// session is promised to live.
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
        // The touch may not be stored, but the session can still be read. Promise only the stored deadline.
        Err(StoreError::Busy | StoreError::Full | StoreError::Unavailable(_) | StoreError::OutcomeUnknown) => {
            Ok(life.deadline().0)
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs a command on a live session, and unwraps the reply or the refusal of the rules.
pub(super) async fn apply(
    store: &dyn GameSessionStore,
    id: &SessionId,
    command: Command,
    at: Moment,
) -> Result<Reply, GameError> {
    let applied = store.apply(id, command, at).await?.ok_or(GameError::SessionNotFound)?;
    Ok(applied.result?)
}

/// The error for a reply that doesn't belong to the command. It would be a bug in the rules.
pub(super) fn unexpected(reply: &Reply) -> GameError {
    StoreError::RuleFailed { what: format!("an unexpected reply: {reply:?}") }.into()
}
