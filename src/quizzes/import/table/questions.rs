//! From the rows under a header to questions.

use super::fields::Fields;
use super::habits::Habits;
use super::header::{self, Header, shortened};
use super::kind::Kind;
use super::names::{Column, Unit};
use super::{Row, Table, answers, values};
use crate::domain::markup::{self, Node, Tag};
use crate::domain::quiz::draft::{MOST_TEXT, Problem};
use crate::quizzes::import::item::{Asked, Found, Item};

/// Reads the rows under a header.
pub(super) fn read(table: &Table, header: &Header, rows: &[Row], found: &mut Found) {
    let fields: Vec<Fields<'_>> = rows.iter().map(|row| Fields::new(header, row)).collect();
    let reader = Reader { table, header, habits: Habits::of(header, &fields) };
    reader.warn_of_habits(rows, &fields, found);
    reader.warn_of_unnamed(rows, found);
    for (row, fields) in rows.iter().zip(&fields) {
        reader.read_row(row, fields, found);
    }
}

/// What the rows have in common.
struct Reader<'a> {
    table: &'a Table,
    header: &'a Header,
    habits: Habits,
}

impl Reader<'_> {
    fn read_row(&self, row: &Row, fields: &Fields<'_>, found: &mut Found) {
        let place = self.table.place(row);
        if let Some(reason) = row.unreadable {
            found.left_out.push(Problem::new(place, reason));
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
                found.warnings.extend(warnings.into_iter().map(|message| Problem::new(place.clone(), message)));
            }
            Err(message) => found.left_out.push(Problem::new(place, message)),
        }
    }

    /// Tells how the rows were understood where that is not certain.
    fn warn_of_habits(&self, rows: &[Row], fields: &[Fields<'_>], found: &mut Found) {
        let Some(place) = rows.first().map(|row| self.table.place(row)) else { return };
        let mut warn = |message: &str| found.warnings.push(Problem::new(place.clone(), message));
        if self.habits.right.from_zero {
            warn("the numbers of right options count from 0 here: 0 is the first option");
        }
        if self.habits.right.is_apart && self.header.has_option(1) {
            warn("what is right is none of the options in any row, so it was added to them");
        }
        if !self.habits.has_kinds
            && let Some(cell) = fields.iter().find_map(|fields| fields.cell(Column::Kind))
        {
            warn(&format!("{:?} is no kind of question; the column of kinds is not read", shortened(cell)));
        }
    }

    /// Tells which columns are not read, as they have no name. Numbers before the question are the rows'.
    fn warn_of_unnamed(&self, rows: &[Row], found: &mut Found) {
        let widest = rows.iter().map(|row| row.cells.len()).max().unwrap_or_default();
        // In a text, cells behind the last column make the row doubtful.
        let behind = if self.table.is_text() { 0..0 } else { self.header.width..widest };
        let question = self.header.column(Column::Question).unwrap_or_default();
        for index in self.header.unnamed.iter().copied().chain(behind) {
            let cell = |row: &Row| row.cells.get(index).map(|cell| cell.trim().to_owned()).unwrap_or_default();
            let are_numbers = || rows.iter().all(|row| cell(row).bytes().all(|byte| byte.is_ascii_digit()));
            let filled = rows.iter().find(|row| !cell(row).is_empty());
            if let Some(row) = filled.filter(|_| index > question || !are_numbers()) {
                let message = format!("column {} has no name and is not read", index + 1);
                found.warnings.push(Problem::new(self.table.place(row), message));
            }
        }
    }

    fn item(&self, place: &str, row: &Row, fields: &Fields<'_>, warnings: &mut Vec<String>) -> Result<Item, String> {
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
        let kind = fields.cell(Column::Kind).filter(|_| self.habits.has_kinds);
        let kind = kind.map(|name| known_kind(name).ok_or_else(|| unknown_kind(name))).transpose()?;
        let (asked, warning) = answers::asked(kind, fields, self.habits.right)?;
        warnings.extend(warning);
        let item = Item::new(place.to_owned(), fields.question.to_owned(), asked);
        Ok(self.with_the_rest(item, fields, warnings))
    }

    /// What stands beside the question. What can't be read of it is a warning.
    fn with_the_rest(&self, item: Item, fields: &Fields<'_>, warnings: &mut Vec<String>) -> Item {
        let unit = self.header.time.map_or(Unit::Seconds, |(_, unit)| unit);
        let owned = |column| fields.cell(column).map(str::to_owned);
        let level = self.habits.highest_level;
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
            time_limit_ms: read.cell(fields.time(), "time limit", "is no time; write seconds, such as 20", |cell| {
                values::time(cell, unit)
            }),
            image: owned(Column::Image),
            alt: owned(Column::Alt),
            points: read.cell(fields.cell(Column::Points), "points", "is no factor from 0 to 100", |cell| {
                values::points(cell, self.habits.points_in_thousands)
            }),
            ..item
        }
    }
}

/// Reads cells that a question can do without.
struct Beside<'a> {
    warnings: &'a mut Vec<String>,
}

impl Beside<'_> {
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

fn known_kind(name: &str) -> Option<Kind> {
    Kind::parse(name).filter(|kind| *kind != Kind::Other)
}

fn unknown_kind(name: &str) -> String {
    format!(
        "questions of the kind {:?} can't be asked; the kinds are choice, multiple, true/false, text, number, order \
         and poll",
        shortened(name)
    )
}

/// Tags that a table's author may have meant as text.
fn about_markup(item: &Item) -> Option<String> {
    let options = match &item.asked {
        Asked::Choice { options, .. } | Asked::Multiple { options, .. } | Asked::Poll { options } => options.as_slice(),
        Asked::Order { parts } => parts,
        Asked::Text { .. } | Asked::Number { .. } => &[],
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
