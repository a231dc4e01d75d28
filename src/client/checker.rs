//! Checks every frame against the protocol: tracks the sequence and the game, and counts violations. A state
//! machine that is fed with frames and does not know the socket.

use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::ClientAnswer;
use super::frames::{EventFrame, SnapshotFrame, Welcome};
use super::game::SeatGame;
use super::sequence::{Greeting, SequenceStep, SequenceTracker};
use super::violations::{Back, Stats, Violations};

/// What one client knows, over all its connections.
#[derive(Debug, Default)]
pub(super) struct ProtocolChecker {
    pub(super) sequence: SequenceTracker,
    pub(super) game: SeatGame,
    pub(super) faults: Violations,
    pub(super) figures: Stats,
    pub(super) seat: Option<u64>,
    /// When the connection was lost; `None` while connected and before the first welcome.
    lost: Option<Instant>,
}

impl ProtocolChecker {
    /// The server has accepted the connection.
    pub(super) fn welcome(&mut self, welcome: &Welcome, now: Instant) {
        let view = SnapshotFrame::of(&welcome.snapshot).unwrap_or_else(|| {
            self.unreadable("the snapshot of a welcome");
            SnapshotFrame::default()
        });
        let is_first = self.sequence.known().is_none();
        let greeting = Greeting {
            epoch: &welcome.epoch,
            recovered: welcome.recovered,
            head: welcome.head,
            snapshot_head: view.head.unwrap_or(welcome.head),
        };
        let goes_on = self.sequence.welcome(greeting, &mut self.faults, &mut self.figures);
        self.seat = welcome.seat_id;
        self.game.welcome(welcome.seat_id, &view, goes_on, self.sequence.last(), &mut self.faults);
        self.figures.welcomes += 1;
        self.figures.recovered += u64::from(goes_on);
        self.figures.snapshots += u64::from(!goes_on && !is_first);
        if let Some(lost) = self.lost.take() {
            self.figures.backs.push(Back { lost, back: now });
        }
    }

    /// The connection was lost, or an attempt to connect failed. Only the first call after a welcome sets the
    /// time of the loss.
    pub(super) fn lost(&mut self, now: Instant) {
        if self.sequence.known().is_some() {
            self.lost.get_or_insert(now);
        }
    }

    /// An event was received. The caller passes it on only if the step is [`SequenceStep::Apply`].
    pub(super) fn event(&mut self, event: &EventFrame) -> SequenceStep {
        let step = self.advance(event.sequence);
        if step == SequenceStep::Apply {
            self.play(event);
            // Only after the event itself has been counted: the snapshot's total includes it.
            self.game.reached(event.sequence, &mut self.faults);
        }
        step
    }

    /// An event for other seats was received.
    pub(super) fn skip(&mut self, sequence: u64) -> SequenceStep {
        let step = self.advance(sequence);
        if step == SequenceStep::Apply {
            self.game.reached(sequence, &mut self.faults);
        }
        step
    }

    fn advance(&mut self, sequence: u64) -> SequenceStep {
        let before = self.sequence.last();
        let step = self.sequence.next(sequence, &mut self.faults);
        // The tracker went back to the start: the server replays the whole game.
        if step == SequenceStep::Apply && before >= sequence {
            self.game.begin();
        }
        step
    }

    fn play(&mut self, event: &EventFrame) {
        if !["question", "reveal", "finished"].contains(&event.event.as_str()) {
            return;
        }
        self.game.saw(event.payload.get("phaseNumber").and_then(Value::as_u64), false);
        if event.event == "reveal"
            && let Some(reveal) = self.read(event)
        {
            self.game.reveal(&reveal, &mut self.faults);
        }
        if event.event == "finished"
            && let Some(finished) = self.read(event)
        {
            self.game.finished(&finished, &mut self.faults, &mut self.figures);
        }
    }

    fn read<T: DeserializeOwned>(&mut self, event: &EventFrame) -> Option<T> {
        let read = T::deserialize(&event.payload);
        read.inspect_err(|error| self.unreadable(&format!("{} {}: {error}", event.event, event.sequence))).ok()
    }

    /// A frame does not follow the protocol.
    pub(super) fn unreadable(&mut self, what: &str) {
        self.faults.unreadable += 1;
        self.faults.note(format!("unreadable: {}", what.chars().take(200).collect::<String>()));
    }

    /// A heartbeat gave the sequence number of the newest event.
    pub(super) fn told(&mut self, head: u64) {
        self.sequence.told(head, &mut self.faults);
    }

    /// The server acknowledged an answer.
    pub(super) fn answered(&mut self, question: &str, answer: ClientAnswer) {
        self.game.accepted(question, answer, &mut self.faults);
    }

    /// A reply contained a snapshot.
    pub(super) fn looked(&mut self, snapshot: &Value) {
        self.game.saw(snapshot.get("phaseNumber").and_then(Value::as_u64), false);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn welcome(recovered: bool, head: u64, total: i64) -> Welcome {
        serde_json::from_value(json!({"seatId": 3, "generation": 1, "epoch": "a", "head": head,
            "recovered": recovered, "heartbeatMs": 5000,
            "snapshot": {"head": head, "phaseNumber": 0, "you": {"seatId": 3, "total": total}}}))
        .expect("a welcome")
    }

    fn event(sequence: u64, name: &str, payload: Value) -> EventFrame {
        serde_json::from_value(json!({"sequence": sequence, "at": "", "event": name, "payload": payload}))
            .expect("an event")
    }

    fn reveal(sequence: u64, option: u64, points: i64, total: i64) -> EventFrame {
        let verdict = json!({"seatId": 3, "optionId": option, "points": points, "total": total});
        event(sequence, "reveal", json!({"phaseNumber": 2, "questionId": "q1", "verdicts": [verdict]}))
    }

    #[test]
    fn a_game_over_two_connections_is_clean() {
        let (mut checker, now) = (ProtocolChecker::default(), Instant::now());
        checker.welcome(&welcome(false, 2, 0), now);
        checker.event(&event(3, "question", json!({"phaseNumber": 1, "question": {"questionId": "q1"}})));
        checker.answered("q1", Some(2).into());
        checker.lost(now);
        checker.welcome(&welcome(true, 5, 150), now);
        assert_eq!(checker.event(&reveal(4, 2, 150, 150)), SequenceStep::Apply);
        assert_eq!(checker.skip(5), SequenceStep::Apply);
        let finished = json!({"phaseNumber": 3, "ranking": [{"seatId": 3, "total": 150}]});
        checker.event(&event(6, "finished", finished));
        assert!(checker.faults.is_clean(), "{:?}", checker.faults);
        let Stats { welcomes, recovered, snapshots, .. } = checker.figures;
        assert_eq!((welcomes, recovered, snapshots, checker.figures.backs.len()), (2, 1, 0, 1));
        assert_eq!((checker.game.phase_number(), checker.game.total()), (3, 150));
    }

    #[test]
    fn an_event_that_is_known_already_changes_nothing() {
        let mut checker = ProtocolChecker::default();
        checker.welcome(&welcome(false, 2, 0), Instant::now());
        checker.event(&reveal(3, 2, 100, 100));
        assert_eq!(checker.event(&reveal(3, 2, 100, 100)), SequenceStep::Drop);
        assert_eq!((checker.game.total(), checker.faults.repeats, checker.faults.count()), (100, 1, 1));
    }

    #[test]
    fn a_room_told_from_the_start_is_summed_up_from_nothing() {
        let mut checker = ProtocolChecker::default();
        checker.welcome(&welcome(true, 1, 100), Instant::now());
        checker.event(&reveal(1, 2, 100, 100));
        assert!(checker.faults.is_clean(), "{:?}", checker.faults);
        assert_eq!(checker.game.total(), 100);
    }

    #[test]
    fn a_reveal_that_cannot_be_read_is_a_fault() {
        let mut checker = ProtocolChecker::default();
        checker.welcome(&welcome(false, 2, 0), Instant::now());
        checker.event(&event(3, "reveal", json!({"questionId": 7})));
        assert_eq!(checker.faults.unreadable, 1);
    }
}
