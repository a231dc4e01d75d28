//! What a player answers: one of four fields, by the question's kind.

use serde::{Deserialize, Serialize};

use super::ids::OptionId;
use super::number::Number;

/// Most bytes of a typed answer.
pub const MOST_TYPED: usize = 200;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// One option.
    Option(OptionId),
    /// Several options: together, in which case they are sorted, or in order.
    Options(Vec<OptionId>),
    /// A text that was typed.
    Text(String),
    /// A number that was typed.
    Number(Number),
}

/// The fields that an answer may stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerField {
    /// One option.
    OptionId,
    /// Several options.
    OptionIds,
    /// A text.
    Text,
    /// A number.
    Number,
}

impl AnswerField {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::OptionId => "optionId",
            Self::OptionIds => "optionIds",
            Self::Text => "text",
            Self::Number => "number",
        }
    }
}

impl Answer {
    /// The field that it stands in.
    pub fn field(&self) -> AnswerField {
        match self {
            Self::Option(_) => AnswerField::OptionId,
            Self::Options(_) => AnswerField::OptionIds,
            Self::Text(_) => AnswerField::Text,
            Self::Number(_) => AnswerField::Number,
        }
    }
}

/// Why an answer is none to its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerFault {
    /// The question is answered by another field.
    OtherField {
        /// The field that was given.
        given: AnswerField,
        /// The field that it takes.
        wanted: AnswerField,
    },
    /// The question has no such option; of several, the one at this place.
    NoSuchOption(Option<usize>),
    /// An option stands there twice.
    Repeated(usize),
    /// Not all options are put in order.
    NotAll(usize),
    /// No option, or a blank text: no answer is `optionId: null`.
    Empty(AnswerField),
    /// More bytes than a typed answer may have.
    TooLong,
}

/// An answer, or none, as it stands among other fields on the wire: none is `optionId: null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", untagged)]
pub enum ShownAnswer {
    /// One option, or no answer.
    Option {
        /// The option.
        option_id: Option<OptionId>,
    },
    /// Several options.
    Options {
        /// The options.
        option_ids: Vec<OptionId>,
    },
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// A number.
    Number {
        /// The number.
        number: Number,
    },
}

impl From<Option<&Answer>> for ShownAnswer {
    fn from(answer: Option<&Answer>) -> Self {
        match answer {
            None => Self::Option { option_id: None },
            Some(Answer::Option(option)) => Self::Option { option_id: Some(*option) },
            Some(Answer::Options(options)) => Self::Options { option_ids: options.clone() },
            Some(Answer::Text(text)) => Self::Text { text: text.clone() },
            Some(Answer::Number(number)) => Self::Number { number: *number },
        }
    }
}
