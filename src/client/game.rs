//! The game as this seat has seen it: its score, summed up from its own verdicts, and its acknowledged
//! answers. Both are compared with what the server reports. Pure.

use std::collections::BTreeMap;

use super::answer::ClientAnswer;
use super::frames::{FinishedFrame, RevealFrame, SnapshotFrame, VerdictFrame};
use super::violations::{Stats, Violations};

/// The state of one seat's game.
#[derive(Debug, Default)]
pub(super) struct SeatGame {
    seat: Option<u64>,
    phase_number: u64,
    total: i64,
    final_total: Option<i64>,
    /// Acknowledged answers that were not revealed yet, by question id.
    accepted: BTreeMap<String, ClientAnswer>,
    /// This seat's answers as the reveals reported them, by question id.
    revealed: BTreeMap<String, ClientAnswer>,
    /// A sequence number, and the total that the snapshot gave. After that event the sum must equal the
    /// total.
    checkpoint: Option<(u64, i64)>,
}

impl SeatGame {
    /// The newest phase number that this seat has seen.
    pub(super) fn phase_number(&self) -> u64 {
        self.phase_number
    }

    /// The sum of this seat's verdicts.
    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// This seat's score in the final ranking.
    pub(super) fn final_total(&self) -> Option<i64> {
        self.final_total
    }

    /// Takes the snapshot of a welcome. If `goes_on` is true, the events after `last` follow. Otherwise the
    /// snapshot replaces everything.
    pub(super) fn welcome(
        &mut self,
        seat: Option<u64>,
        view: &SnapshotFrame,
        goes_on: bool,
        last: u64,
        faults: &mut Violations,
    ) {
        self.seat = seat;
        self.saw(view.phase_number, !goes_on);
        let Some(you) = &view.you else { return };
        if !goes_on {
            self.restart(view, you.total, faults);
        }
        let is_open = view.phase.as_deref() == Some("question");
        if let Some(shown) = view.question.as_ref().filter(|_| is_open && !you.answered)
            && self.accepted.remove(&shown.question_id).is_some()
        {
            faults.lost_answers += 1;
            faults.note(format!("the snapshot does not know the answer to {}", shown.question_id));
        }
        self.checkpoint = view.head.map(|head| (head, you.total));
        self.reached(last, faults);
    }

    /// Starts again from a snapshot. Reveals that were missed can't be checked any more.
    fn restart(&mut self, view: &SnapshotFrame, total: i64, faults: &mut Violations) {
        let shown = view.question.as_ref().map(|shown| shown.question_id.clone());
        let standing = view.reveal.as_ref().map(|reveal| reveal.question_id.clone());
        self.accepted.retain(|question, _| [&shown, &standing].into_iter().flatten().any(|known| known == question));
        (self.total, self.final_total) = (total, None);
        self.revealed.clear();
        if let Some(reveal) = &view.reveal {
            self.judged(&reveal.question_id, self.verdict(reveal), faults);
        }
    }

    /// The server replays the game from its first event.
    pub(super) fn begin(&mut self) {
        (self.total, self.checkpoint) = (0, None);
        self.revealed.clear();
    }

    /// A phase number was received. If `is_whole` is true, it replaces the known one, even if it is lower.
    pub(super) fn saw(&mut self, phase_number: Option<u64>, is_whole: bool) {
        let known = if is_whole { 0 } else { self.phase_number };
        self.phase_number = phase_number.unwrap_or_default().max(known);
    }

    /// The server acknowledged an answer.
    pub(super) fn accepted(&mut self, question: &str, answer: ClientAnswer, faults: &mut Violations) {
        // The acknowledgement may be received after the reveal: then compare at once.
        match self.revealed.get(question) {
            None => drop(self.accepted.insert(question.to_owned(), answer)),
            Some(told) if *told == answer => {}
            Some(told) => lost(question, &answer, told, faults),
        }
    }

    /// A question was revealed.
    pub(super) fn reveal(&mut self, reveal: &RevealFrame, faults: &mut Violations) {
        let verdict = self.verdict(reveal);
        let is_again = self.revealed.contains_key(&reveal.question_id);
        self.judged(&reveal.question_id, verdict.clone(), faults);
        let Some(verdict) = verdict else { return };
        if is_again {
            faults.counted_twice += 1;
            faults.note(format!("{} was revealed twice", reveal.question_id));
        } else {
            self.total += verdict.points;
        }
        self.compare(verdict.total, "the reveal", faults);
    }

    /// The game is over: the ranking must show the sum of the verdicts.
    pub(super) fn finished(&mut self, finished: &FinishedFrame, faults: &mut Violations, figures: &mut Stats) {
        let mine = finished.ranking.iter().find(|ranked| Some(ranked.seat_id) == self.seat);
        self.final_total = mine.map(|ranked| ranked.total);
        if self.final_total.unwrap_or_default() != self.total {
            faults.scores_disagree += 1;
            faults.note(format!("the ranking tells {:?}, the verdicts {}", self.final_total, self.total));
        }
        figures.unrevealed += self.accepted.len() as u64;
    }

    /// All events up to `last` are applied.
    pub(super) fn reached(&mut self, last: u64, faults: &mut Violations) {
        if let Some((_, total)) = self.checkpoint.take_if(|(head, _)| *head <= last) {
            self.compare(total, "the snapshot", faults);
        }
    }

    fn verdict(&self, reveal: &RevealFrame) -> Option<VerdictFrame> {
        reveal.verdicts.iter().find(|verdict| Some(verdict.seat_id) == self.seat).cloned()
    }

    /// Checks that the verdict shows the acknowledged answer.
    fn judged(&mut self, question: &str, verdict: Option<VerdictFrame>, faults: &mut Violations) {
        let told = verdict.map(|verdict| verdict.answer).unwrap_or_default();
        if let Some(answer) = self.accepted.remove(question)
            && answer != told
        {
            lost(question, &answer, &told, faults);
        }
        self.revealed.insert(question.to_owned(), told);
    }

    fn compare(&mut self, told: i64, by: &str, faults: &mut Violations) {
        match told - self.total {
            0 => return,
            1.. => faults.counted_twice += 1,
            _ => faults.points_lost += 1,
        }
        faults.note(format!("{by} tells {told} points, the verdicts sum up to {}", self.total));
        // Count a difference once: take over the server's total for the next comparison.
        self.total = told;
    }
}

fn lost(question: &str, accepted: &ClientAnswer, told: &ClientAnswer, faults: &mut Violations) {
    faults.lost_answers += 1;
    faults.note(format!("{question}: {} was acknowledged, {} was revealed", accepted.fields(), told.fields()));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SEAT: u64 = 3;

    #[derive(Default)]
    struct Played {
        game: SeatGame,
        faults: Violations,
        figures: Stats,
    }

    impl Played {
        fn welcome(&mut self, snapshot: serde_json::Value, goes_on: bool, last: u64) {
            let view = SnapshotFrame::of(&snapshot).expect("a snapshot");
            self.game.welcome(Some(SEAT), &view, goes_on, last, &mut self.faults);
        }

        fn accept(&mut self, question: &str, option: u64) {
            self.game.accepted(question, Some(option).into(), &mut self.faults);
        }

        fn reveal(&mut self, question: &str, option: Option<u64>, points: i64, total: i64) {
            let mine = VerdictFrame { seat_id: SEAT, answer: option.into(), points, total };
            let other = VerdictFrame { seat_id: 9, answer: ClientAnswer::default(), points: 0, total: 0 };
            let reveal = RevealFrame { question_id: question.to_owned(), verdicts: vec![other, mine] };
            self.game.reveal(&reveal, &mut self.faults);
        }

        fn finish(&mut self, total: i64) {
            let finished = json!({"ranking": [{"seatId": SEAT, "total": total}]});
            let finished = serde_json::from_value(finished).expect("a ranking");
            self.game.finished(&finished, &mut self.faults, &mut self.figures);
        }
    }

    #[test]
    fn the_score_is_the_sum_of_the_verdicts() {
        let mut played = Played::default();
        played.welcome(json!({"head": 2, "you": {"total": 0}}), false, 2);
        played.accept("q1", 2);
        played.reveal("q1", Some(2), 100, 100);
        played.reveal("q2", None, 0, 100);
        played.reveal("q3", Some(1), 125, 225);
        played.finish(225);
        assert!(played.faults.is_clean(), "{:?}", played.faults);
        assert_eq!((played.game.total(), played.game.final_total()), (225, Some(225)));
    }

    #[test]
    fn an_acknowledged_answer_that_the_reveal_does_not_know_is_lost() {
        let mut played = Played::default();
        played.welcome(json!({}), false, 0);
        played.accept("q1", 2);
        played.reveal("q1", Some(1), 0, 0);
        played.accept("q2", 2);
        played.reveal("q2", None, 0, 0);
        // The acknowledgement may be received after the reveal.
        played.reveal("q3", None, 0, 0);
        played.accept("q3", 2);
        played.reveal("q4", Some(2), 0, 0);
        played.accept("q4", 2);
        assert_eq!(played.faults.lost_answers, 3);
    }

    #[test]
    fn a_snapshot_that_does_not_know_an_acknowledged_answer_has_lost_it() {
        let open = |answered: bool| json!({"phase": "question", "question": {"questionId": "q1"}, "you": {"answered": answered, "total": 0}});
        let mut played = Played::default();
        played.welcome(open(false), false, 0);
        played.accept("q1", 2);
        played.welcome(open(true), true, 0);
        assert!(played.faults.is_clean());
        played.welcome(open(false), true, 0);
        assert_eq!(played.faults.lost_answers, 1);
    }

    #[test]
    fn points_that_come_twice_or_not_at_all_are_faults_once() {
        let mut played = Played::default();
        played.welcome(json!({}), false, 0);
        played.reveal("q1", Some(1), 100, 200);
        played.reveal("q2", Some(1), 100, 300);
        assert_eq!((played.faults.counted_twice, played.faults.points_lost), (1, 0));
        played.reveal("q3", Some(1), 100, 350);
        assert_eq!((played.faults.counted_twice, played.faults.points_lost), (1, 1));
        played.reveal("q3", Some(1), 100, 350);
        assert_eq!(played.faults.counted_twice, 2);
        played.finish(450);
        assert_eq!(played.faults.scores_disagree, 1);
    }

    #[test]
    fn a_snapshots_total_is_reached_with_the_replay() {
        let mut played = Played::default();
        played.welcome(json!({"head": 1, "you": {"total": 0}}), false, 1);
        // The snapshot already includes the reveal that is replayed next.
        played.welcome(json!({"head": 3, "you": {"total": 100}}), true, 1);
        played.game.reached(2, &mut played.faults);
        played.reveal("q1", Some(1), 100, 100);
        played.game.reached(3, &mut played.faults);
        assert!(played.faults.is_clean(), "{:?}", played.faults);
        played.welcome(json!({"head": 3, "you": {"total": 150}}), true, 3);
        assert_eq!(played.faults.counted_twice, 1);
    }

    #[test]
    fn after_a_snapshot_the_game_goes_on_from_its_total() {
        let mut played = Played::default();
        played.welcome(json!({}), false, 0);
        played.accept("q1", 2);
        played.accept("q2", 3);
        let reveal = json!({"questionId": "q2", "verdicts": [
            {"seatId": SEAT, "optionId": 3, "points": 50, "total": 150}]});
        let snapshot = json!({"head": 9, "phase": "reveal", "phaseNumber": 4, "reveal": reveal, "you": {"total": 150}});
        played.welcome(snapshot, false, 9);
        played.reveal("q3", Some(1), 100, 250);
        played.finish(250);
        assert!(played.faults.is_clean(), "{:?}", played.faults);
        assert_eq!((played.game.phase_number(), played.figures.unrevealed), (4, 0));
    }

    #[test]
    fn a_game_that_was_ended_early_has_lost_nothing() {
        let mut played = Played::default();
        played.welcome(json!({}), false, 0);
        played.accept("q1", 2);
        played.finish(0);
        assert!(played.faults.is_clean());
        assert_eq!(played.figures.unrevealed, 1);
    }
}
