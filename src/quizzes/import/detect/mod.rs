//! Detects a file's format by its content. The name only decides if the content matches several formats or none.

mod table;

use serde::Deserialize;

use crate::quizzes::reading::{is_binary, is_spreadsheet};

/// The formats that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A table: text with separators, or a workbook
    #[value(alias("csv"), alias("tsv"), alias("xlsx"), alias("ods"))]
    #[serde(alias = "csv", alias = "tsv", alias = "xlsx", alias = "ods")]
    Table,
    /// Moodle's GIFT
    Gift,
    /// Plain text with lettered options
    Aiken,
    /// Moodle's XML
    MoodleXml,
    /// JSON of the Open Trivia Database
    Opentdb,
    /// JSON of The Trivia API
    TriviaApi,
    /// The text files of OpenTriviaQA
    #[value(name = "opentriviaqa")]
    #[serde(rename = "opentriviaqa")]
    OpenTriviaQa,
    /// Another JSON list of questions
    JsonList,
    /// A bank file of rejoin
    Bank,
}

/// Detects the format from the file's name, its bytes, and the text decoded from them. `None` if no format
/// matches. A binary file is either a workbook or `None`.
pub(super) fn detect(name: Option<&str>, bytes: &[u8], text: &str) -> Option<Format> {
    if is_binary(bytes).is_some() {
        return is_spreadsheet(bytes).then_some(Format::Table);
    }
    let start = text.trim_start();
    if is_json(start) {
        return json(start);
    }
    if starts_with(start, &["<?xml", "<quiz", "<!--"]) && start.contains("<quiz") {
        return Some(Format::MoodleXml);
    }
    if starts_with(start, &["<?xml", "<!doctype", "<html"]) {
        return None;
    }
    plain(name, text)
}

fn starts_with(text: &str, starts: &[&str]) -> bool {
    let is_start = |start: &&str| text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    starts.iter().any(is_start)
}

/// True if the text starts like JSON. GIFT may start with `[html]`, but never with a bracket or brace that is
/// followed by another one or by a quote.
fn is_json(text: &str) -> bool {
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    match (chars.next(), chars.next()) {
        (Some('['), Some(next)) => matches!(next, '{' | '[' | '"' | ']'),
        (Some('{'), Some(next)) => matches!(next, '"' | '}'),
        _ => false,
    }
}

fn json(text: &str) -> Option<Format> {
    let has = |names: &[&str]| names.iter().any(|name| has_key(text, name));
    match () {
        () if has(&["quizId"]) || (has(&["questions"]) && has(&["correctOptionId"])) => Some(Format::Bank),
        () if has(&["incorrect_answers", "response_code"]) => Some(Format::Opentdb),
        () if has(&["incorrectAnswers"]) => Some(Format::TriviaApi),
        () if has(&["question", "questions"]) => Some(Format::JsonList),
        () => None,
    }
}

/// True if some object has this key. Inside a JSON string the quotes would be escaped by backslashes.
fn has_key(json: &str, name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    json.match_indices(&quoted).any(|(at, found)| json[at + found.len()..].trim_start().starts_with(':'))
}

/// Detects the formats that are plain text.
fn plain(name: Option<&str>, text: &str) -> Option<Format> {
    let signs = Signs::of(text);
    if signs.question_marks > 0 && signs.carets > 0 {
        return Some(Format::OpenTriviaQa);
    }
    if table::has_header(text) {
        return Some(Format::Table);
    }
    // The order is the priority if the name does not decide.
    let found = [
        (signs.gift_lines > 0 || has_gift_braces(text), Format::Gift),
        (signs.answers > 0 && signs.options >= 2, Format::Aiken),
        (table::is_regular(text), Format::Table),
    ];
    let mut found = found.into_iter().filter(|(is_found, _)| *is_found).map(|(_, format)| format).peekable();
    let by_name = name.and_then(by_extension);
    match found.peek().copied() {
        None => by_name,
        Some(first) => found.find(|format| Some(*format) == by_name).or(Some(first)),
    }
}

fn by_extension(name: &str) -> Option<Format> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "tab" => Some(Format::Table),
        "gift" => Some(Format::Gift),
        "aiken" => Some(Format::Aiken),
        _ => None,
    }
}

/// How many lines look like each of the formats.
#[derive(Debug, Default)]
struct Signs {
    /// Lines that start with `#Q` (OpenTriviaQA).
    question_marks: usize,
    /// Lines that start with `^` (OpenTriviaQA).
    carets: usize,
    /// Lines with `::title::` or `$CATEGORY:` (GIFT).
    gift_lines: usize,
    /// Lines such as `ANSWER: B` (Aiken).
    answers: usize,
    /// Lines such as `A. text` or `A) text` (Aiken).
    options: usize,
}

impl Signs {
    fn of(text: &str) -> Self {
        let mut signs = Self::default();
        for line in text.lines().map(str::trim) {
            signs.question_marks += usize::from(line == "#Q" || line.starts_with("#Q "));
            signs.carets += usize::from(line.starts_with('^'));
            signs.gift_lines += usize::from(is_gift_line(line));
            signs.answers += usize::from(is_answer(line));
            signs.options += usize::from(is_option(line));
        }
        signs
    }
}

fn is_gift_line(line: &str) -> bool {
    let is_title = line.strip_prefix("::").is_some_and(|rest| rest.contains("::"));
    is_title || starts_with(line, &["$CATEGORY:"])
}

fn is_answer(line: &str) -> bool {
    let Some((word, letter)) = line.split_once(':') else { return false };
    let letter = letter.trim().trim_end_matches(['.', ')']);
    word.trim_end().eq_ignore_ascii_case("answer") && matches!(letter.as_bytes(), [one] if one.is_ascii_alphabetic())
}

fn is_option(line: &str) -> bool {
    let is_mark = |bytes: &[u8]| matches!(bytes, [letter, b'.' | b')', ..] if letter.is_ascii_alphabetic());
    is_mark(line.as_bytes())
        && line.get(2..).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// True if some braces hold answers in GIFT's form: `{=`, `{~`, `{#3`, `{T}`. Empty braces mean an essay in
/// GIFT, but they are common in other texts too, so they don't count.
fn has_gift_braces(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| !text[..at].ends_with('\\') && holds_answers(&text[at + 1..]))
}

fn holds_answers(rest: &str) -> bool {
    let rest = rest.trim_start();
    match rest.as_bytes() {
        [b'=' | b'~', ..] => true,
        [b'#', next, ..] => next.is_ascii_digit() || matches!(next, b'-' | b'=' | b'.'),
        _ => {
            // Bounded, because the brace may never be closed.
            let start: String = rest.chars().take(8).collect();
            let word = start.split_once(['}', '#']).map_or("", |(word, _)| word).trim_end();
            ["T", "F", "TRUE", "FALSE"].iter().any(|truth| word.eq_ignore_ascii_case(truth))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn format(text: &str) -> Option<Format> {
        detect(None, text.as_bytes(), text)
    }

    #[test]
    fn json_is_told_by_its_keys() {
        let cases = [
            (r#"{"quizId": "x", "questions": [{"text": "\"incorrect_answers\": ?"}]}"#, Some(Format::Bank)),
            (r#"{"response_code":0,"results":[]}"#, Some(Format::Opentdb)),
            (r#"[ {"question": "x", "incorrect_answers": ["\"quizId\":"]}]"#, Some(Format::Opentdb)),
            (r#"[{"question": {"text": "x"}, "incorrectAnswers": []}]"#, Some(Format::TriviaApi)),
            (r#"[{"question": "x", "options": []}]"#, Some(Format::JsonList)),
            (r#"{"name": "package", "version": "1"}"#, None),
            ("[]", None),
            ("{}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(format(text), expected, "{text}");
        }
    }

    #[test]
    fn xml_is_moodles_if_it_has_a_quiz() {
        assert_eq!(format("<?xml version=\"1.0\"?>\n<!-- x -->\n<quiz>"), Some(Format::MoodleXml));
        assert_eq!(format("\n<quiz><question type=\"truefalse\">"), Some(Format::MoodleXml));
        assert_eq!(format("<?xml version=\"1.0\"?><svg/>"), None);
        assert_eq!(format("<!DOCTYPE html><script>x = {~1}</script>"), None);
    }

    #[test]
    fn gift_is_told_by_titles_and_braces() {
        for text in [
            "::t:: Which? {}",
            "Is it? {T}",
            "Is it? { false#no }",
            "2+2 {#4}",
            "[html]Which{=a ~b}",
            "a\n{\n  ~a\n=b}",
            "$CATEGORY: a/b",
        ] {
            assert_eq!(format(text), Some(Format::Gift), "{text}");
        }
        for text in ["fn main() {}", "a \\{=b", "Just a text, no more.", "f{x} is {#count}"] {
            assert_eq!(format(text), None, "{text}");
        }
    }

    #[test]
    fn aiken_is_told_by_options_and_an_answer() {
        assert_eq!(format("Which, now?\nA. x\nB) y\n\nanswer : b.\n"), Some(Format::Aiken));
        assert_eq!(format("Which?\nA. x\nB) y\n"), None);
        let late = format!("{}\nWhich?\nA. x\nB. y\nANSWER: A\n", "A long text.\n".repeat(10_000));
        assert_eq!(format(&late), Some(Format::Aiken));
    }

    #[test]
    fn opentriviaqa_is_told_by_its_marks() {
        assert_eq!(format("\n#Q Which, a, b?\n^ x\nA x\nB y\n"), Some(Format::OpenTriviaQa));
        assert_eq!(format("#Q is short for question"), None);
    }

    #[test]
    fn a_table_is_told_by_its_header_or_its_rows() {
        let tables = [
            "question;option1;option2;correct\nIs it {T}?;a;b;1",
            "sep=;\nquestion;option1;option2;correct\nWhich?;Rhein;Elbe;1",
            "\"Blooket\nImport Template\",,,\nQuestion #,Question Text,Answer 1,Correct Answer(s)\n1,Which?,x,1",
            "Kahoot! template,,\nFill in below.,,\nQuestion - max 120 characters,Answer 1 - max 75 characters,Correct\nA,b,1",
            "Frage\tAntwort\nWelche?\tRhein",
            "Which river?\tRhein\tElbe\nWho?\ta\tb\n",
            "\"Which, now?\",a,b,1\nWho?,c,\"d\ne\",2\n",
            "Question,Option1,Option2,CorrectAnswer\nWhich river flows through Bonn?,Rhein,Elbe,1",
        ];
        for text in tables {
            assert_eq!(format(text), Some(Format::Table), "{text}");
        }
        for text in [
            "One, two and three.\nFour, five.\nSix\n",
            "a\nb\n",
            "",
            "Dear all,\nthe question, as ever, is open.\nBye,\nJo",
        ] {
            assert_eq!(format(text), None, "{text}");
        }
    }

    #[test]
    fn the_name_decides_where_the_text_does_not() {
        let named = |name, text: &str| detect(Some(name), text.as_bytes(), text);
        assert_eq!(named("essays.GIFT", "Why? {}"), Some(Format::Gift));
        assert_eq!(named("quiz.csv", "Why?"), Some(Format::Table));
        assert_eq!(named("quiz.txt", "Why?"), None);
        let both = "a;{=b};c\nd;{~e};f\n";
        assert_eq!((named("x.csv", both), named("x.txt", both)), (Some(Format::Table), Some(Format::Gift)));
        // If the content matches one format only, it takes precedence over the name.
        assert_eq!(named("quiz.csv", "Which?\nA. x\nB. y\nANSWER: A"), Some(Format::Aiken));
    }

    #[test]
    fn a_file_that_is_no_text_is_a_workbook_or_none() {
        assert_eq!(detect(Some("x.csv"), b"PK\x03\x04....xl/workbook.xml", ""), Some(Format::Table));
        assert_eq!(detect(Some("x.csv"), b"%PDF-1.7", "%PDF-1.7"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"([\[{}"é:;,=~#^\\<]|#Q |\n|::|ANSWER:|A\. |sep=|question|<quiz){0,40}"#) {
            format(&text);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), name in ".{0,6}") {
            let decoded = crate::quizzes::reading::decode(&bytes);
            detect(Some(&name), &bytes, &decoded.text);
        }
    }
}
