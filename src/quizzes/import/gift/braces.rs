//! Finds the braces that hold a question's answers. Braces of formulas are often not escaped.

use super::lexer::{Sign, starts_with, trim, written};

/// A question's text, split at its answers.
pub(super) struct BracedText<'a> {
    pub(super) before: &'a [Sign],
    pub(super) answers: &'a [Sign],
    pub(super) after: &'a [Sign],
    /// Whether other braces were taken as text.
    pub(super) has_braces_of_text: bool,
}

/// A pair of matching braces, and whether there are braces inside.
struct Group {
    open: usize,
    close: usize,
    has_inner: bool,
    /// Whether it is the argument of a LaTeX command, like `\frac{1}{2}` or `x^{2}`.
    is_latex: bool,
}

const MEND: &str = "braces that belong to the text are written \\{ \\}";

/// Finds the one pair of braces that holds the answers. The error says how to fix the question.
pub(super) fn parts(signs: &[Sign]) -> Result<BracedText<'_>, String> {
    let groups = groups(signs)?;
    let inside = |group: &Group| trim(&signs[group.open + 1..group.close]);
    if groups.iter().any(|group| is_cloze(inside(group))) {
        return Err("its { } are gaps of Moodle's kind Cloze, which can't be imported: ask for one gap at a time, \
                    like {=right ~wrong}"
            .to_owned());
    }
    let with_answers: Vec<&Group> = groups.iter().filter(|group| is_answers(inside(group), group.is_latex)).collect();
    let answers = match (with_answers.as_slice(), groups.as_slice()) {
        (_, []) => return Err("it has no { }, so it asks nothing: write its answers in { }, or take it out".to_owned()),
        ([answers], _) => answers,
        ([], [only]) if !only.is_latex => only,
        ([], [_]) => return Err(format!("its only {{ }} belong to a formula: write answers in {{ }}; {MEND}")),
        ([], _) => return Err(format!("none of its {{ }} begins with =, ~, # or TRUE and FALSE: {MEND}")),
        (several, _) => {
            return Err(format!(
                "it has {} {{ }} with answers, and a question has one: ask for one gap at a time, put a blank line \
                 between questions; {MEND}",
                several.len()
            ));
        }
    };
    let others = groups.iter().filter(|group| group.open != answers.open);
    if others.clone().any(|group| has_marks(inside(group))) {
        return Err(format!("it has more than one {{ }} with = or ~: {MEND}"));
    }
    if answers.has_inner && inner_has_marks(&signs[answers.open + 1..answers.close]) {
        return Err(format!("the {{ }} in its answers hold = or ~: {MEND}, \\= and \\~"));
    }
    Ok(BracedText {
        before: &signs[..answers.open],
        answers: inside(answers),
        after: &signs[answers.close + 1..],
        has_braces_of_text: groups.len() > 1 || answers.has_inner,
    })
}

/// The outermost pairs of braces.
fn groups(signs: &[Sign]) -> Result<Vec<Group>, String> {
    let mut groups: Vec<Group> = Vec::new();
    let (mut depth, mut open, mut has_inner) = (0_usize, 0, false);
    for (at, sign) in signs.iter().enumerate() {
        if sign.is_char('{') {
            if depth == 0 {
                (open, has_inner) = (at, false);
            } else {
                has_inner = true;
            }
            depth += 1;
        } else if sign.is_char('}') {
            if depth == 0 {
                return Err(format!("it has a }} without its {{: {MEND}"));
            }
            depth -= 1;
            if depth == 0 {
                let follows = groups.last().filter(|group| group.close + 1 == open).map(|group| group.is_latex);
                let is_latex = follows.unwrap_or_else(|| is_of_command(&signs[..open]));
                groups.push(Group { open, close: at, has_inner, is_latex });
            }
        }
    }
    if depth > 0 {
        return Err(format!("its {{ is not closed before the next question: write }} after its answers; {MEND}"));
    }
    Ok(groups)
}

/// Whether a brace after this text belongs to a LaTeX command.
fn is_of_command(before: &[Sign]) -> bool {
    match before.last().map(Sign::char) {
        Some('^' | '_' | ']') => true,
        Some(last) if last.is_ascii_alphabetic() => {
            let start = before.iter().rposition(|sign| !sign.char().is_ascii_alphabetic());
            start.is_some_and(|at| before[at].is_char('\\'))
        }
        _ => false,
    }
}

/// Whether the content starts like answers.
fn is_answers(inside: &[Sign], is_latex: bool) -> bool {
    if ["=", "~", "#"].iter().any(|mark| starts_with(inside, mark)) {
        return true;
    }
    let end = inside.iter().position(|sign| sign.is_char('#')).unwrap_or(inside.len());
    end <= 8 && !is_latex && super::answers::truth(&written(&inside[..end])).is_some()
}

/// Whether it is a Cloze gap like `1:SA:=few` or `:MULTICHOICE:~a~=b`.
fn is_cloze(inside: &[Sign]) -> bool {
    let weight = inside.iter().take_while(|sign| sign.char().is_ascii_digit()).count();
    let after = &inside[weight..];
    let kind = after.iter().skip(1).take_while(|sign| sign.char().is_ascii_uppercase() || sign.char() == '_').count();
    starts_with(after, ":") && kind > 1 && starts_with(&after[kind + 1..], ":")
}

fn has_marks(signs: &[Sign]) -> bool {
    signs.iter().any(|sign| sign.is_char('=') || sign.is_char('~'))
}

/// Whether braces inside the answers hold a mark, which would split an answer.
fn inner_has_marks(signs: &[Sign]) -> bool {
    let mut depth = 0_usize;
    signs.iter().any(|sign| {
        if sign.is_char('{') {
            depth += 1;
        } else if sign.is_char('}') {
            depth = depth.saturating_sub(1);
        }
        depth > 0 && ['=', '~', '#'].iter().any(|mark| sign.is_char(*mark))
    })
}
