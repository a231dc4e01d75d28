//! The kind `text`: a text is typed. It is right if it equals one of the key's texts. The comparison ignores
//! case, width, and runs of blanks. If the question says so, it also ignores accents and a few typos.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::{AnswerCount, Correct, KindRules, tally};
use crate::domain::answer::{Answer, AnswerFault, AnswerField, MOST_TYPED};
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Field, QuestionChecker, QuestionDraft, repeats};
use crate::domain::scoring::{Grade, Scoring};

/// The most right texts of a question.
pub const MOST_TEXTS: usize = 50;
/// The most typos that a question may forgive.
pub(in crate::domain::quiz) const MOST_TYPOS: u8 = 3;

/// One typo is forgiven for this many characters of the right text. Without this rule, `so` would be right
/// for `no`.
const LETTERS_PER_TYPO: usize = 3;

/// The texts that are right, and how they are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextKey {
    texts: Vec<String>,
    ignore_accents: bool,
    max_typos: u8,
    /// The texts in the form in which they are compared. They are computed at the first answer.
    #[serde(skip)]
    folded: Folded,
}

/// Cached texts in the form in which they are compared. They follow from the key, so they don't count when
/// keys are compared.
#[derive(Debug, Clone, Default)]
struct Folded(OnceLock<Vec<Comparable>>);

impl PartialEq for Folded {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Folded {}

/// A text in the form in which it is compared.
#[derive(Debug, Clone)]
struct Comparable {
    characters: Vec<char>,
    digits: String,
}

impl From<String> for Comparable {
    fn from(text: String) -> Self {
        Self { characters: text.chars().collect(), digits: text.chars().filter(|c| c.is_numeric()).collect() }
    }
}

impl TextKey {
    fn is_right(&self, typed: &str) -> bool {
        let fold = |text: &String| Comparable::from(folded(text, self.ignore_accents));
        let right = self.folded.0.get_or_init(|| self.texts.iter().map(fold).collect());
        let typed = fold(&typed.to_owned());
        right.iter().any(|right| right.characters == typed.characters)
            || right.iter().any(|right| self.is_near(right, &typed))
    }

    /// Whether a typed text differs from the right one by only a few typos: a character wrong, missing, too
    /// many, or swapped with the next. A shorter text may have fewer. A wrong digit is never a typo: 1968 is
    /// not 1969.
    fn is_near(&self, right: &Comparable, typed: &Comparable) -> bool {
        let most = usize::from(self.max_typos).min(right.characters.len() / LETTERS_PER_TYPO);
        most > 0 && right.digits == typed.digits && is_within(most, &right.characters, &typed.characters)
    }

    pub(super) fn write(&self, draft: &mut QuestionDraft) {
        draft.correct_texts = Some(self.texts.clone());
        draft.ignore_accents = self.ignore_accents.then_some(true);
        draft.max_typos = (self.max_typos > 0).then_some(self.max_typos);
    }
}

impl KindRules for TextKey {
    fn field(&self, _: &[Choice]) -> AnswerField {
        AnswerField::Text
    }

    fn take(&self, _: &[Choice], answer: Answer) -> Result<Answer, AnswerFault> {
        match answer {
            Answer::Text(text) => take_typed(&text).map(Answer::Text),
            answer => Ok(answer),
        }
    }

    fn grade(&self, answer: &Answer, _: &Scoring) -> Grade {
        Grade::right_if(matches!(answer, Answer::Text(text) if self.is_right(text)))
    }

    fn correct(&self) -> Correct {
        Correct::Texts { correct_texts: self.texts.clone() }
    }

    fn counts(&self, _: &[Choice], answers: &[&Answer]) -> Vec<AnswerCount> {
        let same = |answer: &Answer| match answer {
            Answer::Text(text) => folded(text, self.ignore_accents),
            _ => String::new(),
        };
        tally(answers.iter().map(|answer| (same(answer), *answer)))
    }

    fn weight(&self) -> usize {
        self.texts.iter().map(|text| text.capacity() + size_of::<String>()).sum()
    }
}

/// A typed answer without surrounding blanks, control characters and characters that turn the direction of
/// text. It is refused if it is too long or if nothing is left of it.
pub(super) fn take_typed(text: &str) -> Result<String, AnswerFault> {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let text = text.chars().filter(|c| !turns(*c)).map(plain).collect::<String>().trim().to_owned();
    match text.len() {
        0 => Err(AnswerFault::Empty(AnswerField::Text)),
        len if len > MOST_TYPED => Err(AnswerFault::TooLong),
        _ if !text.contains(char::is_alphanumeric) && folded(&text, false).is_empty() => {
            Err(AnswerFault::Empty(AnswerField::Text))
        }
        _ => Ok(text),
    }
}

/// The form in which a text is compared. NFKC folds the width. Lower, upper and again lower case folds ẞ and
/// ß to ss, and ς to σ. A run of blanks becomes one blank. Typographic quotes and dashes become plain ones,
/// because phones insert them by themselves.
pub(super) fn folded(text: &str, ignores_accents: bool) -> String {
    if text.is_ascii() {
        let small = text.to_ascii_lowercase().replace('`', "'");
        return small.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let is_shown = |c: &char| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let small = text.nfkc().filter(is_shown).flat_map(char::to_lowercase);
    let folded = small.flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(plain);
    let folded: String = match ignores_accents {
        false => folded.nfc().collect(),
        true => without_accents(folded.nfd()).nfc().collect(),
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether at most `most` steps turn one text into the other. A step is a character wrong, missing, too many,
/// or swapped with the next (the optimal string alignment distance).
///
/// Only the band around the table's diagonal is computed, and the search stops at a row that is too far. This
/// must be fast: the answers of a full room are graded in one commit, and all other games wait for it.
fn is_within(most: usize, one: &[char], other: &[char]) -> bool {
    if one.len().abs_diff(other.len()) > most {
        return false;
    }
    let (far, columns) = (most + 1, other.len());
    let mut before = vec![far; columns + 1];
    let mut last: Vec<usize> = (0..=columns).map(|at| at.min(far)).collect();
    let mut row = vec![far; columns + 1];
    let mut least_before = 0;
    for line in 1..=one.len() {
        let (from, to) = (line.saturating_sub(most).max(1), (line + most).min(columns));
        row[from - 1] = if from == 1 { line.min(far) } else { far };
        let mut least = row[from - 1];
        for at in from..=to {
            let change = usize::from(one[line - 1] != other[at - 1]);
            let mut steps = (last[at - 1] + change).min(last[at] + 1).min(row[at - 1] + 1);
            if line > 1 && at > 1 && one[line - 1] == other[at - 2] && one[line - 2] == other[at - 1] {
                steps = steps.min(before[at - 2] + 1);
            }
            row[at] = steps.min(far);
            least = least.min(steps);
        }
        if to < columns {
            row[to + 1] = far;
        }
        // A swap in the next line adds one step to a cell of the line before this one. So both must be too
        // far.
        if least > most && least_before >= most {
            return false;
        }
        least_before = least;
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[columns] <= most
}

/// Whether a character turns the direction in which the text after it is shown.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes the marks on Latin and Greek letters. In other scripts a mark makes another letter: が is not か.
fn without_accents(text: impl Iterator<Item = char>) -> String {
    let mut base = Script::Common;
    let is_kept = |c: &char| {
        if !is_combining_mark(*c) {
            base = c.script();
        }
        !is_combining_mark(*c) || !matches!(base, Script::Latin | Script::Greek | Script::Common)
    };
    text.filter(is_kept).flat_map(without_stroke).collect()
}

fn plain(c: char) -> char {
    match c {
        '‘' | '’' | 'ʼ' | '´' | '`' | '′' => '\'',
        '“' | '”' | '„' | '«' | '»' | '″' => '"',
        '‐'..='―' | '−' => '-',
        other => other,
    }
}

/// Replaces letters that have no separate mark to remove, but are often typed without what they have: ø as o.
fn without_stroke(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ı' => "i",
        _ => "",
    };
    plain.chars().chain(plain.is_empty().then_some(c))
}

pub(super) fn read(draft: &QuestionDraft, checker: &mut QuestionChecker<'_>) -> Option<TextKey> {
    checker.only(draft, &[Field::CorrectTexts, Field::IgnoreAccents, Field::MaxTypos]);
    let texts = checker.needed("correctTexts", draft.correct_texts.clone())?;
    let (ignore_accents, max_typos) = (draft.ignore_accents.unwrap_or_default(), draft.max_typos.unwrap_or_default());
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        checker.wrong("correctTexts", format!("1 to {MOST_TEXTS}"));
    }
    if max_typos > MOST_TYPOS {
        checker.wrong("maxTypos", format!("at most {MOST_TYPOS}"));
    }
    let compared: Vec<String> = texts.iter().take(MOST_TEXTS).map(|text| folded(text, ignore_accents)).collect();
    for (index, text) in texts.iter().take(MOST_TEXTS).enumerate() {
        match take_typed(text) {
            Err(AnswerFault::TooLong) => {
                checker.wrong(&format!("correctTexts[{index}]"), format!("{} bytes, at most {MOST_TYPED}", text.len()));
            }
            Err(_) => checker.wrong(&format!("correctTexts[{index}]"), "empty"),
            Ok(_) if compared[index].is_empty() => checker.wrong(&format!("correctTexts[{index}]"), "empty"),
            Ok(_) => {}
        }
    }
    for index in repeats(compared.iter()) {
        checker.wrong(&format!("correctTexts[{index}]"), "the same as one before it");
    }
    Some(TextKey { texts, ignore_accents, max_typos, folded: Folded::default() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{folded, is_within};

    #[test]
    fn plain_text_is_folded_as_any_other() {
        // A letter that is not ASCII forces the general way of folding. This one is folded to itself.
        for text in ["New  York", "a`b", "\tTab\u{b}\u{c} x ", "O'Hara - 1", "~!@#$%^&*()"] {
            assert_eq!(format!("{} ж", folded(text, false)), folded(&format!("{text} ж"), false), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_bounded_distance_is_the_distance(one in "[abc]{0,9}", other in "[abc]{0,9}", most in 0..5_usize) {
            let characters = |text: &str| text.chars().collect::<Vec<_>>();
            let is_near = strsim::osa_distance(&one, &other) <= most;
            prop_assert_eq!(is_within(most, &characters(&one), &characters(&other)), is_near);
        }
    }
}
