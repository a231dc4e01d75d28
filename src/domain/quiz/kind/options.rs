//! What the kinds with options have in common.

use std::collections::HashSet;

use super::AnswerCount;
use crate::domain::answer::{Answer, AnswerFault};
use crate::domain::ids::OptionId;
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{QuestionChecker, QuestionDraft, repeats};

/// Whether the question has this option.
pub(super) fn has(options: &[Choice], id: OptionId) -> bool {
    options.iter().any(|option| option.id == id)
}

/// Refuses options that the question doesn't have, and options that are named twice.
pub(super) fn check(options: &[Choice], chosen: &[OptionId]) -> Result<(), AnswerFault> {
    if let Some(index) = chosen.iter().position(|id| !has(options, *id)) {
        return Err(AnswerFault::NoSuchOption(Some(index)));
    }
    match repeats(chosen.iter()).first() {
        Some(index) => Err(AnswerFault::Repeated(*index)),
        None => Ok(()),
    }
}

/// How often each option was chosen, in the order of the options.
pub(super) fn counts(options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
    let is_in = |answer: &Answer, id: OptionId| match answer {
        Answer::Option(option) => *option == id,
        Answer::Options(options) => options.contains(&id),
        Answer::Text(_) | Answer::Number(_) => false,
    };
    let of = |option: &Choice| AnswerCount {
        answer: Some(&Answer::Option(option.id)).into(),
        count: answers.iter().filter(|answer| is_in(answer, option.id)).count(),
    };
    options.iter().map(of).collect()
}

/// Reports the ids in the field `field` of a draft that are not among its options, or that are named twice.
pub(super) fn check_names(field: &str, names: &[OptionId], draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) {
    let known: HashSet<_> = draft.options.iter().map(|option| option.option_id).collect();
    for (index, _) in names.iter().enumerate().filter(|(_, name)| !known.contains(name)) {
        checker.wrong(&format!("{field}[{index}]"), "none of the options");
    }
    for index in repeats(names.iter()) {
        checker.wrong(&format!("{field}[{index}]"), "stands here a second time");
    }
}
