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
    /// When it was recorded. The date is kept, since one that is made of the engine's time again and
    /// again differs each time.
    pub at: WallTime,
    /// What kind of thing happened.
    pub kind: String,
    /// What happened, as JSON text.
    pub payload: String,
    /// Whom it is for; `None` for everybody.
    pub to: Option<Vec<SeatId>>,
}

impl Event {
    /// Bytes of its kind, its payload, and of whom it is for.
    pub fn weight(&self) -> usize {
        let to = self.to.as_ref().map_or(0, |to| size_of::<SeatId>() * to.len());
        self.kind.len() + self.payload.len() + to
    }
}
