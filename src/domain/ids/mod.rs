//! Ids and codes. Each is parsed once, into a type that can't hold an invalid value.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

mod session_id;

pub use session_id::SessionId;

/// Why a text is not a valid id. The message can be shown to a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub &'static str);

/// Defines a text id. Each is a newtype of its own, so that ids can't be mixed up.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $message:literal) => {
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        $(#[$doc])*
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId($message)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_short_text(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control) && text.trim() == text
}

fn is_slug(text: &str, most: usize) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first && text.len() <= most && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

text_id!(
    /// A question's name within its quiz: 1 to 64 bytes.
    #[schemars(extend(
        "minLength" = 1,
        "maxLength" = 64,
        "pattern" = r"^[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f])?$",
    ))]
    QuestionId,
    |text| is_short_text(text, 64),
    "must be a text of 1 to 64 bytes without control characters or surrounding spaces"
);
text_id!(
    /// A question bank's name.
    #[schemars(extend("pattern" = "^[a-z0-9][a-z0-9_-]{0,63}$"))]
    QuizId,
    |text| is_slug(text, 64),
    "must be 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit"
);
text_id!(
    /// The stable name of an instance: where the sessions are at home that it began by itself.
    InstanceName,
    |text| is_slug(text, InstanceName::MOST),
    "must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit"
);
text_id!(
    /// The owner of a session: the name of the API key that began it.
    Owner,
    |text| is_slug(text, 32),
    "must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit"
);
text_id!(
    /// A user's name in the caller's own system.
    UserId,
    |text| is_short_text(text, 128),
    "must be a text of 1 to 128 bytes without control characters or surrounding spaces"
);
text_id!(
    /// Six characters by which a room is found; none that is easily taken for another.
    JoinCode,
    |text| text.len() == 6 && text.bytes().all(|b| JoinCode::ALPHABET.contains(&b)),
    "must be six of 23456789ABCDEFGHJKMNPQRSTUVWXYZ"
);

impl InstanceName {
    /// The most characters of an instance's name.
    const MOST: usize = 32;
}

/// A join code or seat code as it was meant. People type codes in groups, with dashes, in lower case, or in
/// the full width of an East Asian keyboard.
pub fn code_as_meant(typed: &str) -> String {
    let is_between = |c: &char| c.is_whitespace() || is_dash(*c);
    typed.chars().take(MOST_TYPED).nfkc().filter(|c| !is_between(c)).flat_map(char::to_uppercase).collect()
}

/// The most characters of a typed code that are read.
const MOST_TYPED: usize = 64;

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{ad}' | '\u{58a}' | '\u{5be}' | '\u{1806}' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}')
        || matches!(c, '\u{2e17}' | '\u{2e3a}' | '\u{2e3b}' | '\u{301c}' | '\u{3030}' | '\u{30fc}')
}

impl JoinCode {
    /// The characters of a code, without 0, 1, I, L and O.
    pub const ALPHABET: &'static [u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
}

/// An option's name within its question: 0 to 2⁵³ − 1, which every JSON reader keeps exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u64", into = "u64")]
#[schemars(extend("maximum" = OptionId::MAX))]
pub struct OptionId(u64);

impl OptionId {
    const MAX: u64 = (1 << 53) - 1;
}

impl TryFrom<u64> for OptionId {
    type Error = InvalidId;

    fn try_from(id: u64) -> Result<Self, Self::Error> {
        if id <= Self::MAX { Ok(Self(id)) } else { Err(InvalidId("must be an integer from 0 to 9007199254740991")) }
    }
}

impl From<OptionId> for u64 {
    fn from(id: OptionId) -> Self {
        id.0
    }
}

impl fmt::Display for OptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A seat's number within its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_keep_their_bounds() {
        assert!("q-1".parse::<QuestionId>().is_ok());
        assert!("x".repeat(64).parse::<QuestionId>().is_ok());
        for text in ["", " q", "q\n", &"x".repeat(65)] {
            assert!(text.parse::<QuestionId>().is_err(), "{text:?}");
        }
        assert!("civics".parse::<QuizId>().is_ok());
        for text in ["", "-x", "Civics", "a/b", "..", "é"] {
            assert!(text.parse::<QuizId>().is_err(), "{text:?}");
        }
        assert!("x".repeat(32).parse::<InstanceName>().is_ok());
        for text in ["", "-x", "_x", "Eu", "a{b}", "a:b", &"x".repeat(33)] {
            assert!(text.parse::<InstanceName>().is_err(), "{text:?}");
        }
        assert!("school-7_b".parse::<Owner>().is_ok() && "x".repeat(33).parse::<Owner>().is_err());
        assert!("ABC234".parse::<JoinCode>().is_ok());
        for text in ["ABC23", "ABC10O", "abc234", "ABC2345"] {
            assert!(text.parse::<JoinCode>().is_err(), "{text:?}");
        }
        assert!(OptionId::try_from(1 << 53).is_err());
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let typed =
            ["MUBN2Y", "mubn2y", " MUB N2Y\n", "MUB-N2Y", "mub\u{2013}n2y", "MU\u{2011}BN\u{2212}2Y", "ＭＵＢＮ２Ｙ"];
        for code in typed.into_iter().chain(["ｍｕｂ\u{3000}ｎ２ｙ", "MUB\u{ff0d}N2Y", "M U B N 2 Y", "MUB\u{a0}N2Y"])
        {
            assert_eq!(code_as_meant(code), "MUBN2Y", "{code:?}");
        }
        assert_ne!(code_as_meant("MUB_N2Y"), "MUBN2Y");
        assert!(code_as_meant(&"x".repeat(100_000)).len() <= MOST_TYPED);
    }
}
