//! What can be asked of a session, and what it answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::events::{Event, EventDraft, Sequence};
use super::finished::AnswerReport;
use super::ids::{OptionId, QuestionId, SeatId, UserId};
use super::scoring::Progression;
use super::time::{Timestamp, WallTime};

/// How a repeated request is told from a new one: hashes of its `Idempotency-Key` (with the name
/// of the call) and of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatKey {
    /// Hash of the call and the key.
    pub key: [u8; 16],
    /// Hash of what was asked.
    pub body: [u8; 16],
}

impl RepeatKey {
    /// Hashes a `call`'s idempotency `key` and the parts of its `body`.
    pub fn new(call: &str, key: &str, body: &[&str]) -> Self {
        Self { key: hash(&[call, key]), body: hash(body) }
    }
}

/// The first 16 bytes of the hash of `parts`, each closed off from the next.
pub fn hash(parts: &[&str]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// A player's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The question.
    pub question: QuestionId,
    /// The option chosen, or `None` for no answer.
    pub option: Option<OptionId>,
    /// Set if the client may repeat the request.
    pub repeat: Option<RepeatKey>,
    /// The date, for the results.
    pub wall: WallTime,
}

/// What can be asked of a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Let what is due happen, and nothing else.
    Advance,
    /// The player is still there: slide the deadline.
    Touch,
    /// Show a question and start its clock, once.
    Show(QuestionId),
    /// Answer a question.
    Submit(Submission),
    /// Claim the progression of a finished game.
    Award(Option<RepeatKey>),
    /// Append events to an external session's log, if `expected` (when given) is its head.
    Record {
        /// The events, in order.
        events: Vec<EventDraft>,
        /// The head that the author believes in.
        expected: Option<Sequence>,
    },
    /// A seat has every event up to here.
    Acknowledge {
        /// The seat.
        seat: SeatId,
        /// The last sequence it has.
        sequence: Sequence,
    },
}

impl Command {
    /// Whether its rules look at the questions.
    pub fn needs_quiz(&self) -> bool {
        matches!(self, Self::Show(_) | Self::Submit(_))
    }
}

/// What a command that was carried out answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `Advance`.
    Advanced,
    /// To `Touch`.
    Touched,
    /// To `Show`: the question's clock.
    Shown {
        /// When the question was first shown.
        opened: Timestamp,
        /// When it closes, if it is timed.
        closes: Option<Timestamp>,
    },
    /// To `Submit`: the verdict, at the first time and at every repeat.
    Evaluated {
        /// The verdict and what it is about.
        report: Box<AnswerReport>,
        /// How many questions the game has.
        question_count: u32,
    },
    /// To `Award`.
    Award {
        /// Whether this request claimed it.
        awarded: bool,
        /// Stable name of the award.
        award_id: Uuid,
        /// Whose it is.
        user: Option<UserId>,
        /// What it is.
        progression: Progression,
    },
    /// To `Record`: the log's head afterwards.
    Recorded(Sequence),
    /// To `Acknowledge`: what the seat has acknowledged in all.
    Acknowledged(Sequence),
}

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

/// What applying a command came to. New state, new deadline and events belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The answer.
    pub result: Result<Reply, Refusal>,
    /// Events to append.
    pub events: Vec<Event>,
    /// Every event up to this one may be forgotten.
    pub prune_through: Option<Sequence>,
}
