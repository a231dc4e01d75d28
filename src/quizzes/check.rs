//! Checks for `quizzes check`: what is wrong with a bank's file, and hints for its author.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::bank::Bank;
use super::import::{self, Format, ImportOptions, Source};
use super::reading;
use super::select::Order;
use crate::domain::markup;
use crate::domain::quiz::Correct;
use crate::domain::quiz::draft::{DraftProblem, QuestionDraft};
use crate::domain::{AnswerKey, Choice, ChoiceKey, Kind, OptionId, Question, QuizId};

/// The result of a check.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Problems that must be fixed.
    pub errors: Vec<DraftProblem>,
    /// Hints that the author should look at.
    pub warnings: Vec<DraftProblem>,
    /// The questions. Empty if the file cannot be read.
    pub questions: Vec<QuestionDraft>,
    /// A one-line summary of what was imported, for a file that is not a bank.
    pub understood: Option<String>,
    /// The bank's `quizId`, if the file could be read.
    pub quiz_id: Option<QuizId>,
}

/// Minimum number of questions for the check that one option is right too often.
const ENOUGH_FOR_OPTIONS: usize = 10;
/// Minimum number of questions for the check that the right option is the longest too often.
const ENOUGH_FOR_LENGTHS: usize = 20;

/// Checks a bank's file, or a file in a format that can be imported.
pub fn check_file(path: &Path) -> Findings {
    match reading::file(path) {
        Ok(bytes) => check(path, &bytes),
        Err(problem) => Findings { errors: vec![problem], ..Findings::default() },
    }
}

/// Checks the content of the file at `path`.
fn check(path: &Path, bytes: &[u8]) -> Findings {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy());
    let is_bank = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    match import::format_of(name.as_deref(), bytes) {
        Some(format) if format != Format::Bank => {
            check_import(path, folder, Source { name: name.as_deref(), format: Some(format), bytes })
        }
        None if !is_bank => check_import(path, folder, Source { name: name.as_deref(), format: None, bytes }),
        _ => match Bank::parse_in(folder, bytes) {
            Err(errors) => Findings { errors, ..Findings::default() },
            Ok(bank) => of_bank(&bank),
        },
    }
}

fn of_bank(bank: &Bank) -> Findings {
    Findings {
        errors: predictable_option(&bank.questions).into_iter().chain(predictable_orders(&bank.questions)).collect(),
        warnings: advice(bank),
        questions: bank.questions.iter().map(|question| QuestionDraft::from(&**question)).collect(),
        quiz_id: Some(bank.id.clone()),
        understood: None,
    }
}

/// Checks a file by importing it. Everything that the import would leave out is an error.
fn check_import(path: &Path, folder: &Path, source: Source<'_>) -> Findings {
    let options = match ImportOptions::named_after(path) {
        Ok(options) => options,
        Err(problem) => return Findings { errors: vec![problem], ..Findings::default() },
    };
    let imported = import::import(source, options);
    let understood = Some(imported.summary());
    let bank = imported.file.map(|file| Bank::check_in(folder, file));
    let mut findings = match bank {
        Some(Ok(bank)) => of_bank(&bank),
        Some(Err(errors)) => Findings { errors, ..Findings::default() },
        None => Findings::default(),
    };
    findings.errors.splice(0..0, imported.left_out);
    findings.warnings.splice(0..0, imported.warnings);
    Findings { understood, ..findings }
}

/// Reports an `optionId` that is right in more than half of the questions: a player who always picks it wins.
/// Of two options, one is right in at least half of the questions by chance alone, so for those questions the
/// limit is three quarters.
fn predictable_option(questions: &[Arc<Question>]) -> Option<DraftProblem> {
    let (often, quarters) = frequencies(questions, |_, right| right)?;
    let (id, count) = often.into_iter().max_by_key(|(_, count)| *count)?;
    let message = format!(
        "optionId {id} is right in {count} of {} questions: whoever always names it wins; vary the right one",
        choices(questions).count()
    );
    (4 * count > quarters).then(|| DraftProblem::new("questions", message))
}

/// Reports a position that is right too often. The limit is the same as for [`predictable_option`].
pub(super) fn predictable_place(questions: &[Arc<Question>]) -> Option<String> {
    let place = |question: &Question, right| question.options.iter().position(|option| option.id == right);
    let (often, quarters) = frequencies(questions, place)?;
    let (place, count) = often.into_iter().max_by_key(|(_, count)| *count)?;
    let (number, all) = (place.map_or(0, |place| place + 1), choices(questions).count());
    (4 * count > quarters).then(|| format!("option {number} is the right one in {count} of {all} questions"))
}

/// The questions of the kind `choice`, each with the id of its right option.
fn choices(questions: &[Arc<Question>]) -> impl Iterator<Item = (&Question, OptionId)> {
    questions.iter().filter_map(|question| match &question.key {
        AnswerKey::Choice(key) => Some((&**question, key.0)),
        _ => None,
    })
}

/// How often each value of `of` occurs among the right options, and the limit for the most frequent one, in
/// quarters of questions. `None` if there are fewer than [`ENOUGH_FOR_OPTIONS`] questions of the kind `choice`.
fn frequencies<T: Ord>(
    questions: &[Arc<Question>],
    of: impl Fn(&Question, OptionId) -> T,
) -> Option<(BTreeMap<T, usize>, usize)> {
    let (mut often, mut quarters) = (BTreeMap::new(), 0);
    for (question, right) in choices(questions) {
        *often.entry(of(question, right)).or_default() += 1;
        quarters += if question.options.len() == 2 { 3 } else { 2 };
    }
    (choices(questions).count() >= ENOUGH_FOR_OPTIONS).then_some((often, quarters))
}

/// Reports ordering questions whose option ids ascend in the right order: a player who sorts the ids wins.
fn predictable_orders(questions: &[Arc<Question>]) -> Vec<DraftProblem> {
    let told = |(index, question): (usize, &Arc<Question>)| match question.key.correct() {
        Correct::Order { correct_order } if correct_order.is_sorted() => {
            let message = "the optionIds go up in the right order: whoever sorts them wins; name the options otherwise";
            Some(DraftProblem::new(format!("questions[{index}].correctOrder"), message))
        }
        _ => None,
    };
    questions.iter().enumerate().filter_map(told).collect()
}

/// Reports tags which authors expect to work as markup, but which are shown as plain text.
fn no_markup(questions: &[Arc<Question>]) -> Vec<DraftProblem> {
    let mut found = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let options = question.options.iter().map(|option| option.text.as_ref());
        let mut texts = [question.text.as_ref(), question.explanation.as_ref()].into_iter().chain(options).flatten();
        if let Some(tag) = texts.find_map(|text| markup::unread(text)) {
            let message = format!("{tag} is shown as it stands; markup is b, i, code, pre, sub, sup and line feeds");
            found.push(DraftProblem::new(format!("questions[{index}]"), message));
        }
    }
    found
}

fn advice(bank: &Bank) -> Vec<DraftProblem> {
    let questions = &bank.questions;
    let mut advice = same_texts(questions);
    let bare =
        questions.iter().filter(|question| question.explanation.is_none() && question.key.kind() != Kind::Poll).count();
    if bare > 0 {
        let message = format!("{bare} of {} have no explanation", questions.len());
        advice.push(DraftProblem::new("questions", message));
    }
    let longest = questions.iter().filter(|question| is_right_longest(question)).count();
    if questions.len() >= ENOUGH_FOR_LENGTHS && 10 * longest > 6 * questions.len() {
        let message = format!("the right option is the longest in {longest} of {}", questions.len());
        advice.push(DraftProblem::new("questions", message));
    }
    let place = predictable_place(questions);
    if let Some(place) = place.filter(|_| bank.defaults.option_order != Some(Order::Shuffle)) {
        advice.push(DraftProblem::new("questions", format!("{place}: set defaults.optionOrder to shuffle")));
    }
    advice.extend(no_markup(questions));
    advice
}

fn same_texts(questions: &[Arc<Question>]) -> Vec<DraftProblem> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut same = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let text = question.text.as_deref().unwrap_or_default().trim();
        let first = *seen.entry(text).or_insert(index);
        if first != index {
            same.push(DraftProblem::new(
                format!("questions[{index}].text"),
                format!("the same as questions[{first}]'s"),
            ));
        }
    }
    same
}

fn is_right_longest(question: &Question) -> bool {
    let AnswerKey::Choice(ChoiceKey(right)) = &question.key else { return false };
    let length = |option: &Choice| option.text.as_deref().unwrap_or_default().chars().count();
    let longest_wrong = question.options.iter().filter(|option| option.id != *right).map(length).max();
    question.option(*right).map(length) > longest_wrong
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::bank::tests::bank_file;
    use super::*;

    /// A bank of that many questions with four options each, all with an explanation. `right` gives the right
    /// id by index.
    fn file(questions: usize, right: impl Fn(usize) -> u64) -> Value {
        let mut file = bank_file("b", questions);
        for (n, question) in file["questions"].as_array_mut().expect("a list").iter_mut().enumerate() {
            let option = |id| json!({"optionId": id, "text": format!("option {id}")});
            question["options"] = (1..=4).map(option).collect();
            question["correctOptionId"] = json!(right(n));
            question["explanation"] = json!("so");
        }
        file
    }

    fn told(file: &Value) -> (Vec<String>, Vec<String>) {
        let findings = check(Path::new("b.json"), file.to_string().as_bytes());
        let written = |problems: &[DraftProblem]| problems.iter().map(DraftProblem::to_string).collect();
        (written(&findings.errors), written(&findings.warnings))
    }

    #[test]
    fn a_good_bank_gives_no_finding() {
        assert_eq!(told(&file(40, |n| n as u64 % 4 + 1)), (vec![], vec![]));
    }

    #[test]
    fn one_option_right_in_more_than_half_is_an_error() {
        let (errors, _) = told(&file(10, |n| if n < 6 { 3 } else { 1 }));
        let message = "whoever always names it wins; vary the right one";
        assert_eq!(errors, [format!("questions: optionId 3 is right in 6 of 10 questions: {message}")]);
        assert_eq!(told(&file(10, |n| if n < 5 { 3 } else { 1 })).0, [""; 0], "half is not more than half");
        assert_eq!(told(&file(9, |_| 3)).0, [""; 0], "too few to tell");
    }

    #[test]
    fn true_or_false_may_be_uneven_up_to_three_quarters() {
        let pairs = |truths: usize| {
            let mut file = bank_file("b", 12);
            for n in 0..12 {
                file["questions"][n]["correctOptionId"] = json!(if n < truths { 1 } else { 2 });
            }
            told(&file).0.len()
        };
        assert_eq!((pairs(9), pairs(10)), (0, 1));
    }

    #[test]
    fn what_is_worth_a_look_is_a_warning() {
        let mut file = file(20, |n| n as u64 % 4 + 1);
        file["questions"][7]["text"] = file["questions"][2]["text"].clone();
        for n in 0..13 {
            file["questions"][n]["options"][n % 4]["text"] = json!("a longer option");
        }
        file["questions"][5]["explanation"] = Value::Null;
        let (errors, warnings) = told(&file);
        assert_eq!(errors, [""; 0]);
        assert_eq!(
            warnings,
            [
                "questions[7].text: the same as questions[2]'s",
                "questions: 1 of 20 have no explanation",
                "questions: the right option is the longest in 13 of 20",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_bank_gives_its_problems() {
        let findings = check(Path::new("b.json"), b"{}");
        assert_eq!(findings.errors[0].message, "missing field `quizId` at line 1 column 2");
        assert_eq!(check_file(Path::new("/no/such/bank.json")).errors[0].path, "file");
    }
}
