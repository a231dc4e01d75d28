//! Questions as their authors write them, in a request or in a bank's file. `check` turns them into questions
//! that can't be invalid.

mod check;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(in crate::domain::quiz) use check::{QuestionChecker, repeats};
pub use check::{Texts, check, is_file_name, is_url};

use super::{AnswerKey, Choice, Difficulty, Kind, Question, Range};
use crate::domain::ids::{OptionId, QuestionId};
use crate::domain::number::Number;
use crate::domain::time::Millis;

/// The most questions that a caller may bring to one game.
pub const MOST_QUESTIONS: usize = 200;
/// The most options of a question.
pub const MOST_OPTIONS: usize = 12;
/// The most bytes of a text.
pub const MOST_TEXT: usize = 4 * 1024;
/// The bounds of a question's time limit, in milliseconds.
pub const TIME_LIMIT_MS: std::ops::RangeInclusive<u64> = 100..=86_400_000;

/// The highest factor by which a question's points may be multiplied.
pub const MOST_FACTOR: u32 = 10;

/// An option as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an option")]
pub struct ChoiceDraft {
    /// Name of the option within its question.
    pub option_id: OptionId,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub text: Option<String>,
}

/// A question as it is handed in. Which of the fields `options` to `correctOrder` it has goes by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a question")]
pub struct QuestionDraft {
    /// Name of the question within its quiz: 1 to 64 bytes.
    pub question_id: QuestionId,
    /// The kind of question; `choice` if left out.
    #[serde(default)]
    pub kind: Kind,
    /// What is asked. Texts may hold the markup that the docs describe.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub text: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub category: Option<String>,
    /// How hard it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<Difficulty>,
    /// A picture: an http or https URL, or the name of a file in the folder `media` beside the bank's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub image: Option<String>,
    /// What the picture shows, for who doesn't see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub alt: Option<String>,
    /// How long an answer may take, in milliseconds, 100 to 86,400,000; a later one counts as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *TIME_LIMIT_MS.start(), max = *TIME_LIMIT_MS.end()))]
    pub time_limit_ms: Option<u64>,
    /// By what its points are multiplied: 0 to 10, 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = MOST_FACTOR))]
    pub points: Option<Number>,
    /// Whether it earns the same however fast the answer comes; no if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_speed_bonus: Option<bool>,
    /// What can be answered: 2 to 12 options of `choice`, `multiple` and `order`. A `poll` may have some;
    /// without any a text is typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 2, max = MOST_OPTIONS))]
    pub options: Vec<ChoiceDraft>,
    /// `choice`: the option that is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_option_id: Option<OptionId>,
    /// `multiple`: the options that are right together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_OPTIONS))]
    pub correct_option_ids: Option<Vec<OptionId>>,
    /// `text`: the texts that are right, each of 1 to 200 bytes. Case, width and runs of blanks don't count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = super::kind::MOST_TEXTS))]
    pub correct_texts: Option<Vec<String>>,
    /// `text`: whether accents don't count; they do if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_accents: Option<bool>,
    /// `text`: how many characters may be wrong, missing, too many, or swapped with the next: 0 to 3, 0 if
    /// left out. Digits are never forgiven.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = super::kind::MOST_TYPOS))]
    pub max_typos: Option<u8>,
    /// `number`: the number that is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_number: Option<Number>,
    /// `number`: how far from `correctNumber` a number may be; 0 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub tolerance: Option<Number>,
    /// `number`: the numbers that are right, in place of `correctNumber`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_range: Option<Range>,
    /// `order`: all options in the right order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = MOST_OPTIONS))]
    pub correct_order: Option<Vec<OptionId>>,
    /// Why it is right; shown with the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub explanation: Option<String>,
}

/// The fields that only some kinds of question have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Options,
    CorrectOptionId,
    CorrectOptionIds,
    CorrectTexts,
    IgnoreAccents,
    MaxTypos,
    CorrectNumber,
    Tolerance,
    CorrectRange,
    CorrectOrder,
}

impl QuestionDraft {
    /// A draft with this id and kind, and nothing else yet.
    pub fn new(question_id: QuestionId, kind: Kind) -> Self {
        Self {
            question_id,
            kind,
            text: None,
            category: None,
            difficulty: None,
            image: None,
            alt: None,
            time_limit_ms: None,
            points: None,
            no_speed_bonus: None,
            options: Vec::new(),
            correct_option_id: None,
            correct_option_ids: None,
            correct_texts: None,
            ignore_accents: None,
            max_typos: None,
            correct_number: None,
            tolerance: None,
            correct_range: None,
            correct_order: None,
            explanation: None,
        }
    }

    /// The fields of [`Field`] that the draft has, with their names on the wire.
    fn fields(&self) -> impl Iterator<Item = (Field, &'static str)> {
        let fields = [
            (Field::Options, "options", !self.options.is_empty()),
            (Field::CorrectOptionId, "correctOptionId", self.correct_option_id.is_some()),
            (Field::CorrectOptionIds, "correctOptionIds", self.correct_option_ids.is_some()),
            (Field::CorrectTexts, "correctTexts", self.correct_texts.is_some()),
            (Field::IgnoreAccents, "ignoreAccents", self.ignore_accents.is_some()),
            (Field::MaxTypos, "maxTypos", self.max_typos.is_some()),
            (Field::CorrectNumber, "correctNumber", self.correct_number.is_some()),
            (Field::Tolerance, "tolerance", self.tolerance.is_some()),
            (Field::CorrectRange, "correctRange", self.correct_range.is_some()),
            (Field::CorrectOrder, "correctOrder", self.correct_order.is_some()),
        ];
        fields.into_iter().filter(|(.., is_given)| *is_given).map(|(field, name, _)| (field, name))
    }
}

/// Something that is wrong in a draft, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftProblem {
    /// Where it is wrong, such as `questions[3].options`.
    pub path: String,
    /// What is wrong, such as `at least 2`.
    pub message: String,
}

impl DraftProblem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for DraftProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl QuestionDraft {
    /// The question of this draft, with the key that was read from it.
    fn with_key(self, key: AnswerKey) -> Question {
        let option = |option: ChoiceDraft| Choice { id: option.option_id, text: option.text };
        Question {
            id: self.question_id,
            text: self.text,
            category: self.category,
            difficulty: self.difficulty,
            image: self.image,
            alt: self.alt,
            time_limit: self.time_limit_ms.map(Millis),
            options: self.options.into_iter().map(option).collect(),
            key,
            points: self.points.unwrap_or(1.into()),
            no_speed_bonus: self.no_speed_bonus.unwrap_or_default(),
            explanation: self.explanation,
        }
    }
}

/// The draft from which this question could have been read.
impl From<&Question> for QuestionDraft {
    fn from(question: &Question) -> Self {
        let option = |option: &Choice| ChoiceDraft { option_id: option.id, text: option.text.clone() };
        let mut draft = Self {
            text: question.text.clone(),
            category: question.category.clone(),
            difficulty: question.difficulty,
            image: question.image.clone(),
            alt: question.alt.clone(),
            time_limit_ms: question.time_limit.map(|limit| limit.0),
            points: Some(question.points).filter(|points| !points.is_one()),
            no_speed_bonus: question.no_speed_bonus.then_some(true),
            options: question.options.iter().map(option).collect(),
            explanation: question.explanation.clone(),
            ..Self::new(question.id.clone(), question.key.kind())
        };
        question.key.write(&mut draft);
        draft
    }
}
