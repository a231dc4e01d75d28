//! The requests on a room, read and carried out in one place for HTTP and for the WebSocket.
//!
//! The transports differ in two ways. HTTP refuses unknown fields, because a misspelt `to` would show an event to
//! everybody; frames ignore them. HTTP has the idempotency key in a header; a frame has it in `key`, or else its
//! `id` is used.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::replies::{self, AcknowledgedOut, AnsweredOut, CodeOut, HeartbeatOut, JoinCodeOut, MovedOut, RecordedOut};
use super::replies::{SnapshotOut, snapshot};
use crate::domain::room::HostMove;
use crate::domain::{
    Answer, EventDraft, Idempotency, IdempotencyKey, Number, OptionId, QuestionId, SeatId, Sequence, SessionId,
};
use crate::game::rooms::Credential;
use crate::game::{GameError, Rooms};
use crate::http::answer::{AnswerFields, given};
use crate::http::auth::ApiCaller;
use crate::http::idempotency;
use crate::http::json::{self, shallow};
use crate::http::problem::Problem;

/// Maximum length of an event's type, in bytes.
const MOST_KIND: usize = 64;
/// Types of the events that the server itself appends in an external room. A backend can't record them.
const RESERVED: [&str; 8] = ["joined", "left", "kicked", "revoked", "locked", "joinCode", "said", "finished"];

/// The transport of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Door {
    Http,
    WebSocket,
}

impl Door {
    /// Parses a body. Only HTTP refuses unknown fields.
    fn read<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, Problem> {
        match self {
            Self::Http => json::parse_strict(body),
            Self::WebSocket => json::parse(body),
        }
    }
}

/// The kind of a request on a room: the type of a frame, or the last segment of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Verb {
    Acknowledge,
    Answer,
    ChangeJoinCode,
    Close,
    Finish,
    HandOutCode,
    Heartbeat,
    Kick,
    Leave,
    Lock,
    Next,
    Pause,
    Record,
    Say,
    Snapshot,
    Start,
    TakeOver,
}

impl Verb {
    /// The verb of a frame type. `None` if no frame has this type.
    pub(super) fn of_frame(kind: &str) -> Option<Self> {
        Some(match kind {
            "ack" => Self::Acknowledge,
            "answer" => Self::Answer,
            "close" => Self::Close,
            "code" => Self::HandOutCode,
            "finish" => Self::Finish,
            "heartbeat" => Self::Heartbeat,
            "joinCode" => Self::ChangeJoinCode,
            "kick" => Self::Kick,
            "leave" => Self::Leave,
            "lock" => Self::Lock,
            "next" => Self::Next,
            "pause" => Self::Pause,
            "record" => Self::Record,
            "say" => Self::Say,
            "snapshot" => Self::Snapshot,
            "start" => Self::Start,
            "takeover" => Self::TakeOver,
            _ => return None,
        })
    }

    /// Whether the verb has a body over HTTP. For the other verbs a body is ignored.
    pub(super) fn has_body(self) -> bool {
        !matches!(self, Self::ChangeJoinCode | Self::HandOutCode | Self::Heartbeat | Self::Leave | Self::Snapshot)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct AnswerBody {
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

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct MoveBody {
    at: u32,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct PauseBody {
    at: u32,
    paused: bool,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct LockBody {
    at: u32,
    locked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct KickBody {
    at: u32,
    seat_id: SeatId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct SeatBody {
    seat_id: SeatId,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct AcknowledgeBody {
    sequence: Sequence,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct SayBody {
    payload: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct RecordBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    payload: Option<Box<RawValue>>,
    to: Option<Vec<SeatId>>,
    events: Option<Vec<EventBody>>,
    expected: Option<Sequence>,
}

/// An event that a backend wants to record.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an event")]
struct EventBody {
    #[serde(rename = "type")]
    kind: String,
    payload: Option<Box<RawValue>>,
    to: Option<Vec<SeatId>>,
}

/// The idempotency key of a request, as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum RequestKey {
    Key(String),
    /// The id of a frame without a key. It identifies a retry on the same connection, and on a later one that
    /// resumes.
    FrameId(String),
}

impl RequestKey {
    /// Hashes the key together with the content of the request.
    fn hashed(&self, hash: impl FnOnce(&str) -> IdempotencyKey) -> Idempotency {
        match self {
            Self::Key(key) => Idempotency::Key(hash(key)),
            Self::FrameId(id) => Idempotency::FrameId(hash(id)),
        }
    }
}

/// A request on a room, parsed and checked.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum RoomRequest {
    Acknowledge(Sequence),
    Answer(QuestionId, Option<Answer>),
    ChangeJoinCode,
    HandOutCode(SeatId),
    Heartbeat,
    Leave,
    /// A move of the host, with the number of the phase that the host saw.
    Move(u32, HostMove),
    Record {
        events: Vec<EventDraft>,
        expected: Option<Sequence>,
    },
    Revoke(SeatId),
    Say(String),
    Snapshot,
}

impl RoomRequest {
    /// Parses the body of a request, or the frame.
    ///
    /// # Errors
    /// A field is missing or wrong. The problem names it.
    pub(super) fn read(verb: Verb, body: &[u8], door: Door) -> Result<Self, Problem> {
        let host_move = |host_move| Ok(Self::Move(door.read::<MoveBody>(body)?.at, host_move));
        match verb {
            Verb::Acknowledge => Ok(Self::Acknowledge(door.read::<AcknowledgeBody>(body)?.sequence)),
            Verb::Answer => {
                let AnswerBody { question_id, option_id, option_ids, text, number } = door.read(body)?;
                let answer = AnswerFields { option_id, option_ids, text, number }.read()?;
                Ok(Self::Answer(question_id, answer))
            }
            Verb::ChangeJoinCode => Ok(Self::ChangeJoinCode),
            Verb::Close => host_move(HostMove::Close),
            Verb::Finish => host_move(HostMove::Finish),
            Verb::HandOutCode => Ok(Self::HandOutCode(door.read::<SeatBody>(body)?.seat_id)),
            Verb::Heartbeat => Ok(Self::Heartbeat),
            Verb::Kick => {
                let KickBody { at, seat_id } = door.read(body)?;
                Ok(Self::Move(at, HostMove::Kick(seat_id)))
            }
            Verb::Leave => Ok(Self::Leave),
            Verb::Lock => {
                let LockBody { at, locked } = door.read(body)?;
                Ok(Self::Move(at, HostMove::Lock(locked)))
            }
            Verb::Next => host_move(HostMove::Next),
            Verb::Pause => {
                let PauseBody { at, paused } = door.read(body)?;
                Ok(Self::Move(at, HostMove::Pause(paused)))
            }
            Verb::Record => door.read::<RecordBody>(body)?.request(door),
            Verb::Say => Ok(Self::Say(shallow("payload", &door.read::<SayBody>(body)?.payload)?)),
            Verb::Snapshot => Ok(Self::Snapshot),
            Verb::Start => host_move(HostMove::Start),
            Verb::TakeOver => host_move(HostMove::TakeOver),
        }
    }

    /// True if a repeat with the same idempotency key gets the first reply. For other requests a key means nothing.
    pub(super) fn takes_key(&self) -> bool {
        matches!(self, Self::Move(..) | Self::Record { .. } | Self::Say(_))
    }

    /// Carries out the request for the holder of a credential.
    ///
    /// # Errors
    /// The room refuses, the store fails, or the caller is not allowed to do this.
    pub(super) async fn run(
        self,
        rooms: &Rooms,
        id: &SessionId,
        who: &Credential,
        key: Option<&RequestKey>,
    ) -> Result<RoomResponse, RequestError> {
        Ok(match self {
            Self::Acknowledge(sequence) => {
                let acknowledged = rooms.acknowledge(id, who, sequence).await?;
                RoomResponse::Acknowledged(AcknowledgedOut { acknowledged })
            }
            Self::Answer(question, answer) => {
                let received = rooms.answer(id, who, question, answer).await?;
                RoomResponse::Answered(replies::answered(received))
            }
            Self::ChangeJoinCode => RoomResponse::JoinCode(replies::join_code(&rooms.change_join_code(id, who).await?)),
            Self::HandOutCode(seat) => {
                let (code, until) = rooms.hand_out_code(id, who, seat).await?;
                RoomResponse::SeatCode(replies::code(code, until))
            }
            Self::Heartbeat => {
                let acted = rooms.heartbeat(id, who).await?;
                RoomResponse::Heartbeat(replies::heartbeat(acted.dates, acted.head))
            }
            Self::Leave => {
                rooms.leave(id, who).await?;
                RoomResponse::Done
            }
            Self::Move(at, host_move) => {
                let key = key.map(|key| key.hashed(|key| idempotency::moved(key, at, host_move)));
                let moved = rooms.host_move(id, who, (at, host_move), key).await?;
                // The move is committed. A failed read must not look like a failed move.
                let room = rooms.look(id, who).await.map_err(RequestError::AfterMove)?;
                RoomResponse::Moved(Box::new(replies::moved(moved, &room)?))
            }
            Self::Record { events, expected } => {
                let key = key.map(|key| key.hashed(|key| idempotency::recorded(key, &events, expected)));
                let sequence = rooms.record(id, who, (events, expected), key).await?;
                RoomResponse::Recorded(RecordedOut { sequence })
            }
            Self::Revoke(seat) => {
                rooms.revoke(id, who, seat).await?;
                RoomResponse::Done
            }
            Self::Say(payload) => {
                let key = key.map(|key| key.hashed(|key| idempotency::said(key, &payload)));
                let sequence = rooms.say(id, who, payload, key).await?;
                RoomResponse::Recorded(RecordedOut { sequence })
            }
            Self::Snapshot => RoomResponse::Snapshot(Box::new(snapshot(&rooms.look(id, who).await?)?)),
        })
    }
}

/// The error of a request.
#[derive(Debug)]
pub(in crate::http) enum RequestError {
    Game(GameError),
    /// The host's move was committed, but the room could not be read after it.
    AfterMove(GameError),
    /// A problem that is ready to be sent: the caller is not allowed to do this, or the room can't be shown.
    Caller(Problem),
}

impl From<GameError> for RequestError {
    fn from(error: GameError) -> Self {
        Self::Game(error)
    }
}

impl From<Problem> for RequestError {
    fn from(problem: Problem) -> Self {
        Self::Caller(problem)
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Game(error) => Self::in_room(error),
            RequestError::AfterMove(error) => Self::after_a_move(error),
            RequestError::Caller(problem) => problem,
        }
    }
}

pub(super) fn must_be_backend(who: &Credential, what: &str) -> Result<(), Problem> {
    if who.is_backend() { Ok(()) } else { Err(ApiCaller::key_required(what)) }
}

impl RecordBody {
    fn request(self, door: Door) -> Result<RoomRequest, Problem> {
        let Self { kind, payload, to, events, expected } = self;
        // In a frame, `type` is the frame's type. So a single event is possible over HTTP only.
        let events = match (kind, events, door) {
            (_, Some(events), Door::WebSocket) => drafts(events),
            (_, None, Door::WebSocket) => Err(Problem::wrong("events", "missing")),
            (Some(kind), None, Door::Http) => EventBody { kind, payload, to }.draft("").map(|one| vec![one]),
            (None, Some(events), Door::Http) if payload.is_none() && to.is_none() => drafts(events),
            (None, None, Door::Http) => Err(Problem::wrong("type", "missing")),
            (_, Some(_), Door::Http) => Err(Problem::wrong("events", "cannot stand together with type, payload or to")),
        }?;
        Ok(RoomRequest::Record { events, expected })
    }
}

fn drafts(events: Vec<EventBody>) -> Result<Vec<EventDraft>, Problem> {
    let numbered = events.into_iter().enumerate();
    numbered.map(|(n, event)| event.draft(&format!("events[{n}]."))).collect()
}

impl EventBody {
    /// Checks the event. `path` is the prefix of its fields in error messages.
    fn draft(self, path: &str) -> Result<EventDraft, Problem> {
        let is_good = (1..=MOST_KIND).contains(&self.kind.len()) && !self.kind.chars().any(char::is_control);
        if !is_good {
            let path = format!("{path}type");
            return Err(Problem::wrong(&path, format!("1 to {MOST_KIND} bytes without control characters")));
        }
        if RESERVED.contains(&self.kind.as_str()) {
            return Err(Problem::wrong(&format!("{path}type"), "this name is the server's own"));
        }
        let payload = self.payload.map(|payload| shallow(&format!("{path}payload"), &payload)).transpose()?;
        let payload = payload.unwrap_or_else(|| "null".to_owned());
        Ok(EventDraft { kind: self.kind, payload, to: self.to })
    }
}

/// The reply to a request that was carried out.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::http) enum RoomResponse {
    /// The request has no reply of its own.
    Done,
    Acknowledged(AcknowledgedOut),
    Answered(AnsweredOut),
    Heartbeat(HeartbeatOut),
    JoinCode(JoinCodeOut),
    Moved(Box<MovedOut>),
    Recorded(RecordedOut),
    SeatCode(CodeOut),
    Snapshot(Box<SnapshotOut>),
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fuzzing::{Accepted, BodyEdits, edited_body};

    fn code(verb: Verb, body: &str, door: Door) -> &'static str {
        RoomRequest::read(verb, body.as_bytes(), door).map_or_else(|problem| problem.code(), |_| "fine")
    }

    #[test]
    fn both_doors_read_the_same_and_http_refuses_unknown_fields() {
        for (verb, body) in [
            (Verb::Acknowledge, r#"{"sequence": 3"#),
            (Verb::Answer, r#"{"questionId": "q1", "optionId": null"#),
            (Verb::Kick, r#"{"at": 1, "seatId": 2"#),
            (Verb::Lock, r#"{"at": 1, "locked": true"#),
            (Verb::Pause, r#"{"at": 1, "paused": false"#),
            (Verb::Record, r#"{"events": [{"type": "dealt", "to": [1]}]"#),
            (Verb::Say, r#"{"payload": {"a": 1}"#),
            (Verb::Start, r#"{"at": 0"#),
        ] {
            let (known, unknown) = (format!("{body}}}"), format!("{body}, \"colour\": \"red\"}}"));
            let read = |door| RoomRequest::read(verb, known.as_bytes(), door).unwrap_or_else(|_| panic!("{known}"));
            assert_eq!(read(Door::Http), read(Door::WebSocket));
            assert_eq!(code(verb, &unknown, Door::Http), "invalid-request", "{unknown}");
            assert_eq!(code(verb, &unknown, Door::WebSocket), "fine", "{unknown}");
        }
        let misspelt = r#"{"events": [{"type": "dealt"}, {"type": "dealt", "too": [1]}]}"#;
        let problem = RoomRequest::read(Verb::Record, misspelt.as_bytes(), Door::Http).expect_err("it is refused");
        assert!(problem.detail().contains("events[1].too"), "{}", problem.detail());
    }

    #[test]
    fn a_wrong_field_is_told_at_either_door() {
        for (verb, body) in [
            (Verb::Acknowledge, r#"{"sequence": "3"}"#),
            (Verb::Answer, r#"{"questionId": "q1"}"#),
            (Verb::HandOutCode, "{}"),
            (Verb::Kick, r#"{"at": 1}"#),
            (Verb::Record, r#"{"events": [{"type": "joined"}]}"#),
            (Verb::Record, "{}"),
            (Verb::Start, "[0]"),
        ] {
            for door in [Door::Http, Door::WebSocket] {
                assert_eq!(code(verb, body, door), "invalid-request", "{verb:?} {body}");
            }
        }
    }

    #[test]
    fn only_over_http_is_one_event_recorded_by_itself() {
        let one = r#"{"type": "dealt", "payload": 1}"#;
        assert_eq!(code(Verb::Record, one, Door::Http), "fine");
        assert_eq!(code(Verb::Record, one, Door::WebSocket), "invalid-request");
        assert_eq!(code(Verb::Record, r#"{"type": "dealt", "events": []}"#, Door::Http), "invalid-request");
    }

    #[test]
    fn any_body_is_read_the_same_at_both_doors() {
        let samples = [
            (Verb::Acknowledge, r#"{"sequence": 3}"#),
            (Verb::Answer, r#"{"questionId": "q1", "optionId": 4}"#),
            (Verb::Answer, r#"{"questionId": "q1", "optionIds": [1, 2]}"#),
            (Verb::Answer, r#"{"questionId": "q1", "text": "tea", "number": 1.5}"#),
            (Verb::HandOutCode, r#"{"seatId": 2}"#),
            (Verb::Kick, r#"{"at": 1, "seatId": 2}"#),
            (Verb::Lock, r#"{"at": 1, "locked": true}"#),
            (Verb::Pause, r#"{"at": 1, "paused": false}"#),
            (Verb::Record, r#"{"type": "dealt", "payload": {"a": [1]}, "to": [1, 2], "expected": 7}"#),
            (Verb::Record, r#"{"events": [{"type": "dealt", "payload": 1, "to": [1]}, {"type": "x"}], "expected": 7}"#),
            (Verb::Say, r#"{"payload": {"a": [[1], "b"]}}"#),
            (Verb::Start, r#"{"at": 0}"#),
        ];
        let samples = samples.map(|(verb, body)| (verb, serde_json::from_str::<Value>(body).expect("JSON")));
        let accepted = Accepted::default();
        bolero::check!().with_type::<(u8, BodyEdits)>().for_each(|(sample, edits)| {
            let (verb, body) = &samples[usize::from(*sample) % samples.len()];
            let body = edited_body(body, edits);
            let told = |problem: &Problem| {
                assert!(["malformed-json", "invalid-request"].contains(&problem.code()), "{}", problem.code());
                assert!(problem.detail().len() < 4_000, "{}", problem.detail());
            };
            let read = [Door::Http, Door::WebSocket].map(|door| RoomRequest::read(*verb, &body, door));
            accepted.count(read.iter().all(Result::is_ok));
            match read {
                [Ok(http), Ok(frame)] => assert_eq!(http, frame),
                // Only HTTP takes a single event, and refuses unknown fields.
                [Ok(http), Err(_)] => assert!(matches!(http, RoomRequest::Record { .. }), "{http:?}"),
                [Err(problem), Ok(frame)] => {
                    let is_strict = problem.detail().contains("unknown field");
                    assert!(is_strict || matches!(frame, RoomRequest::Record { .. }), "{}", problem.detail());
                    told(&problem);
                }
                [Err(http), Err(frame)] => [http, frame].iter().for_each(told),
            }
        });
        accepted.some("requests in rooms");
    }
}
