//! Question banks out of other people's formats. Each format has a reader that turns a file into
//! [`Item`]s; what follows is the same for all of them.
//!
//! Whatever is imported passes [`Bank::check`]; whatever is not is told with its place in the file.
//! The same file gives the same bank every time.

mod aiken;
mod csv;
mod deal;
mod gift;
mod opentdb;

use std::collections::BTreeSet;

use super::bank::{Bank, BankFile, Play};
use super::reading;
use crate::domain::quiz::draft::Problem;
use crate::domain::{Difficulty, QuestionId, QuizId};

/// The formats that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// JSON of the Open Trivia Database's API
    Opentdb,
    /// A table with a header line; commas, semicolons or tabs
    Csv,
    /// Moodle's GIFT
    Gift,
    /// Aiken: plain text with lettered options
    Aiken,
}

/// What a bank's file says besides its questions.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bank's name.
    pub quiz_id: QuizId,
    /// What people see.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// The licence of the questions; for a format of one source, that source's own if left out.
    pub license: Option<String>,
    /// How it may be played.
    pub play: Option<BTreeSet<Play>>,
}

/// A file that was imported.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The bank, which passes every check.
    pub file: BankFile,
    /// What was left out or changed, each with its place.
    pub warnings: Vec<Problem>,
}

/// A question as a reader finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// Where it stands: `line 12`.
    place: String,
    text: String,
    options: Vec<String>,
    /// The position of the right one in `options`.
    right: usize,
    /// Whether the options have an order of their own, as True and False have.
    ordered: bool,
    id: Option<QuestionId>,
    category: Option<String>,
    difficulty: Option<Difficulty>,
    explanation: Option<String>,
    time_limit_ms: Option<u64>,
}

impl Item {
    fn new(place: String, text: String, options: Vec<String>, right: usize) -> Self {
        Self {
            place,
            text,
            options,
            right,
            ordered: false,
            id: None,
            category: None,
            difficulty: None,
            explanation: None,
            time_limit_ms: None,
        }
    }

    fn true_or_false(place: String, text: String, right: bool) -> Self {
        let options = vec!["True".to_owned(), "False".to_owned()];
        Self { ordered: true, ..Self::new(place, text, options, usize::from(!right)) }
    }
}

/// What a reader finds in a file.
#[derive(Debug, Default)]
struct Found {
    items: Vec<Item>,
    warnings: Vec<Problem>,
    problems: Vec<Problem>,
}

/// Makes a bank of a file of that format.
///
/// # Errors
/// Every problem found, each with its place in the file.
pub fn import(format: Format, bytes: &[u8], options: Options) -> Result<Imported, Vec<Problem>> {
    let read = match format {
        Format::Opentdb => opentdb::read(bytes),
        Format::Csv => reading::lines(bytes).map(|text| csv::read(&text)),
        Format::Gift => reading::lines(bytes).map(|text| gift::read(&text)),
        Format::Aiken => reading::lines(bytes).map(|text| aiken::read(&text)),
    };
    let Found { items, mut warnings, mut problems } = read.map_err(|problem| vec![problem])?;
    if items.is_empty() && problems.is_empty() {
        problems = warnings;
        problems.push(Problem::new("file", "holds no question that can be imported"));
        return Err(problems);
    }
    let places: Vec<String> = items.iter().map(|item| item.place.clone()).collect();
    let questions = deal::deal(items, &mut warnings, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let own_license = || (format == Format::Opentdb).then(|| opentdb::LICENSE.to_owned());
    let file = BankFile {
        schema: None,
        quiz_id: options.quiz_id,
        title: options.title,
        description: options.description,
        license: options.license.or_else(own_license),
        play: options.play,
        hosting: None,
        scoring: None,
        progression: None,
        questions,
    };
    match Bank::check(file.clone()) {
        Ok(_) => Ok(Imported { file, warnings }),
        Err(problems) => Err(problems.into_iter().map(|problem| in_the_source(problem, &places)).collect()),
    }
}

/// A problem of `questions[3]` as one of the place where that question came from.
fn in_the_source(problem: Problem, places: &[String]) -> Problem {
    let question = problem.path.strip_prefix("questions[").and_then(|rest| rest.split_once(']'));
    let place = question.and_then(|(index, field)| Some((places.get(index.parse::<usize>().ok()?)?, field)));
    match place {
        Some((place, field)) => {
            // The options were dealt anew: their positions would mislead.
            let field = if field.starts_with(".options[") { "an option" } else { field.trim_start_matches('.') };
            Problem::new(place, format!("{field}: {}", problem.message))
        }
        None => problem,
    }
}

/// A line's place.
fn line(number: usize) -> String {
    format!("line {number}")
}

#[cfg(test)]
mod tests;
