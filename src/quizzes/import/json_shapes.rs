//! JSON lists of questions in the forms that people write for their own programs. An entry has a question,
//! its options, and the right one by its text, its letter or its position.

use serde_json::Value;

use super::json_entries::{self, JsonEntry, text_of};
use super::{Item, ItemKind, ParsedFile};
use crate::domain::markup::escape;
use crate::domain::quiz::draft::{DraftProblem, MOST_OPTIONS};

/// The field names for each part of an entry, in the order in which they are tried.
const QUESTION: [&str; 5] = ["question", "questionText", "prompt", "text", "title"];
const OPTIONS: [&str; 5] = ["options", "choices", "answers", "answerOptions", "alternatives"];
const RIGHT: [&str; 10] = [
    "answer",
    "correct",
    "correctAnswer",
    "correct_answer",
    "correctIndex",
    "correct_index",
    "correctOption",
    "answerIndex",
    "answer_index",
    "solution",
];
const OPTION_TEXT: [&str; 6] = ["text", "answerText", "answer", "option", "value", "content"];
const OPTION_RIGHT: [&str; 4] = ["correct", "isCorrect", "is_correct", "right"];
const EXPLANATION: [&str; 2] = ["explanation", "feedback"];

/// Reads a list. An entry that can't be read is left out.
pub(super) fn read(text: &str) -> ParsedFile {
    let file = json_entries::read(text);
    let mut found = ParsedFile { left_out: file.left_out, ..ParsedFile::default() };
    let parsed: Vec<_> = file.entries.iter().map(EntryParts::of).collect();
    // All entries are needed here: a single one rarely shows from where the file counts.
    let first = first_position(parsed.iter().filter_map(|parts| parts.as_ref().ok()));
    let is_by_position = |parts: &EntryParts| parts.right.iter().any(|right| parts.by_text(right).is_none());
    if parsed.iter().flatten().any(|parts| is_by_position(parts) && parts.numbers().next().is_some()) {
        found.understood.push(match first {
            Some(first) => format!("right answers by position, counted from {first}"),
            None => "right answers by position, which may count from 0 or from 1".to_owned(),
        });
    }
    for (entry, parts) in file.entries.iter().zip(parsed) {
        match parts.and_then(|parts| parts.item(entry, first)) {
            Ok(item) => found.items.push(Item { difficulty: entry.difficulty(&mut found.warnings), ..item }),
            Err(problem) => found.left_out.push(problem),
        }
    }
    found
}

/// The parts of an entry, before the right answers are looked up among the options.
struct EntryParts {
    question: String,
    options: Vec<String>,
    /// Each is the text, the letter or the position of an option.
    right: Vec<Value>,
    /// Indices of the options that are marked as right themselves.
    marked: Vec<usize>,
    /// Whether several options must be chosen together.
    is_multiple: bool,
}

impl EntryParts {
    fn of(entry: &JsonEntry) -> Result<Self, DraftProblem> {
        let question = entry.text(named(entry, &QUESTION).unwrap_or(QUESTION[0]))?;
        let field = RIGHT.into_iter().find(|name| entry.fields.get(*name).is_some_and(|value| !value.is_null()));
        let right = field.and_then(|name| entry.fields.get(name));
        let is_multiple = right.is_some_and(|right| right.as_array().is_some_and(|list| list.len() > 1));
        let right = match right {
            None => Vec::new(),
            Some(Value::Array(values)) => values.clone(),
            Some(value) => vec![value.clone()],
        };
        let (options, marked) = match named(entry, &OPTIONS) {
            Some(name) => options(entry, name)?,
            None => (Vec::new(), Vec::new()),
        };
        let is_multiple = is_multiple || (right.is_empty() && marked.len() > 1);
        Ok(Self { question, options, right, marked, is_multiple })
    }

    /// The index of the option with this text. Case and repeated blanks are ignored.
    fn by_text(&self, right: &Value) -> Option<usize> {
        let text = folded(&text_of(right)?);
        self.options.iter().position(|option| folded(option) == text)
    }

    /// The right answers that are numbers and are not the text of an option.
    fn numbers(&self) -> impl Iterator<Item = usize> {
        self.right.iter().filter(|right| self.by_text(right).is_none()).filter_map(number)
    }

    fn item(self, entry: &JsonEntry, first: Option<usize>) -> Result<Item, DraftProblem> {
        let text = escape(&self.question);
        let item = match (&self.right[..], self.options.len()) {
            ([Value::Bool(truth)], 0) => Item::true_or_false(entry.path.clone(), text, *truth),
            (_, 0) => return Err(entry.problem("options", "is missing; list what can be answered")),
            (_, 1) => return Err(entry.problem("options", "has one option; a question needs two at least")),
            _ => Item::new(entry.path.clone(), text, self.asked(entry, first)?),
        };
        let explanation = named(entry, &EXPLANATION).and_then(|name| entry.optional_text(name));
        let category = entry.optional_text("category");
        Ok(Item { category, explanation: explanation.map(|text| escape(&text)), ..item })
    }

    fn asked(&self, entry: &JsonEntry, first: Option<usize>) -> Result<ItemKind, DraftProblem> {
        let mut right = Vec::new();
        for value in &self.right {
            let found = self.by_text(value).or_else(|| self.by_position(value, first));
            right.push(found.ok_or_else(|| {
                let message = match (number(value), first) {
                    (Some(_), None) => format!("{value} may count from 0 or from 1: write the option's text"),
                    _ => format!("{value} is neither the text nor the letter nor the position of an option"),
                };
                entry.problem(named(entry, &RIGHT).unwrap_or(RIGHT[0]), message)
            })?);
        }
        if right.is_empty() {
            right.clone_from(&self.marked);
        }
        right.sort_unstable();
        right.dedup();
        let options = self.options.iter().map(|option| escape(option)).collect();
        match right[..] {
            [] => Err(entry.problem(RIGHT[0], "is missing; name the right option's text, letter or position")),
            [right] if !self.is_multiple => Ok(ItemKind::Choice { options, right, in_order: true }),
            _ => Ok(ItemKind::Multiple { options, right, in_shares: false }),
        }
    }

    fn by_position(&self, value: &Value, first: Option<usize>) -> Option<usize> {
        let at = match number(value) {
            Some(number) => number.checked_sub(first?)?,
            None => self.by_letter(letter(value.as_str()?)?)?,
        };
        (at < self.options.len()).then_some(at)
    }

    /// The index of the option with this letter. Options may start with their own letters, in any order.
    fn by_letter(&self, wanted: usize) -> Option<usize> {
        let labels: Option<Vec<usize>> = self.options.iter().map(|option| label(option)).collect();
        match labels {
            Some(labels) => labels.iter().position(|label| *label == wanted),
            None => Some(wanted),
        }
    }
}

/// Whether the file counts options from 0 or from 1. It counts from 0 if some position is 0, and from 1 if some
/// position equals the number of options. `None` if neither or both occur, because then it can't be known.
fn first_position<'a>(all: impl Iterator<Item = &'a EntryParts>) -> Option<usize> {
    let (mut has_zero, mut has_last) = (false, false);
    for parts in all {
        has_zero |= parts.numbers().any(|number| number == 0);
        has_last |= parts.numbers().any(|number| number == parts.options.len());
    }
    (has_last != has_zero).then_some(usize::from(has_last))
}

/// The texts of the options, and the indices of those that are marked as right.
fn options(entry: &JsonEntry, name: &str) -> Result<(Vec<String>, Vec<usize>), DraftProblem> {
    let values: Vec<&Value> = match entry.fields.get(name) {
        Some(Value::Array(values)) => values.iter().collect(),
        // Options as an object: {"A": "…", "B": "…"}
        Some(Value::Object(fields)) => fields.values().collect(),
        _ => return Err(entry.problem(name, "is no list; write [\"…\", \"…\"]")),
    };
    if values.len() > MOST_OPTIONS {
        return Err(entry.problem(name, format!("has {} options; at most {MOST_OPTIONS}", values.len())));
    }
    let (mut texts, mut marked) = (Vec::new(), Vec::new());
    for (index, value) in values.into_iter().enumerate() {
        let text = match value {
            Value::Object(fields) => OPTION_TEXT.iter().find_map(|name| fields.get(*name)).and_then(text_of),
            value => text_of(value),
        };
        let is_empty = "is no text; write it in quotes";
        texts.push(text.ok_or_else(|| entry.problem(&format!("{name}[{index}]"), is_empty))?);
        if OPTION_RIGHT.iter().any(|name| value.get(*name) == Some(&Value::Bool(true))) {
            marked.push(index);
        }
    }
    Ok((texts, marked))
}

fn named(entry: &JsonEntry, names: &[&'static str]) -> Option<&'static str> {
    names.iter().find(|name| entry.fields.get(**name).is_some_and(|value| !value.is_null())).copied()
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => number.as_u64()?.try_into().ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The letter index with which an option's text starts: 1 for `B. Rhine` and `B) Rhine`.
fn label(option: &str) -> Option<usize> {
    let (first, rest) = option.trim().split_at_checked(2)?;
    let is_mark = first.ends_with(['.', ')']) && rest.starts_with(' ');
    letter(first).filter(|_| is_mark)
}

/// The index of the letter `b`, `B` or `B.`, from 0.
fn letter(text: &str) -> Option<usize> {
    match text.trim().trim_end_matches(['.', ')']).as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_uppercase() - b'A')),
        _ => None,
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn options(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn choice(right: usize) -> ItemKind {
        ItemKind::Choice { options: options(&["x", "y", "z"]), right, in_order: true }
    }

    fn asked(list: &Value) -> Vec<ItemKind> {
        read(&list.to_string()).items.into_iter().map(|item| item.asked).collect()
    }

    #[test]
    fn the_right_one_is_told_by_text_letter_position_or_mark() {
        let of = |right| json!({"question": "Q?", "options": ["x", "y", "z"], "answer": right});
        for right in [json!("y"), json!(" Y "), json!("B"), json!("b)"), json!(1), json!("1"), json!([1])] {
            assert_eq!(asked(&json!([of(json!(0)), of(right)])), [choice(0), choice(1)]);
        }
        let marked = json!([{"text": "x"}, {"text": "y", "correct": true}, {"text": "z", "correct": false}]);
        assert_eq!(asked(&json!([{"prompt": "Q?", "answers": marked}])), [choice(1)]);
        let lettered = json!([{"question": "Q?", "choices": {"A": "x", "B": "y", "C": "z"}, "correctOption": "C"}]);
        assert_eq!(asked(&lettered), [choice(2)]);
    }

    #[test]
    fn a_file_counts_from_1_if_a_position_is_beyond_the_last_else() {
        let list = |numbers: &[usize]| -> Value {
            numbers.iter().map(|n| json!({"question": "Q?", "options": ["x", "y", "z"], "correct": n})).collect()
        };
        assert_eq!(asked(&list(&[1, 3])), [choice(0), choice(2)]);
        assert_eq!(asked(&list(&[1, 2])), [], "nobody can know");
        assert_eq!(asked(&list(&[0, 3])), [], "it contradicts itself");
        assert_eq!(asked(&list(&[0, 1])), [choice(0), choice(1)]);
        assert_eq!(read(&list(&[1, 3]).to_string()).understood, ["right answers by position, counted from 1"]);
        let by_text = json!([{"question": "2+1?", "options": [2, 3, 4], "answer": 3}]);
        assert_eq!(
            asked(&by_text),
            [ItemKind::Choice { options: options(&["2", "3", "4"]), right: 1, in_order: true }]
        );
        assert_eq!(read(&by_text.to_string()).understood, [""; 0]);
    }

    #[test]
    fn a_letter_is_the_one_that_the_options_say() {
        let of =
            |options: &[&str], right: &str| asked(&json!([{"question": "Q?", "options": options, "answer": right}]));
        let chosen = |texts: &[&str], right| ItemKind::Choice { options: options(texts), right, in_order: true };
        assert_eq!(of(&["B. x", "A. y"], "A"), [chosen(&["B. x", "A. y"], 1)]);
        assert_eq!(of(&["A) x", "B) y"], "B"), [chosen(&["A) x", "B) y"], 1)]);
        assert_eq!(of(&["B. x", "C. y"], "A"), [], "no option says it is A");
    }

    #[test]
    fn several_right_ones_are_right_together() {
        let multiple = ItemKind::Multiple { options: options(&["x", "y", "z"]), right: vec![0, 2], in_shares: false };
        assert_eq!(asked(&json!([{"question": "Q?", "options": ["x", "y", "z"], "correct": ["z", "x"]}])), [multiple]);
    }

    #[test]
    fn a_truth_needs_no_options() {
        let found = read(r#"[{"question": "So?", "answer": false, "explanation": "Not <b>."}]"#);
        let item = Item::true_or_false("[0]".to_owned(), "So?".to_owned(), false);
        assert_eq!(found.items, [Item { explanation: Some("Not &lt;b>.".to_owned()), ..item }]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_path() {
        let cases = [
            (
                json!({"options": ["x", "y"], "answer": 0}),
                "[0].question: is missing; without it the question can't be asked",
            ),
            (json!({"question": "Q?", "answer": "x"}), "[0].options: is missing; list what can be answered"),
            (
                json!({"question": "Q?", "options": ["x", "y"], "answer": "w?"}),
                "[0].answer: \"w?\" is neither the text nor the letter nor the position of an option",
            ),
            (
                json!({"question": "Q?", "options": ["x", "y"]}),
                "[0].answer: is missing; name the right option's text, letter or position",
            ),
            (
                json!({"question": "Q?", "options": ["x", []], "answer": 0}),
                "[0].options[1]: is no text; write it in quotes",
            ),
        ];
        for (entry, told) in cases {
            let found = read(&json!([entry, {"question": "Q?", "options": ["x", "y"], "answer": 0}]).to_string());
            assert_eq!(found.left_out.iter().map(DraftProblem::to_string).collect::<Vec<_>>(), [told]);
            assert_eq!(found.items.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r#"([\[\]{}:,"]|"question"|"options"|"answer"|"correct"|true|1|"B"|"x"| ){0,40}"#) {
            read(&text);
        }
    }
}
