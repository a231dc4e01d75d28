//! The kind `number`: a number is typed. It is right if it equals the key's number, or is near enough to it.

use serde::{Deserialize, Serialize};

use super::{AnswerCount, Correct, KindRules, Range, tally};
use crate::domain::answer::{Answer, AnswerFault, AnswerField};
use crate::domain::number::Number;
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft};
use crate::domain::scoring::{Grade, Scoring};

/// The number that is right, or the range of numbers that are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NumberKey {
    /// A number, and how far from it an answer may be.
    Near {
        /// The number that is right.
        number: Number,
        /// How far from it an answer may be, in both directions.
        tolerance: Number,
    },
    /// Every number of a range is right.
    Within(Range),
}

impl NumberKey {
    fn range(self) -> Option<Range> {
        match self {
            Self::Within(range) => Some(range),
            Self::Near { number, tolerance } => {
                let (number, tolerance) = (number.decimal(), tolerance.decimal());
                let min = number.checked_sub(tolerance)?.try_into().ok()?;
                Some(Range { min, max: number.checked_add(tolerance)?.try_into().ok()? })
            }
        }
    }

    fn is_right(self, typed: Number) -> bool {
        self.range().is_some_and(|range| range.min <= typed && typed <= range.max)
    }

    pub(super) fn write(&self, draft: &mut QuestionDraft) {
        match self {
            Self::Within(range) => draft.correct_range = Some(*range),
            Self::Near { number, tolerance } => {
                draft.correct_number = Some(*number);
                draft.tolerance = Some(*tolerance).filter(|tolerance| *tolerance != Number::default());
            }
        }
    }
}

impl KindRules for NumberKey {
    fn field(&self, _: &[Choice]) -> AnswerField {
        AnswerField::Number
    }

    fn take(&self, _: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        Ok(answer)
    }

    fn grade(&self, answer: &Answer, _: &Scoring) -> Grade {
        Grade::right_if(matches!(answer, Answer::Number(number) if self.is_right(*number)))
    }

    fn correct(&self) -> Correct {
        match self {
            Self::Within(range) => Correct::Number { correct_number: None, correct_range: Some(*range) },
            Self::Near { number, .. } => {
                let correct_range = self.range().filter(|range| range.min != range.max);
                Correct::Number { correct_number: Some(*number), correct_range }
            }
        }
    }

    fn counts(&self, _: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        let same = |answer: &Answer| match answer {
            Answer::Number(number) => number.to_string(),
            _ => String::new(),
        };
        tally(answers.iter().map(|answer| (same(answer), *answer)))
    }

    fn weight(&self) -> usize {
        0
    }
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<NumberKey> {
    checker.only(draft, &[Field::CorrectNumber, Field::Tolerance, Field::CorrectRange]);
    let key = match (draft.correct_number, draft.correct_range) {
        (Some(_), Some(_)) => {
            checker.wrong("correctRange", "cannot stand together with correctNumber");
            return None;
        }
        (None, None) => {
            checker.wrong("correctNumber", "missing; or give correctRange");
            return None;
        }
        (Some(number), None) => NumberKey::Near { number, tolerance: draft.tolerance.unwrap_or_default() },
        (None, Some(range)) => NumberKey::Within(range),
    };
    if draft.tolerance.is_some_and(|tolerance| tolerance < Number::default()) {
        checker.wrong("tolerance", "not below 0");
    }
    if draft.tolerance.is_some() && draft.correct_range.is_some() {
        checker.wrong("tolerance", "cannot stand together with correctRange");
    }
    match key.range() {
        Some(range) if range.min > range.max && draft.correct_range.is_some() => {
            checker.wrong("correctRange.min", "above max");
        }
        Some(_) => {}
        None => checker.wrong("tolerance", "leads to numbers of more than 15 digits"),
    }
    Some(key)
}
