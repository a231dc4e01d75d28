//! The events of a session, which are numbered without gaps.

use serde::{Deserialize, Serialize};

use super::ids::SeatId;
use super::time::WallTime;

/// An event's number within its session: 1, 2, 3 and so on. 0 means before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// An event before the log has numbered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// The kind of event, as its author calls it.
    pub kind: String,
    /// The content of the event, as JSON text.
    pub payload: String,
    /// The seats that receive the event. `None` for all of them. A backend receives every event.
    pub to: Option<Vec<SeatId>>,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The event's number.
    pub sequence: Sequence,
    /// When the event was recorded. It is stored as wall time: converted from the engine's clock at each
    /// read, it would differ from read to read.
    pub at: WallTime,
    /// The kind of event, as its author calls it.
    pub kind: String,
    /// The content of the event, as JSON text.
    pub payload: String,
    /// The seats that receive the event. `None` for all of them. A backend receives every event.
    pub to: Option<Vec<SeatId>>,
}

impl EventDraft {
    /// The bytes of the kind, the payload and the recipients.
    pub fn weight(&self) -> usize {
        weight(&self.kind, &self.payload, self.to.as_deref())
    }
}

impl Event {
    /// The bytes of the kind, the payload and the recipients.
    pub fn weight(&self) -> usize {
        weight(&self.kind, &self.payload, self.to.as_deref())
    }
}

fn weight(kind: &str, payload: &str, to: Option<&[SeatId]>) -> usize {
    kind.len() + payload.len() + to.map_or(0, size_of_val)
}
