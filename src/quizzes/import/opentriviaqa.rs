//! OpenTriviaQA: `#Q` with the question, `^` with the right answer, then the options, one each after `A`, `B`, ….
//!
//! Everything between `#Q` and `^` is the question, including blank lines and lines that start like options:
//! many questions quote verses.

use super::{Item, ItemKind, ParsedFile, line};
use crate::domain::markup::escape;
use crate::domain::quiz::draft::DraftProblem;

/// The licence of the collection's questions.
pub(super) const LICENSE: &str = "CC BY-SA 4.0, OpenTriviaQA (https://github.com/uberspot/OpenTriviaQA)";

/// Reads a file. A question that can't be read is left out.
pub(super) fn read(text: &str) -> ParsedFile {
    let mut found = ParsedFile::default();
    let mut entry: Option<PartialQuestion> = None;
    for (index, text) in text.lines().enumerate() {
        if let Some(question) = text.strip_prefix("#Q") {
            finish(entry.replace(PartialQuestion::new(index + 1, question)), &mut found);
        } else if let Some(entry) = &mut entry {
            entry.line(index + 1, text);
        } else if !text.trim().is_empty() && found.warnings.is_empty() {
            found.warnings.push(DraftProblem::new(line(index + 1), "what stands before the first #Q is not read"));
        }
    }
    finish(entry, &mut found);
    found
}

fn finish(entry: Option<PartialQuestion>, found: &mut ParsedFile) {
    match entry.map(|entry| entry.item(&mut found.warnings)) {
        None => {}
        Some(Ok(item)) => found.items.push(item),
        Some(Err(problem)) => found.left_out.push(problem),
    }
}

/// The question that is being read. `right` is `None` until its `^` line.
struct PartialQuestion {
    first_line: usize,
    text: Vec<String>,
    right: Option<String>,
    options: Vec<String>,
    problem: Option<DraftProblem>,
}

impl PartialQuestion {
    fn new(first_line: usize, text: &str) -> Self {
        let text = vec![text.trim().to_owned()];
        Self { first_line, text, right: None, options: Vec::new(), problem: None }
    }

    fn line(&mut self, number: usize, text: &str) {
        let Some(right) = &mut self.right else {
            match text.strip_prefix('^') {
                Some(right) => self.right = Some(right.trim().to_owned()),
                None => self.text.push(text.trim().to_owned()),
            }
            return;
        };
        let next = self.options.len();
        match option(text) {
            _ if text.trim().is_empty() => {}
            Some((letter, option)) if letter == next => self.options.push(option.to_owned()),
            Some((letter, _)) if letter > next && letter < next + 3 => {
                let message = format!("option {} where {} comes next", name(letter), name(next));
                self.problem.get_or_insert(DraftProblem::new(line(number), message));
            }
            _ => go_on(self.options.last_mut().unwrap_or(right), text),
        }
    }

    fn item(mut self, warnings: &mut Vec<DraftProblem>) -> Result<Item, DraftProblem> {
        let wrong = |message: String| Err(DraftProblem::new(line(self.first_line), message));
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let text = self.text.join("\n").trim().to_owned();
        let Some(right) = self.right else {
            return wrong("no line with ^ and the right answer follows".to_owned());
        };
        if text.is_empty() {
            return wrong("no question follows #Q".to_owned());
        }
        let all = self.options.len();
        self.options.retain(|option| !option.is_empty());
        if self.options.len() < all {
            warnings.push(DraftProblem::new(line(self.first_line), "an option is empty; imported without it"));
        }
        if self.options.len() < 2 {
            return wrong(format!("has fewer than two options; write them as A, B, … (found: {})", self.options.len()));
        }
        let same = |option: &String| folded(option) == folded(&right);
        let at = self.options.iter().position(|option| *option == right);
        let Some(at) = at.or_else(|| self.options.iter().position(same)) else {
            return wrong(format!("the right answer {right:?} is none of the options; write it like one of them"));
        };
        let (place, text) = (line(self.first_line), escape(&text));
        if let Some(truth) = truth(&self.options, at) {
            return Ok(Item::true_or_false(place, text, truth));
        }
        let options = self.options.iter().map(|option| escape(option)).collect();
        Ok(Item::new(place, text, ItemKind::Choice { options, right: at, in_order: true }))
    }
}

/// Appends a line that continues an answer.
fn go_on(answer: &mut String, text: &str) {
    if !answer.is_empty() {
        answer.push('\n');
    }
    answer.push_str(text.trim());
}

/// The letter's index from 0, and the text after it.
fn option(text: &str) -> Option<(usize, &str)> {
    let letter = *text.as_bytes().first()?;
    let rest = text.get(1..)?;
    let is_apart = rest.is_empty() || rest.starts_with([' ', '\t']);
    (letter.is_ascii_uppercase() && is_apart).then(|| (usize::from(letter - b'A'), rest.trim()))
}

fn name(letter: usize) -> char {
    ('A'..='Z').nth(letter).unwrap_or('?')
}

/// The text without blanks and in lower case, for comparison.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_lowercase()
}

/// If the options are True and False: whether True is right. `None` for other options.
fn truth(options: &[String], right: usize) -> Option<bool> {
    let [first, second] = options else { return None };
    let truth = |text: &str| match folded(text).as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let both = [truth(first)?, truth(second)?];
    (both[0] != both[1]).then(|| both.get(right).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text).left_out.iter().map(DraftProblem::to_string).collect()
    }

    fn choice(options: &[&str], right: usize) -> ItemKind {
        ItemKind::Choice { options: options.iter().map(|&option| option.to_owned()).collect(), right, in_order: true }
    }

    #[test]
    fn questions_are_read_in_the_order_of_the_file() {
        let found = read(
            "\n#Q Which sleeps\n\nI wonder\nA lot?\n^ the  sloth\nA Mouse\nB The Sloth\nC Frog\n\n#Q So?\n^ False\nA True\nB False\n\n",
        );
        let first = Item::new(
            "line 2".to_owned(),
            "Which sleeps\n\nI wonder\nA lot?".to_owned(),
            choice(&["Mouse", "The Sloth", "Frog"], 1),
        );
        assert_eq!(found.items, [first, Item::true_or_false("line 11".to_owned(), "So?".to_owned(), false)]);
        assert!(found.left_out.is_empty() && found.warnings.is_empty());
    }

    #[test]
    fn an_option_may_go_on_in_the_next_line() {
        let found = read("#Q Why?\n^ b\nA a\nI am a\nB b\n");
        assert_eq!(found.items[0].asked, choice(&["a\nI am a", "b"], 1));
    }

    #[test]
    fn false_before_true_is_true_or_false_as_well() {
        let found = read("#Q So?\n^ TRUE\nA False\nB True\n");
        assert_eq!(found.items, [Item::true_or_false("line 1".to_owned(), "So?".to_owned(), true)]);
    }

    #[test]
    fn an_empty_option_is_left_away() {
        let found = read("#Q Which?\n^ b\nA \nB b\nC c\n");
        assert_eq!(found.items[0].asked, choice(&["b", "c"], 0));
        assert_eq!(found.warnings[0].to_string(), "line 1: an option is empty; imported without it");
    }

    #[test]
    fn what_looks_like_markup_is_text() {
        let found = read("#Q Is <b>x</b> bold?\n^ Yes & no\nA Yes & no\nB &lt;\n");
        assert_eq!(found.items[0].text, "Is &lt;b>x&lt;/b> bold?");
        assert_eq!(found.items[0].asked, choice(&["Yes & no", "&amp;lt;"], 0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_hides_no_other() {
        let good = "\n#Q And?\n^ a\nA a\nB b\n";
        let cases = [
            (
                "#Q Which?\n^ x\nA a\nB b",
                "line 1: the right answer \"x\" is none of the options; write it like one of them",
            ),
            ("#Q Which?\n^ a\nA a\nC c", "line 4: option C where B comes next"),
            ("#Q Which?\n^ a\nA a", "line 1: has fewer than two options; write them as A, B, … (found: 1)"),
            ("#Q Which?\nA a\nB b", "line 1: no line with ^ and the right answer follows"),
            ("#Q\n^ a\nA a\nB b", "line 1: no question follows #Q"),
        ];
        for (text, problem) in cases {
            let text = format!("{text}\n{good}");
            assert_eq!((told(&text), read(&text).items.len()), (vec![problem.to_owned()], 1));
        }
        assert_eq!(
            read("Title\n\n#Q And?\n^ a\nA a\nB b\n").warnings[0].to_string(),
            "line 1: what stands before the first #Q is not read"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in r"(#Q|\^|[ABCé ]|true|False|\n){0,40}") {
            read(&text);
        }
    }
}
