//! How repeats are known of what is said, recorded and moved: by hashes of the last of them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Actor;
use crate::domain::events::Sequence;
use crate::domain::idempotency::{Idempotency, IdempotencyKey};
use crate::domain::ids::SeatId;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Millis, Moment, Timestamp};

/// What was said or recorded is known at least this long, acknowledged or not.
pub const KNOWN_FOR: Millis = Millis::seconds(30);
/// What was said is known as long as the seat has said no more than this since; the same for what a
/// room's backends have recorded. More than a client can have on the way.
pub const MOST_KNOWN: usize = 1_024;
/// Requests that a room's seats are known by together. It is more than its log holds: whoever says most
/// is forgotten first, and so nobody makes the record large, or another's repeats count twice.
pub(super) const MOST_KNOWN_IN_ROOM: usize = 16 * 1_024;
/// Moves that are known.
const MOST_MOVES: usize = 16;

/// A request that put events into the log. It is stored as a list, without its fields' names: there may
/// be a thousand of them for each seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PackedRequest", into = "PackedRequest")]
struct KnownRequest {
    key: u64,
    body: u64,
    is_frame_id: bool,
    /// Its last event.
    sequence: Sequence,
    at: Timestamp,
}

type PackedRequest = (u64, u64, bool, Sequence, Timestamp);

impl From<PackedRequest> for KnownRequest {
    fn from((key, body, is_frame_id, sequence, at): PackedRequest) -> Self {
        Self { key, body, is_frame_id, sequence, at }
    }
}

impl From<KnownRequest> for PackedRequest {
    fn from(KnownRequest { key, body, is_frame_id, sequence, at }: KnownRequest) -> Self {
        (key, body, is_frame_id, sequence, at)
    }
}

/// What one seat has said last, or backends have recorded, in the log's order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct RecentKeys(VecDeque<KnownRequest>);

impl RecentKeys {
    /// Where the same request was recorded before.
    pub(super) fn find(&self, idempotency: Option<Idempotency>) -> Result<Option<Sequence>, Refusal> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let (is_frame_id, hashes) = idempotency.parts();
        let (key, body) = (short(hashes.key), short(hashes.body));
        let mut found = self.0.iter().rev().filter(|known| known.key == key && known.is_frame_id == is_frame_id);
        if is_frame_id {
            return Ok(found.find(|known| known.body == body).map(|known| known.sequence));
        }
        match found.next() {
            Some(known) if known.body != body => Err(Refusal::KeyReused),
            known => Ok(known.map(|known| known.sequence)),
        }
    }

    pub(super) fn note(&mut self, idempotency: Option<Idempotency>, sequence: Sequence, at: Timestamp) {
        let Some((is_frame_id, hashes)) = idempotency.map(Idempotency::parts) else { return };
        let (key, body) = (short(hashes.key), short(hashes.body));
        self.0.push_back(KnownRequest { key, body, is_frame_id, sequence, at });
        if self.0.len() > MOST_KNOWN {
            self.0.pop_front();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn forget_oldest(&mut self) {
        self.0.pop_front();
    }

    /// Whether its author has seen the oldest one in the log, and that is old. An outage makes nothing older: the
    /// repeat could not come.
    pub(super) fn is_over(&self, acknowledged: Sequence, at: Moment) -> bool {
        self.0
            .front()
            .is_some_and(|known| known.sequence <= acknowledged && at.now.since(known.at.max(at.up_since)) >= KNOWN_FOR)
    }

    /// Forgets those that are over.
    pub(super) fn forget(&mut self, acknowledged: Sequence, at: Moment) {
        while self.is_over(acknowledged, at) {
            self.0.pop_front();
        }
    }

    /// The ids of frames begin anew: their author remembers none.
    pub(super) fn forget_frame_ids(&mut self) {
        self.0.retain(|known| !known.is_frame_id);
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.0.iter_mut().for_each(|known| known.at = known.at.shifted(by));
    }
}

/// Who moved something, and by which request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownMove {
    by: Option<SeatId>,
    key: u64,
    body: u64,
    is_frame_id: bool,
}

impl KnownMove {
    fn new(asker: Actor, idempotency: Idempotency) -> Self {
        let (is_frame_id, IdempotencyKey { key, body }) = idempotency.parts();
        let by = if let Actor::Seat(id) = asker { Some(id) } else { None };
        Self { by, key: short(key), body: short(body), is_frame_id }
    }
}

/// The host's moves that moved something last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct RecentMoves(VecDeque<KnownMove>);

impl RecentMoves {
    /// Whether the same request has moved something before, by its key: it must not do so again.
    pub(super) fn has_moved(&self, asker: Actor, idempotency: Option<Idempotency>) -> Result<bool, Refusal> {
        let Some(asked) =
            idempotency.map(|idempotency| KnownMove::new(asker, idempotency)).filter(|asked| !asked.is_frame_id)
        else {
            return Ok(false);
        };
        let is_key = |known: &&KnownMove| known.by == asked.by && known.key == asked.key && !known.is_frame_id;
        match self.0.iter().rev().find(is_key) {
            Some(known) if known.body != asked.body => Err(Refusal::KeyReused),
            known => Ok(known.is_some()),
        }
    }

    /// What to answer to a request that has just moved something or nothing: true if it has, now or
    /// before.
    pub(super) fn settle(&mut self, asker: Actor, idempotency: Option<Idempotency>, has_moved: bool) -> bool {
        let Some(asked) = idempotency.map(|idempotency| KnownMove::new(asker, idempotency)) else { return has_moved };
        if !has_moved {
            return self.0.contains(&asked);
        }
        self.0.push_back(asked);
        if self.0.len() > MOST_MOVES {
            self.0.pop_front();
        }
        true
    }
}

/// Half a hash: enough where so few are known.
fn short(hash: [u8; 16]) -> u64 {
    let (half, _) = hash.split_first_chunk().expect("8 are fewer than 16");
    u64::from_le_bytes(*half)
}
