//! Parses the content of a question's braces.

use rust_decimal::Decimal;

use super::lexer::{Sign, find, is_blank, split_at_marks, starts_with, trim, written};
use super::marks;
use crate::quizzes::import::Item;
use crate::quizzes::import::html::Html;
use crate::quizzes::import::moodle::{self, MoodleAnswer, Numbers, Solution, TextFormat};

/// Parses the answers and the general feedback. Texts have the question's format unless they name another.
pub(super) fn read(
    signs: &[Sign],
    format: Option<TextFormat>,
    warnings: &mut Vec<String>,
) -> Result<(Solution, Option<Html>), String> {
    let (answers, general) = match find(signs, "####") {
        Some(at) => (trim(&signs[..at]), Some(&signs[at + 4..])),
        None => (signs, None),
    };
    let general = general.map(|signs| text_in(format, signs));
    let solution = if answers.is_empty() {
        return Err("an essay has no right answer: write answers in its { }, or take it out".to_owned());
    } else if starts_with(answers, "#") {
        numerical(&answers[1..], format, warnings)?
    } else if find(answers, "~").is_some() {
        let answers: Vec<MoodleAnswer> =
            marked(answers, format, warnings)?.into_iter().map(|answer| answer.0).collect();
        moodle::choice(&answers, warnings)?
    } else if starts_with(answers, "=") {
        if find(answers, "->").is_some() {
            return Err(
                "a matching question is of no kind that can be imported: ask for each pair by itself".to_owned()
            );
        }
        // Texts to type have no markup, whatever the format of the question.
        let typed = |(answer, own): (MoodleAnswer, Option<TextFormat>)| MoodleAnswer {
            format: own.unwrap_or(TextFormat::Plain),
            ..answer
        };
        let answers: Vec<MoodleAnswer> = marked(answers, format, warnings)?.into_iter().map(typed).collect();
        moodle::short_answer(&answers, warnings)?
    } else {
        true_or_false(answers, format)?
    };
    Ok((solution, general))
}

fn text_in(format: Option<TextFormat>, signs: &[Sign]) -> Html {
    let (own, signs) = super::format(signs);
    own.or(format).unwrap_or_default().read(&written(signs))
}

/// Parses `T` or `FALSE#feedback if wrong#feedback if right`.
fn true_or_false(signs: &[Sign], format: Option<TextFormat>) -> Result<Solution, String> {
    let mut parts = split_at_marks(signs, &['#']);
    let word = parts.next().map(|(_, word)| written(word)).unwrap_or_default();
    let Some(right) = truth(&word) else {
        return Err("its answers begin with none of =, ~, #, TRUE and FALSE: write = before the right one".to_owned());
    };
    let feedback = parts.nth(1).map(|(_, feedback)| text_in(format, feedback));
    let asked = Item::true_or_false(String::new(), String::new(), right).asked;
    Ok(Solution { asked, feedback: feedback.into_iter().collect() })
}

/// Parses a word for true or false.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word.trim().to_ascii_uppercase().as_str() {
        "T" | "TRUE" => Some(true),
        "F" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Parses `=right#feedback ~wrong ~%100%right ~%-50%wrong`. Each answer comes with the format that it names itself.
fn marked(
    signs: &[Sign],
    format: Option<TextFormat>,
    warnings: &mut Vec<String>,
) -> Result<Vec<(MoodleAnswer, Option<TextFormat>)>, String> {
    let parts: Vec<(Option<char>, &[Sign])> = split_at_marks(signs, &['=', '~']).collect();
    marks::check(&parts, warnings)?;
    let mut answers = Vec::new();
    for (at, (mark, part)) in parts.iter().enumerate() {
        let next = parts.get(at + 1).and_then(|(mark, _)| *mark);
        match mark {
            None if is_blank(part) => {}
            None => return Err("a text stands before its first = or ~: write one of them before it".to_owned()),
            // `~=` counts as one mark.
            Some('~') if is_blank(part) && next == Some('=') => {}
            Some(mark) => answers.push(answer(*mark, part, format)?),
        }
    }
    let sharp = parts.iter().find(|(_, part)| is_sharp(part));
    if let Some((_, part)) = sharp
        && parts.iter().any(|(mark, part)| mark.is_some() && !is_blank(part) && find(part, "#").is_none())
    {
        let end = find(part, "#").unwrap_or_default();
        let text = written(trim(&part[..end]));
        return Err(format!("“{text}” is followed by a #, which begins feedback: a # of the text is written \\#"));
    }
    Ok(answers)
}

fn answer(
    mark: char,
    signs: &[Sign],
    format: Option<TextFormat>,
) -> Result<(MoodleAnswer, Option<TextFormat>), String> {
    let (share, signs) = share(trim(signs))?;
    let share = share.unwrap_or(if mark == '=' { Decimal::ONE_HUNDRED } else { Decimal::ZERO });
    let (text, feedback) = match find(signs, "#") {
        Some(at) => (&signs[..at], Some(text_in(format, &signs[at + 1..]))),
        None => (signs, None),
    };
    let (own, text) = super::format(text);
    let format = own.or(format).unwrap_or_default();
    Ok((MoodleAnswer { text: written(text), format, share, feedback }, own))
}

/// Splits off a share such as `%50%`. Any other percent sign belongs to the text.
fn share(signs: &[Sign]) -> Result<(Option<Decimal>, &[Sign]), String> {
    let percent = |sign: &Sign| sign.is_char('%');
    if signs.first().is_some_and(percent)
        && let Some(end) = signs[1..].iter().position(percent)
    {
        let number = written(trim(&signs[1..=end])).replace(',', ".");
        let is_number = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
        if is_number && !number.is_empty() {
            let share = number.parse().map_err(|_| format!("%{number}% is no share: write one like %50%"))?;
            return Ok((Some(share), &signs[end + 2..]));
        }
    }
    Ok((None, signs))
}

/// Whether the `#` belongs to a name such as `C#` (the language) or `F#` (the note).
fn is_sharp(signs: &[Sign]) -> bool {
    let Some(at) = find(signs, "#") else { return false };
    let is_text = |at: usize| signs.get(at).is_some_and(|sign| !sign.char().is_whitespace());
    let is_letter = at > 0 && signs[at - 1].char().is_ascii_uppercase();
    is_letter && !(at > 1 && signs[at - 2].char().is_alphanumeric()) && !is_text(at + 1)
}

/// Parses the numbers after `#`: `3.14:0.01`, `1..5`, `=1822:0 =%50%1822:2`.
fn numerical(signs: &[Sign], format: Option<TextFormat>, warnings: &mut Vec<String>) -> Result<Solution, String> {
    let answers = if find(signs, "=").is_some() {
        marked(trim(signs), format, warnings)?.into_iter().map(|answer| answer.0).collect()
    } else {
        vec![answer('=', signs, format)?.0]
    };
    moodle::numerical(&answers, |answer| numbers(&answer.text), warnings)
}

fn numbers(text: &str) -> Result<Numbers, String> {
    if let Some((min, max)) = text.split_once("..") {
        return Numbers::between(min, max);
    }
    let (number, tolerance) = text.split_once(':').unwrap_or((text, ""));
    Numbers::around(number, tolerance)
}
