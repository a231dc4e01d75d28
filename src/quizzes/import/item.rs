//! The common output of the readers of all formats.

use std::collections::HashMap;

use rust_decimal::Decimal;

use crate::domain::quiz::draft::DraftProblem;
use crate::domain::{Difficulty, QuestionId};

/// A question as a reader finds it. Texts that players see are markup (`domain::markup`): a reader of plain
/// text escapes them, a reader of HTML keeps the tags that the markup supports.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Its place in the file: `line 12`, `row 12`, `questions[3]`.
    pub(super) place: String,
    /// The text of the question.
    pub(super) text: String,
    /// The kind of question, with the right answer.
    pub(super) asked: ItemKind,
    /// The question's id, if the file has one.
    pub(super) id: Option<QuestionId>,
    /// The category, as plain text.
    pub(super) category: Option<String>,
    /// The difficulty, if the file has one.
    pub(super) difficulty: Option<Difficulty>,
    /// Why the answer is right.
    pub(super) explanation: Option<String>,
    /// The time limit in milliseconds.
    pub(super) time_limit_ms: Option<u64>,
    /// A picture: an http(s) URL or a file name.
    pub(super) image: Option<String>,
    /// The alternative text of the picture, as plain text.
    pub(super) alt: Option<String>,
    /// The factor by which the points are multiplied.
    pub(super) points: Option<Decimal>,
    /// For typed texts: whether accents are ignored.
    pub(super) ignore_accents: Option<bool>,
    /// For typed texts: the maximum number of typing errors.
    pub(super) max_typos: Option<u8>,
    /// Whether fast answers earn no extra points.
    pub(super) no_speed_bonus: Option<bool>,
}

/// The kind of a question, with its right answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ItemKind {
    /// Exactly one option is right.
    Choice {
        /// The options, in the file's order.
        options: Vec<String>,
        /// Index of the right one in `options`.
        right: usize,
        /// Whether the file's order is the order to show. False if the file lists the right option separately
        /// from the wrong ones.
        in_order: bool,
    },
    /// Several options must be chosen together.
    Multiple {
        /// The options, in the file's order.
        options: Vec<String>,
        /// Indices of the right ones in `options`.
        right: Vec<usize>,
        /// Whether choosing only some of the right options earns a share of the points.
        in_shares: bool,
    },
    /// The player types a text.
    Text {
        /// The texts that count as right, as plain text. Case and blanks are ignored in the comparison.
        accepted: Vec<String>,
    },
    /// The player types a number.
    Number {
        /// The exact number, if the file names one.
        number: Option<Decimal>,
        /// The smallest number that counts as right.
        min: Decimal,
        /// The largest number that counts as right.
        max: Decimal,
    },
    /// The player puts parts in order.
    Order {
        /// The parts, in the right order.
        parts: Vec<String>,
    },
    /// A question without a right answer.
    Poll {
        /// The options. If empty, the player types a text.
        options: Vec<String>,
    },
}

impl Item {
    /// A question with all optional fields empty.
    pub(super) fn new(place: String, text: String, asked: ItemKind) -> Self {
        Self {
            place,
            text,
            asked,
            id: None,
            category: None,
            difficulty: None,
            explanation: None,
            time_limit_ms: None,
            image: None,
            alt: None,
            points: None,
            ignore_accents: None,
            max_typos: None,
            no_speed_bonus: None,
        }
    }

    /// A question with the options True and False.
    pub(super) fn true_or_false(place: String, text: String, right: bool) -> Self {
        let options = vec!["True".to_owned(), "False".to_owned()];
        Self::new(place, text, ItemKind::Choice { options, right: usize::from(!right), in_order: true })
    }
}

/// The result of reading a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ParsedFile {
    /// The questions, in the file's order.
    pub(super) items: Vec<Item>,
    /// The questions that can't be imported, each with its place and how to fix it.
    pub(super) left_out: Vec<DraftProblem>,
    /// Warnings about imported questions, each with its place.
    pub(super) warnings: Vec<DraftProblem>,
    /// What was detected about the file as a whole, a few words each: `semicolons`, `header in row 3`.
    pub(super) understood: Vec<String>,
}

/// The place of a line, counted from 1.
pub(super) fn line(number: usize) -> String {
    format!("line {number}")
}

/// Sorts problems by place: those about the whole file first, then by sheet, then by number. `questions`
/// holds the places of the questions and defines the order of the sheets.
pub(super) fn sort_by_place(told: &mut [DraftProblem], questions: &[String]) {
    let mut sheets: Vec<&str> = vec![""];
    let mut sheet_of = |place| {
        let (sheet, number) = split(place);
        let known = sheets.iter().position(|known| *known == sheet);
        let at = known.unwrap_or(sheets.len());
        if known.is_none() {
            sheets.push(sheet);
        }
        (at, number)
    };
    for place in questions {
        sheet_of(place);
    }
    let places: Vec<String> = told.iter().map(|problem| problem.path.clone()).collect();
    let mut keys: HashMap<&str, (usize, usize)> = HashMap::new();
    for place in &places {
        keys.insert(place, sheet_of(place));
    }
    told.sort_by_key(|problem| keys.get(problem.path.as_str()).copied().unwrap_or_default());
}

/// Splits a place into the text before its number, and the number: `line`, 12. For the file as a whole: an
/// empty text and 0.
fn split(place: &str) -> (&str, usize) {
    let bare = place.trim_end_matches(']');
    let start = bare.trim_end_matches(|c: char| c.is_ascii_digit());
    bare[start.len()..].parse().map_or(("", 0), |number| (start, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_comes_in_the_order_of_the_rows() {
        let places = ["sheet \"b\", row 2", "line 12", "line 2", "file", "sheet \"a\", row 3", "questions[1]"];
        let mut told: Vec<DraftProblem> = places.iter().map(|place| DraftProblem::new(*place, "x")).collect();
        sort_by_place(&mut told, &["sheet \"a\", row 1".to_owned(), "sheet \"b\", row 1".to_owned()]);
        let sorted: Vec<&str> = told.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(sorted, ["file", "sheet \"a\", row 3", "sheet \"b\", row 2", "line 2", "line 12", "questions[1]"]);
    }
}
