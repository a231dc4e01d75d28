//! Verdicts on answers, and the state of a solo game once it is over.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::idempotency::IdempotencyKey;
use super::ids::{QuestionId, QuizId, UserId};
use super::quiz::{AnswerKey, Question, Quiz};
use super::refusal::{NotOpen, Refusal};
use super::scoring::{Grade, Points, Progression};
use super::solo::SoloGame;
use super::time::{Millis, WallTime};

/// How one question was answered. A verdict never changes once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The answer. `None` if the player gave none, or if it came too late.
    pub answer: Option<Answer>,
    /// How far the answer was right.
    pub grade: Grade,
    /// The points that it earned.
    pub points: Points,
    /// How long the answer took on the question's clock.
    pub response: Millis,
    /// Which answer of the game this was, from 1.
    pub nth: u32,
    /// The game's total score after this answer.
    pub total_after: u32,
    /// The request's idempotency key, to recognize its retry. `None` if the client sent none.
    #[serde(rename = "repeat")]
    pub idempotency: Option<IdempotencyKey>,
}

/// A verdict, and everything that the player may now see of its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerReport {
    /// The id of the question.
    pub question: QuestionId,
    /// The text of the question, unless its author left it out.
    pub text: Option<String>,
    /// The answer as plain text. `None` without an answer, and if the author left out the texts.
    pub answer_text: Option<String>,
    /// The answer key of the question.
    pub key: AnswerKey,
    /// The right answer as plain text. `None` for a poll, and if the author left out the texts.
    pub correct_text: Option<String>,
    /// Why the right answer is right.
    pub explanation: Option<String>,
    /// The verdict on the answer.
    pub verdict: Verdict,
}

impl AnswerReport {
    /// The report of this verdict on this question.
    pub fn new(question: &Question, verdict: Verdict) -> Self {
        Self {
            question: question.id.clone(),
            text: question.text.clone(),
            answer_text: verdict.answer.as_ref().and_then(|answer| question.words(answer)),
            key: question.key.clone(),
            correct_text: question.correct_words(),
            explanation: question.explanation.clone(),
            verdict,
        }
    }
}

/// The results of a solo game, during the game and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The quiz that was played.
    pub quiz_id: QuizId,
    /// The player's id in the caller's own system.
    pub user: Option<UserId>,
    /// The caller's own JSON object, as text.
    pub metadata: Option<String>,
    /// When the game began.
    pub started: WallTime,
    /// When the last question was answered. `None` before that.
    pub completed: Option<WallTime>,
    /// How many questions the game has.
    pub question_count: u32,
    /// The questions that were answered, in the order of their answers.
    pub answers: Vec<AnswerReport>,
    /// The XP and gems that the answers earn.
    pub progression: Progression,
}

impl Results {
    /// The game's total score.
    pub fn total_score(&self) -> u32 {
        self.answers.last().map_or(0, |last| last.verdict.total_after)
    }

    /// How many answers were fully right.
    pub fn correct_count(&self) -> usize {
        self.answers.iter().filter(|answer| answer.verdict.grade.is_right()).count()
    }
}

/// A solo game that is over: its answers, and whether the progression was claimed. The texts of its questions
/// stay in the quiz, which is stored beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedGame {
    /// The game as it ended.
    game: SoloGame,
    /// When the last question was answered.
    completed: WallTime,
    /// The XP and gems that the answers earn.
    pub progression: Progression,
    /// Set when the progression was claimed, to the claim's idempotency key if it had one.
    #[serde(with = "super::idempotency::nested")]
    award: Option<Option<IdempotencyKey>>,
}

impl FinishedGame {
    /// The end of a game whose questions are all answered.
    pub(super) fn new(game: SoloGame, quiz: &Quiz, completed: WallTime) -> Self {
        let progression = game.progression(quiz);
        Self { game, completed, progression, award: None }
    }

    /// The player's id in the caller's own system.
    pub fn user(&self) -> Option<&UserId> {
        self.game.user.as_ref()
    }

    /// The game as it ended.
    pub fn game(&self) -> &SoloGame {
        &self.game
    }

    /// The results of the game. `quiz` must be the one that was played.
    pub fn results(&self, quiz: &Quiz) -> Results {
        self.game.results(quiz, Some(self.completed))
    }

    /// The verdict of an earlier try of the same request, for a retry that comes after the end.
    pub(super) fn repeated(
        &self,
        quiz: &Quiz,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Option<AnswerReport>, Refusal> {
        self.game.repeated(quiz, idempotency)
    }

    /// Why the game takes no answer to this question: all of its questions are answered.
    pub(super) fn not_open(quiz: &Quiz, id: &QuestionId) -> Refusal {
        let is_answered = quiz.position(id).is_some();
        Refusal::QuestionNotOpen(if is_answered { NotOpen::AlreadyAnswered } else { NotOpen::OtherQuestion })
    }

    /// Claims the progression. True for the first claim and for its retry.
    pub(super) fn claim(&mut self, idempotency: Option<IdempotencyKey>) -> Result<bool, Refusal> {
        let Some(first) = self.award else {
            self.award = Some(idempotency);
            return Ok(true);
        };
        match first.zip(idempotency).filter(|(first, idempotency)| first.key == idempotency.key) {
            Some((first, idempotency)) if first.body != idempotency.body => Err(Refusal::KeyReused),
            same_key => Ok(same_key.is_some()),
        }
    }
}

/// Finds the verdict that was made under the same idempotency key. Refused if the body was another one.
pub(super) fn find_repeat<'a, T>(
    idempotency: Option<IdempotencyKey>,
    verdicts: impl IntoIterator<Item = (&'a Verdict, T)>,
) -> Result<Option<T>, Refusal> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let same_key = |verdict: &Verdict| verdict.idempotency.filter(|first| first.key == idempotency.key);
    for (verdict, found) in verdicts {
        match same_key(verdict) {
            Some(first) if first.body == idempotency.body => return Ok(Some(found)),
            Some(_) => return Err(Refusal::KeyReused),
            None => {}
        }
    }
    Ok(None)
}
