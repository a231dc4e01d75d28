//! The newest events of a room, kept for those who listen: read once, and made into a frame once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::room::{joined_seat, removed_seat, take_name};
use crate::domain::{Event, SeatId, Sequence};

/// Most events and bytes kept.
const MOST: usize = 1_024;
const MOST_BYTES: usize = 1024 * 1024;
/// Most events kept that were told before their turn.
const MOST_EARLY: usize = 128;

/// An event as it is told to listeners.
#[derive(Debug)]
pub struct SharedEvent {
    /// The event.
    pub event: Event,
    frame: OnceLock<Bytes>,
}

impl SharedEvent {
    /// An event that is to be told.
    pub fn new(event: Event) -> Arc<Self> {
        Arc::new(Self { event, frame: OnceLock::new() })
    }

    /// The event as it stands on the wire; made by whoever needs it first.
    pub fn frame(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| make(self)).clone()
    }

    /// Whether it is for this seat; a backend is told everything.
    pub fn is_for(&self, seat: Option<SeatId>) -> bool {
        match (&self.event.to, seat) {
            (Some(to), Some(seat)) => to.contains(&seat),
            _ => true,
        }
    }

    fn size(&self) -> usize {
        2 * self.event.payload.len() + 256
    }
}

#[derive(Default)]
pub(super) struct ReplayBuffer {
    told: VecDeque<Arc<SharedEvent>>,
    bytes: usize,
    /// Events of commits that were told before an earlier one was.
    early: BTreeMap<Sequence, Arc<SharedEvent>>,
}

impl ReplayBuffer {
    /// At most `limit` events after `after`, if they are here from the first one on.
    pub(super) fn after(&self, after: Sequence, limit: usize) -> Option<Vec<Arc<SharedEvent>>> {
        let first = self.told.front()?.event.sequence.0;
        let from = (after.0 + 1).checked_sub(first)?;
        let from = usize::try_from(from).ok()?;
        (from < self.told.len()).then(|| self.told.range(from..).take(limit).cloned().collect())
    }

    /// Keeps the events of a commit, while the log is known up to `head`. Two commits may be told the
    /// wrong way round: what comes too early waits for what is before it.
    pub(super) fn push(&mut self, told: &[Arc<SharedEvent>], head: Sequence) {
        for one in told {
            let next = self.newest().unwrap_or(head).0 + 1;
            if one.event.sequence.0 > next {
                self.early.insert(one.event.sequence, one.clone());
            } else {
                self.keep(one);
            }
        }
        self.keep_early();
        if self.early.len() > MOST_EARLY {
            // Listeners read these from the log instead.
            self.early.clear();
        }
        self.shorten();
    }

    /// Keeps events that were read from the log: after a gap only what is newer counts.
    pub(super) fn put(&mut self, read: &[Arc<SharedEvent>]) {
        for one in read {
            if self.newest().is_some_and(|newest| one.event.sequence.0 > newest.0 + 1) {
                self.told.clear();
                self.bytes = 0;
            }
            self.keep(one);
        }
        self.keep_early();
        self.shorten();
    }

    /// The newest event up to which there is no gap.
    pub(super) fn newest(&self) -> Option<Sequence> {
        self.told.back().map(|newest| newest.event.sequence)
    }

    fn keep(&mut self, one: &Arc<SharedEvent>) {
        if self.newest().is_none_or(|newest| one.event.sequence > newest) {
            self.bytes += one.size();
            self.told.push_back(one.clone());
            if let Some(seat) = removed_seat(&one.event) {
                self.forget_name(seat);
            }
        }
    }

    /// Keeps those whose turn has come.
    fn keep_early(&mut self) {
        while let (Some(newest), Some(first)) = (self.newest(), self.early.first_entry())
            && first.key().0 <= newest.0 + 1
        {
            let first = first.remove();
            self.keep(&first);
        }
    }

    fn shorten(&mut self) {
        while self.told.len() > MOST || (self.bytes > MOST_BYTES && self.told.len() > 1) {
            if let Some(oldest) = self.told.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }

    /// Replaces the `joined` event of a seat by one without the name.
    fn forget_name(&mut self, seat: SeatId) {
        for told in self.told.iter_mut().filter(|told| joined_seat(&told.event) == Some(seat)) {
            let mut event = told.event.clone();
            take_name(&mut event, seat);
            self.bytes -= told.size();
            *told = SharedEvent::new(event);
            self.bytes += told.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WallTime;

    fn told(sequences: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<Arc<SharedEvent>> {
        let event = |n| Event {
            sequence: Sequence(n),
            at: WallTime(0),
            kind: "x".to_owned(),
            payload: "y".repeat(bytes),
            to: (n == 2).then(|| vec![SeatId(1)]),
        };
        sequences.map(|n| SharedEvent::new(event(n))).collect()
    }

    fn numbers(tape: &ReplayBuffer, after: u64, limit: usize) -> Option<Vec<u64>> {
        let found = tape.after(Sequence(after), limit)?;
        Some(found.iter().map(|told| told.event.sequence.0).collect())
    }

    #[test]
    fn it_has_what_follows_without_a_gap_or_nothing() {
        let mut tape = ReplayBuffer::default();
        assert_eq!(numbers(&tape, 0, 9), None);
        tape.put(&told(5..=7, 1));
        tape.put(&told(6..=8, 1));
        assert_eq!(numbers(&tape, 4, 9), Some(vec![5, 6, 7, 8]));
        assert_eq!(numbers(&tape, 6, 1), Some(vec![7]));
        assert_eq!((numbers(&tape, 3, 9), numbers(&tape, 8, 9)), (None, None));
        // After a gap only what is newer counts.
        tape.put(&told(10..=10, 1));
        assert_eq!((numbers(&tape, 7, 9), numbers(&tape, 9, 9)), (None, Some(vec![10])));
    }

    #[test]
    fn it_forgets_the_name_of_who_was_sent_away() {
        let told = |n: u64, kind: &str, payload: &str| {
            let (kind, payload) = (kind.to_owned(), payload.to_owned());
            SharedEvent::new(Event { sequence: Sequence(n), at: WallTime(0), kind, payload, to: None })
        };
        let mut tape = ReplayBuffer::default();
        tape.push(
            &[
                told(1, "joined", r#"{"seatId":2,"name":"Ada"}"#),
                told(2, "joined", r#"{"seatId":3,"name":"Bob"}"#),
                told(3, "joined", r#"{"seatId":4,"name":"Cleo"}"#),
            ],
            Sequence(0),
        );
        // A frame that was made before is not used again.
        let text = |told: &SharedEvent| Bytes::from(told.event.payload.clone());
        tape.told.iter().for_each(|told| drop(told.frame(text)));
        tape.push(&[told(4, "kicked", r#"{"seatId":3}"#)], Sequence(3));
        tape.push(&[told(5, "revoked", r#"{"seatId":4}"#)], Sequence(4));
        let frames: Vec<_> = tape.told.iter().take(3).map(|told| told.frame(text)).collect();
        let nameless = [r#"{"seatId":3,"name":null}"#, r#"{"seatId":4,"name":null}"#];
        assert_eq!(frames, [r#"{"seatId":2,"name":"Ada"}"#, nameless[0], nameless[1]]);
        assert_eq!(tape.bytes, tape.told.iter().map(|told| told.size()).sum::<usize>());
    }

    #[test]
    fn it_keeps_no_more_than_its_bounds() {
        let mut tape = ReplayBuffer::default();
        tape.push(&told(1..=5_000, 1), Sequence(0));
        assert_eq!(tape.told.len(), MOST);
        tape.push(&told(5_001..=5_200, 16 * 1024), Sequence(0));
        assert!(tape.bytes <= MOST_BYTES && tape.told.len() < 40, "{}", tape.told.len());
        assert_eq!(numbers(&tape, 5_199, 9), Some(vec![5_200]));
    }

    #[test]
    fn what_is_told_too_early_waits_for_what_is_before_it() {
        let mut tape = ReplayBuffer::default();
        // Nothing is kept yet, and the log is known up to 4.
        tape.push(&told(6..=6, 1), Sequence(4));
        assert_eq!((numbers(&tape, 4, 9), tape.newest()), (None, None));
        tape.push(&told(5..=5, 1), Sequence(4));
        assert_eq!(numbers(&tape, 4, 9), Some(vec![5, 6]));
        tape.push(&told(9..=10, 1), Sequence(6));
        tape.push(&told(8..=8, 1), Sequence(6));
        assert_eq!(tape.newest(), Some(Sequence(6)));
        // The missing one is read from the log.
        tape.put(&told(7..=8, 1));
        assert_eq!(numbers(&tape, 4, 9), Some(vec![5, 6, 7, 8, 9, 10]));
        tape.push(&told(12..=400, 1), Sequence(10));
        tape.push(&told(11..=11, 1), Sequence(10));
        assert_eq!(tape.newest(), Some(Sequence(11)), "too many waited, and are read from the log");
    }

    #[test]
    fn an_addressed_event_is_for_its_seats_and_for_backends() {
        let all = told(1..=2, 1);
        let is_for = |n: usize, seat: Option<u32>| all[n].is_for(seat.map(SeatId));
        assert!(is_for(0, Some(9)) && is_for(1, Some(1)) && is_for(1, None) && !is_for(1, Some(2)));
    }
}
