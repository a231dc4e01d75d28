//! Recognizes retries of requests that say, record or move something, by the hashes of the most recent ones.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Actor;
use crate::domain::events::Sequence;
use crate::domain::idempotency::{Idempotency, IdempotencyKey};
use crate::domain::ids::SeatId;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Millis, Moment, Timestamp};

/// How long a request that said or recorded something is known at least, even if its author has acknowledged
/// it. [`MOST_KNOWN`] may end this earlier.
pub const KNOWN_FOR: Millis = Millis::seconds(30);
/// The most requests that are known of one seat, and of a room's backends together. It is more than a client
/// can have in flight.
pub const MOST_KNOWN: usize = 1_024;
/// The most requests that are known of all seats of a room together. It is more than the room's log holds.
/// The seat with the most requests forgets first. So no seat can make the record large, and none can make
/// another seat's retries count twice.
pub(super) const MOST_KNOWN_IN_ROOM: usize = 16 * 1_024;
/// The most moves that are known of a room.
const MOST_MOVES: usize = 16;

/// A request that appended events to the log. It is stored as a list, without the names of its fields,
/// because there may be a thousand of them for each seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PackedRequest", into = "PackedRequest")]
struct KnownRequest {
    key: u64,
    body: u64,
    is_frame_id: bool,
    /// The number of the request's last event.
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

/// The most recent requests of one seat, or of the backends, in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct RecentKeys(VecDeque<KnownRequest>);

impl RecentKeys {
    /// The number of the last event of an earlier try. An idempotency key with another body is refused. A
    /// frame id with another body is a new request.
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

    /// Whether the oldest request can be forgotten: its author has acknowledged its events, and it is at
    /// least [`KNOWN_FOR`] old. The time of an outage doesn't count, because no retry could arrive.
    pub(super) fn is_over(&self, acknowledged: Sequence, at: Moment) -> bool {
        self.0
            .front()
            .is_some_and(|known| known.sequence <= acknowledged && at.now.since(known.at.max(at.up_since)) >= KNOWN_FOR)
    }

    /// Forgets the requests whose retry can't come any more.
    pub(super) fn forget(&mut self, acknowledged: Sequence, at: Moment) {
        while self.is_over(acknowledged, at) {
            self.0.pop_front();
        }
    }

    /// Forgets the requests with frame ids, because their author has lost its state and counts from the start
    /// again.
    pub(super) fn forget_frame_ids(&mut self) {
        self.0.retain(|known| !known.is_frame_id);
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.0.iter_mut().for_each(|known| known.at = known.at.shifted(by));
    }
}

/// A move that changed something, and its author: a seat, or `None` for a backend.
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

/// The most recent moves of the host that changed something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct RecentMoves(VecDeque<KnownMove>);

impl RecentMoves {
    /// Whether an earlier try with the same idempotency key has changed something, so that this one must not.
    /// A frame id doesn't count here: what it changed may have been undone, and then its move is made again.
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

    /// The reply to a request that has just been tried: true if it changed something, now or at an earlier
    /// try. A request that changed something now is noted.
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

/// The first half of a hash, which is enough to tell so few requests apart.
fn short(hash: [u8; 16]) -> u64 {
    let (half, _) = hash.split_first_chunk().expect("8 are fewer than 16");
    u64::from_le_bytes(*half)
}
