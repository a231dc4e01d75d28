//! Why a use case came to nothing.

use crate::domain::quiz::draft::DraftProblem;
use crate::domain::{InstanceName, Refusal};
use crate::quizzes::{NoSelection, PlayMode};
use crate::store::{OtherInstance, StoreError};

/// Why a use case came to nothing.
#[derive(Debug)]
pub enum GameError {
    /// No live session has this id.
    SessionNotFound,
    /// The game is over; its results are there.
    SessionFinished,
    /// The caller's own session id belongs to another request's session.
    SessionIdTaken,
    /// The session is at home on another instance.
    OtherInstance(InstanceName),
    /// A session of the caller's own id begins in the shared store alone, and that is away.
    NeedsShared,
    /// No bank has this name.
    QuizNotFound,
    /// The bank may not be played so.
    QuizNotFor(PlayMode),
    /// Rooms on the bank are opened by holders of an API key alone.
    QuizNeedsKey,
    /// No live room has this join code.
    CodeUnknown,
    /// The selection holds nothing to play.
    NoSelection(NoSelection),
    /// The request is wrong, here and here.
    Invalid(Vec<DraftProblem>),
    /// The rules said no.
    Refused(Refusal),
    /// The store could not do it.
    Store(StoreError),
}

impl GameError {
    /// This, unless the caller's own session id turned out to be known: that says more.
    pub(super) fn unless_taken(self, other: Self) -> Self {
        match other {
            Self::SessionFinished | Self::SessionIdTaken => other,
            _ => self,
        }
    }
}

impl From<StoreError> for GameError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OtherInstance> for GameError {
    fn from(OtherInstance(home): OtherInstance) -> Self {
        Self::OtherInstance(home)
    }
}

impl From<Refusal> for GameError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
