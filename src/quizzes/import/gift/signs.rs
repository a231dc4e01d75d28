//! GIFT's characters: each knows whether a backslash took its meaning away, so that what is
//! written `\=` never looks like a mark again.

/// One character of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    char: char,
    escaped: bool,
}

impl Sign {
    /// Whether it is this character, and has its meaning.
    pub(super) fn is_char(&self, char: char) -> bool {
        !self.escaped && self.char == char
    }
}

/// Takes the escapes `\~ \= \# \{ \} \: \n \\` out. Any other backslash is a backslash.
pub(super) fn read(text: &str) -> Vec<Sign> {
    let mut signs = Vec::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let escaped = (char == '\\').then(|| chars.peek().copied()).flatten();
        signs.push(match escaped {
            Some('n') => Sign { char: '\n', escaped: true },
            Some(char @ ('~' | '=' | '#' | '{' | '}' | ':' | '\\')) => Sign { char, escaped: true },
            _ => {
                signs.push(Sign { char, escaped: false });
                continue;
            }
        });
        chars.next();
    }
    signs
}

/// The text that the signs are.
pub(super) fn written(signs: &[Sign]) -> String {
    signs.iter().map(|sign| sign.char).collect()
}

pub(super) fn is_blank(signs: &[Sign]) -> bool {
    signs.iter().all(|sign| sign.char.is_whitespace())
}

/// Without surrounding space.
pub(super) fn trim(signs: &[Sign]) -> &[Sign] {
    let is_text = |sign: &Sign| !sign.char.is_whitespace();
    match (signs.iter().position(is_text), signs.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &signs[first..=last],
        _ => &[],
    }
}

/// Without the space before it.
pub(super) fn trim_start(signs: &[Sign]) -> &[Sign] {
    let first = signs.iter().position(|sign| !sign.char.is_whitespace());
    first.map_or(&[], |first| &signs[first..])
}

/// Whether they begin with these marks.
pub(super) fn starts_with(signs: &[Sign], marks: &str) -> bool {
    let mut signs = signs.iter();
    marks.chars().all(|mark| signs.next().is_some_and(|sign| sign.is_char(mark)))
}

/// Where these marks stand first.
pub(super) fn find(signs: &[Sign], marks: &str) -> Option<usize> {
    (0..signs.len()).find(|&at| starts_with(&signs[at..], marks))
}

/// The parts between any of these marks, each with the mark before it.
pub(super) fn split_at_marks<'a>(
    signs: &'a [Sign],
    marks: &'a [char],
) -> impl Iterator<Item = (Option<char>, &'a [Sign])> {
    let is_mark = |sign: &Sign| marks.iter().any(|&mark| sign.is_char(mark));
    let mut before = None;
    signs.split_inclusive(is_mark).map(move |part| match part {
        [text @ .., last] if is_mark(last) => (before.replace(last.char), text),
        text => (before.take(), text),
    })
}
