//! An external session: a game that rejoin doesn't know the rules of. It keeps the numbered log of
//! its events and what each seat has acknowledged, so that whoever returns gets what was missed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::events::{Event, EventDraft, Sequence};
use super::ids::SeatId;
use super::refusal::Refusal;
use super::time::{Millis, Timestamp};

/// A seat that has not acknowledged for this long, while events wait, holds back no pruning.
pub const SILENT_AFTER: Millis = Millis::seconds(60);
/// Most events that one session keeps.
pub const MOST_KEPT: u64 = 10_000;
/// Most events that one command may bring.
pub const MOST_AT_ONCE: usize = 100;
/// Most bytes of an event's kind and payload.
pub const MOST_EVENT_BYTES: usize = 16 * 1024;

/// What is known of one seat.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seat {
    acknowledged: Sequence,
    /// Since when events have waited for this seat's acknowledgement.
    waiting_since: Option<Timestamp>,
}

impl Seat {
    fn counts(&self, now: Timestamp) -> bool {
        self.waiting_since.is_none_or(|since| now.since(since) < SILENT_AFTER)
    }
}

/// The state of an external session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalGame {
    /// The newest event's number. It never goes back, pruned or not.
    head: Sequence,
    /// Every event up to here is forgotten.
    pruned: Sequence,
    seats: BTreeMap<SeatId, Seat>,
}

impl ExternalGame {
    /// A session with these seats in which nothing has happened.
    pub fn new(seats: impl IntoIterator<Item = SeatId>) -> Self {
        let seats = seats.into_iter().map(|id| (id, Seat::default())).collect();
        Self { head: Sequence(0), pruned: Sequence(0), seats }
    }

    /// The newest event's number; 0 before the first.
    pub fn head(&self) -> Sequence {
        self.head
    }

    /// The number up to which events are forgotten.
    pub fn pruned(&self) -> Sequence {
        self.pruned
    }

    /// Forgets what nobody who counts still waits for, and what is beyond the most that is kept.
    /// Gives the number up to which that newly is.
    pub(super) fn prune(&mut self, now: Timestamp) -> Option<Sequence> {
        let counting = self.seats.values().filter(|seat| seat.counts(now));
        let everyone_has = counting.map(|seat| seat.acknowledged).min().unwrap_or_default();
        let overflow = Sequence(self.head.0.saturating_sub(MOST_KEPT));
        let through = everyone_has.max(overflow);
        (through > self.pruned).then(|| {
            self.pruned = through;
            through
        })
    }

    /// Numbers new events.
    pub(super) fn record(
        &mut self,
        drafts: Vec<EventDraft>,
        expected: Option<Sequence>,
        now: Timestamp,
    ) -> Result<Vec<Event>, Refusal> {
        if expected.is_some_and(|head| head != self.head) {
            return Err(Refusal::HeadMoved(self.head));
        }
        let size = |draft: &EventDraft| draft.kind.len() + draft.payload.len();
        if drafts.len() > MOST_AT_ONCE || drafts.iter().any(|draft| size(draft) > MOST_EVENT_BYTES) {
            return Err(Refusal::TooManyEvents);
        }
        if !drafts.is_empty() {
            self.seats.values_mut().for_each(|seat| seat.waiting_since = seat.waiting_since.or(Some(now)));
        }
        let number = |draft: EventDraft| {
            self.head.0 += 1;
            Event { sequence: self.head, at: now, kind: draft.kind, payload: draft.payload }
        };
        Ok(drafts.into_iter().map(number).collect())
    }

    /// Notes that a seat has every event up to `sequence`; an older acknowledgement changes nothing.
    pub(super) fn acknowledge(&mut self, id: SeatId, sequence: Sequence, now: Timestamp) -> Result<Sequence, Refusal> {
        let head = self.head;
        let seat = self.seats.get_mut(&id).ok_or(Refusal::UnknownSeat)?;
        if sequence > head {
            return Err(Refusal::AheadOfHead(head));
        }
        if sequence > seat.acknowledged {
            seat.acknowledged = sequence;
            seat.waiting_since = (sequence < head).then_some(now);
        }
        Ok(seat.acknowledged)
    }

    pub(super) fn shift(&mut self, by: i64) {
        for seat in self.seats.values_mut() {
            seat.waiting_since = seat.waiting_since.map(|since| since.shifted(by));
        }
    }
}
