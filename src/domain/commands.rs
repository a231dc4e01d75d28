//! What can be asked of a session, and what it answers.

use std::sync::Arc;

use uuid::Uuid;

use super::answer::Answer;
use super::events::{Event, Sequence};
use super::finished::AnswerReport;
use super::idempotency::IdempotencyKey;
use super::ids::{QuestionId, UserId};
use super::quiz::Question;
use super::refusal::Refusal;
use super::room::{Caller, MovedSeat, RoomAction, RoomCommand, RoomReply};
use super::scoring::Progression;
use super::time::{Timestamp, WallTime};

/// A player's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The question.
    pub question: QuestionId,
    /// The answer, or `None` for none.
    pub answer: Option<Answer>,
    /// Set if the client may repeat the request.
    pub idempotency: Option<IdempotencyKey>,
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
    Award(Option<IdempotencyKey>),
    /// Anything that is asked of a room.
    Room(Box<RoomCommand>),
}

impl Command {
    /// Something asked of a room.
    pub fn room(by: Caller, ask: RoomAction) -> Self {
        Self::Room(Box::new(RoomCommand { by, ask }))
    }

    /// Whether carrying it out a second time changes nothing and gives the same reply.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Advance | Self::Touch | Self::Show(_) => true,
            Self::Submit(submission) => submission.idempotency.is_some(),
            Self::Award(idempotency) => idempotency.is_some(),
            Self::Room(command) => command.is_repeatable(),
        }
    }

    /// Whether its rules look at the questions: in a room whatever is due does.
    pub fn needs_quiz(&self) -> bool {
        matches!(self, Self::Show(_) | Self::Submit(_) | Self::Room(_))
    }

    /// Whether only time asks for it, and so nobody has touched the session.
    pub(super) fn is_timer_driven(&self) -> bool {
        match self {
            Self::Advance => true,
            Self::Room(command) => command.ask == RoomAction::Advance,
            _ => false,
        }
    }

    /// Whether it brings something of its own to be kept, as much as it likes: what is refused first
    /// where space runs out.
    pub(crate) fn grows(&self) -> bool {
        matches!(self, Self::Room(command) if matches!(command.ask, RoomAction::Record { .. } | RoomAction::Say { .. }))
    }

    /// Roughly how many bytes it holds beyond its own few.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Room(command) => command.weight(),
            _ => 0,
        }
    }
}

/// What a command that was carried out answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `Advance`.
    Advanced,
    /// To `Touch`.
    Touched,
    /// To `Show`: the question and its clock.
    Shown {
        /// The question.
        question: Arc<Question>,
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
    /// What a room answers.
    Room(RoomReply),
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
    /// The number of the session's newest event then.
    pub head: Sequence,
    /// A room's seats that are another connection's now, or nobody's.
    pub moved_seats: Vec<MovedSeat>,
}
