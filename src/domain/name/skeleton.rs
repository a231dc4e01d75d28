//! The skeleton of a name: a form that is equal for names which people would confuse. Case, width and
//! look-alike letters of other scripts are folded (UTS 39), and invisible characters are dropped.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

use super::super::idempotency::{hash, hex};
use super::PlayerName;

/// The hash of a name's skeleton. It is equal for names that people would confuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SkeletonHash(#[serde(with = "hex")] [u8; 16]);

impl From<&PlayerName> for SkeletonHash {
    fn from(name: &PlayerName) -> Self {
        Self(hash(&["name", &name.skeleton()]))
    }
}

/// The skeleton of a name. It depends only on the case-folded text, so names that differ only in case have
/// the same skeleton.
pub(super) fn of(name: &str) -> String {
    let visible: String = name.chars().filter_map(visible).nfkc().collect();
    // After the filter: a blank before an invisible character has become a blank at the end.
    let seen = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    // Fold by way of the capitals, where ς and σ, and ß and ss, are the same.
    let folded: String = seen.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    let prototypes: String = folded.chars().nfd().flat_map(prototype).collect();
    // Some letters without a case of their own have a capital as their prototype.
    skeleton(&prototypes).flat_map(char::to_lowercase).collect()
}

/// The visible form of a character. Joiners and variation selectors are invisible and dropped. A tag is
/// visible as a part of its flag, so it becomes its letter.
fn visible(c: char) -> Option<char> {
    match c {
        '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e007f}' => None,
        '\u{e0020}'..='\u{e007e}' => char::from_u32(u32::from(c) - 0xe0000),
        _ => Some(c),
    }
}

/// The letter that a lower-case letter is confused with, in its own form or else as a capital: в doesn't look
/// like b, but В looks like B.
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
