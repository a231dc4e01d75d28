//! The commands of a room: who sends them, what they ask for, and the replies.

use super::succession::Successor;
use crate::domain::answer::Answer;
use crate::domain::events::{EventDraft, Sequence};
use crate::domain::idempotency::{Idempotency, IdempotencyKey};
use crate::domain::ids::{JoinCode, QuestionId, SeatId, SessionId, UserId};
use crate::domain::name::PlayerName;
use crate::domain::secret::SecretHash;
use crate::domain::time::{Timestamp, WallTime};

/// The sender of a room command, as its transport identified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A sender without credentials.
    Anyone,
    /// A backend that showed an API key, or this server itself.
    Backend,
    /// The holder of a seat's token, and the generation of the connection if the request names one.
    Token(SecretHash, Option<u32>),
    /// A live connection. Its token was checked when the connection was opened.
    Connection {
        /// The seat of the connection.
        seat: SeatId,
        /// The generation that the seat had when the connection was opened.
        generation: u32,
    },
}

/// A move of the host. Only [`HostMove::TakeOver`] is open to other seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostMove {
    /// Shows the first question. Fits the lobby.
    Start,
    /// Shows the next question, or ends the game after the last one. Fits a reveal.
    Next,
    /// Closes the open question and reveals the right answer.
    Close,
    /// Pauses the game (`true`) or resumes it (`false`).
    Pause(bool),
    /// Closes the room to new players (`true`) or opens it again (`false`).
    Lock(bool),
    /// Removes a player. The seat and its token end for good.
    Kick(SeatId),
    /// Ends the game, in any phase.
    Finish,
    /// Makes the sender the host, if the host is away and the sender is the oldest present seat.
    TakeOver,
}

/// A report about one seat, from the instance that holds its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceReport {
    /// The seat of the connection.
    pub seat: SeatId,
    /// The connection's generation. A report about a superseded connection is ignored.
    pub generation: u32,
    /// Whether the connection is open now.
    pub is_connected: bool,
    /// When the client was last heard from, on the engine's clock. `None` if that was reported before.
    pub heard: Option<Timestamp>,
    /// The highest sequence number that the client has acknowledged, if there is one to report.
    pub acknowledged: Option<Sequence>,
}

/// An action that a room can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomAction {
    /// Do what is due, and nothing else. Sent by timers.
    Advance,
    /// Take a new seat.
    Join {
        /// The name of the new player.
        name: PlayerName,
        /// The hash of the token that the seat will have.
        token: SecretHash,
        /// The idempotency key, if the client may retry the request.
        idempotency: Option<IdempotencyKey>,
    },
    /// Take over the seat that this code was created for.
    TakeSeat {
        /// The hash of the seat code.
        code: SecretHash,
        /// The hash of the token that the seat will have.
        token: SecretHash,
        /// The idempotency key, if the client may retry the request.
        idempotency: Option<IdempotencyKey>,
    },
    /// Seat a user of the backend. If the user has a seat already, give that seat another token.
    SeatUser {
        /// The user's id in the backend's own system. `None` for a guest, who gets a new seat each time.
        user: Option<UserId>,
        /// The name of a new player. A user who has a seat keeps its name.
        name: PlayerName,
        /// The hash of the token that the seat will have.
        token: SecretHash,
    },
    /// Give the opener's seat another token.
    RenewHost {
        /// The hash of the token that the seat will have.
        token: SecretHash,
    },
    /// Connect, as the newest connection of the seat or as the backend.
    Resume,
    /// Connect, for a client that has lost its state. It counts its frame ids from the start again, so the
    /// known ones are forgotten.
    ResumeFresh,
    /// The sender is still there. Nothing else changes.
    Heartbeat,
    /// What an instance reports about the seats of its connections.
    ReportPresence(Vec<PresenceReport>),
    /// The sender has received every event up to this sequence number.
    Acknowledge(Sequence),
    /// Answer the question that is open.
    Answer {
        /// The question that the player answers.
        question: QuestionId,
        /// The answer. `None` if the player gives none.
        answer: Option<Answer>,
    },
    /// A move of the host: the phase number that the host saw, the move, and how a retry is recognized if the
    /// request may be retried.
    Host(u32, HostMove, Option<Idempotency>),
    /// Give the room this join code. The previous code stops working.
    ChangeJoinCode(JoinCode),
    /// Lead the players of a finished room to another room.
    LeadTo {
        /// The room in which the players continue.
        successor: Successor,
        /// The current successor, to be replaced because it no longer exists.
        instead_of: Option<SessionId>,
    },
    /// Give up the sender's own seat.
    Leave,
    /// Create a code with which another device takes over the seat.
    HandOutCode {
        /// The seat to be taken over.
        seat: SeatId,
        /// The hash of the seat code.
        code: SecretHash,
    },
    /// Take a seat away from its player.
    Revoke(SeatId),
    /// Send a message to the backend of an external room.
    Say {
        /// The message, as JSON text.
        payload: String,
        /// How a retry is recognized, if the client may retry the request.
        idempotency: Option<Idempotency>,
    },
    /// Append events to the log of an external room. Refused if `expected` is given and is not the log's
    /// head.
    Record {
        /// The events, in the order of their numbers.
        events: Vec<EventDraft>,
        /// The head that the author expects.
        expected: Option<Sequence>,
        /// How a retry is recognized, if the author may retry the request.
        idempotency: Option<Idempotency>,
    },
}

/// An action for a room, and its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomCommand {
    /// The sender of the action.
    pub by: Caller,
    /// The action that is asked for.
    pub ask: RoomAction,
}

impl RoomCommand {
    /// Whether the command can be repeated: the second time it changes nothing and gives the same reply.
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

    /// The approximate size of the payloads, in bytes. 0 for commands of bounded size.
    pub(crate) fn weight(&self) -> usize {
        match &self.ask {
            RoomAction::Record { events, .. } => events.iter().map(|event| event.payload.len()).sum(),
            RoomAction::Say { payload, .. } => payload.len(),
            _ => 0,
        }
    }
}

/// The reply to a room command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomReply {
    /// The action has no reply of its own.
    Done,
    /// A seat was taken, now or by an earlier try of the same request.
    Seated(SeatId),
    /// The sender is connected. A player's connection is now the newest of its seat.
    Resumed {
        /// The seat of the connection. `None` for a backend.
        seat: Option<SeatId>,
        /// The connection's generation; 0 for a backend.
        generation: u32,
    },
    /// An answer was taken.
    Answered {
        /// The question that was answered.
        question: QuestionId,
        /// The answer as it is kept. `None` if the player gave none.
        answer: Option<Answer>,
        /// The wall time at which the answer was first received.
        received: WallTime,
    },
    /// Whether the host's move changed anything, now or at an earlier try of the same request.
    Moved(bool),
    /// The room's new join code.
    JoinCode(JoinCode),
    /// The room in which the players continue.
    Successor(Successor),
    /// The time until which the seat code is valid.
    CodeUntil(Timestamp),
    /// The sequence number of the last event that the request appended.
    Recorded(Sequence),
    /// The highest sequence number that was acknowledged so far.
    Acknowledged(Sequence),
}
