//! Aiken: a question's lines, options `A. text` or `A) text`, and `ANSWER: B`.

use super::{Found, Item, line};
use crate::domain::quiz::draft::Problem;

pub(super) fn read(text: &str) -> Found {
    let mut reader = Reader::default();
    for (index, text) in text.lines().enumerate() {
        reader.line(index + 1, text.trim());
    }
    reader.end();
    reader.found
}

/// The question that is being read.
#[derive(Default)]
struct Reader {
    found: Found,
    first_line: usize,
    text: Vec<String>,
    options: Vec<String>,
    after_blank: bool,
    /// After a problem: nothing counts until the next question.
    skipping: bool,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) {
        let after_blank = std::mem::replace(&mut self.after_blank, text.is_empty());
        if text.is_empty() {
            self.skipping = false;
        } else if let Some(letter) = answer(text) {
            self.answer(number, letter);
        } else if self.skipping {
            // The rest of a question that is given up already.
        } else if let Some((letter, option)) = option(text).filter(|(letter, _)| self.is_option(*letter)) {
            self.option(number, letter, option);
        } else if self.options.is_empty() {
            self.question(number, text);
        } else if after_blank {
            self.problem(self.first_line, "no ANSWER line follows its options");
            self.skipping = false;
            self.question(number, text);
        } else {
            self.problem(number, "neither an option nor an ANSWER line");
        }
    }

    /// "J. S. Bach was born in …" is no option: `A` opens them.
    fn is_option(&self, letter: usize) -> bool {
        !self.options.is_empty() || letter == 0
    }

    fn question(&mut self, number: usize, text: &str) {
        if self.text.is_empty() {
            self.first_line = number;
        }
        self.text.push(text.to_owned());
    }

    fn option(&mut self, number: usize, letter: usize, text: &str) {
        if self.text.is_empty() {
            self.problem(number, "an option without a question before it");
        } else if letter != self.options.len() {
            let (found, expected) = (name(letter), name(self.options.len()));
            self.problem(number, &format!("option {found} where {expected} comes next"));
        } else {
            self.options.push(text.to_owned());
        }
    }

    fn answer(&mut self, number: usize, letter: &str) {
        let right = single_letter(letter.trim_end_matches(['.', ')']));
        if std::mem::take(&mut self.skipping) {
            return;
        }
        match right {
            _ if self.options.is_empty() => self.problem(number, "an ANSWER line without options before it"),
            None => self.problem(number, &format!("{letter:?} is no option's letter")),
            Some(right) if right >= self.options.len() => {
                let last = name(self.options.len() - 1);
                self.problem(number, &format!("the answer is {}, and the options end at {last}", name(right)));
            }
            Some(right) => {
                let text = std::mem::take(&mut self.text).join("\n");
                let options = std::mem::take(&mut self.options);
                self.found.items.push(Item::new(line(self.first_line), text, options, right));
            }
        }
        self.skipping = false;
    }

    fn end(&mut self) {
        if !self.skipping && !self.text.is_empty() {
            self.problem(self.first_line, "the file ends before its ANSWER line");
        }
    }

    fn problem(&mut self, number: usize, message: &str) {
        self.found.problems.push(Problem::new(line(number), message));
        self.text.clear();
        self.options.clear();
        self.skipping = true;
    }
}

/// What follows `ANSWER:`.
fn answer(text: &str) -> Option<&str> {
    let (word, letter) = text.split_once(':')?;
    word.trim_end().eq_ignore_ascii_case("answer").then(|| letter.trim())
}

/// The letter's position and the text of `A. text` or `A) text`.
fn option(text: &str) -> Option<(usize, &str)> {
    let (letter, rest) = text.split_once(['.', ')'])?;
    let is_apart = rest.is_empty() || rest.starts_with(char::is_whitespace);
    single_letter(letter).filter(|_| is_apart).map(|letter| (letter, rest.trim()))
}

fn single_letter(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(usize::from(letter.to_ascii_uppercase() - b'A')),
        _ => None,
    }
}

fn name(letter: usize) -> char {
    (b'A'..=b'Z').nth(letter).map_or('?', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text).problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn questions_of_several_lines_and_both_kinds_of_option_are_read() {
        let found = read(
            "J. S. Bach was born in 1685.\nWhere?\nA. Leipzig\nB. Eisenach\nANSWER: B\n\n\n\
             Which of these is prime?\nA) 51\nB) 57\nC) 59\nAnswer:C\n",
        );
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        let first = Item::new(
            "line 1".to_owned(),
            "J. S. Bach was born in 1685.\nWhere?".to_owned(),
            vec!["Leipzig".to_owned(), "Eisenach".to_owned()],
            1,
        );
        assert_eq!(found.items[0], first);
        assert_eq!((found.items[1].place.as_str(), found.items[1].right), ("line 8", 2));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("A. one\nB. two\nANSWER: A", "line 1: an option without a question before it"),
            ("Which?\nA. one\nC. two\nANSWER: A", "line 3: option C where B comes next"),
            ("Which?\nA. one\nor so\nB. two\nANSWER: A", "line 3: neither an option nor an ANSWER line"),
            ("Which?\nA. one\nB. two\nANSWER: C", "line 4: the answer is C, and the options end at B"),
            ("Which?\nA. one\nB. two\nANSWER: A, B", "line 4: \"A, B\" is no option's letter"),
            ("Which?\nA. one\nB. two\nANSWER:", "line 4: \"\" is no option's letter"),
            ("Which?\nANSWER: A", "line 2: an ANSWER line without options before it"),
            ("Which?\nA. one\nB. two\n", "line 1: the file ends before its ANSWER line"),
        ];
        for (text, problem) in cases {
            assert_eq!(told(text), [problem], "{text}");
        }
    }

    #[test]
    fn one_broken_question_does_not_hide_the_next() {
        let text = "One?\nA. a\nB. b\n\nTwo?\nA. a\nC. b\nD. c\nANSWER: A\n\nThree?\nA. a\nB. b\nANSWER: B\n\nFour?";
        assert_eq!(
            told(text),
            [
                "line 1: no ANSWER line follows its options",
                "line 7: option C where B comes next",
                "line 16: the file ends before its ANSWER line",
            ]
        );
        assert_eq!(read(text).items.len(), 1);
    }
}
