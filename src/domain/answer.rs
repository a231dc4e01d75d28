//! A player's answer. Which of the four fields holds it depends on the question's kind.

use serde::{Deserialize, Serialize};

use super::ids::OptionId;
use super::number::Number;

/// The most bytes of a typed answer.
pub const MOST_TYPED: usize = 200;

/// A player's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// One of the question's options.
    Option(OptionId),
    /// Several options. They are sorted if the order doesn't matter, otherwise they stand in the player's
    /// order.
    Options(Vec<OptionId>),
    /// A text that was typed.
    Text(String),
    /// A number that was typed.
    Number(Number),
}

/// The field of a request that holds an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerField {
    /// `optionId`, for one option.
    OptionId,
    /// `optionIds`, for several options.
    OptionIds,
    /// `text`, for a typed text.
    Text,
    /// `number`, for a typed number.
    Number,
}

impl AnswerField {
    /// The field's name on the wire.
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
    /// The field that holds this answer.
    pub fn field(&self) -> AnswerField {
        match self {
            Self::Option(_) => AnswerField::OptionId,
            Self::Options(_) => AnswerField::OptionIds,
            Self::Text(_) => AnswerField::Text,
            Self::Number(_) => AnswerField::Number,
        }
    }
}

/// Why an answer doesn't fit its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerFault {
    /// The question takes its answer in another field.
    OtherField {
        /// The field that was given.
        given: AnswerField,
        /// The field that it takes.
        wanted: AnswerField,
    },
    /// The question has no such option. If several were given, this is the index of the unknown one.
    NoSuchOption(Option<usize>),
    /// The option at this index was named before.
    Repeated(usize),
    /// Not all options were put in order. There are this many.
    NotAll(usize),
    /// The field holds no option or a blank text. To give no answer, a client sends `optionId: null`.
    Empty(AnswerField),
    /// The text has more bytes than [`MOST_TYPED`].
    TooLong,
}

/// An answer, or none, as it stands among other fields on the wire. No answer is `optionId: null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", untagged)]
pub enum ShownAnswer {
    /// One option, or `None` for no answer.
    Option {
        /// The id of the option.
        option_id: Option<OptionId>,
    },
    /// Several options, in the order of the answer.
    Options {
        /// The ids of the options.
        option_ids: Vec<OptionId>,
    },
    /// A text that was typed.
    Text {
        /// The text as it is kept.
        text: String,
    },
    /// A number that was typed.
    Number {
        /// The number as it is kept.
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
