//! One command on one session, the same on every engine: on a copy, with a panic caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{StoreError, StoreResult};
use crate::domain::{Applied, Command, GameSession, Moment};

/// The rules that an engine applies: [`GameSession::apply`], or a test's own.
pub type Rules = fn(&mut GameSession, Command, Moment) -> Applied;

/// Applies a command to a copy of the session. A rule that panics harms this command only.
pub(crate) fn step(
    rules: Rules,
    before: &GameSession,
    command: Command,
    at: Moment,
) -> StoreResult<(GameSession, Applied)> {
    let mut after = before.clone();
    let applied = catch_unwind(AssertUnwindSafe(|| rules(&mut after, command, at)));
    match applied {
        Ok(applied) => Ok((after, applied)),
        Err(panic) => Err(StoreError::RuleFailed { what: message(panic.as_ref()) }),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
