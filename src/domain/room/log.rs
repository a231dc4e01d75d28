//! A room's event log: numbers without gaps, and what may be forgotten. Sequences never go back,
//! pruned or not; the events themselves lie in the store.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::domain::events::{Event, EventDraft, Sequence};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Millis, Moment, Timestamp, WallTime};

/// A seat that has not acknowledged for this long, while events wait, holds back no pruning.
pub const SILENT_AFTER: Millis = Millis::seconds(60);
/// Most events that one room keeps.
pub const MOST_KEPT: u64 = 10_000;
/// Most bytes of events that one room keeps, before compression.
pub const MOST_KEPT_BYTES: u64 = 4 * 1024 * 1024;
/// Most events that one command may bring.
pub const MOST_AT_ONCE: usize = 100;
/// Most bytes of an event that is brought: of its kind, its payload, and whom it is for.
pub const MOST_EVENT_BYTES: usize = 16 * 1024;
/// How many bytes lie between two marks: how exactly the limit in bytes is kept.
const MARK_EVERY: u64 = 64 * 1024;

/// What a reader of the log has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogReader {
    pub(super) acknowledged: Sequence,
    /// Since when events have waited for the acknowledgement.
    waiting_since: Option<Timestamp>,
}

impl LogReader {
    /// A reader who needs nothing up to `head`.
    pub(super) fn from(head: Sequence) -> Self {
        Self { acknowledged: head, waiting_since: None }
    }

    /// Whether events wait for its acknowledgement.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// Something happened at `now`.
    pub(super) fn waits(&mut self, now: Timestamp) {
        self.waiting_since = self.waiting_since.or(Some(now));
    }

    /// Whether pruning waits for this reader. An outage is nobody's silence.
    pub(super) fn counts(&self, at: Moment) -> bool {
        self.waiting_since.is_none_or(|since| at.now.since(since.max(at.up_since)) < SILENT_AFTER)
    }

    /// Notes that everything up to `sequence` is here; an older acknowledgement changes nothing.
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

/// How many bytes had been recorded by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    through: Sequence,
    bytes: u64,
}

/// The numbers of a room's events.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct EventLog {
    /// The newest event's number. It never goes back, pruned or not.
    pub(super) head: Sequence,
    /// Every event up to here is forgotten.
    pub(super) pruned: Sequence,
    /// Bytes ever recorded, and those of them that are forgotten, as far as the marks know.
    bytes: u64,
    pruned_bytes: u64,
    marks: VecDeque<Mark>,
}

impl EventLog {
    /// Numbers an event.
    pub(super) fn append(&mut self, draft: EventDraft, at: WallTime) -> Event {
        self.head.0 += 1;
        self.bytes += draft.weight() as u64;
        if self.bytes - self.marks.back().map_or(self.pruned_bytes, |mark| mark.bytes) >= MARK_EVERY {
            self.marks.push_back(Mark { through: self.head, bytes: self.bytes });
        }
        Event { sequence: self.head, at, kind: draft.kind, payload: draft.payload, to: draft.to }
    }

    /// Forgets what everybody has, and what is beyond the most that is kept. Gives the number up to
    /// which that newly is.
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

    /// Up to where events are beyond the most that is kept, where those up to `through` go anyway and
    /// the log has come to `head` and `bytes`.
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

    /// Whether one more event would push out some that come after `read`.
    pub(super) fn would_push_out(&self, read: Sequence, draft: &EventDraft) -> bool {
        let (head, bytes) = (Sequence(self.head.0 + 1), self.bytes + draft.weight() as u64);
        self.beyond_the_most(self.pruned, head, bytes) > read.max(self.pruned)
    }
}

/// Refuses events that are too many or too large.
pub(super) fn check(drafts: &[EventDraft]) -> Result<(), Refusal> {
    let is_large = |draft: &EventDraft| draft.weight() > MOST_EVENT_BYTES;
    match drafts {
        _ if drafts.len() > MOST_AT_ONCE => Err(Refusal::TooManyEvents),
        _ if drafts.iter().any(is_large) => Err(Refusal::EventTooLarge),
        _ => Ok(()),
    }
}
