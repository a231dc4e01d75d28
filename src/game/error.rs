//! Why a use case came to nothing.

use crate::domain::Refusal;
use crate::domain::quiz::draft::Problem;
use crate::quizzes::NoSelection;
use crate::store::StoreError;

/// Why a use case came to nothing.
#[derive(Debug)]
pub enum GameError {
    /// No live session has this id.
    SessionNotFound,
    /// The game is over; its results are there.
    SessionFinished,
    /// The caller's own session id belongs to another request's session.
    SessionIdTaken,
    /// No bank has this name.
    QuizNotFound,
    /// The bank may not be played alone.
    QuizNotForSolo,
    /// The selection holds nothing to play.
    NoSelection(NoSelection),
    /// The request is wrong, here and here.
    Invalid(Vec<Problem>),
    /// The rules said no.
    Refused(Refusal),
    /// The store could not do it.
    Store(StoreError),
}

impl From<StoreError> for GameError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for GameError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
