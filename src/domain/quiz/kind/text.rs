//! A text is typed. It is right if it is one of the key's, compared without regard to case, width, and
//! runs of blanks; to accents and a few slips, if that is asked for.

use std::sync::OnceLock;

use rapidfuzz::distance::osa;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::{Correct, Count, Rules, tally};
use crate::domain::answer::{Answer, AnswerFault, AnswerField, MOST_TYPED};
use crate::domain::quiz::Choice;
use crate::domain::quiz::draft::{Checker, Field, QuestionDraft, repeats};
use crate::domain::scoring::{Grade, Scoring};

/// Most texts that are right.
pub const MOST_TEXTS: usize = 50;
/// Most slips that may be forgiven.
pub(in crate::domain::quiz) const MOST_TYPOS: u8 = 3;

/// One slip is forgiven for so many characters of the right text: else `no` would be `so`.
const LETTERS_PER_TYPO: usize = 3;

/// The texts that are right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextKey {
    texts: Vec<String>,
    ignore_accents: bool,
    max_typos: u8,
    /// The texts as they are compared, from the first answer on.
    #[serde(skip)]
    folded: Folded,
}

/// Texts as they are compared. They follow from the key, and so make no difference to it.
#[derive(Debug, Clone, Default)]
struct Folded(OnceLock<Vec<Comparable>>);

impl PartialEq for Folded {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Folded {}

/// A text as it is compared.
#[derive(Debug, Clone)]
struct Comparable {
    text: String,
    length: usize,
    digits: String,
}

impl From<String> for Comparable {
    fn from(text: String) -> Self {
        let digits = text.chars().filter(|c| c.is_numeric()).collect();
        Self { length: text.chars().count(), digits, text }
    }
}

impl TextKey {
    fn is_right(&self, typed: &str) -> bool {
        let fold = |text: &String| Comparable::from(folded(text, self.ignore_accents));
        let right = self.folded.0.get_or_init(|| self.texts.iter().map(fold).collect());
        let typed = fold(&typed.to_owned());
        right.iter().any(|right| right.text == typed.text) || right.iter().any(|right| self.is_near(right, &typed))
    }

    /// Whether few characters are wrong, missing, too many, or swapped with the next, as short as the text is. Digits are never a
    /// slip: 1968 is not 1969.
    fn is_near(&self, right: &Comparable, typed: &Comparable) -> bool {
        let most = usize::from(self.max_typos).min(right.length / LETTERS_PER_TYPO);
        let within = osa::Args::default().score_cutoff(most);
        most > 0
            && right.length.abs_diff(typed.length) <= most
            && right.digits == typed.digits
            && osa::distance_with_args(right.text.chars(), typed.text.chars(), &within).is_some()
    }

    pub(super) fn write(&self, draft: &mut QuestionDraft) {
        draft.correct_texts = Some(self.texts.clone());
        draft.ignore_accents = self.ignore_accents.then_some(true);
        draft.max_typos = (self.max_typos > 0).then_some(self.max_typos);
    }
}

impl Rules for TextKey {
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

    fn counts(&self, _: &[Choice], answers: &[&Answer]) -> Vec<Count> {
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

/// A typed answer without surrounding blanks and control characters.
pub(super) fn take_typed(text: &str) -> Result<String, AnswerFault> {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let text = text.chars().filter(|c| !turns(*c)).map(plain).collect::<String>().trim().to_owned();
    match text.len() {
        0 => Err(AnswerFault::Empty(AnswerField::Text)),
        len if len > MOST_TYPED => Err(AnswerFault::TooLong),
        _ if folded(&text, false).is_empty() => Err(AnswerFault::Empty(AnswerField::Text)),
        _ => Ok(text),
    }
}

/// A text as it is compared: NFKC, which folds width; upper and then lower case, which folds ß to ss and
/// ς to σ; one blank for many; plain quotes and dashes, since phones type others by themselves.
pub(super) fn folded(text: &str, ignores_accents: bool) -> String {
    let is_shown = |c: &char| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let folded = text.nfkc().filter(is_shown).flat_map(char::to_uppercase).flat_map(char::to_lowercase).map(plain);
    let folded: String = match ignores_accents {
        false => folded.nfc().collect(),
        true => without_accents(folded.nfd()).nfc().collect(),
    };
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character turns the direction in which others are shown.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without the marks on Latin and Greek letters. In other scripts they make another letter: が is no か.
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

/// The letters that have no accent to take away, and yet are typed without what they have.
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

pub(super) fn read(draft: &QuestionDraft, checker: &mut Checker<'_>) -> Option<TextKey> {
    checker.only(draft, &[Field::CorrectTexts, Field::IgnoreAccents, Field::MaxTypos]);
    let texts = checker.needed("correctTexts", draft.correct_texts.clone())?;
    let (ignore_accents, max_typos) = (draft.ignore_accents.unwrap_or_default(), draft.max_typos.unwrap_or_default());
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        checker.wrong("correctTexts", format!("1 to {MOST_TEXTS}"));
    }
    if max_typos > MOST_TYPOS {
        checker.wrong("maxTypos", format!("at most {MOST_TYPOS}"));
    }
    for (index, text) in texts.iter().enumerate() {
        match take_typed(text) {
            Err(AnswerFault::TooLong) => {
                checker.wrong(&format!("correctTexts[{index}]"), format!("{} bytes, at most {MOST_TYPED}", text.len()));
            }
            Err(_) => checker.wrong(&format!("correctTexts[{index}]"), "empty"),
            Ok(text) if folded(&text, ignore_accents).is_empty() => {
                checker.wrong(&format!("correctTexts[{index}]"), "empty");
            }
            Ok(_) => {}
        }
    }
    for index in repeats(texts.iter().map(|text| folded(text, ignore_accents))) {
        checker.wrong(&format!("correctTexts[{index}]"), "the same as one before it");
    }
    Some(TextKey { texts, ignore_accents, max_typos, folded: Folded::default() })
}
