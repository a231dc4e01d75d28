//! Importers that make question banks from other file formats. Each format has a reader that turns a file
//! into items. All later steps are the same for every format.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `detect` | detection of a file's format |
//! | `table`, `gift`, `aiken`, `moodle_xml` | readers for the formats that teachers use |
//! | `opentdb`, `trivia_api`, `opentriviaqa`, `json_shapes` | readers for question collections and JSON lists |
//! | `json_entries` | what the JSON readers share |
//! | `html`, `moodle` | what GIFT and Moodle XML share: HTML as markup, answers with shares of the points |
//! | `item` | the common output of all readers |
//! | `option_ids` | turns items into questions with ids |
//! | `export` | the other direction: a bank as a table, GIFT or JSON |
//!
//! A question that can't be imported is left out, and the result names its place. Every imported bank passes
//! `Bank::check`. Importing is deterministic: the same file always gives the same bank.

mod aiken;
mod detect;
pub mod export;
mod gift;
mod html;
mod item;
mod json_entries;
mod json_shapes;
mod moodle;
mod moodle_xml;
mod opentdb;
mod opentriviaqa;
mod option_ids;
mod table;
mod trivia_api;

use std::path::Path;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub use detect::Format;

use self::item::{Item, ItemKind, ParsedFile, line};
use self::option_ids::Dealer;
use super::bank::{Bank, BankFile, MOST_QUESTIONS};
use super::check::predictable_place;
use super::reading::{self, Decoded};
use super::select::{Defaults, Order, QuestionCount};
use crate::domain::QuizId;
use crate::domain::quiz::draft::{self, DraftProblem, MOST_QUESTIONS as MOST_OF_A_GAME};
use crate::domain::scoring::{Partial, Scoring};

/// The fields of the new bank that the imported file does not contain.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The `quizId` of the bank.
    pub quiz_id: QuizId,
    /// The title that players see.
    pub title: String,
}

impl ImportOptions {
    /// Derives id and title from the file's name.
    ///
    /// # Errors
    /// The file's name contains no letter or digit that a `quizId` may have.
    pub fn named_after(path: &Path) -> Result<Self, DraftProblem> {
        let title = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let quiz_id = slug(&title)
            .ok_or_else(|| DraftProblem::new("file", format!("{title:?} gives no name for a bank: say --quiz-id")))?;
        Ok(Self::new(quiz_id, path))
    }

    /// Uses this id, and the file's name as the title.
    pub fn new(quiz_id: QuizId, path: &Path) -> Self {
        let title = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self { quiz_id, title }
    }
}

/// A `quizId` derived from a file's name: `Sea & Sky (1)` becomes `sea-sky-1`, `Größe` becomes `groesse`. At
/// most 64 bytes.
fn slug(text: &str) -> Option<QuizId> {
    let latin = |c: char| match c {
        'ä' => "ae".to_owned(),
        'ö' => "oe".to_owned(),
        'ü' => "ue".to_owned(),
        'ß' => "ss".to_owned(),
        c => c.nfd().filter(|c| !is_combining_mark(*c)).collect(),
    };
    let lower: String = text.nfc().flat_map(char::to_lowercase).map(latin).collect();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    let end = joined.len().min(64);
    joined[..end].trim_end_matches('-').parse().ok()
}

/// A file to import.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The file's name, if known. It helps to detect the format.
    pub name: Option<&'a str>,
    /// The format, if the caller knows it. `None`: it is detected.
    pub format: Option<Format>,
    /// The content of the file.
    pub bytes: &'a [u8],
}

/// The result of an import.
#[derive(Debug, Clone, Default)]
pub struct ImportResult {
    /// The bank, which passes every check. `None` if no question could be imported.
    pub file: Option<BankFile>,
    /// The questions that can't be imported, each with its place and how to fix it.
    pub left_out: Vec<DraftProblem>,
    /// Questions that were imported, but that the author should look at.
    pub warnings: Vec<DraftProblem>,
    /// What was detected about the file as a whole: `semicolons`, `Windows-1252`.
    pub understood: Vec<String>,
}

impl ImportResult {
    /// The result for a file that can't be read at all.
    fn nothing(place: &str, why: impl Into<String>) -> Self {
        Self { left_out: vec![DraftProblem::new(place, why)], ..Self::default() }
    }

    /// Number of imported questions.
    pub fn count(&self) -> usize {
        self.file.as_ref().map_or(0, |file| file.questions.len())
    }

    /// A one-line summary: `semicolons, Windows-1252, header in row 3, 25 questions, 2 left out`.
    pub fn summary(&self) -> String {
        let mut parts = self.understood.clone();
        parts.push(counted(self.count(), "question"));
        parts.push(format!("{} left out", self.left_out.len()));
        parts.join(", ")
    }
}

/// A number with its noun, in the plural if needed: `1 question`, `2 questions`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Detects the format of a file. `None` if it is none of the supported formats.
pub fn format_of(name: Option<&str>, bytes: &[u8]) -> Option<Format> {
    let text = if table::is_workbook(bytes) { String::new() } else { reading::decode(bytes).text };
    detect::detect(name, bytes, &reading::unix_lines(text))
}

/// Imports a file. Never fails: if nothing can be imported, `file` of the result is `None`.
pub fn import(source: Source<'_>, options: ImportOptions) -> ImportResult {
    let Source { name, format, bytes } = source;
    let is_workbook = table::is_workbook(bytes);
    if !is_workbook && let Some(kind) = reading::is_binary(bytes) {
        return ImportResult::nothing("file", format!("it is {kind}, and holds no text; save it as a table or a text"));
    }
    let Decoded { text, encoding, is_certain, unreadable } = reading::decode(if is_workbook { b"" } else { bytes });
    let text = reading::unix_lines(text);
    let Some(format) = format.or_else(|| detect::detect(name, bytes, &text)) else {
        let why = "it is none of the formats that can be imported; if it is one, say which";
        return ImportResult::nothing("file", why);
    };
    let read = match format {
        Format::Table if is_workbook => table::read_workbook(bytes),
        Format::Table => Ok(table::read_text(&text)),
        _ if is_workbook => Err(DraftProblem::new("file", "it is a workbook: a table")),
        Format::Gift => Ok(gift::read(&text)),
        Format::Aiken => Ok(aiken::read(&text)),
        Format::MoodleXml => moodle_xml::read(&text),
        Format::Opentdb => Ok(opentdb::read(&text)),
        Format::TriviaApi => Ok(trivia_api::read(&text)),
        Format::OpenTriviaQa => Ok(opentriviaqa::read(&text)),
        Format::JsonList => Ok(json_shapes::read(&text)),
        Format::Bank => return of_bank(bytes),
    };
    let mut found = read.unwrap_or_else(|problem| ParsedFile { left_out: vec![problem], ..ParsedFile::default() });
    found.understood.insert(0, format.label().to_owned());
    if !is_workbook {
        found.understood.insert(1, encoding.to_owned());
        found.warnings.splice(0..0, doubts(encoding, is_certain, unreadable));
    }
    finish(format, found, options)
}

/// Warnings about a text whose encoding is not certain, or which has undecodable characters.
fn doubts(encoding: &str, is_certain: bool, unreadable: usize) -> Vec<DraftProblem> {
    let mut doubts = Vec::new();
    if !is_certain {
        let message = format!("read as {encoding}, which is not certain; look at its letters, or save it as UTF-8");
        doubts.push(DraftProblem::new("file", message));
    }
    if unreadable > 0 {
        let message = format!("{} cannot be read, and shown as \u{fffd}", counted(unreadable, "character"));
        doubts.push(DraftProblem::new("file", message));
    }
    doubts
}

/// Reads a file that already is a bank and needs no conversion.
fn of_bank(bytes: &[u8]) -> ImportResult {
    let understood = vec![Format::Bank.label().to_owned()];
    let read = reading::json::<BankFile>(bytes).map_err(|problem| vec![problem]);
    match read.and_then(|file| Bank::check(file.clone()).map(|_| file)) {
        Ok(file) => ImportResult { file: Some(file), understood, ..ImportResult::default() },
        Err(left_out) => ImportResult { left_out, understood, ..ImportResult::default() },
    }
}

fn finish(format: Format, found: ParsedFile, options: ImportOptions) -> ImportResult {
    let ParsedFile { items, left_out, warnings, understood } = found;
    let mut dealer = Dealer::new(left_out, warnings);
    for item in items {
        if dealer.questions.len() == MOST_QUESTIONS {
            let message =
                format!("a bank holds {MOST_QUESTIONS} questions at most: this and all that follow are left out");
            dealer.left_out.push(DraftProblem::new(item.place, message));
            break;
        }
        dealer.deal(item);
    }
    let Dealer { questions, places, mut left_out, mut warnings, has_shares, .. } = dealer;
    item::sort_by_place(&mut left_out, &places);
    if questions.is_empty() {
        if left_out.is_empty() {
            left_out.push(DraftProblem::new("file", "holds no question that can be imported"));
        }
        item::sort_by_place(&mut warnings, &places);
        return ImportResult { file: None, left_out, warnings, understood };
    }
    let shares = || Scoring { multiple: Partial::Shares, ..Scoring::default() };
    let mut file = BankFile {
        schema: None,
        quiz_id: options.quiz_id,
        title: options.title,
        description: None,
        license: format.license().map(str::to_owned),
        play: None,
        hosting: None,
        defaults: None,
        scoring: has_shares.then(shares),
        progression: None,
        questions,
    };
    file.defaults = defaults(format, &file, &mut warnings);
    warnings.extend(files_needed(&file));
    item::sort_by_place(&mut warnings, &places);
    // Each question was checked before, but not the bank as a whole.
    match Bank::check(file.clone()) {
        Ok(_) => ImportResult { file: Some(file), left_out, warnings, understood },
        Err(problems) => {
            left_out.extend(problems);
            ImportResult { file: None, left_out, warnings, understood }
        }
    }
}

/// A warning about picture files that must be in the folder `media` beside the bank. It names the first one
/// and their number.
fn files_needed(file: &BankFile) -> Option<DraftProblem> {
    let images = file.questions.iter().filter_map(|question| question.image.as_deref());
    let names: Vec<&str> = images.filter(|image| draft::is_file_name(image)).collect();
    let first = names.first()?;
    let message = format!(
        "{} must lie in the folder media beside the bank: {first}{}",
        counted(names.len(), "picture"),
        if names.len() > 1 { ", …" } else { "" }
    );
    Some(DraftProblem::new("file", message))
}

/// The default selection of an imported bank. Questions of a host's own file are all played, in the file's
/// order. A collection gets no defaults, so a game takes a random sample. Options are shuffled for Moodle's
/// formats, because Moodle does so, and if the right option is nearly always at the same position.
fn defaults(format: Format, file: &BankFile, warnings: &mut Vec<DraftProblem>) -> Option<Defaults> {
    if format.is_collection() {
        return None;
    }
    let checked = draft::check(file.questions.clone(), draft::Texts::Required).unwrap_or_default();
    let place = predictable_place(&checked.into_iter().map(std::sync::Arc::new).collect::<Vec<_>>());
    if let Some(place) = &place {
        warnings.push(DraftProblem::new(
            "file",
            format!("{place}: options are shuffled in every game (defaults.optionOrder)"),
        ));
    }
    let is_shuffled = place.is_some() || matches!(format, Format::Gift | Format::MoodleXml);
    let all = file.questions.len();
    if all > MOST_OF_A_GAME {
        let message = format!(
            "{all} questions, and a game has at most {MOST_OF_A_GAME}: the first ones, unless it asks for others"
        );
        warnings.push(DraftProblem::new("file", message));
    }
    let count = Some(if all > MOST_OF_A_GAME { QuestionCount::Most(MOST_OF_A_GAME) } else { QuestionCount::All });
    let option_order = if is_shuffled { Order::Shuffle } else { Order::Bank };
    Some(Defaults { count, order: Some(Order::Bank), option_order: Some(option_order) })
}

impl Format {
    /// The name of the format in messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Table => "a table",
            Self::Gift => "GIFT",
            Self::Aiken => "Aiken",
            Self::MoodleXml => "Moodle XML",
            Self::Opentdb => "Open Trivia DB",
            Self::TriviaApi => "The Trivia API",
            Self::OpenTriviaQa => "OpenTriviaQA",
            Self::JsonList => "a JSON list",
            Self::Bank => "a bank of rejoin",
        }
    }

    /// The licence of all its questions, if the format belongs to a single source.
    fn license(self) -> Option<&'static str> {
        match self {
            Self::Opentdb => Some(opentdb::LICENSE),
            Self::TriviaApi => Some(trivia_api::LICENSE),
            Self::OpenTriviaQa => Some(opentriviaqa::LICENSE),
            Self::Table | Self::Gift | Self::Aiken | Self::MoodleXml | Self::JsonList | Self::Bank => None,
        }
    }

    /// True if the format belongs to a large collection, from which a game takes a random sample.
    fn is_collection(self) -> bool {
        self.license().is_some()
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
