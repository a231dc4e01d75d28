//! The commands of a session, and the replies.

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

/// A player's answer to a question of a solo game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The question that is answered.
    pub question: QuestionId,
    /// The answer. `None` if the player gives none.
    pub answer: Option<Answer>,
    /// The idempotency key, if the client may retry the request.
    pub idempotency: Option<IdempotencyKey>,
    /// The wall time of the request, for the results.
    pub wall: WallTime,
}

/// A command for a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Do what is due, and nothing else. Sent by timers.
    Advance,
    /// The player is still there: move the session's deadline.
    Touch,
    /// Show a question of a solo game. The first time starts the question's clock.
    Show(QuestionId),
    /// Answer a question of a solo game.
    Submit(Submission),
    /// Claim the progression of a finished solo game. The key is set if the client may retry the request.
    Award(Option<IdempotencyKey>),
    /// A command for a room.
    Room(Box<RoomCommand>),
}

impl Command {
    /// The command that asks a room for an action on behalf of this sender.
    pub fn room(by: Caller, ask: RoomAction) -> Self {
        Self::Room(Box::new(RoomCommand { by, ask }))
    }

    /// Whether the command can be repeated: the second time it changes nothing and gives the same reply.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::Advance | Self::Touch | Self::Show(_) => true,
            Self::Submit(submission) => submission.idempotency.is_some(),
            Self::Award(idempotency) => idempotency.is_some(),
            Self::Room(command) => command.is_repeatable(),
        }
    }

    /// Whether the command's rules read the questions. Every command of a room may, because it first does
    /// what is due.
    pub fn needs_quiz(&self) -> bool {
        matches!(self, Self::Show(_) | Self::Submit(_) | Self::Room(_))
    }

    /// True for timer-driven commands, which must not extend the session's TTL.
    pub(super) fn is_timer_driven(&self) -> bool {
        match self {
            Self::Advance => true,
            Self::Room(command) => command.ask == RoomAction::Advance,
            _ => false,
        }
    }

    /// True for commands that store data of any amount for the caller. They are refused first when space runs
    /// out.
    pub(crate) fn grows(&self) -> bool {
        matches!(self, Self::Room(command) if matches!(command.ask, RoomAction::Record { .. } | RoomAction::Say { .. }))
    }

    /// The approximate size of the command's payloads, in bytes. 0 for commands of bounded size.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Room(command) => command.weight(),
            _ => 0,
        }
    }
}

/// The reply to a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The reply to [`Command::Advance`].
    Advanced,
    /// The reply to [`Command::Touch`].
    Touched,
    /// The reply to [`Command::Show`]: the question and its clock.
    Shown {
        /// The question with its key.
        question: Arc<Question>,
        /// When the question was first shown.
        opened: Timestamp,
        /// When it closes, if it is timed.
        closes: Option<Timestamp>,
    },
    /// The reply to [`Command::Submit`]: the verdict, the same for the first try and for every retry.
    Evaluated {
        /// The verdict and its question.
        report: Box<AnswerReport>,
        /// How many questions the game has.
        question_count: u32,
    },
    /// The reply to [`Command::Award`].
    Award {
        /// Whether this request claimed the award, now or at an earlier try.
        awarded: bool,
        /// The id of the award, which never changes for this session.
        award_id: Uuid,
        /// The player's id in the caller's own system.
        user: Option<UserId>,
        /// The XP and gems that the game earned.
        progression: Progression,
    },
    /// The reply to [`Command::Room`].
    Room(RoomReply),
}

/// The outcome of a command. The new state, its deadline and the events must be committed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The reply, or why the command was refused.
    pub result: Result<Reply, Refusal>,
    /// The events to append, already numbered. There may be some even if the command was refused: those of
    /// what was due.
    pub events: Vec<Event>,
    /// The highest pruned number, if it has risen: every event up to it may be deleted.
    pub prune_through: Option<Sequence>,
    /// How many events were pruned.
    pub pruned: u64,
    /// The number of the session's newest event after the command; 0 before the first.
    pub head: Sequence,
    /// The seats of a room whose generation or status has changed. The store fills this in.
    pub moved_seats: Vec<MovedSeat>,
}
