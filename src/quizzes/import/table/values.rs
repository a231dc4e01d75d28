//! Times, points, difficulties and numbers as people write them.

use rust_decimal::Decimal;

use super::names::{Unit, letters};
use crate::domain::Difficulty;

/// A time in milliseconds: `20`, `20 s`, `1 min 30 s`, `1,5 min`, `00:20`.
pub(super) fn time(cell: &str, unit: Unit) -> Option<u64> {
    let milliseconds = if cell.contains(':') { clock(cell)? } else { amounts(cell, unit)? };
    u64::try_from(milliseconds.round()).ok().filter(|&milliseconds| milliseconds > 0)
}

/// Minutes and seconds, or hours, minutes and seconds.
fn clock(cell: &str) -> Option<Decimal> {
    let mut seconds = Decimal::ZERO;
    for (index, part) in cell.trim().split(':').enumerate() {
        let part = decimal(part).filter(|part| !part.is_sign_negative() && index < 3)?;
        seconds = seconds.checked_mul(Decimal::from(60))?.checked_add(part)?;
    }
    seconds.checked_mul(Decimal::from(1000))
}

/// Numbers with a unit each.
fn amounts(cell: &str, unit: Unit) -> Option<Decimal> {
    let mut rest = cell.trim();
    let mut sum = None;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number);
        let after = after.trim_start();
        let word = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (word, after) = after.split_at(word);
        let part = decimal(number)?.checked_mul(Decimal::from(milliseconds(word, unit)?))?;
        sum = Some(sum.unwrap_or(Decimal::ZERO).checked_add(part)?);
        rest = after;
    }
    sum
}

fn milliseconds(word: &str, unit: Unit) -> Option<u32> {
    let unit = match letters(word).as_str() {
        "" => unit,
        "ms" | "millisecond" | "milliseconds" | "millisekunden" => Unit::Milliseconds,
        "s" | "sec" | "secs" | "second" | "seconds" | "sek" | "sekunde" | "sekunden" => Unit::Seconds,
        "m" | "min" | "mins" | "minute" | "minutes" | "minuten" => Unit::Minutes,
        _ => return None,
    };
    Some(match unit {
        Unit::Milliseconds => 1,
        Unit::Seconds => 1000,
        Unit::Minutes => 60_000,
    })
}

/// The numbers of all cells in a column of difficulties.
pub(super) fn level(cell: &str) -> Option<u8> {
    let cell = cell.trim();
    let cell = cell.split_once('/').map_or(cell, |(level, _)| level.trim_end());
    cell.strip_suffix(".0").unwrap_or(cell).parse().ok().filter(|level| (1..=5).contains(level))
}

/// How hard a question is; a number is on a scale that ends with `highest`.
pub(super) fn difficulty(cell: &str, highest: u8) -> Option<Difficulty> {
    if let Some(level) = level(cell) {
        return Some(match (level, highest) {
            (1, _) | (2, 4..) => Difficulty::Easy,
            (2, _) | (3, 4..) => Difficulty::Medium,
            _ => Difficulty::Hard,
        });
    }
    let word = letters(cell);
    let is_one_of = |words: &str| words.split(' ').any(|known| known == word);
    let levels = [(EASY, Difficulty::Easy), (MEDIUM, Difficulty::Medium), (HARD, Difficulty::Hard)];
    levels.into_iter().find(|(words, _)| is_one_of(words)).map(|(_, difficulty)| difficulty)
}

const EASY: &str = "easy simple low beginner leicht einfach facile facil bajo baixo makkelijk eenvoudig latwe latwy \
    mudah легкая легко легкии 简单 容易 簡單 易しい 簡単 쉬움 하 de kolay";
const MEDIUM: &str = "medium moderate normal average intermediate mittel mittelschwer moyen moyenne medio media \
    gemiddeld srednie sredni sedang среднии средняя средне 中等 中 普通 보통 trungbinh orta";
const HARD: &str = "hard difficult high advanced expert schwer schwierig difficile dificil alto moeilijk trudne trudny \
    sulit sukar сложныи сложная трудныи сложно 困难 困難 难 難 難しい 어려움 상 kho zor";

/// By what points are multiplied. Where every question of the table has 0, 1000 or 2000 points, as
/// other makers of quizzes give, 1000 is once.
pub(super) fn points(cell: &str, in_thousands: bool) -> Option<Decimal> {
    let word = letters(cell);
    let word = ["points", "point", "punkte", "punkt"].iter().find_map(|unit| word.strip_suffix(unit)).unwrap_or(&word);
    match word {
        "standard" | "normal" | "single" | "einfach" => return Some(Decimal::ONE),
        "double" | "doppelt" | "doppelte" => return Some(Decimal::TWO),
        "no" | "none" | "keine" => return Some(Decimal::ZERO),
        _ => (),
    }
    let number = decimal(cell.trim().trim_end_matches(|c: char| c.is_alphabetic() || c == ' '))?;
    let hundred = Decimal::ONE_HUNDRED;
    if in_thousands {
        return number.checked_div(Decimal::ONE_THOUSAND);
    }
    (number >= Decimal::ZERO && number <= hundred).then_some(number)
}

/// Whether these are points as other makers of quizzes give them: 0, 1000 or 2000, and not all 0.
pub(super) fn are_in_thousands<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
    let mut is_above_0 = false;
    for cell in cells {
        match cell {
            "0" => (),
            "1000" | "2000" => is_above_0 = true,
            _ => return false,
        }
    }
    is_above_0
}

/// A number that is right, with what else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// The one in the middle, if one is named.
    pub(super) number: Option<Decimal>,
    /// The smallest.
    pub(super) min: Decimal,
    /// The largest.
    pub(super) max: Decimal,
}

/// `42`, `3,14`, `9.81 +- 0.05`, `9.7..9.9`, `10-20`.
pub(super) fn range(cell: &str) -> Option<Range> {
    let cell = cell.trim();
    if let Some(number) = decimal(cell) {
        return Some(Range { number: Some(number), min: number, max: number });
    }
    for sign in ["+-", "+/-", "±"] {
        if let Some((number, width)) = cell.split_once(sign) {
            let (number, width) = (decimal(number)?, decimal(width)?.abs());
            let (min, max) = (number.checked_sub(width)?, number.checked_add(width)?);
            return Some(Range { number: Some(number), min, max });
        }
    }
    let cut = |sign: &str| cell.get(1..)?.find(sign).map(|at| (&cell[..=at], &cell[1 + at + sign.len()..]));
    let bounds = ["...", "..", "…", " to ", " bis ", " - ", "–", "—", "-"].iter().find_map(|sign| cut(sign));
    let (min, max) = bounds?;
    let (min, max) = (decimal(min)?, decimal(max)?);
    (min <= max).then_some(Range { number: None, min, max })
}

/// A number with a point or a comma; `1,234` could be two numbers and is none.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    let text = text.replace('−', "-");
    let last = text.rfind(['.', ',']);
    let point = last.filter(|&at| {
        let separator = &text[at..=at];
        text.matches(separator).count() == 1
    });
    let (whole, part) = point.map_or((text.as_str(), ""), |at| (&text[..at], &text[at + 1..]));
    if last.is_some_and(|at| is_thousands_alone(&text, at)) || !is_grouped(whole) || part.contains(['.', ',']) {
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

/// `1,234`: with a comma and three digits behind it, and nothing else to tell what the comma is.
fn is_thousands_alone(text: &str, at: usize) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, part) = (at - (text.len() - digits.len()), text.len() - at - 1);
    text[at..].starts_with(',')
        && !text[..at].contains(['.', ','])
        && part == 3
        && (1..=3).contains(&whole)
        && !digits.starts_with('0')
}

/// Whether separators, if any, stand before groups of three digits each.
fn is_grouped(whole: &str) -> bool {
    let mut groups = whole.split(['.', ',']);
    let first = groups.next().unwrap_or_default().trim_start_matches(['-', '+']);
    let rest: Vec<&str> = groups.collect();
    rest.is_empty() || ((1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn times_have_a_unit_or_the_column_s() {
        let cases = [
            ("20", 20_000),
            ("20s", 20_000),
            ("20 sec", 20_000),
            ("20 Sekunden", 20_000),
            ("1 min", 60_000),
            ("1,5 min", 90_000),
            ("1 min 30 s", 90_000),
            ("00:20", 20_000),
            ("1:30", 90_000),
            ("0:01:00", 60_000),
            ("2.5", 2_500),
            ("500 ms", 500),
        ];
        for (cell, milliseconds) in cases {
            assert_eq!(time(cell, Unit::Seconds), Some(milliseconds), "{cell}");
        }
        assert_eq!(time("15000", Unit::Milliseconds), Some(15_000));
        assert_eq!(time("2", Unit::Minutes), Some(120_000));
        for cell in ["", "0", "fast", "-5", "1:2:3:4", "5 lightyears", "99999999999999999999999999999999"] {
            assert_eq!(time(cell, Unit::Seconds), None, "{cell}");
        }
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
            ("1.234", "1.234"),
        ];
        for (text, value) in cases {
            assert_eq!(decimal(text), Some(number(value)), "{text}");
        }
        for text in ["", "-", ".", "1,234", "1,2,3", "12a", "1e5", "5.", "1.2.3"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_has_two_bounds_or_a_tolerance() {
        let around = Range { number: Some(number("9.81")), min: number("9.76"), max: number("9.86") };
        for cell in ["9.81 +- 0.05", "9,81±0,05", "9.81 +/- 0.05"] {
            assert_eq!(range(cell), Some(around), "{cell}");
        }
        for (cell, min, max) in
            [("9.7..9.9", "9.7", "9.9"), ("10-20", "10", "20"), ("-5 bis -3", "-5", "-3"), ("-5--3", "-5", "-3")]
        {
            assert_eq!(range(cell), Some(Range { number: None, min: number(min), max: number(max) }), "{cell}");
        }
        assert_eq!(range("-5").map(|range| range.max), Some(number("-5")));
        for cell in ["20-10", "many", "5 km", "", "é", "–5"] {
            assert_eq!(range(cell), None, "{cell}");
        }
    }

    #[test]
    fn difficulties_are_words_or_levels() {
        for (cell, highest, difficulty_) in [
            ("Easy", 0, Difficulty::Easy),
            ("mittel", 0, Difficulty::Medium),
            ("SCHWER", 0, Difficulty::Hard),
            ("2", 3, Difficulty::Medium),
            ("2", 5, Difficulty::Easy),
            ("3/5", 5, Difficulty::Medium),
            ("5", 5, Difficulty::Hard),
        ] {
            assert_eq!(difficulty(cell, highest), Some(difficulty_), "{cell}");
        }
        assert_eq!(difficulty("tough", 0), None);
    }

    #[test]
    fn points_are_a_factor() {
        assert_eq!(points("2", false), Some(number("2")));
        assert_eq!(points("0,5", false), Some(number("0.5")));
        assert_eq!(points("Double points", false), Some(number("2")));
        assert_eq!(points("1000", true), Some(number("1")));
        assert_eq!(points("1000", false), None);
        assert!(are_in_thousands(["1000", "0", "2000"].into_iter()));
        assert!(!are_in_thousands(["1000", "500"].into_iter()));
        assert!(!are_in_thousands(["0"].into_iter()));
    }
}
