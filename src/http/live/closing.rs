//! Why a live connection is closed by the server: the code that the client sees, and what it says.

use super::super::problem::Problem;
use super::super::websocket::CloseCode;
use crate::domain::Refusal;
use crate::domain::room::Standing;
use crate::game::GameError;
use crate::game::hub::Ended;
use crate::store::StoreError;

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    Done,
    GoingAway,
    Internal,
    StoreAway,
    NotTheProtocol(&'static str),
    BadToken,
    SentAway,
    NoRoom,
    TooSlow,
    Superseded,
    TooManyConnections,
}

impl Closing {
    pub(super) fn code(self) -> CloseCode {
        match self {
            Self::Done => CloseCode::NORMAL,
            Self::GoingAway => CloseCode::AWAY,
            Self::Internal => CloseCode(1011),
            Self::StoreAway => CloseCode(1013),
            Self::NotTheProtocol(_) => CloseCode(4400),
            Self::BadToken => CloseCode(4401),
            Self::SentAway => CloseCode(4403),
            Self::NoRoom => CloseCode(4404),
            Self::TooSlow => CloseCode(4408),
            Self::Superseded => CloseCode(4409),
            Self::TooManyConnections => CloseCode::TOO_MANY,
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::GoingAway => "going away: come back",
            Self::Internal => "internal: come back",
            Self::StoreAway => "the store is out of reach: come back",
            Self::NotTheProtocol(what) => what,
            Self::BadToken => "bad token",
            Self::SentAway => "kicked",
            Self::NoRoom => "no such room, or it has expired",
            Self::TooSlow => "too slow: come back and catch up",
            Self::Superseded => "superseded",
            Self::TooManyConnections => "this seat has as many connections as it may have",
        }
    }

    /// What keeps a connection from being made.
    pub(super) fn of(error: &GameError) -> Self {
        match error {
            GameError::Refused(Refusal::BadToken | Refusal::UnknownSeat) => Self::BadToken,
            GameError::Refused(Refusal::SentAway) => Self::SentAway,
            GameError::Refused(Refusal::Superseded) => Self::Superseded,
            GameError::SessionNotFound | GameError::Refused(Refusal::NotThisGame) => Self::NoRoom,
            GameError::Elsewhere(_) => Self::StoreAway,
            GameError::Store(
                StoreError::Busy | StoreError::Full | StoreError::Unavailable(_) | StoreError::OutcomeUnknown,
            ) => Self::StoreAway,
            _ => Self::Internal,
        }
    }

    /// A connection whose seat is not its own any more.
    pub(super) fn of_standing(standing: Standing) -> Self {
        match standing {
            Standing::Here => Self::Superseded,
            Standing::Left => Self::Done,
            Standing::Kicked | Standing::Revoked => Self::SentAway,
        }
    }

    pub(super) fn of_end(ended: Ended) -> Self {
        match ended {
            Ended::Gone => Self::NoRoom,
            Ended::OtherLife => Self::GoingAway,
        }
    }

    /// What ends the connection though it was told as an answer to one frame.
    pub(super) fn of_problem(problem: &Problem) -> Option<Self> {
        match problem.code() {
            "superseded" => Some(Self::Superseded),
            "kicked" => Some(Self::SentAway),
            "room-not-found" => Some(Self::NoRoom),
            _ => None,
        }
    }
}
