//! Questions as people hand them in, in a request or a bank's file, and the check that turns them
//! into ones that cannot be wrong. Each problem names the path of what is wrong.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AnswerKey, Choice, Difficulty, Question};
use crate::domain::ids::{OptionId, QuestionId};
use crate::domain::time::Millis;

/// Most questions that a caller may bring to one game.
pub const MOST_QUESTIONS: usize = 200;
/// Most options of a question.
pub const MOST_OPTIONS: usize = 12;
/// Most bytes of a text.
pub const MOST_TEXT: usize = 4 * 1024;
/// Bounds of a question's time limit, in milliseconds.
pub const TIME_LIMIT_MS: std::ops::RangeInclusive<u64> = 100..=86_400_000;

/// The kinds of question there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One of several options is right.
    Choice,
}

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

/// A question as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a question")]
pub struct QuestionDraft {
    /// Name of the question within its quiz: 1 to 64 bytes.
    pub question_id: QuestionId,
    /// The kind of question; `choice` if left out.
    #[serde(default = "choice")]
    pub kind: Kind,
    /// What is asked.
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
    /// URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub image: Option<String>,
    /// How long an answer may take, in milliseconds, 100 to 86,400,000; a later one counts as none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = *TIME_LIMIT_MS.start(), max = *TIME_LIMIT_MS.end()))]
    pub time_limit_ms: Option<u64>,
    /// What can be answered: 2 to 12 options.
    #[schemars(length(min = 2, max = MOST_OPTIONS))]
    pub options: Vec<ChoiceDraft>,
    /// Name of the option that is right.
    pub correct_option_id: OptionId,
    /// Why it is right; shown with the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub explanation: Option<String>,
}

fn choice() -> Kind {
    Kind::Choice
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
    for (index, draft) in drafts.iter().enumerate() {
        let mut checker = Checker { path: format!("questions[{index}]"), texts, problems: &mut problems };
        checker.question(draft);
    }
    if problems.is_empty() { Ok(drafts.into_iter().map(Question::from).collect()) } else { Err(problems) }
}

/// Positions of values that stood before.
fn repeats<T: Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = values.map(|value| seen.insert(value)).collect();
    (0..is_new.len()).filter(|&n| !is_new[n]).collect()
}

struct Checker<'a> {
    path: String,
    texts: Texts,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(format!("{}.{field}", self.path), message));
    }

    fn question(&mut self, draft: &QuestionDraft) {
        self.text("text", draft.text.as_deref(), self.texts);
        self.text("category", draft.category.as_deref(), Texts::MayBeLeftOut);
        self.text("image", draft.image.as_deref(), Texts::MayBeLeftOut);
        self.text("explanation", draft.explanation.as_deref(), Texts::MayBeLeftOut);
        if draft.time_limit_ms.is_some_and(|limit| !TIME_LIMIT_MS.contains(&limit)) {
            self.wrong("timeLimitMs", format!("{} to {}", TIME_LIMIT_MS.start(), TIME_LIMIT_MS.end()));
        }
        self.options(draft);
    }

    fn options(&mut self, draft: &QuestionDraft) {
        match draft.options.len() {
            0 | 1 => self.wrong("options", "at least 2"),
            2..=MOST_OPTIONS => {}
            _ => self.wrong("options", format!("at most {MOST_OPTIONS}")),
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
        if !draft.options.iter().any(|option| option.option_id == draft.correct_option_id) {
            self.wrong("correctOptionId", "none of the options");
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

impl From<QuestionDraft> for Question {
    fn from(draft: QuestionDraft) -> Self {
        let option = |option: ChoiceDraft| Choice { id: option.option_id, text: option.text };
        let key = match draft.kind {
            Kind::Choice => AnswerKey::Choice(draft.correct_option_id),
        };
        Self {
            id: draft.question_id,
            text: draft.text,
            category: draft.category,
            difficulty: draft.difficulty,
            image: draft.image,
            time_limit: draft.time_limit_ms.map(Millis),
            options: draft.options.into_iter().map(option).collect(),
            key,
            explanation: draft.explanation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(options: u64) -> QuestionDraft {
        let option =
            |n| ChoiceDraft { option_id: OptionId::try_from(n).expect("small"), text: Some(format!("option {n}")) };
        QuestionDraft {
            question_id: "q".parse().expect("valid"),
            kind: Kind::Choice,
            text: Some("Which?".to_owned()),
            category: None,
            difficulty: None,
            image: None,
            time_limit_ms: None,
            options: (1..=options).map(option).collect(),
            correct_option_id: OptionId::try_from(1).expect("small"),
            explanation: None,
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
        assert_eq!(u64::from(questions[0].key.correct_option()), 1);
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
        twice.correct_option_id = OptionId::try_from(9).expect("small");
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
