//! The events that a client gives to its user.

use std::fmt;

use super::frames::{EventFrame, PresenceFrame, Welcome};

/// An event of the client, in order. Each room event is delivered once.
#[derive(Debug, Clone)]
pub enum ClientEvent {
    /// Connected. If `recovered` is false, the snapshot replaces all that was known.
    Welcome(Box<Welcome>),
    /// The next event of the room.
    Event(Box<EventFrame>),
    /// The next event of the room is for other seats only.
    Skip {
        /// The sequence number of that event.
        sequence: u64,
    },
    /// The seats that are connected, and how many have answered.
    Presence(PresenceFrame),
    /// The connection was lost; the client is reconnecting.
    Disconnected(ConnectionLost),
    /// The client has stopped. This is the last event.
    Stopped(StopReason),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionLost {
    /// The server's close code; `None` if the connection was cut without a close frame.
    pub code: Option<u16>,
    /// The reason in words.
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

/// Why a client has stopped and does not reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// The user closed the connection; the seat stays taken.
    #[error("closed by its user")]
    Closed,
    /// 1000: the player has left the room.
    #[error("the seat has left")]
    Left,
    /// 4401: no live room has a seat with this token. A seat code gives the seat back.
    #[error("the token is not valid")]
    BadToken,
    /// 4403: the seat was kicked or revoked.
    #[error("kicked, or revoked")]
    Kicked,
    /// 4404: the room has expired or was deleted.
    #[error("there is no such room")]
    Gone,
    /// 4409: a newer connection of this seat is in use.
    #[error("a newer connection of this seat plays on")]
    Superseded,
}

impl StopReason {
    /// The reason to stop for a close code. `None` means: reconnect (lines 8 and 9).
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
