//! The state of a room's quiz: its phase, the timing of the current question, and pauses.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::ids::QuizId;
use crate::domain::quiz::{Question, Quiz};
use crate::domain::time::{Millis, Moment, Timestamp, WallTime};

/// An answer that arrives this long after a question's deadline still counts as in time.
pub const LATE_GRACE: Millis = Millis(500);
/// How long a question stays open after an outage at least, if it was shown before the outage.
const GRACE_AFTER_OUTAGE: Millis = Millis::seconds(15);

/// The timing of the current question. It is shown at `shown`, and takes answers from `opens` to `closes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Round {
    pub(super) index: u32,
    shown: Timestamp,
    pub(super) opens: Timestamp,
    pub(super) closes: Timestamp,
    pub(super) limit: Millis,
}

impl Round {
    pub(super) fn new(index: u32, ready: Millis, limit: Millis, now: Timestamp) -> Self {
        let opens = now.plus(ready);
        Self { index, shown: now, opens, closes: opens.plus(limit), limit }
    }

    /// When the question closes. A question that was shown before an outage stays open for at least
    /// [`GRACE_AFTER_OUTAGE`] after it, or for its time limit if that is shorter.
    pub(super) fn closes(&self, at: Moment) -> Timestamp {
        if self.shown < at.up_since {
            self.closes.max(at.up_since.plus(self.limit.min(GRACE_AFTER_OUTAGE)))
        } else {
            self.closes
        }
    }

    /// The same round, with the extra time after an outage written into `closes`.
    pub(super) fn settled(&self, at: Moment) -> Self {
        Self { closes: self.closes(at), ..self.clone() }
    }

    /// The first moment at which no answer counts any more: the late grace is over.
    pub(super) fn is_over_from(&self, at: Moment) -> Timestamp {
        self.closes(at).plus(Millis(LATE_GRACE.0 + 1))
    }

    /// The same round, with all its times moved later by `pause`.
    pub(super) fn delayed(&self, pause: Millis) -> Self {
        let by = i64::try_from(pause.0).unwrap_or(i64::MAX);
        let mut round = self.clone();
        round.shift(by);
        round
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.shown = self.shown.shifted(by);
        self.opens = self.opens.shifted(by);
        self.closes = self.closes.shifted(by);
    }
}

/// The phase of a quiz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Phase {
    Lobby,
    Question(Round),
    Reveal {
        /// The round that was closed, with the times that clients were shown.
        round: Round,
        /// When the next question is shown by itself. `None` if the host moves the game on.
        ends: Option<Timestamp>,
    },
    Finished {
        /// How many questions were closed before the end. A question in its ready time is not.
        asked: u32,
    },
}

/// Why a game is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PausedBy {
    /// The host paused the game.
    Host,
    /// The host is away.
    Away,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pause {
    pub(super) by: PausedBy,
    since: Timestamp,
}

/// The state of the quiz that a room plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Play {
    pub(super) quiz_id: QuizId,
    pub(super) question_count: u32,
    pub(super) phase: Phase,
    /// The number of the current phase. It grows by 1 with every phase.
    pub(super) number: u32,
    pub(super) pause: Option<Pause>,
    pub(super) started: Option<WallTime>,
    pub(super) finished: Option<WallTime>,
}

impl Play {
    pub(super) fn new(quiz: &Quiz) -> Self {
        Self {
            quiz_id: quiz.id.clone(),
            question_count: quiz.questions.len() as u32,
            phase: Phase::Lobby,
            number: 0,
            pause: None,
            started: None,
            finished: None,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished { .. })
    }

    /// Whether the game has begun and is not over: a question or a reveal is shown.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Question(_) | Phase::Reveal { .. })
    }

    pub(super) fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        self.number += 1;
    }

    /// The index of the next question, from which on a player who joins now plays.
    pub(super) fn next_index(&self) -> u32 {
        match &self.phase {
            Phase::Lobby => 0,
            Phase::Question(round) | Phase::Reveal { round, .. } => round.index + 1,
            Phase::Finished { asked } => *asked,
        }
    }

    /// How many questions have closed.
    pub(super) fn closed(&self) -> u32 {
        match &self.phase {
            Phase::Lobby => 0,
            Phase::Question(round) => round.index,
            Phase::Reveal { round, .. } => round.index + 1,
            Phase::Finished { asked } => *asked,
        }
    }

    /// The question at this index. `None` if the quiz was not loaded, or if the game ended before this
    /// question.
    pub(super) fn question<'a>(&self, quiz: Option<&'a Quiz>, index: u32) -> Option<&'a Arc<Question>> {
        let is_asked = !matches!(self.phase, Phase::Finished { asked } if index >= asked);
        quiz?.questions.get(index as usize).filter(|_| is_asked)
    }

    /// The current round. During a pause, its times are what they would be if the pause ended now.
    pub(super) fn round(&self, now: Timestamp) -> Option<Round> {
        let Phase::Question(round) = &self.phase else { return None };
        Some(self.pause.as_ref().map_or_else(|| round.clone(), |pause| round.delayed(now.since(pause.since))))
    }

    /// The current round, or the closed one during its reveal, with the times that clients are shown.
    pub(super) fn shown_round(&self, at: Moment) -> Option<Round> {
        match &self.phase {
            Phase::Reveal { round, .. } => Some(round.clone()),
            _ => self.round(at.now).map(|round| round.settled(at)),
        }
    }

    /// When the next question is shown by itself. `None` outside a reveal, during a pause, and if the host
    /// moves the game on.
    pub(super) fn advances(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Reveal { ends, .. } if self.pause.is_none() => ends,
            _ => None,
        }
    }

    /// Begins a pause, or changes the reason of the current one. Its beginning then stays.
    pub(super) fn stop(&mut self, by: PausedBy, at: Moment) {
        if let (Phase::Question(round), None) = (&mut self.phase, &self.pause) {
            // Write the extra time after an outage into the round now. `up_since` doesn't move with the
            // pause, so the extra time would be lost.
            *round = round.settled(at);
        }
        let since = self.pause.as_ref().map_or(at.now, |pause| pause.since);
        self.pause = Some(Pause { by, since });
    }

    /// Ends a pause. The current question or reveal continues with the time that it had left.
    pub(super) fn go_on(&mut self, now: Timestamp) {
        let Some(pause) = self.pause.take() else { return };
        let stood = now.since(pause.since);
        match &mut self.phase {
            Phase::Question(round) => *round = round.delayed(stood),
            Phase::Reveal { ends: Some(ends), .. } => *ends = ends.plus(stood),
            _ => {}
        }
    }

    pub(super) fn shift(&mut self, by: i64) {
        match &mut self.phase {
            Phase::Question(round) => round.shift(by),
            Phase::Reveal { round, ends } => {
                round.shift(by);
                *ends = ends.map(|ends| ends.shifted(by));
            }
            Phase::Lobby | Phase::Finished { .. } => {}
        }
        if let Some(pause) = &mut self.pause {
            pause.since = pause.since.shifted(by);
        }
    }
}
