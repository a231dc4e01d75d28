//! Why connections end.

/// A close code (RFC 6455, section 7.4). An application's own are 4000 to 4999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct CloseCode(pub(in crate::http) u16);

impl CloseCode {
    /// All is said.
    pub(in crate::http) const NORMAL: Self = Self(1000);
    /// The server stops.
    pub(in crate::http) const AWAY: Self = Self(1001);
    /// The other side broke the protocol.
    pub(in crate::http) const PROTOCOL: Self = Self(1002);
    /// Binary, where only text is taken.
    pub(in crate::http) const UNSUPPORTED: Self = Self(1003);
    /// Text that is no UTF-8.
    pub(in crate::http) const INVALID: Self = Self(1007);
    /// Larger than the limits.
    pub(in crate::http) const TOO_LARGE: Self = Self(1009);
    /// More frames, or more bytes, than a client may send.
    pub(in crate::http) const TOO_MANY: Self = Self(4429);

    /// A code as it came. Some may not be sent.
    pub(super) fn read(code: u16) -> Result<Self, ProtocolError> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(ProtocolError::protocol("no close code that may be sent")),
        }
    }
}

/// What a client did wrong: the connection is closed with this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct ProtocolError {
    /// By what the connection is closed.
    pub(in crate::http) code: CloseCode,
    /// For whoever writes the client.
    pub(in crate::http) reason: &'static str,
}

impl ProtocolError {
    pub(super) const BAD_UTF8: Self = Self { code: CloseCode::INVALID, reason: "text is UTF-8" };
    pub(super) const TOO_LARGE: Self = Self { code: CloseCode::TOO_LARGE, reason: "the message is too large" };
    pub(super) const TOO_MANY: Self = Self { code: CloseCode::TOO_MANY, reason: "too many frames: slow down" };
    pub(super) const TEXT_ONLY: Self = Self { code: CloseCode::UNSUPPORTED, reason: "only text is taken here" };

    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self { code: CloseCode::PROTOCOL, reason }
    }
}

/// Why no more messages come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ReceiveEnd {
    /// The client has closed, with this code if it gave one. It is answered.
    Closed(Option<CloseCode>),
    /// The client did something wrong. It is told.
    Fault(ProtocolError),
    /// The connection broke.
    Lost,
}
