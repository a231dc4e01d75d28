//! Detects answer marks that may belong to a text. If such a mark were accepted, a wrong answer could be
//! imported as a right one.

use super::lexer::{Sign, is_blank, trim, written};

/// A mark and the text after it. The text before the first mark has no mark.
type Part<'a> = (Option<char>, &'a [Sign]);

/// Refuses marks that probably belong to a text, and warns about those that are probably marks.
pub(super) fn check(parts: &[Part<'_>], warnings: &mut Vec<String>) -> Result<(), String> {
    for at in (1..parts.len()).filter(|&at| parts[at].0 == Some('=') && !begins_line(parts, at)) {
        let (before, after) = (written(trim(parts[at - 1].1)), written(trim(parts[at].1)));
        if is_torn(&before, &after) {
            return Err(format!("“{before}” is cut in two by a = of its text: write \\= there"));
        }
    }
    let later = || (1..parts.len()).filter(|&at| parts[at - 1].0.is_some() && !is_one_mark(parts, at));
    let equals = parts.iter().filter(|(mark, _)| *mark == Some('=')).count();
    let is_short_answer = parts.iter().all(|(mark, _)| *mark != Some('~'));
    let has_apart = later().any(|at| !is_glued(parts, at));
    let mut likely = None;
    for at in later().filter(|&at| parts[at].0 == Some('=')) {
        let glued = is_glued(parts, at) && (equals > 1 || has_apart);
        if !glued && !is_spaced(parts, at) {
            continue;
        }
        let (before, after) = (written(trim(parts[at - 1].1)), written(trim(parts[at].1)));
        if !(glued && is_short_answer && is_of_words(&before) && is_of_words(&after)) {
            return Err(format!(
                "“{before}={after}” can be one answer or two: write \\= in a text, and start a line before the = of an \
                 answer"
            ));
        }
        likely.get_or_insert((before, after));
    }
    if let Some((before, after)) = likely {
        warnings.push(format!("“{before}={after}” was read as two answers: if it is one, write \\= in it"));
    }
    Ok(())
}

/// Whether no white space comes before the mark.
fn is_glued(parts: &[Part<'_>], at: usize) -> bool {
    parts[at - 1].1.last().is_some_and(|sign| !sign.char().is_whitespace())
}

/// Whether the mark is the first character of its line.
fn begins_line(parts: &[Part<'_>], at: usize) -> bool {
    let mut blanks = parts[at - 1].1.iter().rev().take_while(|sign| sign.char().is_whitespace());
    blanks.any(|sign| sign.char() == '\n')
}

/// Whether the mark has white space on both sides, as in `x = 3`, while the first mark is not followed by any.
fn is_spaced(parts: &[Part<'_>], at: usize) -> bool {
    let has_blank = |part: &Part<'_>| part.1.first().is_some_and(|sign| sign.char().is_whitespace());
    let first = parts.iter().find(|(mark, _)| mark.is_some());
    !is_glued(parts, at) && !begins_line(parts, at) && has_blank(&parts[at]) && !first.is_some_and(has_blank)
}

/// Whether this mark is the second half of `~=`.
fn is_one_mark(parts: &[Part<'_>], at: usize) -> bool {
    parts[at].0 == Some('=') && parts[at - 1].0 == Some('~') && is_blank(parts[at - 1].1)
}

/// Whether a text consists of words, and is neither a formula nor code.
fn is_of_words(text: &str) -> bool {
    let is_apostrophe = |c: char| matches!(c, '\'' | '’' | '‘' | '´' | '`');
    let is_of_word = |c: char| c.is_alphabetic() || c.is_whitespace() || is_apostrophe(c) || "-–,.!?".contains(c);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    text.chars().all(is_of_word) && (letters > 1 || text.contains(is_apostrophe))
}

/// Whether a mark between these texts is inside a formula or a tag.
fn is_torn(before: &str, after: &str) -> bool {
    let is_odd = |text: &str| text.matches('$').count() % 2 == 1;
    let tail = before.rsplit_once('$').map_or("", |(_, tail)| tail);
    // A dollar sign before a digit is an amount of money, not a formula.
    let is_formula = tail.starts_with(|c: char| !c.is_ascii_digit() && !c.is_whitespace());
    let goes_on = is_odd(after) && !after.starts_with('$') || is_formula && !after.contains('$');
    let in_dollars = is_odd(before) && !tail.is_empty() && goes_on;
    let in_brackets = [("\\(", "\\)"), ("\\[", "\\]")].iter().any(|(open, close)| {
        before.matches(open).count() > before.matches(close).count()
            && after.matches(open).count() < after.matches(close).count()
    });
    let in_tag = before.rsplit_once('<').is_some_and(|(_, tag)| {
        tag.starts_with(|c: char| c.is_ascii_alphabetic())
            && tag.trim_end().contains(char::is_whitespace)
            && !tag.contains('>')
            && after.contains('>')
    });
    in_dollars || in_brackets || in_tag
}
