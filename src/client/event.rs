//! What a client hands its user.

use std::fmt;

use super::frames::{EventFrame, PresenceFrame, Welcome};

/// What happened, in order. Each event comes once.
#[derive(Debug, Clone)]
pub enum ClientEvent {
    /// The connection stands. With `recovered: false` its snapshot replaces all that was known.
    Welcome(Box<Welcome>),
    /// The next event of the room.
    Event(Box<EventFrame>),
    /// The next event is for other seats.
    Skip {
        /// Its number.
        sequence: u64,
    },
    /// Who is there, and how many have answered.
    Presence(PresenceFrame),
    /// The connection is lost; the client is on its way back.
    Disconnected(ConnectionLost),
    /// The end: nothing comes after it.
    Stopped(StopReason),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLost {
    /// The server's close code; none if the line was cut.
    pub code: Option<u16>,
    /// In words.
    pub why: String,
}

impl ConnectionLost {
    pub(super) fn cut(why: impl fmt::Display) -> Self {
        Self { code: None, why: why.to_string() }
    }

    pub(super) fn closed(code: u16, why: impl Into<String>) -> Self {
        Self { code: Some(code), why: why.into() }
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "closed with {code} {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Why a client does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// This client was told to end the connection; the seat stays.
    #[error("closed by its user")]
    Closed,
    /// 1000: the seat has left.
    #[error("the seat has left")]
    Left,
    /// 4401: no live room has a seat with this token; a seat code brings the seat back.
    #[error("the token is not valid")]
    BadToken,
    /// 4403: kicked or revoked.
    #[error("kicked, or revoked")]
    Kicked,
    /// 4404: the room has ended while it was played.
    #[error("there is no such room")]
    Gone,
    /// 4409: a newer connection of this seat plays on.
    #[error("a newer connection of this seat plays on")]
    Superseded,
}

impl StopReason {
    /// What a close code ends for good; every other one is a reason to come back (lines 8 and 9).
    pub fn of_code(code: u16) -> Option<Self> {
        match code {
            1000 => Some(Self::Left),
            4401 => Some(Self::BadToken),
            4403 => Some(Self::Kicked),
            4404 => Some(Self::Gone),
            4409 => Some(Self::Superseded),
            _ => None,
        }
    }
}
