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
