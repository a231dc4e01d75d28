//! A seat: whose it is, which of its connections counts, what it has acknowledged and answered.

use serde::{Deserialize, Serialize};

use super::log::LogReader;
use super::recent_keys::RecentKeys;
use crate::domain::answer::Answer;
use crate::domain::events::Sequence;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{SeatId, UserId};
use crate::domain::name::{PlayerName, SkeletonHash};
use crate::domain::refusal::Refusal;
use crate::domain::scoring::Grade;
use crate::domain::secret::SecretHash;
use crate::domain::time::{Millis, Moment, Timestamp, WallTime};

/// How long a seat code can be used.
pub const CODE_LIFE: Millis = Millis::seconds(300);

/// Whether somebody sits there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeatStatus {
    /// A player, connected or not.
    Here,
    /// Nobody: the player left.
    Left,
    /// Nobody: the host sent the player away.
    Kicked,
    /// Nobody: a backend took the seat away.
    Revoked,
}

/// A seat that has changed hands, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedSeat {
    /// Which seat.
    pub seat: SeatId,
    /// The generation of its connections: older ones are superseded.
    pub generation: u32,
    /// Who sits there.
    pub standing: SeatStatus,
}

impl SeatStatus {
    /// What the holder of a seat is told that nobody sits in any more.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Here | Self::Left => Refusal::BadToken,
            Self::Kicked | Self::Revoked => Refusal::Removed,
        }
    }
}

/// An answer, and what it earned once its question has closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmittedAnswer {
    pub(super) answer: Option<Answer>,
    /// The date, for the reply and its repeats.
    pub(super) received: WallTime,
    pub(super) response: Millis,
    pub(super) grade: Grade,
    pub(super) points: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeatCode {
    hash: SecretHash,
    until: Timestamp,
}

/// A seat as the room keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seat {
    pub(super) name: Option<PlayerName>,
    /// By which it is told that a new name is taken, without looking at this one again.
    pub(super) skeleton: Option<SkeletonHash>,
    /// In the backend's own system.
    pub(super) user: Option<UserId>,
    pub(super) standing: SeatStatus,
    /// `None` until one is handed out.
    token: Option<SecretHash>,
    /// Counts connections; the newest wins.
    pub(super) generation: u32,
    /// Whether the token has been used, and so has reached its player.
    pub(super) is_claimed: bool,
    /// Whether some connection of it was last seen alive, and whether there ever was one.
    pub(super) is_connected: bool,
    has_connected: bool,
    last_seen: Timestamp,
    /// By which the repeat of the request is known that took the seat.
    pub(super) join: Option<IdempotencyKey>,
    code: Option<SeatCode>,
    pub(super) reader: LogReader,
    /// Whether it answers questions, and from which one on.
    pub(super) plays: bool,
    pub(super) plays_from: u32,
    /// Whether it has answered any.
    pub(super) has_answered: bool,
    /// Its answer to the question that stands.
    pub(super) answer: Option<SubmittedAnswer>,
    pub(super) total: u32,
    pub(super) said: RecentKeys,
}

impl Seat {
    /// A seat that is taken at `now`, when the log's head is `head`.
    pub(super) fn new(
        name: Option<(PlayerName, SkeletonHash)>,
        token: Option<SecretHash>,
        head: Sequence,
        now: Timestamp,
    ) -> Self {
        let (name, skeleton) = name.unzip();
        Self {
            name,
            skeleton,
            user: None,
            standing: SeatStatus::Here,
            token,
            generation: 0,
            is_claimed: false,
            is_connected: false,
            has_connected: false,
            last_seen: now,
            join: None,
            code: None,
            reader: LogReader::from(head),
            plays: true,
            plays_from: 0,
            has_answered: false,
            answer: None,
            total: 0,
            said: RecentKeys::default(),
        }
    }

    pub(super) fn is_here(&self) -> bool {
        self.standing == SeatStatus::Here
    }

    /// Until when the seat is present if it is not heard of again. An outage is nobody's absence.
    pub(super) fn lapses(&self, away: Millis, at: Moment) -> Timestamp {
        self.last_seen.max(at.up_since).plus(away)
    }

    pub(super) fn is_present(&self, away: Millis, at: Moment) -> bool {
        self.is_here() && at.now < self.lapses(away, at)
    }

    /// Something came from the seat's holder.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.is_claimed = true;
        self.touch_presence(now);
    }

    /// The seat is present now, by whomever it is known.
    pub(super) fn touch_presence(&mut self, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
    }

    /// A connection of it is there.
    pub(super) fn connect(&mut self) {
        self.is_connected = true;
        self.has_connected = true;
    }

    pub(super) fn has_connected(&self) -> bool {
        self.has_connected
    }

    pub(super) fn token(&self) -> Option<SecretHash> {
        self.token
    }

    pub(super) fn has_token(&self, token: &SecretHash) -> bool {
        self.token.as_ref() == Some(token)
    }

    /// Whether somebody whose token was right may still act for the seat.
    pub(super) fn may_act(&self, generation: Option<u32>) -> Result<(), Refusal> {
        match self.standing {
            SeatStatus::Here if generation.is_some_and(|generation| generation != self.generation) => {
                Err(Refusal::Superseded)
            }
            SeatStatus::Here => Ok(()),
            gone => Err(gone.refusal()),
        }
    }

    /// Hands the seat to the holder of another token; connections by the old one are superseded.
    pub(super) fn hand_over(&mut self, token: SecretHash, idempotency: Option<IdempotencyKey>) {
        self.token = Some(token);
        self.generation += 1;
        self.is_claimed = false;
        self.is_connected = false;
        self.join = idempotency;
        self.code = None;
    }

    /// Gives a fresh token to whoever never got the first one.
    pub(super) fn renew(&mut self, token: SecretHash) {
        self.token = Some(token);
    }

    /// Nobody sits here any more.
    pub(super) fn vacate(&mut self, standing: SeatStatus) {
        self.standing = standing;
        self.generation += 1;
        self.is_connected = false;
        self.code = None;
        self.said = RecentKeys::default();
    }

    /// The token ends, and all that stands stays: whose game is over gives up no place in it.
    pub(super) fn retire(&mut self) {
        self.token = None;
        self.generation += 1;
        self.is_connected = false;
        self.code = None;
    }

    /// How the seat stands to whoever held it: a token that was used and has ended was given up.
    pub(super) fn standing_of_holder(&self) -> SeatStatus {
        let is_retired = self.is_here() && self.is_claimed && self.token.is_none();
        if is_retired { SeatStatus::Left } else { self.standing }
    }

    pub(super) fn set_code(&mut self, hash: SecretHash, now: Timestamp) -> Timestamp {
        let until = now.plus(CODE_LIFE);
        self.code = Some(SeatCode { hash, until });
        until
    }

    pub(super) fn is_code(&self, hash: &SecretHash, now: Timestamp) -> bool {
        self.is_here() && self.code.as_ref().is_some_and(|code| code.hash == *hash && now < code.until)
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.last_seen = self.last_seen.shifted(by);
        self.reader.shift(by);
        self.said.shift(by);
        if let Some(code) = &mut self.code {
            code.until = code.until.shifted(by);
        }
    }
}
