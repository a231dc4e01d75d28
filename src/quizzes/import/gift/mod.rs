//! Moodle's GIFT. A question that can't be imported is left out, with its line and how to fix it. This does
//! not affect the other questions.

mod answers;
mod blocks;
mod braces;
mod lexer;
mod marks;

use self::blocks::Block;
use self::lexer::{Sign, find, is_blank, starts_with, strip_word, trim, written};
use super::html::Html;
use super::moodle::{self, Stem, TextFormat};
use super::{Item, ParsedFile, line};
use crate::domain::quiz::draft::DraftProblem;

/// Reads a file. Never fails as a whole.
pub(super) fn read(text: &str) -> ParsedFile {
    let mut found = ParsedFile::default();
    for block in blocks::blocks(text) {
        let place = line(block.first_line);
        let mut warnings = Vec::new();
        match question(&block, place.clone(), &mut warnings) {
            Ok(item) => {
                found.items.push(item);
                found.warnings.extend(warnings.into_iter().map(|warning| DraftProblem::new(place.clone(), warning)));
            }
            Err(message) => found.left_out.push(DraftProblem::new(place, message)),
        }
    }
    found
}

fn question(block: &Block, place: String, warnings: &mut Vec<String>) -> Result<Item, String> {
    if block.has_blank_lines {
        warnings.push("a blank line in its { } was passed over: Moodle ends the question there".to_owned());
    }
    let signs = lexer::read(&block.text);
    let head = QuestionHead::of(trim(&signs));
    let parts = braces::parts(head.text)?;
    if parts.has_braces_of_text {
        warnings.push("braces that belong to its text were read as text: Moodle wants them written \\{ \\}".to_owned());
    }
    let text = with_gap(parts.before, parts.after, head.format.unwrap_or_default());
    let (solution, general) = answers::read(parts.answers, head.format, warnings)?;
    let stem = Stem::new(text, &head.title, warnings)?;
    let item = moodle::item(place, stem, solution, general, warnings);
    Ok(Item { category: block.category.clone(), ..item })
}

/// The parts of a question before its answers: title, format and text.
struct QuestionHead<'a> {
    title: String,
    format: Option<TextFormat>,
    text: &'a [Sign],
}

impl<'a> QuestionHead<'a> {
    /// Parses `::title::[html]text`. The format may also come before the title.
    fn of(signs: &'a [Sign]) -> Self {
        let (before, signs) = format(signs);
        if !starts_with(signs, "::") {
            return Self { title: String::new(), format: before, text: signs };
        }
        // A `::` without the second one has no meaning: `:: Which? {=a ~b}`.
        let signs = &signs[2..];
        let Some(end) = find(signs, "::").filter(|end| !signs[..*end].iter().any(|sign| sign.is_char('{'))) else {
            let (after, text) = format(signs);
            return Self { title: String::new(), format: after.or(before), text };
        };
        let (after, text) = format(&signs[end + 2..]);
        Self { title: written(&signs[..end]), format: after.or(before), text }
    }
}

/// Splits off the text format at the start, if any.
fn format(signs: &[Sign]) -> (Option<TextFormat>, &[Sign]) {
    let formats = [
        ("[html]", TextFormat::Html),
        ("[moodle]", TextFormat::Auto),
        ("[plain]", TextFormat::Plain),
        ("[markdown]", TextFormat::Markdown),
    ];
    let signs = trim(signs);
    let named = formats.iter().find_map(|(word, format)| Some((Some(*format), trim(strip_word(signs, word)?))));
    named.unwrap_or((None, signs))
}

/// The question's text. If answers stand in the middle of it, they are replaced by a gap. Closing tags alone
/// after the answers don't count as text.
fn with_gap(before: &[Sign], after: &[Sign], format: TextFormat) -> Html {
    let (before, after) = (written(before), if is_blank(after) { String::new() } else { written(after) });
    let is_said =
        !TextFormat::read(if format == TextFormat::Plain { format } else { TextFormat::Html }, &after).text.is_empty();
    let gap = if is_said { "_____" } else { "" };
    format.read(&format!("{before}{gap}{after}"))
}

#[cfg(test)]
mod tests;
