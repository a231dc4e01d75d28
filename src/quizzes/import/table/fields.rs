//! The cells of a row, by what they hold.

use super::Row;
use super::header::Header;
use super::kind::mark;
use super::names::Column;
use super::right::Choice;

/// What a row says of a question. Empty cells are left out.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    header: &'a Header,
    row: &'a Row,
    /// What is asked; empty if nothing is.
    pub(super) question: &'a str,
    /// The options, in the order of their columns.
    pub(super) options: Vec<Choice<'a>>,
    /// What is right, each with the number of its column.
    pub(super) correct: Vec<(Option<usize>, &'a str)>,
    /// The options that are wrong.
    pub(super) wrong: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    /// Sorts a row's cells.
    pub(super) fn new(header: &'a Header, row: &'a Row) -> Self {
        let at = |index: usize| cell(row, index);
        let numbered = |(number, index): &(Option<usize>, usize)| Some((*number, at(*index)?));
        let question = header.column(Column::Question).and_then(at).unwrap_or_default();
        let correct: Vec<_> = header.correct.iter().filter_map(numbered).collect();
        let wrong = header.wrong.iter().filter_map(|index| at(*index)).collect();
        let mut fields = Self { header, row, question, options: Vec::new(), correct, wrong };
        fields.options = if header.options.is_empty() { fields.listed() } else { fields.in_columns() };
        if fields.correct.is_empty() {
            take_stars(&mut fields.options);
        }
        fields
    }

    /// A cell that is not empty.
    pub(super) fn cell(&self, column: Column) -> Option<&'a str> {
        self.header.column(column).and_then(|index| cell(self.row, index))
    }

    /// The cell of the time limit, if it is not empty.
    pub(super) fn time(&self) -> Option<&'a str> {
        self.header.time.and_then(|(index, _)| cell(self.row, index))
    }

    /// Whether the table has a column that says what is right.
    pub(super) fn has_column_of_right(&self) -> bool {
        !self.header.correct.is_empty()
    }

    /// Whether the row says nothing that makes a question.
    pub(super) fn is_empty(&self) -> bool {
        self.question.is_empty() && self.options.is_empty() && self.correct.is_empty() && self.wrong.is_empty()
    }

    /// The cells that say what is right.
    pub(super) fn right(&self) -> Vec<&'a str> {
        self.correct.iter().map(|(_, cell)| *cell).collect()
    }

    fn in_columns(&self) -> Vec<Choice<'a>> {
        let flagged = |column: Option<usize>| column.and_then(|index| cell(self.row, index)).and_then(mark);
        let columns = self.header.options.iter();
        columns
            .filter_map(|option| {
                let text = cell(self.row, option.column)?;
                Some(Choice { label: option.label, text, is_marked: flagged(option.flag) == Some(true) })
            })
            .collect()
    }

    /// The options of a single cell.
    fn listed(&self) -> Vec<Choice<'a>> {
        let Some(list) = self.cell(Column::Options) else { return Vec::new() };
        let separator = ['\n', '|', ';', ','].into_iter().find(|separator| list.contains(*separator));
        let texts = list.split(separator.unwrap_or('\n')).map(str::trim).filter(|text| !text.is_empty());
        texts.enumerate().map(|(index, text)| Choice { label: index + 1, text, is_marked: false }).collect()
    }
}

/// `*Elbe` is right if nothing else says what is.
fn take_stars(options: &mut [Choice<'_>]) {
    let has_star = |option: &Choice<'_>| option.text.len() > 1 && option.text.starts_with('*');
    let stars = options.iter().filter(|option| has_star(option)).count();
    if stars == options.len() || options.iter().any(|option| option.is_marked) {
        return;
    }
    for option in options.iter_mut().filter(|option| has_star(option)) {
        (option.text, option.is_marked) = (option.text[1..].trim_start(), true);
    }
}

/// A cell without the blanks around it, if anything is left.
fn cell(row: &Row, index: usize) -> Option<&str> {
    row.cells.get(index).map(|cell| clean(cell)).filter(|cell| !cell.is_empty())
}

/// An apostrophe before a sign keeps a spreadsheet from calculating; it is no part of the text.
fn clean(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}
