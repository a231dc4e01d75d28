//! Detects a table in plain text: by a header, or by rows of equal length.

use csv::ReaderBuilder;

/// How many bytes of the text are examined.
const PREFIX: usize = 64 * 1024;
/// How many of the first rows are searched for a header. Templates have notes above theirs.
const MOST_ABOVE: usize = 12;
/// Maximum length of a header cell, in characters.
const MOST_NAME: usize = 60;

/// Words in the header of the question column, in the languages of known templates.
const QUESTION: [&str; 9] =
    ["question", "frage", "pregunta", "pergunta", "domanda", "vraag", "pytanie", "prompt", "front"];
/// Words in the headers of the answer columns.
const ANSWER: [&str; 13] = [
    "answer",
    "option",
    "choice",
    "correct",
    "antwort",
    "richtig",
    "réponse",
    "reponse",
    "respuesta",
    "resposta",
    "risposta",
    "antwoord",
    "back",
];

/// True if one of the first rows names a question column and an answer column, and further rows follow. A
/// first line `sep=;` also counts.
pub(super) fn has_header(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.trim().len() == 5 && first.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep=")) {
        return true;
    }
    SEPARATORS.iter().any(|&separator| {
        let rows = rows(text, separator);
        let header = rows.iter().take(MOST_ABOVE).position(|row| is_header(row));
        header.is_some_and(|at| rows[at + 1..].iter().any(|row| row.len() >= 2))
    })
}

/// True if at least 70 % of the rows have the same number of cells. With commas as the separator this must be
/// at least three cells, because sentences contain commas too.
pub(super) fn is_regular(text: &str) -> bool {
    SEPARATORS.iter().any(|&separator| {
        let fewest = if separator == b',' { 3 } else { 2 };
        let lengths: Vec<usize> = rows(text, separator).iter().map(Vec::len).collect();
        let often = |length: usize| lengths.iter().filter(|&&other| other == length).count();
        let usual = lengths.iter().copied().filter(|&length| length >= fewest).max_by_key(|&length| often(length));
        lengths.len() >= 2 && usual.is_some_and(|length| often(length) * 10 >= lengths.len() * 7)
    })
}

const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

/// The first rows that aren't blank, at most 400.
fn rows(text: &str, separator: u8) -> Vec<Vec<String>> {
    let mut end = PREFIX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let prefix = &text.as_bytes()[..end];
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(prefix);
    let cells = |record: csv::StringRecord| record.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut rows: Vec<_> = reader.records().map_while(Result::ok).map(cells).take(400).collect();
    if end < text.len() && rows.len() > 1 {
        // The prefix may end inside this row.
        rows.pop();
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    rows
}

fn is_header(row: &[String]) -> bool {
    let is_named = |cell: &String, words: &[&str]| {
        let is_short = cell.chars().count() <= MOST_NAME
            && !cell.ends_with(['?', '.'])
            && !cell.contains(['{', '}', '$', '=', '\\']);
        let lower = cell.to_lowercase();
        is_short && words.iter().any(|word| lower.contains(word))
    };
    let of = |words: &'static [&str]| row.iter().position(|cell| is_named(cell, words));
    let Some(question) = of(&QUESTION) else { return false };
    row.iter().enumerate().any(|(at, cell)| at != question && is_named(cell, &ANSWER)) && row.len() >= 2
}
