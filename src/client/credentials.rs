//! The credentials of a seat: a room id and a token.

use std::fmt;

use serde::Deserialize;

/// The only credential of a seat, or a backend's API key. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// The token in plain text, as it is sent to the server.
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

/// A room id, and the token that gives access to the room.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCredentials {
    /// The id of the room.
    pub room_id: String,
    /// The seat's token, or an API key.
    pub token: Token,
}

impl SeatCredentials {
    /// Credentials for this room.
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
