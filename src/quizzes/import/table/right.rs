//! Finds the options that a cell names by number, letter or text.

use unicode_normalization::UnicodeNormalization;

use super::names::{label, option_label};
use super::truth::truth;

/// Maximum length, in characters, of an option in which a separator may belong to a word (`1.20`). In longer
/// options separators are punctuation.
const MOST_DENSE: usize = 12;

/// The convention of a table for naming right options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Habit {
    /// A number is a position, even if it is also the text of an option.
    pub(super) by_position: bool,
    /// The header says that numbers are positions, so no warning is needed.
    pub(super) is_certain: bool,
    /// The first option has number 0.
    pub(super) from_zero: bool,
    /// Some rows count from 0 and some from 1, so no number can be trusted.
    pub(super) is_mixed: bool,
    /// The header says "index", and no row shows whether it counts from 0 or 1.
    pub(super) may_count_from_zero: bool,
    /// The right answer is not one of the options and must be added to them.
    pub(super) is_apart: bool,
}

/// An option of a row; empty options are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListedOption<'a> {
    /// The number in its column's name: 2 for `Option 2`.
    pub(super) label: usize,
    /// The text of the option.
    pub(super) text: &'a str,
    /// Whether a mark beside it says that it is right.
    pub(super) is_marked: bool,
}

/// The options of a question, and how the table names the right ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choices<'a> {
    pub(super) options: &'a [ListedOption<'a>],
    pub(super) habit: Habit,
}

/// The right options of a question.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Right {
    /// Their indices, in the order in which they are named.
    pub(super) options: Vec<usize>,
    /// A warning if the cell can be read in another way too.
    pub(super) warning: Option<String>,
}

impl Choices<'_> {
    /// The options that these cells name together. The error is a message for the user.
    pub(super) fn right(&self, cells: &[&str]) -> Result<Right, String> {
        let mut right = Right::default();
        for cell in cells {
            let found = self.cell(cell).ok_or_else(|| self.unknown(cell))?;
            for option in found.options {
                if !right.options.contains(&option) {
                    right.options.push(option);
                }
            }
            right.warning = right.warning.or(found.warning);
        }
        Ok(right)
    }

    /// The options that one cell names, possibly several with separators between them.
    fn cell(&self, cell: &str) -> Option<Right> {
        if let Some(right) = self.all(std::iter::once(cell)) {
            return Some(right);
        }
        if let Some(option) = self.loosely(cell) {
            return option.map(|option| Right { options: vec![option], warning: None });
        }
        let words = cell.replace(" and ", ",").replace(" und ", ",").replace(" & ", ",");
        let cut =
            |separators: &[char]| self.all(words.split(separators).map(str::trim).filter(|piece| !piece.is_empty()));
        let cut_here = |separators: &[char]| if self.have_any(cell, separators) { None } else { cut(separators) };
        cut(&['\n', ';', '|'])
            .or_else(|| cut_here(&['\n', ';', '|', ',']))
            .or_else(|| cut_here(&['\n', ';', '|', ',', '&', '+', '/']))
            .or_else(|| self.positions(words.split([' ', '.'])).filter(|_| !self.have_any(cell, &[' ', '.'])))
            .or_else(|| self.letters(cell))
    }

    /// The one option that matches if written forms are ignored: `1.2` matches 1.20, and `1/2` matches ½.
    /// `None` if no option matches, `Some(None)` if several different ones do.
    fn loosely(&self, cell: &str) -> Option<Option<usize>> {
        let wanted = loose(cell);
        if wanted.is_empty() {
            return None;
        }
        let mut alike = (0..self.options.len()).filter(|option| loose(self.options[*option].text) == wanted);
        let first = alike.next()?;
        let is_alone = alike.all(|other| self.options[other].text == self.options[first].text);
        Some(is_alone.then_some(first))
    }

    /// Whether some option contains one of the separators in the cell. Then the separator may belong to an
    /// option, and the cell must not be split there.
    fn have_any(&self, cell: &str, signs: &[char]) -> bool {
        let is_cut_by = |sign: &&char| cell.trim().contains(**sign);
        // Blanks occur in most texts and prove nothing.
        let mut signs = signs.iter().filter(is_cut_by).filter(|sign| **sign != ' ');
        signs.any(|sign| self.options.iter().any(|option| is_within(option.text.trim(), *sign)))
    }

    /// The options that the pieces name. All pieces are read as positions, or all as texts, or otherwise each
    /// on its own. `None` if a piece names no option.
    fn all<'p>(&self, pieces: impl Iterator<Item = &'p str> + Clone) -> Option<Right> {
        let positions: Option<Vec<usize>> = pieces.clone().map(|piece| self.position(piece)).collect();
        let texts: Option<Vec<usize>> = pieces.clone().map(|piece| self.text(piece)).collect();
        let (options, warning) = match (positions, texts) {
            (Some(positions), Some(texts)) if self.are_equal(&positions, &texts) => (positions, None),
            (Some(positions), Some(_)) if self.habit.is_certain => (positions, None),
            (Some(positions), Some(texts)) => {
                let how = if self.habit.by_position { "number" } else { "text" };
                let options = if self.habit.by_position { positions } else { texts };
                let warning = self.doubt(pieces, how, &options);
                (options, Some(warning))
            }
            (Some(positions), None) => (positions, None),
            (None, Some(texts)) => (texts, None),
            (None, None) => (pieces.map(|piece| self.one(piece)).collect::<Option<_>>()?, None),
        };
        (!options.is_empty()).then_some(Right { options, warning })
    }

    /// The option of a single piece, independent of how the other pieces are read.
    fn one(&self, piece: &str) -> Option<usize> {
        self.position(piece)
            .or_else(|| self.text(piece))
            .or_else(|| self.truth(piece))
            .or_else(|| self.labelled_text(piece))
    }

    fn are_equal(&self, some: &[usize], others: &[usize]) -> bool {
        let text = |option: &usize| self.options[*option].text;
        some.iter().map(text).eq(others.iter().map(text))
    }

    /// Several positions, such as `1 3`. Spreadsheets turn `1,3` into `1.3`.
    fn positions<'p>(&self, pieces: impl Iterator<Item = &'p str>) -> Option<Right> {
        let options = pieces.filter(|piece| !piece.is_empty()).map(|piece| self.position(piece));
        let options: Vec<usize> = options.collect::<Option<_>>()?;
        (options.len() > 1).then_some(Right { options, warning: None })
    }

    /// Capital letters without separators, such as `BC`. Each may occur once only.
    fn letters(&self, cell: &str) -> Option<Right> {
        if cell.len() > 12 || !cell.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut letters: Vec<&str> = (0..cell.len()).map(|at| &cell[at..=at]).collect();
        let right = self.positions(letters.iter().copied());
        letters.sort_unstable();
        letters.dedup();
        right.filter(|_| letters.len() == cell.len())
    }

    /// The option with this number or letter.
    pub(super) fn position(&self, piece: &str) -> Option<usize> {
        let bare = piece.trim().trim_start_matches(['(', '#']).trim_end_matches([')', '.', ':']);
        // Some programs write whole numbers with a decimal place.
        let bare = bare.strip_suffix(".0").unwrap_or(bare);
        let is_named = bare.len() > 3 && bare.starts_with(char::is_alphabetic);
        let is_number = bare.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && self.habit.is_mixed {
            return None;
        }
        if let Some(own) = self.own_label(bare) {
            return own;
        }
        let wanted = label(bare).or_else(|| if is_named { option_label(bare) } else { None })?;
        let wanted = wanted + usize::from(self.habit.from_zero && is_number);
        self.options.iter().position(|option| option.label == wanted)
    }

    /// The option whose text starts with this letter or number (`B) Rhine`). `None` unless all options start
    /// with one, and at least one differs from its position.
    fn own_label(&self, wanted: &str) -> Option<Option<usize>> {
        let wanted = label(wanted)?;
        let own = |option: &ListedOption<'_>| {
            option
                .text
                .trim()
                .split_once([')', '.'])
                .and_then(|(own, rest)| label(own).filter(|_| rest.starts_with(' ') && own.len() <= 2))
        };
        let labels: Vec<usize> = self.options.iter().map(own).collect::<Option<_>>()?;
        let is_other = self.options.iter().zip(&labels).any(|(option, own)| option.label != *own);
        is_other.then(|| labels.iter().position(|own| *own == wanted))
    }

    /// The option with this text: an exact match, or one that ignores case and the number of blanks.
    pub(super) fn text(&self, piece: &str) -> Option<usize> {
        let piece = piece.trim();
        let same = self.options.iter().position(|option| option.text == piece);
        same.or_else(|| {
            let small = alike(piece);
            let mut found = (0..self.options.len()).filter(|option| alike(self.options[*option].text) == small);
            let first = found.next()?;
            // pH is not Ph. If several different options match, none is taken.
            found.all(|other| self.options[other].text == self.options[first].text).then_some(first)
        })
    }

    /// Matches `TRUE` with `Wahr` if the options are a word for true and one for false.
    fn truth(&self, piece: &str) -> Option<usize> {
        let wanted = truth(piece)?;
        let [first, second] = self.options else { return None };
        let (first, second) = (truth(first.text)?, truth(second.text)?);
        (first != second).then_some(usize::from(first != wanted))
    }

    /// Matches `B) Elbe` with option B if its text is Elbe.
    fn labelled_text(&self, piece: &str) -> Option<usize> {
        let (label, text) = piece.split_once([')', '.', ':', '-'])?;
        let position = self.position(label)?;
        (self.text(text) == Some(position)).then_some(position)
    }

    fn unknown(&self, cell: &str) -> String {
        let cell = super::header::shortened(cell);
        if self.habit.is_mixed && cell.bytes().all(|byte| byte.is_ascii_digit()) {
            return format!(
                "{cell:?} can't be read, as some rows count the options from 0 and some from 1; write the letter or \
                 the text of the option"
            );
        }
        let last = self.options.iter().map(|option| option.label).max().unwrap_or_default();
        format!(
            "{cell:?} is to be right, and that is neither the number or letter of an option that is there \
             (1 to {last}) nor the text of one"
        )
    }

    fn doubt<'p>(&self, pieces: impl Iterator<Item = &'p str>, how: &str, taken: &[usize]) -> String {
        let pieces: Vec<&str> = pieces.collect();
        let taken: Vec<String> = taken.iter().map(|option| format!("{:?}", self.options[*option].text)).collect();
        format!(
            "correct {:?} is the number of one option and the text of another; it was taken for the {how}, so that \
             {} is right",
            pieces.join(", "),
            taken.join(" and ")
        )
    }
}

/// Whether a sign is part of a word in a short text: 1.20, TLS 1.3, A&B, C+.
fn is_within(text: &str, sign: char) -> bool {
    let belongs = |(at, _): (usize, &str)| {
        let (before, after) = (&text[..at], &text[at + sign.len_utf8()..]);
        before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_whitespace)
    };
    text.chars().count() <= MOST_DENSE && text.match_indices(sign).any(belongs)
}

/// Normalises what people and programs write in different ways: blanks, case, currency signs, HTML entities,
/// fractions, and zeros after the decimal point.
fn loose(text: &str) -> String {
    let decoded = html_escape::decode_html_entities(text);
    let folded: String = decoded.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect();
    let bare = folded.replace('\u{2044}', "/");
    let bare = bare.trim_matches(['$', '€', '£', '.', '%']);
    if let Some((above, below)) = bare.split_once('/')
        && let (Ok(above), Ok(below @ 1..)) = (above.parse::<u32>(), below.parse::<u32>())
    {
        return (f64::from(above) / f64::from(below)).to_string();
    }
    match bare.replace(',', ".").parse::<f64>() {
        Ok(number) if bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+')) => {
            number.to_string()
        }
        _ => bare.to_owned(),
    }
}

fn alike(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(options: &[&str], cell: &str, habit: Habit) -> Result<Right, String> {
        let options = options.iter().enumerate();
        let options: Vec<ListedOption<'_>> =
            options.map(|(index, text)| ListedOption { label: index + 1, text, is_marked: false }).collect();
        Choices { options: &options, habit }.right(&[cell])
    }

    fn plain(options: &[&str], cell: &str) -> Vec<usize> {
        let right = right(options, cell, Habit::default()).expect("an option");
        assert_eq!(right.warning, None, "{cell}");
        right.options
    }

    const RIVERS: &[&str] = &["Rhein", "Elbe", "Oder, Neisse", "Main"];

    #[test]
    fn an_option_is_named_by_number_letter_or_text() {
        for cell in
            ["2", "B", "b", "Elbe", "ELBE", "Option 2", "Answer B", "(b)", "2.", "#2", "2.0", "B) Elbe", "Antwort 2"]
        {
            assert_eq!(plain(RIVERS, cell), [1], "{cell}");
        }
    }

    #[test]
    fn several_options_are_named_with_something_between_them() {
        for cell in
            ["1,2", "1;2", "A and B", "A und B", "AB", "1, 2", "1 2", "1|2", "A & B", "Rhein, Elbe", "A/B", "1.2"]
        {
            assert_eq!(plain(RIVERS, cell), [0, 1], "{cell}");
        }
        assert_eq!(plain(RIVERS, "Oder, Neisse"), [2]);
        assert_eq!(plain(RIVERS, "Oder, Neisse; Main"), [2, 3]);
        assert_eq!(plain(RIVERS, "3,1"), [2, 0]);
    }

    #[test]
    fn one_that_is_written_otherwise_is_not_cut_in_two() {
        let cases: [(&[&str], &str, usize); 10] = [
            (&["1.20", "1.30", "1.40"], "1.2", 0),
            (&["3.10", "3.20", "3.30"], "3.1", 0),
            (&["$1.20", "$1.30"], "1.2", 0),
            (&["1,20", "2,30", "3,40"], "1,2", 0),
            (&["½", "¼", "¾"], "1/2", 0),
            (&["0.25", "0.5", "0.75"], "1/2", 1),
            (&["1.2.", "2.3.", "3.4."], "1.2", 0),
            (&["E", "A&B", "C&D"], "A & B", 1),
            (&["c", "a & b"], "a &amp; b", 1),
            (&["1,2", "2,3"], "1, 2", 0),
        ];
        for (options, cell, wanted) in cases {
            assert_eq!(plain(options, cell), [wanted], "{options:?} {cell}");
        }
        for (options, cell) in [(&["TLS 1.3", "TLS 1.2"], "1.2"), (&["A+", "B+"], "A+B"), (&["0.5", "0.25"], "1.2")] {
            assert!(right(options, cell, Habit::default()).is_err(), "{options:?} {cell}");
        }
    }

    #[test]
    fn where_several_options_fit_none_does() {
        assert_eq!(plain(&["PH", "pH", "Ph"], "pH"), [1]);
        assert!(right(&["PH", "pH", "Ph"], "ph", Habit::default()).is_err());
    }

    #[test]
    fn a_letter_is_the_one_that_the_options_say() {
        assert_eq!(plain(&["B) x", "A) y", "C) z"], "B"), [0]);
        assert_eq!(plain(&["2. Rhine", "1. Elbe", "3. Oder"], "1"), [1]);
        assert_eq!(plain(&["A) x", "B) y"], "B"), [1]);
    }

    #[test]
    fn true_is_one_of_two_options() {
        assert_eq!(plain(&["Wahr", "Falsch"], "TRUE"), [0]);
        assert_eq!(plain(&["No", "Yes"], "true"), [1]);
        assert_eq!(plain(&["True", "False"], "F"), [1]);
    }

    #[test]
    fn a_number_that_is_also_a_text_is_told() {
        let read = right(&["2", "1", "4"], "2", Habit::default()).expect("an option");
        assert_eq!(read.options, [0]);
        assert_eq!(
            read.warning.as_deref(),
            Some(
                "correct \"2\" is the number of one option and the text of another; it was taken for the text, so that \
                 \"2\" is right"
            )
        );
        let read = right(&["2", "1", "4"], "2", Habit { by_position: true, ..Habit::default() }).expect("an option");
        assert_eq!(read.options, [1]);
        let certain = Habit { by_position: true, is_certain: true, ..Habit::default() };
        assert_eq!(right(&["2", "1", "4"], "2", certain), Ok(Right { options: vec![1], warning: None }));
        assert_eq!(plain(&["1", "2", "3"], "2"), [1]);
        assert_eq!(plain(&["2", "4", "7"], "1,2"), [0, 1]);
    }

    #[test]
    fn numbers_can_count_from_0() {
        let read = right(RIVERS, "0", Habit { by_position: true, from_zero: true, ..Habit::default() });
        assert_eq!(read.map(|right| right.options), Ok(vec![0]));
    }

    #[test]
    fn what_names_no_option_is_told() {
        for cell in ["5", "e", "Weser", "1,5", "-1", "1,Weser", "0"] {
            assert!(right(RIVERS, cell, Habit::default()).is_err(), "{cell}");
        }
    }
}
