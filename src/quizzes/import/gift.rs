//! Moodle's GIFT: questions with one right answer, and true or false. What rejoin has no kind for
//! is skipped with a warning; the file's other kinds are named in [`Unsupported`].

mod html;
mod signs;

use signs::{Sign, find, is_blank, split_at_marks, starts_with, trim, trim_start, written};

use super::{Found, Item, line};
use crate::domain::quiz::draft::Problem;

pub(super) fn read(text: &str) -> Found {
    let mut reader = Reader::default();
    for (index, text) in text.lines().enumerate() {
        reader.line(index + 1, text);
    }
    reader.end_of_question();
    reader.found
}

/// Gathers the lines of a question, which ends with a blank line.
#[derive(Default)]
struct Reader {
    found: Found,
    category: Option<String>,
    first_line: usize,
    question: String,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) {
        let trimmed = text.trim();
        if trimmed.starts_with("//") {
            return;
        }
        let category = trimmed.strip_prefix("$CATEGORY:");
        if trimmed.is_empty() || category.is_some() {
            self.end_of_question();
        }
        if let Some(path) = category {
            self.category = last_of(path.trim());
        } else if !trimmed.is_empty() {
            if self.question.is_empty() {
                self.first_line = number;
            }
            self.question.push_str(text);
            self.question.push('\n');
        }
    }

    fn end_of_question(&mut self) {
        let text = std::mem::take(&mut self.question);
        if text.is_empty() {
            return;
        }
        let place = line(self.first_line);
        match question(&signs::read(&text), &place) {
            Ok(item) => self.found.items.push(Item { category: self.category.clone(), ..item }),
            Err(No::Skipped(kind)) => {
                self.found.warnings.push(Problem::new(place, format!("{} is skipped", kind.name())));
            }
            Err(No::Wrong(message)) => self.found.problems.push(Problem::new(place, message)),
        }
    }
}

/// The last name of a category's path, in which `//` is a slash.
fn last_of(path: &str) -> Option<String> {
    let path = path.replace("//", "\0");
    let name = path.rsplit('/').map(str::trim).find(|name| !name.is_empty())?.replace('\0', "/");
    let is_root = name == "top" || (name.starts_with('$') && name.ends_with('$'));
    (!is_root).then_some(name)
}

/// The kinds of question that rejoin does not have.
enum Unsupported {
    Description,
    Essay,
    Matching,
    Numerical,
    ShortAnswer,
}

impl Unsupported {
    fn name(&self) -> &'static str {
        match self {
            Self::Description => "a description, which asks nothing,",
            Self::Essay => "an essay question",
            Self::Matching => "a matching question",
            Self::Numerical => "a numerical question",
            Self::ShortAnswer => "a short-answer question",
        }
    }
}

/// Why a text is no question for rejoin.
enum No {
    Skipped(Unsupported),
    Wrong(String),
}

fn wrong<T>(message: impl Into<String>) -> Result<T, No> {
    Err(No::Wrong(message.into()))
}

fn question(signs: &[Sign], place: &str) -> Result<Item, No> {
    let signs = without_title(trim(signs))?;
    let Some(open) = find(signs, "{") else {
        return if find(signs, "}").is_some() {
            wrong("a } without its {")
        } else {
            Err(No::Skipped(Unsupported::Description))
        };
    };
    let (before, rest) = (&signs[..open], &signs[open + 1..]);
    let Some(close) = find(rest, "}") else {
        return wrong("the { of its answers is not closed before the next blank line");
    };
    let (answers, after) = (&rest[..close], &rest[close + 1..]);
    if find(answers, "{").is_some() || find(after, "{").is_some() || find(after, "}").is_some() {
        return wrong("more than one { }; one that belongs to the text is written \\{ \\}");
    }
    let (html, before) = format(before);
    let mut text = before.to_vec();
    if !is_blank(after) {
        text.extend(signs::read("_____"));
        text.extend_from_slice(after);
    }
    answers_of(trim(answers), written_as(html, &text), place, html)
}

/// What follows `::title::`.
fn without_title(signs: &[Sign]) -> Result<&[Sign], No> {
    if !starts_with(signs, "::") {
        return Ok(signs);
    }
    match find(&signs[2..], "::") {
        Some(end) => Ok(trim(&signs[end + 4..])),
        None => wrong("the title's :: is not closed"),
    }
}

/// Takes `[html]` or another format's marker from the front.
fn format(signs: &[Sign]) -> (Option<bool>, &[Sign]) {
    let signs = trim_start(signs);
    for (marker, html) in [("[html]", true), ("[moodle]", false), ("[plain]", false), ("[markdown]", false)] {
        if starts_with(signs, marker) {
            return (Some(html), &signs[marker.len()..]);
        }
    }
    (None, signs)
}

fn written_as(html: Option<bool>, signs: &[Sign]) -> String {
    let text = written(trim(signs));
    if html == Some(true) { html::to_text(&text) } else { text }
}

/// A text of the answers, which is in the question's format unless it names another.
fn text_in(html: Option<bool>, signs: &[Sign]) -> String {
    let (own, signs) = format(signs);
    written_as(own.or(html), signs)
}

fn answers_of(signs: &[Sign], text: String, place: &str, html: Option<bool>) -> Result<Item, No> {
    let (answers, general) = match find(signs, "####") {
        Some(at) => (trim(&signs[..at]), Some(&signs[at + 4..])),
        None => (signs, None),
    };
    if answers.is_empty() {
        return Err(No::Skipped(Unsupported::Essay));
    }
    if starts_with(answers, "#") {
        return Err(No::Skipped(Unsupported::Numerical));
    }
    let (item, feedback) = if find(answers, "~").is_some() {
        choice(answers, text, place, html)?
    } else if starts_with(answers, "=") {
        let is_matching = written(answers).contains("->");
        return Err(No::Skipped(if is_matching { Unsupported::Matching } else { Unsupported::ShortAnswer }));
    } else {
        true_or_false(answers, text, place)?
    };
    let explanation = general.or(feedback).map(|signs| text_in(html, signs));
    Ok(Item { explanation, ..item })
}

/// `T`, `FALSE#for who is wrong#for who is right`.
fn true_or_false<'a>(signs: &'a [Sign], text: String, place: &str) -> Result<(Item, Option<&'a [Sign]>), No> {
    let mut parts = split_at_marks(signs, &['#']);
    let word = parts.next().map(|(_, word)| written(trim(word))).unwrap_or_default();
    let right = match word.to_uppercase().as_str() {
        "T" | "TRUE" => true,
        "F" | "FALSE" => false,
        _ => return wrong("its answers begin with none of =, ~, TRUE and FALSE"),
    };
    let for_the_right = parts.nth(1).map(|(_, feedback)| feedback);
    Ok((Item::true_or_false(place.to_owned(), text, right), for_the_right))
}

/// `=right#feedback ~wrong ~%100%right ~%-50%wrong`.
fn choice<'a>(
    signs: &'a [Sign],
    text: String,
    place: &str,
    html: Option<bool>,
) -> Result<(Item, Option<&'a [Sign]>), No> {
    let (mut options, mut rights) = (Vec::new(), Vec::new());
    for (mark, answer) in split_at_marks(signs, &['=', '~']) {
        let Some(mark) = mark else {
            if is_blank(answer) { continue } else { return wrong("a text before its first = or ~") }
        };
        let (weight, answer) = weight(trim(answer));
        let weight = weight.unwrap_or(if mark == '=' { 100.0 } else { 0.0 });
        let (answer, feedback) = match find(answer, "#") {
            Some(at) => (&answer[..at], Some(&answer[at + 1..])),
            None => (answer, None),
        };
        if weight > 0.0 {
            rights.push((options.len(), weight, feedback));
        }
        options.push(text_in(html, answer));
    }
    match rights[..] {
        [(right, weight, feedback)] if weight >= 100.0 => {
            Ok((Item::new(place.to_owned(), text, options, right), feedback))
        }
        [_] => wrong("its best answer is right only in part"),
        [] => wrong("no right answer"),
        [..] => wrong("several right answers"),
    }
}

/// Takes `%50%` from the front. A percent sign of another kind belongs to the text.
fn weight(signs: &[Sign]) -> (Option<f64>, &[Sign]) {
    let percent = |sign: &Sign| sign.is_char('%');
    if signs.first().is_some_and(percent)
        && let Some(end) = signs[1..].iter().position(percent)
        && let Ok(weight) = written(&signs[1..=end]).trim().parse::<f64>()
        && weight.is_finite()
    {
        return (Some(weight), &signs[end + 2..]);
    }
    (None, signs)
}

#[cfg(test)]
mod tests;
