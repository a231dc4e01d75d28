//! Splits text into rows of cells. Cells are separated by a character, and some are in quotes.
//!
//! A row with wrong quotes is marked as unreadable and ends with its own line, so that a quote can't swallow
//! the rows after it. A quote inside a cell without quotes is an ordinary character.

use std::collections::BTreeSet;

use super::{PlaceUnit, Table, TableRow, header};

/// The separators that are tried, and their names.
const SEPARATORS: [(char, &str); 4] = [(',', "commas"), (';', "semicolons"), ('\t', "tabs"), ('|', "pipes")];
/// How many rows are examined to find the separator.
const SAMPLE: usize = 100;

const NOT_CLOSED: &str = "a quote opens a cell here and is never closed; close it, or write the line without quotes";
const NOT_DOUBLED: &str = "a quote stands inside a cell that is in quotes; write it twice (\"\")";

/// Reads the table, and names its separator.
pub(super) fn table(text: &str) -> (Table, String) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.split('\n').next().unwrap_or_default();
    let (separator, skipped) = match named_separator(first) {
        Some(separator) => (separator, 1),
        None => (separator(text), 0),
    };
    let name = SEPARATORS.iter().find(|(known, _)| *known == separator);
    let name = name.map_or_else(|| format!("{separator:?} between cells"), |(_, name)| (*name).to_owned());
    let rows = TextRows::new(text, separator, skipped).collect();
    (Table { rows, unit: PlaceUnit::Line, sheet: None, separator }, name)
}

/// The separator in Excel's line `sep=;`.
fn named_separator(line: &str) -> Option<char> {
    let line = line.trim_matches(['"', ' ', '\r']);
    let (name, rest) = line.split_at_checked(4)?;
    let mut rest = rest.chars();
    let separator = rest.next().filter(|&c| c != '"' && !c.is_alphanumeric())?;
    (name.eq_ignore_ascii_case("sep=") && rest.all(|c| c == separator || c == '"')).then_some(separator)
}

/// The separator whose rows have the best header. Without a header: the one that gives most rows the same
/// number of cells.
fn separator(text: &str) -> char {
    let mut best = (',', (0, 0, 0));
    for (separator, _) in SEPARATORS {
        let rows: Vec<TableRow> = TextRows::new(text, separator, 0).take(SAMPLE).collect();
        let names = rows.iter().map(|row| header::score(&row.cells)).max().unwrap_or_default();
        let (often, cells) = usual_width(&rows);
        if (names, often, cells) > best.1 {
            best = (separator, (names, often, cells));
        }
    }
    best.0
}

/// How many rows have the most common number of cells, and that number. Rows of one cell don't count.
fn usual_width(rows: &[TableRow]) -> (usize, usize) {
    let mut widths: Vec<usize> = rows.iter().map(|row| row.cells.len()).filter(|&width| width > 1).collect();
    widths.sort_unstable();
    widths.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).max().unwrap_or_default()
}

/// An iterator over the rows of a text. `line` and `row` count from 1.
struct TextRows<'a> {
    rest: &'a str,
    separator: char,
    line: usize,
    row: usize,
}

/// A cell and the length of its source in bytes, without the separator.
struct TextCell {
    text: String,
    length: usize,
}

impl<'a> TextRows<'a> {
    fn new(text: &'a str, separator: char, skipped: usize) -> Self {
        let mut lines = Self { rest: text, separator, line: 1, row: 1 };
        for _ in 0..skipped {
            lines.skip_line();
        }
        lines
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        self.line += 1;
    }

    fn read_row(&mut self) -> TableRow {
        let (line, start) = (self.line, self.rest);
        let mut cells = Vec::new();
        let mut at = 0;
        loop {
            match self.cell(&start[at..]) {
                Ok(cell) => {
                    cells.push(cell.text);
                    at += cell.length;
                }
                Err(broken) => return self.unreadable(start, at, &broken),
            }
            match start[at..].chars().next() {
                Some(separator) if separator != '\n' => at += separator.len_utf8(),
                end => {
                    at += end.map_or(0, char::len_utf8);
                    break;
                }
            }
        }
        self.line += start[..at].matches('\n').count();
        self.rest = &start[at..];
        TableRow { number: line, row: self.row, cells, numbers: BTreeSet::new(), unreadable: None }
    }

    /// An unreadable row. It ends with its own line, or with a later line that can only be the end of a quoted cell.
    fn unreadable(&mut self, start: &str, cell: usize, broken: &BadQuote) -> TableRow {
        let line = self.line;
        let failed = cell + broken.at;
        let opened = start[..cell].matches('\n').count();
        let (mut lines, mut message) = (opened, broken.message);
        if !broken.is_end {
            let later = start[..line_end(start, failed)].split('\n').skip(opened + 1);
            if let Some((number, _)) = later.enumerate().find(|(_, line)| self.is_tail(line)) {
                (lines, message) = (opened + 1 + number, NOT_DOUBLED);
            }
        }
        for _ in 0..=lines {
            self.skip_line();
        }
        TableRow { number: line, row: self.row, cells: Vec::new(), numbers: BTreeSet::new(), unreadable: Some(message) }
    }

    /// Whether a line ends with the rest of a quoted cell that was opened before it: `more",a,b,1`.
    fn is_tail(&self, line: &str) -> bool {
        let mut rest = line;
        while let Ok(cell) = self.cell(rest) {
            let (own, after) = rest.split_at(cell.length);
            let own = own.trim();
            if !own.starts_with('"') && own.ends_with('"') && own.matches('"').count() % 2 == 1 {
                return true;
            }
            let Some(next) = after.strip_prefix(self.separator) else { return false };
            rest = next;
        }
        false
    }

    /// Reads the cell at the start of the text.
    fn cell(&self, text: &str) -> Result<TextCell, BadQuote> {
        let blanks = text.len() - text.trim_start_matches(|c| c == ' ' && c != self.separator).len();
        if text[blanks..].starts_with('"') { self.quoted(text, blanks + 1) } else { Ok(self.unquoted(text)) }
    }

    fn unquoted(&self, text: &str) -> TextCell {
        let length = text.find([self.separator, '\n']).unwrap_or(text.len());
        TextCell { text: text[..length].to_owned(), length }
    }

    /// Reads a quoted cell. Its content starts at `opened`, after the quote.
    fn quoted(&self, text: &str, opened: usize) -> Result<TextCell, BadQuote> {
        let mut cell = String::new();
        let mut at = opened;
        loop {
            let Some(quote) = text[at..].find('"').map(|quote| at + quote) else {
                return Err(BadQuote { at: text.len(), is_end: true, message: NOT_CLOSED });
            };
            cell.push_str(&text[at..quote]);
            let after = &text[quote + 1..];
            if after.starts_with('"') {
                cell.push('"');
                at = quote + 2;
                continue;
            }
            let end = after.trim_start_matches(|c| c == ' ' && c != self.separator);
            if end.is_empty() || end.starts_with([self.separator, '\n']) {
                return Ok(TextCell { text: cell, length: text.len() - end.len() });
            }
            return self.quoted_word(text, opened, quote).ok_or_else(|| BadQuote::new(text, opened, quote));
        }
    }

    /// A cell without quotes whose first word is in quotes: `"Dead Sea" is where?`. It is kept as written.
    fn quoted_word(&self, text: &str, opened: usize, quote: usize) -> Option<TextCell> {
        let cell = self.unquoted(text);
        let (word, rest) = (text.get(opened..quote)?, cell.text.get(quote + 1..)?);
        let closes = !word.ends_with(char::is_whitespace) && !rest.starts_with(char::is_alphanumeric);
        (closes && !word.contains('"') && !rest.contains('"')).then_some(cell)
    }
}

impl Iterator for TextRows<'_> {
    type Item = TableRow;

    fn next(&mut self) -> Option<TableRow> {
        if self.rest.is_empty() {
            return None;
        }
        let row = self.read_row();
        self.row += 1;
        Some(row)
    }
}

/// Why a quoted cell can't be read.
struct BadQuote {
    /// Offset of the error from the start of the cell.
    at: usize,
    /// Whether the text ended before the closing quote.
    is_end: bool,
    message: &'static str,
}

impl BadQuote {
    /// The error for a quote at `quote` that neither closes the cell nor is doubled.
    fn new(text: &str, opened: usize, quote: usize) -> Self {
        let message = if text[opened..quote].contains('\n') { NOT_CLOSED } else { NOT_DOUBLED };
        Self { at: quote, is_end: false, message }
    }
}

/// The end of the line that contains this offset.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}
