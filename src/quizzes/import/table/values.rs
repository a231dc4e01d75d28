//! Parses times, points and difficulties as people write them.

use rust_decimal::Decimal;

use super::decimals::{Notation, decimal};
use super::names::{TimeUnit, letters};
use crate::domain::Difficulty;
use crate::domain::quiz::draft::MOST_FACTOR;

/// Parses a time to milliseconds: `20`, `20 s`, `1 min 30 s`, `1,5 min`, `00:20`. `unit` applies to numbers
/// without a unit. `None` if it is not a positive time.
pub(super) fn time(cell: &str, unit: TimeUnit) -> Option<u64> {
    let milliseconds = if cell.contains(':') { clock(cell)? } else { amounts(cell, unit)? };
    u64::try_from(milliseconds.round()).ok().filter(|&milliseconds| milliseconds > 0)
}

/// Whether a number without a unit is too large for seconds: 20000 may be milliseconds.
pub(super) fn is_doubtful_time(cell: &str, unit: TimeUnit) -> bool {
    let most = match unit {
        TimeUnit::Seconds => 3600,
        TimeUnit::Unsaid => 999,
        TimeUnit::Milliseconds | TimeUnit::Minutes => return false,
    };
    decimal(cell, Notation::Unknown).is_some_and(|seconds| seconds > Decimal::from(most))
}

/// Parses minutes and seconds, or hours, minutes and seconds. Returns milliseconds.
fn clock(cell: &str) -> Option<Decimal> {
    let mut seconds = Decimal::ZERO;
    for (index, part) in cell.trim().split(':').enumerate() {
        let part = decimal(part, Notation::Unknown).filter(|part| !part.is_sign_negative() && index < 3)?;
        seconds = seconds.checked_mul(Decimal::from(60))?.checked_add(part)?;
    }
    seconds.checked_mul(Decimal::from(1000))
}

/// Parses a sum of numbers, each with its unit. Returns milliseconds.
fn amounts(cell: &str, unit: TimeUnit) -> Option<Decimal> {
    let mut rest = cell.trim();
    let mut sum = None;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number);
        let after = after.trim_start();
        let word = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (word, after) = after.split_at(word);
        let part = decimal(number, Notation::Unknown)?.checked_mul(Decimal::from(milliseconds(word, unit)?))?;
        sum = Some(sum.unwrap_or(Decimal::ZERO).checked_add(part)?);
        rest = after;
    }
    sum
}

fn milliseconds(word: &str, unit: TimeUnit) -> Option<u32> {
    let unit = match letters(word).as_str() {
        "" => unit,
        "ms" | "millisecond" | "milliseconds" | "millisekunden" => TimeUnit::Milliseconds,
        "s" | "sec" | "secs" | "second" | "seconds" | "sek" | "sekunde" | "sekunden" => TimeUnit::Seconds,
        "m" | "min" | "mins" | "minute" | "minutes" | "minuten" => TimeUnit::Minutes,
        _ => return None,
    };
    Some(match unit {
        TimeUnit::Milliseconds => 1,
        TimeUnit::Seconds | TimeUnit::Unsaid => 1000,
        TimeUnit::Minutes => 60_000,
    })
}

/// A difficulty as a number from 1 to 5: `2`, `2/3`, `2.0`. `None` for words.
pub(super) fn level(cell: &str) -> Option<u8> {
    let cell = cell.trim();
    let cell = cell.split_once('/').map_or(cell, |(level, _)| level.trim_end());
    cell.strip_suffix(".0").unwrap_or(cell).parse().ok().filter(|level| (1..=5).contains(level))
}

/// The difficulty of a question. Numbers are on a scale from 1 to `highest`.
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

/// The meaning of the points in a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scale {
    /// The factor by which the usual points are multiplied.
    #[default]
    Factor,
    /// 0, 1000 or 2000, as some quiz makers use: 1000 means the usual points.
    Thousands,
    /// Points as teachers give them, such as 5, 10 and 20. Nothing shows which are the usual ones.
    Other,
}

impl Scale {
    /// The scale of a column with these cells. `is_factor`: its name says that it is a factor.
    pub(super) fn of<'a>(cells: impl Iterator<Item = &'a str> + Clone, is_factor: bool) -> Self {
        let is_large = |cell| amount(cell, Notation::Comma).is_some_and(|points| points > Decimal::from(MOST_UNSAID));
        match are_in_thousands(cells.clone()) {
            true => Self::Thousands,
            false if !is_factor && cells.clone().any(is_large) => Self::Other,
            false => Self::Factor,
        }
    }
}

/// The largest factor in a column whose name doesn't say that it is a factor.
const MOST_UNSAID: u32 = 3;

/// Parses points to the factor they stand for.
pub(super) fn points(cell: &str, scale: Scale, notation: Notation) -> Option<Decimal> {
    let word = letters(cell);
    let word = ["points", "point", "punkte", "punkt"].iter().find_map(|unit| word.strip_suffix(unit)).unwrap_or(&word);
    match word {
        "standard" | "normal" | "single" | "einfach" => return Some(Decimal::ONE),
        "double" | "doppelt" | "doppelte" => return Some(Decimal::TWO),
        "no" | "none" | "keine" => return Some(Decimal::ZERO),
        _ => (),
    }
    let number = amount(cell, notation)?;
    match scale {
        Scale::Thousands => number.checked_div(Decimal::ONE_THOUSAND),
        Scale::Factor => (Decimal::ZERO..=Decimal::from(MOST_FACTOR)).contains(&number).then_some(number),
        Scale::Other => None,
    }
}

/// The number before a word: `5 points`.
fn amount(cell: &str, notation: Notation) -> Option<Decimal> {
    decimal(cell.trim().trim_end_matches(|c: char| c.is_alphabetic() || c == ' '), notation)
}

/// Whether all points are 0, 1000 or 2000, as some quiz makers use, and not all are 0.
fn are_in_thousands<'a>(cells: impl Iterator<Item = &'a str>) -> bool {
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
            assert_eq!(time(cell, TimeUnit::Seconds), Some(milliseconds), "{cell}");
        }
        assert_eq!(time("15000", TimeUnit::Milliseconds), Some(15_000));
        assert_eq!(time("2", TimeUnit::Minutes), Some(120_000));
        for cell in ["", "0", "fast", "-5", "1:2:3:4", "5 lightyears", "99999999999999999999999999999999"] {
            assert_eq!(time(cell, TimeUnit::Seconds), None, "{cell}");
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
        let factor = |cell| points(cell, Scale::Factor, Notation::Unknown);
        assert_eq!(factor("2"), Some(number("2")));
        assert_eq!(factor("0,5"), Some(number("0.5")));
        assert_eq!(factor("Double points"), Some(number("2")));
        assert_eq!((factor("10"), factor("11"), factor("-1")), (Some(number("10")), None, None));
        assert_eq!(points("1000", Scale::Thousands, Notation::Unknown), Some(number("1")));
    }

    #[test]
    fn the_points_of_teachers_are_no_factor() {
        for (cells, is_factor, scale) in [
            (&["1000", "0", "2000"][..], false, Scale::Thousands),
            (&["1000", "500"], false, Scale::Other),
            (&["0"], false, Scale::Factor),
            (&["1", "2", "3", "0,5"], false, Scale::Factor),
            (&["1", "5"], false, Scale::Other),
            (&["5 Punkte"], false, Scale::Other),
            (&["1", "5"], true, Scale::Factor),
        ] {
            assert_eq!(Scale::of(cells.iter().copied(), is_factor), scale, "{cells:?}");
        }
    }

    #[test]
    fn seconds_beyond_an_hour_may_be_milliseconds() {
        for cell in ["20000", "3601"] {
            assert!(is_doubtful_time(cell, TimeUnit::Seconds), "{cell}");
        }
        assert!(is_doubtful_time("1000", TimeUnit::Unsaid));
        for (cell, unit) in [
            ("3600", TimeUnit::Seconds),
            ("999", TimeUnit::Unsaid),
            ("20000", TimeUnit::Milliseconds),
            ("90", TimeUnit::Minutes),
            ("20000 ms", TimeUnit::Unsaid),
            ("1:30:00", TimeUnit::Unsaid),
        ] {
            assert!(!is_doubtful_time(cell, unit), "{cell}");
        }
    }
}
