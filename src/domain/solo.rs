//! A solo game: one player, one quiz, and a verdict on every question.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::commands::Submission;
use super::finished::{AnswerReport, Results, Verdict, find_repeat};
use super::idempotency::IdempotencyKey;
use super::ids::{QuestionId, UserId};
use super::quiz::{Question, Quiz};
use super::refusal::{NotOpen, Refusal};
use super::scoring::Progression;
use super::time::{Millis, Moment, Timestamp, WallTime};

/// How long a question stays open after an outage at least, if it was open during the outage.
const GRACE_AFTER_OUTAGE: Millis = Millis::seconds(15);

/// How the questions reach the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Deliver {
    /// All texts with the game's first reply.
    #[default]
    All,
    /// Each text when the player asks for that question.
    One,
}

/// The state of a solo game. A question is identified by its index in the quiz.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoloGame {
    /// The player's id in the caller's own system.
    pub user: Option<UserId>,
    /// The caller's own JSON object, as text.
    pub metadata: Option<String>,
    /// When the game began.
    pub started: WallTime,
    /// How the questions reach the player.
    pub deliver: Deliver,
    /// The hash of the request that created the game, to recognize its retry.
    #[serde(with = "super::idempotency::hex")]
    pub request: [u8; 16],
    /// When each question was first shown.
    shown: BTreeMap<u32, Timestamp>,
    /// The question that was shown last, until it is answered.
    current: Option<u32>,
    /// When the last answer came, or when the game began if none has come.
    last_move: Timestamp,
    /// The verdicts so far, by question.
    verdicts: BTreeMap<u32, Verdict>,
}

/// The parts of a new solo game, except its quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSolo {
    /// The player's id in the caller's own system.
    pub user: Option<UserId>,
    /// The caller's own JSON object, as text.
    pub metadata: Option<String>,
    /// The wall time at which the game begins.
    pub started: WallTime,
    /// How the questions reach the player.
    pub deliver: Deliver,
    /// The hash of the request that creates the game.
    pub request: [u8; 16],
}

/// The clock of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionClock {
    /// When the clock started.
    pub opened: Timestamp,
    /// When the question closes, if it is timed.
    pub closes: Option<Timestamp>,
}

impl SoloGame {
    /// A game in which nothing has been answered.
    pub fn new(new: NewSolo, now: Timestamp) -> Self {
        Self {
            user: new.user,
            metadata: new.metadata,
            started: new.started,
            deliver: new.deliver,
            request: new.request,
            shown: BTreeMap::new(),
            current: None,
            last_move: now,
            verdicts: BTreeMap::new(),
        }
    }

    /// The questions that are not answered yet.
    pub fn open_questions<'q>(&self, quiz: &'q Quiz) -> impl Iterator<Item = &'q Question> {
        let open = |place: usize| !self.verdicts.contains_key(&(place as u32));
        quiz.questions.iter().enumerate().filter(move |(place, _)| open(*place)).map(|(_, question)| &**question)
    }

    /// How many questions are answered.
    pub fn answered(&self) -> usize {
        self.verdicts.len()
    }

    /// The question that was shown last, and its clock. `None` once it is answered.
    pub fn current<'q>(&self, quiz: &'q Quiz, at: Moment) -> Option<(&'q Question, QuestionClock)> {
        let place = self.current?;
        let question = quiz.questions.get(place as usize)?;
        Some((question, self.clock(place, question, at)))
    }

    /// The results so far. `quiz` must be the one that is played.
    pub fn results(&self, quiz: &Quiz, completed: Option<WallTime>) -> Results {
        let mut verdicts: Vec<_> = self.verdicts.iter().collect();
        verdicts.sort_by_key(|(_, verdict)| verdict.nth);
        let report =
            |(place, verdict): (&u32, &Verdict)| AnswerReport::new(&quiz.questions[*place as usize], verdict.clone());
        Results {
            quiz_id: quiz.id.clone(),
            user: self.user.clone(),
            metadata: self.metadata.clone(),
            started: self.started,
            completed,
            question_count: quiz.questions.len() as u32,
            answers: verdicts.into_iter().map(report).collect(),
            progression: self.progression(quiz),
        }
    }

    /// Whether every question is answered.
    pub(super) fn is_complete(&self, quiz: &Quiz) -> bool {
        self.verdicts.len() == quiz.questions.len()
    }

    /// Shows a question. The first time starts its clock; showing it again changes nothing about the clock.
    pub(super) fn show(
        &mut self,
        quiz: &Quiz,
        id: &QuestionId,
        at: Moment,
    ) -> Result<(Arc<Question>, QuestionClock), Refusal> {
        let (place, question) = self.open_question(quiz, id)?;
        self.shown.entry(place).or_insert(at.now);
        self.current = Some(place);
        Ok((question.clone(), self.clock(place, question, at)))
    }

    /// Grades an answer to a question, once. A retry gets the first verdict again.
    pub(super) fn submit(&mut self, quiz: &Quiz, submission: &Submission, at: Moment) -> Result<AnswerReport, Refusal> {
        // First: a retry gets its verdict although the question is answered by now.
        if let Some(report) = self.repeated(quiz, submission.idempotency)? {
            return Ok(report);
        }
        let (place, question) = self.open_question(quiz, &submission.question)?;
        let answer = submission.answer.clone().map(|answer| question.take(answer)).transpose()?;
        let verdict = self.evaluate(quiz, place, question, (answer, submission.idempotency), at);
        self.verdicts.insert(place, verdict.clone());
        self.last_move = self.last_move.max(at.now);
        self.current = self.current.filter(|current| *current != place);
        Ok(AnswerReport::new(question, verdict))
    }

    /// The verdict of an earlier try of the same request.
    pub(super) fn repeated(
        &self,
        quiz: &Quiz,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Option<AnswerReport>, Refusal> {
        let numbered = self.verdicts.iter().map(|(place, verdict)| (verdict, (*place, verdict)));
        let found = find_repeat(idempotency, numbered)?;
        Ok(found.map(|(place, verdict)| AnswerReport::new(&quiz.questions[place as usize], verdict.clone())))
    }

    fn evaluate(
        &self,
        quiz: &Quiz,
        place: u32,
        question: &Question,
        (answer, idempotency): (Option<Answer>, Option<IdempotencyKey>),
        at: Moment,
    ) -> Verdict {
        let clock = self.clock(place, question, at);
        let response = at.now.since(clock.opened);
        let in_time = clock.closes.is_none_or(|closes| at.now <= closes);
        let answer = answer.filter(|_| in_time);
        let grade = question.grade(answer.as_ref(), &quiz.scoring);
        let points = quiz.scoring.points(question, grade, response);
        let total: u32 = self.verdicts.values().map(|verdict| verdict.points.sum()).sum();
        Verdict {
            answer,
            grade,
            points,
            response,
            nth: self.verdicts.len() as u32 + 1,
            total_after: total.saturating_add(points.sum()),
            idempotency,
        }
    }

    fn open_question<'q>(&self, quiz: &'q Quiz, id: &QuestionId) -> Result<(u32, &'q Arc<Question>), Refusal> {
        let place = quiz.position(id).ok_or(Refusal::QuestionNotOpen(NotOpen::OtherQuestion))?;
        if self.verdicts.contains_key(&(place as u32)) {
            return Err(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered));
        }
        Ok((place as u32, &quiz.questions[place]))
    }

    /// The clock of a question. It starts when the question is first shown; for a question that was not
    /// shown, at the last answer or the start of the game. A question that was open during an outage stays
    /// open for at least [`GRACE_AFTER_OUTAGE`] after it, or for its time limit if that is shorter: an outage
    /// makes nobody late.
    fn clock(&self, place: u32, question: &Question, at: Moment) -> QuestionClock {
        let opened = self.shown.get(&place).copied().unwrap_or(self.last_move);
        let closes = question.time_limit.map(|limit| {
            let due = opened.plus(limit);
            if opened < at.up_since { due.max(at.up_since.plus(limit.min(GRACE_AFTER_OUTAGE))) } else { due }
        });
        QuestionClock { opened, closes }
    }

    pub(super) fn progression(&self, quiz: &Quiz) -> Progression {
        let count = |counts: fn(&Verdict) -> bool| self.verdicts.values().filter(|v| counts(v)).count() as u32;
        let rule = &quiz.progression;
        Progression {
            xp: rule.xp_per_correct.saturating_mul(count(|verdict| verdict.grade.is_right())),
            gems: rule.gems_per_full_bonus.saturating_mul(count(|verdict| verdict.points.full_bonus)),
        }
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.last_move = self.last_move.shifted(by);
        self.shown.values_mut().for_each(|shown| *shown = shown.shifted(by));
    }
}
