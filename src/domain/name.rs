//! A player's name: what others read, so nothing in it may play tricks on them.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::ids::InvalidId;

/// Most characters of a name.
const MOST: usize = 24;

/// A name in Unicode's composed form (NFC), without surrounding spaces: 1 to 24 characters, none of
/// which controls the text around it or can't be seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlayerName(String);

impl PlayerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What two names have in common that people would take for the same.
    pub fn folded(&self) -> String {
        // By way of the capitals: ς and σ, ß and ss are one letter each there.
        let seen = self.0.chars().filter(|c| !is_unseen(*c));
        seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
    }
}

/// Characters that steer the text around them, or show nothing: bidirectional controls, separators
/// of lines, invisible marks and joiners (but for the one that joins emoji), tags.
fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What may stand in a name without being seen: the joiner of emoji, and what chooses their look.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

impl TryFrom<String> for PlayerName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // No name needs more: what is longer is not normalised first.
        if text.len() > 16 * MOST {
            return Err(InvalidId("must be 1 to 24 characters"));
        }
        // A room's names are read with each look at it, and most need no tables.
        let name: String = if text.is_ascii() { text.trim().to_owned() } else { text.trim().nfc().collect() };
        if !(1..=MOST).contains(&name.chars().count()) {
            return Err(InvalidId("must be 1 to 24 characters"));
        }
        let joins_nothing = name.starts_with(is_unseen) || name.ends_with('\u{200d}');
        if name.chars().any(is_tricky) || joins_nothing {
            return Err(InvalidId("must not hold control, bidirectional or invisible characters"));
        }
        Ok(Self(name))
    }
}

impl std::str::FromStr for PlayerName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<PlayerName> for String {
    fn from(name: PlayerName) -> Self {
        name.0
    }
}

impl fmt::Display for PlayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PlayerName {
        text.parse().expect("it is a name")
    }

    #[test]
    fn a_name_is_composed_and_trimmed() {
        assert_eq!(name("  Zoe\u{308} ").as_str(), "Zoë");
        assert_eq!(name("李小龍").as_str(), "李小龍");
        assert_eq!(name("👩\u{200d}🚀 Ada").as_str(), "👩\u{200d}🚀 Ada");
        assert_eq!(name(&"e\u{301}".repeat(24)).as_str().chars().count(), 24);
    }

    #[test]
    fn what_tricks_readers_is_no_name() {
        let long = "x".repeat(25);
        let huge = "e\u{301}".repeat(200);
        let bad =
            ["", "   ", &long, &huge, "a\u{202e}b", "a\u{2066}b", "a\nb", "\u{200b}", "a\u{feff}", "\u{200d}", "\0"];
        for text in bad.into_iter().chain(["\u{fe0f}", "\u{fe0f}\u{200d}\u{fe0f}", "a\u{1d173}", "a\u{1bca0}b"]) {
            assert!(text.parse::<PlayerName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_the_same_in_whatever_case_and_width() {
        assert_eq!(name("ADA").folded(), name("ada").folded());
        assert_eq!(name("Ａｄａ").folded(), name("aDa").folded());
        assert_eq!(name("ΣΊΣΥΦΟΣ").folded(), name("σίσυφος").folded());
        assert_eq!(name("GROSS").folded(), name("groß").folded());
        assert_ne!(name("Ada").folded(), name("Adam").folded());
    }

    #[test]
    fn what_is_not_seen_makes_no_other_name() {
        assert_eq!(name("A\u{200d}da").folded(), name("Ada").folded());
        assert_eq!(name("Ada\u{fe0f}").folded(), name("Ada").folded());
        assert_eq!(name("❤\u{fe0f}").folded(), name("❤").folded());
    }
}
