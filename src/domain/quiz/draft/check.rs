//! The check of question drafts. Each problem names the path of what is wrong.

use std::collections::HashSet;
use std::hash::Hash;

use super::{DraftProblem, Field, MOST_FACTOR, MOST_OPTIONS, MOST_TEXT, QuestionDraft, TIME_LIMIT_MS};
use crate::domain::number::Number;
use crate::domain::quiz::{AnswerKey, Question};

/// Whether questions and options may leave out their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// Every question and every option must have a text.
    Required,
    /// Texts may be missing, because the caller shows them itself.
    MayBeLeftOut,
}

/// Checks the drafts of the field `questions`, and turns them into questions of a quiz.
///
/// # Errors
/// All problems that were found, each with its path.
pub fn check(drafts: Vec<QuestionDraft>, texts: Texts) -> Result<Vec<Question>, Vec<DraftProblem>> {
    let mut problems = Vec::new();
    if drafts.is_empty() {
        problems.push(DraftProblem::new("questions", "at least 1"));
    }
    for index in repeats(drafts.iter().map(|draft| &draft.question_id)) {
        let id = &drafts[index].question_id;
        problems.push(DraftProblem::new(
            format!("questions[{index}].questionId"),
            format!("{id:?} stands here a second time", id = id.as_str()),
        ));
    }
    let read = |(index, draft): (usize, QuestionDraft)| {
        let mut checker = QuestionChecker { path: format!("questions[{index}]"), texts, problems: &mut problems };
        checker.question(&draft);
        let key = AnswerKey::read(&draft, &mut checker)?;
        Some(draft.with_key(key))
    };
    let questions = drafts.into_iter().enumerate().filter_map(read).collect();
    if problems.is_empty() { Ok(questions) } else { Err(problems) }
}

/// Whether an image is a URL: an http or https one, or an absolute path on this server.
pub fn is_url(image: &str) -> bool {
    let starts = |scheme: &str| image.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (starts("https://")
        || starts("http://")
        || (image.starts_with('/') && !image.starts_with("//") && !image.contains('\\')))
        && !image.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Whether an image is the name of a file in the folder `media`, without any path.
pub fn is_file_name(image: &str) -> bool {
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '?' | '#' | '<' | '>' | '"');
    !image.starts_with('.') && image.len() <= 255 && !image.contains(is_odd)
}

/// The positions of values that equal an earlier one.
pub(in crate::domain::quiz) fn repeats<T: Eq + Hash>(values: impl Iterator<Item = T>) -> Vec<usize> {
    let mut seen = HashSet::new();
    let is_new: Vec<bool> = values.map(|value| seen.insert(value)).collect();
    (0..is_new.len()).filter(|&n| !is_new[n]).collect()
}

/// Checks one question, and collects its problems.
pub(in crate::domain::quiz) struct QuestionChecker<'a> {
    path: String,
    texts: Texts,
    problems: &'a mut Vec<DraftProblem>,
}

impl QuestionChecker<'_> {
    pub(in crate::domain::quiz) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(DraftProblem::new(format!("{}.{field}", self.path), message));
    }

    /// The value of a field that the kind requires. Reports a problem if it is missing.
    pub(in crate::domain::quiz) fn needed<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.wrong(field, "missing");
        }
        value
    }

    /// Reports fields that belong to other kinds only.
    pub(in crate::domain::quiz) fn only(&mut self, draft: &QuestionDraft, own: &[Field]) {
        for (_, name) in draft.fields().filter(|(field, _)| !own.contains(field)) {
            self.wrong(name, format!("a question of the kind {} has none", draft.kind.name()));
        }
    }

    /// Checks what every kind with options requires of them. `least` is the lowest number of options.
    pub(in crate::domain::quiz) fn options(&mut self, draft: &QuestionDraft, least: usize) {
        match draft.options.len() {
            few if few < least => self.wrong("options", format!("at least {least}")),
            many if many > MOST_OPTIONS => self.wrong("options", format!("at most {MOST_OPTIONS}")),
            _ => {}
        }
        for index in repeats(draft.options.iter().map(|option| option.option_id)) {
            self.wrong(&format!("options[{index}].optionId"), "stands here a second time");
        }
        // Two options without a text don't repeat each other.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quiz::draft::ChoiceDraft;
    use crate::domain::{Kind, OptionId};

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
        found.iter().map(DraftProblem::to_string).collect()
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
