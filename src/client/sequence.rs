//! Tracks sequence numbers: every event must be received once, in order, without gaps. Pure.

use super::violations::{Stats, Violations};

/// What to do with a received event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SequenceStep {
    /// It is the next event: apply it.
    Apply,
    /// It was received before: ignore it.
    Drop,
    /// There is a gap before it: reconnect.
    Reconnect,
}

/// The state of the sequence, over all connections.
#[derive(Debug, Default)]
pub(super) struct SequenceTracker {
    /// `None` until the first welcome.
    epoch: Option<String>,
    last: u64,
    /// The sequence number that was received last on this connection.
    previous: Option<u64>,
    /// True right after a first welcome with `recovered`: then the replay may start with event 1.
    may_begin: bool,
    /// The newest event that the server has announced. It must be received before the next heartbeat.
    promised: u64,
}

/// The fields of a welcome that concern the sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Greeting<'a> {
    pub(super) epoch: &'a str,
    pub(super) recovered: bool,
    /// The newest event of the room.
    pub(super) head: u64,
    /// The newest event that the snapshot includes.
    pub(super) snapshot_head: u64,
}

impl SequenceTracker {
    /// The epoch and the last sequence number to resume from; `None` before the first welcome.
    pub(super) fn known(&self) -> Option<(&str, u64)> {
        self.epoch.as_deref().map(|epoch| (epoch, self.last))
    }

    /// The sequence number of the last event that was applied, or that a snapshot included.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// A connection begins. True if the missed events follow, starting after the previous `last`.
    pub(super) fn welcome(&mut self, greeting: Greeting<'_>, faults: &mut Violations, figures: &mut Stats) -> bool {
        let Greeting { epoch, recovered, head, snapshot_head } = greeting;
        let is_first = self.epoch.is_none();
        let is_same = self.epoch.as_deref() == Some(epoch);
        let covered = if recovered { head } else { snapshot_head };
        if !is_first && ((recovered && !is_same) || (is_same && covered < self.last)) {
            faults.broken_welcomes += 1;
            faults.note(format!("after {} a welcome tells of {covered}, recovered {recovered}", self.last));
        }
        if is_same && !recovered {
            figures.untold += snapshot_head.saturating_sub(self.last);
        }
        let goes_on = recovered && !is_first;
        if !goes_on {
            self.last = snapshot_head;
        }
        self.may_begin = is_first && recovered;
        self.epoch = Some(epoch.to_owned());
        (self.previous, self.promised) = (None, head);
        goes_on
    }

    /// An event or a skip with this sequence number was received.
    pub(super) fn next(&mut self, sequence: u64, faults: &mut Violations) -> SequenceStep {
        let previous = self.previous.replace(sequence);
        if std::mem::take(&mut self.may_begin) && sequence == 1 && self.last > 0 {
            self.last = 0;
        }
        if sequence == self.last + 1 {
            self.last = sequence;
            return SequenceStep::Apply;
        }
        if sequence > self.last {
            faults.gaps += 1;
            faults.events_missed += sequence - self.last - 1;
            faults.note(format!("after {} came {sequence}", self.last));
            return SequenceStep::Reconnect;
        }
        if previous.is_some_and(|previous| sequence < previous) {
            faults.out_of_order += 1;
            faults.note(format!("{sequence} came after {}", self.last));
        } else {
            faults.repeats += 1;
            faults.note(format!("{sequence} came again after {}", self.last));
        }
        SequenceStep::Drop
    }

    /// A heartbeat gave the newest event. All events up to the previous heartbeat's head must have been
    /// received by now.
    pub(super) fn told(&mut self, head: u64, faults: &mut Violations) {
        if self.promised > self.last {
            faults.events_missed += self.promised - self.last;
            faults.note(format!("{} was promised, and {} is the last that came", self.promised, self.last));
        }
        // A missing event is counted once: after that, wait for the next heartbeat.
        self.promised = if self.promised > self.last { 0 } else { head };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard {
        sequence: SequenceTracker,
        faults: Violations,
        figures: Stats,
    }

    impl Heard {
        fn welcome(&mut self, epoch: &str, recovered: bool, head: u64) -> bool {
            let greeting = Greeting { epoch, recovered, head, snapshot_head: head };
            self.sequence.welcome(greeting, &mut self.faults, &mut self.figures)
        }

        fn come(&mut self, sequences: impl IntoIterator<Item = u64>) -> Vec<SequenceStep> {
            sequences.into_iter().map(|sequence| self.sequence.next(sequence, &mut self.faults)).collect()
        }

        fn told(&mut self, head: u64) {
            self.sequence.told(head, &mut self.faults);
        }
    }

    fn after(last: u64) -> Heard {
        let mut heard = Heard::default();
        heard.welcome("a", false, last);
        heard
    }

    #[test]
    fn events_go_on_after_the_first_snapshot_or_from_the_beginning() {
        let mut heard = after(4);
        assert_eq!(heard.come([5, 6]), [SequenceStep::Apply, SequenceStep::Apply]);
        for first in [1, 5] {
            let mut heard = Heard::default();
            heard.welcome("a", true, 4);
            assert_eq!(heard.come([first, first + 1]), [SequenceStep::Apply, SequenceStep::Apply]);
            assert!(heard.faults.is_clean(), "{:?}", heard.faults);
        }
    }

    #[test]
    fn a_replay_goes_on_exactly_after_the_last_one_applied() {
        let mut heard = after(4);
        heard.come([5]);
        assert_eq!(heard.sequence.known(), Some(("a", 5)));
        assert!(heard.welcome("a", true, 7));
        assert_eq!(heard.come([6, 7, 8]), [SequenceStep::Apply; 3]);
        assert!(heard.faults.is_clean());
    }

    #[test]
    fn a_snapshot_takes_the_place_of_what_was_not_told() {
        let mut heard = after(4);
        assert!(!heard.welcome("a", false, 9));
        assert_eq!((heard.come([10]), heard.figures.untold), (vec![SequenceStep::Apply], 5));
        // A new epoch may start at any sequence number.
        assert!(!heard.welcome("b", false, 2));
        assert_eq!(heard.come([3]), [SequenceStep::Apply]);
        assert!(heard.faults.is_clean());
    }

    #[test]
    fn a_gap_is_counted_and_ends_the_connection() {
        let mut heard = after(4);
        assert_eq!(heard.come([7]), [SequenceStep::Reconnect]);
        assert_eq!((heard.faults.gaps, heard.faults.events_missed), (1, 2));
        assert_eq!(heard.sequence.known(), Some(("a", 4)));
    }

    #[test]
    fn what_comes_again_is_dropped_and_counted() {
        let mut heard = after(4);
        heard.welcome("a", true, 6);
        assert_eq!(
            heard.come([4, 5, 5, 6, 5]),
            [SequenceStep::Drop, SequenceStep::Apply, SequenceStep::Drop, SequenceStep::Apply, SequenceStep::Drop]
        );
        assert_eq!((heard.faults.repeats, heard.faults.out_of_order), (2, 1));
    }

    #[test]
    fn a_numbering_that_goes_back_is_a_fault() {
        let mut heard = after(4);
        heard.welcome("a", true, 3);
        heard.welcome("a", false, 3);
        heard.welcome("b", true, 9);
        assert_eq!(heard.faults.broken_welcomes, 3);
    }

    #[test]
    fn what_a_heartbeat_tells_of_must_come_before_the_next_one() {
        let mut heard = after(4);
        heard.told(6);
        heard.come([5, 6]);
        heard.told(8);
        assert!(heard.faults.is_clean());
        heard.told(8);
        heard.told(8);
        assert_eq!(heard.faults.events_missed, 2);
    }
}
