//! What became of every session: counts for the operator, and what the check needs to know of each.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::mover::{Conflict, MoveOutcome};
use super::walk::Which;
use crate::domain::{SessionId, Timestamp};

/// How many sessions are named one by one.
const MOST_LISTED: usize = 20;

/// Things that are named one by one as far as they are few, and counted in any case.
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

/// The counts of a move.
#[derive(Debug, Default)]
pub(super) struct MoveCounts {
    pub(super) moved: u64,
    /// How many of those that were moved took another state's place.
    pub(super) replaced: u64,
    pub(super) same: u64,
    pub(super) dead: u64,
    /// Sessions of which the target has another state.
    pub(super) states: NamedFew,
    /// Sessions whose join code is another's on the target.
    pub(super) codes: NamedFew,
    /// Sessions that have a home, and no place on the target.
    pub(super) at_home: NamedFew,
    pub(super) unreadable: NamedFew,
}

/// A session that is on the target. A million of them are kept, so it is small.
#[derive(Debug, Clone, Copy)]
struct MovedSession {
    id: u64,
    deadline: Option<Timestamp>,
}

/// What became of every session so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) counts: MoveCounts,
    settled: Vec<MovedSession>,
}

fn key(id: &SessionId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// How a session is named: its id is a player's credential.
pub(super) fn named(id: &SessionId) -> String {
    format!("#{}", id.short_hash())
}

impl Ledger {
    /// Notes what became of a session.
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

    /// Makes what is on the target easy to find.
    pub(super) fn close(&mut self) {
        self.settled.sort_unstable_by_key(|settled| settled.id);
    }

    /// Whether a session is on the target by this ledger, and until when, where that is known.
    pub(super) fn settled(&self, id: &SessionId) -> Option<Option<Timestamp>> {
        let place = self.settled.binary_search_by_key(&key(id), |settled| settled.id).ok()?;
        Some(self.settled[place].deadline)
    }
}
