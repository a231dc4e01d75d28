//! What two names have in common that people take for one another: case, width and look-alike
//! letters of other scripts are folded (UTS 39), and what is not seen is dropped.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::super::idempotency::{hash, hex};
use super::PlayerName;

/// The hash of a name's skeleton: equal for names that people would take for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkeletonHash(#[serde(with = "hex")] [u8; 16]);

impl From<&PlayerName> for SkeletonHash {
    fn from(name: &PlayerName) -> Self {
        Self(hash(&["name", &name.skeleton()]))
    }
}

/// The skeleton of a name. It depends on nothing but the case-folded text, so that names are the same
/// in whatever case.
pub(super) fn of(name: &str) -> String {
    let visible: String = name.chars().filter_map(visible).nfkc().collect();
    // A blank before something that is not seen is a blank at the end.
    let seen = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    // By way of the capitals: ς and σ, ß and ss are one letter each there.
    let folded: String = seen.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    let prototypes: String = folded.chars().nfd().flat_map(prototype).collect();
    // Some letters have a capital as their prototype, and have no case themselves.
    skeleton(&prototypes).flat_map(char::to_lowercase).collect()
}

/// A tag is seen as a part of its flag, and so is kept as its letter; joiners and variation selectors
/// are not seen.
fn visible(c: char) -> Option<char> {
    match c {
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e007f}' => None,
        '\u{e0020}'..='\u{e007e}' => char::from_u32(u32::from(c) - 0xe0000),
        _ => Some(c),
    }
}

/// The letter that a small letter is taken for: in its own form, or else as a capital (в is no b, but В
/// is taken for B).
fn prototype(small: char) -> Vec<char> {
    let of = |text: &str| -> Vec<char> { skeleton(text).collect() };
    let own = of(small.encode_utf8(&mut [0; 4]));
    if own.iter().all(char::is_ascii) {
        return own;
    }
    let capital = of(&small.to_uppercase().collect::<String>());
    match capital[..] {
        [letter] if letter.is_ascii_alphabetic() => vec![letter.to_ascii_lowercase()],
        _ => own,
    }
}
