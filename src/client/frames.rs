//! Frames as types. Unknown fields and unknown frame types are ignored, as the protocol requires.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::ClientAnswer;

/// A frame from the server.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum ServerFrame {
    Welcome(Box<Welcome>),
    Event(Box<EventFrame>),
    Skip {
        sequence: u64,
    },
    Presence(PresenceFrame),
    Heartbeat {
        head: u64,
    },
    Reply(Map<String, Value>),
    Error {
        re: Option<String>,
        code: String,
        #[serde(default)]
        detail: String,
    },
    #[serde(other)]
    Unknown,
}

/// The first frame from the server on every connection that it accepts.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The number of this seat; `None` for a backend.
    pub seat_id: Option<u64>,
    /// Counts the connections of this seat; a newer one supersedes an older one.
    pub generation: Option<u64>,
    /// The epoch of the sequence numbers.
    pub epoch: String,
    /// The sequence number of the newest event.
    pub head: u64,
    /// True if all missed events follow. If false, the snapshot replaces them.
    pub recovered: bool,
    /// The interval between the client's heartbeats, in milliseconds.
    pub heartbeat_ms: u64,
    /// The room as this seat sees it.
    pub snapshot: Value,
    /// The server's clock when it sent the welcome; empty if the server gave none.
    #[serde(default)]
    pub server_time: String,
}

/// An event of the room, as received.
#[derive(Debug, Clone, Deserialize)]
pub struct EventFrame {
    /// The sequence number of the event.
    pub sequence: u64,
    /// When the event happened, by the server's clock.
    pub at: String,
    /// The event's name, such as `question` or `reveal`.
    pub event: String,
    /// The event's own fields; null if it has none.
    #[serde(default)]
    pub payload: Value,
}

impl EventFrame {
    /// The id of the question that a `question` event shows or a `reveal` event reveals. `None` for other
    /// events.
    pub fn question_id(&self) -> Option<&str> {
        let shown = self.payload.pointer("/question/questionId").or_else(|| self.payload.get("questionId"));
        shown.and_then(Value::as_str)
    }
}

/// Which seats are connected.
#[derive(Debug, Clone, Deserialize)]
pub struct PresenceFrame {
    /// The numbers of the connected seats.
    pub present: Vec<u64>,
    /// The number of seats that have answered the open question.
    #[serde(default)]
    pub answered: u64,
}

/// The fields of a snapshot that the client checks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SnapshotFrame {
    pub(super) head: Option<u64>,
    pub(super) phase: Option<String>,
    pub(super) phase_number: Option<u64>,
    pub(super) question: Option<SnapshotQuestion>,
    pub(super) reveal: Option<RevealFrame>,
    pub(super) you: Option<You>,
}

impl SnapshotFrame {
    pub(super) fn of(snapshot: &Value) -> Option<Self> {
        Self::deserialize(snapshot).ok()
    }
}

/// The question in a snapshot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnapshotQuestion {
    pub(super) question_id: String,
}

/// This seat's own fields in a snapshot.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct You {
    pub(super) answered: bool,
    pub(super) total: i64,
}

/// The payload of a `reveal` event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RevealFrame {
    pub(super) question_id: String,
    pub(super) verdicts: Vec<VerdictFrame>,
}

/// The verdict on one seat's answer in a reveal.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerdictFrame {
    pub(super) seat_id: u64,
    #[serde(flatten)]
    pub(super) answer: ClientAnswer,
    pub(super) points: i64,
    pub(super) total: i64,
}

/// The payload of a `finished` event.
#[derive(Debug, Deserialize)]
pub(super) struct FinishedFrame {
    pub(super) ranking: Vec<RankedSeat>,
}

/// One seat's score in the final ranking.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RankedSeat {
    pub(super) seat_id: u64,
    pub(super) total: i64,
}

/// The first frame that the client sends on every connection (line 2). `known` is the epoch and the last
/// sequence.
pub(super) fn resume(token: &str, known: Option<(&str, u64)>) -> String {
    let mut frame = json!({ "type": "resume", "token": token });
    if let Some((epoch, last)) = known {
        (frame["epoch"], frame["lastSequence"]) = (epoch.into(), last.into());
    }
    frame.to_string()
}

pub(super) fn heartbeat() -> String {
    json!({ "type": "heartbeat" }).to_string()
}

pub(super) fn ack(sequence: u64) -> String {
    json!({ "type": "ack", "sequence": sequence }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ServerFrame {
        serde_json::from_str(text).expect("it is a frame")
    }

    #[test]
    fn frames_are_read_as_the_protocol_shows_them() {
        let frame = read(
            r#"{"type": "welcome", "seatId": 3, "generation": 2, "epoch": "6f", "head": 44, "recovered": true,
                "heartbeatMs": 5000, "snapshot": {"head": 44}, "serverTime": "2026-01-01T12:00:00.000Z"}"#,
        );
        let ServerFrame::Welcome(welcome) = frame else { panic!("{frame:?}") };
        assert_eq!((welcome.seat_id, welcome.head, welcome.heartbeat_ms), (Some(3), 44, 5_000));
        let frame = read(
            r#"{"type": "event", "sequence": 42, "at": "2026-01-01T12:00:01.000Z", "event": "question",
                "payload": {"question": {"questionId": "q7"}}}"#,
        );
        let ServerFrame::Event(event) = frame else { panic!("{frame:?}") };
        assert_eq!((event.sequence, event.question_id()), (42, Some("q7")));
        assert!(matches!(read(r#"{"type": "skip", "sequence": 43}"#), ServerFrame::Skip { sequence: 43 }));
        let frame = read(r#"{"type": "presence", "present": [1, 2], "answered": 2, "serverTime": "…"}"#);
        assert!(matches!(frame, ServerFrame::Presence(presence) if presence.present == [1, 2]));
        assert!(matches!(
            read(r#"{"type": "heartbeat", "serverTime": "…", "head": 44}"#),
            ServerFrame::Heartbeat { head: 44 }
        ));
        let frame = read(r#"{"type": "reply", "re": "q7", "accepted": true}"#);
        assert!(matches!(frame, ServerFrame::Reply(reply) if reply["re"] == "q7" && reply["accepted"] == true));
        let frame = read(r#"{"type": "error", "code": "no", "detail": "…"}"#);
        assert!(matches!(frame, ServerFrame::Error { re: None, .. }));
    }

    #[test]
    fn what_a_later_server_may_send_is_no_fault() {
        assert!(matches!(read(r#"{"type": "weather", "rain": true}"#), ServerFrame::Unknown));
        assert!(SnapshotFrame::of(&json!({"head": 3, "you": null, "new": [1]})).is_some_and(|view| view.you.is_none()));
    }

    #[test]
    fn the_first_resume_tells_of_no_sequence() {
        assert!(!resume("t", None).contains("epoch"));
        let frame: Value = serde_json::from_str(&resume("t", Some(("e", 41)))).expect("JSON");
        assert_eq!(frame, json!({"type": "resume", "token": "t", "epoch": "e", "lastSequence": 41}));
    }
}
