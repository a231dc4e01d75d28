//! A question as a player may see it before the verdict: without its key and its explanation.

use serde::Serialize;

use super::{Choice, Difficulty, Kind, Question};
use crate::domain::ids::{OptionId, QuestionId};
use crate::domain::number::Number;
use crate::domain::time::Millis;

/// The part of a question that a player may see before the verdict.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicQuestion<'a> {
    question_id: &'a QuestionId,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<Difficulty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_limit_ms: Option<u64>,
    #[serde(skip_serializing_if = "Number::is_one")]
    points: Number,
    options: Vec<PublicOption<'a>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicOption<'a> {
    option_id: OptionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a> PublicQuestion<'a> {
    /// The question with its texts.
    pub fn whole(question: &'a Question) -> Self {
        let option = |option: &'a Choice| PublicOption { option_id: option.id, text: option.text.as_deref() };
        Self {
            text: question.text.as_deref(),
            image: question.image.as_deref(),
            alt: question.alt.as_deref(),
            options: question.options.iter().map(option).collect(),
            ..Self::announced(question)
        }
    }

    /// The same question, with the time limit that it has in this game.
    #[must_use]
    pub fn with_limit(self, limit: Millis) -> Self {
        Self { time_limit_ms: Some(limit.0), ..self }
    }

    /// The question without its texts and options, which the client requests later.
    pub fn announced(question: &'a Question) -> Self {
        Self {
            question_id: &question.id,
            kind: question.key.kind(),
            text: None,
            category: question.category.as_deref(),
            difficulty: question.difficulty,
            image: None,
            alt: None,
            time_limit_ms: question.time_limit.map(|limit| limit.0),
            points: question.points,
            options: Vec::new(),
        }
    }
}
