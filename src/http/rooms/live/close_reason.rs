//! The reasons for which the server closes a live connection, with the close code and text that the client gets.

use super::super::command::RequestError;
use crate::domain::Refusal;
use crate::domain::room::SeatStatus;
use crate::game::GameError;
use crate::game::hub::RoomEnd;
use crate::store::StoreError;
use crate::websocket::CloseCode;

/// Why the server closes a connection. By the code, a client decides whether to reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseReason {
    Done,
    GoingAway,
    Internal,
    StoreAway,
    NotTheProtocol(&'static str),
    BadToken,
    Removed,
    NoRoom,
    TooSlow,
    Superseded,
    TooManyConnections,
}

impl CloseReason {
    pub(super) fn code(self) -> CloseCode {
        match self {
            Self::Done => CloseCode::NORMAL,
            Self::GoingAway => CloseCode::AWAY,
            Self::Internal => CloseCode(1011),
            Self::StoreAway => CloseCode(1013),
            Self::NotTheProtocol(_) => CloseCode(4400),
            Self::BadToken => CloseCode(4401),
            Self::Removed => CloseCode(4403),
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
            Self::Removed => "kicked",
            Self::NoRoom => "no such room, or it has expired",
            Self::TooSlow => "too slow: come back and catch up",
            Self::Superseded => "superseded",
            Self::TooManyConnections => "this seat has as many connections as it may have",
        }
    }

    /// The reason if a connection can't be opened because of this error.
    pub(super) fn of(error: &GameError) -> Self {
        match error {
            GameError::Refused(Refusal::BadToken | Refusal::UnknownSeat) => Self::BadToken,
            GameError::Refused(Refusal::Removed) => Self::Removed,
            GameError::Refused(Refusal::Superseded) => Self::Superseded,
            GameError::SessionNotFound | GameError::Refused(Refusal::NotThisGame) => Self::NoRoom,
            GameError::OtherInstance(_) => Self::StoreAway,
            GameError::Store(
                StoreError::Busy | StoreError::Full | StoreError::Unavailable(_) | StoreError::OutcomeUnknown,
            ) => Self::StoreAway,
            _ => Self::Internal,
        }
    }

    /// The reason if a connection has lost its seat, which now has this status.
    pub(super) fn of_standing(standing: SeatStatus) -> Self {
        match standing {
            SeatStatus::Here => Self::Superseded,
            SeatStatus::Left => Self::Done,
            SeatStatus::Kicked | SeatStatus::Revoked => Self::Removed,
        }
    }

    /// The reason if the room has ended for its subscribers.
    pub(super) fn of_end(ended: RoomEnd) -> Self {
        match ended {
            RoomEnd::Gone => Self::NoRoom,
            RoomEnd::EpochChanged => Self::GoingAway,
        }
    }

    /// The reason if the error of one frame ends the whole connection. `None` if the connection goes on.
    pub(super) fn of_answer(error: &RequestError) -> Option<Self> {
        let (RequestError::Game(error) | RequestError::AfterMove(error)) = error else { return None };
        Some(Self::of(error)).filter(|reason| matches!(reason, Self::Superseded | Self::Removed | Self::NoRoom))
    }
}
