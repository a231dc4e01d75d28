//! What the rows of a table tell together: how they count, and on which scales.

use super::decimals::Notation;
use super::fields::Fields;
use super::header::Header;
use super::kind::TableKind;
use super::names::Column;
use super::right::{Choices, Habit};
use super::truth::TruthWords;
use super::values::{self, Scale};
use crate::domain::quiz::draft::MOST_OPTIONS;

/// How the rows of a table are to be read.
#[derive(Debug, Default)]
pub(super) struct Habits {
    /// How they say what is right.
    pub(super) right: Habit,
    /// Which sign stands before decimals.
    pub(super) notation: Notation,
    /// In which words they say true and false.
    pub(super) truth: TruthWords,
    /// The highest level of difficulty.
    pub(super) highest_level: u8,
    /// What the points are.
    pub(super) points: Scale,
    /// Whether the column of kinds has kinds at all: people also call a category a type.
    pub(super) has_kinds: bool,
}

/// How often the rows say what is right in a way that can be meant in one way only.
#[derive(Debug, Default)]
struct HabitCounts {
    positions: usize,
    texts: usize,
    zeros: usize,
    /// Pieces that name no option.
    others: usize,
    /// Rows in which the last option is right, by its number counted from 1.
    lasts: usize,
}

impl Habits {
    /// Looks through all rows.
    pub(super) fn of(header: &Header, rows: &[Fields<'_>]) -> Self {
        let mut counts = HabitCounts::default();
        for row in rows {
            counts.add(row);
        }
        let names_zero = header.has_option(0);
        let from_zero = counts.zeros > 0 && counts.lasts == 0 && !names_zero;
        let by_position = header.asks_for_numbers || from_zero || (counts.positions > 0 && counts.texts == 0);
        let cells = |column| rows.iter().filter_map(move |row| row.cell(column));
        Self {
            right: Habit {
                by_position,
                is_certain: header.asks_for_numbers,
                from_zero,
                is_mixed: counts.is_mixed() && !names_zero,
                may_count_from_zero: header.asks_for_index && counts.zeros + counts.lasts == 0 && !names_zero,
                is_apart: counts.is_apart(header),
            },
            notation: notation(rows),
            truth: truth(rows),
            highest_level: cells(Column::Difficulty).filter_map(values::level).max().unwrap_or_default(),
            points: Scale::of(cells(Column::Points), header.has_factors()),
            has_kinds: cells(Column::Kind).any(|cell| TableKind::parse(cell).is_some()),
        }
    }
}

/// What the numbers that are right tell, and the points.
fn notation(rows: &[Fields<'_>]) -> Notation {
    let is_number = |row: &&Fields<'_>| row.cell(Column::Kind).and_then(TableKind::parse) == Some(TableKind::Number);
    let right = rows.iter().filter(is_number).filter_map(Fields::number);
    let right = right.filter(|(_, is_stored)| !is_stored).map(|(cell, _)| cell);
    let is_text = |row: &&Fields<'_>| row.notation(Column::Points, Notation::Unknown) == Notation::Unknown;
    Notation::of(right.chain(rows.iter().filter(is_text).filter_map(|row| row.cell(Column::Points))))
}

/// The words of the rows without options.
fn truth(rows: &[Fields<'_>]) -> TruthWords {
    let rows = || rows.iter().filter(|row| row.options.is_empty() && row.wrong.is_empty());
    let kinds = rows().filter_map(|row| row.cell(Column::Kind)).filter(|kind| TableKind::parse(kind).is_some());
    TruthWords::of(rows().flat_map(Fields::right), kinds)
}

impl HabitCounts {
    fn add(&mut self, row: &Fields<'_>) {
        let choices = Choices { options: &row.options, habit: Habit::default() };
        let Some(last) = row.options.iter().map(|option| option.label).max() else { return };
        if row.options.len() > MOST_OPTIONS {
            return;
        }
        for piece in row.right().into_iter().flat_map(|cell| cell.split([',', ';', '|'])).map(str::trim) {
            match (choices.position(piece), choices.text(piece)) {
                (Some(_), None) => self.positions += 1,
                (None, Some(_)) => self.texts += 1,
                (None, None) if piece == "0" => self.zeros += 1,
                (None, None) => self.others += 1,
                (Some(_), Some(_)) => (),
            }
            self.lasts += usize::from(piece == last.to_string());
        }
    }

    /// Whether rows that count from 0 and rows that count from 1 are too many to be slips.
    fn is_mixed(&self) -> bool {
        self.lasts > 0 && self.zeros * 10 > self.lasts
    }

    /// Whether what is right is none of the options: they count from 2, or it stands before them and
    /// is never one of them.
    fn is_apart(&self, header: &Header) -> bool {
        let first = header.options.iter().map(|option| option.column).min();
        let is_before = header.correct.iter().all(|(_, column)| Some(*column) < first);
        let is_none = is_before && self.others > 0 && self.texts == 0 && self.positions == 0;
        let smallest = header.options.iter().map(|option| option.label).min();
        is_none || (smallest == Some(2) && !header.correct.is_empty())
    }
}
