//! Every error reply as `application/problem+json` (RFC 9457) with a stable `code`. Internal causes are
//! logged here and never sent to clients.

use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use serde::Serialize;

use super::admission::Limit;
use super::store_health::StoreHealth;
use crate::domain::answer::{AnswerFault, MOST_TYPED};
use crate::domain::quiz::draft::DraftProblem as Wrong;
use crate::domain::{InstanceName, NotOpen, Refusal, Sequence, SessionId};
use crate::game::GameError;
use crate::quizzes::{NoSelection, PlayMode};
use crate::store::StoreError;

/// Maximum number of problems that one reply lists.
const MOST_PROBLEMS: usize = 50;
/// The same text for a wrong join code and a wrong seat's code, so that a guesser doesn't learn which one is wrong.
const CODE_UNKNOWN: &str = "no room has this code: look at it again. A seat's code is good once, for five minutes";
/// The header that names the instance which has the session.
const HOME: &str = "Rejoin-Home";

/// An error reply.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// Stable identifier of the error, for client code.
    code: &'static str,
    detail: String,
    /// Each wrong field with its message, for requests that could be parsed but are not valid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Wrong>,
    /// Further fields, which only some problems have.
    #[serde(flatten)]
    more: Option<Box<More>>,
}

/// The code of a problem, as an extension of its reply, by which replies are counted.
pub(super) struct ProblemCode(pub(super) &'static str);

/// Fields and headers that only some problems have. Boxed, to keep [`Problem`] small.
#[derive(Debug, Default, Serialize)]
struct More {
    /// URL of a finished game's results.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<String>,
    /// The head of a room's log, for a request that named another.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Sequence>,
    /// The setting whose limit was exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'static str>,
    /// Why the question accepts no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<NotOpen>,
    /// Seconds to wait before the next try. Sent as the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
    /// The state of the stores, in the reply of `/readyz`.
    #[serde(flatten)]
    standing: Option<StoreHealth>,
    /// The instance that has the session. Sent as a header, since load balancers route by it.
    #[serde(skip)]
    home: Option<InstanceName>,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status, code, detail: detail.into(), problems: Vec::new(), more: None }
    }

    pub(super) fn no_such_url(path: &str) -> Self {
        let shown: String = path.chars().take(80).collect();
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is nothing at {shown}"))
    }

    /// The limit of a setting was exceeded. The client may try again after `wait`.
    pub(super) fn over_limit(setting: &'static str, sentence: &str, wait: Duration) -> Self {
        let seconds = seconds(wait);
        let detail = format!("{sentence} ({setting}); try again in {seconds} s");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail);
        problem.with(More { limit: Some(setting), retry_after: Some(seconds), ..More::default() })
    }

    /// The reply to a method that the URL doesn't support. `allow` lists those that it does.
    pub(super) fn method_not_allowed(allow: &str) -> HttpResponse {
        let detail = format!("this URL knows {allow}");
        let mut response = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).error_response();
        let allow = HeaderValue::from_str(allow).expect("methods and commas are a header's characters");
        response.headers_mut().insert(ALLOW, allow);
        response
    }

    /// The query of the URL is not valid.
    pub(super) fn bad_query(error: &actix_web::error::QueryPayloadError) -> Self {
        Self::wrong("query", error.to_string())
    }

    pub(super) fn too_large() -> Self {
        let detail = format!("the body is larger than {} bytes", super::MOST_BODY);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail)
    }

    /// The reply to a request that should be a WebSocket handshake but is none, or is one of another version.
    pub(super) fn upgrade_required(detail: &str) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", detail)
    }

    pub(super) fn session_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "session-not-found", "no live session, and no results, have this id")
    }

    /// A request that could be parsed but is not valid, with the wrong fields.
    pub(super) fn invalid(mut problems: Vec<Wrong>) -> Self {
        problems.truncate(MOST_PROBLEMS);
        let detail = problems.first().map(Wrong::to_string).unwrap_or_default();
        Self { problems, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-request", detail) }
    }

    /// A request with one wrong field.
    pub(super) fn wrong(path: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Wrong::new(path, message)])
    }

    fn finished(id: Option<&SessionId>) -> Self {
        let results = id.map(|id| format!("/api/game/results/{id}"));
        let problem = Self::new(StatusCode::NOT_FOUND, "session-finished", "the game is over; see its results");
        problem.with(More { results, ..More::default() })
    }

    fn elsewhere(home: InstanceName) -> Self {
        let detail = "this session is at home on another instance; the header Rejoin-Home names it";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "session-elsewhere", detail);
        problem.with(More { home: Some(home), ..More::default() })
    }

    /// The reply of `/readyz` when no new game can begin.
    pub(super) fn not_ready(standing: StoreHealth) -> Self {
        let code = if standing.is_full() { "store-full" } else { "store-unavailable" };
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, standing.sentence());
        problem.with(More { standing: Some(standing), ..More::default() })
    }

    fn with(self, more: More) -> Self {
        Self { more: Some(Box::new(more)), ..self }
    }

    pub(super) fn room_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "room-not-found", "no live room has this id")
    }

    /// The reply to an error of a use case on a room.
    pub(super) fn in_room(error: GameError) -> Self {
        match error {
            GameError::SessionNotFound | GameError::Refused(Refusal::NotThisGame) => Self::room_not_found(),
            error => Self::of(error, None),
        }
    }

    /// The head of the room's log, if the request named another.
    pub(super) fn head(&self) -> Option<Sequence> {
        self.more.as_ref()?.head
    }

    /// Why the question accepts no answer, if that is the problem.
    pub(super) fn reason(&self) -> Option<NotOpen> {
        self.more.as_ref()?.reason
    }

    /// The reply to an error of the read that follows a host's move. The move has happened, so an error that
    /// says "nothing happened" becomes [`StoreError::OutcomeUnknown`].
    pub(super) fn after_a_move(error: GameError) -> Self {
        match error {
            GameError::Store(StoreError::Busy | StoreError::Full | StoreError::Unavailable(_)) => {
                StoreError::OutcomeUnknown.into()
            }
            error => Self::in_room(error),
        }
    }

    /// The stable identifier of the error, for client code.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The explanation, for the author of the client.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The reply to an error of a use case on the session `id`.
    pub(super) fn of(error: GameError, id: Option<&SessionId>) -> Self {
        match error {
            GameError::SessionNotFound => Self::session_not_found(),
            GameError::SessionFinished => Self::finished(id),
            GameError::SessionIdTaken => Self::new(
                StatusCode::CONFLICT,
                "session-exists",
                "another request has created a session of this sessionId",
            ),
            GameError::OtherInstance(home) => Self::elsewhere(home),
            GameError::NeedsShared => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "the store is out of reach, and a session of your own sessionId needs it; nothing happened, try again",
            ),
            GameError::QuizNotFound => Self::new(StatusCode::NOT_FOUND, "quiz-not-found", "no quiz has this quizId"),
            GameError::QuizNotFor(PlayMode::Solo) => Self::new(
                StatusCode::FORBIDDEN,
                "quiz-not-for-solo",
                "this quiz is for rooms only: a solo game would tell what is right in a room",
            ),
            GameError::QuizNotFor(PlayMode::Rooms) => {
                Self::new(StatusCode::FORBIDDEN, "quiz-not-for-rooms", "this quiz is for solo games only")
            }
            GameError::QuizNeedsKey => Self::new(
                StatusCode::FORBIDDEN,
                "api-key-required",
                "opening a room on this quiz needs an API key: send Authorization: Bearer <key>",
            ),
            GameError::CodeUnknown => Self::new(StatusCode::NOT_FOUND, "join-code-unknown", CODE_UNKNOWN),
            GameError::NoSelection(problem @ NoSelection::TooMany(_)) => {
                Self::wrong("count", problem.to_string().trim_start_matches("count: "))
            }
            GameError::NoSelection(NoSelection::Empty) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "no-questions", NoSelection::Empty.to_string())
            }
            GameError::NoSelection(NoSelection::Unknown { position, id }) => {
                Self::invalid(vec![in_selection(position, format!("this quiz has no question {:?}", id.as_str()))])
            }
            GameError::NoSelection(NoSelection::Repeated { position, id }) => {
                Self::invalid(vec![in_selection(position, format!("{:?} stands here a second time", id.as_str()))])
            }
            GameError::Invalid(problems) => Self::invalid(problems),
            GameError::Refused(refusal) => refusal.into(),
            GameError::Store(error) => error.into(),
        }
    }
}

/// A wait in whole seconds, rounded up, at least 1.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1) as u64
}

fn in_selection(position: usize, message: String) -> Wrong {
    Wrong::new(format!("questionIds[{position}]"), message)
}

impl Problem {
    /// The reply to an answer that doesn't fit its question.
    fn wrong_answer(fault: &AnswerFault) -> Self {
        let of = |index: usize| format!("optionIds[{index}]");
        match fault {
            AnswerFault::NoSuchOption(index) => {
                let path = index.map_or("optionId".to_owned(), of);
                let problem = Self::wrong(&path, "the question has no such option");
                Self { code: "option-not-in-question", ..problem }
            }
            AnswerFault::OtherField { given, wanted } => {
                Self::wrong(given.name(), format!("this question is answered by {}", wanted.name()))
            }
            AnswerFault::Repeated(index) => Self::wrong(&of(*index), "stands here a second time"),
            AnswerFault::NotAll(all) => Self::wrong("optionIds", format!("must name all {all} options, in order")),
            AnswerFault::Empty(field) => Self::wrong(field.name(), "empty; no answer is optionId: null"),
            AnswerFault::TooLong => Self::wrong("text", format!("at most {MOST_TYPED} bytes")),
        }
    }

    fn question_not_open(reason: NotOpen) -> Self {
        let detail = match reason {
            NotOpen::NotYet => "this question is not open yet",
            NotOpen::TooLate => "this question has closed",
            NotOpen::AlreadyAnswered => "this question is answered already; the first answer counts",
            NotOpen::OtherQuestion => "this is not the question that is asked",
        };
        let problem = Self::new(StatusCode::NOT_FOUND, "question-not-open", detail);
        problem.with(More { reason: Some(reason), ..More::default() })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let more = More::of(&refusal);
        let (status, code, detail) = match refusal {
            Refusal::QuestionNotOpen(reason) => return Self::question_not_open(reason),
            Refusal::WrongAnswer(fault) => return Self::wrong_answer(&fault),
            // To this caller, a session of another kind of game doesn't exist.
            Refusal::NotThisGame => return Self::session_not_found(),
            Refusal::NotFinished => (StatusCode::CONFLICT, "session-not-finished", "the game is still going on"),
            Refusal::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "this Idempotency-Key was used for another request before",
            ),
            Refusal::BadToken => (StatusCode::UNAUTHORIZED, "bad-token", "no live room has a seat with this token"),
            Refusal::Removed => (StatusCode::FORBIDDEN, "kicked", "this seat was taken away"),
            Refusal::Superseded => (StatusCode::CONFLICT, "superseded", "the seat has a newer connection"),
            Refusal::HostsOnly => (StatusCode::FORBIDDEN, "host-only", "only the host may do that"),
            Refusal::BackendsOnly => (StatusCode::FORBIDDEN, "api-key-required", "only a backend may do that"),
            Refusal::HostMayNotLeave => {
                (StatusCode::CONFLICT, "host-may-not-leave", "the host's seat is needed: finish the game instead")
            }
            Refusal::NameTaken => (StatusCode::CONFLICT, "name-taken", "another player in the room is called that"),
            Refusal::RoomFull => (StatusCode::CONFLICT, "room-full", "no seat is free"),
            Refusal::TooManyJoins { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-joins",
                "too many players join this room at once (REJOIN_JOINS_PER_ROOM); try again",
            ),
            Refusal::RoomLocked => (StatusCode::CONFLICT, "room-locked", "nobody may join this room now"),
            Refusal::RoomFinished => (StatusCode::CONFLICT, "room-finished", "the game is over"),
            Refusal::RoomPaused => {
                (StatusCode::CONFLICT, "room-paused", "the room stands still; try again when it goes on")
            }
            Refusal::NotPlaying => (StatusCode::FORBIDDEN, "not-playing", "this seat does not answer this question"),
            Refusal::AlreadyConnected => {
                (StatusCode::CONFLICT, "already-connected", "the seat's first token has been used, and stays")
            }
            Refusal::SeatCodeUnknown => (StatusCode::NOT_FOUND, "join-code-unknown", CODE_UNKNOWN),
            Refusal::UnknownSeat => (StatusCode::NOT_FOUND, "seat-not-found", "the room has no such seat"),
            Refusal::WrongMode => (StatusCode::CONFLICT, "wrong-mode", "a room of this mode does not know that"),
            Refusal::AheadOfHead(_) => {
                (StatusCode::CONFLICT, "ahead-of-head", "the sequence lies above the log's head")
            }
            Refusal::HeadMoved(_) => (StatusCode::CONFLICT, "head-moved", "the log's head is not the one expected"),
            Refusal::TooManyEvents => {
                (StatusCode::UNPROCESSABLE_ENTITY, "too-many-events", "at most 100 events at once")
            }
            Refusal::EventTooLarge => {
                (StatusCode::UNPROCESSABLE_ENTITY, "event-too-large", "an event takes 16 KiB at most")
            }
            Refusal::LogFull => (
                StatusCode::TOO_MANY_REQUESTS,
                "log-full",
                "the log is full of what others still have to read; wait a moment",
            ),
        };
        let problem = Self::new(status, code, detail);
        match more {
            Some(more) => problem.with(more),
            None => problem,
        }
    }
}

impl More {
    /// What a refusal says besides its text.
    fn of(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::AheadOfHead(head) | Refusal::HeadMoved(head) => {
                Some(Self { head: Some(*head), ..Self::default() })
            }
            Refusal::TooManyJoins { retry_after } => Some(Self {
                limit: Some(Limit::Joins.setting()),
                retry_after: Some(seconds((*retry_after).into())),
                ..Self::default()
            }),
            Refusal::LogFull => Some(Self { retry_after: Some(1), ..Self::default() }),
            _ => None,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (code, detail) = match &error {
            StoreError::Busy => ("store-busy", "too much is waiting; nothing happened, try again"),
            StoreError::Full => ("store-full", "the store has no space left; nothing happened, try again later"),
            StoreError::Unavailable(_) => {
                ("store-unavailable", "the store is out of reach; nothing happened, try again")
            }
            StoreError::OutcomeUnknown => (
                "outcome-unknown",
                "it may have happened or not; repeat the request with the same Idempotency-Key, or sessionId, to find out",
            ),
            StoreError::Corrupt { .. } => {
                // The store has logged the damage once.
                tracing::debug!(error = &error as &dyn std::error::Error, "the session of a request cannot be read");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "session-corrupt",
                    "what is stored of this game is damaged or of another release; it is kept as it is",
                );
            }
            StoreError::AlreadyExists | StoreError::RuleFailed { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "a request failed with an internal error");
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong inside");
            }
        };
        // The store has logged its failure once. Logged again at each request it would fill the log.
        tracing::debug!(error = &error as &dyn std::error::Error, "the store could not complete a request");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        let usual = (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(seconds) = self.more.as_ref().and_then(|more| more.retry_after).or(usual) {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            response.insert_header((UPGRADE, "websocket")).insert_header((SEC_WEBSOCKET_VERSION, "13"));
        }
        if let Some(home) = self.more.as_ref().and_then(|more| more.home.as_ref()) {
            response.insert_header((HOME, home.as_str()));
        }
        response.extensions_mut().insert(ProblemCode(self.code));
        response.body(serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}
