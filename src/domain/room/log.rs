//! A room's event log: the numbering of events, and pruning. The events themselves are in the store.
//!
//! Sequence numbers have no gaps and never go back, even if every event was pruned.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::events::{Event, EventDraft, Sequence};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Millis, Moment, Timestamp, WallTime};

/// A reader that leaves events unacknowledged for this long no longer holds back pruning.
pub const SILENT_AFTER: Millis = Millis::seconds(60);
/// The most events that one room keeps.
pub const MOST_KEPT: u64 = 10_000;
/// The most bytes of events that one room keeps, before compression.
pub const MOST_KEPT_BYTES: u64 = 4 * 1024 * 1024;
/// The most events that one command may record.
pub const MOST_AT_ONCE: usize = 100;
/// The most bytes of a recorded event: of its kind, its payload and its recipients.
pub const MOST_EVENT_BYTES: usize = 16 * 1024;
/// The distance between two marks, in bytes. It is the precision with which [`MOST_KEPT_BYTES`] is kept.
const MARK_EVERY: u64 = 64 * 1024;

/// How far one reader of the log has acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogReader {
    pub(super) acknowledged: Sequence,
    /// Since when events have waited for an acknowledgement. `None` if none wait.
    waiting_since: Option<Timestamp>,
}

impl LogReader {
    /// A reader that needs no event up to `head`.
    pub(super) fn from(head: Sequence) -> Self {
        Self { acknowledged: head, waiting_since: None }
    }

    /// Whether events wait for an acknowledgement of this reader.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// Notes that an event was appended at `now`. The wait began earlier if events wait already.
    pub(super) fn waits(&mut self, now: Timestamp) {
        self.waiting_since = self.waiting_since.or(Some(now));
    }

    /// Whether pruning waits for this reader. The time of an outage doesn't count as silence.
    pub(super) fn counts(&self, at: Moment) -> bool {
        self.waiting_since.is_none_or(|since| at.now.since(since.max(at.up_since)) < SILENT_AFTER)
    }

    /// Notes that the reader has everything up to `sequence`, and returns the highest acknowledged number. An
    /// older acknowledgement changes nothing.
    pub(super) fn acknowledge(
        &mut self,
        sequence: Sequence,
        head: Sequence,
        now: Timestamp,
    ) -> Result<Sequence, Refusal> {
        if sequence > head {
            return Err(Refusal::AheadOfHead(head));
        }
        if sequence > self.acknowledged {
            self.acknowledged = sequence;
            self.waiting_since = (sequence < head).then_some(now);
        }
        Ok(self.acknowledged)
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.waiting_since = self.waiting_since.map(|since| since.shifted(by));
    }
}

/// The bytes that the log had recorded up to an event, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    through: Sequence,
    bytes: u64,
}

/// The numbering and the size of a room's events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct EventLog {
    /// The newest event's number; 0 before the first. It never goes back.
    pub(super) head: Sequence,
    /// Every event up to this number was pruned.
    pub(super) pruned: Sequence,
    /// The bytes that were ever recorded.
    bytes: u64,
    /// The part of `bytes` that was pruned, as of the last mark that was passed.
    pruned_bytes: u64,
    /// About one mark every [`MARK_EVERY`] bytes, oldest first.
    marks: VecDeque<Mark>,
}

impl EventLog {
    /// Makes a draft an event, with the next number.
    pub(super) fn append(&mut self, draft: EventDraft, at: WallTime) -> Event {
        self.head.0 += 1;
        self.bytes += draft.weight() as u64;
        if self.bytes - self.marks.back().map_or(self.pruned_bytes, |mark| mark.bytes) >= MARK_EVERY {
            self.marks.push_back(Mark { through: self.head, bytes: self.bytes });
        }
        Event { sequence: self.head, at, kind: draft.kind, payload: draft.payload, to: draft.to }
    }

    /// Prunes what everyone has acknowledged, and what is beyond the limits. Returns the highest pruned
    /// number if it has risen.
    pub(super) fn prune(&mut self, everyone_has: Sequence) -> Option<Sequence> {
        let through = self.beyond_the_most(everyone_has, self.head, self.bytes);
        while let Some(mark) = self.marks.front().filter(|mark| mark.through <= through) {
            self.pruned_bytes = mark.bytes;
            self.marks.pop_front();
        }
        (through > self.pruned).then(|| {
            self.pruned = through;
            through
        })
    }

    /// The number up to which events have to go: those up to `through` in any case, and those beyond the
    /// limits of a log that has grown to `head` and `bytes`.
    fn beyond_the_most(&self, through: Sequence, head: Sequence, bytes: u64) -> Sequence {
        let mut through = through.max(Sequence(head.0.saturating_sub(MOST_KEPT)));
        let mut pruned_bytes = self.pruned_bytes;
        for mark in &self.marks {
            if mark.through > through && bytes - pruned_bytes <= MOST_KEPT_BYTES {
                break;
            }
            through = through.max(mark.through);
            pruned_bytes = mark.bytes;
        }
        through
    }

    /// Whether appending `draft` would prune events after `read`.
    pub(super) fn would_push_out(&self, read: Sequence, draft: &EventDraft) -> bool {
        let (head, bytes) = (Sequence(self.head.0 + 1), self.bytes + draft.weight() as u64);
        self.beyond_the_most(self.pruned, head, bytes) > read.max(self.pruned)
    }
}

/// Refuses too many events, and events that are too large.
pub(super) fn check(drafts: &[EventDraft]) -> Result<(), Refusal> {
    let is_large = |draft: &EventDraft| draft.weight() > MOST_EVENT_BYTES;
    match drafts {
        _ if drafts.len() > MOST_AT_ONCE => Err(Refusal::TooManyEvents),
        _ if drafts.iter().any(is_large) => Err(Refusal::EventTooLarge),
        _ => Ok(()),
    }
}
