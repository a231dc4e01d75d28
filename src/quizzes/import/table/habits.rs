//! Derives conventions from all rows of a table together: how right answers are named, and the scales of numbers.

use super::decimals::Notation;
use super::fields::Fields;
use super::header::Header;
use super::kind::TableKind;
use super::names::Column;
use super::right::{Choices, Habit};
use super::truth::TruthWords;
use super::values::{self, Scale};
use crate::domain::quiz::draft::MOST_OPTIONS;

/// The conventions by which the rows of a table are read.
#[derive(Debug, Default)]
pub(super) struct Habits {
    /// How right options are named.
    pub(super) right: Habit,
    /// Which sign is the decimal separator.
    pub(super) notation: Notation,
    /// The words for true and false.
    pub(super) truth: TruthWords,
    /// The highest numeric level of difficulty. 0 if there are none.
    pub(super) highest_level: u8,
    /// The meaning of the points.
    pub(super) points: Scale,
    /// Whether the kind column has any known kind. Some people call a category "type".
    pub(super) has_kinds: bool,
}

/// Counts of the pieces that name a right option unambiguously, by how they name it.
#[derive(Debug, Default)]
struct HabitCounts {
    positions: usize,
    texts: usize,
    zeros: usize,
    /// Pieces that match no option.
    others: usize,
    /// Pieces that are the number of the last option, counted from 1.
    lasts: usize,
}

impl Habits {
    /// Examines all rows, because a single row may be ambiguous.
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

/// The decimal separator, derived from the right numbers and the points.
fn notation(rows: &[Fields<'_>]) -> Notation {
    let is_number = |row: &&Fields<'_>| row.cell(Column::Kind).and_then(TableKind::parse) == Some(TableKind::Number);
    let right = rows.iter().filter(is_number).filter_map(Fields::number);
    let right = right.filter(|(_, is_stored)| !is_stored).map(|(cell, _)| cell);
    let is_text = |row: &&Fields<'_>| row.notation(Column::Points, Notation::Unknown) == Notation::Unknown;
    Notation::of(right.chain(rows.iter().filter(is_text).filter_map(|row| row.cell(Column::Points))))
}

/// The words for true and false, derived from the rows without options.
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

    /// Whether there are too many rows of both kinds, counted from 0 and from 1, for these to be mistakes.
    fn is_mixed(&self) -> bool {
        self.lasts > 0 && self.zeros * 10 > self.lasts
    }

    /// Whether the right answer is not one of the options. Either the options are numbered from 2, or the
    /// column of right answers comes before them and never names one of them.
    fn is_apart(&self, header: &Header) -> bool {
        let first = header.options.iter().map(|option| option.column).min();
        let is_before = header.correct.iter().all(|(_, column)| Some(*column) < first);
        let is_none = is_before && self.others > 0 && self.texts == 0 && self.positions == 0;
        let smallest = header.options.iter().map(|option| option.label).min();
        is_none || (smallest == Some(2) && !header.correct.is_empty())
    }
}
