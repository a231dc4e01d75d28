//! Close codes, and the reasons why a WebSocket connection ends.

/// A close code (RFC 6455, section 7.4). An application's own codes are 4000 to 4999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseCode(pub(crate) u16);

impl CloseCode {
    /// The conversation is complete.
    pub(crate) const NORMAL: Self = Self(1000);
    /// The server is stopping.
    pub(crate) const AWAY: Self = Self(1001);
    /// The other side broke the protocol.
    pub(crate) const PROTOCOL: Self = Self(1002);
    /// A binary message where only text is accepted.
    pub(crate) const UNSUPPORTED: Self = Self(1003);
    /// A text message that is not valid UTF-8.
    pub(crate) const INVALID: Self = Self(1007);
    /// A frame or a message over the size limit.
    pub(crate) const TOO_LARGE: Self = Self(1009);
    /// More frames or bytes a second than a client may send. Our own code.
    pub(crate) const TOO_MANY: Self = Self(4429);

    /// Checks a code that a client sent. Reserved codes may not appear on the wire.
    pub(super) fn read(code: u16) -> Result<Self, ProtocolError> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(ProtocolError::protocol("no close code that may be sent")),
        }
    }
}

/// A mistake of the client that ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProtocolError {
    /// The code of the close frame that answers it.
    pub(crate) code: CloseCode,
    /// The reason in the close frame, for the author of the client.
    pub(crate) reason: &'static str,
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

/// Why a receiver gets no more messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiveEnd {
    /// The client has sent a close frame, with this code if it gave one. The close frame has been answered.
    Closed(Option<CloseCode>),
    /// The client made a mistake. A close frame has told it which.
    Fault(ProtocolError),
    /// The connection broke, or ended without a close frame.
    Lost,
}
