//! Derives the kind of a row's question and its right answer.

use std::collections::HashSet;

use super::decimals::{self, Notation};
use super::fields::Fields;
use super::habits::Habits;
use super::header::shortened;
use super::kind::TableKind;
use super::names::Column;
use super::right::{Choices, Habit, Right};
use super::truth::{mark, truth_or_letter};
use crate::domain::quiz::draft::MOST_OPTIONS;
use crate::quizzes::import::item::ItemKind;

/// A question's kind with the right answer and an optional warning, or the reason why there is none.
pub(super) type RightAnswer = Result<(ItemKind, Option<String>), String>;

/// The kind and the right answer of a row. `kind` is what the row names, if anything.
pub(super) fn asked(kind: Option<TableKind>, fields: &Fields<'_>, habits: &Habits) -> RightAnswer {
    let habit = habits.right;
    match kind {
        Some(TableKind::Text) => text(fields),
        Some(TableKind::OpenEnded) => open_ended(fields),
        Some(TableKind::Number) => number(fields, habits.notation),
        Some(TableKind::Order) => order(fields, habit),
        Some(TableKind::Poll) => poll(fields),
        kind if fields.options.is_empty() && fields.wrong.is_empty() => without_options(kind, fields, habits),
        kind if fields.options.is_empty() || habit.is_apart => right_and_wrong(kind, fields),
        kind => choice(kind, fields, habit),
    }
}

fn choice(kind: Option<TableKind>, fields: &Fields<'_>, habit: Habit) -> RightAnswer {
    let options: Vec<String> = texts(fields)?;
    if options.len() < 2 {
        return Err("there is only one option; a question needs two or more".to_owned());
    }
    let Right { options: mut right, warning } = right(fields, habit)?;
    right.sort_unstable();
    Ok((choice_of(kind, options, right, true)?, warning))
}

/// The right options, by marks or by name.
fn right(fields: &Fields<'_>, habit: Habit) -> Result<Right, String> {
    if let Some(doubt) = &fields.doubt {
        return Err(doubt.clone());
    }
    let marked = fields.options.iter().enumerate().filter(|(_, option)| option.is_marked);
    let marked: Vec<usize> = marked.map(|(index, _)| index).collect();
    if !marked.is_empty() {
        return Ok(Right { options: marked, warning: None });
    }
    let cells = fields.right();
    if cells.is_empty() {
        return Err(match fields.has_column_of_right() {
            true => "nothing says which option is right".to_owned(),
            false => "nothing says which option is right; add a column \"correct\" with its number".to_owned(),
        });
    }
    if let Some(options) = by_columns(fields) {
        return Ok(Right { options, warning: None });
    }
    Choices { options: &fields.options, habit }.right(&cells)
}

fn order(fields: &Fields<'_>, habit: Habit) -> RightAnswer {
    let options = texts(fields)?;
    if options.len() < 2 {
        return Err("there are fewer than two things to put in order".to_owned());
    }
    let cells = fields.right();
    if cells.is_empty() {
        return Ok((ItemKind::Order { parts: options }, None));
    }
    let right = Choices { options: &fields.options, habit }.right(&cells)?;
    if right.options.len() != options.len() {
        return Err("the right order must name every option once; or leave it empty and write the options in \
                    the right order"
            .to_owned());
    }
    let parts = right.options.iter().map(|&index| options[index].clone()).collect();
    Ok((ItemKind::Order { parts }, right.warning))
}

/// The texts of all options. An error if there are too many.
fn texts(fields: &Fields<'_>) -> Result<Vec<String>, String> {
    let options: Vec<String> = fields.options.iter().map(|option| option.text.to_owned()).collect();
    let options: Vec<String> = options.into_iter().chain(fields.wrong.iter().map(|&text| text.to_owned())).collect();
    if options.len() > MOST_OPTIONS {
        return Err(format!("there are {} options; at most {MOST_OPTIONS} can be shown", options.len()));
    }
    Ok(options)
}

fn choice_of(
    kind: Option<TableKind>,
    options: Vec<String>,
    right: Vec<usize>,
    in_order: bool,
) -> Result<ItemKind, String> {
    match (right.as_slice(), kind) {
        ([right], None | Some(TableKind::Choice | TableKind::TrueOrFalse)) => {
            Ok(ItemKind::Choice { options, right: *right, in_order })
        }
        ([_, ..], kind) if kind != Some(TableKind::TrueOrFalse) => {
            Ok(ItemKind::Multiple { options, right, in_shares: false })
        }
        _ => Err("true or false can't both be right".to_owned()),
    }
}

/// Columns `Correct 1`, `Correct 2` … that say for each option whether it is right. `None` if they don't.
fn by_columns(fields: &Fields<'_>) -> Option<Vec<usize>> {
    if fields.correct.len() < 2 {
        return None;
    }
    let mut right = Vec::new();
    for (label, cell) in &fields.correct {
        let option = fields.options.iter().position(|option| Some(option.label) == *label)?;
        let is_number = cell.bytes().all(|byte| byte.is_ascii_digit());
        if mark(cell).filter(|_| !is_number)? {
            right.push(option);
        }
    }
    (!right.is_empty()).then_some(right)
}

/// A question with separate columns of right and wrong answers, which have no order among each other.
fn right_and_wrong(kind: Option<TableKind>, fields: &Fields<'_>) -> RightAnswer {
    let cells = fields.right();
    if cells.is_empty() {
        return Err("there are wrong answers and no right one".to_owned());
    }
    let right = (0..cells.len()).collect();
    let wrong = fields.options.iter().map(|option| option.text).chain(fields.wrong.iter().copied());
    let options: Vec<String> = cells.iter().copied().chain(wrong).map(str::to_owned).collect();
    if options.len() > MOST_OPTIONS {
        return Err(format!("there are {} options; at most {MOST_OPTIONS} can be shown", options.len()));
    }
    Ok((choice_of(kind, options, right, false)?, None))
}

/// A row without options: true or false, or an answer to type.
fn without_options(kind: Option<TableKind>, fields: &Fields<'_>, habits: &Habits) -> RightAnswer {
    let cells = fields.right();
    let truth = match (cells.as_slice(), kind) {
        ([], _) => return Err("there are no options and nothing that is right".to_owned()),
        ([cell], Some(TableKind::TrueOrFalse)) => truth_or_letter(cell),
        ([cell], _) => habits.truth.says(cell),
        _ => None,
    };
    match (truth, kind) {
        (Some(truth), _) => {
            let options = habits.truth.options(cells[0], fields.cell(Column::Kind)).to_vec();
            Ok((ItemKind::Choice { options, right: usize::from(!truth), in_order: true }, None))
        }
        (None, None) => {
            let as_number = || number(fields, habits.notation).ok().filter(|_| cells.iter().all(is_amount));
            let (asked, message) = match as_number() {
                Some((asked, _)) => (asked, "there are no options, so a number is typed"),
                None => (text(fields)?.0, "there are no options, so the answer is typed"),
            };
            Ok((asked, Some(format!("{message}; for a choice, fill in options"))))
        }
        (None, Some(TableKind::TrueOrFalse)) => Err(format!("{:?} is neither TRUE nor FALSE", shortened(cells[0]))),
        (None, Some(_)) => Err("there are no options".to_owned()),
    }
}

/// Whether a cell is a plain amount, such as `3,14`. A range and a padded number such as `007` are not.
fn is_amount(cell: &&str) -> bool {
    let digits = cell.trim_start_matches(['-', '−']);
    let is_padded = digits.strip_prefix('0').is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()));
    !is_padded
        && digits.starts_with(|sign: char| sign.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b','))
}

/// A poll. Without options the player types a text; a single option is an error.
fn poll(fields: &Fields<'_>) -> RightAnswer {
    match texts(fields)? {
        options if options.len() == 1 => Err("there is only one option; a poll needs two or more, or none".to_owned()),
        options => Ok((ItemKind::Poll { options }, None)),
    }
}

/// A text to type. The right texts are in the option columns or in the column of right answers.
fn text(fields: &Fields<'_>) -> RightAnswer {
    let choices = Choices { options: &fields.options, habit: Default::default() };
    let (mut accepted, mut known) = (Vec::new(), HashSet::new());
    let options = fields.options.iter().map(|option| option.text);
    let cells = fields.right();
    // If there are options, a number or letter in `correct` refers to one of them and adds no text.
    let is_few = (1..=MOST_OPTIONS).contains(&fields.options.len());
    let others = cells.iter().filter(|cell| !is_few || choices.right(&[cell]).is_err());
    let others = others.flat_map(|cell| cell.split([';', '|'])).map(str::trim);
    for text in options.chain(others).filter(|text| !text.is_empty()) {
        if text.len() > 1 && text.starts_with('^') {
            return Err(format!("{:?} is a pattern; write the texts that are right", shortened(text)));
        }
        // A cell of several lines is one text, not a list: a single line of it would not be right.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if known.insert(text.clone()) {
            accepted.push(text);
        }
    }
    if accepted.is_empty() {
        return Err("nothing says which text is right".to_owned());
    }
    Ok((ItemKind::Text { accepted }, None))
}

/// An open question. Most have no right answer; these become a poll without points.
fn open_ended(fields: &Fields<'_>) -> RightAnswer {
    text(fields).or_else(|_| {
        let message = "nothing says which text is right, so the question is asked without points";
        Ok((ItemKind::Poll { options: Vec::new() }, Some(message.to_owned())))
    })
}

fn number(fields: &Fields<'_>, notation: Notation) -> RightAnswer {
    let (cell, is_stored) = fields.number().ok_or_else(|| "nothing says which number is right".to_owned())?;
    let range = decimals::range(cell, if is_stored { Notation::Point } else { notation })?;
    Ok((ItemKind::Number { number: range.number, min: range.min, max: range.max }, None))
}
