//! What the readers of all formats come to.

use std::collections::HashMap;

use rust_decimal::Decimal;

use crate::domain::quiz::draft::DraftProblem;
use crate::domain::{Difficulty, QuestionId};

/// A question as a reader finds it. Texts that players see are markup (`domain::markup`): a reader of
/// a plain format escapes them, a reader of HTML keeps what the markup has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Where it stands: `line 12`, `row 12`, `questions[3]`.
    pub(super) place: String,
    /// What is asked.
    pub(super) text: String,
    /// The kind of question, and what is right.
    pub(super) asked: ItemKind,
    /// The name that the file gives it.
    pub(super) id: Option<QuestionId>,
    /// What it is about: plain text.
    pub(super) category: Option<String>,
    /// How hard it is.
    pub(super) difficulty: Option<Difficulty>,
    /// Why it is right.
    pub(super) explanation: Option<String>,
    /// How long it may take, in milliseconds.
    pub(super) time_limit_ms: Option<u64>,
    /// A picture: an http(s) URL or a file's name.
    pub(super) image: Option<String>,
    /// What the picture shows: plain text.
    pub(super) alt: Option<String>,
    /// By what its points are multiplied.
    pub(super) points: Option<Decimal>,
    /// Whether accents in a typed text don't count.
    pub(super) ignore_accents: Option<bool>,
    /// How many typing errors in a text are forgiven.
    pub(super) max_typos: Option<u8>,
    /// Whether a fast answer earns no more than a slow one.
    pub(super) no_speed_bonus: Option<bool>,
}

/// The kinds of question, each with what is right.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ItemKind {
    /// One option is right.
    Choice {
        /// What can be answered, in the file's order.
        options: Vec<String>,
        /// Where the right one stands in `options`.
        right: usize,
        /// Whether the file gives the options in the order in which they are to be shown. One that tells
        /// the right one apart from the wrong ones gives none.
        in_order: bool,
    },
    /// Several options are right together.
    Multiple {
        /// What can be answered, in the file's order.
        options: Vec<String>,
        /// Where the right ones stand in `options`.
        right: Vec<usize>,
        /// Whether the file gives a share of the points for a part of them.
        in_shares: bool,
    },
    /// A text is typed.
    Text {
        /// The texts that are right: plain text, compared without regard to case and blanks.
        accepted: Vec<String>,
    },
    /// A number is typed.
    Number {
        /// The right one, where the file names one.
        number: Option<Decimal>,
        /// The smallest that is right.
        min: Decimal,
        /// The largest that is right.
        max: Decimal,
    },
    /// Things are put in order.
    Order {
        /// The things, in the right order.
        parts: Vec<String>,
    },
    /// There is no right answer.
    Poll {
        /// What can be answered; a text is typed if there is none.
        options: Vec<String>,
    },
}

impl Item {
    /// A question with nothing beside it.
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

    /// A question whose options are True and False.
    pub(super) fn true_or_false(place: String, text: String, right: bool) -> Self {
        let options = vec!["True".to_owned(), "False".to_owned()];
        Self::new(place, text, ItemKind::Choice { options, right: usize::from(!right), in_order: true })
    }
}

/// What a reader finds in a file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ParsedFile {
    /// The questions, in the file's order.
    pub(super) items: Vec<Item>,
    /// What can't be imported, each with its place and what would mend it.
    pub(super) left_out: Vec<DraftProblem>,
    /// What was imported and yet is worth a look, each with its place.
    pub(super) warnings: Vec<DraftProblem>,
    /// What was understood of the file as a whole, in a few words each: `semicolons`, `header in row 3`.
    pub(super) understood: Vec<String>,
}

/// A line's place.
pub(super) fn line(number: usize) -> String {
    format!("line {number}")
}

/// Sorts what is told by its place: first what is about the whole file, then by row within a sheet. The sheets
/// are in the order in which their questions are.
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

/// What stands before a place's number, and the number: `line`, 12. The file as a whole has neither.
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
