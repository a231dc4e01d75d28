//! The questions of a drill, of all kinds in turn, and the bots' answers to them.

use serde_json::{Value, json};

use crate::client::ClientAnswer;

/// Typed answers: right, right with other letters, and wrong.
const TYPED: [&str; 3] = ["tea", " TEA", "coffee"];

/// Makes `count` questions, of all kinds in turn.
pub(super) fn questions(count: usize) -> Vec<Value> {
    (0..count).map(question).collect()
}

fn question(n: usize) -> Value {
    let options: Value = [3, 1, 4, 2].map(|id| json!({"optionId": id, "text": format!("option {id}")})).into();
    let mut question = match n % 7 {
        0 => json!({"kind": "choice", "options": options, "correctOptionId": 1}),
        1 => json!({"kind": "multiple", "options": options, "correctOptionIds": [1, 2]}),
        2 => json!({"kind": "text", "correctTexts": ["tea"], "maxTypos": 1}),
        3 => json!({"kind": "number", "correctNumber": 2, "tolerance": 0.5}),
        4 => json!({"kind": "order", "options": options, "correctOrder": [2, 4, 1, 3]}),
        5 => json!({"kind": "poll", "options": options}),
        _ => json!({"kind": "poll"}),
    };
    question["questionId"] = format!("drill-{n}").into();
    question["text"] = format!("Question {}?", n + 1).into();
    question
}

/// A random answer to a question as it is shown, right or wrong.
pub(super) fn any_answer(question: &Value, rng: &mut fastrand::Rng) -> ClientAnswer {
    let ids = question["options"].as_array().into_iter().flatten().filter_map(|option| option["optionId"].as_u64());
    let mut ids: Vec<u64> = ids.collect();
    let mut below = |bound: usize| usize::try_from(rng.u64(..bound.max(1) as u64)).unwrap_or_default();
    match question["kind"].as_str() {
        Some("multiple") => {
            let count = 1 + below(ids.len());
            draw(&mut ids, count, below);
            ids.into()
        }
        Some("order") => {
            let count = ids.len();
            draw(&mut ids, count, below);
            ids.into()
        }
        Some("number") => (below(5) as f64 / 2.0 + 1.0).into(),
        Some("text") => TYPED[below(TYPED.len())].into(),
        Some("poll") if ids.is_empty() => TYPED[below(TYPED.len())].into(),
        _ => ids.get(below(ids.len())).copied().into(),
    }
}

/// Keeps `count` random ids, in random order.
fn draw(ids: &mut Vec<u64>, count: usize, mut below: impl FnMut(usize) -> usize) {
    for place in 0..count {
        let drawn = place + below(ids.len() - place);
        ids.swap(place, drawn);
    }
    ids.truncate(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_answered_by_its_own_field() {
        let mut rng = fastrand::Rng::with_seed(1);
        let fields = |answer: ClientAnswer| {
            (answer.option_id.is_some(), answer.option_ids.is_some(), answer.text.is_some(), answer.number.is_some())
        };
        let told: Vec<_> = questions(7).iter().map(|question| fields(any_answer(question, &mut rng))).collect();
        let [option, options, text, number] =
            [0, 1, 2, 3].map(|field| (field == 0, field == 1, field == 2, field == 3));
        assert_eq!(told, [option, options, text, number, options, option, text]);
    }
}
