//! GIFT's characters: each knows whether a backslash took its meaning away, so that what is
//! written `\=` never looks like a mark again.

/// One character of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    char: char,
    escaped: bool,
}

impl Sign {
    /// The character, whatever it means.
    pub(super) fn char(&self) -> char {
        self.char
    }

    /// Whether it is this character, and has its meaning.
    pub(super) fn is_char(&self, char: char) -> bool {
        !self.escaped && self.char == char
    }
}

/// Commands of LaTeX that begin with `\n` and would otherwise be taken for a line feed.
const COMMANDS: [&str; 11] = ["abla", "atural", "earrow", "eq", "exists", "geq", "leq", "mid", "ot", "otin", "warrow"];

/// Takes the escapes `\~ \= \# \{ \} \: \n \\` out. Any other backslash is a backslash.
pub(super) fn read(text: &str) -> Vec<Sign> {
    let mut signs = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let after = chars.as_str();
        let escaped = (char == '\\').then(|| after.chars().next()).flatten();
        signs.push(match escaped {
            Some('n') if !is_command(&after[1..]) => Sign { char: '\n', escaped: true },
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

fn is_command(after: &str) -> bool {
    COMMANDS.iter().any(|command| {
        let rest = after.strip_prefix(command);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
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

/// What follows a word in capital or small letters.
pub(super) fn strip_word<'a>(signs: &'a [Sign], word: &str) -> Option<&'a [Sign]> {
    let mut of_text = signs.iter();
    let is_same = word
        .chars()
        .all(|char| of_text.next().is_some_and(|sign| !sign.escaped && sign.char.eq_ignore_ascii_case(&char)));
    is_same.then_some(of_text.as_slice())
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
