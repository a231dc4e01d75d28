//! Finds the questions in a JSON file. The file may be a list, an object with the list in one of its fields,
//! or several of these in a row, as left by a script that calls an API repeatedly.

use serde_json::{Map, Value};

use crate::domain::Difficulty;
use crate::domain::quiz::draft::DraftProblem;

/// The fields in which API replies have their list of questions.
const LISTS: [&str; 3] = ["results", "questions", "data"];

/// The JSON object of one question.
#[derive(Debug)]
pub(super) struct JsonEntry {
    /// Its place: `results[3]`, or `[3]` in a bare list.
    pub(super) path: String,
    /// The fields of the object.
    pub(super) fields: Map<String, Value>,
}

impl JsonEntry {
    /// A required text that isn't blank. Numbers and booleans are taken as text.
    pub(super) fn text(&self, field: &str) -> Result<String, DraftProblem> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Err(self.problem(field, "is missing; without it the question can't be asked")),
            Some(value) => match text_of(value) {
                Some(text) if text.trim().is_empty() => Err(self.problem(field, "is empty; write a text")),
                Some(text) => Ok(text),
                None => Err(self.problem(field, "is no text; write it in quotes")),
            },
        }
    }

    /// An optional text. `None` if it is missing, blank or not a text.
    pub(super) fn optional_text(&self, field: &str) -> Option<String> {
        self.fields.get(field).and_then(text_of).filter(|text| !text.trim().is_empty())
    }

    /// The texts of a required list, which must not be empty.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, DraftProblem> {
        let Some(Value::Array(values)) = self.fields.get(field) else {
            return Err(self.problem(field, "is no list; write the wrong answers as [\"…\", \"…\"]"));
        };
        if values.is_empty() {
            return Err(self.problem(field, "is an empty list; a question needs a wrong answer, too"));
        }
        let text = |(index, value)| {
            let place = format!("{field}[{index}]");
            text_of(value).ok_or_else(|| self.problem(&place, "is no text; write it in quotes"))
        };
        values.iter().enumerate().map(text).collect()
    }

    /// The object in one of the fields.
    pub(super) fn nested(&self, field: &str) -> Option<Self> {
        let fields = self.fields.get(field)?.as_object()?.clone();
        Some(Self { path: join(&self.path, field), fields })
    }

    /// The difficulty. An unknown value gives a warning and `None`; the question is still imported.
    pub(super) fn difficulty(&self, warnings: &mut Vec<DraftProblem>) -> Option<Difficulty> {
        let text = self.optional_text("difficulty")?;
        let difficulty = difficulty(&text);
        if difficulty.is_none() {
            let message = format!("{text:?} is none of easy, medium, hard; imported without a difficulty");
            warnings.push(self.problem("difficulty", message));
        }
        difficulty
    }

    /// A problem with one of the fields.
    pub(super) fn problem(&self, field: &str, message: impl Into<String>) -> DraftProblem {
        DraftProblem::new(join(&self.path, field), message)
    }
}

/// A string, number or boolean as text.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The difficulty as the APIs write it.
fn difficulty(text: &str) -> Option<Difficulty> {
    match text.trim().to_lowercase().as_str() {
        "easy" => Some(Difficulty::Easy),
        "medium" => Some(Difficulty::Medium),
        "hard" => Some(Difficulty::Hard),
        _ => None,
    }
}

/// The objects found in a JSON file.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The questions, in the file's order.
    pub(super) entries: Vec<JsonEntry>,
    /// The objects around the lists, without the lists. API replies have their status there.
    pub(super) envelopes: Vec<JsonEntry>,
    /// What is not a question, or not JSON.
    pub(super) left_out: Vec<DraftProblem>,
}

/// Reads all JSON documents in the text, up to the first syntax error.
pub(super) fn read(text: &str) -> Entries {
    let mut found = Entries::default();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut lines = LineCounter { text, at: 0, newlines: 0 };
    let mut path = String::new();
    while let Some(document) = documents.next() {
        match document {
            Ok(value) => found.collect(path, value),
            Err(error) => {
                let message = format!("is no whole JSON: {error}; export or copy it again");
                found.left_out.push(DraftProblem::new("file", message));
                break;
            }
        }
        path = super::line(lines.next_start(documents.byte_offset()));
    }
    found
}

/// Counts lines incrementally, from document to document.
struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    newlines: usize,
}

impl LineCounter<'_> {
    /// The line of the next document, after any white space at this offset.
    fn next_start(&mut self, offset: usize) -> usize {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && (self.at < offset || bytes[self.at].is_ascii_whitespace()) {
            self.newlines += usize::from(bytes[self.at] == b'\n');
            self.at += 1;
        }
        self.newlines + 1
    }
}

impl Entries {
    /// The recursion is bounded: `serde_json` refuses values nested deeper than 128 levels.
    fn collect(&mut self, path: String, value: Value) {
        match value {
            Value::Array(values) => {
                for (index, value) in values.into_iter().enumerate() {
                    self.collect(format!("{path}[{index}]"), value);
                }
            }
            Value::Object(mut fields) => {
                let list = LISTS.iter().find(|name| fields.get(**name).is_some_and(Value::is_array));
                if let Some((name, list)) = list.and_then(|name| Some((name, fields.remove(*name)?))) {
                    self.collect(join(&path, name), list);
                    self.envelopes.push(JsonEntry { path, fields });
                } else {
                    self.entries.push(JsonEntry { path, fields });
                }
            }
            _ => {
                let path = if path.is_empty() { "file".to_owned() } else { path };
                self.left_out.push(DraftProblem::new(path, "is no question: one stands in braces, {\"question\": …}"));
            }
        }
    }
}

/// The path of a field. The path of any document but the first is its line.
fn join(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        line if line.starts_with("line ") && !line.contains(['.', '[']) => format!("{line}: {field}"),
        path => format!("{path}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        read(text).entries.into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn lists_with_and_without_an_envelope_are_found() {
        assert_eq!(paths("[{}, {}]"), ["[0]", "[1]"]);
        assert_eq!(paths(r#"{"response_code": 0, "results": [{}, {}]}"#), ["results[0]", "results[1]"]);
        assert_eq!(paths(r#"[{"results": [{}]}, {"results": [{}]}]"#), ["[0].results[0]", "[1].results[0]"]);
        assert_eq!(paths("{\"results\": [{}]}\n{\"results\": [{}]}"), ["results[0]", "line 2: results[0]"]);
        assert_eq!(paths("{\"a\": 1}\n\n{\"a\": 2}\n"), ["", "line 3"]);
    }

    #[test]
    fn what_is_no_question_is_left_out_and_told() {
        let told = |text| read(text).left_out.iter().map(DraftProblem::to_string).collect::<Vec<_>>();
        assert_eq!(told("[{}, 7]"), ["[1]: is no question: one stands in braces, {\"question\": …}"]);
        assert_eq!(
            told("[{}"),
            ["file: is no whole JSON: EOF while parsing a list at line 1 column 3; export or copy it again"]
        );
        assert_eq!(told(""), [""; 0]);
        assert_eq!(read("{}\n{}\n{\"a").entries.len(), 2);
    }

    #[test]
    fn a_field_that_is_no_text_is_told_with_its_path() {
        let found = read(r#"[{"question": ["x"], "year": 1969, "wrong": ["a", null], "empty": " "}]"#);
        let entry = &found.entries[0];
        let told = |result: Result<String, DraftProblem>| result.map_err(|problem| problem.to_string());
        assert_eq!(told(entry.text("question")), Err("[0].question: is no text; write it in quotes".to_owned()));
        assert_eq!(told(entry.text("empty")), Err("[0].empty: is empty; write a text".to_owned()));
        assert_eq!(told(entry.text("year")), Ok("1969".to_owned()));
        let wrong = entry.texts("wrong").expect_err("null is no text");
        assert_eq!(wrong.to_string(), "[0].wrong[1]: is no text; write it in quotes");
    }
}
