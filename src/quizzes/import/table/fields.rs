//! Assigns the cells of a row to the parts of a question.

use rust_decimal::Decimal;

use super::decimals::{Notation, decimal};
use super::header::{Header, shortened};
use super::kind::TableKind;
use super::names::Column;
use super::right::ListedOption;
use super::truth::mark;
use super::{TableRow, lists};

/// The cells of a row by meaning. Empty cells are left out.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    header: &'a Header,
    row: &'a TableRow,
    /// The text of the question. Empty if there is none.
    pub(super) question: &'a str,
    /// The options, in the order of their columns.
    pub(super) options: Vec<ListedOption<'a>>,
    /// The cells that say what is right, each with the number in its column's name.
    pub(super) correct: Vec<(Option<usize>, &'a str)>,
    /// The options from columns of wrong answers.
    pub(super) wrong: Vec<&'a str>,
    /// Why the marks or points beside the options can't be used. `None` if they can.
    pub(super) doubt: Option<String>,
}

impl<'a> Fields<'a> {
    /// Assigns the cells of a row. The options come from their own columns, or from one cell that lists them.
    pub(super) fn new(header: &'a Header, row: &'a TableRow) -> Self {
        let at = |index: usize| cell(row, index);
        let numbered = |(number, index): &(Option<usize>, usize)| Some((*number, at(*index)?));
        let question = header.column(Column::Question).and_then(at).unwrap_or_default();
        let correct: Vec<_> = header.correct.iter().filter_map(numbered).collect();
        let wrong = header.wrong.iter().filter_map(|index| at(*index)).collect();
        let mut fields = Self { header, row, question, options: Vec::new(), correct, wrong, doubt: None };
        fields.options = if header.options.is_empty() { fields.listed() } else { fields.in_columns() };
        // For an ordering question, a poll or a typed text a star is part of the option's text.
        let kind = fields.cell(Column::Kind).and_then(TableKind::parse);
        let has_none = matches!(kind, Some(TableKind::Order | TableKind::Poll | TableKind::Text));
        if fields.correct.is_empty() && !has_none {
            take_stars(&mut fields.options);
        }
        fields
    }

    /// The cell in this column, unless it is empty.
    pub(super) fn cell(&self, column: Column) -> Option<&'a str> {
        self.header.column(column).and_then(|index| cell(self.row, index))
    }

    /// The cell of the time limit, unless it is empty.
    pub(super) fn time(&self) -> Option<&'a str> {
        self.header.time.and_then(|(index, _)| cell(self.row, index))
    }

    /// Whether the table has a column that says what is right.
    pub(super) fn has_column_of_right(&self) -> bool {
        !self.header.correct.is_empty()
    }

    /// Whether the row has nothing that could be a question.
    pub(super) fn is_empty(&self) -> bool {
        self.question.is_empty() && self.options.is_empty() && self.correct.is_empty() && self.wrong.is_empty()
    }

    /// The cells that say what is right.
    pub(super) fn right(&self) -> Vec<&'a str> {
        self.correct.iter().map(|(_, cell)| *cell).collect()
    }

    /// The cell with the right number, and whether a workbook stores it as a number.
    pub(super) fn number(&self) -> Option<(&'a str, bool)> {
        let correct = self.header.correct.iter().map(|(_, index)| *index);
        let mut columns = correct.chain(self.header.options.iter().map(|option| option.column));
        let is_number = |index: &usize| self.row.numbers.contains(index);
        let found = columns.find_map(|index| Some((cell(self.row, index)?, is_number(&index))));
        let listed = || self.options.first().map(|option| option.text);
        found.or_else(|| Some((listed()?, self.header.column(Column::Options).as_ref().is_some_and(is_number))))
    }

    /// The notation of numbers in this column and row. Numbers stored by a workbook always have a point.
    pub(super) fn notation(&self, column: Column, notation: Notation) -> Notation {
        notation_of(self.row, self.header.column(column), notation)
    }

    fn in_columns(&mut self) -> Vec<ListedOption<'a>> {
        let (header, row) = (self.header, self.row);
        let marks = marks(header, row);
        let is_marked = |label: usize| marks.as_ref().is_ok_and(|marked| marked.contains(&label));
        let options = header.options.iter().filter_map(|option| {
            let text = cell(row, option.column)?;
            Some(ListedOption { label: option.label, text, is_marked: is_marked(option.label) })
        });
        let options = options.collect();
        self.doubt = marks.err();
        options
    }

    /// The options from a single cell that lists them.
    fn listed(&self) -> Vec<ListedOption<'a>> {
        let Some(list) = self.cell(Column::Options) else { return Vec::new() };
        let texts = lists::texts(list, self.header.between).into_iter().enumerate();
        texts.map(|(index, text)| ListedOption { label: index + 1, text, is_marked: false }).collect()
    }
}

/// The labels of the options that are right according to the columns of marks or points.
fn marks(header: &Header, row: &TableRow) -> Result<Vec<usize>, String> {
    let (mut marked, mut points) = (Vec::new(), Vec::new());
    for option in header.options.iter().filter(|option| cell(row, option.column).is_some()) {
        if let Some(text) = option.flag.and_then(|index| cell(row, index)) {
            let is_right = mark(text).ok_or_else(|| format!("{:?} is neither yes nor no", shortened(text)))?;
            marked.extend(is_right.then_some(option.label));
        }
        if let Some(text) = option.points.and_then(|index| cell(row, index)) {
            let number = decimal(text, notation_of(row, option.points, Notation::Unknown))
                .ok_or_else(|| format!("{:?} is no number of points", shortened(text)))?;
            if number > Decimal::ZERO {
                points.push(number);
                marked.push(option.label);
            }
        }
    }
    match points.iter().any(|other| *other != points[0]) {
        true => Err("the right options have different points; give all of them the same".to_owned()),
        false => Ok(marked),
    }
}

/// Takes a star before an option, as in `*Elbe`, as the mark of a right option. Only if nothing else says
/// what is right.
fn take_stars(options: &mut [ListedOption<'_>]) {
    let has_star = |option: &ListedOption<'_>| option.text.len() > 1 && option.text.starts_with('*');
    let stars = options.iter().filter(|option| has_star(option)).count();
    // `**` is not a mark.
    if options.iter().any(|option| option.text.starts_with("**")) {
        return;
    }
    if stars == options.len() || options.iter().any(|option| option.is_marked) {
        return;
    }
    for option in options.iter_mut().filter(|option| has_star(option)) {
        (option.text, option.is_marked) = (option.text[1..].trim_start(), true);
    }
}

fn notation_of(row: &TableRow, index: Option<usize>, notation: Notation) -> Notation {
    if index.is_some_and(|index| row.numbers.contains(&index)) { Notation::Point } else { notation }
}

/// The trimmed text of a cell. `None` if it is missing or empty.
fn cell(row: &TableRow, index: usize) -> Option<&str> {
    row.cells.get(index).map(|cell| clean(cell)).filter(|cell| !cell.is_empty())
}

/// Trims a cell. An apostrophe before `=`, `+`, `-` or `@` is removed: it only keeps spreadsheets from calculating.
fn clean(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}
