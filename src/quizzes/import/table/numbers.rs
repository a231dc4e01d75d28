//! Formats numbers as a workbook shows them. Some are dates and times.

/// How a number is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberStyle {
    /// As a plain number.
    Number,
    /// As a percentage: 25% for 0.25.
    Percent,
    /// As a date, a time of day, or both.
    Date,
}

impl NumberStyle {
    /// The style of a built-in number format, by its id.
    pub(super) fn by_id(id: &str) -> Self {
        match id.parse::<u16>() {
            Ok(9 | 10) => Self::Percent,
            Ok(14..=22 | 27..=36 | 45..=47 | 50..=58) => Self::Date,
            _ => Self::Number,
        }
    }

    /// The style of a format code, such as `dd.mm.yyyy`.
    pub(super) fn by_code(code: &str) -> Self {
        let mut letters = String::new();
        let mut characters = code.chars();
        while let Some(c) = characters.next() {
            match c {
                '"' => drop(characters.by_ref().find(|&c| c == '"')),
                '\\' | '_' | '*' => drop(characters.next()),
                '[' => {
                    let inside: String = characters.by_ref().take_while(|&c| c != ']').collect();
                    // `[h]` means the hours of a duration; `[Red]` is a color.
                    if matches!(inside.to_ascii_lowercase().as_str(), "h" | "hh" | "m" | "mm" | "s" | "ss") {
                        letters.push('h');
                    }
                }
                c => letters.push(c.to_ascii_lowercase()),
            }
        }
        let is_date = !letters.contains("general") && letters.contains(['d', 'm', 'y', 'h', 's']);
        match is_date {
            true => Self::Date,
            false if letters.contains('%') => Self::Percent,
            false => Self::Number,
        }
    }
}

/// The first day number after the range that Excel supports, which ends with the year 9999.
const LAST_DAY: f64 = 2_958_466.0;

/// The text that a cell with this value shows. `from_1904` says from which year its dates count.
pub(super) fn shown(value: &str, style: NumberStyle, from_1904: bool) -> String {
    let Some(number) = value.trim().parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return value.to_owned();
    };
    match style {
        NumberStyle::Date if (0.0..LAST_DAY).contains(&number) => date(number, from_1904),
        NumberStyle::Percent => format!("{}%", plain(number * 100.0)),
        _ => plain(number),
    }
}

/// Formats a number with 15 significant digits, as spreadsheets do: 0.3 and not 0.30000000000000004.
pub(super) fn plain(number: f64) -> String {
    let rounded = format!("{number:.14e}").parse().unwrap_or(number);
    // Turns negative zero into zero.
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// Formats a day number with a fraction: `2026-11-26`, `08:30`, `2026-11-26 08:30:15`.
#[expect(clippy::cast_possible_truncation, reason = "the caller's number is small")]
fn date(number: f64, from_1904: bool) -> String {
    let seconds = (number * 86_400.0).round() as i64;
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (hours, minutes, rest) = (second / 3600, second / 60 % 60, second % 60);
    let time =
        if rest == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{hours:02}:{minutes:02}:{rest:02}") };
    if day == 0 && !from_1904 {
        return time;
    }
    let (year, month, day) = civil(day, from_1904);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if second == 0 { date } else { format!("{date} {time}") }
}

/// The year, month and day of a day number that counts from 1900 or 1904.
fn civil(day: i64, from_1904: bool) -> (i64, i64, i64) {
    // Excel counts a 29 February 1900 as day 60, which never existed. So days 1 to 59 are off by one.
    let day = match day {
        day if from_1904 => day + 1462,
        1..60 => day + 1,
        day => day,
    };
    // Days counted from 1 March 1600. The calendar repeats every 400 years.
    let mut day = day + 109_511;
    let (mut year, mut month) = (1600, 3);
    while day >= DAYS_OF_400_YEARS {
        (day, year) = (day - DAYS_OF_400_YEARS, year + 400);
    }
    loop {
        let length = days_of_month(year, month);
        if day < length {
            return (year, month, day + 1);
        }
        day -= length;
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
}

const DAYS_OF_400_YEARS: i64 = 146_097;

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_more_digits_than_were_written() {
        for (value, text) in [
            ("20.0", "20"),
            ("20", "20"),
            ("0.30000000000000004", "0.3"),
            ("-0", "0"),
            ("3.14", "3.14"),
            ("1E3", "1000"),
            ("x", "x"),
        ] {
            assert_eq!(shown(value, NumberStyle::Number, false), text);
        }
    }

    #[test]
    fn dates_and_times_are_shown_as_text() {
        let cases = [
            ("1", "1900-01-01"),
            ("59", "1900-02-28"),
            ("61", "1900-03-01"),
            ("45000", "2023-03-15"),
            ("36585", "2000-02-29"),
            ("2958465", "9999-12-31"),
            ("0.5", "12:00"),
            ("45000.25", "2023-03-15 06:00"),
            ("0.0002314814814814815", "00:00:20"),
        ];
        for (value, text) in cases {
            assert_eq!(shown(value, NumberStyle::Date, false), text, "{value}");
        }
        assert_eq!(shown("0", NumberStyle::Date, true), "1904-01-01");
        assert_eq!(shown("-1", NumberStyle::Date, false), "-1");
    }

    #[test]
    fn a_format_with_days_or_hours_is_a_date() {
        for code in ["dd.mm.yyyy", "h:mm", "[h]:mm:ss", "[$-407]d. mmmm yyyy"] {
            assert_eq!(NumberStyle::by_code(code), NumberStyle::Date, "{code}");
        }
        for code in ["General", "0.00", "#,##0 \"Stunden\"", "[Red]0", "\\d0", "0\"%\""] {
            assert_eq!(NumberStyle::by_code(code), NumberStyle::Number, "{code}");
        }
    }

    #[test]
    fn percentages_are_shown_as_such() {
        assert_eq!(
            (NumberStyle::by_code("0.00%"), NumberStyle::by_id("9")),
            (NumberStyle::Percent, NumberStyle::Percent)
        );
        for (value, text) in [("0.25", "25%"), ("2", "200%"), ("0.07", "7%"), ("0.125", "12.5%"), ("x", "x")] {
            assert_eq!(shown(value, NumberStyle::Percent, false), text);
        }
    }
}
