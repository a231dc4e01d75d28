//! Why the rules refuse a command. A refusal is an outcome, not a fault.

use serde::Serialize;

use super::answer::AnswerFault;
use super::events::Sequence;
use super::time::Millis;

/// Why a question takes no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotOpen {
    /// The question has not opened yet.
    NotYet,
    /// The question has closed.
    TooLate,
    /// The seat or the game has answered the question already, and the first answer counts.
    AlreadyAnswered,
    /// Another question is the current one, or the session has no question with this id.
    OtherQuestion,
}

impl From<AnswerFault> for Refusal {
    fn from(fault: AnswerFault) -> Self {
        Self::WrongAnswer(fault)
    }
}

/// Why a command was refused. A refused command has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The question takes no answer.
    QuestionNotOpen(NotOpen),
    /// The answer doesn't fit the question.
    WrongAnswer(AnswerFault),
    /// The game is still going on.
    NotFinished,
    /// The idempotency key was used before, with another body.
    KeyReused,
    /// The acknowledged number is above the log's head, which is given here.
    AheadOfHead(Sequence),
    /// The log's head is not the expected one. The actual head is given here.
    HeadMoved(Sequence),
    /// The request has more events than one command may record.
    TooManyEvents,
    /// An event has more bytes than the limit.
    EventTooLarge,
    /// The message would push out events that the backend still has to read.
    LogFull,
    /// The session has no such seat.
    UnknownSeat,
    /// No seat has the token, or its player left. Also for an action that needs a seat and came without one.
    BadToken,
    /// The seat's player was kicked, or the seat was revoked.
    Removed,
    /// The seat has a newer connection.
    Superseded,
    /// Only the host may do that.
    HostsOnly,
    /// Only a backend may do that.
    BackendsOnly,
    /// The seat of the host or the opener can't be given up while the game goes on.
    HostMayNotLeave,
    /// Another player in the room has this name, or one that people would confuse with it.
    NameTaken,
    /// The room has no free seat.
    RoomFull,
    /// More players have joined within a minute than the room allows.
    TooManyJoins {
        /// How long to wait until the next player can join.
        retry_after: Millis,
    },
    /// The host has closed the room to new players, or the room takes none once the game has begun.
    RoomLocked,
    /// The game is over.
    RoomFinished,
    /// The game is paused.
    RoomPaused,
    /// The seat doesn't answer this question: it doesn't play, or its player joined later.
    NotPlaying,
    /// The token of the seat that the request took has been used already, so the retry can't replace it.
    AlreadyConnected,
    /// The seat code doesn't exist, was used already, or has expired.
    SeatCodeUnknown,
    /// The command doesn't fit the room: some are only for rooms that play a quiz, others only for external
    /// rooms.
    WrongMode,
    /// The command doesn't fit this kind of session.
    NotThisGame,
}
