//! Questions for which the player types the answer: a short text or a number.

use rust_decimal::Decimal;

use super::{MoodleAnswer, Solution, TextFormat};
use crate::domain::markup;
use crate::quizzes::import::ItemKind;

/// The player types a text. Every answer with the full share of the points counts as right.
pub(in crate::quizzes::import) fn short_answer(
    answers: &[MoodleAnswer],
    warnings: &mut Vec<String>,
) -> Result<Solution, String> {
    super::check_count(answers)?;
    let (mut accepted, mut feedback, mut wildcard) = (Vec::new(), Vec::new(), None);
    for answer in whole(answers, warnings) {
        let text = typed(answer);
        if text == "*" {
            return Err("any text is right (*): write the texts that are right".to_owned());
        }
        if text.replace("\\*", "").contains('*') {
            wildcard = Some(text);
        } else if !text.is_empty() && !accepted.contains(&text.replace("\\*", "*")) {
            accepted.push(text.replace("\\*", "*"));
            feedback.extend(answer.feedback.clone());
        }
    }
    match (accepted.is_empty(), wildcard) {
        (true, Some(text)) => Err(format!("its answer “{text}” has a wildcard (*): write out each text that is right")),
        (true, None) => Err("no text is wholly right: write one".to_owned()),
        (false, wildcard) => {
            warnings.extend(wildcard.map(|text| format!("“{text}” has a wildcard (*), and counts as wrong here")));
            Ok(Solution { asked: ItemKind::Text { accepted }, feedback })
        }
    }
}

/// The text that the player types, without markup.
fn typed(answer: &MoodleAnswer) -> String {
    match answer.format {
        TextFormat::Html => markup::plain(&answer.format.read(&answer.text).text),
        _ => answer.text.trim().to_owned(),
    }
}

/// The answers with the full share of the points. Partly right answers give a warning.
fn whole<'a>(answers: &'a [MoodleAnswer], warnings: &mut Vec<String>) -> Vec<&'a MoodleAnswer> {
    let (whole, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.share >= Decimal::ONE_HUNDRED);
    for answer in rest.into_iter().filter(|answer| answer.share > Decimal::ZERO) {
        let (text, share) = (typed(answer), answer.share.normalize());
        warnings.push(format!("“{text}” is worth {share} % in the file, and counts as wrong here"));
    }
    whole
}

/// The range of numbers that an answer accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::quizzes::import) struct Numbers {
    /// The number in the middle, if the file names it.
    number: Option<Decimal>,
    min: Decimal,
    max: Decimal,
}

impl Numbers {
    /// Parses a number and its tolerance.
    pub(in crate::quizzes::import) fn around(number: &str, tolerance: &str) -> Result<Self, String> {
        let number = decimal(number)?;
        let tolerance = if tolerance.trim().is_empty() { Decimal::ZERO } else { decimal(tolerance)?.abs() };
        match (number.checked_sub(tolerance), number.checked_add(tolerance)) {
            (Some(min), Some(max)) => Ok(Self { number: Some(number), min, max }),
            _ => Err(format!("{number} with the tolerance {tolerance} is out of range: write smaller numbers")),
        }
    }

    /// Parses a range of numbers.
    pub(in crate::quizzes::import) fn between(min: &str, max: &str) -> Result<Self, String> {
        let (min, max) = (decimal(min)?, decimal(max)?);
        if min > max {
            return Err(format!("its range goes from {min} down to {max}: write the smaller number first"));
        }
        Ok(Self { number: None, min, max })
    }

    /// Merges two overlapping ranges. `None` if there are wrong numbers between them.
    fn joined(self, other: Self) -> Option<Self> {
        let overlap = self.min <= other.max && other.min <= self.max;
        let (min, max) = (self.min.min(other.min), self.max.max(other.max));
        let number = self.number.or(other.number);
        overlap.then_some(Self { number, min, max })
    }
}

fn decimal(text: &str) -> Result<Decimal, String> {
    let text = text.trim();
    let plain = text.strip_prefix('+').unwrap_or(text).replace('−', "-");
    let is_number = plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) && !plain.contains('_');
    let number = plain.parse().or_else(|_| Decimal::from_scientific(&plain));
    number.ok().filter(|_| is_number).map(|number: Decimal| number.normalize()).ok_or_else(|| match text {
        "*" => "any number is right (*): write the number that is right".to_owned(),
        _ if text.contains(',') => format!("“{text}” is not a number: write a point, no comma"),
        _ => format!("“{text}” is not a number: write one like 3.14"),
    })
}

/// The player types a number. `numbers` parses the text of an answer.
pub(in crate::quizzes::import) fn numerical(
    answers: &[MoodleAnswer],
    numbers: impl Fn(&MoodleAnswer) -> Result<Numbers, String>,
    warnings: &mut Vec<String>,
) -> Result<Solution, String> {
    super::check_count(answers)?;
    let right = whole(answers, warnings);
    let mut joined: Option<Numbers> = None;
    for answer in &right {
        let numbers = numbers(answer)?;
        joined = Some(match joined {
            None => numbers,
            Some(before) => before.joined(numbers).ok_or_else(|| {
                format!(
                    "{} and {} are both right, and numbers between them are not: keep one of them",
                    before.number.unwrap_or(before.min),
                    numbers.number.unwrap_or(numbers.min)
                )
            })?,
        });
    }
    let Some(Numbers { number, min, max }) = joined else {
        return Err("no number is wholly right: write one".to_owned());
    };
    if right.len() > 1 {
        warnings.push(format!("its right answers overlap: all numbers from {min} to {max} are right here"));
    }
    let feedback = right.iter().filter_map(|answer| answer.feedback.clone()).collect();
    Ok(Solution { asked: ItemKind::Number { number, min, max }, feedback })
}
