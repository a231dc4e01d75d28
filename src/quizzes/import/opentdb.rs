//! The Open Trivia Database: replies of its API, whose texts are HTML-encoded by default.

use html_escape::decode_html_entities;
use serde::Deserialize;

use super::{Found, Item, reading};
use crate::domain::Difficulty;
use crate::domain::quiz::draft::Problem;

/// What the database's questions are licensed under.
pub(super) const LICENSE: &str = "CC BY-SA 4.0, Open Trivia Database (https://opentdb.com)";

#[derive(Deserialize)]
struct ApiReply {
    #[serde(default)]
    response_code: u64,
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    r#type: String,
    difficulty: String,
    category: String,
    question: String,
    correct_answer: String,
    incorrect_answers: Vec<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Found, Problem> {
    let reply: ApiReply = reading::json(bytes)?;
    if reply.response_code != 0 {
        let message = format!("{}: the API gave an error instead of questions", reply.response_code);
        return Err(Problem::new("response_code", message));
    }
    if let Some(encoding) = reply.results.first().and_then(encoding) {
        return Err(Problem::new("results[0]", format!("is {encoding}; ask the API again without `encode`")));
    }
    let mut found = Found::default();
    for (index, entry) in reply.results.into_iter().enumerate() {
        match item(entry, format!("results[{index}]")) {
            Ok(item) => found.items.push(item),
            Err(problem) => found.problems.push(problem),
        }
    }
    Ok(found)
}

/// The API's encodings that are not the default.
fn encoding(entry: &Entry) -> Option<&'static str> {
    let is_code = |bytes: &[u8]| bytes[0] == b'%' && bytes[1..].iter().all(u8::is_ascii_hexdigit);
    let question = &entry.question;
    if ["bXVsdGlwbGU=", "Ym9vbGVhbg=="].contains(&entry.r#type.as_str()) {
        Some("base64-encoded")
    } else if !question.contains(' ') && question.as_bytes().windows(3).any(is_code) {
        Some("percent-encoded")
    } else {
        None
    }
}

fn item(entry: Entry, place: String) -> Result<Item, Problem> {
    let decode = |text: &str| decode_html_entities(text).into_owned();
    let wrong = |field: &str, message: String| Err(Problem::new(format!("{place}.{field}"), message));
    let difficulty = match entry.difficulty.as_str() {
        "easy" => Difficulty::Easy,
        "medium" => Difficulty::Medium,
        "hard" => Difficulty::Hard,
        other => return wrong("difficulty", format!("{other:?} is none of easy, medium, hard")),
    };
    let text = decode(&entry.question);
    let item = match (entry.r#type.as_str(), entry.correct_answer.as_str()) {
        ("boolean", "True") => Item::true_or_false(place, text, true),
        ("boolean", "False") => Item::true_or_false(place, text, false),
        ("boolean", other) => return wrong("correct_answer", format!("{other:?} is neither True nor False")),
        ("multiple", right) => {
            let options = std::iter::once(decode(right)).chain(entry.incorrect_answers.iter().map(|text| decode(text)));
            Item::new(place, text, options.collect(), 0)
        }
        (other, _) => return wrong("type", format!("{other:?} is neither multiple nor boolean")),
    };
    Ok(Item { category: Some(decode(&entry.category)), difficulty: Some(difficulty), ..item })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry() -> Value {
        json!({
            "type": "multiple", "difficulty": "hard", "category": "Art &amp; Design",
            "question": "Who painted &quot;La Danse&quot; &#039;10?", "correct_answer": "Henri Matisse",
            "incorrect_answers": ["Andr&eacute; Derain", "Paul C&eacute;zanne", "Jean Dufy"],
        })
    }

    fn read_with(field: &str, value: Value) -> Result<Found, Problem> {
        let mut entry = entry();
        entry[field] = value;
        read(json!({"response_code": 0, "results": [entry]}).to_string().as_bytes())
    }

    #[test]
    fn entities_are_decoded_everywhere() {
        let found = read(json!({"results": [entry()]}).to_string().as_bytes()).expect("nothing is wrong");
        let item = &found.items[0];
        assert_eq!(item.text, "Who painted \"La Danse\" '10?");
        assert_eq!(item.options, ["Henri Matisse", "André Derain", "Paul Cézanne", "Jean Dufy"]);
        assert_eq!((item.right, item.category.as_deref()), (0, Some("Art & Design")));
        assert_eq!(item.difficulty, Some(Difficulty::Hard));
    }

    #[test]
    fn a_boolean_is_true_or_false() {
        let mut boolean = entry();
        boolean["type"] = json!("boolean");
        boolean["correct_answer"] = json!("False");
        boolean["incorrect_answers"] = json!(["True"]);
        let found = read(json!({"results": [boolean]}).to_string().as_bytes()).expect("nothing is wrong");
        assert_eq!(
            (found.items[0].options.as_slice(), found.items[0].right),
            (&["True", "False"].map(str::to_owned)[..], 1)
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_path() {
        let cases = [
            ("type", json!("essay"), r#"results[0].type: "essay" is neither multiple nor boolean"#),
            ("type", json!("boolean"), r#"results[0].correct_answer: "Henri Matisse" is neither True nor False"#),
            ("difficulty", json!("any"), r#"results[0].difficulty: "any" is none of easy, medium, hard"#),
            ("type", json!("bXVsdGlwbGU="), "results[0]: is base64-encoded; ask the API again without `encode`"),
            ("question", json!("Who%20did%3F"), "results[0]: is percent-encoded; ask the API again without `encode`"),
            ("question", json!(7), "results[0].question: invalid type: integer `7`, expected a string at line 1"),
        ];
        for (field, value, told) in cases {
            let problem = match read_with(field, value) {
                Ok(found) => found.problems[0].to_string(),
                Err(problem) => problem.to_string(),
            };
            assert!(problem.starts_with(told), "{problem}");
        }
        let refused = read(br#"{"response_code": 5, "results": []}"#).expect_err("an error of the API");
        assert_eq!(refused.to_string(), "response_code: 5: the API gave an error instead of questions");
    }
}
