//! The text frames of the WebSocket; `docs/rooms.md` shows each of them.
//!
//! Unknown fields are ignored. A frame of an unknown type gets an error reply. A frame that is no JSON object with a
//! type ends the connection.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::command::{Door, RequestKey, RoomRequest, RoomResponse, Verb};
use super::super::replies::{self, SnapshotOut};
use crate::domain::room::Presence;
use crate::domain::{NotOpen, SeatId, Sequence, WallTime};
use crate::game::Dates;
use crate::http::json;
use crate::http::problem::Problem;
use crate::http::reply::date;
use crate::websocket::Frame;

/// Maximum length of a frame's id and of an idempotency key, in bytes.
const MOST_ID: usize = 64;

/// The first frame of a client: its token, and the last event that it has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumeFrame {
    pub(super) token: Option<String>,
    pub(super) epoch: Option<String>,
    pub(super) last_sequence: Option<Sequence>,
}

/// The request of a frame. A request on the room comes with its idempotency key.
#[derive(Debug)]
pub(super) enum FrameRequest {
    Resume(ResumeFrame),
    Room(RoomRequest, Option<RequestKey>),
}

/// A frame of a client. If the request is invalid, the id still names the frame in the error reply.
#[derive(Debug)]
pub(super) struct ClientFrame {
    pub(super) id: Option<String>,
    pub(super) request: Result<FrameRequest, Problem>,
}

/// The fields that every frame can have.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Value>,
}

/// The idempotency key of a frame whose request takes one.
#[derive(Debug, Deserialize)]
struct Keyed {
    key: Option<Value>,
}

impl ClientFrame {
    /// Parses a frame. `None` if it is no JSON object with a type.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Envelope { kind, id } = serde_json::from_str(text).ok()?;
        // An `Envelope` can also be parsed from an array.
        let is_object = text.trim_ascii_start().starts_with('{');
        if !is_object {
            return None;
        }
        Some(match name("id", id) {
            Ok(id) => Self { request: request(&kind, text, id.as_ref()), id },
            Err(problem) => Self { id: None, request: Err(problem) },
        })
    }
}

/// Checks an id or a key.
fn name(field: &str, value: Option<Value>) -> Result<Option<String>, Problem> {
    match value {
        None => Ok(None),
        Some(Value::String(name)) if (1..=MOST_ID).contains(&name.len()) => Ok(Some(name)),
        Some(_) => Err(Problem::wrong(field, format!("must be a text of 1 to {MOST_ID} bytes"))),
    }
}

fn request(kind: &str, text: &str, id: Option<&String>) -> Result<FrameRequest, Problem> {
    if kind == "resume" {
        return json::parse(text.as_bytes()).map(FrameRequest::Resume);
    }
    let verb = Verb::of_frame(kind).ok_or_else(|| Problem::wrong("type", "no frame has this type"))?;
    let request = RoomRequest::read(verb, text.as_bytes(), Door::WebSocket)?;
    if !request.takes_key() {
        return Ok(FrameRequest::Room(request, None));
    }
    let Keyed { key } = json::parse(text.as_bytes())?;
    let key = name("key", key)?.map(RequestKey::Key).or_else(|| id.cloned().map(RequestKey::FrameId));
    Ok(FrameRequest::Room(request, key))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WelcomeOut<'a> {
    pub(super) seat_id: Option<SeatId>,
    pub(super) generation: u32,
    pub(super) epoch: &'a str,
    pub(super) head: Sequence,
    pub(super) recovered: bool,
    pub(super) heartbeat_ms: u64,
    pub(super) snapshot: SnapshotOut,
    pub(super) server_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PresenceOut<'a> {
    present: &'a [SeatId],
    answered: usize,
    server_time: String,
}

#[derive(Serialize)]
struct Typed<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    re: Option<&'a str>,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct SnapshotReply<'a> {
    snapshot: &'a SnapshotOut,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<NotOpen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Sequence>,
}

fn frame<T: Serialize>(kind: &'static str, re: Option<&str>, body: T) -> Frame {
    Frame::text(&serde_json::to_string(&Typed { kind, re, body }).expect("texts and numbers are always JSON"))
}

pub(super) fn welcome(welcome: WelcomeOut<'_>) -> Frame {
    frame("welcome", None, welcome)
}

/// The frame of a presence, serialized, so that it can be cached and sent to many clients.
pub(super) fn presence(presence: &Presence, now: WallTime) -> Bytes {
    let (present, server_time) = (&presence.present[..], date(now));
    frame("presence", None, PresenceOut { present, answered: presence.answered, server_time }).into_bytes()
}

pub(super) fn heartbeat(re: Option<&str>, dates: Dates, head: Sequence) -> Frame {
    frame("heartbeat", re, replies::heartbeat(dates, head))
}

/// The reply to a request that was carried out. `re` is the id of the request's frame.
pub(super) fn reply(re: Option<&str>, response: &RoomResponse) -> Frame {
    match response {
        RoomResponse::Done => done(re),
        RoomResponse::Snapshot(snapshot) => frame("reply", re, SnapshotReply { snapshot }),
        response => frame("reply", re, response),
    }
}

pub(super) fn done(re: Option<&str>) -> Frame {
    frame("reply", re, Nothing {})
}

pub(super) fn error(re: Option<&str>, problem: &Problem) -> Frame {
    let (code, detail) = (problem.code(), problem.detail());
    frame("error", re, ErrorOut { code, detail, reason: problem.reason(), head: problem.head() })
}

/// The frame of an event, serialized, so that it can be cached and sent to many clients.
pub(super) fn event(text: &str) -> Bytes {
    Frame::text(text).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{Accepted, BodyEdits, edited_body};

    fn code(text: &str) -> Option<&'static str> {
        ClientFrame::read(text).map(|frame| frame.request.map_or_else(|problem| problem.code(), |_| "fine"))
    }

    #[test]
    fn unknown_fields_are_ignored_and_wrong_ones_are_told() {
        assert_eq!(code(r#"{"type": "ack", "sequence": 3, "colour": "red"}"#), Some("fine"));
        assert_eq!(code(r#"{"type": "answer", "questionId": "q1", "optionId": null}"#), Some("fine"));
        assert_eq!(code(r#"{"type": "answer", "questionId": "q1"}"#), Some("invalid-request"));
        assert_eq!(code(r#"{"type": "ack", "sequence": "3"}"#), Some("invalid-request"));
        assert_eq!(code(r#"{"type": "dance"}"#), Some("invalid-request"));
        assert_eq!(code(r#"{"type": "heartbeat", "id": ""}"#), Some("invalid-request"));
        assert_eq!(code(r#"{"type": "heartbeat", "id": 7}"#), Some("invalid-request"));
        assert_eq!(code(r#"{"type": "heartbeat", "id": null}"#), Some("fine"));
        assert_eq!(code(r#"{"type": "kick", "at": 1}"#), Some("invalid-request"));
        // A key is read where it means something.
        for (key, told) in
            [(r#""k""#, "fine"), ("7", "invalid-request"), (r#""""#, "invalid-request"), ("null", "fine")]
        {
            assert_eq!(code(&format!(r#"{{"type": "start", "at": 1, "key": {key}}}"#)), Some(told), "{key}");
            assert_eq!(code(&format!(r#"{{"type": "leave", "key": {key}}}"#)), Some("fine"), "{key}");
        }
    }

    #[test]
    fn what_is_no_object_with_a_type_is_no_frame() {
        for text in ["", "{", "[]", "3", "null", r#"["ack", "1"]"#, r#"{"type": 3}"#, r#"{"id": "1"}"#] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn any_text_is_a_frame_or_none() {
        let samples = [
            r#"{"type": "resume", "token": "t", "epoch": "e", "lastSequence": 7}"#,
            r#"{"type": "answer", "id": "1", "questionId": "q1", "optionId": 4}"#,
            r#"{"type": "record", "id": "2", "key": "k", "events": [{"type": "dealt", "payload": 1}]}"#,
            r#"{"type": "say", "id": "3", "payload": {"a": 1}}"#,
            r#"{"type": "next", "id": "4", "at": 2}"#,
        ];
        let samples = samples.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        let accepted = Accepted::default();
        bolero::check!().with_type::<(u8, BodyEdits)>().for_each(|(sample, edits)| {
            let body = edited_body(&samples[usize::from(*sample) % samples.len()], edits);
            let text = String::from_utf8_lossy(&body).into_owned();
            let Some(frame) = ClientFrame::read(&text) else { return };
            assert!(text.trim_ascii_start().starts_with('{'), "{text}");
            assert!(frame.id.is_none_or(|id| (1..=MOST_ID).contains(&id.len())), "{text}");
            accepted.count(frame.request.is_ok());
            match frame.request {
                Ok(FrameRequest::Room(request, key)) => assert!(key.is_none() || request.takes_key(), "{text}"),
                Ok(FrameRequest::Resume(_)) => {}
                Err(problem) => assert_eq!(problem.code(), "invalid-request", "{text}"),
            }
        });
        accepted.some("frames");
    }
}
