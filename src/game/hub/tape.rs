//! The newest events of a room, kept for those who listen: read once, and made into a frame once.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::room::{joined_seat, removed_seat, take_name};
use crate::domain::{Event, SeatId, Sequence};
use crate::game::Dates;

/// Most events and bytes kept.
const MOST: usize = 1_024;
const MOST_BYTES: usize = 1024 * 1024;

/// An event as it is told to listeners.
#[derive(Debug)]
pub struct Told {
    /// The event.
    pub event: Event,
    /// By which its time is a date.
    pub dates: Dates,
    frame: OnceLock<Bytes>,
}

impl Told {
    pub(super) fn new(event: Event, dates: Dates) -> Arc<Self> {
        Arc::new(Self { event, dates, frame: OnceLock::new() })
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
pub(super) struct Tape {
    told: VecDeque<Arc<Told>>,
    bytes: usize,
}

impl Tape {
    /// At most `limit` events after `after`, if they are here from the first one on.
    pub(super) fn after(&self, after: Sequence, limit: usize) -> Option<Vec<Arc<Told>>> {
        let first = self.told.front()?.event.sequence.0;
        let from = (after.0 + 1).checked_sub(first)?;
        let from = usize::try_from(from).ok()?;
        (from < self.told.len()).then(|| self.told.range(from..).take(limit).cloned().collect())
    }

    /// Keeps events that follow the newest, or that come while there are none.
    pub(super) fn push(&mut self, told: &[Arc<Told>]) {
        for one in told {
            let newest = self.told.back().map(|newest| newest.event.sequence.0);
            match newest {
                Some(newest) if one.event.sequence.0 <= newest => continue,
                Some(newest) if one.event.sequence.0 > newest + 1 => self.clear(),
                _ => {}
            }
            if let Some(seat) = removed_seat(&one.event) {
                self.forget_name(seat);
            }
            self.bytes += one.size();
            self.told.push_back(one.clone());
        }
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
            *told = Told::new(event, told.dates);
            self.bytes += told.size();
        }
    }

    fn clear(&mut self) {
        self.told.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Moment, Timestamp, WallTime};

    fn told(sequences: std::ops::RangeInclusive<u64>, bytes: usize) -> Vec<Arc<Told>> {
        let now = Timestamp::from_millis(0);
        let dates = Dates { at: Moment { now, up_since: now }, wall: WallTime(0) };
        let event = |n| Event {
            sequence: Sequence(n),
            at: now,
            kind: "x".to_owned(),
            payload: "y".repeat(bytes),
            to: (n == 2).then(|| vec![SeatId(1)]),
        };
        sequences.map(|n| Told::new(event(n), dates)).collect()
    }

    fn numbers(tape: &Tape, after: u64, limit: usize) -> Option<Vec<u64>> {
        let found = tape.after(Sequence(after), limit)?;
        Some(found.iter().map(|told| told.event.sequence.0).collect())
    }

    #[test]
    fn it_has_what_follows_without_a_gap_or_nothing() {
        let mut tape = Tape::default();
        assert_eq!(numbers(&tape, 0, 9), None);
        tape.push(&told(5..=7, 1));
        tape.push(&told(6..=8, 1));
        assert_eq!(numbers(&tape, 4, 9), Some(vec![5, 6, 7, 8]));
        assert_eq!(numbers(&tape, 6, 1), Some(vec![7]));
        assert_eq!((numbers(&tape, 3, 9), numbers(&tape, 8, 9)), (None, None));
        // After a gap only what is newer counts.
        tape.push(&told(10..=10, 1));
        assert_eq!((numbers(&tape, 7, 9), numbers(&tape, 9, 9)), (None, Some(vec![10])));
    }

    #[test]
    fn it_forgets_the_name_of_who_was_sent_away() {
        let now = Timestamp::from_millis(0);
        let dates = Dates { at: Moment { now, up_since: now }, wall: WallTime(0) };
        let told = |n: u64, kind: &str, payload: &str| {
            let (kind, payload) = (kind.to_owned(), payload.to_owned());
            Told::new(Event { sequence: Sequence(n), at: now, kind, payload, to: None }, dates)
        };
        let mut tape = Tape::default();
        tape.push(&[
            told(1, "joined", r#"{"seatId":2,"name":"Ada"}"#),
            told(2, "joined", r#"{"seatId":3,"name":"Bob"}"#),
            told(3, "joined", r#"{"seatId":4,"name":"Cleo"}"#),
        ]);
        // A frame that was made before is not used again.
        let text = |told: &Told| Bytes::from(told.event.payload.clone());
        tape.told.iter().for_each(|told| drop(told.frame(text)));
        tape.push(&[told(4, "kicked", r#"{"seatId":3}"#)]);
        tape.push(&[told(5, "revoked", r#"{"seatId":4}"#)]);
        let frames: Vec<_> = tape.told.iter().take(3).map(|told| told.frame(text)).collect();
        let nameless = [r#"{"seatId":3,"name":null}"#, r#"{"seatId":4,"name":null}"#];
        assert_eq!(frames, [r#"{"seatId":2,"name":"Ada"}"#, nameless[0], nameless[1]]);
        assert_eq!(tape.bytes, tape.told.iter().map(|told| told.size()).sum::<usize>());
    }

    #[test]
    fn it_keeps_no_more_than_its_bounds() {
        let mut tape = Tape::default();
        tape.push(&told(1..=5_000, 1));
        assert_eq!(tape.told.len(), MOST);
        tape.push(&told(5_001..=5_200, 16 * 1024));
        assert!(tape.bytes <= MOST_BYTES && tape.told.len() < 40, "{}", tape.told.len());
        assert_eq!(numbers(&tape, 5_199, 9), Some(vec![5_200]));
    }

    #[test]
    fn an_addressed_event_is_for_its_seats_and_for_backends() {
        let all = told(1..=2, 1);
        let is_for = |n: usize, seat: Option<u32>| all[n].is_for(seat.map(SeatId));
        assert!(is_for(0, Some(9)) && is_for(1, Some(1)) && is_for(1, None) && !is_for(1, Some(2)));
    }
}
