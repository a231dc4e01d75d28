//! Splits a file into questions, each a block of lines. A block ends at a blank line or at the next title.

use super::lexer;
use crate::quizzes::import::moodle::last_of;

/// The lines of one question, without comments.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    pub(super) first_line: usize,
    pub(super) text: String,
    pub(super) category: Option<String>,
    /// Whether the block contains blank lines, which would end the question in Moodle.
    pub(super) has_blank_lines: bool,
}

/// How many paragraphs are searched for the closing brace. Bounds the work for each question.
const FARTHEST: usize = 100;

/// The blocks of a file, without comments.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let paragraphs = paragraphs(text);
    let mut at = 0;
    while let Some(first) = paragraphs.get(at) {
        let count = paragraphs_of_block(&paragraphs[at..]);
        let parts = &paragraphs[at..at + count];
        blocks.push(Block {
            first_line: first.first_line,
            text: parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n"),
            category: first.category.clone(),
            has_blank_lines: count > 1,
        });
        at += count;
    }
    blocks
}

/// Consecutive lines without a blank line between them.
#[derive(Debug)]
struct Paragraph {
    first_line: usize,
    text: String,
    category: Option<String>,
    /// Whether a blank line came directly before it, and not a title or a category.
    after_blank: bool,
    braces: Braces,
}

/// Counts of the braces in a text that are not escaped by a backslash.
#[derive(Debug, Default, Clone, Copy)]
struct Braces {
    first: Option<char>,
    open: usize,
    close: usize,
}

impl Braces {
    fn of(text: &str) -> Self {
        let mut braces = Self::default();
        for sign in lexer::read(text) {
            match (sign.is_char('{'), sign.is_char('}')) {
                (true, _) => braces.open += 1,
                (_, true) => braces.close += 1,
                _ => continue,
            }
            braces.first = braces.first.or(Some(sign.char()));
        }
        braces
    }
}

fn paragraphs(text: &str) -> Vec<Paragraph> {
    let mut paragraphs = Vec::new();
    let (mut lines, mut category, mut after_blank) = (Vec::new(), None, false);
    for (index, text) in text.lines().enumerate() {
        let trimmed = text.trim();
        let path = trimmed.strip_prefix("$CATEGORY:");
        if trimmed.is_empty() || path.is_some() {
            end_paragraph(&mut lines, &category, after_blank, &mut paragraphs);
            after_blank = path.is_none();
        }
        if let Some(path) = path {
            category = last_of(path);
        } else if !trimmed.is_empty() && !trimmed.starts_with("//") {
            lines.push((index + 1, text));
        }
    }
    end_paragraph(&mut lines, &category, after_blank, &mut paragraphs);
    paragraphs
}

/// Ends a paragraph and adds it. It becomes several paragraphs if questions with titles follow each other.
fn end_paragraph(
    lines: &mut Vec<(usize, &str)>,
    category: &Option<String>,
    mut after_blank: bool,
    paragraphs: &mut Vec<Paragraph>,
) {
    let mut start = 0;
    let cuts = cuts(lines);
    for end in cuts.into_iter().chain([lines.len()]).filter(|end| *end > 0) {
        let (first_line, text) = (lines[start].0, lines[start..end].iter().map(|(_, text)| *text).collect::<Vec<_>>());
        let text = text.join("\n");
        let braces = Braces::of(&text);
        paragraphs.push(Paragraph { first_line, text, category: category.clone(), after_blank, braces });
        (start, after_blank) = (end, false);
    }
    lines.clear();
}

/// The indices of lines whose title starts the next question, although no blank line comes before them.
fn cuts(lines: &[(usize, &str)]) -> Vec<usize> {
    let braces: Vec<Braces> = lines.iter().map(|(_, text)| Braces::of(text)).collect();
    let mut is_open_next = vec![false; lines.len()];
    let mut next = None;
    for at in (0..lines.len()).rev() {
        next = braces[at].first.or(next);
        is_open_next[at] = next == Some('{');
    }
    let (mut open, mut close) = (0, 0);
    let mut cuts = Vec::new();
    for at in 0..lines.len() {
        // Inside open braces a line of C++ could look like a title, so there the next brace must be an opening one.
        if at > 0 && has_title(lines[at].1) && (open <= close || is_open_next[at]) {
            cuts.push(at);
            (open, close) = (0, 0);
        }
        open += braces[at].open;
        close += braces[at].close;
    }
    cuts
}

fn has_title(text: &str) -> bool {
    let text = text.trim_start();
    let text =
        if text.starts_with('[') { text.split_once(']').map_or(text, |(_, rest)| rest.trim_start()) } else { text };
    text.strip_prefix("::").is_some_and(|text| text.split_once("::").is_some_and(|(title, _)| !title.contains('{')))
}

/// How many paragraphs belong to the first question. More than one if its braces are closed only after a
/// blank line, and nothing before that looks like another question.
fn paragraphs_of_block(paragraphs: &[Paragraph]) -> usize {
    let (mut open, mut close) = (paragraphs[0].braces.open, paragraphs[0].braces.close);
    if open <= close {
        return 1;
    }
    for (count, next) in paragraphs.iter().enumerate().take(FARTHEST).skip(1) {
        let goes_on = next.text.trim_start().starts_with(['=', '~', '#', '}']);
        if !next.after_blank || has_title(&next.text) || (!goes_on && next.braces.first == Some('{')) {
            return 1;
        }
        open += next.braces.open;
        close += next.braces.close;
        if open <= close {
            return count + 1;
        }
    }
    1
}
