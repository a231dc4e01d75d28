//! The kind `order`: the player puts the options in order.

use serde::{Deserialize, Serialize};

use super::{AnswerCount, Correct, KindRules, options, tally};
use crate::domain::answer::{Answer, AnswerFault, AnswerField};
use crate::domain::ids::OptionId;
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft};
use crate::domain::scoring::{Grade, Partial, Scoring};

/// All options, in the right order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderKey(pub(super) Vec<OptionId>);

impl KindRules for OrderKey {
    fn field(&self, _: &[Choice]) -> AnswerField {
        AnswerField::OptionIds
    }

    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        if let Answer::Options(chosen) = &answer {
            options::check(options, chosen)?;
            if chosen.len() != options.len() {
                return Err(AnswerFault::NotAll(options.len()));
            }
        }
        Ok(answer)
    }

    /// With [`Partial::Shares`], each pair of neighbours counts that follow each other in the key as well.
    fn grade(&self, answer: &Answer, scoring: &Scoring) -> Grade {
        let Answer::Options(order) = answer else { return Grade::WRONG };
        if scoring.order == Partial::AllOrNothing {
            return Grade::right_if(*order == self.0);
        }
        let is_right = |pair: &&[OptionId]| self.0.windows(2).any(|right| right == *pair);
        Grade::share(order.windows(2).filter(is_right).count(), self.0.len().saturating_sub(1))
    }

    fn correct(&self) -> Correct {
        Correct::Order { correct_order: self.0.clone() }
    }

    fn counts(&self, _: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        let same = |answer: &Answer| match answer {
            Answer::Options(order) => order.iter().map(|id| format!("{id} ")).collect(),
            _ => String::new(),
        };
        tally(answers.iter().map(|answer| (same(answer), *answer)))
    }

    fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<OrderKey> {
    checker.only(draft, &[Field::Options, Field::CorrectOrder]);
    checker.options(draft, 2);
    let correct = checker.needed("correctOrder", draft.correct_order.clone())?;
    options::check_names("correctOrder", &correct, draft, checker);
    if correct.len() != draft.options.len() {
        checker
            .wrong("correctOrder", format!("{} options, and it must name all {}", correct.len(), draft.options.len()));
    }
    Some(OrderKey(correct))
}
