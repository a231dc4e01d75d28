//! Verdicts, and what is left of a game once it is over.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::idempotency::IdempotencyKey;
use super::ids::{QuestionId, QuizId, UserId};
use super::quiz::{AnswerKey, Question, Quiz};
use super::refusal::{NotOpen, Refusal};
use super::scoring::{Grade, Points, Progression};
use super::solo::SoloGame;
use super::time::{Millis, WallTime};

/// How one question was answered. Made once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The answer; `None` for none, or one that came too late.
    pub answer: Option<Answer>,
    /// How far it was right.
    pub grade: Grade,
    /// What it earned.
    pub points: Points,
    /// How long it took on the question's clock.
    pub response: Millis,
    /// Which answer of the game this was, from 1.
    pub nth: u32,
    /// The score after it.
    pub total_after: u32,
    /// The client's idempotency key, by which a repeat is known.
    #[serde(rename = "repeat")]
    pub idempotency: Option<IdempotencyKey>,
}

/// A verdict together with all that a player may now see of its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerReport {
    /// The question.
    pub question: QuestionId,
    /// Its text, unless its author left it out.
    pub text: Option<String>,
    /// The answer in words.
    pub answer_text: Option<String>,
    /// What is right.
    pub key: AnswerKey,
    /// The same in words.
    pub correct_text: Option<String>,
    /// Why it is right.
    pub explanation: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
}

impl AnswerReport {
    /// Puts a question's verdict beside the question.
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

/// What is known of a game's answers, during the game and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// The quiz that was played.
    pub quiz_id: QuizId,
    /// Who played, in the caller's own system.
    pub user: Option<UserId>,
    /// The caller's own JSON object, as text.
    pub metadata: Option<String>,
    /// When the game began.
    pub started: WallTime,
    /// When it was completed.
    pub completed: Option<WallTime>,
    /// How many questions it has.
    pub question_count: u32,
    /// The evaluated questions, in the order of their answers.
    pub answers: Vec<AnswerReport>,
    /// What the answers earn.
    pub progression: Progression,
}

impl Results {
    /// The score.
    pub fn total_score(&self) -> u32 {
        self.answers.last().map_or(0, |last| last.verdict.total_after)
    }

    /// How many answers were fully right.
    pub fn correct_count(&self) -> usize {
        self.answers.iter().filter(|answer| answer.verdict.grade.is_right()).count()
    }
}

/// A game that is over: what was answered, and whether the progression was claimed. Its questions stay in its
/// quiz, beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinishedGame {
    /// The game as it ended.
    game: SoloGame,
    /// When it was completed.
    completed: WallTime,
    /// What the answers earn.
    pub progression: Progression,
    /// Set when the progression was claimed, with the claim's repeat key.
    #[serde(with = "super::idempotency::nested")]
    award: Option<Option<IdempotencyKey>>,
}

impl FinishedGame {
    /// A game of which every question is evaluated.
    pub(super) fn new(game: SoloGame, quiz: &Quiz, completed: WallTime) -> Self {
        let progression = game.progression(quiz);
        Self { game, completed, progression, award: None }
    }

    /// Who played, in the caller's own system.
    pub fn user(&self) -> Option<&UserId> {
        self.game.user.as_ref()
    }

    /// The game as it ended.
    pub fn game(&self) -> &SoloGame {
        &self.game
    }

    /// The results.
    pub fn results(&self, quiz: &Quiz) -> Results {
        self.game.results(quiz, Some(self.completed))
    }

    /// The verdict that a late repeat of an answer asks for.
    pub(super) fn repeated(
        &self,
        quiz: &Quiz,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Option<AnswerReport>, Refusal> {
        self.game.repeated(quiz, idempotency)
    }

    /// Why the game takes no answer to this question: all of its own are answered.
    pub(super) fn not_open(quiz: &Quiz, id: &QuestionId) -> Refusal {
        let is_answered = quiz.position(id).is_some();
        Refusal::QuestionNotOpen(if is_answered { NotOpen::AlreadyAnswered } else { NotOpen::OtherQuestion })
    }

    /// Claims the progression; true the first time and for that claim's repeat.
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

/// Finds the verdict that was made under the same idempotency key.
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
