//! What a client counts while it plays: protocol violations by the server, and statistics.

use std::time::Instant;

use serde::Serialize;

/// Violations described in words in one report; later ones are only counted.
const MOST_NOTES: usize = 20;

/// Protocol violations by the server. Every count must be zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violations {
    /// Sequence numbers that were higher than the next one.
    pub gaps: u64,
    /// Sequence numbers that were received twice.
    pub repeats: u64,
    /// Sequence numbers that were lower than the previous one on the same connection.
    pub out_of_order: u64,
    /// Events that were not received in time: those skipped by a gap, and those announced by a heartbeat but
    /// still missing at the next heartbeat.
    pub events_missed: u64,
    /// Welcomes that contradict what is known: the sequence went back within one epoch, or `recovered` was
    /// true for a different epoch.
    pub broken_welcomes: u64,
    /// Acknowledged answers that are missing from a later snapshot or from the reveal.
    pub lost_answers: u64,
    /// The server's total was higher than the sum of the verdicts, or a question was revealed twice.
    pub counted_twice: u64,
    /// The server's total was lower than the sum of the verdicts.
    pub points_lost: u64,
    /// The score in the final ranking differs from the sum of the verdicts.
    pub scores_disagree: u64,
    /// Frames that do not follow the protocol.
    pub unreadable: u64,
    /// Descriptions of the first violations, at most 20.
    pub notes: Vec<String>,
}

impl Violations {
    /// True if there was no violation.
    pub fn is_clean(&self) -> bool {
        self.count() == 0
    }

    /// The number of violations of all kinds.
    pub fn count(&self) -> u64 {
        let order = self.gaps + self.repeats + self.out_of_order + self.events_missed + self.broken_welcomes;
        let scores = self.lost_answers + self.counted_twice + self.points_lost + self.scores_disagree;
        order + scores + self.unreadable
    }

    /// Adds the counts and notes of another client.
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

/// One reconnect: when the connection was lost, and when the next welcome came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// When the connection was lost, or given up as dead.
    pub lost: Instant,
    /// When the next welcome was received.
    pub back: Instant,
}

/// Statistics that are not violations.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Welcomes received, including the first one.
    pub welcomes: u64,
    /// Reconnects after which the server replayed every missed event.
    pub recovered: u64,
    /// Reconnects after which the server sent a snapshot instead of the missed events.
    pub snapshots: u64,
    /// Events of the same epoch that were not received because a snapshot replaced them.
    pub untold: u64,
    /// Attempts to connect that ended before a welcome.
    pub failed_tries: u64,
    /// Frames of this client that the server reported as unreadable.
    pub unread: u64,
    /// Acknowledged answers whose question was not revealed because the game ended first.
    pub unrevealed: u64,
    /// Every reconnect, oldest first.
    pub backs: Vec<Back>,
}

impl Stats {}
