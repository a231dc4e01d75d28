//! A player bot. It answers each question after a random delay, right or wrong, and sometimes sends two
//! answers at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::moment::CurrentQuestion;
use super::questions::any_answer;
use super::room::READY;
use crate::client::{AskError, ClientAnswer, ClientEvent, Connection, EventFrame, StopReason};

/// The longest delay before an answer.
const THINKING: Duration = Duration::from_secs(1);
/// One question in this many is answered with a double tap.
const DOUBLE_TAPS: u64 = 5;
/// The error code for an answer after its question has closed.
const TOO_LATE: &str = "question-not-open";

/// What happened to one bot, apart from what its client checks.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Questions that the bot has answered.
    pub(super) asked: u64,
    /// Answers that were acknowledged, at most one per question.
    pub(super) accepted: u64,
    /// Questions to which no answer was accepted.
    pub(super) late: u64,
    /// Second taps that were refused, as expected.
    pub(super) refused_taps: u64,
    /// Descriptions of unexpected results.
    pub(super) troubles: Vec<String>,
    pub(super) is_finished: bool,
    /// When each answer was sent, and how long its reply took. Without those whose connection was lost meanwhile.
    pub(super) replied: Vec<(Instant, Duration)>,
    /// How many taps were accepted, by question id.
    told: BTreeMap<String, u64>,
    /// Ids of the questions whose reveal showed an answer of this seat.
    shown: BTreeSet<String>,
}

/// A player bot and the state that it shares with the drill.
pub(super) struct Player {
    pub(super) connection: Connection,
    pub(super) moment: Arc<CurrentQuestion>,
    pub(super) tally: Arc<Mutex<Tally>>,
    pub(super) rng: fastrand::Rng,
}

impl Player {
    /// Plays until the game ends, or the client stops.
    pub(super) async fn play(mut self, mut happenings: UnboundedReceiver<ClientEvent>) {
        let mut answering = JoinSet::new();
        while let Some(happening) = happenings.recv().await {
            match happening {
                ClientEvent::Event(event) => {
                    self.see(&event, &mut answering);
                    if event.event == "finished" {
                        break;
                    }
                }
                // There are no events for the time before this snapshot: the snapshot has the current
                // question.
                ClientEvent::Welcome(welcome) if !welcome.recovered => {
                    self.look(&welcome.snapshot, &mut answering);
                }
                ClientEvent::Stopped(why) => {
                    self.tally.lock().troubles.push(format!("a bot was stopped: {why}"));
                    break;
                }
                _ => {}
            }
        }
        // Wait for the replies before comparing them with the reveals.
        while answering.join_next().await.is_some() {}
        self.tally.lock().settle();
    }

    fn see(&mut self, event: &EventFrame, answering: &mut JoinSet<()>) {
        let index = event.payload["index"].as_u64().unwrap_or_default();
        match event.event.as_str() {
            "question" => self.ask(&event.payload["question"], index, READY, answering),
            "reveal" => {
                self.moment.revealed(index);
                self.tally.lock().reveal(event, self.connection.seat_id());
            }
            "finished" => {
                self.moment.finished();
                self.tally.lock().is_finished = true;
            }
            _ => {}
        }
    }

    fn look(&mut self, snapshot: &Value, answering: &mut JoinSet<()>) {
        let question = &snapshot["question"];
        if snapshot["phase"] == "question" && snapshot["you"]["answered"] == false {
            self.ask(question, question["index"].as_u64().unwrap_or_default(), READY, answering);
        }
    }

    /// Spawns a task that answers the question after a delay.
    fn ask(&mut self, question: &Value, index: u64, ready: Duration, answering: &mut JoinSet<()>) {
        self.moment.shown(index);
        let answer = any_answer(question, &mut self.rng);
        let Some(question) = question["questionId"].as_str().map(str::to_owned) else {
            return self.tally.lock().troubles.push(format!("a question without questionId: {question}"));
        };
        let taps = if self.rng.u64(..DOUBLE_TAPS) == 0 { 2 } else { 1 };
        let wait = ready + THINKING.mul_f64(self.rng.f64());
        let (connection, moment, tally) = (self.connection.clone(), self.moment.clone(), self.tally.clone());
        answering.spawn(async move {
            sleep(wait).await;
            tally.lock().asked += 1;
            let (sent, welcomes) = (Instant::now(), connection.figures().welcomes);
            let tap = |answer| connection.answer(&question, answer);
            let replies = if taps == 2 {
                // The second tap is a pass: the same answer again would count as a repetition of the first
                // one.
                let (one, two) = tokio::join!(tap(answer), tap(ClientAnswer::default()));
                vec![one, two]
            } else {
                vec![tap(answer).await]
            };
            if connection.figures().welcomes == welcomes {
                tally.lock().replied.push((sent, sent.elapsed()));
            }
            let accepted = replies.iter().flatten().filter(|reply| reply.accepted).count();
            if accepted > 0 {
                moment.answered(index);
            }
            let refusals = replies.into_iter().filter_map(Result::err).collect();
            tally.lock().told(question, accepted as u64, taps, refusals);
        });
    }
}

impl Tally {
    /// Records the replies to the taps on one question.
    fn told(&mut self, question: String, accepted: u64, taps: u64, refusals: Vec<AskError>) {
        self.accepted += accepted.min(1);
        self.refused_taps += (taps - accepted).min(taps - 1);
        self.late += u64::from(accepted == 0);
        if accepted > 1 {
            self.troubles.push(format!("both taps on {question} were accepted"));
        }
        for refusal in refusals {
            let is_fine = match &refusal {
                // The error code of a refused second tap does not matter.
                AskError::Refused { code, .. } => code == TOO_LATE || (taps > 1 && accepted > 0),
                AskError::Stopped(why) => *why == StopReason::Closed,
                AskError::Lost | AskError::Unreadable(_) => false,
            };
            if !is_fine {
                self.troubles.push(format!("an answer to {question} was told: {refusal}"));
            }
        }
        self.told.insert(question, accepted);
    }

    fn reveal(&mut self, event: &EventFrame, seat: Option<u64>) {
        let verdicts = event.payload["verdicts"].as_array().into_iter().flatten();
        let mut mine = verdicts.filter(|verdict| verdict["seatId"].as_u64() == seat);
        if mine.any(|verdict| ClientAnswer::deserialize(verdict).is_ok_and(|answer| answer.is_given())) {
            self.shown.extend(event.question_id().map(str::to_owned));
        }
    }

    /// Compares replies with reveals: an answer that was refused must not count.
    fn settle(&mut self) {
        let refused = self.told.iter().filter(|(question, accepted)| **accepted == 0 && self.shown.contains(*question));
        let troubles = refused.map(|(question, _)| format!("the answer to {question} was refused, and counted"));
        let troubles: Vec<_> = troubles.collect();
        self.troubles.extend(troubles);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> AskError {
        AskError::Refused { code: code.to_owned(), detail: String::new() }
    }

    #[test]
    fn of_two_taps_one_counts() {
        let mut tally = Tally::default();
        tally.told("q1".into(), 1, 2, vec![refused("answered-already")]);
        assert_eq!((tally.accepted, tally.refused_taps, tally.troubles.len()), (1, 1, 0));
        tally.told("q2".into(), 2, 2, vec![]);
        assert_eq!((tally.accepted, tally.troubles.len()), (2, 1));
    }

    #[test]
    fn an_answer_that_comes_too_late_is_no_trouble_unless_it_counts() {
        let mut tally = Tally::default();
        tally.told("q1".into(), 0, 1, vec![refused(TOO_LATE)]);
        tally.told("q2".into(), 0, 1, vec![]);
        tally.settle();
        assert_eq!((tally.late, tally.troubles.len()), (2, 0));
        tally.shown.insert("q1".into());
        tally.settle();
        assert_eq!(tally.troubles.len(), 1);
        tally.told("q3".into(), 0, 1, vec![refused("internal")]);
        assert_eq!(tally.troubles.len(), 2);
    }
}
