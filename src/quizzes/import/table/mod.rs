//! Reads tables: text with separators (CSV) and workbooks (.xlsx, .ods).
//!
//! Every file becomes rows of cells. One row, the header, names the columns, and each row below it is a
//! question. A row that can't be read is left out and reported; the other rows are still read.

mod answers;
mod decimals;
mod fields;
mod guess;
mod habits;
mod header;
mod kind;
mod lists;
mod names;
mod numbers;
mod ods;
mod questions;
mod right;
#[cfg(test)]
mod tests;
mod text;
mod truth;
mod values;
mod words;
mod workbook;
mod xlsx;
mod xml;

use std::collections::BTreeSet;

use self::header::Header;
use super::item::ParsedFile;
use crate::domain::quiz::draft::DraftProblem;

pub(super) use self::workbook::is_workbook;

/// Reads a table from text. Lines must end with a line feed.
pub(super) fn read_text(text: &str) -> ParsedFile {
    let (table, separator) = text::table(text);
    let mut found = ParsedFile::default();
    found.understood.push(separator);
    read(vec![table], &mut found);
    found
}

/// Reads the sheets of a workbook.
///
/// # Errors
/// The file is not a workbook that can be read, or it is too large.
pub(super) fn read_workbook(bytes: &[u8]) -> Result<ParsedFile, DraftProblem> {
    let mut found = ParsedFile::default();
    read(workbook::tables(bytes)?, &mut found);
    Ok(found)
}

/// One table: a text, or one sheet of a workbook.
#[derive(Debug)]
struct Table {
    /// The rows. Rows that a workbook does not store are missing, so an index here is not a row number.
    rows: Vec<TableRow>,
    unit: PlaceUnit,
    /// The name of the sheet. `None` for a text, and for the only sheet that is read.
    sheet: Option<String>,
    /// The character between cells.
    separator: char,
}

/// A row with its place in the file.
#[derive(Debug)]
struct TableRow {
    /// The line or row number for messages, counted from 1 in the unit of the table.
    number: usize,
    /// The row number that a spreadsheet shows, counted from 1.
    row: usize,
    cells: Vec<String>,
    /// The columns in which a workbook stores a number, not a text that looks like one.
    numbers: BTreeSet<usize>,
    /// Why the row can't be read. `None` if it can.
    unreadable: Option<&'static str>,
}

/// The unit in which places in a table are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlaceUnit {
    /// Lines of a text.
    Line,
    /// Rows of a sheet.
    Row,
}

impl Table {
    fn is_text(&self) -> bool {
        self.unit == PlaceUnit::Line
    }

    fn place(&self, row: &TableRow) -> String {
        match (self.unit, &self.sheet) {
            (PlaceUnit::Line, _) => super::item::line(row.number),
            (PlaceUnit::Row, None) => format!("row {}", row.number),
            (PlaceUnit::Row, Some(sheet)) => format!("sheet {sheet:?}, row {}", row.number),
        }
    }
}

impl TableRow {
    fn is_blank(&self) -> bool {
        self.unreadable.is_none() && self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// Reads all tables that have a header. If none has one, the first table is read without a header.
fn read(mut tables: Vec<Table>, found: &mut ParsedFile) {
    for table in &mut tables {
        table.rows.retain(|row| !row.is_blank());
    }
    tables.retain(|table| !table.rows.is_empty());
    let without_header = |table: &&mut Table| header::find(table).is_none();
    // This may name columns, so it must run before the headers are searched.
    let notes: Vec<_> =
        tables.iter_mut().map(|table| Some(table).filter(without_header).and_then(guess::name_neighbors)).collect();
    let headers: Vec<Option<usize>> = tables.iter().map(header::find).collect();
    let count = headers.iter().flatten().count();
    if count == 0 {
        if let Some(table) = tables.first_mut() {
            table.sheet = None;
            guess::read(table, found);
        }
        return;
    }
    for ((table, at), note) in tables.iter_mut().zip(headers).zip(notes) {
        let Some(at) = at else {
            let sheet = table.sheet.clone().unwrap_or_default();
            found.understood.push(format!("sheet {sheet:?} has no header and is not read"));
            continue;
        };
        if count == 1 {
            table.sheet = None;
        }
        found.warnings.extend(note.map(|note| DraftProblem::new(table.place(&table.rows[at]), note)));
        read_under(table, at, found);
    }
}

/// Reads the rows below the header. `at` is the header's index.
fn read_under(table: &mut Table, at: usize, found: &mut ParsedFile) {
    let Some(row) = table.rows.get(at) else { return };
    if row.row > 1 {
        let sheet = table.sheet.as_ref().map(|sheet| format!(" of sheet {sheet:?}")).unwrap_or_default();
        found.understood.push(format!("header in row {}{sheet}", row.row));
    }
    if table.rows.len() == at + 1 {
        let sheet = table.sheet.as_ref().map(|sheet| format!(" of sheet {sheet:?}")).unwrap_or_default();
        found.understood.push(format!("no rows under the header{sheet}"));
    }
    for row in table.rows[..at].iter().filter(|row| row.unreadable.is_some()) {
        found.left_out.push(DraftProblem::new(table.place(row), row.unreadable.unwrap_or_default()));
    }
    let place = table.place(row);
    let mut header = Header::read(row, &place, &mut found.warnings);
    if let Some(fault) = header.fault.take() {
        found.left_out.push(DraftProblem::new(place, fault));
        return;
    }
    // Both steps rewrite cells, so they must run before the rows are read. Lists come first, which set the
    // separator of options.
    lists::prepare(table, &mut header, at + 1);
    questions::prepare(table, &header, at + 1);
    questions::read(table, &header, &table.rows[at + 1..], found);
}
