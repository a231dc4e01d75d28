//! Reads the sheets of an .ods workbook.

use super::Table;
use super::numbers;
use super::workbook::{Cell, MOST_CELL, MOST_COLUMNS, MOST_ROWS, MOST_SHEETS, Package, Sheets, too_large};
use super::xml::{Element, Xml, XmlToken};
use crate::domain::quiz::draft::DraftProblem;

/// The sheets that are not empty, in the workbook's order.
pub(super) fn tables(package: &mut Package<'_>) -> Result<Vec<Table>, DraftProblem> {
    let mut sheets = Sheets::default();
    let Some(bytes) = package.part("content.xml")? else { return Ok(Vec::new()) };
    let mut xml = Xml::new(&bytes);
    let mut count = 0;
    while let Some(element) = xml.next_start()? {
        if element.is("table") && count < MOST_SHEETS {
            sheets.begin(element.attribute("name").unwrap_or_default());
            sheet(&mut xml, &mut sheets)?;
            count += 1;
        }
    }
    Ok(sheets.finish())
}

fn sheet(xml: &mut Xml<'_>, sheets: &mut Sheets) -> Result<(), DraftProblem> {
    let mut row = 0usize;
    while let Some(token) = xml.next()? {
        match token {
            XmlToken::Start(element) if element.is("table-row") => {
                let times = repeated(&element, "number-rows-repeated");
                let cells = cells(xml)?;
                // An empty row may be repeated up to the end of the sheet. One more than the limit is enough
                // to report too many rows.
                let filled = if cells.is_empty() { 0 } else { times.min(MOST_ROWS + 1) };
                for at in 0..filled {
                    for (column, cell) in &cells {
                        sheets.add(row.saturating_add(at), *column, cell.clone())?;
                    }
                }
                row = row.saturating_add(times);
            }
            XmlToken::End(name) if name == "table" => break,
            _ => (),
        }
    }
    Ok(())
}

/// The cells of a row that are not empty, each with its column from 0.
fn cells(xml: &mut Xml<'_>) -> Result<Vec<(usize, Cell)>, DraftProblem> {
    let mut cells = Vec::new();
    let mut column = 0usize;
    while let Some(token) = xml.next()? {
        match token {
            XmlToken::Start(element) if element.is("table-cell") || element.is("covered-table-cell") => {
                let name = if element.is("table-cell") { "table-cell" } else { "covered-table-cell" };
                let times = repeated(&element, "number-columns-repeated");
                let cell = cell(xml, &element, name)?;
                // One column beyond the limit is enough to report too many columns.
                let room = (MOST_COLUMNS + 1).saturating_sub(column);
                let filled = if cell.text.trim().is_empty() { 0 } else { times.min(room.max(1)) };
                cells.extend((0..filled).map(|at| (column.saturating_add(at), cell.clone())));
                column = column.saturating_add(times);
            }
            XmlToken::End(name) if name == "table-row" => break,
            _ => (),
        }
    }
    Ok(cells)
}

fn repeated(element: &Element<'_>, attribute: &str) -> usize {
    element.attribute(attribute).and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// The content of a cell. For a number its stored value, regardless of the format.
fn cell(xml: &mut Xml<'_>, element: &Element<'_>, name: &str) -> Result<Cell, DraftProblem> {
    let text = paragraphs(xml, name)?;
    let value = |name| element.attribute(name);
    Ok(Cell::text(match value("value-type").as_deref() {
        Some("float" | "percentage" | "currency") => match value("value").and_then(|value| value.parse().ok()) {
            Some(number) => return Ok(Cell { text: numbers::plain(number), is_number: true }),
            None => text,
        },
        Some("boolean") => if value("boolean-value").as_deref() == Some("true") { "TRUE" } else { "FALSE" }.to_owned(),
        Some("date") => value("date-value").unwrap_or(text),
        _ => text,
    }))
}

/// The text of a cell. Each paragraph is a line.
fn paragraphs(xml: &mut Xml<'_>, end: &str) -> Result<String, DraftProblem> {
    let mut text = String::new();
    let (mut is_inside, mut has_line) = (false, false);
    while let Some(token) = xml.next()? {
        if text.len() > MOST_CELL {
            return Err(too_large(format!("a cell is too large: more than {} KB", MOST_CELL >> 10)));
        }
        match token {
            // A comment on the cell is not part of its text.
            XmlToken::Start(element) if element.is("annotation") => xml.skip("annotation")?,
            XmlToken::Start(element) if element.is("p") => {
                if std::mem::replace(&mut has_line, true) {
                    text.push('\n');
                }
                is_inside = true;
            }
            XmlToken::Start(element) if element.is("s") => {
                text.extend(std::iter::repeat_n(' ', repeated(&element, "c").min(100)));
            }
            XmlToken::Start(element) if element.is("line-break") => text.push('\n'),
            XmlToken::Start(element) if element.is("tab") => text.push('\t'),
            XmlToken::Text(piece) if is_inside => text.push_str(&piece),
            XmlToken::End(name) if name == "p" => is_inside = false,
            XmlToken::End(name) if name == end => break,
            _ => (),
        }
    }
    Ok(text)
}
