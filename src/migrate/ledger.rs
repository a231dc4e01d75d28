//! Records the result for every session: counts for the operator, and what the check needs.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::mover::{Conflict, MoveOutcome};
use super::walk::Which;
use crate::domain::{SessionId, Timestamp};

/// How many sessions of a kind are listed by name.
const MOST_LISTED: usize = 20;

/// Counts items and keeps the names of the first [`MOST_LISTED`].
#[derive(Debug, Default)]
pub(super) struct NamedFew {
    pub(super) count: u64,
    pub(super) first: Vec<String>,
}

impl NamedFew {
    pub(super) fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < MOST_LISTED {
            self.first.push(text());
        }
    }
}

/// The counts of a move, in sessions.
#[derive(Debug, Default)]
pub(super) struct MoveCounts {
    pub(super) moved: u64,
    /// Those of `moved` that replaced another state on the target.
    pub(super) replaced: u64,
    pub(super) same: u64,
    pub(super) dead: u64,
    /// Sessions for which the target has another state.
    pub(super) states: NamedFew,
    /// Sessions whose join code belongs to another session on the target.
    pub(super) codes: NamedFew,
    /// Sessions that belong to one instance's fallback, and so can't be moved to a shared store.
    pub(super) at_home: NamedFew,
    /// Sessions with a record that can't be read, on either side.
    pub(super) unreadable: NamedFew,
}

/// A session that is on the target. There may be a million of them, so it is small.
#[derive(Debug, Clone, Copy)]
struct MovedSession {
    /// A hash of the session id.
    id: u64,
    /// The deadline by the target's clock; `None` if it is not known.
    deadline: Option<Timestamp>,
}

/// The results of all sessions so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) counts: MoveCounts,
    /// Sorted by id only after [`Ledger::close`].
    settled: Vec<MovedSession>,
}

fn key(id: &SessionId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The name of a session in messages: a short hash, because the id is a player's credential.
pub(super) fn named(id: &SessionId) -> String {
    format!("#{}", id.short_hash())
}

impl Ledger {
    /// Records the result for one session.
    pub(super) fn note(&mut self, id: &SessionId, outcome: MoveOutcome) {
        let counts = &mut self.counts;
        match outcome {
            MoveOutcome::Moved { deadline, replaced } => {
                counts.moved += 1;
                counts.replaced += u64::from(replaced);
                self.settled.push(MovedSession { id: key(id), deadline });
            }
            MoveOutcome::Same => {
                counts.same += 1;
                self.settled.push(MovedSession { id: key(id), deadline: None });
            }
            MoveOutcome::Dead => counts.dead += 1,
            MoveOutcome::Conflict(Conflict::State) => counts.states.add(|| named(id)),
            MoveOutcome::Conflict(Conflict::Code) => counts.codes.add(|| named(id)),
            MoveOutcome::AtHome => counts.at_home.add(|| named(id)),
            MoveOutcome::Unreadable(which, what) => {
                let place = if which == Which::Source { "source" } else { "target" };
                counts.unreadable.add(|| format!("{} on the {place}: {what}", named(id)));
            }
        }
    }

    /// Sorts the sessions that are on the target. Call this before [`Ledger::settled`].
    pub(super) fn close(&mut self) {
        self.settled.sort_unstable_by_key(|settled| settled.id);
    }

    /// `None` if the session is not on the target. Otherwise its deadline, if that is known.
    pub(super) fn settled(&self, id: &SessionId) -> Option<Option<Timestamp>> {
        let place = self.settled.binary_search_by_key(&key(id), |settled| settled.id).ok()?;
        Some(self.settled[place].deadline)
    }
}
