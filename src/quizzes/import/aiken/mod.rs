//! Aiken: the lines of a question, options as `A. text` or `A) text`, and `ANSWER: B`. An `Explanation:`
//! belongs to the question before it. All texts are plain text.

mod answer;
mod question;

use self::question::{NumberedLine, option_letter};
use super::{Item, ParsedFile, line};
use crate::domain::markup::escape;
use crate::domain::quiz::draft::DraftProblem;

/// Reads a file. Never fails as a whole.
pub(super) fn read(text: &str) -> ParsedFile {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut reader = AikenReader { lines: &lines, ..AikenReader::default() };
    let mut at = 0;
    while at < lines.len() {
        at = reader.line(at);
    }
    reader.give_up("the file ends before its ANSWER line");
    reader.found
}

#[derive(Default)]
struct AikenReader<'a> {
    lines: &'a [&'a str],
    found: ParsedFile,
    /// The lines of the question that is being read.
    question: Vec<NumberedLine<'a>>,
    /// Whether its options have begun. `A. Einstein was born …` as the first line is not an option.
    has_options: bool,
    /// The lines of an explanation that comes before the ANSWER line.
    explanation: Vec<&'a str>,
    /// The last finished question: its index in `found.items`, or `Some(None)` if it was left out. `None`
    /// before the first.
    last: Option<Option<usize>>,
    /// Why the current question must be left out, if it must.
    doubt: Option<String>,
}

impl<'a> AikenReader<'a> {
    /// Reads a line, and returns the index of the next one to read.
    fn line(&mut self, at: usize) -> usize {
        let text = self.lines[at];
        if text.is_empty() {
            return at + 1;
        }
        if let Some(named) = after_word(text, &["answer"]) {
            self.answer(at, named);
            return at + 1;
        }
        let may_explain = if self.question.is_empty() { self.last.is_some() } else { self.has_options };
        if let Some(first) = after_word(text, &["explanation", "feedback"]).filter(|_| may_explain) {
            return self.explanation(at, first);
        }
        let after_blank = at > 0 && self.lines[at - 1].is_empty();
        if self.has_options && after_blank && option_letter(text).is_none() {
            self.give_up("no ANSWER line follows its options");
        }
        self.has_options |= !self.question.is_empty() && option_letter(text) == Some(0);
        self.question.push(NumberedLine { number: at + 1, text });
        at + 1
    }

    /// Reads an explanation, which ends at a blank line, an ANSWER line, another explanation or the next
    /// option A. Returns the index of the next line to read.
    fn explanation(&mut self, at: usize, first: &'a str) -> usize {
        let end = (at + 1..self.lines.len()).find(|&at| self.ends_explanation(at)).unwrap_or(self.lines.len());
        let more = end - at - 1;
        let is_before_question = self.question.is_empty() && self.is_question_before(end);
        let taken = match more {
            _ if !is_before_question => more,
            0 | 1 => 0,
            _ => {
                let (from, to) = (at + 2, end);
                self.doubt = Some(format!(
                    "lines {from} to {to} can belong to the explanation or to the next question: \
                     put a blank line between the two"
                ));
                0
            }
        };
        let lines = [first].into_iter().chain(self.lines[at + 1..=at + taken].iter().copied());
        let text = lines.filter(|line| !line.is_empty());
        if self.question.is_empty() {
            let text = escape(&text.collect::<Vec<_>>().join("\n"));
            if let Some(item) = self.last.flatten().and_then(|last| self.found.items.get_mut(last)) {
                add(&mut item.explanation, text);
            }
        } else {
            self.explanation.extend(text);
        }
        at + 1 + taken
    }

    fn ends_explanation(&self, at: usize) -> bool {
        let text = self.lines[at];
        text.is_empty()
            || option_letter(text) == Some(0)
            || after_word(text, &["answer", "explanation", "feedback"]).is_some()
    }

    /// Whether the lines before this one must hold the text of a question, because options or an answer follow.
    fn is_question_before(&self, at: usize) -> bool {
        let next = self.lines[at..].iter().find(|text| !text.is_empty());
        next.is_some_and(|text| option_letter(text) == Some(0) || after_word(text, &["answer"]).is_some())
    }

    /// Ends the current question at its ANSWER line.
    fn answer(&mut self, at: usize, named: &str) {
        self.has_options = false;
        let lines = std::mem::take(&mut self.question);
        let explanation = std::mem::take(&mut self.explanation);
        let first = lines.first().map_or(at + 1, |line| line.number);
        let mut warnings = Vec::new();
        let asked = match self.doubt.take() {
            Some(doubt) => Err((first, doubt)),
            None => question::read(&lines, at + 1, named, &mut warnings),
        };
        self.last = Some(None);
        match asked {
            Ok((text, asked)) => {
                let explanation = (!explanation.is_empty()).then(|| escape(&explanation.join("\n")));
                self.last = Some(Some(self.found.items.len()));
                self.found.items.push(Item { explanation, ..Item::new(line(first), text, asked) });
                self.found.warnings.extend(warnings.into_iter().map(|warning| DraftProblem::new(line(first), warning)));
            }
            Err((number, message)) => self.found.left_out.push(DraftProblem::new(line(number), message)),
        }
    }

    /// Leaves out the current question because its ANSWER line is missing.
    fn give_up(&mut self, message: &str) {
        self.explanation.clear();
        self.doubt = None;
        self.has_options = false;
        let lines = std::mem::take(&mut self.question);
        if let Some(first) = lines.first() {
            let message = format!("{message}: write one like ANSWER: A");
            self.found.left_out.push(DraftProblem::new(line(first.number), message));
            self.last = Some(None);
        }
    }
}

fn add(explanation: &mut Option<String>, text: String) {
    if !text.is_empty() {
        let before = explanation.take().map(|before| before + "\n").unwrap_or_default();
        *explanation = Some(before + &text);
    }
}

/// The text after one of these words and a colon. Case is ignored.
fn after_word<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    let (word, rest) = text.split_once([':', '：'])?;
    words.iter().any(|known| word.trim_end().eq_ignore_ascii_case(known)).then(|| rest.trim())
}

#[cfg(test)]
mod tests;
