//! The characters of GIFT, each with a flag that says whether a backslash escapes it. So an escaped `\=` is
//! never taken for a mark later.

/// A character of the text, with its escape flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    char: char,
    escaped: bool,
}

impl Sign {
    /// The character, escaped or not.
    pub(super) fn char(&self) -> char {
        self.char
    }

    /// True if it is this character and not escaped.
    pub(super) fn is_char(&self, char: char) -> bool {
        !self.escaped && self.char == char
    }
}

/// The rest of LaTeX commands that start with `\n`, which would otherwise be taken for a line feed.
const COMMANDS: [&str; 11] = ["abla", "atural", "earrow", "eq", "exists", "geq", "leq", "mid", "ot", "otin", "warrow"];

/// Resolves the escapes `\~ \= \# \{ \} \: \n \\`. Any other backslash stays as a character.
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

/// The signs as text, without escapes.
pub(super) fn written(signs: &[Sign]) -> String {
    signs.iter().map(|sign| sign.char).collect()
}

pub(super) fn is_blank(signs: &[Sign]) -> bool {
    signs.iter().all(|sign| sign.char.is_whitespace())
}

/// Removes surrounding white space.
pub(super) fn trim(signs: &[Sign]) -> &[Sign] {
    let is_text = |sign: &Sign| !sign.char.is_whitespace();
    match (signs.iter().position(is_text), signs.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &signs[first..=last],
        _ => &[],
    }
}

/// Removes a word from the start, in upper or lower case. `None` if it isn't there.
pub(super) fn strip_word<'a>(signs: &'a [Sign], word: &str) -> Option<&'a [Sign]> {
    let mut of_text = signs.iter();
    let is_same = word
        .chars()
        .all(|char| of_text.next().is_some_and(|sign| !sign.escaped && sign.char.eq_ignore_ascii_case(&char)));
    is_same.then_some(of_text.as_slice())
}

/// Whether the signs start with these unescaped marks.
pub(super) fn starts_with(signs: &[Sign], marks: &str) -> bool {
    let mut signs = signs.iter();
    marks.chars().all(|mark| signs.next().is_some_and(|sign| sign.is_char(mark)))
}

/// The index of the first occurrence of these unescaped marks.
pub(super) fn find(signs: &[Sign], marks: &str) -> Option<usize> {
    (0..signs.len()).find(|&at| starts_with(&signs[at..], marks))
}

/// Splits at any of these unescaped marks. Each part comes with the mark before it.
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
