//! A player's name. Other players read it, so it must not contain characters that deceive them.

mod signs;
mod skeleton;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::ids::InvalidId;

pub use skeleton::SkeletonHash;

/// The most characters of a name.
const MOST: usize = 32;
/// The most bytes of a name.
const MOST_BYTES: usize = 96;

const SIZE: InvalidId = InvalidId("must be 1 to 32 characters, of at most 96 bytes in all");

/// A name in Unicode's composed form (NFC): 1 to 32 characters, with single spaces inside and none at the
/// ends. No character is invisible or controls the text around it.
///
/// Parsing a request is strict. A stored name is read as it is: it was checked when it came in, perhaps by
/// other rules, and its room must stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlayerName(String);

impl PlayerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The skeleton of the name, which is equal for names that people would confuse.
    pub fn skeleton(&self) -> String {
        skeleton::of(&self.0)
    }
}

impl FromStr for PlayerName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<_> = text.split_whitespace().collect();
        let text = words.join(" ");
        // Composing shortens a text to a quarter at most. So a longer one is refused here, before the costly
        // normalization.
        if text.len() > 4 * MOST_BYTES {
            return Err(SIZE);
        }
        let name: String = text.nfc().collect();
        if !(1..=MOST).contains(&name.chars().count()) || name.len() > MOST_BYTES {
            return Err(SIZE);
        }
        signs::check(&name)?;
        Ok(Self(name))
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
        text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    fn is_refused(text: &str) -> bool {
        text.parse::<PlayerName>().is_err()
    }

    fn look_alike(one: &str, other: &str) -> bool {
        name(one).skeleton() == name(other).skeleton()
    }

    #[test]
    fn a_name_is_composed_and_has_single_spaces() {
        assert_eq!(name("  Zoe\u{308} ").as_str(), "Zoë");
        assert_eq!(name("Ada \u{a0}\u{2003}\t\nLovelace\u{3000}").as_str(), "Ada Lovelace");
        assert_eq!(name(&"e\u{301}".repeat(32)).as_str().chars().count(), 32);
    }

    #[test]
    fn names_of_all_peoples_are_names() {
        for text in [
            "李小龍",
            "Maximiliane von Hohenfels",
            "علی\u{200c}رضا",
            "श्री\u{200d}मान",
            "ज़िंदगी",
            "র\u{200d}\u{9cd}যাব",
            "ශ්\u{200d}රී",
            "မောင်ကျော်",
            "Nguyễn Thị Hồng Nhung",
            "สมชาย ก็ดี",
            "שָׁלוֹם",
            "👩\u{200d}🚀 Ada",
            "👨🏽\u{200d}🚀",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} Jo",
            "Jo \u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        ] {
            assert_eq!(name(text).as_str(), text.nfc().collect::<String>(), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_1_to_32_characters_and_at_most_96_bytes() {
        assert!(!is_refused(&"x".repeat(32)) && !is_refused(&"龍".repeat(32)) && !is_refused(&"🚀".repeat(24)));
        for text in ["", "   ", &"x".repeat(33), &"🚀".repeat(25), &"e\u{301}".repeat(200)] {
            assert!(is_refused(text), "{text:?}");
        }
    }

    #[test]
    fn what_tricks_readers_is_no_name() {
        let bad = ["a\u{202e}b", "a\u{2066}b", "a\0b", "\u{200b}", "a\u{feff}", "\u{200d}", "\0", "a\u{2800}b"];
        for text in bad.into_iter().chain(["\u{fe0f}", "\u{fe0f}\u{200d}\u{fe0f}", "a\u{1d173}", "a\u{1bca0}b"]) {
            assert!(is_refused(text), "{text:?}");
        }
    }

    #[test]
    fn joiners_stand_where_they_join_something() {
        for text in ["A\u{200d}da", "A\u{200c}da", "علی\u{200c}", "\u{200c}علی", "ع\u{200c}\u{200c}ل", "ع\u{200c}a"]
        {
            assert!(is_refused(text), "{text:?}");
        }
        for text in ["👩\u{200d}", "👩\u{200c}🚀", "👩\u{200d}\u{200d}🚀", "👩\u{200d}a", "a\u{200d}🚀"] {
            assert!(is_refused(text), "{text:?}");
        }
    }

    #[test]
    fn tags_stand_in_flags_alone() {
        for text in ["Ada\u{e0061}", "\u{e0067}", "\u{1f3f4}\u{e0067}", "\u{1f3f4}\u{e007f}", "a\u{e0001}"] {
            assert!(is_refused(text), "{text:?}");
        }
        assert!(is_refused("\u{1f3f4}\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e0061}\u{e007f}"), "no such flag");
        assert!(is_refused("x\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"), "no flag at all");
    }

    #[test]
    fn a_letter_bears_two_marks() {
        assert_eq!(name("q\u{323}\u{307}").as_str().chars().count(), 3);
        let error = "q\u{323}\u{307}\u{308}".parse::<PlayerName>().expect_err("three");
        assert_eq!(error.to_string(), "must not pile more than 2 combining marks on a letter");
        assert!(is_refused("ก\u{e47}\u{e47}\u{e47}") && is_refused("\u{301}\u{302}\u{303}"));
    }

    #[test]
    fn names_are_the_same_in_whatever_case_and_width() {
        for (one, other) in
            [("ADA", "ada"), ("Ａｄａ", "aDa"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("GROSS", "groß"), ("ВОВА", "вова")]
        {
            assert!(look_alike(one, other), "{one} {other}");
        }
        for other in ["Adam", "A da", "Ado"] {
            assert!(!look_alike("Ada", other), "{other}");
        }
        assert!(!look_alike("Ella", "Elia") && !look_alike("Zoe", "Zoë"));
    }

    #[test]
    fn letters_of_other_scripts_that_look_alike_make_no_other_name() {
        for other in ["АDA", "Аdа", "\u{391}da", "аԁа", "Аԁа"] {
            assert!(look_alike("Ada", other), "{other:?}");
        }
        assert!(look_alike("BOB", "ВОВ") && look_alike("bob", "ВОВ") && look_alike("Paypal", "Раура1"));
        assert!(look_alike("ADA", "ꓮꓓꓮ") && look_alike("Host", "H0ST") && look_alike("Host", "Host \u{fe0f}"));
    }

    #[test]
    fn what_is_not_seen_makes_no_other_name() {
        assert!(look_alike("Ada\u{fe0f}", "Ada") && look_alike("❤\u{fe0f}", "❤"));
        assert!(look_alike("علی\u{200c}رضا", "علیرضا"));
        let flag = |tags: &str| format!("\u{1f3f4}{tags}\u{e007f}");
        let england = flag("\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}");
        assert!(!look_alike(&england, &flag("\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}")), "that is seen");
    }

    #[test]
    fn a_stored_name_is_read_whatever_it_is() {
        let long = "x".repeat(200);
        for text in ["", " a  b ", "a\u{202e}b", &long] {
            let json = serde_json::to_string(text).expect("written");
            let read: PlayerName = serde_json::from_str(&json).expect("read");
            assert_eq!((read.as_str(), serde_json::to_string(&read).expect("written")), (text, json));
        }
    }
}
