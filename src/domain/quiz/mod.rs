//! Quizzes: questions with their answer keys. A quiz is written once, and never changes while its session
//! lives.

pub mod draft;
pub(crate) mod kind;
pub mod public;
pub mod shuffle;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{OptionId, QuestionId, QuizId};
use super::number::Number;
use super::scoring::{ProgressionRule, Scoring, SpeedBonus};
use super::time::Millis;

pub use kind::{
    AnswerCount, AnswerKey, ChoiceKey, Correct, Kind, MOST_TEXTS, MultipleKey, NumberKey, OrderKey, PollKey, Range,
    TextKey,
};

/// How hard a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// Most people know it.
    Easy,
    /// Many people know it.
    Medium,
    /// Few people know it.
    Hard,
}

/// One of a question's options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The option's id. An answer names it, so the order in which options are shown doesn't matter.
    pub id: OptionId,
    /// The option's text, unless its author left it out.
    pub text: Option<String>,
}

/// A question with its answer key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// The question's id, which is unique within the quiz.
    pub id: QuestionId,
    /// The text of the question, unless its author left it out.
    pub text: Option<String>,
    /// The subject of the question.
    pub category: Option<String>,
    /// How hard the question is.
    pub difficulty: Option<Difficulty>,
    /// An image: its URL, or the name of a file in the folder `media` beside the bank's file.
    pub image: Option<String>,
    /// What the image shows, for people who can't see it.
    pub alt: Option<String>,
    /// How long an answer may take. A later one counts as none. `None` if the question sets no limit.
    pub time_limit: Option<Millis>,
    /// The options, in the order in which they are shown.
    pub options: Vec<Choice>,
    /// The answer key.
    pub key: AnswerKey,
    /// The factor by which the question's points are multiplied.
    pub points: Number,
    /// True if a fast answer earns no bonus.
    pub no_speed_bonus: bool,
    /// Why the right answer is right. It is shown with the verdict.
    pub explanation: Option<String>,
}

impl Question {
    /// The approximate memory of the question, in bytes, no matter how many games share it.
    pub fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let texts = [&self.text, &self.category, &self.image, &self.alt, &self.explanation].map(text);
        let options = self.options.iter().map(|option| text(&option.text));
        size_of::<Self>()
            + self.id.as_str().len()
            + texts.into_iter().chain(options).map(block).sum::<usize>()
            + block(self.options.capacity() * size_of::<Choice>())
            + block(self.key.weight())
    }

    /// The option with this id.
    pub fn option(&self, id: OptionId) -> Option<&Choice> {
        self.options.iter().find(|option| option.id == id)
    }
}

/// The bytes that the allocator takes for an allocation of this size.
fn block(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

/// The quiz of one session: its questions, in their order, and how they are scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quiz {
    /// The bank that the questions come from, or [`Quiz::OWN`].
    pub id: QuizId,
    /// How answers are scored.
    pub scoring: Scoring,
    /// What a game with this quiz earns in the caller's own game.
    pub progression: ProgressionRule,
    /// The questions. They are shared with the bank and with other games of it.
    pub questions: Vec<Arc<Question>>,
}

impl Quiz {
    /// The id of a quiz whose questions the caller has brought.
    pub const OWN: &str = "own";

    /// Whether the caller has brought the questions, so that they don't come from a bank.
    pub fn is_own(&self) -> bool {
        self.id.as_str() == Self::OWN
    }

    /// The approximate memory of the quiz, in bytes, without its questions: other games may share those.
    pub fn own_weight(&self) -> usize {
        let bonus = self.scoring.speed_bonus.capacity() * size_of::<SpeedBonus>();
        let questions = self.questions.capacity() * size_of::<Arc<Question>>();
        size_of::<Self>() + self.id.as_str().len() + block(bonus) + block(questions)
    }

    /// The index of the question with this id.
    pub fn position(&self, id: &QuestionId) -> Option<usize> {
        self.questions.iter().position(|question| question.id == *id)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A question with the options 1, 2 and so on, of which `correct` is right.
    pub(in crate::domain) fn question(correct: u64, options: u64) -> Question {
        let id = |n: u64| OptionId::try_from(n).expect("small");
        Question {
            id: "q".parse().expect("valid"),
            text: Some("Which?".to_owned()),
            category: None,
            difficulty: None,
            image: None,
            alt: None,
            time_limit: None,
            options: (1..=options).map(|n| Choice { id: id(n), text: Some(format!("option {n}")) }).collect(),
            key: AnswerKey::Choice(ChoiceKey(id(correct))),
            points: 1.into(),
            no_speed_bonus: false,
            explanation: None,
        }
    }
}
