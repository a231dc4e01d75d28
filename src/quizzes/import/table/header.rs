//! Finds the header and the meaning of each column.

use super::names::{self, Column, TimeUnit};
use super::{Table, TableRow};
use crate::domain::quiz::draft::DraftProblem;

/// How many rows are searched for a header.
pub(super) const SEARCHED: usize = 60;
/// How many columns are read. The work per row grows with it.
const MOST_COLUMNS: usize = 256;

/// The columns of a table by meaning.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Number of columns in the header.
    pub(super) width: usize,
    /// The option columns, in their order in the table.
    pub(super) options: Vec<OptionColumn>,
    /// The columns of right answers: the number in the column's name, and the column's index.
    pub(super) correct: Vec<(Option<usize>, usize)>,
    /// The columns of wrong answers.
    pub(super) wrong: Vec<usize>,
    /// The column of the time limit, and the unit in its name.
    pub(super) time: Option<(usize, TimeUnit)>,
    /// Whether the name of `correct` says that it holds numbers.
    pub(super) asks_for_numbers: bool,
    /// Whether that name says "index".
    pub(super) asks_for_index: bool,
    /// The columns without a name.
    pub(super) unnamed: Vec<usize>,
    /// The separator in a cell that lists all options.
    pub(super) between: char,
    /// Why no row can be read. `None` if the header is usable.
    pub(super) fault: Option<String>,
    /// All other columns with their index.
    others: Vec<(Column, usize)>,
    /// The names of all columns, as written by [`names::letters`].
    names: Vec<String>,
}

/// A column of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OptionColumn {
    /// The number by which `correct` refers to it.
    pub(super) label: usize,
    /// Its index in the row.
    pub(super) column: usize,
    /// The column that says whether this option is right.
    pub(super) flag: Option<usize>,
    /// The column with this option's points.
    pub(super) points: Option<usize>,
}

/// Number of known columns that a row names. 0 if it names no question or no answers, and so is not a header.
pub(super) fn score(cells: &[String]) -> usize {
    let columns: Vec<Column> = cells.iter().filter_map(|cell| Column::parse(cell)).collect();
    let is_answer = |column: &Column| {
        matches!(column, Column::Option(_) | Column::Options | Column::Answer | Column::Correct(_) | Column::Wrong)
    };
    let asks = |column: &Column| matches!(column, Column::Question | Column::Title);
    if columns.iter().any(asks) && columns.iter().any(is_answer) { columns.len() } else { 0 }
}

/// The index of the header: the row that names the most columns.
pub(super) fn find(table: &Table) -> Option<usize> {
    let scores = table.rows.iter().take(SEARCHED).map(|row| score(&row.cells)).enumerate();
    // On a tie the first row wins: `max_by_key` returns the last maximum, so the order is reversed.
    let (index, score) = scores.rev().max_by_key(|(_, score)| *score)?;
    (score > 0).then_some(index)
}

/// Finds a row that names the question but not the answers, and a message about what is missing.
pub(super) fn missing(table: &Table) -> Option<(&TableRow, String)> {
    let columns = |row: &TableRow| row.cells.iter().filter_map(|cell| Column::parse(cell)).collect::<Vec<Column>>();
    let names_question = |row: &&TableRow| {
        let columns = columns(row);
        columns.len() > 1 && columns.contains(&Column::Question)
    };
    let row = table.rows.iter().take(SEARCHED).find(names_question)?;
    let names: Vec<&str> = row.cells.iter().map(String::as_str).filter(|name| !name.trim().is_empty()).collect();
    let known = about_columns(&names, "there").unwrap_or_default();
    let message = format!(
        "{known}, and none of them holds what is right; name that column \"correct\", and the options \"option1\", \
         \"option2\" …"
    );
    Some((row, message))
}

impl Header {
    /// Reads the header. Unknown and repeated columns give a warning.
    pub(super) fn read(row: &TableRow, place: &str, warnings: &mut Vec<DraftProblem>) -> Self {
        let names = &row.cells[..row.cells.len().min(MOST_COLUMNS)];
        let mut columns: Vec<Option<Column>> = names.iter().map(|name| Column::parse(name)).collect();
        // The order matters: each step works on the columns as the step before left them.
        title_as_question(&mut columns);
        number_answers(&mut columns, names);
        spread_options(&mut columns, names);
        match about_options(&mut columns, names) {
            Ok(warning) => warnings.extend(warning.map(|message| DraftProblem::new(place, message))),
            Err(fault) => return Self { fault: Some(fault), ..Self::default() },
        }
        let letters = names.iter().map(|name| names::letters(name)).collect();
        let mut header = Self { width: row.cells.len(), names: letters, ..Self::default() };
        let (mut unknown, mut twice) = (Vec::new(), Vec::new());
        for (index, (column, name)) in columns.iter().zip(names).enumerate() {
            match column {
                Some(column) if header.add(*column, index) => (),
                Some(_) => twice.push(name.as_str()),
                None if name.trim().is_empty() => header.unnamed.push(index),
                None => unknown.push(name.as_str()),
            }
        }
        // The flags come first, or the second of these columns would be dropped.
        header.flags_from_correct();
        twice.extend(header.drop_second_correct().into_iter().map(|index| names[index].as_str()));
        let correct = header.correct.iter().filter_map(|(_, index)| row.cells.get(*index));
        let correct: Vec<String> = correct.map(|name| name.to_lowercase()).collect();
        header.asks_for_index = correct.iter().any(|name| name.contains("index"));
        header.asks_for_numbers = header.asks_for_index
            || ["choose at least one", "answer #", "number", "nummer"]
                .iter()
                .any(|hint| correct.iter().any(|name| name.contains(hint)));
        for (names, what) in [(unknown, "not read"), (twice, "not read, because another column means the same")] {
            warnings.extend(about_columns(&names, what).map(|message| DraftProblem::new(place, message)));
        }
        header
    }

    /// A header for a table that has none.
    pub(super) fn of_columns(columns: &[Column]) -> Self {
        let mut header = Self { width: columns.len(), ..Self::default() };
        for (index, column) in columns.iter().enumerate() {
            header.add(*column, index);
        }
        header
    }

    /// The index of a column that is not in another field.
    pub(super) fn column(&self, wanted: Column) -> Option<usize> {
        self.others.iter().find(|(column, _)| *column == wanted).map(|(_, index)| *index)
    }

    /// Whether the points are a factor: the column's name says so, or the column names are those of this
    /// server's export.
    pub(super) fn has_factors(&self) -> bool {
        let name = self.column(Column::Points).and_then(|index| self.names.get(index));
        let is_factor =
            |name: &String| ["factor", "faktor", "multipl", "gewicht", "weight"].iter().any(|stem| name.contains(stem));
        let is_export = || ["questionid", "timelimitms"].iter().all(|own| self.names.iter().any(|name| name == own));
        name.is_some_and(is_factor) || is_export()
    }

    /// Whether there is an option with this label.
    pub(super) fn has_option(&self, label: usize) -> bool {
        self.options.iter().any(|option| option.label == label)
    }

    /// Adds a column. Returns false if there is already one with the same meaning.
    fn add(&mut self, column: Column, index: usize) -> bool {
        match column {
            Column::RowNumber => return true,
            Column::Option(label) if self.has_option(label) => return false,
            Column::Option(label) => {
                self.options.push(OptionColumn { label, column: index, flag: None, points: None });
            }
            Column::Flag(label) => {
                let option = self.options.iter_mut().find(|option| option.label == label);
                match option {
                    Some(option) if option.flag.is_none() => option.flag = Some(index),
                    _ => return false,
                }
            }
            Column::OptionPoints(label) => {
                let option = self.options.iter_mut().find(|option| option.label == label);
                match option {
                    Some(option) if option.points.is_none() => option.points = Some(index),
                    _ => return false,
                }
            }
            Column::Correct(number) => self.correct.push((number, index)),
            Column::Wrong => self.wrong.push(index),
            Column::Time(_) if self.time.is_some() => return false,
            Column::Time(unit) => self.time = Some((index, unit)),
            other if self.column(other).is_some() => return false,
            other => self.others.push((other, index)),
        }
        true
    }

    /// If each of several `correct` columns follows an option, they say whether that option is right.
    fn flags_from_correct(&mut self) {
        let before = |index: usize| self.options.iter().position(|option| option.column + 1 == index);
        let behind: Option<Vec<usize>> = self.correct.iter().map(|(_, index)| before(*index)).collect();
        let Some(behind) = behind.filter(|behind| behind.len() > 1) else { return };
        for (option, (_, index)) in behind.into_iter().zip(std::mem::take(&mut self.correct)) {
            self.options[option].flag = Some(index);
        }
    }

    /// Keeps all `correct` columns with a number, and the first without one. Returns the indices of the others.
    fn drop_second_correct(&mut self) -> Vec<usize> {
        let mut has_one = false;
        let is_second =
            |(number, _): &(Option<usize>, usize)| number.is_none() && std::mem::replace(&mut has_one, true);
        let (dropped, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.correct).into_iter().partition(is_second);
        self.correct = kept;
        dropped.into_iter().map(|(_, index)| index).collect()
    }
}

/// Uses the title as the question if there is no question column.
fn title_as_question(columns: &mut [Option<Column>]) {
    let has_question = columns.contains(&Some(Column::Question));
    for column in columns.iter_mut().filter(|column| **column == Some(Column::Title)) {
        *column = if has_question { None } else { Some(Column::Question) };
    }
}

/// Decides the meaning of `Answer` columns. Several are options. A single one is the right answer, unless
/// another column is. If there are option columns, the first one is the right answer.
fn number_answers(columns: &mut [Option<Column>], names: &[String]) {
    if let Some(alone) = lone_label(columns, names).filter(|&(_, label)| label == 1) {
        columns[alone.0] = Some(Column::Answer);
    }
    let count = columns.iter().filter(|column| **column == Some(Column::Answer)).count();
    let has_correct = columns.iter().any(|column| matches!(column, Some(Column::Correct(_) | Column::Flag(_))));
    let has_options = columns.iter().any(|column| matches!(column, Some(Column::Option(_) | Column::Options)));
    let mut label = 0;
    for column in columns.iter_mut().filter(|column| **column == Some(Column::Answer)) {
        label += 1;
        *column = match (label, has_correct) {
            (1, false) if has_options || count == 1 => Some(Column::Correct(None)),
            (_, _) if has_options => None,
            (1, true) if count == 1 => Some(Column::Options),
            _ => Some(Column::Option(label)),
        };
    }
}

/// The option columns: index and label.
fn labels(columns: &[Option<Column>]) -> impl Iterator<Item = (usize, usize)> {
    columns.iter().enumerate().filter_map(|(index, column)| match column {
        Some(Column::Option(label)) => Some((index, *label)),
        _ => None,
    })
}

/// The only option column, if its name is just a number or letter.
fn lone_label(columns: &[Option<Column>], names: &[String]) -> Option<(usize, usize)> {
    let mut options = labels(columns);
    let lone = options.next().filter(|_| options.next().is_none())?;
    names::label(names[lone.0].trim()).map(|_| lone)
}

/// If one option number occurs twice and all others match their position, renumbers the options and returns a
/// warning. Fails if the names don't show which option is which.
fn about_options(columns: &mut [Option<Column>], names: &[String]) -> Result<Option<String>, String> {
    if let Some((index, _)) = lone_label(columns, names) {
        let name = names[index].trim();
        return Err(format!(
            "column {} is named {name:?} and nothing else; give it a name that says what it holds",
            index + 1
        ));
    }
    let labels: Vec<(usize, usize)> = labels(columns).collect();
    let is_second = |(at, (_, label)): &(usize, &(usize, usize))| labels[..*at].iter().any(|(_, other)| other == label);
    let Some((_, (_, twice))) = labels.iter().enumerate().find(is_second) else { return Ok(None) };
    if labels.iter().zip(1..).filter(|((_, label), position)| label != position).count() != 1 {
        return Err(format!("two columns are option {twice}; give every option a number of its own"));
    }
    for ((index, _), position) in labels.iter().zip(1..) {
        columns[*index] = Some(Column::Option(position));
    }
    Ok(Some(format!("two columns are option {twice}; the options were counted from left to right")))
}

/// Handles a name `Options` that covers several columns: those after it have no name.
fn spread_options(columns: &mut [Option<Column>], names: &[String]) {
    let Some(first) = columns.iter().position(|column| *column == Some(Column::Options)) else { return };
    let unnamed = names[first + 1..].iter().take_while(|name| name.trim().is_empty()).count();
    if unnamed == 0 || first + 1 + unnamed == names.len() {
        return;
    }
    for label in 1..=unnamed + 1 {
        columns[first + label - 1] = Some(Column::Option(label));
    }
}

fn about_columns(names: &[&str], what: &str) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("{:?}", shortened(name))).collect();
    match quoted.len() {
        0 => None,
        1 => Some(format!("column {} is {what}", quoted[0])),
        _ => Some(format!("columns {} are {what}", quoted.join(", "))),
    }
}

/// The first 60 characters of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let start: String = text.chars().take(57).collect();
    format!("{}…", start.trim_end())
}

/// Whether a row repeats the header, or explains it: then the cell of its kind is the name of that column.
pub(super) fn is_repeated(header: &Header, row: &TableRow) -> bool {
    let kind = header.column(Column::Kind).and_then(|index| row.cells.get(index));
    let explains = |cell: &String| names::letters(cell).len() > 4 && Column::parse(cell) == Some(Column::Kind);
    let mut filled = row.cells.iter().zip(&header.names).filter(|(cell, _)| !cell.trim().is_empty());
    kind.is_some_and(explains) || filled.clone().count() > 1 && filled.all(|(cell, name)| names::letters(cell) == *name)
}
