//! A seat: its player and token, which of its connections counts, and what it has acknowledged and answered.

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

/// How long a seat code is valid.
pub const CODE_LIFE: Millis = Millis::seconds(300);

/// Whether a seat is occupied, and why if it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeatStatus {
    /// Occupied by a player, connected or not.
    Here,
    /// Empty: the player left.
    Left,
    /// Empty: the host removed the player.
    Kicked,
    /// Empty: a backend revoked the seat.
    Revoked,
}

/// A seat whose generation or status has changed, and both as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MovedSeat {
    /// The number of the seat.
    pub seat: SeatId,
    /// The generation of its newest connection. Older connections are superseded.
    pub generation: u32,
    /// The seat's status for its connections.
    pub standing: SeatStatus,
}

impl SeatStatus {
    /// The refusal for the former holder of an empty seat.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Here | Self::Left => Refusal::BadToken,
            Self::Kicked | Self::Revoked => Refusal::Removed,
        }
    }
}

/// An answer. Its grade and its points are set when the question closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubmittedAnswer {
    pub(super) answer: Option<Answer>,
    /// The wall time, for the first reply and for the reply to a retry.
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

/// A seat, as the room stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seat {
    pub(super) name: Option<PlayerName>,
    /// Compared with the skeletons of new names, so that this name need not be folded again.
    pub(super) skeleton: Option<SkeletonHash>,
    /// The player's id in the backend's own system.
    pub(super) user: Option<UserId>,
    pub(super) standing: SeatStatus,
    /// `None` until a token is handed out, and again after `retire`.
    token: Option<SecretHash>,
    /// Counts connections and changes of the holder. Only the newest generation may act.
    pub(super) generation: u32,
    /// Whether the token has been used, which shows that it has reached its player.
    pub(super) is_claimed: bool,
    /// Whether a connection was open at the last report.
    pub(super) is_connected: bool,
    /// Whether the seat has ever had a connection.
    has_connected: bool,
    /// When the seat last showed a sign of life.
    last_seen: Timestamp,
    /// The idempotency key of the request that took the seat, to recognize its retry.
    pub(super) join: Option<IdempotencyKey>,
    code: Option<SeatCode>,
    pub(super) reader: LogReader,
    /// Whether the seat answers questions.
    pub(super) plays: bool,
    /// The index of the first question that it answers.
    pub(super) plays_from: u32,
    /// Whether it has answered any question.
    pub(super) has_answered: bool,
    /// Its answer to the current question.
    pub(super) answer: Option<SubmittedAnswer>,
    pub(super) total: u32,
    /// Its most recent messages to the backend.
    pub(super) said: RecentKeys,
}

impl Seat {
    /// A seat that is taken at `now`, and needs no event up to the log's `head`.
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

    /// When the seat becomes away if it shows no further sign of life. The time of an outage doesn't count as
    /// absence.
    pub(super) fn lapses(&self, away: Millis, at: Moment) -> Timestamp {
        self.last_seen.max(at.up_since).plus(away)
    }

    pub(super) fn is_present(&self, away: Millis, at: Moment) -> bool {
        self.is_here() && at.now < self.lapses(away, at)
    }

    /// Notes a sign of life from the seat's holder, which also shows that the token has arrived.
    pub(super) fn seen(&mut self, now: Timestamp) {
        self.is_claimed = true;
        self.touch_presence(now);
    }

    /// Marks the seat as present at `now`, whoever vouches for it. The time never goes back.
    pub(super) fn touch_presence(&mut self, now: Timestamp) {
        self.last_seen = self.last_seen.max(now);
    }

    /// Notes that a connection of the seat is open.
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

    /// Whether a caller with the right token may still act for the seat. `generation` is the connection that
    /// the caller names, if it names one.
    pub(super) fn may_act(&self, generation: Option<u32>) -> Result<(), Refusal> {
        match self.standing {
            SeatStatus::Here if generation.is_some_and(|generation| generation != self.generation) => {
                Err(Refusal::Superseded)
            }
            SeatStatus::Here => Ok(()),
            gone => Err(gone.refusal()),
        }
    }

    /// Gives the seat another token. Connections that used the previous one are superseded.
    pub(super) fn hand_over(&mut self, token: SecretHash, idempotency: Option<IdempotencyKey>) {
        self.token = Some(token);
        self.generation += 1;
        self.is_claimed = false;
        self.is_connected = false;
        self.join = idempotency;
        self.code = None;
    }

    /// Replaces a token that never reached its player. No connection can have used it, so the generation
    /// stays.
    pub(super) fn renew(&mut self, token: SecretHash) {
        self.token = Some(token);
    }

    /// Makes the seat empty and supersedes its connections.
    pub(super) fn vacate(&mut self, standing: SeatStatus) {
        self.standing = standing;
        self.generation += 1;
        self.is_connected = false;
        self.code = None;
        self.said = RecentKeys::default();
    }

    /// Ends the token and keeps everything else: a player who leaves after the game keeps the place in it.
    pub(super) fn retire(&mut self) {
        self.token = None;
        self.generation += 1;
        self.is_connected = false;
        self.code = None;
    }

    /// The seat's status for its former holder. A token that was used and has ended was given up, so that
    /// seat counts as left.
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
