//! Quizzes: questions with their answer key, written once and never changed while a session lives.

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
    /// Its name: what an answer names, wherever the option is shown.
    pub id: OptionId,
    /// Its text, unless its author left it out.
    pub text: Option<String>,
}

/// A question with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Its name within the quiz.
    pub id: QuestionId,
    /// What is asked.
    pub text: Option<String>,
    /// What it is about.
    pub category: Option<String>,
    /// How hard it is.
    pub difficulty: Option<Difficulty>,
    /// A picture: its URL, or a file's name in the folder `media` beside the bank's file.
    pub image: Option<String>,
    /// What the picture shows, for who doesn't see it.
    pub alt: Option<String>,
    /// How long it may take; an answer after that counts as none.
    pub time_limit: Option<Millis>,
    /// What can be answered.
    pub options: Vec<Choice>,
    /// What is right.
    pub key: AnswerKey,
    /// By what its points are multiplied.
    pub points: Number,
    /// Whether it earns the same however fast the answer comes.
    pub no_speed_bonus: bool,
    /// Why; shown with the verdict.
    pub explanation: Option<String>,
}

impl Question {
    /// Roughly how many bytes of memory it takes, whoever holds it.
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

    /// The option of that name.
    pub fn option(&self, id: OptionId) -> Option<&Choice> {
        self.options.iter().find(|option| option.id == id)
    }
}

/// What the allocator takes for so many bytes.
fn block(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}

/// The questions of one session, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quiz {
    /// The bank that they come from.
    pub id: QuizId,
    /// The bank's points.
    pub scoring: Scoring,
    /// What a game of this bank earns in the caller's own game.
    pub progression: ProgressionRule,
    /// The questions, shared with the bank and with other games of it.
    pub questions: Vec<Arc<Question>>,
}

impl Quiz {
    /// The name of a quiz whose questions a caller has brought.
    pub const OWN: &str = "own";

    /// Whether its questions are a caller's own, and not drawn from a bank.
    pub fn is_own(&self) -> bool {
        self.id.as_str() == Self::OWN
    }

    /// Roughly how many bytes of memory it takes, without its questions: others may hold those too.
    pub fn own_weight(&self) -> usize {
        let bonus = self.scoring.speed_bonus.capacity() * size_of::<SpeedBonus>();
        let questions = self.questions.capacity() * size_of::<Arc<Question>>();
        size_of::<Self>() + self.id.as_str().len() + block(bonus) + block(questions)
    }

    /// Where the question of that name lies.
    pub fn position(&self, id: &QuestionId) -> Option<usize> {
        self.questions.iter().position(|question| question.id == *id)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A question of options 1, 2 … of which this one is right.
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
