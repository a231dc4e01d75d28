//! What happened in a session, numbered without gaps.

use serde::{Deserialize, Serialize};

use super::ids::SeatId;
use super::time::WallTime;

/// An event's number within its session: 1, 2, 3 …; 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// An event as its author hands it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// What kind of thing happened, in the author's words.
    pub kind: String,
    /// What happened, as JSON text.
    pub payload: String,
    /// Whom it is for; `None` for everybody.
    pub to: Option<Vec<SeatId>>,
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its number.
    pub sequence: Sequence,
    /// When it was recorded. Stored as a date: converted from the engine's time at each read, it would
    /// differ from read to read.
    pub at: WallTime,
    /// What kind of thing happened.
    pub kind: String,
    /// What happened, as JSON text.
    pub payload: String,
    /// Whom it is for; `None` for everybody.
    pub to: Option<Vec<SeatId>>,
}

impl EventDraft {
    /// Bytes of its kind, its payload, and of whom it is for.
    pub fn weight(&self) -> usize {
        weight(&self.kind, &self.payload, self.to.as_deref())
    }
}

impl Event {
    /// Bytes of its kind, its payload, and of whom it is for.
    pub fn weight(&self) -> usize {
        weight(&self.kind, &self.payload, self.to.as_deref())
    }
}

fn weight(kind: &str, payload: &str, to: Option<&[SeatId]>) -> usize {
    kind.len() + payload.len() + to.map_or(0, size_of_val)
}
