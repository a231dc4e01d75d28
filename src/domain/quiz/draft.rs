//! Questions as people hand them in, in a request or a bank's file, and the check that turns them
//! into ones that cannot be wrong. Each problem names the path of what is wrong.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AnswerKey, Choice, Difficulty, Kind, Question, Range};
use crate::domain::ids::{OptionId, QuestionId};
use crate::domain::number::Number;
use crate::domain::time::Millis;

/// Most questions that a caller may bring to one game.
pub const MOST_QUESTIONS: usize = 200;
/// Most options of a question.
pub const MOST_OPTIONS: usize = 12;
/// Most bytes of a text.
pub const MOST_TEXT: usize = 4 * 1024;
/// Bounds of a question's time limit, in milliseconds.
pub const TIME_LIMIT_MS: std::ops::RangeInclusive<u64> = 100..=86_400_000;

/// Most that a question's points may be multiplied by.
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

/// The fields that belong to some kinds of question alone.
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
    /// A question of that name and kind, and nothing else yet.
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

    /// The fields of single kinds that it has, with their names.
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

/// Something wrong in what was handed in, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: `questions[3].options`.
    pub path: String,
    /// What: `at least 2`.
    pub message: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Whether questions and options may come without their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// Every question and option says something.
    Required,
    /// The texts lie with the caller.
    MayBeLeftOut,
}

/// Checks questions handed in under `questions`, and turns them into a quiz's.
///
/// # Errors
/// Every problem found, each with its path.
pub fn check(drafts: Vec<QuestionDraft>, texts: Texts) -> Result<Vec<Question>, Vec<Problem>> {
    let mut problems = Vec::new();
    if drafts.is_empty() {
        problems.push(Problem::new("questions", "at least 1"));
    }
    for index in repeats(drafts.iter().map(|draft| &draft.question_id)) {
        let id = &drafts[index].question_id;
        problems.push(Problem::new(
            format!("questions[{index}].questionId"),
            format!("{id:?} stands here a second time", id = id.as_str()),
        ));
    }
    let read = |(index, draft): (usize, QuestionDraft)| {
        let mut checker = Checker { path: format!("questions[{index}]"), texts, problems: &mut problems };
        checker.question(&draft);
        let key = AnswerKey::read(&draft, &mut checker)?;
        Some(draft.with_key(key))
    };
    let questions = drafts.into_iter().enumerate().filter_map(read).collect();
    if problems.is_empty() { Ok(questions) } else { Err(problems) }
}

/// Whether a picture lies at a URL: anywhere, or on this server.
pub fn is_url(image: &str) -> bool {
    let starts = |scheme: &str| image.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (starts("https://") || starts("http://") || (image.starts_with('/') && !image.starts_with("//")))
        && !image.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Whether a picture is a file of the folder `media`, named without any path.
pub fn is_file_name(image: &str) -> bool {
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '?' | '#' | '<' | '>' | '"');
    !image.starts_with('.') && image.len() <= 255 && !image.contains(is_odd)
}

/// Positions of values that stood before.
pub(super) fn repeats<T: Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = values.map(|value| seen.insert(value)).collect();
    (0..is_new.len()).filter(|&n| !is_new[n]).collect()
}

/// Looks through a question, and notes what is wrong.
pub(super) struct Checker<'a> {
    path: String,
    texts: Texts,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    pub(super) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(format!("{}.{field}", self.path), message));
    }

    /// A field that the kind needs.
    pub(super) fn needed<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.wrong(field, "missing");
        }
        value
    }

    /// Tells of fields that belong to other kinds.
    pub(super) fn only(&mut self, draft: &QuestionDraft, own: &[Field]) {
        for (_, name) in draft.fields().filter(|(field, _)| !own.contains(field)) {
            self.wrong(name, format!("a question of the kind {} has none", draft.kind.name()));
        }
    }

    /// What every kind with options asks of them.
    pub(super) fn options(&mut self, draft: &QuestionDraft, least: usize) {
        match draft.options.len() {
            few if few < least => self.wrong("options", format!("at least {least}")),
            many if many > MOST_OPTIONS => self.wrong("options", format!("at most {MOST_OPTIONS}")),
            _ => {}
        }
        for index in repeats(draft.options.iter().map(|option| option.option_id)) {
            self.wrong(&format!("options[{index}].optionId"), "stands here a second time");
        }
        // Two options without text are no repeat of each other.
        let texts = draft.options.iter().enumerate();
        for index in repeats(texts.map(|(n, option)| option.text.as_deref().ok_or(n))) {
            self.wrong(&format!("options[{index}].text"), "the same text as another option's");
        }
        for (index, option) in draft.options.iter().enumerate() {
            self.text(&format!("options[{index}].text"), option.text.as_deref(), self.texts);
        }
    }

    fn question(&mut self, draft: &QuestionDraft) {
        self.text("text", draft.text.as_deref(), self.texts);
        self.text("category", draft.category.as_deref(), Texts::MayBeLeftOut);
        self.text("image", draft.image.as_deref(), Texts::MayBeLeftOut);
        if draft.image.as_deref().is_some_and(|image| !is_url(image) && !is_file_name(image)) {
            self.wrong("image", "must be an http or https URL, or the name of a file in the folder media");
        }
        self.text("alt", draft.alt.as_deref(), Texts::MayBeLeftOut);
        self.text("explanation", draft.explanation.as_deref(), Texts::MayBeLeftOut);
        if draft.alt.is_some() && draft.image.is_none() {
            self.wrong("alt", "there is no image");
        }
        if draft.time_limit_ms.is_some_and(|limit| !TIME_LIMIT_MS.contains(&limit)) {
            self.wrong("timeLimitMs", format!("{} to {}", TIME_LIMIT_MS.start(), TIME_LIMIT_MS.end()));
        }
        let factors = Number::default()..=Number::from(MOST_FACTOR);
        if draft.points.is_some_and(|points| !factors.contains(&points)) {
            self.wrong("points", format!("0 to {MOST_FACTOR}"));
        }
    }

    fn text(&mut self, field: &str, text: Option<&str>, texts: Texts) {
        match text {
            None if texts == Texts::Required => self.wrong(field, "missing"),
            Some(text) if text.trim().is_empty() => self.wrong(field, "empty"),
            Some(text) if text.len() > MOST_TEXT => {
                self.wrong(field, format!("{} bytes, at most {MOST_TEXT}", text.len()));
            }
            _ => {}
        }
    }
}

impl QuestionDraft {
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

/// A question as its author would hand it in.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(options: u64) -> QuestionDraft {
        let option =
            |n| ChoiceDraft { option_id: OptionId::try_from(n).expect("small"), text: Some(format!("option {n}")) };
        QuestionDraft {
            text: Some("Which?".to_owned()),
            options: (1..=options).map(option).collect(),
            correct_option_id: OptionId::try_from(1).ok(),
            ..QuestionDraft::new("q".parse().expect("valid"), Kind::Choice)
        }
    }

    fn problems(drafts: Vec<QuestionDraft>) -> Vec<String> {
        let found = check(drafts, Texts::Required).expect_err("something is wrong");
        found.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn a_good_question_passes() {
        let questions = check(vec![draft(4)], Texts::Required).expect("nothing is wrong");
        assert_eq!(questions[0].options.len(), 4);
        assert_eq!(QuestionDraft::from(&questions[0]), draft(4));
    }

    #[test]
    fn every_problem_is_told_with_its_path() {
        let mut second = draft(1);
        second.text = Some(" ".to_owned());
        second.time_limit_ms = Some(1);
        assert_eq!(
            problems(vec![draft(2), second]),
            [
                "questions[1].questionId: \"q\" stands here a second time",
                "questions[1].text: empty",
                "questions[1].timeLimitMs: 100 to 86400000",
                "questions[1].options: at least 2",
            ]
        );
    }

    #[test]
    fn options_are_distinct_bounded_and_hold_the_right_one() {
        let mut twice = draft(3);
        twice.options[2] = twice.options[0].clone();
        twice.correct_option_id = OptionId::try_from(9).ok();
        assert_eq!(
            problems(vec![twice]),
            [
                "questions[0].options[2].optionId: stands here a second time",
                "questions[0].options[2].text: the same text as another option's",
                "questions[0].correctOptionId: none of the options",
            ]
        );
        assert_eq!(problems(vec![draft(13)]), ["questions[0].options: at most 12"]);
        assert_eq!(problems(vec![]), ["questions: at least 1"]);
    }

    #[test]
    fn texts_may_be_left_out_only_where_that_is_said() {
        let mut bare = draft(2);
        bare.text = None;
        bare.options.iter_mut().for_each(|option| option.text = None);
        assert!(check(vec![bare.clone()], Texts::MayBeLeftOut).is_ok());
        assert_eq!(problems(vec![bare]).len(), 3);
    }
}
