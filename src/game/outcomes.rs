//! What became of an answer or a return, for the metrics.

use super::error::GameError;
use crate::domain::{NotOpen, Refusal};
use crate::metrics::{AnswerOutcome, ResumeOutcome};

/// The outcome of an answer that was not taken.
pub(super) fn of_answer(error: &GameError) -> AnswerOutcome {
    match error {
        GameError::Refused(Refusal::QuestionNotOpen(NotOpen::NotYet)) => AnswerOutcome::TooEarly,
        GameError::Refused(Refusal::QuestionNotOpen(NotOpen::TooLate)) => AnswerOutcome::TooLate,
        GameError::Refused(Refusal::QuestionNotOpen(NotOpen::AlreadyAnswered)) => AnswerOutcome::Repeated,
        GameError::Store(_) => AnswerOutcome::Failed,
        _ => AnswerOutcome::Refused,
    }
}

/// The outcome of a return that failed.
pub(super) fn of_resume(error: &GameError) -> ResumeOutcome {
    if matches!(error, GameError::Store(_)) { ResumeOutcome::Failed } else { ResumeOutcome::Refused }
}
