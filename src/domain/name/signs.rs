//! The characters that a name may contain. Characters that control the text around them, or that show
//! nothing, are refused, except where a script or an emoji needs them.

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::super::ids::InvalidId;

/// The most combining marks on one letter.
const MOST_MARKS: usize = 2;
/// The most combining marks in scripts that write a syllable as one letter with its vowels and finals: Kyaw
/// (ကျော်) has four.
const MOST_MARKS_OF_SYLLABLES: usize = 4;

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// The flags that are written with tag characters: those of England, Scotland and Wales.
const TAGGED_FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// Refuses a name that contains a character where it must not be.
pub(super) fn check(name: &str) -> Result<(), InvalidId> {
    let mut before = Before::default();
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if !before.may_be_followed_by(c, rest) {
            return Err(InvalidId("must not hold control, bidirectional or invisible characters"));
        }
        if before.is_piled_up(c) {
            return Err(InvalidId("must not pile more than 2 combining marks on a letter"));
        }
        before.push(c);
        if c == BLACK_FLAG
            && let Some(tags) = TAGGED_FLAGS.into_iter().find(|tags| rest.starts_with(tags))
        {
            rest = &rest[tags.len()..];
        }
    }
    Ok(())
}

/// What precedes a character.
#[derive(Default)]
struct Before {
    /// The last character that is not a combining mark. `None` at the beginning of the name.
    base: Option<char>,
    /// How many combining marks follow it.
    marks: usize,
}

impl Before {
    /// Whether `c` may follow. `rest` is the text after `c`.
    fn may_be_followed_by(&self, c: char, rest: &str) -> bool {
        match c {
            ZWNJ | ZWJ => rest.chars().next().zip(self.base).is_some_and(|(next, base)| joins(base, c, next)),
            _ if is_variation_selector(c) => self.base.is_some(),
            _ => !c.is_control() && !is_tricky(c),
        }
    }

    fn is_piled_up(&self, c: char) -> bool {
        let most = if writes_syllables(c.script()) { MOST_MARKS_OF_SYLLABLES } else { MOST_MARKS };
        is_combining_mark(c) && self.marks >= most
    }

    fn push(&mut self, c: char) {
        if is_combining_mark(c) {
            self.marks += 1;
        } else {
            (self.base, self.marks) = (Some(c), 0);
        }
    }
}

/// Whether a joiner between `base` and `next` has an effect: whether it joins them or keeps them apart.
fn joins(base: char, joiner: char, next: char) -> bool {
    let script = base.script();
    let is_of_script = script == next.script() && (writes_cursive(script) || writes_syllables(script));
    is_of_script || (joiner == ZWJ && is_pictograph(base) && is_pictograph(next))
}

/// Scripts whose letters connect, where a joiner controls the connection.
fn writes_cursive(script: Script) -> bool {
    use Script::{Adlam, Arabic, Hanifi_Rohingya, Mandaic, Mongolian, Nko, Syriac};
    matches!(script, Arabic | Syriac | Mandaic | Mongolian | Nko | Adlam | Hanifi_Rohingya)
}

/// Scripts that write a syllable as a letter with marks, where a joiner controls the form of the syllable.
fn writes_syllables(script: Script) -> bool {
    use Script::{
        Balinese, Bengali, Chakma, Devanagari, Grantha, Gujarati, Gurmukhi, Javanese, Kannada, Khmer, Malayalam,
        Meetei_Mayek, Myanmar, Newa, Oriya, Sinhala, Sundanese, Tai_Tham, Tamil, Telugu, Tibetan,
    };
    matches!(script, Devanagari | Bengali | Gurmukhi | Gujarati | Oriya | Tamil | Telugu | Kannada | Malayalam)
        || matches!(script, Sinhala | Khmer | Myanmar | Tibetan | Balinese | Javanese | Sundanese | Chakma)
        || matches!(script, Grantha | Meetei_Mayek | Newa | Tai_Tham)
}

/// The blocks of symbols that emoji are built from, skin tones included.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Characters that control the text around them or show nothing: bidirectional controls, line separators,
/// invisible marks and tags.
fn is_tricky(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{13430}'..='\u{1343f}' | '\u{16fe4}' | '\u{2d7f}'
        | '\u{e0000}'..='\u{e0fff}')
}
