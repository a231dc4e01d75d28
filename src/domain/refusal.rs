//! Why the rules say no: an outcome, and no fault.

use super::events::Sequence;

/// Why a command was not carried out. It changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The question is evaluated already, or not in this session.
    QuestionNotOpen,
    /// The question has no such option.
    OptionNotInQuestion,
    /// The game is still going on.
    NotFinished,
    /// The idempotency key was used for something else before.
    KeyReused,
    /// The acknowledgement lies above the log's head.
    AheadOfHead(Sequence),
    /// The log's head is not the one expected.
    HeadMoved(Sequence),
    /// More events, or larger ones, than one command may bring.
    TooManyEvents,
    /// The session has no such seat.
    UnknownSeat,
    /// This kind of session knows no such command.
    NotThisGame,
}
