//! The newest events of a room, shared by its subscribers. Each event is read from the store once and serialized
//! once.
//!
//! The buffered events have no gaps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::room::{joined_seat, removed_seat, take_name};
use crate::domain::{Event, SeatId, Sequence};

/// Maximum number of buffered events.
const MOST: usize = 1_024;
/// Maximum size of the buffered events, in bytes by the estimate of `SharedEvent::size`. The newest event is kept
/// even if it is larger.
const MOST_BYTES: usize = 1024 * 1024;
/// Maximum number of events that wait for an earlier commit.
const MOST_EARLY: usize = 128;

/// An event that is shared by all subscribers, with its serialized frame.
#[derive(Debug)]
pub struct SharedEvent {
    /// The event as it is in the log.
    pub event: Event,
    frame: OnceLock<Bytes>,
}

impl SharedEvent {
    /// Shares an event. Its frame is not made yet.
    pub fn new(event: Event) -> Arc<Self> {
        Arc::new(Self { event, frame: OnceLock::new() })
    }

    /// The event's frame for sending. `make` is called only for the first caller.
    pub fn frame(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.frame.get_or_init(|| make(self)).clone()
    }

    /// Whether the event is for this seat. A backend (`None`) gets every event.
    pub fn is_for(&self, seat: Option<SeatId>) -> bool {
        match (&self.event.to, seat) {
            (Some(to), Some(seat)) => to.contains(&seat),
            _ => true,
        }
    }

    /// The estimated memory use in bytes: the payload and the frame, each about the payload's length.
    fn size(&self) -> usize {
        2 * self.event.payload.len() + 256
    }
}

#[derive(Default)]
pub(super) struct ReplayBuffer {
    /// Consecutive events, oldest first.
    events: VecDeque<Arc<SharedEvent>>,
    bytes: usize,
    /// Events that were pushed before the events of an earlier commit.
    early: BTreeMap<Sequence, Arc<SharedEvent>>,
}

impl ReplayBuffer {
    /// At most `limit` events after `after`. `None` if the event that follows `after` is not buffered.
    pub(super) fn after(&self, after: Sequence, limit: usize) -> Option<Vec<Arc<SharedEvent>>> {
        let first = self.events.front()?.event.sequence.0;
        let from = (after.0 + 1).checked_sub(first)?;
        let from = usize::try_from(from).ok()?;
        (from < self.events.len()).then(|| self.events.range(from..).take(limit).cloned().collect())
    }

    /// Adds the events of a commit. `head` is the known head of the log, for an empty buffer. Two commits may be
    /// pushed in the wrong order, so events that come too early wait for those before them.
    pub(super) fn push(&mut self, events: &[Arc<SharedEvent>], head: Sequence) {
        for event in events {
            let next = self.newest().unwrap_or(head).0 + 1;
            if event.event.sequence.0 > next {
                self.early.insert(event.event.sequence, event.clone());
            } else {
                self.keep(event);
            }
        }
        self.keep_early();
        if self.early.len() > MOST_EARLY {
            // Subscribers read these events from the log instead.
            self.early.clear();
        }
        self.shorten();
    }

    /// Adds events that were read from the log. If they leave a gap after the buffered events, the buffered events
    /// are dropped.
    pub(super) fn put(&mut self, read: &[Arc<SharedEvent>]) {
        for event in read {
            if self.newest().is_some_and(|newest| event.event.sequence.0 > newest.0 + 1) {
                self.events.clear();
                self.bytes = 0;
            }
            self.keep(event);
        }
        self.keep_early();
        self.shorten();
    }

    /// The newest buffered event. `None` if the buffer is empty.
    pub(super) fn newest(&self) -> Option<Sequence> {
        self.events.back().map(|newest| newest.event.sequence)
    }

    fn keep(&mut self, event: &Arc<SharedEvent>) {
        if self.newest().is_none_or(|newest| event.event.sequence > newest) {
            self.bytes += event.size();
            self.events.push_back(event.clone());
            if let Some(seat) = removed_seat(&event.event) {
                self.forget_name(seat);
            }
        }
    }

    /// Moves waiting events whose predecessors are now buffered.
    fn keep_early(&mut self) {
        while let (Some(newest), Some(first)) = (self.newest(), self.early.first_entry())
            && first.key().0 <= newest.0 + 1
        {
            let first = first.remove();
            self.keep(&first);
        }
    }

    fn shorten(&mut self) {
        while self.events.len() > MOST || (self.bytes > MOST_BYTES && self.events.len() > 1) {
            if let Some(oldest) = self.events.pop_front() {
                self.bytes -= oldest.size();
            }
        }
    }

    /// Removes the name from the buffered `joined` event of a removed player. The event is replaced, so that a frame
    /// with the name is not sent again.
    fn forget_name(&mut self, seat: SeatId) {
        for shared in self.events.iter_mut().filter(|shared| joined_seat(&shared.event) == Some(seat)) {
            let mut event = shared.event.clone();
            take_name(&mut event, seat);
            self.bytes -= shared.size();
            *shared = SharedEvent::new(event);
            self.bytes += shared.size();
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

    fn numbers(buffer: &ReplayBuffer, after: u64, limit: usize) -> Option<Vec<u64>> {
        let found = buffer.after(Sequence(after), limit)?;
        Some(found.iter().map(|event| event.event.sequence.0).collect())
    }

    #[test]
    fn it_has_what_follows_without_a_gap_or_nothing() {
        let mut buffer = ReplayBuffer::default();
        assert_eq!(numbers(&buffer, 0, 9), None);
        buffer.put(&told(5..=7, 1));
        buffer.put(&told(6..=8, 1));
        assert_eq!(numbers(&buffer, 4, 9), Some(vec![5, 6, 7, 8]));
        assert_eq!(numbers(&buffer, 6, 1), Some(vec![7]));
        assert_eq!((numbers(&buffer, 3, 9), numbers(&buffer, 8, 9)), (None, None));
        // After a gap only the newer events are kept.
        buffer.put(&told(10..=10, 1));
        assert_eq!((numbers(&buffer, 7, 9), numbers(&buffer, 9, 9)), (None, Some(vec![10])));
    }

    #[test]
    fn it_forgets_the_name_of_who_was_sent_away() {
        let told = |n: u64, kind: &str, payload: &str| {
            let (kind, payload) = (kind.to_owned(), payload.to_owned());
            SharedEvent::new(Event { sequence: Sequence(n), at: WallTime(0), kind, payload, to: None })
        };
        let mut buffer = ReplayBuffer::default();
        buffer.push(
            &[
                told(1, "joined", r#"{"seatId":2,"name":"Ada"}"#),
                told(2, "joined", r#"{"seatId":3,"name":"Bob"}"#),
                told(3, "joined", r#"{"seatId":4,"name":"Cleo"}"#),
            ],
            Sequence(0),
        );
        // Frames made before the removal must not be used again.
        let text = |event: &SharedEvent| Bytes::from(event.event.payload.clone());
        buffer.events.iter().for_each(|event| drop(event.frame(text)));
        buffer.push(&[told(4, "kicked", r#"{"seatId":3}"#)], Sequence(3));
        buffer.push(&[told(5, "revoked", r#"{"seatId":4}"#)], Sequence(4));
        let frames: Vec<_> = buffer.events.iter().take(3).map(|event| event.frame(text)).collect();
        let nameless = [r#"{"seatId":3,"name":null}"#, r#"{"seatId":4,"name":null}"#];
        assert_eq!(frames, [r#"{"seatId":2,"name":"Ada"}"#, nameless[0], nameless[1]]);
        assert_eq!(buffer.bytes, buffer.events.iter().map(|event| event.size()).sum::<usize>());
    }

    #[test]
    fn it_keeps_no_more_than_its_bounds() {
        let mut buffer = ReplayBuffer::default();
        buffer.push(&told(1..=5_000, 1), Sequence(0));
        assert_eq!(buffer.events.len(), MOST);
        buffer.push(&told(5_001..=5_200, 16 * 1024), Sequence(0));
        assert!(buffer.bytes <= MOST_BYTES && buffer.events.len() < 40, "{}", buffer.events.len());
        assert_eq!(numbers(&buffer, 5_199, 9), Some(vec![5_200]));
    }

    #[test]
    fn what_is_told_too_early_waits_for_what_is_before_it() {
        let mut buffer = ReplayBuffer::default();
        // The buffer is empty, and the log's known head is 4.
        buffer.push(&told(6..=6, 1), Sequence(4));
        assert_eq!((numbers(&buffer, 4, 9), buffer.newest()), (None, None));
        buffer.push(&told(5..=5, 1), Sequence(4));
        assert_eq!(numbers(&buffer, 4, 9), Some(vec![5, 6]));
        buffer.push(&told(9..=10, 1), Sequence(6));
        buffer.push(&told(8..=8, 1), Sequence(6));
        assert_eq!(buffer.newest(), Some(Sequence(6)));
        // The missing event is read from the log.
        buffer.put(&told(7..=8, 1));
        assert_eq!(numbers(&buffer, 4, 9), Some(vec![5, 6, 7, 8, 9, 10]));
        buffer.push(&told(12..=400, 1), Sequence(10));
        buffer.push(&told(11..=11, 1), Sequence(10));
        assert_eq!(buffer.newest(), Some(Sequence(11)), "too many waited, and are read from the log");
    }

    #[test]
    fn an_addressed_event_is_for_its_seats_and_for_backends() {
        let all = told(1..=2, 1);
        let is_for = |n: usize, seat: Option<u32>| all[n].is_for(seat.map(SeatId));
        assert!(is_for(0, Some(9)) && is_for(1, Some(1)) && is_for(1, None) && !is_for(1, Some(2)));
    }
}
