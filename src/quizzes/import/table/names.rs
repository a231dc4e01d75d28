//! The words that people write above a column, in English and German.
//!
//! A name is compared by its letters and digits alone, so that case, blanks, underscores and dashes
//! make no difference. Hints behind the name (`- max 75 characters`, `(optional)`) are not part of it.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A number of the row, which is not read.
    RowNumber,
    /// The question's id.
    Id,
    /// What is asked.
    Question,
    /// The option with this label: 1 for `Option 1` and for `A`.
    Option(usize),
    /// Several options: in one cell, or the first of several columns under one name.
    Options,
    /// Without a number: an option if there are several, else what is right.
    Answer,
    /// Whether the option with this label is right.
    Flag(usize),
    /// What is right; one of several such columns has a number.
    Correct(Option<usize>),
    /// An option that is wrong.
    Wrong,
    /// What the question is about.
    Category,
    /// How hard it is.
    Difficulty,
    /// Why it is right.
    Explanation,
    /// How long it may take.
    Time(Unit),
    /// A picture.
    Image,
    /// What the picture shows.
    Alt,
    /// The kind of question.
    Kind,
    /// By what its points are multiplied.
    Points,
}

/// The unit of a time without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
}

/// Longer texts are no names.
const LONGEST: usize = 300;
/// The largest label of an option: the letter Z.
const LARGEST_LABEL: usize = 26;

/// The names without a number, in small letters and with blanks between them.
const NAMES: &[(Column, &str)] = &[
    (Column::RowNumber, "nr no num number nummer index row zeile sno srno lfdnr laufendenummer pos position"),
    (Column::Id, "id uid uuid kennung questionid fragenid frageid"),
    (
        Column::Question,
        "question questions q questiontext questiontitle questionstem questioncontent questionprompt \
         questionname prompt stem text frage fragen fragetext fragentext fragestellung aufgabe \
         aufgabentext aufgabenstellung",
    ),
    (
        Column::Options,
        "options answers choices answeroptions answerchoices possibleanswers responses antworten \
         antwortoptionen antwortmoeglichkeiten auswahlmoeglichkeiten optionen",
    ),
    (Column::Answer, "answer ans antwort option choice answertext optiontext antworttext"),
    (
        Column::Correct(None),
        "solution solutions key answerkey accepted acceptedanswer acceptedanswers answerindex \
         answernr answernumber answerletter loesung loesungen loesungsbuchstabe musterloesung \
         correctness iscorrect isright istrichtig",
    ),
    (
        Column::Category,
        "category categories topic topics subject theme genre kategorie kategorien thema themen \
         themengebiet themenbereich fach bereich sachgebiet rubrik",
    ),
    (
        Column::Difficulty,
        "difficulty difficultylevel leveldifficulty level schwierigkeit schwierigkeitsgrad \
         schwierigkeitsstufe niveau stufe",
    ),
    (
        Column::Explanation,
        "explanation explanations answerexplanation explanationoftheanswer explanationfortheanswer \
         solutionexplanation correctanswerexplanation feedback generalfeedback answerfeedback \
         correctfeedback feedbackforcorrectanswer rationale reason justification erklaerung \
         erlaeuterung begruendung rueckmeldung antworterklaerung",
    ),
    (
        Column::Image,
        "image images img imageurl imagelink imagefile imagename imagefilename picture pictureurl \
         picturelink pic photo photourl media mediaurl medialink url bild bildurl bildlink bilddatei \
         foto grafik abbildung",
    ),
    (
        Column::Alt,
        "alt alttext alternativetext imagealt imagealttext imagedescription picturedescription \
         alternativtext bildbeschreibung",
    ),
    (
        Column::Kind,
        "kind type itemtype questiontype questiontypecode questionformat typ art fragetyp fragentyp \
         frageart fragenart aufgabentyp",
    ),
    (
        Column::Points,
        "points point pointsvalue pointvalue pointsmultiplier score mark marks weight factor \
         multiplier punkte punktzahl punktwert gewichtung gewicht faktor",
    ),
];

/// What stands before a unit, or nothing.
const TIMES: &str = "time timelimit timer timeallowed duration answertime zeit zeitlimit zeitvorgabe bedenkzeit \
    antwortzeit dauer";
/// Longest first: the first that fits is taken.
const UNITS: &[(&str, Unit)] = &[
    ("milliseconds", Unit::Milliseconds),
    ("millisekunden", Unit::Milliseconds),
    ("millis", Unit::Milliseconds),
    ("seconds", Unit::Seconds),
    ("sekunden", Unit::Seconds),
    ("secs", Unit::Seconds),
    ("minutes", Unit::Minutes),
    ("minuten", Unit::Minutes),
    ("mins", Unit::Minutes),
    ("sec", Unit::Seconds),
    ("sek", Unit::Seconds),
    ("min", Unit::Minutes),
    ("ms", Unit::Milliseconds),
    ("s", Unit::Seconds),
];
/// Longest first: the first that fits is taken.
const RIGHT: &[&str] = &["richtige", "korrekte", "correct", "richtig", "korrekt", "right"];
const WRONG: &[&str] = &["distractor", "distraktor", "incorrect", "falsche", "falsch", "wrong", "false"];
/// What can follow `correct` or `wrong`, or nothing; longest first.
const ANSWERS: &str = "antwortmoeglichkeit antwortoption antworttext antworten antwort loesungen \
    loesung responses response answeroption answerchoice answertext answers answer \
    optionen optiontext options option choices choice alternative auswahl ones";
/// What stands before an option's number or letter, or nothing; longest first.
const OPTIONS: &str = "antwortmoeglichkeit possibleanswer antwortoption answeroption answerchoice \
    moeglichkeit alternative antworttext answertext optiontext response antwort \
    auswahl answer choice option wahl ans opt";

impl Column {
    /// The column that has this name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name.len() > LONGEST {
            return None;
        }
        let key = letters(&without_hints(name));
        let column = Self::of_key(&key).or_else(|| {
            let rests = ["question", "fragen", "frage"].iter().filter_map(|prefix| key.strip_prefix(prefix));
            let mut columns = rests.filter_map(Self::of_key);
            columns.find(|column| !matches!(column, Self::Option(_) | Self::Options | Self::Answer))
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
        let named = NAMES.iter().find(|(_, names)| names.split(' ').any(|name| name == key)).map(|(column, _)| *column);
        named.or_else(|| time(key)).or_else(|| answer(key))
    }
}

/// The label that a number or a letter stands for: 2 for `2`, `b` and `B`.
pub(super) fn label(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_lowercase() - b'a') + 1),
        [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().filter(|&label| label <= LARGEST_LABEL),
        _ => None,
    }
}

/// The label in an option's name, such as `Option 2`, `Answer B` or `B)`.
pub(super) fn option_label(name: &str) -> Option<usize> {
    if name.len() > LONGEST { None } else { label_of_key(&letters(name)) }
}

fn label_of_key(key: &str) -> Option<usize> {
    let rest = |stem: &str| key.strip_prefix(stem).and_then(label).or_else(|| key.strip_suffix(stem).and_then(label));
    label(key).or_else(|| OPTIONS.split(' ').find_map(rest))
}

/// `timelimit`, `timeinseconds`, `seconds`.
fn time(key: &str) -> Option<Column> {
    let units = UNITS.iter().filter_map(|(name, unit)| Some((key.strip_suffix(name)?, *unit)));
    let mut stems = units.map(|(stem, unit)| (stem.strip_suffix("in").unwrap_or(stem), unit));
    if TIMES.split(' ').any(|name| name == key) {
        return Some(Column::Time(Unit::Seconds));
    }
    let (_, unit) =
        stems.find(|(stem, _)| (stem.is_empty() || TIMES.split(' ').any(|name| name == *stem)) && key.len() > 2)?;
    Some(Column::Time(unit))
}

/// An option, what is right, what is wrong.
fn answer(key: &str) -> Option<Column> {
    if let Some(label) = label_of_key(key) {
        return Some(Column::Option(label));
    }
    let flag = RIGHT.iter().find_map(|right| key.strip_suffix(right));
    if let Some(label) = flag.and_then(|stem| label_of_key(stem.strip_suffix("is").unwrap_or(stem))) {
        return Some(Column::Flag(label));
    }
    let key = key.strip_prefix("is").unwrap_or(key);
    if let Some(rest) = RIGHT.iter().find_map(|right| key.strip_prefix(right)) {
        return numbered(rest).map(Column::Correct);
    }
    let rest = WRONG.iter().find_map(|wrong| key.strip_prefix(wrong))?;
    numbered(rest).map(|_| Column::Wrong)
}

/// The number after `correct` or `wrong`, whatever word stands between.
fn numbered(rest: &str) -> Option<Option<usize>> {
    let rest = ANSWERS.split(' ').find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    match rest {
        "" | "nr" | "no" | "number" | "nummer" | "index" | "letter" | "buchstabe" | "key" | "s" => Some(None),
        rest => label(rest).map(Some),
    }
}

/// A name up to the hints behind it. A number or letter is no hint: `Option (A)`.
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

/// The unit that a hint names: `Time limit (ms)`.
fn unit_in_hints(name: &str) -> Option<Unit> {
    let (_, hint) = name.split_once(['(', '['])?;
    let (inside, _) = hint.split_once([')', ']'])?;
    let word = letters(inside);
    let word = word.strip_prefix("in").unwrap_or(&word);
    UNITS.iter().find(|(unit, _)| *unit == word).map(|(_, unit)| *unit)
}

/// The small letters and digits of a text; `ö` is `oe`, `#` is `nr`.
pub(super) fn letters(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' => letters.push_str("ae"),
            'ö' => letters.push_str("oe"),
            'ü' => letters.push_str("ue"),
            'ß' => letters.push_str("ss"),
            // The two dots of an umlaut that is written as two characters.
            '\u{308}' => letters.push('e'),
            '#' => letters.push_str("nr"),
            c if c.is_alphanumeric() => letters.push(c),
            _ => (),
        }
    }
    letters
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
            &["Time limit (sec) – 5, 10, 20 …", "Zeit", "Zeitlimit (Sek.)", "Time in seconds"],
            Column::Time(Unit::Seconds),
        );
        all(&["timeLimitMs", "Time limit (ms)"], Column::Time(Unit::Milliseconds));
        all(&["Minutes", "Zeit (in Minuten)"], Column::Time(Unit::Minutes));
        all(&["Punkte", "Points"], Column::Points);
        all(&["Kategorie", "Thema", "Topic", "Question category"], Column::Category);
        all(&["Schwierigkeit", "Difficulty"], Column::Difficulty);
        all(&["Erklärung", "Answer explanation", "Feedback"], Column::Explanation);
        all(&["Bild", "Image Link", "URL", "Question image"], Column::Image);
        all(&["Alt text", "Bildbeschreibung"], Column::Alt);
        all(&["Typ", "Question Type", "kind"], Column::Kind);
    }

    #[test]
    fn other_names_are_no_column() {
        for name in ["", "notes", "Which river?", "Optional", "Text for option 1", "is", "s", "Answer me", "option27"] {
            assert!(!matches!(Column::parse(name), Some(column) if column != Column::Option(19)), "{name}");
        }
    }
}
