//! What a seat is played with.

use std::fmt;

use serde::Deserialize;

/// A seat's only credential, or a backend's API key. It does not show itself in logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The credential as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Token {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A room and the token to enter it with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCredentials {
    /// The room.
    pub room_id: String,
    /// The seat's token, or an API key.
    pub token: Token,
}

impl SeatCredentials {
    /// The way into this room.
    pub fn new(room_id: impl Into<String>, token: impl Into<Token>) -> Self {
        Self { room_id: room_id.into(), token: token.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show_itself() {
        assert!(!format!("{:?}", SeatCredentials::new("room", "secret")).contains("secret"));
    }
}
