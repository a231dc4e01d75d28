//! The kind `choice`: one of several options is right. True or false is a choice of two options.

use serde::{Deserialize, Serialize};

use super::{AnswerCount, Correct, KindRules, options};
use crate::domain::answer::{Answer, AnswerFault, AnswerField};
use crate::domain::ids::OptionId;
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft};
use crate::domain::scoring::{Grade, Scoring};

/// The option that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChoiceKey(pub OptionId);

impl KindRules for ChoiceKey {
    fn field(&self, _: &[Choice]) -> AnswerField {
        AnswerField::OptionId
    }

    fn take(&self, options: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        match answer {
            Answer::Option(id) if !options::has(options, id) => Err(AnswerFault::NoSuchOption(None)),
            answer => Ok(answer),
        }
    }

    fn grade(&self, answer: &Answer, _: &Scoring) -> Grade {
        Grade::right_if(*answer == Answer::Option(self.0))
    }

    fn correct(&self) -> Correct {
        Correct::Option { correct_option_id: self.0 }
    }

    fn counts(&self, options: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        options::counts(options, answers)
    }

    fn weight(&self) -> usize {
        0
    }
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<ChoiceKey> {
    checker.only(draft, &[Field::Options, Field::CorrectOptionId]);
    checker.options(draft, 2);
    let correct = checker.needed("correctOptionId", draft.correct_option_id)?;
    if !draft.options.iter().any(|option| option.option_id == correct) {
        checker.wrong("correctOptionId", "none of the options");
    }
    Some(ChoiceKey(correct))
}
