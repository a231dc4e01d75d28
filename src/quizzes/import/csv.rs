//! A table with a header line: `question`, `option1` to `option12` (or `optionA` to `optionL`),
//! `correct`; and, if wanted, `category`, `difficulty`, `explanation`, `timeLimitMs`, `questionId`.

use ::csv::{ReaderBuilder, StringRecord};

use super::{Found, Item, line};
use crate::domain::Difficulty;
use crate::domain::quiz::draft::{MOST_OPTIONS, Problem};

pub(super) fn read(text: &str) -> Found {
    let delimiter = delimiter(text);
    if let Some(number) = open_quote(text, delimiter) {
        return wrong(number, "a quote opens a cell here and is never closed");
    }
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut lines = Lines { text, at: 0, number: 1 };
    let mut header: Option<Header> = None;
    let mut found = Found::default();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => return wrong(1, &error.to_string()),
        };
        let number = lines.number_of(&record);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match &header {
            None => match Header::read(&record, number, &mut found.warnings) {
                Ok(read) => header = Some(read),
                Err(message) => return wrong(number, &message),
            },
            Some(header) => match header.item(&record, number) {
                Ok(item) => found.items.push(item),
                Err(message) => found.problems.push(Problem::new(line(number), message)),
            },
        }
    }
    found
}

fn wrong(number: usize, message: &str) -> Found {
    Found { problems: vec![Problem::new(line(number), message)], ..Found::default() }
}

/// Whichever of comma, semicolon and tab the header line has most of.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let often = |delimiter: u8| header.bytes().filter(|&byte| byte == delimiter).count();
    // The last of several equals wins: a comma if there is none of them.
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| often(delimiter)).unwrap_or(b',')
}

/// The line of a quote that opens a cell and that nothing closes: it would swallow the rest of the
/// file without a word.
fn open_quote(text: &str, delimiter: u8) -> Option<usize> {
    let (mut number, mut opened, mut at_start) = (1, None, true);
    for byte in text.bytes() {
        match byte {
            // A doubled quote closes and opens again at once.
            b'"' if opened.is_some() => (opened, at_start) = (None, true),
            b'"' if at_start => opened = Some(number),
            _ => at_start = opened.is_none() && (byte == delimiter || byte == b'\n'),
        }
        number += usize::from(byte == b'\n');
    }
    opened
}

/// Counts lines up to each record; the reader's own count is off after blank lines.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl Lines<'_> {
    fn number_of(&mut self, record: &StringRecord) -> usize {
        let bytes = self.text.as_bytes();
        let start = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
        while self.at < bytes.len() && (self.at < start || bytes[self.at] == b'\n') {
            self.number += usize::from(bytes[self.at] == b'\n');
            self.at += 1;
        }
        self.number
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Question,
    /// The option of that position, counted from 0.
    Option(usize),
    Correct,
    Category,
    Difficulty,
    Explanation,
    TimeLimitMs,
    QuestionId,
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match name.as_str() {
            "question" => Self::Question,
            "correct" => Self::Correct,
            "category" => Self::Category,
            "difficulty" => Self::Difficulty,
            "explanation" => Self::Explanation,
            "timelimitms" => Self::TimeLimitMs,
            "questionid" => Self::QuestionId,
            _ => Self::Option(option_position(name.strip_prefix("option")?)?),
        })
    }
}

/// `1` or `a` is 0, `12` or `l` is 11; more is not checked here.
fn option_position(name: &str) -> Option<usize> {
    match name.as_bytes() {
        [letter @ b'a'..=b'z'] => Some(usize::from(letter - b'a')),
        _ => name.parse::<usize>().ok()?.checked_sub(1),
    }
}

struct Header {
    columns: Vec<Option<Column>>,
    has_letters: bool,
}

impl Header {
    fn read(record: &StringRecord, number: usize, warnings: &mut Vec<Problem>) -> Result<Self, String> {
        let columns: Vec<Option<Column>> = record.iter().map(Column::parse).collect();
        for (name, column) in record.iter().zip(&columns) {
            if column.is_none() && !name.trim().is_empty() {
                warnings.push(Problem::new(line(number), format!("column {:?} is not read", name.trim())));
            }
        }
        for (index, column) in columns.iter().enumerate() {
            let Some(column) = column else { continue };
            if columns[..index].contains(&Some(*column)) {
                return Err(format!("column {:?} stands here a second time", record[index].trim()));
            }
            if matches!(column, Column::Option(position) if *position >= MOST_OPTIONS) {
                return Err(format!("column {:?}: at most {MOST_OPTIONS} options", record[index].trim()));
            }
        }
        let needed = [("question", Column::Question), ("correct", Column::Correct)];
        if let Some((name, _)) = needed.iter().find(|(_, column)| !columns.contains(&Some(*column))) {
            return Err(format!("the header names no column {name:?}"));
        }
        let is_lettered = |name: &str| name.trim().chars().last().is_some_and(char::is_alphabetic);
        let mut names = record.iter().zip(&columns);
        let has_letters = names.any(|(name, column)| matches!(column, Some(Column::Option(_))) && is_lettered(name));
        Ok(Self { columns, has_letters })
    }

    fn cell<'a>(&self, record: &'a StringRecord, column: Column) -> Option<&'a str> {
        let index = self.columns.iter().position(|found| *found == Some(column))?;
        record.get(index).map(str::trim).filter(|cell| !cell.is_empty())
    }

    fn item(&self, record: &StringRecord, number: usize) -> Result<Item, String> {
        let extra = record.iter().skip(self.columns.len()).any(|cell| !cell.trim().is_empty());
        if extra {
            let (cells, names) = (record.len(), self.columns.len());
            return Err(format!("{cells} cells under {names} columns; is a text with a separator not in quotes?"));
        }
        let needed = |name: &str, column| self.cell(record, column).ok_or_else(|| format!("no {name}"));
        let text = needed("question", Column::Question)?;
        let correct = needed("correct", Column::Correct)?;
        let numbered: Vec<(usize, &str)> =
            (0..MOST_OPTIONS).filter_map(|n| Some((n, self.cell(record, Column::Option(n))?))).collect();
        let right = self.right(correct, &numbered)?;
        let options = numbered.iter().map(|(_, option)| (*option).to_owned()).collect();
        let owned = |column| self.cell(record, column).map(str::to_owned);
        Ok(Item {
            id: self.parsed(record, Column::QuestionId, |cell| {
                cell.parse().map_err(|error| format!("questionId {error}"))
            })?,
            category: owned(Column::Category),
            difficulty: self.parsed(record, Column::Difficulty, difficulty)?,
            explanation: owned(Column::Explanation),
            time_limit_ms: self.parsed(record, Column::TimeLimitMs, |cell| {
                cell.parse().map_err(|_| format!("timeLimitMs {cell:?} is no number of milliseconds"))
            })?,
            ..Item::new(line(number), text.to_owned(), options, right)
        })
    }

    fn parsed<T>(
        &self,
        record: &StringRecord,
        column: Column,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.cell(record, column).map(parse).transpose()
    }

    /// The option that `correct` means: by its text, its number, its column's name, or its letter
    /// where the header has letters. Two that differ are one too many.
    fn right(&self, correct: &str, options: &[(usize, &str)]) -> Result<usize, String> {
        let by_column = Column::parse(correct);
        let by_place = option_position(&correct.to_lowercase());
        let by_place = by_place.filter(|_| self.has_letters || correct.bytes().all(|byte| byte.is_ascii_digit()));
        let mut meant: Vec<usize> = (0..options.len())
            .filter(|&n| {
                let (number, text) = options[n];
                text == correct || by_place == Some(number) || by_column == Some(Column::Option(number))
            })
            .collect();
        // The same text twice is one option.
        meant.dedup_by_key(|n| options[*n].1);
        match meant[..] {
            [right] => Ok(right),
            [] => Err(format!("correct {correct:?} is no option's number, nor the text of one")),
            [..] => Err(format!(
                "correct {correct:?} is the text of one option and the number of another; write option1, option2 …"
            )),
        }
    }
}

fn difficulty(cell: &str) -> Result<Difficulty, String> {
    match cell.to_lowercase().as_str() {
        "easy" => Ok(Difficulty::Easy),
        "medium" => Ok(Difficulty::Medium),
        "hard" => Ok(Difficulty::Hard),
        _ => Err(format!("difficulty {cell:?} is none of easy, medium, hard")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let found = read(text);
        found.warnings.iter().chain(&found.problems).map(Problem::to_string).collect()
    }

    fn right(text: &str) -> String {
        let item = read(text).items.pop().expect("one question");
        item.options[item.right].clone()
    }

    #[test]
    fn every_column_is_read() {
        let found = read(
            "question,option1,option2,option3,correct,category,difficulty,explanation,timeLimitMs,questionId\n\
             \"Which sea, \"\"dead\"\", is lowest?\",Dead Sea,Red Sea,,1,Sea,Hard,\"Over\n400 m\",15000,sea-1\n\n\
             Which?,a,b,c,c,,,,,\n",
        );
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let text = "Which sea, \"dead\", is lowest?".to_owned();
        let first = Item {
            id: "sea-1".parse().ok(),
            category: Some("Sea".to_owned()),
            difficulty: Some(Difficulty::Hard),
            explanation: Some("Over\n400 m".to_owned()),
            time_limit_ms: Some(15_000),
            ..Item::new("line 2".to_owned(), text, vec!["Dead Sea".to_owned(), "Red Sea".to_owned()], 0)
        };
        assert_eq!(found.items[0], first);
        assert_eq!((found.items[1].place.as_str(), found.items[1].right), ("line 5", 2));
    }

    #[test]
    fn semicolons_and_tabs_separate_too() {
        assert_eq!(right("question;option1;option2;correct\nA, B or C?;x;y;2"), "y");
        assert_eq!(right("question\toption1\toption2\tcorrect\nWhich?\tx; z\ty\tx; z"), "x; z");
    }

    #[test]
    fn the_right_option_is_named_by_number_text_letter_or_column() {
        for (correct, meant) in [("2", "y"), ("x", "x"), ("option1", "x"), ("Option 2", "y")] {
            assert_eq!(right(&format!("question,option1,option2,correct\nWhich?,x,y,{correct}")), meant, "{correct}");
        }
        for (correct, meant) in [("B", "y"), ("a", "x"), ("2", "y"), ("option b", "y")] {
            assert_eq!(right(&format!("Question,Option A,Option B,Correct\nWhich?,x,y,{correct}")), meant, "{correct}");
        }
        assert_eq!(right("question,option1,option3,correct\nA gap?,x,y,3"), "y");
        assert_eq!(right("question,option1,option2,correct\n1 + 1?,1,2,2"), "2");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("Which?,x,y,3", "line 2: correct \"3\" is no option's number, nor the text of one"),
            ("Which?,x,y,b", "line 2: correct \"b\" is no option's number, nor the text of one"),
            (
                "Half of 4?,2,1,2",
                "line 2: correct \"2\" is the text of one option and the number of another; write option1, option2 …",
            ),
            (",x,y,1", "line 2: no question"),
            ("\n\nWhich?,x,y", "line 4: no correct"),
            ("Which, what?,x,y,1", "line 2: 5 cells under 4 columns; is a text with a separator not in quotes?"),
            ("Which?,x,y,1\n\"Who?,x,y,1\nHow?,x,y,1", "line 3: a quote opens a cell here and is never closed"),
        ];
        for (rows, problem) in cases {
            assert_eq!(told(&format!("question,option1,option2,correct\n{rows}\n")), [problem], "{rows}");
        }
        let more = "question,option1,option2,correct,difficulty,timeLimitMs,questionId\n";
        let cases = [
            ("Which?,x,y,1,tough,,", "line 2: difficulty \"tough\" is none of easy, medium, hard"),
            ("Which?,x,y,1,,20s,", "line 2: timeLimitMs \"20s\" is no number of milliseconds"),
        ];
        for (row, problem) in cases {
            assert_eq!(told(&format!("{more}{row}")), [problem]);
        }
    }

    #[test]
    fn a_header_that_cannot_be_used_is_told() {
        assert_eq!(told("Which?,x,y,1"), ["line 1: the header names no column \"question\""]);
        assert_eq!(told("question,option1\n"), ["line 1: the header names no column \"correct\""]);
        assert_eq!(told("question,correct,Correct\n"), ["line 1: column \"Correct\" stands here a second time"]);
        assert_eq!(told("question,correct,option13\n"), ["line 1: column \"option13\": at most 12 options"]);
        let notes = "question,option1,option2,correct,notes\nWhich?,x,y,1,by Ann\n";
        assert_eq!(told(notes), ["line 1: column \"notes\" is not read"]);
    }
}
