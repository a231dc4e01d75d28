//! Reads a table without a header.

use std::collections::HashSet;

use super::decimals::is_number;
use super::fields::Fields;
use super::header::{self, Header};
use super::names::{Column, TimeUnit};
use super::right::{Choices, Habit};
use super::{Table, TableRow, questions, values};
use crate::domain::quiz::draft::{DraftProblem, MOST_OPTIONS};
use crate::quizzes::import::item::ParsedFile;

/// Reads the columns as question, options and right answer if most rows fit. Otherwise nothing is read. Row
/// numbers before the question, and a time before the last column, are recognised.
pub(super) fn read(table: &mut Table, found: &mut ParsedFile) {
    let Some(place) = table.rows.first().map(|row| table.place(row)) else { return };
    let width = usual_width(&table.rows);
    let columns = columns(&table.rows, width);
    let options = columns.iter().filter(|column| matches!(column, Column::Option(_))).count();
    let header = Header::of_columns(&columns);
    if !(2..=MOST_OPTIONS).contains(&options) || !makes_sense(&header, widened(&mut table.rows, &header)) {
        let example = names(&columns_of(4), table.separator);
        let message = format!(
            "no row names the columns, so nothing can be read; write a row above the questions that does, such as \
             {example:?}"
        );
        found.left_out.push(match header::missing(table) {
            Some((row, message)) => DraftProblem::new(table.place(row), message),
            None => DraftProblem::new(place, message),
        });
        let unreadable = table.rows.iter().filter_map(|row| Some((row, row.unreadable?)));
        found.left_out.extend(unreadable.map(|(row, reason)| DraftProblem::new(table.place(row), reason)));
        return;
    }
    let example = names(&columns, table.separator);
    let message =
        format!("no row names the columns; they were read as {example:?}; better write that row above the questions");
    found.warnings.push(DraftProblem::new(place, message));
    questions::read(table, &header, &table.rows, found);
}

/// Names the columns beside options called `A`, `B`, `C`, if they have no name and most rows fit: the
/// question before the options, the right answer after them. Returns a warning if it did so.
pub(super) fn name_neighbors(table: &mut Table) -> Option<&'static str> {
    let rows = table.rows.iter().take(header::SEARCHED).enumerate();
    let (at, cells) = rows.filter_map(|(at, row)| Some((at, with_neighbors(&row.cells)?))).next()?;
    let unnamed = std::mem::replace(&mut table.rows[at].cells, cells);
    let header = Header::read(&table.rows[at], "", &mut Vec::new());
    if header.fault.is_some() || !makes_sense(&header, &table.rows[at + 1..]) {
        table.rows[at].cells = unnamed;
        return None;
    }
    Some(
        "only the options have names; the column before them was read as the question and the one behind them as what \
         is right; better name them \"question\" and \"correct\"",
    )
}

/// The cells of a row with the neighbours of its options named. `None` unless the row names the options A, B
/// … and neither neighbour.
fn with_neighbors(cells: &[String]) -> Option<Vec<String>> {
    let label = |cell: &String| match Column::parse(cell) {
        Some(Column::Option(label)) if !cell.trim().starts_with(|c: char| c.is_ascii_digit()) => Some(label),
        _ => None,
    };
    let first = cells.iter().position(|cell| label(cell) == Some(1))?;
    let count = cells[first..].iter().zip(1..).take_while(|(cell, number)| label(cell) == Some(*number)).count();
    let is_blank = |index: usize| cells.get(index).is_none_or(|cell| cell.trim().is_empty());
    let (question, correct) = (first.checked_sub(1)?, first + count);
    if count < 2 || !is_blank(question) || !is_blank(correct) {
        return None;
    }
    let mut cells = cells.to_vec();
    cells.resize(cells.len().max(correct + 1), String::new());
    (cells[question], cells[correct]) = ("question".to_owned(), "correct".to_owned());
    Some(cells)
}

/// The likely meaning of the columns, by the most common layout.
fn columns(rows: &[TableRow], width: usize) -> Vec<Column> {
    // The first row may be a header in unknown words, so it is not examined.
    let below = rows.get(1..).unwrap_or_default();
    let all = |index: usize, is: fn(&str) -> bool| {
        let cells = below.iter().filter(|row| self::width(row) == width).filter_map(|row| row.cells.get(index));
        let mut cells = cells.map(|cell| cell.trim()).peekable();
        cells.peek().is_some() && cells.all(is)
    };
    let is_time = |cell: &str| values::time(cell, TimeUnit::Unsaid).is_some();
    let has_numbers = width > 4 && all(0, is_number);
    let has_time = width > 4 && all(width - 2, is_time) && !all(width - 3, is_number);
    let options = width.saturating_sub(2 + usize::from(has_numbers) + usize::from(has_time));
    let mut columns = columns_of(options);
    if has_numbers {
        columns.insert(0, Column::RowNumber);
    }
    if has_time {
        columns.insert(columns.len() - 1, Column::Time(TimeUnit::Unsaid));
    }
    columns
}

fn columns_of(options: usize) -> Vec<Column> {
    let options = (1..=options).map(Column::Option);
    std::iter::once(Column::Question).chain(options).chain(std::iter::once(Column::Correct(None))).collect()
}

/// The header row to suggest to the user.
fn names(columns: &[Column], separator: char) -> String {
    let name = |column: &Column| match column {
        Column::Option(label) => format!("option{label}"),
        Column::RowNumber => "number".to_owned(),
        Column::Time(_) => "time".to_owned(),
        Column::Question => "question".to_owned(),
        _ => "correct".to_owned(),
    };
    columns.iter().map(name).collect::<Vec<_>>().join(&separator.to_string())
}

/// The number of cells in most rows, without empty ones at the end.
fn usual_width(rows: &[TableRow]) -> usize {
    let mut widths: Vec<usize> = rows.iter().map(width).filter(|&width| width > 2).collect();
    widths.sort_unstable();
    let most = widths.chunk_by(|a, b| a == b).max_by_key(|same| same.len());
    let most = most.map_or(0, |same| same[0]);
    // Rows with fewer options may be in the majority, so a width up to two more counts.
    widths.last().copied().filter(|&widest| widest <= most + 2).unwrap_or(most)
}

fn width(row: &TableRow) -> usize {
    row.cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1)
}

/// Whether in nearly all rows the last cell names one of the options before it, and the question is not a
/// number. At least half of these questions must be different, or the column holds kinds. Rows whose options
/// are all numbers are ignored, because each of them could be the right one. The first row may be a header in
/// unknown words, so it never counts against.
fn makes_sense(header: &Header, rows: &[TableRow]) -> bool {
    let (mut good, mut bad) = (0usize, 0usize);
    let mut questions = HashSet::new();
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| row.unreadable.is_none()) {
        let fields = Fields::new(header, row);
        if fields.options.iter().all(|option| is_number(option.text)) && !fields.options.is_empty() {
            continue;
        }
        let choices = Choices { options: &fields.options, habit: Habit::default() };
        let right = choices.right(&fields.right());
        let is_good = right.is_ok_and(|right| !right.options.is_empty() && right.warning.is_none());
        if is_good && fields.options.len() > 1 && !is_number(fields.question) {
            good += 1;
            questions.insert(fields.question.to_owned());
        } else if index > 0 {
            bad += 1;
        }
    }
    good > 0 && good >= 3 * bad && 2 * questions.len() >= good
}

/// The rows, after filling up those with fewer options.
fn widened<'r>(rows: &'r mut [TableRow], header: &Header) -> &'r [TableRow] {
    if header.time.is_none() {
        rows.iter_mut().filter(|row| row.unreadable.is_none()).for_each(|row| widen(row, header.width));
    }
    rows
}

/// Moves the last cell of a row to the last column, and fills the gap with empty options.
fn widen(row: &mut TableRow, width: usize) {
    let own = self::width(row);
    if (3..width).contains(&own) {
        row.cells.truncate(own);
        let last = row.cells.pop().unwrap_or_default();
        row.cells.resize(width - 1, String::new());
        row.cells.push(last);
    }
}
