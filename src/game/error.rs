//! The error of all use cases.

use crate::domain::quiz::draft::DraftProblem;
use crate::domain::{InstanceName, Refusal};
use crate::quizzes::{NoSelection, PlayMode};
use crate::store::{OtherInstance, StoreError};

/// Why a use case failed.
#[derive(Debug)]
pub enum GameError {
    /// No live session has this id.
    SessionNotFound,
    /// The game is over, and only its results are left.
    SessionFinished,
    /// The session id that the caller chose belongs to a session of another request.
    SessionIdTaken,
    /// The session is in the local store of this other instance.
    OtherInstance(InstanceName),
    /// A session whose id the caller chose can begin only in the shared store, and that is unavailable.
    NeedsShared,
    /// No bank has this quiz id.
    QuizNotFound,
    /// The bank may not be played in this mode.
    QuizNotFor(PlayMode),
    /// Only holders of an API key may open rooms on the bank.
    QuizNeedsKey,
    /// No live room has this join code.
    CodeUnknown,
    /// The selection gives no playable list of questions.
    NoSelection(NoSelection),
    /// The request is not valid, with its wrong fields.
    Invalid(Vec<DraftProblem>),
    /// The rules refused the command.
    Refused(Refusal),
    /// The store failed.
    Store(StoreError),
}

impl GameError {
    /// Returns `other` if it says that the caller's session id is in use, since that tells the caller more.
    /// Otherwise `self`.
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
