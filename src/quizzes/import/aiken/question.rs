//! Parses the lines of a question and finds where its options begin.

use super::answer::rights;
use crate::domain::markup::escape;
use crate::quizzes::import::ItemKind;

/// A line of a question and its number in the file, from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberedLine<'a> {
    pub(super) number: usize,
    pub(super) text: &'a str,
}

/// The number of the wrong line, and what is wrong.
pub(super) type LineProblem = (usize, String);

/// Parses a question's text and its kind with the right answer. `named` is the value of its ANSWER line.
pub(super) fn read(
    lines: &[NumberedLine<'_>],
    answer_line: usize,
    named: &str,
    warnings: &mut Vec<String>,
) -> Result<(String, ItemKind), LineProblem> {
    let start = start_of_options(lines, answer_line)?;
    let (stem, options) = lines.split_at(start);
    let options = texts(options)?;
    check(&options)?;
    let texts: Vec<&str> = options.iter().map(|line| line.text).collect();
    let right = rights(named, &texts).map_err(|message| (answer_line, message))?;
    let text = escape(&stem.iter().map(|line| line.text).collect::<Vec<_>>().join("\n"));
    let options = texts.into_iter().map(escape).collect();
    let asked = match right[..] {
        [right] => ItemKind::Choice { options, right, in_order: true },
        _ => {
            let letters: Vec<String> = right.iter().map(|&at| letter(at).to_string()).collect();
            warnings.push(format!("{} are right: here players are to choose all of them", letters.join(", ")));
            ItemKind::Multiple { options, right, in_shares: false }
        }
    };
    Ok((text, asked))
}

/// The index of the line of option A. Lines of the text before it may start like an option, but only the
/// first of them with A.
fn start_of_options(lines: &[NumberedLine<'_>], answer_line: usize) -> Result<usize, LineProblem> {
    let letters: Vec<Option<usize>> = lines.iter().map(|line| option_letter(line.text)).collect();
    let Some(start) = letters.iter().rposition(|letter| *letter == Some(0)) else {
        let first = letters.iter().position(Option::is_some);
        return Err(match first {
            Some(at) => (lines[at].number, format!("option {} where A comes first", letter(letters[at].unwrap_or(0)))),
            None => (answer_line, "an ANSWER line without options before it: write them as A. and B.".to_owned()),
        });
    };
    if start == 0 {
        return Err((lines[0].number, "an option without a question before it: write what is asked".to_owned()));
    }
    let is_again = |at: &usize| letters[*at] == Some(0) && (*at > 0 || letters.get(1) == Some(&Some(1)));
    if let Some(again) = (0..start).find(is_again) {
        let (first, second) = (lines[again].number, lines[start].number);
        return Err((
            first,
            format!(
                "option A stands in line {first} and again in line {second}: \
                                    is an ANSWER line missing between them?"
            ),
        ));
    }
    Ok(start)
}

/// The options without their letters.
fn texts<'a>(lines: &[NumberedLine<'a>]) -> Result<Vec<NumberedLine<'a>>, LineProblem> {
    let mut options: Vec<NumberedLine<'a>> = Vec::new();
    for line in lines {
        let number = line.number;
        match option(line.text) {
            Some((letter, text)) if letter == options.len() => options.push(NumberedLine { number, text }),
            found => {
                let before = options.last().map_or(number, |option| option.number);
                let expected = letter(options.len());
                return Err((
                    number,
                    match found {
                        Some((found, _)) => format!("option {} where {expected} comes next", letter(found)),
                        None => format!(
                            "the option in line {before} goes on in line {number}: write each option in one line"
                        ),
                    },
                ));
            }
        }
    }
    Ok(options)
}

fn check(options: &[NumberedLine<'_>]) -> Result<(), LineProblem> {
    for (at, option) in options.iter().enumerate() {
        if option.text.is_empty() {
            return Err((option.number, format!("option {} is empty: write a text, or take it out", letter(at))));
        }
        if options[..at].iter().any(|other| other.text == option.text) {
            let message = format!("two options are the same, “{}”: change one, or take it out", option.text);
            return Err((option.number, message));
        }
    }
    match options {
        [only] => Err((only.number, "it has only one option: write others that are wrong".to_owned())),
        _ => Ok(()),
    }
}

/// The index of the letter, if the line starts like an option: 0 for `A. text`.
pub(super) fn option_letter(text: &str) -> Option<usize> {
    option(text).map(|(letter, _)| letter)
}

/// The index of the letter and the text of `A. text` or `A) text`.
fn option(text: &str) -> Option<(usize, &str)> {
    let letter = single_letter(text.get(..1)?)?;
    let rest = text.get(1..)?;
    let is_apart = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    let dotted = rest.strip_prefix('.').filter(|rest| is_apart(rest));
    dotted.or_else(|| rest.strip_prefix(')')).map(|rest| (letter, rest.trim()))
}

pub(super) fn single_letter(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_uppercase() - b'A')),
        _ => None,
    }
}

/// The letter of the option with this index.
pub(super) fn letter(option: usize) -> char {
    (b'A'..=b'Z').nth(option).map_or('?', char::from)
}
