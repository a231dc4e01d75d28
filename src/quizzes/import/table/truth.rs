//! The words for true and false in many languages.

use std::collections::BTreeSet;

use super::names::letters;

/// The words that players see for true and false. If several pairs share a word, the first one is taken,
/// unless something else in the table decides.
const PAIRS: &[(&str, &str)] = &[
    ("True", "False"),
    ("Yes", "No"),
    ("Correct", "Incorrect"),
    ("Right", "Wrong"),
    ("Wahr", "Falsch"),
    ("Richtig", "Falsch"),
    ("Korrekt", "Falsch"),
    ("Wahr", "Unwahr"),
    ("Ja", "Nein"),
    ("Vrai", "Faux"),
    ("Oui", "Non"),
    ("Verdadero", "Falso"),
    ("Sí", "No"),
    ("Verdadeiro", "Falso"),
    ("Sim", "Não"),
    ("Vero", "Falso"),
    ("Waar", "Onwaar"),
    ("Ja", "Nee"),
    ("Prawda", "Fałsz"),
    ("Tak", "Nie"),
    ("Benar", "Salah"),
    ("Правда", "Ложь"),
    ("Верно", "Неверно"),
    ("Да", "Нет"),
    ("Так", "Ні"),
    ("Правда", "Неправда"),
    ("正确", "错误"),
    ("正確", "錯誤"),
    ("对", "错"),
    ("對", "錯"),
    ("正しい", "誤り"),
    ("はい", "いいえ"),
    ("참", "거짓"),
    ("예", "아니오"),
    ("Đúng", "Sai"),
    ("Doğru", "Yanlış"),
    ("Evet", "Hayır"),
    ("Pravda", "Nepravda"),
    ("Ano", "Ne"),
    ("Sant", "Falskt"),
];

const TRUE: &str = "true t yes correct right wahr richtig ja korrekt vrai oui verdadero si verdadeiro sim vero waar \
    prawda tak benar правда верно да так 正确 正確 对 對 正しい はい 참 예 dung dogru evet pravda ano sant";
const FALSE: &str = "false f no incorrect wrong falsch nein unwahr faux non falso nao onwaar nee falsz nie salah ложь \
    неверно нет неправда ні 错误 錯誤 错 錯 誤り いいえ 거짓 아니오 sai yanlis hayir nepravda ne falskt";

/// Whether a word means true or false. `None` if neither.
pub(super) fn truth(word: &str) -> Option<bool> {
    let word = letters(word);
    let is_one_of = |words: &str| words.split(' ').any(|known| known == word);
    match (is_one_of(TRUE), is_one_of(FALSE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Like [`truth`], and also accepts first letters and digits. Only for cells that must be true or false.
pub(super) fn truth_or_letter(word: &str) -> Option<bool> {
    match letters(word).as_str() {
        "y" | "w" | "r" | "j" | "v" | "1" => Some(true),
        "n" | "0" => Some(false),
        _ => truth(word),
    }
}

/// Whether a mark beside an option says that it is right. `None` if it is not a mark.
pub(super) fn mark(cell: &str) -> Option<bool> {
    match cell.trim() {
        "" | "0" | "-" | "–" => Some(false),
        "1" | "x" | "X" | "✓" | "✔" | "*" => Some(true),
        word => truth(word),
    }
}

/// The words for true and false that a table uses.
#[derive(Debug)]
pub(super) struct TruthWords {
    /// The pairs, parallel to [`PAIRS`].
    pairs: Vec<Pair>,
    /// Whether some question without options has an answer that is neither true nor false.
    has_others: bool,
}

/// A pair of words in the form in which they are compared.
#[derive(Debug)]
struct Pair {
    right: String,
    wrong: String,
    /// How many different words in the table belong to this pair. The name of a kind counts twice.
    votes: usize,
}

impl TruthWords {
    /// Derives the words from the answers, and from the names of the kind column.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>, kinds: impl Iterator<Item = &'a str>) -> Self {
        let (cells, others): (Vec<&str>, Vec<&str>) = cells.partition(|cell| truth_or_letter(cell).is_some());
        let cells: BTreeSet<String> = cells.into_iter().map(letters).collect();
        let kinds: BTreeSet<String> = kinds.map(letters).collect();
        let pair = |(right, wrong): &(&str, &str)| {
            let mut pair = Pair { right: letters(right), wrong: letters(wrong), votes: 0 };
            let said = cells.iter().filter(|cell| pair.has(cell)).count();
            pair.votes = said + 2 * usize::from(kinds.iter().any(|kind| pair.is_named(kind)));
            pair
        };
        Self { pairs: PAIRS.iter().map(pair).collect(), has_others: !others.is_empty() }
    }

    /// Whether a cell means true or false. A single letter only counts if all answers do: F is also fluorine.
    pub(super) fn says(&self, cell: &str) -> Option<bool> {
        truth(cell).filter(|_| !self.has_others || letters(cell).chars().count() > 1)
    }

    /// The words to show for true and false if a cell has this word. Spreadsheets write TRUE in every
    /// language, so the name of the kind takes precedence for TRUE, FALSE, 1 and 0.
    pub(super) fn options(&self, word: &str, kind: Option<&str>) -> [String; 2] {
        let (word, kind) = (letters(word), kind.map(letters).unwrap_or_default());
        let is_number = matches!(word.as_str(), "1" | "0");
        let is_of_all = is_number || matches!(word.as_str(), "true" | "false");
        let named = self.pairs.iter().position(|pair| pair.is_named(&kind) && (is_of_all || pair.has(&word)));
        let fitting = self.pairs.iter().enumerate().filter(|(_, pair)| is_number || pair.has(&word));
        // On a tie the first pair wins: `max_by_key` returns the last maximum, so the order is reversed.
        let most = fitting.rev().max_by_key(|(_, pair)| pair.votes).map(|(at, _)| at);
        let (right, wrong) = PAIRS[named.or(most).unwrap_or_default()];
        [right.to_owned(), wrong.to_owned()]
    }
}

impl Pair {
    /// Whether a word is one of the two, or the first letter of one.
    fn has(&self, word: &str) -> bool {
        let is_letter = word.len() == 1;
        [&self.right, &self.wrong].into_iter().any(|known| known == word || (is_letter && known.starts_with(word)))
    }

    /// Whether the name of a kind consists of both words: `wahr/falsch`, `vrai ou faux`.
    fn is_named(&self, kind: &str) -> bool {
        let between = kind.strip_prefix(&self.right).and_then(|rest| rest.strip_suffix(&self.wrong));
        between.is_some_and(|between| between.len() <= 4)
    }
}

impl Default for TruthWords {
    fn default() -> Self {
        Self::of(std::iter::empty(), std::iter::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_and_false_are_said_in_many_languages() {
        for word in ["TRUE", "T", "wahr", "Richtig", "ja", "Vrai", "Verdadero", "Prawda", "Да", "正确"] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in ["False", "f", "falsch", "nein", "Faux", "Falso", "Fałsz", "Нет", "错误"] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        assert_eq!(truth("1"), None);
        assert_eq!((mark("x"), mark(""), mark("Rhein")), (Some(true), Some(false), None));
    }

    #[test]
    fn every_word_belongs_to_a_pair() {
        for (words, said) in [(TRUE, true), (FALSE, false)] {
            for word in words.split(' ') {
                assert_eq!(truth(word), Some(said), "{word}");
                assert!(TruthWords::default().pairs.iter().any(|pair| pair.has(word)), "{word}");
            }
        }
        for (right, wrong) in PAIRS {
            assert_eq!((truth(right), truth(wrong)), (Some(true), Some(false)));
        }
    }

    #[test]
    fn options_have_the_words_of_the_table() {
        let of = |cells: &[&str], kind: Option<&str>, word: &str| {
            TruthWords::of(cells.iter().copied(), kind.into_iter()).options(word, kind).join(" ")
        };
        assert_eq!(of(&["falsch", "richtig"], None, "falsch"), "Richtig Falsch");
        assert_eq!(of(&["falsch"], None, "falsch"), "Wahr Falsch");
        assert_eq!(of(&["falsch"], Some("richtig/falsch"), "falsch"), "Richtig Falsch");
        assert_eq!(of(&["w", "f"], None, "f"), "Wahr Falsch");
        assert_eq!(of(&["T", "F"], None, "F"), "True False");
        assert_eq!(of(&["TRUE"], None, "TRUE"), "True False");
        assert_eq!(of(&["TRUE"], Some("Vrai ou faux"), "TRUE"), "Vrai Faux");
        assert_eq!(of(&["nee"], None, "ja"), "Ja Nee");
        assert_eq!(of(&["vero", "falso"], None, "falso"), "Vero Falso");
        assert_eq!(of(&["1"], None, "1"), "True False");
        assert_eq!(of(&["1", "wahr"], None, "1"), "Wahr Falsch");
    }
}
