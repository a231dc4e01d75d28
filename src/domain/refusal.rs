//! Why the rules say no: an outcome, and no fault.

use serde::Serialize;

use super::answer::AnswerFault;
use super::events::Sequence;
use super::time::Millis;

/// Why a question takes no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotOpen {
    /// It has not opened yet.
    NotYet,
    /// It has closed.
    TooLate,
    /// It has been answered, and the first answer counts.
    AlreadyAnswered,
    /// Another question stands, or the session has none of this name.
    OtherQuestion,
}

impl From<AnswerFault> for Refusal {
    fn from(fault: AnswerFault) -> Self {
        Self::WrongAnswer(fault)
    }
}

/// Why a command was not carried out. It changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The question takes no answer.
    QuestionNotOpen(NotOpen),
    /// The answer is none to its question.
    WrongAnswer(AnswerFault),
    /// The game is still going on.
    NotFinished,
    /// The idempotency key was used for something else before.
    KeyReused,
    /// The acknowledgement lies above the log's head.
    AheadOfHead(Sequence),
    /// The log's head is not the one expected.
    HeadMoved(Sequence),
    /// More events than one command may bring.
    TooManyEvents,
    /// An event is larger than one may be.
    EventTooLarge,
    /// What is said would push out of the log what somebody still has to read.
    LogFull,
    /// The session has no such seat.
    UnknownSeat,
    /// The token is no seat's, or its player left.
    BadToken,
    /// The seat's player was kicked, or the seat revoked.
    Removed,
    /// The seat has a newer connection.
    Superseded,
    /// Only the host may do that.
    HostsOnly,
    /// Only a backend may do that.
    BackendsOnly,
    /// The host's seat is needed as long as the game goes on.
    HostMayNotLeave,
    /// Another player in the room is called that.
    NameTaken,
    /// No seat is free.
    RoomFull,
    /// More players than may have joined within a minute.
    TooManyJoins {
        /// How long to wait for the next place.
        retry_after: Millis,
    },
    /// Nobody may join, or not any more.
    RoomLocked,
    /// The game is over.
    RoomFinished,
    /// The room stands still.
    RoomPaused,
    /// The seat does not answer this question: it is no player's, or one's who came later.
    NotPlaying,
    /// The seat that the request took has been used since; its token stays.
    AlreadyConnected,
    /// No seat has handed out this code, or it has been used, or is too old.
    SeatCodeUnknown,
    /// A room that plays a quiz, or one that doesn't, knows no such command.
    WrongMode,
    /// This kind of session knows no such command.
    NotThisGame,
}
