//! The requests of the solo API, and their validation.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::answer::{AnswerFields, given};
use super::super::auth::ApiCaller;
use super::super::problem::Problem;
use super::super::quiz_choice::{QuizFields, quiz_choice};
use crate::domain::idempotency::hash;
use crate::domain::ids::InvalidId;
use crate::domain::quiz::draft::QuestionDraft;
use crate::domain::scoring::Scoring;
use crate::domain::solo::Deliver;
use crate::domain::{Answer, Difficulty, Millis, Number, OptionId, QuestionId, QuizId, SessionId, UserId};
use crate::game::solo::NewGame;
use crate::quizzes::{Order, QuestionCount};

/// Maximum bytes of the caller's metadata, as JSON text.
const MOST_METADATA: usize = 4 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct CreateRequest {
    quiz_id: Option<QuizId>,
    category: Option<String>,
    difficulty: Option<Difficulty>,
    count: Option<QuestionCount>,
    order: Option<Order>,
    option_order: Option<Order>,
    exclude: Option<Vec<QuestionId>>,
    question_ids: Option<Vec<QuestionId>>,
    questions: Option<Vec<QuestionDraft>>,
    scoring: Option<Scoring>,
    user_id: Option<UserId>,
    session_id: Option<String>,
    ttl_ms: Option<u64>,
    deliver: Option<Deliver>,
    metadata: Option<Box<RawValue>>,
}

impl CreateRequest {
    /// Moves the fields that choose the questions out of the request.
    pub(super) fn take_quiz(&mut self) -> QuizFields {
        QuizFields {
            quiz_id: self.quiz_id.take(),
            category: self.category.take(),
            difficulty: self.difficulty,
            count: self.count,
            order: self.order,
            option_order: self.option_order,
            exclude: self.exclude.take(),
            question_ids: self.question_ids.take(),
            questions: self.questions.take(),
            scoring: self.scoring.take(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct ShowRequest {
    pub(super) session_id: String,
    pub(super) question_id: QuestionId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct SubmitRequest {
    pub(super) session_id: String,
    question_id: QuestionId,
    #[serde(default, deserialize_with = "given")]
    option_id: Option<Option<OptionId>>,
    #[serde(default, deserialize_with = "given")]
    option_ids: Option<Vec<OptionId>>,
    #[serde(default, deserialize_with = "given")]
    text: Option<String>,
    #[serde(default, deserialize_with = "given")]
    number: Option<Number>,
}

impl SubmitRequest {
    /// The question's id and the answer. `None` is an explicit `optionId: null`: no answer.
    pub(super) fn answer(self) -> Result<(QuestionId, Option<Answer>), Problem> {
        let Self { question_id, option_id, option_ids, text, number, .. } = self;
        Ok((question_id, AnswerFields { option_id, option_ids, text, number }.read()?))
    }
}

/// Validates a request for a new game. `body` is its JSON text, for the hash by which a repeat is recognised.
pub(super) fn new_game(
    request: CreateRequest,
    quiz: QuizFields,
    body: &[u8],
    caller: &ApiCaller,
) -> Result<NewGame, Problem> {
    check_trust(&request, &quiz, caller)?;
    let session_id = request.session_id.as_deref().map(own_id).transpose()?;
    let metadata = request.metadata.as_deref().map(metadata).transpose()?;
    Ok(NewGame {
        user: request.user_id.clone(),
        session_id,
        ttl: request.ttl_ms.map(Millis),
        deliver: request.deliver.unwrap_or_default(),
        metadata,
        request: request_hash(body)?,
        quiz: quiz_choice(quiz, caller)?,
    })
}

/// Parses the session id that a caller has chosen. It may not name an instance: such a session is always in
/// the shared store, which keeps the id unique.
fn own_id(text: &str) -> Result<SessionId, Problem> {
    let id: SessionId = text.parse().map_err(|error: InvalidId| Problem::wrong("sessionId", error.0))?;
    if id.instance().is_some() {
        Err(Problem::wrong("sessionId", "must be a UUID and nothing after it"))
    } else {
        Ok(id)
    }
}

/// Refuses the fields that only a trusted backend may use.
fn check_trust(request: &CreateRequest, quiz: &QuizFields, caller: &ApiCaller) -> Result<(), Problem> {
    let trusted = [
        ("questions", quiz.questions.is_some()),
        // Otherwise a player could reuse the id of a backend's game that was given up, and the backend would
        // take the new game for it.
        ("sessionId", request.session_id.is_some()),
        ("userId", request.user_id.is_some()),
        ("metadata", request.metadata.is_some()),
    ];
    trusted.iter().filter(|(_, is_used)| *is_used).try_for_each(|(name, _)| caller.must_be_trusted(name))
}

fn metadata(raw: &RawValue) -> Result<String, Problem> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err(Problem::wrong("metadata", "must be an object"));
    }
    if text.len() > MOST_METADATA {
        return Err(Problem::wrong("metadata", format!("{} bytes, at most {MOST_METADATA}", text.len())));
    }
    Ok(text.to_owned())
}

/// The hash by which a repeat of the request is recognised. It covers the JSON's content, not its whitespace
/// or the order of its fields. The parse can fail only on `metadata`, the one field that was kept as raw
/// text: nested too deep, a number out of range, or half a surrogate pair.
fn request_hash(body: &[u8]) -> Result<[u8; 16], Problem> {
    let value: serde_json::Value =
        serde_json::from_slice(body).map_err(|error| Problem::wrong("metadata", error.to_string()))?;
    Ok(hash(&[&value.to_string()]))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::json;
    use super::*;
    use crate::fuzzing::{Accepted, BodyEdits, edited_body};

    /// Requests for a new game, with all fields and all kinds of questions.
    const CREATING: [&str; 3] = [
        r#"{"quizId": "civics", "category": "a", "difficulty": "easy", "count": 5, "order": "shuffle",
            "optionOrder": "bank", "exclude": ["q1"], "ttlMs": 20000, "deliver": "one"}"#,
        r#"{"quizId": "civics", "questionIds": ["q1", "q2"], "userId": "u", "metadata": {"a": [1]},
            "sessionId": "4f1c2f52-7a51-4c1e-9d6e-6f1f3b0f7a10"}"#,
        r#"{"scoring": {"basePoints": 10}, "questions": [
             {"questionId": "q1", "text": "Why?", "category": "a", "difficulty": "hard", "timeLimitMs": 20000,
              "options": [{"optionId": 1, "text": "x"}, {"optionId": 2, "text": "y"}], "correctOptionId": 1},
             {"questionId": "q2", "kind": "multiple", "text": "Which?", "points": 2, "image": "https://x.org/a.png",
              "alt": "a", "options": [{"optionId": 1, "text": "x"}, {"optionId": 2, "text": "y"}],
              "correctOptionIds": [1, 2]},
             {"questionId": "q3", "kind": "text", "text": "Tea?", "correctTexts": ["tea"], "maxTypos": 1},
             {"questionId": "q4", "kind": "number", "text": "How many?", "correctNumber": 2, "tolerance": 0.5},
             {"questionId": "q5", "kind": "order", "text": "How?", "correctOrder": [2, 1],
              "options": [{"optionId": 1, "text": "x"}, {"optionId": 2, "text": "y"}]},
             {"questionId": "q6", "kind": "poll", "text": "Well?", "explanation": "So."}
            ]}"#,
    ];

    #[test]
    fn any_body_is_a_new_game_or_a_problem() {
        let samples = CREATING.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        let backend = ApiCaller::Backend("school".parse().expect("a name"));
        let accepted = Accepted::default();
        bolero::check!().with_type::<(u8, BodyEdits)>().for_each(|(sample, edits)| {
            let body = edited_body(&samples[usize::from(*sample) % samples.len()], edits);
            let create = |caller| {
                let mut request: CreateRequest = json::parse(&body)?;
                let quiz = request.take_quiz();
                new_game(request, quiz, &body, caller)
            };
            let [by_backend, by_anyone, by_player] = [&backend, &ApiCaller::Open, &ApiCaller::Player].map(create);
            accepted.count(by_backend.is_ok());
            if let Ok(game) = &by_backend {
                let metadata = game.metadata.as_deref().map(serde_json::from_str::<Value>);
                assert!(metadata.is_none_or(|value| value.is_ok_and(|value| value.is_object())));
            }
            // Nobody may do what a backend may not.
            assert!(by_backend.is_ok() || (by_anyone.is_err() && by_player.is_err()));
            for problem in [by_backend, by_anyone, by_player].into_iter().filter_map(Result::err) {
                let codes = ["malformed-json", "invalid-request", "api-key-required"];
                assert!(codes.contains(&problem.code()), "{}", problem.code());
            }
        });
        accepted.some("new games");
    }

    #[test]
    fn any_body_is_an_answer_or_a_problem() {
        let sample =
            r#"{"sessionId": "s", "questionId": "q1", "optionId": 1, "optionIds": [1], "text": "a", "number": 2}"#;
        let sample = serde_json::from_str::<Value>(sample).expect("JSON");
        bolero::check!().with_type::<BodyEdits>().for_each(|edits| {
            let body = edited_body(&sample, edits);
            let read = json::parse::<SubmitRequest>(&body).and_then(SubmitRequest::answer);
            let code = read.map_or_else(|problem| problem.code(), |_| "fine");
            assert!(["fine", "malformed-json", "invalid-request"].contains(&code), "{code}");
        });
    }
}
