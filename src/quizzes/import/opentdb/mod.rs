//! The Open Trivia Database: replies of its API, or the list of questions from one. All encodings that the
//! API offers for its texts are supported.

mod encoding;

use super::json_entries::{self, JsonEntry};
use super::{Item, ItemKind, ParsedFile};
use crate::domain::markup::escape;
use crate::domain::quiz::draft::DraftProblem;

/// The licence of the database's questions.
pub(super) const LICENSE: &str = "CC BY-SA 4.0, Open Trivia Database (https://opentdb.com)";

/// Reads replies or a list. An entry that can't be read is left out.
pub(super) fn read(text: &str) -> ParsedFile {
    let mut file = json_entries::read(text);
    let mut found = ParsedFile { left_out: file.left_out, ..ParsedFile::default() };
    found.left_out.extend(file.envelopes.iter().filter_map(api_error));
    let told = encoding::decode(&mut file.entries);
    found.understood = told.understood;
    found.warnings = told.warnings;
    for entry in &file.entries {
        match item(entry, &mut found.warnings) {
            Ok(item) => found.items.push(item),
            Err(problem) => found.left_out.push(problem),
        }
    }
    found
}

/// The error that the API reports in place of questions, if any.
fn api_error(reply: &JsonEntry) -> Option<DraftProblem> {
    let code = reply.fields.get("response_code")?.as_u64().filter(|&code| code != 0)?;
    let reason = match code {
        1 => "it has not as many questions of this kind; ask for fewer",
        2 => "a parameter is wrong",
        3 | 4 => "the session token is unknown or used up; ask for a new one",
        5 => "it was asked too often; wait 5 seconds",
        _ => "ask it again",
    };
    Some(reply.problem("response_code", format!("{code}: the API gave an error instead of questions: {reason}")))
}

fn item(entry: &JsonEntry, warnings: &mut Vec<DraftProblem>) -> Result<Item, DraftProblem> {
    if let Some(problem) = api_error(entry) {
        return Err(problem);
    }
    let place = entry.path.clone();
    let text = escape(&entry.text("question")?);
    let right = entry.text("correct_answer")?;
    let item = if is_boolean(entry, &right)? {
        Item::true_or_false(place, text, truth(&right).ok_or_else(|| neither(entry, &right))?)
    } else {
        let wrong = entry.texts("incorrect_answers")?;
        let options = std::iter::once(&right).chain(&wrong).map(|text| escape(text)).collect();
        Item::new(place, text, ItemKind::Choice { options, right: 0, in_order: false })
    };
    Ok(Item { category: entry.optional_text("category"), difficulty: entry.difficulty(warnings), ..item })
}

/// Whether the options are True and False: decided by the type, or by the answers if there is no type.
fn is_boolean(entry: &JsonEntry, right: &str) -> Result<bool, DraftProblem> {
    match entry.optional_text("type").as_deref() {
        Some("boolean") => Ok(true),
        Some("multiple") => Ok(false),
        Some(other) => Err(entry.problem("type", format!("{other:?} is neither \"multiple\" nor \"boolean\""))),
        None => {
            let wrong = entry.texts("incorrect_answers").unwrap_or_default();
            Ok(truth(right).is_some() && matches!(&wrong[..], [other] if truth(other).is_some()))
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn neither(entry: &JsonEntry, right: &str) -> DraftProblem {
    let message = format!("{right:?} is neither True nor False; for other answers the type is \"multiple\"");
    entry.problem("correct_answer", message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Difficulty;

    fn entry() -> Value {
        json!({
            "type": "multiple", "difficulty": "hard", "category": "Art &amp; Design",
            "question": "Who painted &quot;La Danse&quot; &#039;10?", "correct_answer": "Henri Matisse",
            "incorrect_answers": ["Andr&eacute; Derain", "Paul C&eacute;zanne", "Jean Dufy"],
        })
    }

    fn read_with(field: &str, value: Value) -> ParsedFile {
        let mut entry = entry();
        entry[field] = value;
        read(&json!({"response_code": 0, "results": [super::tests::entry(), entry]}).to_string())
    }

    fn options(item: &Item) -> (Vec<&str>, usize, bool) {
        match &item.asked {
            ItemKind::Choice { options, right, in_order } => {
                (options.iter().map(String::as_str).collect(), *right, *in_order)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn entities_are_decoded_everywhere() {
        let found = read(&json!({"results": [entry()]}).to_string());
        let item = &found.items[0];
        assert_eq!((item.place.as_str(), item.text.as_str()), ("results[0]", "Who painted \"La Danse\" '10?"));
        assert_eq!(options(item), (vec!["Henri Matisse", "André Derain", "Paul Cézanne", "Jean Dufy"], 0, false));
        assert_eq!((item.category.as_deref(), item.difficulty), (Some("Art & Design"), Some(Difficulty::Hard)));
        assert_eq!(found.understood, ["HTML entities"]);
    }

    #[test]
    fn what_looks_like_markup_is_text() {
        let found = read_with("correct_answer", json!("&lt;b&gt;bold&lt;/b&gt;"));
        assert_eq!(options(&found.items[1]).0[0], "&lt;b>bold&lt;/b>");
    }

    #[test]
    fn a_boolean_is_true_or_false() {
        for r#type in [json!("boolean"), Value::Null] {
            for right in [json!("False"), json!(false), json!("false")] {
                let boolean =
                    json!({"type": r#type, "question": "So?", "correct_answer": right, "incorrect_answers": ["True"]});
                let found = read(&json!([boolean]).to_string());
                assert_eq!(options(&found.items[0]), (vec!["True", "False"], 1, true));
            }
        }
    }

    #[test]
    fn a_bare_list_needs_no_more_than_question_and_answers() {
        let found = read(r#"[{"question": "When?", "correct_answer": 1969, "incorrect_answers": [1970, "never"]}]"#);
        assert_eq!(options(&found.items[0]), (vec!["1969", "1970", "never"], 0, false));
        assert_eq!((found.items[0].place.as_str(), found.left_out.len(), found.warnings.len()), ("[0]", 0, 0));
        assert_eq!((&found.items[0].category, found.items[0].difficulty), (&None, None));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out_and_told_with_its_path() {
        let cases = [
            ("type", json!("essay"), r#"results[1].type: "essay" is neither "multiple" nor "boolean""#),
            (
                "type",
                json!("boolean"),
                r#"results[1].correct_answer: "Henri Matisse" is neither True nor False; for other answers the type is "multiple""#,
            ),
            ("question", json!(null), "results[1].question: is missing; without it the question can't be asked"),
            ("question", json!({}), "results[1].question: is no text; write it in quotes"),
            ("correct_answer", json!(""), "results[1].correct_answer: is empty; write a text"),
            (
                "incorrect_answers",
                json!("x"),
                r#"results[1].incorrect_answers: is no list; write the wrong answers as ["…", "…"]"#,
            ),
            ("incorrect_answers", json!(["x", []]), "results[1].incorrect_answers[1]: is no text; write it in quotes"),
        ];
        for (field, value, told) in cases {
            let found = read_with(field, value);
            assert_eq!(found.left_out.iter().map(DraftProblem::to_string).collect::<Vec<_>>(), [told]);
            assert_eq!(found.items.len(), 1);
        }
    }

    #[test]
    fn an_unknown_difficulty_is_left_away() {
        let found = read_with("difficulty", json!("any"));
        assert_eq!((found.items.len(), found.items[1].difficulty), (2, None));
        let told = r#"results[1].difficulty: "any" is none of easy, medium, hard; imported without a difficulty"#;
        assert_eq!(found.warnings[0].to_string(), told);
    }

    #[test]
    fn an_error_of_the_api_is_told() {
        let told =
            "response_code: 5: the API gave an error instead of questions: it was asked too often; wait 5 seconds";
        for reply in [r#"{"response_code": 5, "results": []}"#, r#"{"response_code": 5}"#] {
            assert_eq!(read(reply).left_out[0].to_string(), told);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r#"([\[\]{}:,"]|"question"|"correct_answer"|"incorrect_answers"|"results"|"%41+b"|"&amp;quot;"|"eA=="| |\n){0,40}"#) {
            read(&text);
        }
    }
}
