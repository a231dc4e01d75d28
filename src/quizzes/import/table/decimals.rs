//! Parses numbers as people write them, with a point or a comma.
//!
//! `1.230` and `1,230` can each mean 1230 or 1.23. Such a number is only read if other numbers of the table
//! show which sign is the decimal separator. Nothing is guessed.

use rust_decimal::Decimal;

/// Which sign is the decimal separator. The other one groups thousands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Notation {
    /// No number shows it.
    #[default]
    Unknown,
    /// A point before decimals: `1,234.5`.
    Point,
    /// A comma before decimals: `1.234,5`.
    Comma,
    /// Different numbers show different separators.
    Mixed,
}

impl Notation {
    /// The notation that the numbers in these cells show.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let parts = cells.filter_map(Written::parse).flat_map(Written::numbers);
        parts.map(Self::of_number).fold(Self::Unknown, |all, one| match (all, one) {
            (all, Self::Unknown) => all,
            (Self::Unknown, one) => one,
            (all, one) if all == one => all,
            _ => Self::Mixed,
        })
    }

    fn of_number(text: &str) -> Self {
        let text = bare(text);
        let Some(at) = text.rfind(['.', ',']).filter(|&at| !is_ambiguous(&text, at)) else { return Self::Unknown };
        let is_point = text[at..].starts_with('.');
        // A sign that occurs twice groups thousands.
        let groups = text.matches(&text[at..=at]).count() > 1;
        if is_point == groups { Self::Comma } else { Self::Point }
    }
}

/// The numbers that count as right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DecimalRange {
    /// The exact number. `None` for a range.
    pub(super) number: Option<Decimal>,
    /// The smallest number that counts as right.
    pub(super) min: Decimal,
    /// The largest number that counts as right.
    pub(super) max: Decimal,
}

/// The ways in which a cell gives the right numbers, as unparsed texts.
#[derive(Debug, Clone, Copy)]
enum Written<'a> {
    /// A single number, such as `42`.
    One(&'a str),
    /// A number and its tolerance.
    Around(&'a str, &'a str),
    /// The smallest and the largest number.
    Between(&'a str, &'a str),
}

impl<'a> Written<'a> {
    /// Splits `42`, `3,14`, `9.81 +- 0.05`, `9.7..9.9` or `10-20` into its numbers. `None` if a part is not a
    /// number.
    fn parse(cell: &'a str) -> Option<Self> {
        let cell = cell.trim();
        if is_number(cell) {
            return Some(Self::One(cell));
        }
        let around = ["+-", "+/-", "±"].iter().find_map(|sign| cell.split_once(sign));
        let cut = |sign: &str| cell.get(1..)?.find(sign).map(|at| (&cell[..=at], &cell[1 + at + sign.len()..]));
        let bounds = || ["...", "..", "…", " to ", " bis ", " - ", "–", "—", "-"].iter().find_map(|sign| cut(sign));
        let written = around.map(|(number, width)| Self::Around(number, width));
        let written = written.or_else(|| bounds().map(|(min, max)| Self::Between(min, max)))?;
        written.numbers().into_iter().all(is_number).then_some(written)
    }

    fn numbers(self) -> Vec<&'a str> {
        match self {
            Self::One(number) => vec![number],
            Self::Around(first, second) | Self::Between(first, second) => vec![first, second],
        }
    }
}

/// Parses the numbers that count as right according to a cell.
///
/// # Errors
/// The cell can't be read. The message says what to write instead.
pub(super) fn range(cell: &str, notation: Notation) -> Result<DecimalRange, String> {
    let unreadable = || {
        let cell = super::header::shortened(cell);
        format!("{cell:?} is no number that can be read; write 42, 3.14, 9.81 +- 0.05 or 9.7..9.9, without a unit")
    };
    let written = Written::parse(cell).ok_or_else(unreadable)?;
    let read = |text| decimal(text, notation).ok_or_else(|| doubt(text, notation));
    let range = match written {
        Written::One(number) => {
            let number = read(number)?;
            Some(DecimalRange { number: Some(number), min: number, max: number })
        }
        Written::Around(number, width) => {
            let (number, width) = (read(number)?, read(width)?.abs());
            let bounds = number.checked_sub(width).zip(number.checked_add(width));
            bounds.map(|(min, max)| DecimalRange { number: Some(number), min, max })
        }
        Written::Between(min, max) => {
            let (min, max) = (read(min)?, read(max)?);
            (min <= max).then_some(DecimalRange { number: None, min, max })
        }
    };
    range.ok_or_else(unreadable)
}

/// The message for a number with two possible meanings. It says what to write instead.
fn doubt(text: &str, notation: Notation) -> String {
    let [large, small] = [Notation::Comma, Notation::Point].map(|as_if| decimal(&bare(text).replace(',', "."), as_if));
    let (large, small) = (large.unwrap_or_default(), small.unwrap_or_default().normalize());
    // A fourth decimal makes the number unambiguous.
    let zero = if small.scale() == 3 { "0" } else { "" };
    let reason = match notation {
        Notation::Mixed => ", and the other numbers here have both points and commas before decimals",
        _ => "",
    };
    format!("{:?} can be {large} or {small}{reason}; write {large} or {small}{zero}", text.trim())
}

/// Whether this is a number in any notation, even an ambiguous one.
pub(super) fn is_number(text: &str) -> bool {
    decimal(text, Notation::Point).is_some() || decimal(text, Notation::Comma).is_some()
}

/// Parses a number. `None` if it is ambiguous and the notation doesn't decide.
pub(super) fn decimal(text: &str, notation: Notation) -> Option<Decimal> {
    let text = bare(text);
    let last = text.rfind(['.', ',']);
    let groups = last.filter(|&at| is_ambiguous(&text, at)).map(|at| match notation {
        Notation::Point => Some(text[at..].starts_with(',')),
        Notation::Comma => Some(text[at..].starts_with('.')),
        Notation::Unknown | Notation::Mixed => None,
    });
    let point = match groups {
        Some(groups) => last.filter(|_| !groups.unwrap_or_default()),
        None => last.filter(|&at| text.matches(&text[at..=at]).count() == 1),
    };
    let (whole, part) = point.map_or((text.as_str(), ""), |at| (&text[..at], &text[at + 1..]));
    if groups == Some(None) || !is_grouped(whole) || part.contains(['.', ',']) {
        return None;
    }
    let whole = whole.replace(['.', ','], "");
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(&whole);
    let all = digits.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
    if !all || digits.len() + part.len() == 0 || (point.is_some() && part.is_empty()) {
        return None;
    }
    let whole = if digits.is_empty() { format!("{whole}0") } else { whole };
    if part.is_empty() { whole.parse().ok() } else { format!("{whole}.{part}").parse().ok() }
}

/// Removes blanks and apostrophes, which group digits, and replaces the minus sign by a hyphen.
fn bare(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    text.replace('−', "-")
}

/// Whether a number is ambiguous, like `1,234` and `1.234`: three digits after its only sign, and one to
/// three before it, of which the first is not 0.
fn is_ambiguous(text: &str, at: usize) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, part) = (at - (text.len() - digits.len()), text.len() - at - 1);
    !text[..at].contains(['.', ',']) && part == 3 && (1..=3).contains(&whole) && !digits.starts_with('0')
}

/// Whether the separators, if any, are all the same and form groups of three digits.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(['.', ',']);
    let first = groups.next().unwrap_or_default().trim_start_matches(['-', '+']);
    let rest: Vec<&str> = groups.collect();
    let is_same = !(whole.contains('.') && whole.contains(','));
    rest.is_empty() || (is_same && (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn numbers_have_a_point_or_a_comma() {
        let cases = [
            ("42", "42"),
            ("-3,14", "-3.14"),
            ("3.14", "3.14"),
            ("1.234,5", "1234.5"),
            ("1,234.5", "1234.5"),
            ("1 000 000", "1000000"),
            ("1.234.567", "1234567"),
            (".5", "0.5"),
            ("0,125", "0.125"),
            ("1234.567", "1234.567"),
            ("1.2340", "1.234"),
        ];
        for (text, value) in cases {
            for notation in [Notation::Unknown, Notation::Point, Notation::Comma] {
                assert_eq!(decimal(text, notation), Some(number(value)), "{text}");
            }
        }
        for text in [
            "",
            "-",
            ".",
            "1,234",
            "1.234",
            "-12.345",
            "1,2,3",
            "12a",
            "1e5",
            "5.",
            "1.2.3",
            "1.234,567.8",
            "1.234,567,890",
        ] {
            assert_eq!(decimal(text, Notation::Unknown), None, "{text}");
        }
    }

    #[test]
    fn a_number_that_can_be_two_is_read_as_others_tell() {
        for (text, as_point, as_comma) in [("1.230", "1.23", "1230"), ("-1,234", "-1234", "-1.234")] {
            assert_eq!(decimal(text, Notation::Point), Some(number(as_point)));
            assert_eq!(decimal(text, Notation::Comma), Some(number(as_comma)));
            assert_eq!(decimal(text, Notation::Mixed), None);
        }
        for (cells, notation) in [
            (&["1.230", "42", "x", "1,5 km"][..], Notation::Unknown),
            (&["1.230", "3,14"], Notation::Comma),
            (&["83.000.000"], Notation::Comma),
            (&["1,234,567"], Notation::Point),
            (&["2.5"], Notation::Point),
            (&["1,234.5"], Notation::Point),
            (&["1.230 +- 0,5"], Notation::Comma),
            (&["9.810 +- 0.050"], Notation::Point),
            (&["3.14", "3,14"], Notation::Mixed),
        ] {
            assert_eq!(Notation::of(cells.iter().copied()), notation, "{cells:?}");
        }
    }

    #[test]
    fn what_can_be_two_numbers_is_told_with_what_to_write() {
        let told = |cell, notation| range(cell, notation).expect_err(cell);
        assert_eq!(told("1.230", Notation::Unknown), "\"1.230\" can be 1230 or 1.23; write 1230 or 1.23");
        assert_eq!(told("5 +- 1,234", Notation::Unknown), "\"1,234\" can be 1234 or 1.234; write 1234 or 1.2340");
        assert_eq!(
            told("1.200", Notation::Mixed),
            "\"1.200\" can be 1200 or 1.2, and the other numbers here have both points and commas before decimals; \
             write 1200 or 1.2"
        );
    }

    #[test]
    fn a_range_has_two_bounds_or_a_tolerance() {
        let around = DecimalRange { number: Some(number("9.81")), min: number("9.76"), max: number("9.86") };
        for cell in ["9.81 +- 0.05", "9,81±0,05", "9.81 +/- 0.05"] {
            assert_eq!(range(cell, Notation::Unknown), Ok(around), "{cell}");
        }
        for (cell, min, max) in
            [("9.7..9.9", "9.7", "9.9"), ("10-20", "10", "20"), ("-5 bis -3", "-5", "-3"), ("-5--3", "-5", "-3")]
        {
            let expected = DecimalRange { number: None, min: number(min), max: number(max) };
            assert_eq!(range(cell, Notation::Unknown), Ok(expected), "{cell}");
        }
        assert_eq!(range("-5", Notation::Unknown).map(|range| range.max), Ok(number("-5")));
        for cell in ["20-10", "many", "5 km", "", "é", "–5"] {
            assert!(range(cell, Notation::Unknown).is_err(), "{cell}");
        }
    }
}
