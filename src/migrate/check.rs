//! Reads everything back: compares what was moved with the source once more, at the end.

use std::sync::Arc;

use super::ledger::{Ledger, NamedFew, named};
use super::mover::{Mover, TOLERANCE, export};
use super::side::Side;
use super::walk::{Patience, Stop, WalkError, Which};
use crate::domain::{SessionId, Timestamp};
use crate::store::Dump;

/// The result of checking one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckOutcome {
    /// The target has the same game with the same remaining lifetime.
    Same,
    /// The session has ended or was deleted, on a store that others use.
    Ended,
    /// The session was played on, on a store that others use.
    PlayedOn,
    /// The session is not as it should be; the text says why.
    Wrong(&'static str),
}

/// The counts of a check, in sessions.
#[derive(Debug, Default)]
pub(super) struct CheckCounts {
    pub(super) verified: u64,
    pub(super) ended: u64,
    pub(super) played_on: NamedFew,
    pub(super) wrong: NamedFew,
}

impl CheckCounts {
    /// The number of checked sessions.
    pub(super) fn seen(&self) -> u64 {
        self.verified + self.ended + self.played_on.count + self.wrong.count
    }

    fn note(&mut self, id: &SessionId, found: CheckOutcome) {
        match found {
            CheckOutcome::Same => self.verified += 1,
            CheckOutcome::Ended => self.ended += 1,
            CheckOutcome::PlayedOn => self.played_on.add(|| named(id)),
            CheckOutcome::Wrong(what) => self.wrong.add(|| format!("{} {what}", named(id))),
        }
    }
}

/// The two stores, the sessions to check, and the counts so far.
pub(super) struct Check {
    pub(super) mover: Arc<Mover>,
    pub(super) ledger: Ledger,
    pub(super) checked: parking_lot::Mutex<CheckCounts>,
}

impl Check {
    /// Compares a session on both sides. False if this run did not find or put it on the target.
    pub(super) async fn look(&self, id: &SessionId, patience: &Patience) -> Result<bool, Stop> {
        let (Some(deadline), Some(to)) = (self.ledger.settled(id), &self.mover.to) else { return Ok(false) };
        let from = &self.mover.from;
        let found = match compare(from, to, id, deadline, patience).await {
            Ok(found) => found,
            Err(WalkError::Unreadable(..)) => CheckOutcome::Wrong("cannot be read back"),
            Err(WalkError::Stop(stop)) => return Err(stop),
        };
        self.checked.lock().note(id, found);
        Ok(true)
    }
}

async fn compare(
    from: &Side,
    to: &Side,
    id: &SessionId,
    deadline: Option<Timestamp>,
    patience: &Patience,
) -> Result<CheckOutcome, WalkError> {
    // The target is read first: a session that ends in between is then missing on the source, not on the
    // target.
    let target = export(to, Which::Target, id, patience).await?;
    let source = export(from, Which::Source, id, patience).await?;
    let is_quiet = from.is_ours && to.is_ours;
    Ok(match (source, target) {
        (Some(source), Some(target)) if source.is_same(&target) => judge_life(to, &target, deadline),
        (Some(_), Some(_)) if is_quiet => CheckOutcome::Wrong("is another game there"),
        (Some(_), Some(_)) => CheckOutcome::PlayedOn,
        (_, None) if to.is_ours => CheckOutcome::Wrong("is missing"),
        _ => CheckOutcome::Ended,
    })
}

/// On a store that others use, the session may live longer than promised, because it was played on. It must
/// never live shorter.
fn judge_life(to: &Side, target: &Dump, deadline: Option<Timestamp>) -> CheckOutcome {
    let Some(promised) = deadline else { return CheckOutcome::Same };
    let actual = target.session.state.life.deadline().0;
    if promised.since(actual) > TOLERANCE {
        return CheckOutcome::Wrong("lives shorter than it should");
    }
    if to.is_ours && actual.since(promised) > TOLERANCE {
        CheckOutcome::Wrong("lives longer than it should")
    } else {
        CheckOutcome::Same
    }
}
