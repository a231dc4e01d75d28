//! Questions with options. The shares of the points decide how many options are right.

use rust_decimal::Decimal;

use super::{MoodleAnswer, Solution};
use crate::quizzes::import::ItemKind;
use crate::quizzes::import::html::Html;

/// A choice if one option has the full share; otherwise several options that must be chosen together.
pub(in crate::quizzes::import) fn choice(
    answers: &[MoodleAnswer],
    warnings: &mut Vec<String>,
) -> Result<Solution, String> {
    super::check_count(answers)?;
    let options: Vec<Html> = answers.iter().map(|answer| answer.format.read(&answer.text)).collect();
    check(&options)?;
    for media in options.iter().flat_map(|option| &option.media) {
        warnings.push(format!("an option shows {}, which is not imported", super::name(media)));
    }
    let with = |wanted: &dyn Fn(Decimal) -> bool| -> Vec<usize> {
        (0..answers.len()).filter(|&at| wanted(answers[at].share)).collect()
    };
    let whole = with(&|share| share >= Decimal::ONE_HUNDRED);
    let part = with(&|share| share > Decimal::ZERO && share < Decimal::ONE_HUNDRED);
    let options: Vec<String> = options.into_iter().map(|option| option.text).collect();
    let (asked, right) = match (whole.as_slice(), part.as_slice()) {
        ([], []) => return Err("none of its options is right: mark the right one".to_owned()),
        ([], [only]) => {
            let share = answers[*only].share.normalize();
            return Err(format!("its best option is right only in part ({share} %): mark one as wholly right"));
        }
        ([], _) => {
            check_sum(answers, &part, warnings)?;
            (ItemKind::Multiple { options, right: part.clone(), in_shares: true }, part)
        }
        ([right], _) => {
            warnings.extend(part.iter().map(|&at| {
                let share = answers[at].share.normalize();
                format!("“{}” is worth {share} % in the file, and counts as wrong here", options[at])
            }));
            (ItemKind::Choice { options, right: *right, in_order: true }, whole)
        }
        (_, []) => {
            warnings.push(format!(
                "{} of its options are each wholly right: here players are to choose all of them",
                whole.len()
            ));
            (ItemKind::Multiple { options, right: whole.clone(), in_shares: false }, whole)
        }
        _ => {
            return Err("several of its options are wholly right, and others in part: \
                        let one be worth 100 %, or let the right ones share 100 %"
                .to_owned());
        }
    };
    Ok(Solution { asked, feedback: right.iter().filter_map(|&at| answers[at].feedback.clone()).collect() })
}

/// Refuses empty and repeated options, which players could not tell apart.
fn check(options: &[Html]) -> Result<(), String> {
    let is_again = |at: usize| options[..at].iter().any(|option| option.text == options[at].text);
    let is_empty = |at: usize| options[at].text.is_empty();
    if let Some(at) = (0..options.len()).find(|&at| is_empty(at) || is_again(at)) {
        let text = &options[at].text;
        let same = options.iter().filter(|option| option.text == *text);
        let media: Vec<String> = same.flat_map(|option| &option.media).map(|media| media.name.clone()).collect();
        return Err(if let Some(first) = media.first() {
            format!("its options are pictures ({first} …), which can't be imported: write options of text")
        } else if is_empty(at) {
            format!("its option {} is empty: write a text, or take it out", at + 1)
        } else {
            format!("two of its options are the same, “{text}”: change one, or take it out")
        });
    }
    if options.len() < 2 { Err("it has only one option: write others that are wrong".to_owned()) } else { Ok(()) }
}

/// Checks that the shares of several right options add up to 100 %, within 1 %.
fn check_sum(answers: &[MoodleAnswer], right: &[usize], warnings: &mut Vec<String>) -> Result<(), String> {
    let sum: Decimal = right.iter().map(|&at| answers[at].share).sum();
    if (sum - Decimal::ONE_HUNDRED).abs() > Decimal::ONE {
        let sum = sum.normalize();
        return Err(format!("the shares of its right options come to {sum} %: let them come to 100 %"));
    }
    let first = answers[right[0]].share;
    if right.iter().any(|&at| (answers[at].share - first).abs() > Decimal::ONE) {
        warnings.push("its right options have different shares in the file, and equal ones here".to_owned());
    }
    Ok(())
}
