//! Applies one command to a copy of a session and catches panics. Every engine uses this.

use super::error::{StoreError, StoreResult};
use super::panics;
use crate::domain::{Applied, Command, GameSession, Moment};

/// The function that applies a command: [`GameSession::apply`], or a test's own.
pub type ApplyFn = fn(&mut GameSession, Command, Moment) -> Applied;

/// Applies a command to a copy of the session and returns the copy. If a rule panics, only this command
/// fails: `before` is unchanged.
pub(crate) fn apply_on_copy(
    rules: ApplyFn,
    before: &GameSession,
    command: Command,
    at: Moment,
) -> StoreResult<(GameSession, Applied)> {
    let mut after = before.clone();
    let applied = panics::catch(|| rules(&mut after, command, at));
    let mut applied = applied.map_err(|what| StoreError::RuleFailed { what })?;
    applied.moved_seats = after.moved_seats(before);
    Ok((after, applied))
}
