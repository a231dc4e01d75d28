//! The kind `poll`: nothing is right or wrong. An option is chosen. If there are no options, a text is typed,
//! and its words are counted.

use serde::{Deserialize, Serialize};

use super::text::{folded, take_typed};
use super::{AnswerCount, Correct, KindRules, options, tally};
use crate::domain::answer::{Answer, AnswerFault, AnswerField};
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft};
use crate::domain::scoring::{Grade, Scoring};

/// The key of a poll. It is empty, because nothing is right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollKey;

impl KindRules for PollKey {
    fn field(&self, options: &[Choice]) -> AnswerField {
        if options.is_empty() { AnswerField::Text } else { AnswerField::OptionId }
    }

    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        match answer {
            Answer::Option(id) if !options::has(options, id) => Err(AnswerFault::NoSuchOption(None)),
            Answer::Text(text) => take_typed(&text).map(Answer::Text),
            answer => Ok(answer),
        }
    }

    fn grade(&self, _: &Answer, _: &Scoring) -> Grade {
        Grade::NONE
    }

    fn correct(&self) -> Correct {
        Correct::Nothing {}
    }

    /// How often each option was chosen. For typed texts: how many of them contain each word.
    fn counts(&self, options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        if !options.is_empty() {
            return options::counts(options, answers);
        }
        let words: Vec<(String, Answer)> = answers.iter().flat_map(|answer| words(answer)).collect();
        tally(words.iter().map(|(same, word)| (same.clone(), word)))
    }

    fn weight(&self) -> usize {
        0
    }
}

/// The words of a text, each once: in the form in which they are compared, and as they were typed.
fn words(answer: &Answer) -> Vec<(String, Answer)> {
    let Answer::Text(text) = answer else { return Vec::new() };
    let mut words: Vec<(String, Answer)> = Vec::new();
    let is_between = |c: char| c.is_whitespace() || matches!(c, ';' | '/' | '|' | '、' | '，' | '。');
    for word in text.split(is_between).map(bare) {
        let same = folded(word, false);
        if !same.is_empty() && words.iter().all(|(known, _)| *known != same) {
            words.push((same, Answer::Text(word.to_owned())));
        }
    }
    words
}

/// A word without the punctuation around it. `3.14`, `C++` and an emoji stay as they are.
fn bare(word: &str) -> &str {
    let is_around = |c: char| c.is_ascii_punctuation() && !matches!(c, '+' | '#' | '%' | '$' | '&' | '<' | '>' | '=');
    word.trim_matches(|c: char| {
        is_around(c) || matches!(c, '…' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '¿' | '¡' | '！' | '？')
    })
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<PollKey> {
    checker.only(draft, &[Field::Options]);
    for (name, is_given) in [("points", draft.points.is_some()), ("noSpeedBonus", draft.no_speed_bonus.is_some())] {
        if is_given {
            checker.wrong(name, "a poll earns no points");
        }
    }
    if !draft.options.is_empty() {
        checker.options(draft, 2);
    }
    Some(PollKey)
}
