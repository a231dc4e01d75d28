//! The Trivia API (the-trivia-api.com): lists of version 1 and version 2 of the API.

use super::json_entries::{self, JsonEntry};
use super::{Item, ItemKind, ParsedFile};
use crate::domain::QuestionId;
use crate::domain::markup::escape;
use crate::domain::quiz::draft::DraftProblem;

/// The licence of the API's questions for users who don't pay.
pub(super) const LICENSE: &str = "CC BY-NC 4.0, The Trivia API (https://the-trivia-api.com)";

/// Reads a list. An entry that can't be read is left out.
pub(super) fn read(text: &str) -> ParsedFile {
    let file = json_entries::read(text);
    let mut found = ParsedFile { left_out: file.left_out, ..ParsedFile::default() };
    for entry in &file.entries {
        match item(entry, &mut found.warnings) {
            Ok(item) => found.items.push(item),
            Err(problem) => found.left_out.push(problem),
        }
    }
    found
}

fn item(entry: &JsonEntry, warnings: &mut Vec<DraftProblem>) -> Result<Item, DraftProblem> {
    if entry.optional_text("type").is_some_and(|name| name == "image_choice") {
        let message = "\"image_choice\": pictures as answers can't be imported; ask the API for types=text_choice";
        return Err(entry.problem("type", message));
    }
    let text = question(entry)?;
    let right = entry.text("correctAnswer")?;
    let wrong = entry.texts("incorrectAnswers")?;
    let options = std::iter::once(&right).chain(&wrong).map(|text| escape(text)).collect();
    let asked = ItemKind::Choice { options, right: 0, in_order: false };
    let item = Item::new(entry.path.clone(), escape(&text), asked);
    let category = entry.optional_text("category").map(|name| readable(&name));
    Ok(Item { id: id(entry, warnings), category, difficulty: entry.difficulty(warnings), ..item })
}

/// The text of the question: a string in version 1, an object with a text in version 2.
fn question(entry: &JsonEntry) -> Result<String, DraftProblem> {
    match entry.nested("question") {
        Some(question) => question.text("text"),
        None => entry.text("question"),
    }
}

/// The question's id. An invalid one gives a warning and `None`; the question is still imported.
fn id(entry: &JsonEntry, warnings: &mut Vec<DraftProblem>) -> Option<QuestionId> {
    let parsed: Result<QuestionId, _> = entry.optional_text("id")?.parse();
    match parsed {
        Ok(id) => Some(id),
        Err(error) => {
            warnings.push(entry.problem("id", format!("{error}; imported without it")));
            None
        }
    }
}

/// A readable category: "Society and Culture" for `society_and_culture`. A name with capitals or blanks stays
/// unchanged.
fn readable(name: &str) -> String {
    if name.contains(|c: char| c.is_uppercase() || c.is_whitespace()) {
        return name.to_owned();
    }
    let words: Vec<String> = name.split('_').filter(|word| !word.is_empty()).map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    match word {
        "and" | "or" | "of" | "the" | "in" => word.to_owned(),
        "tv" => "TV".to_owned(),
        _ => {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Difficulty;

    fn entry() -> Value {
        json!({
            "category": "society_and_culture", "id": "622a1c347cc59eab6f94f9a8", "correctAnswer": "A <b>",
            "incorrectAnswers": ["B & C", "D", "E"], "question": {"text": "Which \"one\"?"}, "tags": ["x"],
            "type": "text_choice", "difficulty": "medium", "regions": [], "isNiche": false,
        })
    }

    fn read_with(field: &str, value: Value) -> ParsedFile {
        let mut entry = entry();
        entry[field] = value;
        read(&json!([entry]).to_string())
    }

    #[test]
    fn both_versions_are_read() {
        for question in [json!("Which \"one\"?"), json!({"text": "Which \"one\"?"})] {
            let found = read_with("question", question);
            let [item] = &found.items[..] else { panic!("{found:?}") };
            assert_eq!((item.place.as_str(), item.text.as_str()), ("[0]", "Which \"one\"?"));
            let options = ["A &lt;b>", "B & C", "D", "E"].map(str::to_owned).to_vec();
            assert_eq!(item.asked, ItemKind::Choice { options, right: 0, in_order: false });
            assert_eq!(item.id.as_ref().map(QuestionId::as_str), Some("622a1c347cc59eab6f94f9a8"));
            assert_eq!(item.category.as_deref(), Some("Society and Culture"));
            assert_eq!(item.difficulty, Some(Difficulty::Medium));
        }
    }

    #[test]
    fn categories_are_made_readable() {
        for (name, shown) in
            [("film_and_tv", "Film and TV"), ("science", "Science"), ("Sport & Leisure", "Sport & Leisure")]
        {
            assert_eq!(readable(name), shown);
        }
    }

    #[test]
    fn what_cannot_be_imported_is_left_out_and_told() {
        let cases = [
            (
                "type",
                json!("image_choice"),
                "[0].type: \"image_choice\": pictures as answers can't be imported; ask the API for types=text_choice",
            ),
            ("question", json!({}), "[0].question.text: is missing; without it the question can't be asked"),
            ("correctAnswer", json!({"url": "x"}), "[0].correctAnswer: is no text; write it in quotes"),
            (
                "incorrectAnswers",
                json!([]),
                "[0].incorrectAnswers: is an empty list; a question needs a wrong answer, too",
            ),
        ];
        for (field, value, told) in cases {
            let found = read_with(field, value);
            assert_eq!(found.left_out.iter().map(DraftProblem::to_string).collect::<Vec<_>>(), [told]);
            assert!(found.items.is_empty());
        }
    }

    #[test]
    fn a_name_that_cannot_be_one_is_left_away() {
        let found = read_with("id", json!("x".repeat(65)));
        assert_eq!((found.items[0].id.as_ref(), found.warnings.len()), (None, 1));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r#"([\[\]{}:,"]|"question"|"correctAnswer"|"incorrectAnswers"|"text"|"_"| |\n){0,40}"#) {
            read(&text);
        }

        #[test]
        fn no_category_is_too_odd(name in ".{0,12}") {
            readable(&name);
        }
    }
}
