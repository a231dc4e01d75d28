//! A table in which no row names the columns.

use super::fields::Fields;
use super::header::Header;
use super::right::{Choices, Habit};
use super::{Row, Table, questions, values};
use crate::domain::quiz::draft::{MOST_OPTIONS, Problem};
use crate::quizzes::import::item::Found;

/// Reads the columns as question, options, correct if that makes sense; else nothing.
pub(super) fn read(table: &mut Table, found: &mut Found) {
    let Some(place) = table.rows.first().map(|row| table.place(row)) else { return };
    let width = usual_width(&table.rows);
    let header = Header::guess(width);
    if !(4..=MOST_OPTIONS + 2).contains(&width) || !makes_sense(&header, &mut table.rows) {
        let example = names(4, table.separator);
        let message = format!(
            "no row names the columns, so nothing can be read; write a row above the questions that does, such as \
             {example:?}"
        );
        found.left_out.push(Problem::new(place, message));
        let unreadable = table.rows.iter().filter_map(|row| Some((row, row.unreadable?)));
        found.left_out.extend(unreadable.map(|(row, reason)| Problem::new(table.place(row), reason)));
        return;
    }
    let example = names(width - 2, table.separator);
    let message =
        format!("no row names the columns; they were read as {example:?}; better write that row above the questions");
    found.warnings.push(Problem::new(place, message));
    questions::read(table, &header, &table.rows, found);
}

/// The row that should stand above.
fn names(options: usize, separator: char) -> String {
    let options = (1..=options).map(|number| format!("option{number}"));
    let names = std::iter::once("question".to_owned()).chain(options).chain(std::iter::once("correct".to_owned()));
    names.collect::<Vec<_>>().join(&separator.to_string())
}

/// The number of cells that most rows have, without empty ones at the end.
fn usual_width(rows: &[Row]) -> usize {
    let mut widths: Vec<usize> = rows.iter().map(width).filter(|&width| width > 2).collect();
    widths.sort_unstable();
    let most = widths.chunk_by(|a, b| a == b).max_by_key(|same| same.len());
    let most = most.map_or(0, |same| same[0]);
    // Rows with fewer options may be more.
    widths.last().copied().filter(|&widest| widest <= most + 2).unwrap_or(most)
}

fn width(row: &Row) -> usize {
    row.cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1)
}

/// Whether the last cell of nearly all rows names one of the options before it. Rows with fewer options
/// get empty ones. Rows of numbers prove nothing: each of them could be the right one. The first row may
/// be a header in words that are not known.
fn makes_sense(header: &Header, rows: &mut [Row]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    for (index, row) in rows.iter_mut().enumerate().filter(|(_, row)| row.unreadable.is_none()) {
        widen(row, header.width);
        let fields = Fields::new(header, row);
        if fields.options.iter().all(|option| values::decimal(option.text).is_some()) && !fields.options.is_empty() {
            continue;
        }
        let choices = Choices { options: &fields.options, habit: Habit::default() };
        let right = choices.right(&fields.right());
        let is_good = right.is_ok_and(|right| !right.options.is_empty() && right.warning.is_none());
        if is_good && fields.options.len() > 1 {
            good += 1;
        } else if index > 0 {
            bad += 1;
        }
    }
    good > 0 && good >= 3 * bad
}

/// Moves the last cell to the end of the row, and leaves the options between empty.
fn widen(row: &mut Row, width: usize) {
    let own = self::width(row);
    if (3..width).contains(&own) {
        row.cells.truncate(own);
        let last = row.cells.pop().unwrap_or_default();
        row.cells.resize(width - 1, String::new());
        row.cells.push(last);
    }
}
