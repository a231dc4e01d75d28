//! Tests of the import of whole tables.

mod choices;
mod headers;
mod kinds;
mod quoting;
mod templates;
mod workbooks;

use rust_decimal::Decimal;

use super::read_text;
use crate::domain::quiz::draft::DraftProblem;
use crate::quizzes::import::item::{Item, ItemKind, ParsedFile};

/// The questions of a table without any problem.
fn items(text: &str) -> Vec<Item> {
    let found = read_text(text);
    assert_eq!(told(&found), Vec::<String>::new(), "{text}");
    found.items
}

/// The only question of a table without any problem.
fn item(text: &str) -> Item {
    let mut items = items(text);
    assert_eq!(items.len(), 1, "{text}");
    items.remove(0)
}

/// The messages about what is left out, and the warnings.
fn told(found: &ParsedFile) -> Vec<String> {
    found.left_out.iter().chain(&found.warnings).map(DraftProblem::to_string).collect()
}

/// The options, and the indices of the right ones.
fn answers(item: &Item) -> (Vec<&str>, Vec<usize>) {
    match &item.asked {
        ItemKind::Choice { options, right, .. } => (options.iter().map(String::as_str).collect(), vec![*right]),
        ItemKind::Multiple { options, right, .. } => (options.iter().map(String::as_str).collect(), right.clone()),
        other => panic!("{other:?} has no options"),
    }
}

/// The question, and the texts of the right options.
fn asked(item: &Item) -> (&str, Vec<&str>) {
    let (options, right) = answers(item);
    (&item.text, right.into_iter().map(|index| options[index]).collect())
}

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}
