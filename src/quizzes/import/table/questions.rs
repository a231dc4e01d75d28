//! Turns the rows below a header into questions.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::habits::Habits;
use super::header::{self, Header, shortened};
use super::kind::TableKind;
use super::names::{self, Column, TimeUnit};
use super::truth::mark;
use super::values::{self, Scale};
use super::{Table, TableRow, answers};
use crate::domain::markup::{self, Node, Tag};
use crate::domain::quiz::draft::{DraftProblem, MOST_FACTOR, MOST_TEXT};
use crate::quizzes::import::html;
use crate::quizzes::import::item::{Item, ItemKind, ParsedFile};

/// Rewrites cells that would be misread otherwise.
pub(super) fn prepare(table: &mut Table, header: &Header, first: usize) {
    if table.is_text() {
        for row in table.rows.iter_mut().skip(first) {
            join_last(row, header, table.separator);
        }
    }
    let Some(index) = header.column(Column::Question) else { return };
    let mut cells = table.rows[first..].iter().filter_map(|row| row.cells.get(index)).filter(|cell| !cell.is_empty());
    if cells.clone().next().is_some() && cells.all(|cell| is_page(cell)) {
        for row in table.rows.iter_mut().skip(first) {
            from_html(row, index);
        }
    }
}

/// An explanation that contains the separator without quotes gives the row too many cells. They are joined again if
/// the explanation is the last column and the right answer is a letter, because then no cell before it has moved.
fn join_last(row: &mut TableRow, header: &Header, separator: char) {
    let last = header.width.saturating_sub(1);
    let [(_, correct)] = header.correct.as_slice() else { return };
    let is_letter = |cell: &String| names::label(cell.trim()).is_some() && !cell.trim().starts_with(char::is_numeric);
    let mut options = header.options.iter().filter_map(|option| row.cells.get(option.column));
    if row.cells.len() <= header.width
        || header.column(Column::Explanation) != Some(last)
        || !row.cells.get(*correct).is_some_and(is_letter)
        || options.any(is_letter)
    {
        return;
    }
    let rest = row.cells.split_off(last);
    row.cells.push(rest.join(&separator.to_string()));
}

/// Whether a cell is a fragment of HTML: `<p>…</p>`.
fn is_page(cell: &str) -> bool {
    let cell = cell.trim();
    ["p", "div"].iter().any(|tag| cell.starts_with(&format!("<{tag}")) && cell.ends_with(&format!("</{tag}>")))
}

fn from_html(row: &mut TableRow, index: usize) {
    let Some(cell) = row.cells.get_mut(index) else { return };
    let html = html::to_markup(cell);
    if html.media.is_empty() {
        *cell = html.text;
    } else {
        row.unreadable = Some("the question has a picture in its HTML; put its URL into a column \"image\"");
    }
}

/// Reads the rows below a header.
pub(super) fn read(table: &Table, header: &Header, rows: &[TableRow], found: &mut ParsedFile) {
    let fields: Vec<Fields<'_>> = rows.iter().map(|row| Fields::new(header, row)).collect();
    let reader = RowReader { table, header, habits: Habits::of(header, &fields) };
    reader.warn_of_habits(rows, &fields, found);
    reader.warn_of_unnamed(rows, found);
    for (row, fields) in rows.iter().zip(&fields) {
        reader.read_row(row, fields, found);
    }
}

/// Reads rows by the header and by the conventions of all rows.
struct RowReader<'a> {
    table: &'a Table,
    header: &'a Header,
    habits: Habits,
}

impl RowReader<'_> {
    fn read_row(&self, row: &TableRow, fields: &Fields<'_>, found: &mut ParsedFile) {
        let place = self.table.place(row);
        if let Some(reason) = row.unreadable {
            found.left_out.push(DraftProblem::new(place, reason));
            return;
        }
        if header::is_repeated(self.header, row) {
            found.understood.push(format!("{place} holds the names of the columns again, or hints"));
            return;
        }
        if fields.is_empty() {
            return;
        }
        let mut warnings = Vec::new();
        match self.item(&place, row, fields, &mut warnings) {
            Ok(item) => {
                warnings.extend(about_markup(&item));
                found.items.push(item);
                found.warnings.extend(warnings.into_iter().map(|message| DraftProblem::new(place.clone(), message)));
            }
            Err(message) => found.left_out.push(DraftProblem::new(place, message)),
        }
    }

    /// Warns about conventions that are not certain.
    fn warn_of_habits(&self, rows: &[TableRow], fields: &[Fields<'_>], found: &mut ParsedFile) {
        let Some(place) = rows.first().map(|row| self.table.place(row)) else { return };
        let mut warn = |message: &str| found.warnings.push(DraftProblem::new(place.clone(), message));
        if self.habits.right.from_zero {
            warn("the numbers of right options count from 0 here: 0 is the first option");
        }
        if self.habits.right.is_apart && self.header.has_option(1) {
            warn("what is right is none of the options in any row, so it was added to them");
        }
        if self.habits.right.may_count_from_zero {
            warn("nothing tells whether the numbers of right options count from 0 or 1; they were counted from 1");
        }
        if self.habits.points == Scale::Other {
            warn(&format!(
                "the column of points is not read: points are a factor here, 1 as usual and 2 for twice as many; write \
                 0 to 3, or name the column \"factor\" for 0 to {MOST_FACTOR}"
            ));
        }
        let asking = rows.iter().zip(fields).filter(|(row, _)| !header::is_repeated(self.header, row));
        let unknown = asking.filter_map(|(_, fields)| fields.cell(Column::Kind));
        let unknown: BTreeSet<&str> = unknown.filter(|name| TableKind::parse(name).is_none()).collect();
        if let Some(cell) = unknown.first() {
            let more = if unknown.len() > 1 { " and others" } else { "" };
            warn(&format!(
                "{:?}{more} is no kind of question that is known; such rows are read by their options and by what is \
                 right",
                shortened(cell)
            ));
        }
    }

    /// Warns about columns without a name that have content. A column of numbers before the question counts
    /// the rows and needs no warning.
    fn warn_of_unnamed(&self, rows: &[TableRow], found: &mut ParsedFile) {
        let widest = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
        // In a text, a row with cells after the last column is left out instead.
        let behind = if self.table.is_text() { 0..0 } else { self.header.width..widest };
        let question = self.header.column(Column::Question).unwrap_or_default();
        for index in self.header.unnamed.iter().copied().chain(behind) {
            let cell = |row: &TableRow| row.cells.get(index).map(|cell| cell.trim().to_owned()).unwrap_or_default();
            let are_numbers = || rows.iter().all(|row| cell(row).bytes().all(|byte| byte.is_ascii_digit()));
            let filled = rows.iter().find(|row| !cell(row).is_empty());
            if let Some(row) = filled.filter(|_| index > question || !are_numbers()) {
                let message = format!("column {} has no name and is not read", index + 1);
                found.warnings.push(DraftProblem::new(self.table.place(row), message));
            }
        }
    }

    fn item(
        &self,
        place: &str,
        row: &TableRow,
        fields: &Fields<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Item, String> {
        let behind = row.cells.iter().skip(self.header.width);
        if self.table.is_text() && behind.clone().any(|cell| !cell.trim().is_empty()) {
            return Err(format!(
                "{} cells under {} columns; if a text holds the separator, put the text in quotes",
                row.cells.len(),
                self.header.width
            ));
        }
        if fields.question.is_empty() {
            return Err("there is no question in this row".to_owned());
        }
        let name = fields.cell(Column::Kind);
        let kind = name.and_then(TableKind::parse);
        if let (Some(name), Some(TableKind::Other)) = (name, kind) {
            return Err(unknown_kind(name));
        }
        let (asked, warning) = answers::asked(kind, fields, &self.habits)?;
        if let Some(name) = name.filter(|_| self.habits.has_kinds && kind.is_none() && is_doubtful(&asked)) {
            return Err(unknown_kind(name));
        }
        warnings.extend(warning);
        let item = Item::new(place.to_owned(), shown(fields.question), with_shown_options(asked));
        Ok(self.with_the_rest(item, fields, warnings))
    }

    /// Adds the optional fields. A cell that can't be read gives a warning, and the field stays empty.
    fn with_the_rest(&self, item: Item, fields: &Fields<'_>, warnings: &mut Vec<String>) -> Item {
        let owned = |column| fields.cell(column).map(str::to_owned);
        let level = self.habits.highest_level;
        let points = fields.cell(Column::Points).filter(|_| self.habits.points != Scale::Other);
        let mut read = Beside { warnings };
        Item {
            id: read.cell(fields.cell(Column::Id), "id", "is longer than 64 bytes or has a line break", |cell| {
                cell.parse().ok()
            }),
            category: owned(Column::Category),
            difficulty: read.cell(
                fields.cell(Column::Difficulty),
                "difficulty",
                "is none of easy, medium, hard",
                |cell| values::difficulty(cell, level),
            ),
            explanation: owned(Column::Explanation),
            time_limit_ms: read.time(fields.time(), self.header.time.map_or(TimeUnit::Unsaid, |(_, unit)| unit)),
            image: owned(Column::Image),
            alt: owned(Column::Alt),
            points: read.cell(points, "points", &format!("is no factor from 0 to {MOST_FACTOR}"), |cell| {
                values::points(cell, self.habits.points, fields.notation(Column::Points, self.habits.notation))
            }),
            ignore_accents: read.mark(fields.cell(Column::IgnoreAccents), "ignoreAccents"),
            max_typos: read.cell(fields.cell(Column::MaxTypos), "maxTypos", "is no number", |cell| {
                cell.strip_suffix(".0").unwrap_or(cell).parse().ok()
            }),
            no_speed_bonus: read.mark(fields.cell(Column::NoSpeedBonus), "noSpeedBonus"),
            ..item
        }
    }
}

/// Reads cells of optional fields. Problems become warnings.
struct Beside<'a> {
    warnings: &'a mut Vec<String>,
}

impl Beside<'_> {
    fn time(&mut self, cell: Option<&str>, unit: TimeUnit) -> Option<u64> {
        if let Some(cell) = cell.filter(|cell| values::is_doubtful_time(cell, unit)) {
            let message = format!(
                "time limit {:?} may be seconds or milliseconds; write the unit, such as 20 s; it was left out",
                shortened(cell)
            );
            self.warnings.push(message);
            return None;
        }
        self.cell(cell, "time limit", "is no time; write seconds, such as 20", |cell| values::time(cell, unit))
    }

    fn mark(&mut self, cell: Option<&str>, name: &str) -> Option<bool> {
        self.cell(cell, name, "is neither yes nor no", mark)
    }

    fn cell<T>(
        &mut self,
        cell: Option<&str>,
        name: &str,
        fault: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let cell = cell?;
        let value = parse(cell);
        if value.is_none() {
            self.warnings.push(format!("{name} {:?} {fault}; it was left out", shortened(cell)));
        }
        value
    }
}

/// Whether the question may be of another kind, such as ordering or matching.
fn is_doubtful(asked: &ItemKind) -> bool {
    match asked {
        ItemKind::Multiple { options, right, .. } => right.len() == options.len(),
        ItemKind::Text { accepted } => accepted.len() > 1,
        _ => false,
    }
}

/// Escapes a text that consists only of tags, because then the tags themselves are the content: `<u></u>`.
fn shown(text: &str) -> String {
    if markup::plain(text).trim().is_empty() { markup::escape(text) } else { text.to_owned() }
}

fn with_shown_options(mut asked: ItemKind) -> ItemKind {
    if let ItemKind::Choice { options, .. } | ItemKind::Multiple { options, .. } | ItemKind::Poll { options } =
        &mut asked
    {
        for option in options {
            *option = shown(option);
        }
    }
    asked
}

fn unknown_kind(name: &str) -> String {
    format!(
        "questions of the kind {:?} can't be asked; the kinds are choice, multiple, true/false, text, number, order \
         and poll",
        shortened(name)
    )
}

/// A warning about tags that the author may have meant as text.
fn about_markup(item: &Item) -> Option<String> {
    let options = match &item.asked {
        ItemKind::Choice { options, .. } | ItemKind::Multiple { options, .. } | ItemKind::Poll { options } => {
            options.as_slice()
        }
        ItemKind::Order { parts } => parts,
        ItemKind::Text { .. } | ItemKind::Number { .. } => &[],
    };
    let texts = std::iter::once(&item.text).chain(options).chain(&item.explanation);
    let (tag, shown) = texts
        .filter(|text| text.contains('<') && text.len() <= MOST_TEXT)
        .find_map(|text| shown_tag(&markup::parse(text)))?;
    Some(format!("<{tag}>…</{tag}> is shown as {shown}; write &lt;{tag}&gt; to show the tag"))
}

fn shown_tag(nodes: &[Node]) -> Option<(&'static str, &'static str)> {
    nodes.iter().find_map(|node| match node {
        Node::Text(_) => None,
        Node::Tagged(Tag::B, _) => Some(("b", "bold")),
        Node::Tagged(Tag::I, _) => Some(("i", "italic")),
        Node::Tagged(Tag::Code, _) => Some(("code", "code")),
        Node::Tagged(Tag::Pre, _) => Some(("pre", "code")),
        Node::Tagged(Tag::Sub | Tag::Sup, inside) => shown_tag(inside),
    })
}
