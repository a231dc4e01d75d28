//! Every kind of question, over the wire: in games whose server is killed, in refusals, in the order that a
//! host chooses, and imported from files.

mod files;
mod games;
mod order;
mod refusals;

use serde_json::{Value, json};

/// A question, a right and a wrong answer, and what is revealed as right.
struct Sample {
    question: Value,
    right: Value,
    wrong: Value,
    told: Value,
    /// True if the question has right and wrong answers, and so points.
    is_scored: bool,
}

impl Sample {
    fn new(n: usize, mut question: Value, right: Value, wrong: Value, told: Value) -> Self {
        question["questionId"] = json!(format!("k{n}"));
        question["text"] = json!(format!("Question {n}?"));
        let is_scored = question["kind"] != "poll";
        Self { question, right, wrong, told, is_scored }
    }

    fn id(&self) -> &str {
        self.question["questionId"].as_str().expect("a name")
    }

    /// The points of the right answer within the time limit.
    fn points(&self) -> u64 {
        if self.is_scored { 150 } else { 0 }
    }
}

/// One sample of every kind.
fn samples() -> Vec<Sample> {
    let options: Value = [3, 1, 4, 2].map(|id| json!({"optionId": id, "text": format!("option {id}")})).into();
    let kinds = [
        (
            json!({"kind": "choice", "options": options, "correctOptionId": 4}),
            json!({"optionId": 4}),
            json!({"optionId": 1}),
            json!({"correctOptionId": 4}),
        ),
        (
            json!({"kind": "multiple", "options": options, "correctOptionIds": [4, 1]}),
            json!({"optionIds": [1, 4]}),
            json!({"optionIds": [1]}),
            json!({"correctOptionIds": [1, 4]}),
        ),
        (
            json!({"kind": "text", "correctTexts": ["Zürich"], "ignoreAccents": true}),
            json!({"text": "ZURICH"}),
            json!({"text": "Bern"}),
            json!({"correctTexts": ["Zürich"]}),
        ),
        (
            json!({"kind": "number", "correctNumber": 2.5, "tolerance": 0.1}),
            json!({"number": 2.6}),
            json!({"number": 2.61}),
            json!({"correctNumber": 2.5, "correctRange": {"min": 2.4, "max": 2.6}}),
        ),
        (
            json!({"kind": "order", "options": options, "correctOrder": [2, 4, 1, 3]}),
            json!({"optionIds": [2, 4, 1, 3]}),
            json!({"optionIds": [2, 4, 3, 1]}),
            json!({"correctOrder": [2, 4, 1, 3]}),
        ),
        (json!({"kind": "poll", "options": options}), json!({"optionId": 3}), json!({"optionId": 1}), json!({})),
        (json!({"kind": "poll"}), json!({"text": "green tea"}), json!({"text": "tea"}), json!({})),
    ];
    let sample = |(n, (question, right, wrong, told))| Sample::new(n, question, right, wrong, told);
    kinds.into_iter().enumerate().map(sample).collect()
}

fn questions(samples: &[Sample]) -> Value {
    samples.iter().map(|sample| sample.question.clone()).collect()
}

/// An object with the fields of both.
fn with(mut one: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().expect("an object") {
        one[name] = value.clone();
    }
    one
}

/// Fails unless the object has all these fields.
#[track_caller]
fn assert_has(object: &Value, fields: &Value) {
    for (name, value) in fields.as_object().expect("an object") {
        assert_eq!(&object[name], value, "{name} of {object}");
    }
}
