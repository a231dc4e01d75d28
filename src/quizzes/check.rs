//! What is wrong with a bank's file, and what its author may want to know: for `quizzes check`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::bank::Bank;
use crate::domain::quiz::draft::Problem;
use crate::domain::{OptionId, Question, QuizId};

/// What a check found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be put right.
    pub errors: Vec<Problem>,
    /// What is worth a look.
    pub warnings: Vec<Problem>,
    /// How many questions were checked; none of a file that cannot be read.
    pub questions: usize,
    /// The bank's name, if it could be read.
    pub quiz_id: Option<QuizId>,
}

/// Fewest questions from which it says something that one option is often right.
const ENOUGH_FOR_OPTIONS: usize = 10;
/// Fewest questions from which it says something that the right option is often the longest.
const ENOUGH_FOR_LENGTHS: usize = 20;

/// Checks a bank's file.
pub fn check_file(path: &Path) -> Findings {
    match fs::read(path) {
        Ok(bytes) => check(&bytes),
        Err(error) => Findings { errors: vec![Problem::new("file", error.to_string())], ..Findings::default() },
    }
}

/// Checks what stands in a bank's file.
pub fn check(bytes: &[u8]) -> Findings {
    match Bank::parse(bytes) {
        Err(errors) => Findings { errors, ..Findings::default() },
        Ok(bank) => Findings {
            errors: predictable_option(&bank.questions).into_iter().collect(),
            warnings: advice(&bank.questions),
            questions: bank.questions.len(),
            quiz_id: Some(bank.id),
        },
    }
}

/// One `optionId` is right so often that a player who always names it wins. Of two options one is
/// right in half the questions or more by chance alone, so those count as three quarters.
fn predictable_option(questions: &[Arc<Question>]) -> Option<Problem> {
    if questions.len() < ENOUGH_FOR_OPTIONS {
        return None;
    }
    let mut often: BTreeMap<OptionId, usize> = BTreeMap::new();
    for question in questions {
        *often.entry(question.key.correct_option()).or_default() += 1;
    }
    let pairs = questions.iter().filter(|question| question.options.len() == 2).count();
    let quarters = 2 * (questions.len() - pairs) + 3 * pairs;
    let (id, count) = often.into_iter().max_by_key(|(_, count)| *count)?;
    let message = format!(
        "optionId {id} is right in {count} of {} questions: whoever always names it wins; vary the right one",
        questions.len()
    );
    (4 * count > quarters).then(|| Problem::new("questions", message))
}

fn advice(questions: &[Arc<Question>]) -> Vec<Problem> {
    let mut advice = same_texts(questions);
    let bare = questions.iter().filter(|question| question.explanation.is_none()).count();
    if bare > 0 {
        let message = format!("{bare} of {} have no explanation", questions.len());
        advice.push(Problem::new("questions", message));
    }
    let longest = questions.iter().filter(|question| is_right_longest(question)).count();
    if questions.len() >= ENOUGH_FOR_LENGTHS && 10 * longest > 6 * questions.len() {
        let message = format!("the right option is the longest in {longest} of {}", questions.len());
        advice.push(Problem::new("questions", message));
    }
    advice
}

fn same_texts(questions: &[Arc<Question>]) -> Vec<Problem> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut same = Vec::new();
    for (index, question) in questions.iter().enumerate() {
        let text = question.text.as_deref().unwrap_or_default().trim();
        let first = *seen.entry(text).or_insert(index);
        if first != index {
            same.push(Problem::new(format!("questions[{index}].text"), format!("the same as questions[{first}]'s")));
        }
    }
    same
}

fn is_right_longest(question: &Question) -> bool {
    let length = |id: OptionId| {
        let text = question.option(id).and_then(|option| option.text.as_ref());
        text.map_or(0, |text| text.chars().count())
    };
    let right = question.key.correct_option();
    let mut others = question.options.iter().filter(|option| option.id != right);
    others.all(|option| length(option.id) < length(right))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::bank::tests::bank_file;
    use super::*;

    /// A bank of that many questions of four options, the right one's id by position, all explained.
    fn file(questions: usize, right: impl Fn(usize) -> u64) -> Value {
        let mut file = bank_file("b", questions);
        for (n, question) in file["questions"].as_array_mut().expect("a list").iter_mut().enumerate() {
            let option = |id| json!({"optionId": id, "text": format!("option {id}")});
            question["options"] = (1..=4).map(option).collect();
            question["correctOptionId"] = json!(right(n));
            question["explanation"] = json!("so");
        }
        file
    }

    fn told(file: &Value) -> (Vec<String>, Vec<String>) {
        let findings = check(file.to_string().as_bytes());
        let written = |problems: &[Problem]| problems.iter().map(Problem::to_string).collect();
        (written(&findings.errors), written(&findings.warnings))
    }

    #[test]
    fn a_good_bank_gives_no_finding() {
        assert_eq!(told(&file(40, |n| n as u64 % 4 + 1)), (vec![], vec![]));
    }

    #[test]
    fn one_option_right_in_more_than_half_is_an_error() {
        let (errors, _) = told(&file(10, |n| if n < 6 { 3 } else { 1 }));
        let message = "whoever always names it wins; vary the right one";
        assert_eq!(errors, [format!("questions: optionId 3 is right in 6 of 10 questions: {message}")]);
        assert_eq!(told(&file(10, |n| if n < 5 { 3 } else { 1 })).0, [""; 0], "half is not more than half");
        assert_eq!(told(&file(9, |_| 3)).0, [""; 0], "too few to tell");
    }

    #[test]
    fn true_or_false_may_be_uneven_up_to_three_quarters() {
        let pairs = |truths: usize| {
            let mut file = bank_file("b", 12);
            for n in 0..12 {
                file["questions"][n]["correctOptionId"] = json!(if n < truths { 1 } else { 2 });
            }
            told(&file).0.len()
        };
        assert_eq!((pairs(9), pairs(10)), (0, 1));
    }

    #[test]
    fn what_is_worth_a_look_is_a_warning() {
        let mut file = file(20, |n| n as u64 % 4 + 1);
        file["questions"][7]["text"] = file["questions"][2]["text"].clone();
        for n in 0..13 {
            file["questions"][n]["options"][n % 4]["text"] = json!("a longer option");
        }
        file["questions"][5]["explanation"] = Value::Null;
        let (errors, warnings) = told(&file);
        assert_eq!(errors, [""; 0]);
        assert_eq!(
            warnings,
            [
                "questions[7].text: the same as questions[2]'s",
                "questions: 1 of 20 have no explanation",
                "questions: the right option is the longest in 13 of 20",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_bank_gives_its_problems() {
        let findings = check(b"{}");
        assert_eq!(findings.errors[0].message, "missing field `quizId` at line 1 column 2");
        assert_eq!(check_file(Path::new("/no/such/bank.json")).errors[0].path, "file");
    }
}
