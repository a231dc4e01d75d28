//! The meaning of column names. The words are in `words.rs`.
//!
//! Names are compared by their letters and digits only, so case, blanks, underscores and dashes don't matter.
//! Hints after the name (`- max 75 characters`, `(optional)`) are ignored.

use unicode_normalization::UnicodeNormalization;

use super::words::{ANSWERS, NAMES, POINTERS, POINTS, RIGHT, TIMES, UNITS, WRONG};

/// The meaning of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The number of the row. It is not read.
    RowNumber,
    /// The id of the question within its bank.
    Id,
    /// The text of the question.
    Question,
    /// The title of the question. It is the question's text if there is no other.
    Title,
    /// The option with this label: 1 for `Option 1` and for `A`.
    Option(usize),
    /// Several options, in one cell or in several columns under one name.
    Options,
    /// `Answer` without a number: an option if there are several such columns, otherwise the right answer.
    Answer,
    /// Whether the option with this label is right.
    Flag(usize),
    /// The points for the option with this label.
    OptionPoints(usize),
    /// The right answer. The number is `Some` if there are several such columns, `Correct 1` and so on.
    Correct(Option<usize>),
    /// A wrong answer. There may be several such columns.
    Wrong,
    /// The category of the question.
    Category,
    /// The difficulty, as a word or a level.
    Difficulty,
    /// Why the answer is right.
    Explanation,
    /// The time limit, with the unit in the column's name.
    Time(TimeUnit),
    /// The picture: a URL or a file name.
    Image,
    /// The alternative text of the picture.
    Alt,
    /// The kind of question.
    Kind,
    /// The factor by which the points are multiplied.
    Points,
    /// Whether accents in a typed text are ignored.
    IgnoreAccents,
    /// The maximum number of typing errors.
    MaxTypos,
    /// Whether fast answers earn no extra points.
    NoSpeedBonus,
}

/// The unit of a time whose cell names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeUnit {
    Milliseconds,
    Seconds,
    Minutes,
    /// No unit is named: seconds, unless the number is too large.
    Unsaid,
}

/// Maximum length of a name, in bytes. Longer texts are not names.
const LONGEST: usize = 300;
/// The largest label of an option, which is that of the letter Z.
const LARGEST_LABEL: usize = 26;

impl Column {
    /// The column with this name. `None` if the name is unknown.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        let key = letters(&without_hints(name));
        let column = Self::of_key(&key).or_else(|| {
            let rests = ["question", "fragen", "frage"].iter().filter_map(|prefix| key.strip_prefix(prefix));
            let mut columns = rests.filter_map(Self::of_key);
            columns.find(|column| !matches!(column, Self::Option(_) | Self::Answer))
        })?;
        match column {
            Self::Time(unit) => Some(Self::Time(unit_in_hints(name).unwrap_or(unit))),
            column => Some(column),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        if key.is_empty() {
            return None;
        }
        let named = NAMES.iter().find(|(_, names)| words(names).any(|name| name == key)).map(|(column, _)| *column);
        named.or_else(|| time(key)).or_else(|| answer(key))
    }
}

/// The label for a number or letter: 2 for `2`, `b` and `B`.
pub(super) fn label(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_lowercase() - b'a') + 1),
        [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().filter(|&label| label <= LARGEST_LABEL),
        _ => None,
    }
}

/// The label in the name of an option, such as `Option 2`, `Answer B` or `B)`.
pub(super) fn option_label(name: &str) -> Option<usize> {
    if name.len() > LONGEST { None } else { label_of_key(&letters(name)) }
}

fn label_of_key(key: &str) -> Option<usize> {
    let rest = |stem: &str| key.strip_prefix(stem).and_then(label).or_else(|| key.strip_suffix(stem).and_then(label));
    label(key).or_else(|| words(ANSWERS).find_map(rest))
}

/// All words in all languages.
fn words(lists: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    lists.iter().flat_map(|list| list.split(' '))
}

/// The rests of a name after each of these words that it starts with.
fn behind<'k>(key: &'k str, lists: &'static [&'static str]) -> impl Iterator<Item = &'k str> {
    words(lists).filter_map(move |word| key.strip_prefix(word))
}

/// Recognises time limits: `timelimit`, `timeinseconds`, `seconds`.
fn time(key: &str) -> Option<Column> {
    let units = UNITS.iter().filter_map(|(name, unit)| Some((key.strip_suffix(name)?, *unit)));
    let mut stems = units.map(|(stem, unit)| (stem.strip_suffix("in").unwrap_or(stem), unit));
    if TIMES.split(' ').any(|name| name == key) {
        return Some(Column::Time(TimeUnit::Unsaid));
    }
    let (_, unit) =
        stems.find(|(stem, _)| (stem.is_empty() || TIMES.split(' ').any(|name| name == *stem)) && key.len() > 2)?;
    Some(Column::Time(unit))
}

/// Recognises options, right answers and wrong answers.
fn answer(key: &str) -> Option<Column> {
    if let Some(label) = label_of_key(key) {
        return Some(Column::Option(label));
    }
    let stems = words(RIGHT).filter_map(|right| key.strip_suffix(right));
    if let Some(label) = stems.map(|stem| stem.strip_suffix("is").unwrap_or(stem)).find_map(label_of_key) {
        return Some(Column::Flag(label));
    }
    let key = key.strip_prefix("is").unwrap_or(key);
    if let Some(number) = judged(key, RIGHT) {
        return Some(Column::Correct(number));
    }
    let points = || behind(key, &[POINTS]).find_map(label).map(Column::OptionPoints);
    judged(key, WRONG).map(|_| Column::Wrong).or_else(points)
}

/// Recognises `correct answer 2` or `réponse correcte 2`. The outer option is `None` if the name is of
/// another kind, the inner one if it has no number. A reading without a number takes precedence, because a
/// letter may be the end of a word: `correcta`.
fn judged(key: &str, judgements: &'static [&'static str]) -> Option<Option<usize>> {
    let noun_last = behind(key, judgements).flat_map(|rest| behind(rest, ANSWERS).chain([rest]));
    let noun_first = behind(key, ANSWERS).flat_map(|rest| behind(rest, judgements));
    let numbers: Vec<Option<usize>> = noun_last.chain(noun_first).filter_map(number).collect();
    numbers.iter().copied().find(Option::is_none).or_else(|| numbers.first().copied())
}

/// What follows the words of a name: nothing or a word for a number (inner `None`), or a number. Otherwise
/// outer `None`.
fn number(rest: &str) -> Option<Option<usize>> {
    match rest {
        rest if rest.is_empty() || POINTERS.split(' ').any(|word| word == rest) => Some(None),
        rest => label(rest).map(Some),
    }
}

/// Removes the hints after a name. A number or letter in brackets is not a hint: `Option (A)`.
fn without_hints(name: &str) -> String {
    let name = name.trim().trim_start_matches('*');
    let line = name.lines().next().unwrap_or_default();
    let mut kept = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(['(', '[']) {
        kept.push_str(before);
        let (inside, after) = after.split_once([')', ']']).unwrap_or((after, ""));
        if label(inside.trim()).is_some() {
            kept.push_str(inside);
        }
        rest = after;
    }
    kept.push_str(rest);
    for dash in [" - ", " – ", " — ", ": "] {
        if let Some((before, after)) = kept.split_once(dash)
            && label(after.trim()).is_none()
            && !before.trim().is_empty()
        {
            kept.truncate(before.len());
        }
    }
    kept
}

/// The unit in a hint: `Time limit (ms)`.
fn unit_in_hints(name: &str) -> Option<TimeUnit> {
    let (_, hint) = name.split_once(['(', '['])?;
    let (inside, _) = hint.split_once([')', ']'])?;
    let word = letters(inside);
    let word = word.strip_prefix("in").unwrap_or(&word);
    UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, unit)| *unit)
}

/// Reduces a text to its lower-case letters and digits without accents. `ö` becomes `oe`, `#` becomes `nr`.
pub(super) fn letters(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    for c in text.nfc().flat_map(char::to_lowercase) {
        match c {
            'ä' => letters.push_str("ae"),
            'ö' => letters.push_str("oe"),
            'ü' => letters.push_str("ue"),
            'ß' => letters.push_str("ss"),
            'ø' => letters.push_str("oe"),
            'æ' => letters.push_str("ae"),
            '#' => letters.push_str("nr"),
            'đ' => letters.push('d'),
            'ł' => letters.push('l'),
            'ı' => letters.push('i'),
            '°' => letters.push('o'),
            'ς' => letters.push('σ'),
            c => letters.extend(std::iter::once(c).nfkd().filter(|c| is_letter(*c))),
        }
    }
    letters.nfc().collect()
}

/// True for letters, digits and the voicing marks of Japanese; false for accents.
fn is_letter(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309a}') || (c.is_alphanumeric() && !matches!(c, '\u{300}'..='\u{36f}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str], column: Column) {
        for name in names {
            assert_eq!(Column::parse(name), Some(column), "{name}");
        }
    }

    #[test]
    fn a_question_has_many_names() {
        all(&["Question", "QUESTION TEXT", "question_text", "Question - max 120 characters"], Column::Question);
        all(&["Q", "Frage", "Fragentext", "* Question *", "Questions:", "prompt"], Column::Question);
        all(&["#", "Question #", "Nr.", "No", "Frage Nr."], Column::RowNumber);
        all(&["questionId", "Question ID", "id"], Column::Id);
    }

    #[test]
    fn options_have_a_number_or_a_letter() {
        all(
            &["Option 2", "optionB", "Answer 2 - max 75 characters", "Choice B", "B", "2", "(B) Option"],
            Column::Option(2),
        );
        all(&["Antwort B", "Answer 2\n(Optional)", "answer_2", "Option (b)", "Option - B", "B)"], Column::Option(2));
        all(&["Options", "Antworten"], Column::Options);
        all(&["Answer", "Antwort"], Column::Answer);
    }

    #[test]
    fn what_is_right_and_wrong_has_many_names() {
        let right = ["Correct answer(s) - choose at least one", "CorrectAnswer", "correct_answer", "Right answer"];
        all(&right, Column::Correct(None));
        all(
            &["Solution", "Answer key", "Richtig", "Richtige Antwort", "Lösung", "Lo\u{308}sung"],
            Column::Correct(None),
        );
        all(&["Correct", "Correct Answer(s)\n(Only include Answer #)", "Correct option"], Column::Correct(None));
        all(&["Correct 2", "Correct answer 2"], Column::Correct(Some(2)));
        all(&["Option 1 correct", "Answer 1 is correct?", "Antwort 1 richtig"], Column::Flag(1));
        all(&["Incorrect Answer 2 (Optional)", "Distractor 1", "Wrong1", "Falsche Antwort 1"], Column::Wrong);
    }

    #[test]
    fn what_stands_beside_has_many_names() {
        all(
            &["Time limit (sec) – 5, 10, 20 …", "Zeitlimit (Sek.)", "Time in seconds"],
            Column::Time(TimeUnit::Seconds),
        );
        all(&["Zeit", "Time limit"], Column::Time(TimeUnit::Unsaid));
        all(&["timeLimitMs", "Time limit (ms)"], Column::Time(TimeUnit::Milliseconds));
        all(&["Minutes", "Zeit (in Minuten)"], Column::Time(TimeUnit::Minutes));
        all(&["Punkte", "Points"], Column::Points);
        all(&["ignoreAccents", "Akzente egal"], Column::IgnoreAccents);
        all(&["maxTypos", "Typos", "Tippfehler"], Column::MaxTypos);
        all(&["noSpeedBonus", "no bonus", "Ohne Tempobonus"], Column::NoSpeedBonus);
        all(&["Kategorie", "Thema", "Topic", "Question category"], Column::Category);
        all(&["Schwierigkeit", "Difficulty"], Column::Difficulty);
        all(&["Erklärung", "Answer explanation", "Feedback"], Column::Explanation);
        all(&["Bild", "Image Link", "URL", "Question image"], Column::Image);
        all(&["Alt text", "Bildbeschreibung"], Column::Alt);
        all(&["Typ", "Question Type", "kind"], Column::Kind);
    }

    #[test]
    fn words_are_written_as_they_are_compared() {
        let names = NAMES.iter().flat_map(|(_, names)| names.iter());
        let lists = names.chain(RIGHT).chain(WRONG).chain(ANSWERS).chain([&TIMES, &POINTS, &POINTERS]);
        for word in lists.flat_map(|list| list.split(' ')) {
            assert_eq!(letters(word), word);
        }
    }

    #[test]
    fn a_name_means_one_thing() {
        for (column, names) in NAMES {
            for name in words(names) {
                assert_eq!(Column::of_key(name), Some(*column), "{name}");
            }
        }
        for name in words(ANSWERS) {
            assert!(!matches!(Column::of_key(name), Some(Column::Option(_))), "{name}");
        }
    }

    #[test]
    fn other_names_are_no_column() {
        for name in ["", "notes", "Which river?", "Optional", "Text for option 1", "is", "s", "Answer me", "option27"] {
            assert!(!matches!(Column::parse(name), Some(column) if column != Column::Option(19)), "{name}");
        }
    }
}
