//! What a solo player was told about its game, and the comparison with everything that the server says later.
//! Pure.

use serde::Deserialize;
use serde_json::Value;

use crate::client::ClientAnswer;

/// A contradiction between two replies of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// This many acknowledged answers, or their points, are gone.
    Lost(u64, String),
    /// This many answers or awards count twice.
    Doubled(u64, String),
    /// Something else is not as promised.
    Wrong(String),
}

/// An acknowledged answer.
#[derive(Debug, Clone, PartialEq)]
struct AcknowledgedAnswer {
    question: String,
    answer: ClientAnswer,
    points: i64,
}

/// One solo game as its player knows it.
#[derive(Debug)]
pub(super) struct GameRecord {
    pub(super) id: String,
    told: Vec<AcknowledgedAnswer>,
    total: i64,
    /// The newest verdict, for a repeat.
    newest: Value,
}

impl GameRecord {
    pub(super) fn new(id: String) -> Self {
        Self { id, told: Vec::new(), total: 0, newest: Value::Null }
    }

    /// Takes the verdict on an answer, and compares it with all verdicts before.
    pub(super) fn verdict(&mut self, question: &Value, answer: &ClientAnswer, verdict: &Value) -> Vec<Finding> {
        let points = verdict["points"].as_i64().unwrap_or(i64::MIN);
        let question_id = question["questionId"].as_str().unwrap_or_default().to_owned();
        self.told.push(AcknowledgedAnswer { question: question_id, answer: read(verdict), points });
        let mut found =
            self.counts(self.told.len() as u64, verdict["answered"].as_u64().unwrap_or_default(), "a verdict");
        self.total = self.total.saturating_add(points);
        found.extend(self.score(verdict, "a verdict"));
        let is_same = read(verdict) == as_read(&question["kind"], answer.clone());
        if verdict["questionId"] != question["questionId"] || !is_same {
            found.push(self.wrong(format!("{} was answered, the verdict is {verdict}", question["questionId"])));
        }
        let is_right = verdict["optionId"] == verdict["correctOptionId"];
        if question["kind"] == "choice" && verdict["correct"] != is_right {
            found.push(self.wrong(format!("an answer was judged wrongly: {verdict}")));
        }
        self.newest = verdict.clone();
        found
    }

    /// Compares the reply to a repeat of the newest answer: it must be the first reply.
    pub(super) fn repeated(&self, verdict: &Value) -> Option<Finding> {
        let said = || format!("{}: a repeated answer got {verdict} after {}", self.id, self.newest);
        (*verdict != self.newest).then(|| Finding::Doubled(1, said()))
    }

    /// Compares everything so far with a resumed game, or with results.
    pub(super) fn compare(&self, view: &Value, by: &str) -> Vec<Finding> {
        let empty = Vec::new();
        let answers = view["answers"].as_array().unwrap_or(&empty);
        let mut found = self.counts(self.told.len() as u64, answers.len() as u64, by);
        for told in &self.told {
            let there = answers.iter().find(|answer| answer["questionId"] == *told.question);
            let is_same = |answer: &Value| answer["points"] == told.points && read(answer) == told.answer;
            if let Some(other) = there.filter(|answer| !is_same(answer)) {
                found.push(Finding::Lost(1, format!("{}: {by} say {other} instead of {told:?}", self.id)));
            }
        }
        found.extend(self.score(view, by));
        found
    }

    /// The server does not know the game any more.
    pub(super) fn gone(&self, by: &str) -> Finding {
        match self.told.len() as u64 {
            0 => self.wrong(format!("{by}: the game is not known")),
            count => Finding::Lost(count, format!("{}: {by}: the game is not known, with {count} answers", self.id)),
        }
    }

    pub(super) fn wrong(&self, what: String) -> Finding {
        Finding::Wrong(format!("{}: {what}", self.id))
    }

    fn counts(&self, own: u64, said: u64, by: &str) -> Vec<Finding> {
        let what = || format!("{}: {by} count {said} answers, {own} were acknowledged", self.id);
        match said.cmp(&own) {
            std::cmp::Ordering::Less => vec![Finding::Lost(own - said, what())],
            std::cmp::Ordering::Equal => Vec::new(),
            std::cmp::Ordering::Greater => vec![Finding::Doubled(said - own, what())],
        }
    }

    /// Compares the total score, which is the sum of the verdicts' points.
    fn score(&self, view: &Value, by: &str) -> Option<Finding> {
        let (own, said) = (self.total, view["totalScore"].as_i64().unwrap_or_default());
        let what = || format!("{}: {by} tell {said} points, the verdicts sum up to {own}", self.id);
        match said.cmp(&own) {
            std::cmp::Ordering::Less => Some(Finding::Lost(1, what())),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Finding::Doubled(1, what())),
        }
    }
}

/// The answer as the server reads it: the options of a `multiple` are a set, and a text has no outer spaces.
fn as_read(kind: &Value, mut answer: ClientAnswer) -> ClientAnswer {
    if let Some(options) = answer.option_ids.as_mut().filter(|_| kind == "multiple") {
        options.sort_unstable();
    }
    answer.text = answer.text.map(|text| text.trim().to_owned());
    answer
}

fn read(from: &Value) -> ClientAnswer {
    ClientAnswer::deserialize(from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(n: u64) -> Value {
        json!({"questionId": format!("q{n}"), "kind": "choice"})
    }

    fn verdict(n: u64, points: i64, total: i64) -> Value {
        json!({"questionId": format!("q{n}"), "optionId": 1, "correctOptionId": 1, "correct": true,
               "points": points, "totalScore": total, "answered": n})
    }

    /// A game of two right answers.
    fn played() -> GameRecord {
        let mut record = GameRecord::new("game".to_owned());
        assert_eq!(record.verdict(&question(1), &Some(1).into(), &verdict(1, 150, 150)), []);
        assert_eq!(record.verdict(&question(2), &Some(1).into(), &verdict(2, 100, 250)), []);
        record
    }

    #[test]
    fn a_verdict_that_does_not_go_on_from_the_last_one_is_found() {
        let next = |verdict: &Value| played().verdict(&question(3), &Some(1).into(), verdict);
        assert_eq!(next(&verdict(3, 100, 350)), []);
        assert!(matches!(next(&verdict(1, 100, 350))[..], [Finding::Lost(2, _), ..]));
        assert!(matches!(next(&verdict(3, 100, 100))[..], [Finding::Lost(1, _)]));
        assert!(matches!(next(&verdict(3, 100, 450))[..], [Finding::Doubled(1, _)]));
        let mut judged = verdict(3, 100, 350);
        judged["correct"] = false.into();
        assert!(matches!(next(&judged)[..], [Finding::Wrong(_)]));
        assert!(matches!(
            played().verdict(&question(3), &Some(2).into(), &verdict(3, 100, 350))[..],
            [Finding::Wrong(_)]
        ));
    }

    #[test]
    fn a_verdict_names_the_answer_as_the_server_reads_it() {
        let mut record = GameRecord::new("game".to_owned());
        let question = json!({"questionId": "q1", "kind": "multiple"});
        let verdict = json!({"questionId": "q1", "optionIds": [1, 2], "points": 0, "totalScore": 0, "answered": 1});
        assert_eq!(record.verdict(&question, &vec![2, 1].into(), &verdict), []);
        let question = json!({"questionId": "q2", "kind": "text"});
        let verdict = json!({"questionId": "q2", "text": "TEA", "points": 0, "totalScore": 0, "answered": 2});
        assert_eq!(record.verdict(&question, &" TEA".into(), &verdict), []);
    }

    #[test]
    fn a_repeat_gets_the_first_reply() {
        assert_eq!(played().repeated(&verdict(2, 100, 250)), None);
        assert!(matches!(played().repeated(&verdict(2, 100, 350)), Some(Finding::Doubled(1, _))));
    }

    #[test]
    fn results_that_miss_or_repeat_an_answer_are_found() {
        let results = |answers: &[(u64, i64, u64)], total: i64| {
            let answers: Vec<_> = answers
                .iter()
                .map(|(n, points, option)| json!({"questionId": format!("q{n}"), "optionId": option, "points": points}))
                .collect();
            played().compare(&json!({"answers": answers, "totalScore": total}), "results")
        };
        assert_eq!(results(&[(1, 150, 1), (2, 100, 1)], 250), []);
        assert!(matches!(results(&[(1, 150, 1)], 150)[..], [Finding::Lost(1, _), Finding::Lost(1, _)]));
        assert!(matches!(results(&[(1, 150, 1), (2, 100, 2)], 250)[..], [Finding::Lost(1, _)]));
        assert!(matches!(results(&[(1, 150, 1), (2, 100, 1), (2, 100, 1)], 250)[..], [Finding::Doubled(1, _)]));
        assert!(matches!(played().gone("results"), Finding::Lost(2, _)));
    }
}
