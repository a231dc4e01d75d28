//! What a client counts while it plays: broken promises, and figures that are no faults.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Most faults that are told in words.
const MOST_NOTES: usize = 20;

/// Broken promises. All zero is the only good result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violations {
    /// A sequence came that was not the next one, but a later one.
    pub gaps: u64,
    /// A sequence came again.
    pub repeats: u64,
    /// A sequence came after a later one, on one connection.
    pub out_of_order: u64,
    /// Events that never came when they should: those in a gap, and those that a heartbeat told of
    /// without their coming before the next one.
    pub events_missed: u64,
    /// A welcome that contradicts what was known: the numbering went back within its epoch, or was
    /// recovered from another one.
    pub broken_welcomes: u64,
    /// An answer was acknowledged, and the snapshot, or the reveal, did not know it.
    pub lost_answers: u64,
    /// The server's total is higher than the sum of the verdicts, or a question was revealed twice.
    pub counted_twice: u64,
    /// The server's total is lower than the sum of the verdicts.
    pub points_lost: u64,
    /// The final ranking tells another score than the verdicts.
    pub scores_disagree: u64,
    /// A frame that is none of the protocol.
    pub unreadable: u64,
    /// The first of them in words.
    pub notes: Vec<String>,
}

impl Violations {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.count() == 0
    }

    /// How many promises were broken.
    pub fn count(&self) -> u64 {
        let order = self.gaps + self.repeats + self.out_of_order + self.events_missed + self.broken_welcomes;
        let scores = self.lost_answers + self.counted_twice + self.points_lost + self.scores_disagree;
        order + scores + self.unreadable
    }

    /// Adds another client's.
    pub fn add(&mut self, other: &Self) {
        self.gaps += other.gaps;
        self.repeats += other.repeats;
        self.out_of_order += other.out_of_order;
        self.events_missed += other.events_missed;
        self.broken_welcomes += other.broken_welcomes;
        self.lost_answers += other.lost_answers;
        self.counted_twice += other.counted_twice;
        self.points_lost += other.points_lost;
        self.scores_disagree += other.scores_disagree;
        self.unreadable += other.unreadable;
        other.notes.iter().for_each(|note| self.note(note.clone()));
    }

    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        }
    }
}

/// One loss of the connection, and the welcome after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// When the connection was lost, or given up.
    pub lost: Instant,
    /// When the next welcome came.
    pub back: Instant,
}

/// Figures that are no faults.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Welcomes, the first one included.
    pub welcomes: u64,
    /// Welcomes after the first by which everything missed was told again.
    pub recovered: u64,
    /// Welcomes after the first with a snapshot instead.
    pub snapshots: u64,
    /// Events whose place a snapshot took.
    pub untold: u64,
    /// Tries to connect that ended before a welcome.
    pub failed_tries: u64,
    /// Frames that the server could not read.
    pub unread: u64,
    /// Acknowledged answers whose question was never revealed: the game was ended before.
    pub unrevealed: u64,
    /// Every way back.
    pub backs: Vec<Back>,
}

impl Stats {
    /// The longest time from a loss to the next welcome.
    pub fn longest_back(&self) -> Duration {
        self.backs.iter().map(|way| way.back.duration_since(way.lost)).max().unwrap_or_default()
    }
}
