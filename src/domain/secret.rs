//! Secrets that only their holder knows. A secret is shown once, stored as a hash, and compared in constant
//! time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;

use super::ids::InvalidId;

/// The bytes of a token: 256 random bits, which nobody can guess.
const BYTES: usize = 32;

/// A seat's token, as it is shown once. Its text is 64 hex digits. `Debug` doesn't show it.
#[derive(Clone)]
pub struct Token([u8; BYTES]);

impl Token {
    /// The token that is made of these random bytes.
    pub fn new(chance: [u8; BYTES]) -> Self {
        Self(chance)
    }

    /// The hash of the token, which the server stores in its place.
    pub fn hash(&self) -> SecretHash {
        SecretHash(*blake3::hash(&self.0).as_bytes())
    }

    /// The token as text.
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for Token {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = InvalidId("must be a token: 64 hex digits");
        let mut bytes = [0; BYTES];
        if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid);
        }
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| invalid.clone())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The hash of a token or of another secret.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; BYTES]);

impl SecretHash {
    /// The hash of a secret text, such as a seat code.
    pub fn of(secret: &str) -> Self {
        Self(*blake3::hash(secret.as_bytes()).as_bytes())
    }
}

/// Compares in constant time, so that timing reveals nothing about the secret.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// 64 hex digits in human-readable formats, bytes in the others.
impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&Token(self.0).reveal())
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Deserialize::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        text.parse().map(|Token(bytes)| Self(bytes)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_shows_itself_nowhere_else() {
        let token = Token::new([0xa7; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse::<Token>().expect("a token").hash(), token.hash());
        assert_ne!(Token::new([0xa8; 32]).hash(), token.hash());
        assert!(!format!("{token:?}{:?}", token.hash()).contains("a7"));
        for text in ["", "a7", &"g".repeat(64), &"é".repeat(32), &"a".repeat(65)] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_is_kept_exactly_by_json() {
        let hash = SecretHash::of("ABCD2345");
        let text = serde_json::to_string(&hash).expect("written");
        assert_eq!(serde_json::from_str::<SecretHash>(&text).expect("read"), hash);
    }
}
