//! Converts a `<question>` element to an item.

use rust_decimal::Decimal;

use super::document::XmlElement;
use crate::quizzes::import::html::{Html, Media};
use crate::quizzes::import::moodle::{self, MoodleAnswer, Numbers, Solution, Stem, TextFormat};
use crate::quizzes::import::{Item, ItemKind};

/// The kinds that can't be imported: Moodle's name and a description.
const LEFT_OUT: &[(&str, &str)] = &[
    ("calculated", "numbers that are drawn for each player"),
    ("calculatedmulti", "numbers that are drawn for each player"),
    ("calculatedsimple", "numbers that are drawn for each player"),
    ("cloze", "gaps in a text"),
    ("multianswer", "gaps in a text"),
    ("coderunner", "programs"),
    ("ddimageortext", "things to be dragged onto a picture"),
    ("ddmarker", "marks to be dragged onto a picture"),
    ("ddmatch", "things to be matched"),
    ("ddwtos", "words to be dragged into a text"),
    ("description", "a text that asks nothing"),
    ("essay", "an essay, which has no right answer"),
    ("gapselect", "words to be selected in a text"),
    ("matching", "things to be matched"),
    ("match", "things to be matched"),
    ("random", "a question drawn from others"),
    ("randomsamatch", "things to be matched"),
    ("stack", "formulas"),
];

/// Reads a question. The error says why it can't be imported.
pub(super) fn read(element: &XmlElement, place: String, warnings: &mut Vec<String>) -> Result<Item, String> {
    let title = element.child("name").map(text_of).transpose()?.unwrap_or_default();
    let solution = solution(element, &title, warnings)?;
    let html = element.child("questiontext").map(html_of).transpose()?.unwrap_or_default();
    let stem = Stem::new(html, &title, warnings)?;
    let general = element.child("generalfeedback").map(html_of).transpose()?;
    Ok(moodle::item(place, stem, solution, general, warnings))
}

/// The category path that a pseudo-question of the type `category` sets for the questions after it.
pub(super) fn category(element: &XmlElement) -> Option<String> {
    element.child("category").and_then(|category| text_of(category).ok())
}

fn solution(element: &XmlElement, title: &str, warnings: &mut Vec<String>) -> Result<Solution, String> {
    match element.attribute("type") {
        "multichoice" => moodle::choice(&answers(element)?, warnings),
        "multichoiceset" => together(element, false, warnings),
        "oumultiresponse" => together(element, true, warnings),
        "truefalse" => true_or_false(element),
        "shortanswer" => {
            if element.child("usecase").is_some_and(|usecase| is_set(&usecase.text)) {
                warnings.push("capital and small letters differ in the file, and do not here".to_owned());
            }
            moodle::short_answer(&typed(element)?, warnings)
        }
        "numerical" => numerical(element, warnings),
        "ordering" => ordering(element, warnings),
        "" => Err("its type is missing: write <question type=\"multichoice\">".to_owned()),
        kind => {
            let known = LEFT_OUT.iter().find(|(name, _)| *name == kind);
            let what = known.map(|(_, what)| format!(" ({what})")).unwrap_or_default();
            Err(format!("“{}” is of the type {kind}{what}, which can't be imported", title.trim()))
        }
    }
}

/// Whether a setting is on, which Moodle writes as `1` or `true`.
fn is_set(text: &str) -> bool {
    ["1", "true"].contains(&text.trim())
}

fn answers(element: &XmlElement) -> Result<Vec<MoodleAnswer>, String> {
    let answers: Vec<MoodleAnswer> = element.all("answer").map(answer).collect::<Result<_, _>>()?;
    moodle::check_count(&answers)?;
    Ok(answers)
}

fn answer(element: &XmlElement) -> Result<MoodleAnswer, String> {
    let fraction = element.attribute("fraction").trim();
    let share = if fraction.is_empty() { Ok(Decimal::ZERO) } else { fraction.parse() };
    let share: Decimal = share
        .or_else(|_| Decimal::from_scientific(fraction))
        .map_err(|_| format!("“{fraction}” is no fraction: write a number like 100"))?;
    let feedback = element.child("feedback").map(html_of).transpose()?;
    Ok(MoodleAnswer { text: text_of(element)?, format: format(element), share, feedback })
}

/// The answers of a kind whose answers are typed. They are plain text, whatever their format says.
fn typed(element: &XmlElement) -> Result<Vec<MoodleAnswer>, String> {
    let plain = |answer| MoodleAnswer { format: TextFormat::Plain, ..answer };
    Ok(answers(element)?.into_iter().map(plain).collect())
}

/// `multichoiceset` and `oumultiresponse`: any number of options can be right, each with the fraction 100.
fn together(element: &XmlElement, is_shared: bool, warnings: &mut Vec<String>) -> Result<Solution, String> {
    // The warnings are dropped: they say that several options are wholly right, which is normal for these kinds.
    let mut solution = moodle::choice(&answers(element)?, &mut Vec::new())?;
    if let ItemKind::Multiple { in_shares, .. } = &mut solution.asked {
        *in_shares = is_shared;
    } else {
        warnings.push("only one of its options is right: here players choose one".to_owned());
    }
    Ok(solution)
}

fn true_or_false(element: &XmlElement) -> Result<Solution, String> {
    let answers = answers(element)?;
    let mut right = answers.into_iter().filter(|answer| answer.share >= Decimal::ONE_HUNDRED);
    let (Some(only), None) = (right.next(), right.next()) else {
        return Err("not one of true and false has the fraction 100: give it to one of them".to_owned());
    };
    let is_true = match only.text.trim().to_ascii_lowercase().as_str() {
        "true" => true,
        "false" => false,
        text => return Err(format!("its right answer is “{text}”: write true or false")),
    };
    let asked = Item::true_or_false(String::new(), String::new(), is_true).asked;
    Ok(Solution { asked, feedback: only.feedback.into_iter().collect() })
}

fn numerical(element: &XmlElement, warnings: &mut Vec<String>) -> Result<Solution, String> {
    let mut answers = typed(element)?;
    for (answer, element) in answers.iter_mut().zip(element.all("answer")) {
        let tolerance = element.child("tolerance").map(|tolerance| tolerance.text.trim()).unwrap_or_default();
        answer.text = format!("{}:{tolerance}", answer.text.trim());
    }
    if element.child("units").is_some_and(|units| !units.children.is_empty()) {
        warnings.push("its units are not imported: the question should name the one that is meant".to_owned());
    }
    let numbers = |answer: &MoodleAnswer| {
        let (number, tolerance) = answer.text.rsplit_once(':').unwrap_or((&answer.text, ""));
        Numbers::around(number, tolerance)
    };
    moodle::numerical(&answers, numbers, warnings)
}

/// `ordering`: the file lists the answers in the right order.
fn ordering(element: &XmlElement, warnings: &mut Vec<String>) -> Result<Solution, String> {
    let answers = answers(element)?;
    if answers.windows(2).any(|pair| pair[0].share > pair[1].share) {
        return Err(
            "its answers are not written in their right order: put them in the order of their fractions".to_owned()
        );
    }
    let parts: Vec<Html> = answers.iter().map(|answer| answer.format.read(&answer.text)).collect();
    if parts.iter().any(|part| !part.media.is_empty()) {
        return Err("its parts are pictures, which can't be imported: write parts of text".to_owned());
    }
    let parts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
    let is_again = |at: usize| parts[at].is_empty() || parts[..at].contains(&parts[at]);
    if parts.len() < 2 || (0..parts.len()).any(is_again) {
        return Err("it needs two or more parts, all of them different and none empty".to_owned());
    }
    let selected = element.child("selecttype").map(|kind| kind.text.trim().to_ascii_uppercase()).unwrap_or_default();
    if !["", "0", "ALL"].contains(&selected.as_str()) {
        warnings.push("Moodle asks for some of its parts at a time: here all are asked for".to_owned());
    }
    Ok(Solution { asked: ItemKind::Order { parts }, feedback: Vec::new() })
}

fn format(element: &XmlElement) -> TextFormat {
    match element.attribute("format") {
        "html" => TextFormat::Html,
        "plain_text" | "plain" => TextFormat::Plain,
        "markdown" => TextFormat::Markdown,
        _ => TextFormat::Auto,
    }
}

/// The content of an element's `<text>`.
fn text_of(element: &XmlElement) -> Result<String, String> {
    let Some(text) = element.child("text") else {
        return Ok(element.text.trim().to_owned());
    };
    match text.children.first() {
        Some(tag) => {
            Err(format!("the text in line {} holds the tag <{}>: put it into <![CDATA[ ]]>", text.line, tag.name))
        }
        None => Ok(text.text.trim().to_owned()),
    }
}

/// A text, converted from its format. Attached files that the text does not mention are listed too.
fn html_of(element: &XmlElement) -> Result<Html, String> {
    let mut html = format(element).read(&text_of(element)?);
    for file in element.all("file") {
        let name = file.attribute("name");
        if !html.media.iter().any(|media| media.name == name) {
            html.media.push(Media { name: name.to_owned(), alt: String::new(), url: None });
        }
    }
    Ok(html)
}
