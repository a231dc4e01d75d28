//! What goes over the WebSocket, as text: `docs/rooms.md` shows each frame. Unknown fields are
//! ignored; a frame of an unknown type is answered with an error, and one that is no JSON object
//! with a type ends the connection.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::answer::{AnswerFields, given};
use super::super::date::date;
use super::super::problem::Problem;
use super::super::rooms::{EventIn, SnapshotOut};
use super::super::websocket::Frame;
use crate::domain::room::{HostMove, Presence};
use crate::domain::{self, NotOpen, Number, OptionId, QuestionId, SeatId, Sequence, WallTime};
use crate::game::Dates;

/// Most bytes of a frame's id, and of an idempotency key.
const MOST_ID: usize = 64;

/// The first frame of a client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resume {
    pub(super) token: Option<String>,
    pub(super) epoch: Option<String>,
    pub(super) last_sequence: Option<Sequence>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerFrame {
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

fn answered(text: &str) -> Result<Asked, Problem> {
    let AnswerFrame { question_id, option_id, option_ids, text, number } = fields(text)?;
    let answer = AnswerFields { option_id, option_ids, text, number }.read()?;
    Ok(Asked::Answer(question_id, answer))
}

#[derive(Debug, Deserialize)]
pub(super) struct Say {
    pub(super) payload: Box<RawValue>,
    pub(super) key: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) events: Vec<EventIn>,
    pub(super) expected: Option<Sequence>,
    pub(super) key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Ack {
    sequence: Sequence,
}

#[derive(Debug, Deserialize)]
struct At {
    at: u32,
}

#[derive(Debug, Deserialize)]
struct Paused {
    paused: bool,
}

#[derive(Debug, Deserialize)]
struct Locked {
    locked: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SeatFrame {
    seat_id: SeatId,
}

/// What a client asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Resume(Resume),
    Answer(QuestionId, Option<domain::Answer>),
    Ack(Sequence),
    Heartbeat,
    Host(u32, HostMove),
    Code(SeatId),
    JoinCode,
    Snapshot,
    Say(Say),
    Leave,
    Record(Record),
}

/// A client's frame.
#[derive(Debug)]
pub(super) struct ClientFrame {
    pub(super) id: Option<String>,
    pub(super) asked: Result<Asked, Problem>,
}

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    id: Option<Value>,
}

impl ClientFrame {
    /// Reads a frame; `None` if it is no JSON object with a type.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Head { kind, id } = serde_json::from_str(text).ok()?;
        let is_object = text.trim_ascii_start().starts_with('{');
        if !is_object {
            return None;
        }
        match id {
            None => Some(Self { id: None, asked: asked(&kind, text) }),
            Some(Value::String(id)) if is_name(&id) => Some(Self { id: Some(id), asked: asked(&kind, text) }),
            Some(_) => {
                let asked = Err(Problem::wrong("id", format!("must be a text of 1 to {MOST_ID} bytes")));
                Some(Self { id: None, asked })
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=MOST_ID).contains(&text.len())
}

fn asked(kind: &str, text: &str) -> Result<Asked, Problem> {
    let host = |host_move| Ok(Asked::Host(fields::<At>(text)?.at, host_move));
    match kind {
        "resume" => fields(text).map(Asked::Resume),
        "answer" => answered(text),
        "ack" => fields::<Ack>(text).map(|ack| Asked::Ack(ack.sequence)),
        "heartbeat" => Ok(Asked::Heartbeat),
        "start" => host(HostMove::Start),
        "next" => host(HostMove::Next),
        "close" => host(HostMove::Close),
        "pause" => host(HostMove::Pause(fields::<Paused>(text)?.paused)),
        "lock" => host(HostMove::Lock(fields::<Locked>(text)?.locked)),
        "kick" => host(HostMove::Kick(fields::<SeatFrame>(text)?.seat_id)),
        "finish" => host(HostMove::Finish),
        "takeover" => host(HostMove::TakeOver),
        "code" => fields::<SeatFrame>(text).map(|of| Asked::Code(of.seat_id)),
        "joinCode" => Ok(Asked::JoinCode),
        "snapshot" => Ok(Asked::Snapshot),
        "say" => named(fields::<Say>(text)?, |say| &say.key).map(Asked::Say),
        "leave" => Ok(Asked::Leave),
        "record" => named(fields::<Record>(text)?, |record| &record.key).map(Asked::Record),
        _ => Err(Problem::wrong("type", "no frame has this type")),
    }
}

fn fields<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    super::super::json::parse(text.as_bytes())
}

fn named<T>(frame: T, key: impl Fn(&T) -> &Option<String>) -> Result<T, Problem> {
    match key(&frame) {
        Some(key) if !is_name(key) => Err(Problem::wrong("key", format!("1 to {MOST_ID} bytes"))),
        _ => Ok(frame),
    }
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
#[serde(rename_all = "camelCase")]
struct HeartbeatFrame {
    server_time: String,
    head: Sequence,
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

/// A presence as bytes that can be kept and sent to many.
pub(super) fn presence(presence: &Presence, now: WallTime) -> Bytes {
    let (present, server_time) = (&presence.present[..], date(now));
    frame("presence", None, PresenceOut { present, answered: presence.answered, server_time }).into_bytes()
}

pub(super) fn heartbeat(re: Option<&str>, dates: Dates, head: Sequence) -> Frame {
    frame("heartbeat", re, HeartbeatFrame { server_time: date(dates.wall), head })
}

pub(super) fn reply<T: Serialize>(re: Option<&str>, body: T) -> Frame {
    frame("reply", re, body)
}

pub(super) fn done(re: Option<&str>) -> Frame {
    frame("reply", re, Nothing {})
}

pub(super) fn error(re: Option<&str>, problem: &Problem) -> Frame {
    let (code, detail) = (problem.code(), problem.detail());
    frame("error", re, ErrorOut { code, detail, reason: problem.reason(), head: problem.head() })
}

/// A frame as bytes that can be kept and sent to many.
pub(super) fn event(text: &str) -> Bytes {
    Frame::text(text).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        ClientFrame::read(text).map(|incoming| incoming.asked.map_or_else(|problem| problem.code(), |_| "fine"))
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
    }

    #[test]
    fn what_is_no_object_with_a_type_is_no_frame() {
        for text in ["", "{", "[]", "3", "null", r#"["ack", "1"]"#, r#"{"type": 3}"#, r#"{"id": "1"}"#] {
            assert_eq!(code(text), None, "{text}");
        }
    }
}
