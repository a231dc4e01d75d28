use serde_json::json;

use super::super::{Format, ImportOptions, Source, import};
use super::*;

/// Questions of all kinds, with texts that are hard to write in each format.
fn file() -> BankFile {
    let options = json!([{"optionId": 2, "text": "10<sup>6</sup>"}, {"optionId": 1, "text": "a, \"b\"; ~c {d} = #e: \\ f"},
        {"optionId": 3, "text": "-1 &lt;b>"}]);
    let questions = json!([
        {"questionId": "c", "text": "Which?\nSo <b>many</b>", "category": "Sea/Sky", "difficulty": "hard",
         "options": options, "correctOptionId": 1, "timeLimitMs": 20000, "explanation": "1 < 2 & so"},
        {"questionId": "m", "kind": "multiple", "text": "<pre>if x:\n    y</pre>", "options": options,
         "correctOptionIds": [2, 3], "points": 2},
        {"questionId": "t", "kind": "text", "text": "River?", "correctTexts": ["Rhine; or Rhein", "Rhin"]},
        {"questionId": "n", "kind": "number", "text": "Pi?", "correctNumber": 2.54, "tolerance": 0.01},
        {"questionId": "r", "kind": "number", "text": "Below 0?", "correctRange": {"min": -5, "max": -1.5}},
        {"questionId": "o", "kind": "order", "text": "Order!", "options": options, "correctOrder": [3, 1, 2]},
        {"questionId": "p", "kind": "poll", "text": "Cats?", "options": options},
        {"questionId": "w", "kind": "poll", "text": "A word?"},
    ]);
    serde_json::from_value(json!({"quizId": "b", "title": "B", "questions": questions})).expect("a bank's file")
}

/// The content of a question, without the option ids, which an import assigns anew.
fn said(question: &QuestionDraft) -> serde_json::Value {
    let named = |ids: &[OptionId]| {
        let mut texts = ids
            .iter()
            .map(|id| {
                cells_of(&QuestionDraft { kind: Kind::Order, correct_order: Some(vec![*id]), ..question.clone() })
                    .remove(0)
            })
            .collect::<Vec<_>>();
        texts.sort();
        texts
    };
    let mut value = serde_json::to_value(question).expect("JSON");
    let right =
        question.correct_option_ids.clone().or(question.correct_option_id.map(|id| vec![id])).unwrap_or_default();
    value["right"] = json!(named(&right));
    value["options"] = json!(cells_of(question));
    for name in ["correctOptionId", "correctOptionIds", "correctOrder"] {
        value.as_object_mut().expect("an object").remove(name);
    }
    value
}

fn again(text: &str, format: Format) -> Vec<QuestionDraft> {
    let options = ImportOptions::named_after(std::path::Path::new("b.x")).expect("a name");
    let imported = import(Source { name: None, format: Some(format), bytes: text.as_bytes() }, options);
    assert_eq!(imported.left_out, [], "{text}");
    imported.file.expect("all are imported").questions
}

#[test]
fn a_table_is_read_again_as_it_was() {
    for separator in [b',', b';', b'\t'] {
        let exported = csv(&file(), separator).expect("written");
        assert_eq!(exported.lost, []);
        let (before, after) = (file().questions, again(&exported.text, Format::Table));
        assert_eq!(after.iter().map(said).collect::<Vec<_>>(), before.iter().map(said).collect::<Vec<_>>());
    }
}

#[test]
fn gift_is_read_again_as_far_as_it_goes() {
    let exported = gift(&file());
    let lost: Vec<_> = exported.lost.iter().map(ToString::to_string).collect();
    assert_eq!(
        lost,
        [
            "questions[0]: GIFT has no timeLimitMs",
            "questions[0]: GIFT has no difficulty",
            "questions[1]: GIFT has no points",
            "questions[5]: GIFT has no question of the kind order: left out",
            "questions[6]: GIFT has no question of the kind poll: left out",
            "questions[7]: GIFT has no question of the kind poll: left out",
        ]
    );
    let said = |question: &QuestionDraft| {
        let mut value = said(question);
        for name in ["timeLimitMs", "difficulty", "points", "questionId"] {
            value.as_object_mut().expect("an object").remove(name);
        }
        value
    };
    let (before, after) = (file().questions, again(&exported.text, Format::Gift));
    assert_eq!(
        after.iter().map(said).collect::<Vec<_>>(),
        before[..5].iter().map(said).collect::<Vec<_>>(),
        "{}",
        exported.text
    );
}

#[test]
fn a_table_loses_nothing_of_a_question() {
    let mut file = file();
    file.questions[0].no_speed_bonus = Some(true);
    file.questions[1].points = Some(5.into());
    file.questions[1].no_speed_bonus = Some(false);
    (file.questions[2].max_typos, file.questions[2].ignore_accents) = (Some(1), Some(true));
    file.questions[2].points = Some("1.125".parse().expect("a number"));
    file.questions[3].correct_number = Some("1.234".parse().expect("a number"));
    file.questions[4].correct_range =
        Some(crate::domain::quiz::Range { min: "-2.125".parse().expect("a number"), max: 7.into() });
    let exported = csv(&file, b';').expect("written");
    assert_eq!(exported.lost, []);
    let after = again(&exported.text, Format::Table);
    assert_eq!(after.iter().map(said).collect::<Vec<_>>(), file.questions.iter().map(said).collect::<Vec<_>>());
}
