//! What can be asked of a room, by whom, and what it answers.

use super::succession::Successor;
use crate::domain::answer::Answer;
use crate::domain::events::{EventDraft, Sequence};
use crate::domain::idempotency::{Idempotency, IdempotencyKey};
use crate::domain::ids::{JoinCode, QuestionId, SeatId, SessionId, UserId};
use crate::domain::name::PlayerName;
use crate::domain::secret::SecretHash;
use crate::domain::time::{Timestamp, WallTime};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anyone,
    /// A backend that showed an API key, or this server itself.
    Backend,
    /// Whoever holds a seat's token, and the generation of the connection, if it names one.
    Token(SecretHash, Option<u32>),
    /// A live connection, whose token was checked when it was made.
    Connection {
        /// Its seat.
        seat: SeatId,
        /// Which of the seat's connections it is.
        generation: u32,
    },
}

/// A move of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostMove {
    /// From the lobby to the first question.
    Start,
    /// From a reveal to the next question, or to the end.
    Next,
    /// Closes the question that is open.
    Close,
    /// Stands still, or goes on.
    Pause(bool),
    /// Lets nobody join any more, or lets them again.
    Lock(bool),
    /// Sends a player away for good.
    Kick(SeatId),
    /// Ends the game.
    Finish,
    /// The oldest present seat becomes the host.
    TakeOver,
}

/// What a connection's instance has heard of its seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceReport {
    /// The seat.
    pub seat: SeatId,
    /// The connection's generation.
    pub generation: u32,
    /// Whether it is connected now.
    pub is_connected: bool,
    /// When it was last heard, unless that was reported before.
    pub heard: Option<Timestamp>,
    /// The last sequence it has acknowledged.
    pub acknowledged: Option<Sequence>,
}

/// What can be asked of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomAction {
    /// Let what is due happen.
    Advance,
    /// Take a new seat.
    Join {
        /// The player's name.
        name: PlayerName,
        /// The hash of the token that the seat is to have.
        token: SecretHash,
        /// Set if the client may repeat the request.
        idempotency: Option<IdempotencyKey>,
    },
    /// Take over the seat that handed out this code.
    TakeSeat {
        /// The code's hash.
        code: SecretHash,
        /// The hash of the token that the seat is to have.
        token: SecretHash,
        /// Set if the client may repeat the request.
        idempotency: Option<IdempotencyKey>,
    },
    /// Seat a user of the backend's, or give the user's seat another token.
    SeatUser {
        /// The user, in the backend's own system.
        user: Option<UserId>,
        /// The user's name.
        name: PlayerName,
        /// The hash of the token that the seat is to have.
        token: SecretHash,
    },
    /// Give the seat of who opened the room another token.
    RenewHost {
        /// The hash of the token that the seat is to have.
        token: SecretHash,
    },
    /// Connect, as the newest connection of the seat.
    Resume,
    /// The same for a client that knows nothing of before: the ids of its frames begin anew.
    ResumeFresh,
    /// The holder is still there.
    Heartbeat,
    /// What an instance has heard of its connections.
    ReportPresence(Vec<PresenceReport>),
    /// Everything up to here is with the seat, or the backend.
    Acknowledge(Sequence),
    /// Answer the question that is open.
    Answer {
        /// The question.
        question: QuestionId,
        /// The answer, or `None` for none.
        answer: Option<Answer>,
    },
    /// A move of the host's, who saw this phase number; `Repeat` is set if the request may be repeated.
    Host(u32, HostMove, Option<Idempotency>),
    /// Let the room be found by this code, and no longer by the one before.
    ChangeJoinCode(JoinCode),
    /// Lead the players of a finished room to another one.
    LeadTo {
        /// The other room.
        successor: Successor,
        /// The one that is to be replaced, since it is gone.
        instead_of: Option<SessionId>,
    },
    /// Give the seat up.
    Leave,
    /// Hand out a code by which another device takes the seat.
    HandOutCode {
        /// The seat.
        seat: SeatId,
        /// The code's hash.
        code: SecretHash,
    },
    /// Take a seat away.
    Revoke(SeatId),
    /// Say something to the backend.
    Say {
        /// What, as JSON text.
        payload: String,
        /// Set if the client may repeat the request.
        idempotency: Option<Idempotency>,
    },
    /// Append events to an external room's log, if `expected` (when given) is its head.
    Record {
        /// The events, in order.
        events: Vec<EventDraft>,
        /// The head that the author believes in.
        expected: Option<Sequence>,
        /// Set if the author may repeat the request.
        idempotency: Option<Idempotency>,
    },
}

/// Something asked of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomCommand {
    /// Who asks.
    pub by: Caller,
    /// What.
    pub ask: RoomAction,
}

impl RoomCommand {
    /// Whether carrying it out a second time changes nothing and gives the same reply.
    pub(in crate::domain) fn is_repeatable(&self) -> bool {
        match &self.ask {
            RoomAction::Advance
            | RoomAction::Resume
            | RoomAction::ResumeFresh
            | RoomAction::Heartbeat
            | RoomAction::ReportPresence(_) => true,
            RoomAction::Acknowledge(_)
            | RoomAction::Answer { .. }
            | RoomAction::HandOutCode { .. }
            | RoomAction::RenewHost { .. } => true,
            RoomAction::LeadTo { .. } => true,
            RoomAction::Join { idempotency, .. } | RoomAction::TakeSeat { idempotency, .. } => idempotency.is_some(),
            RoomAction::Say { idempotency, .. } | RoomAction::Record { idempotency, .. } => idempotency.is_some(),
            RoomAction::Host(_, _, idempotency) => matches!(idempotency, Some(Idempotency::Key(_))),
            RoomAction::SeatUser { user, .. } => user.is_some(),
            RoomAction::Leave | RoomAction::Revoke(_) | RoomAction::ChangeJoinCode(_) => false,
        }
    }

    /// Roughly how many bytes it holds beyond its own few.
    pub(crate) fn weight(&self) -> usize {
        match &self.ask {
            RoomAction::Record { events, .. } => events.iter().map(|event| event.payload.len()).sum(),
            RoomAction::Say { payload, .. } => payload.len(),
            _ => 0,
        }
    }
}

/// What a room answers to what it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomReply {
    /// There is nothing to tell.
    Done,
    /// A seat was taken, or is found again.
    Seated(SeatId),
    /// A connection is the newest of its seat; a backend has none.
    Resumed {
        /// The seat.
        seat: Option<SeatId>,
        /// The connection's generation.
        generation: u32,
    },
    /// An answer is in.
    Answered {
        /// The question.
        question: QuestionId,
        /// The answer.
        answer: Option<Answer>,
        /// The date at which it was received.
        received: WallTime,
    },
    /// Whether the host's move moved anything.
    Moved(bool),
    /// The room's code from now on.
    JoinCode(JoinCode),
    /// The room that a finished one's players are led to.
    Successor(Successor),
    /// Until when a seat code can be used.
    CodeUntil(Timestamp),
    /// The log's head after what was said or recorded.
    Recorded(Sequence),
    /// What has been acknowledged in all.
    Acknowledged(Sequence),
}
