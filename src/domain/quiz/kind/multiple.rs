//! The kind `multiple`: several options are right, and the player chooses them together.

use serde::{Deserialize, Serialize};

use super::{AnswerCount, Correct, KindRules, options};
use crate::domain::answer::{Answer, AnswerFault, AnswerField};
use crate::domain::ids::OptionId;
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft};
use crate::domain::scoring::{Grade, Partial, Scoring};

/// The options that are right, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MultipleKey(pub(super) Vec<OptionId>);

impl KindRules for MultipleKey {
    fn field(&self, _: &[Choice]) -> AnswerField {
        AnswerField::OptionIds
    }

    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        let Answer::Options(mut chosen) = answer else { return Ok(answer) };
        if chosen.is_empty() {
            return Err(AnswerFault::Empty(AnswerField::OptionIds));
        }
        options::check(options, &chosen)?;
        chosen.sort_unstable();
        Ok(Answer::Options(chosen))
    }

    /// With [`Partial::Shares`], each wrong option cancels a right one.
    fn grade(&self, answer: &Answer, scoring: &Scoring) -> Grade {
        let Answer::Options(chosen) = answer else { return Grade::WRONG };
        if scoring.multiple == Partial::AllOrNothing {
            return Grade::right_if(*chosen == self.0);
        }
        let right = chosen.iter().filter(|option| self.0.contains(option)).count();
        Grade::share(right.saturating_sub(chosen.len() - right), self.0.len())
    }

    fn correct(&self) -> Correct {
        Correct::Options { correct_option_ids: self.0.clone() }
    }

    fn counts(&self, options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        options::counts(options, answers)
    }

    fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<MultipleKey> {
    checker.only(draft, &[Field::Options, Field::CorrectOptionIds]);
    checker.options(draft, 2);
    let mut correct = checker.needed("correctOptionIds", draft.correct_option_ids.clone())?;
    if correct.is_empty() {
        checker.wrong("correctOptionIds", "at least 1");
    }
    options::check_names("correctOptionIds", &correct, draft, checker);
    correct.sort_unstable();
    Some(MultipleKey(correct))
}
