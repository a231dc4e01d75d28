//! From items to questions: clean texts, the order of the options, and the names of both.
//!
//! Order and names depend on what a player sees alone. Had they anything of the key in them, a
//! player who knows this source could compute the right option.

use std::collections::{BTreeMap, HashMap};

use super::Item;
use crate::domain::quiz::draft::{ChoiceDraft, Kind, Problem, QuestionDraft};
use crate::domain::{OptionId, QuestionId};

/// Turns items into questions. A warning for whatever had to be changed.
pub(super) fn deal(items: Vec<Item>, warnings: &mut Vec<Problem>, problems: &mut Vec<Problem>) -> Vec<QuestionDraft> {
    let given = items.iter().filter_map(|item| Some((item.id.clone()?, item.place.clone()))).collect();
    let mut names = Names { taken: given };
    let mut questions = Vec::with_capacity(items.len());
    for mut item in items {
        tidy(&mut item);
        match drop_repeats(&mut item, warnings) {
            Ok(()) => questions.push(question(item, &mut names, warnings)),
            Err(problem) => problems.push(problem),
        }
    }
    questions
}

fn tidy(item: &mut Item) {
    item.text = clean(&item.text);
    for option in &mut item.options {
        *option = clean(option);
    }
    for text in [&mut item.category, &mut item.explanation] {
        *text = text.take().map(|text| clean(&text)).filter(|text| !text.is_empty());
    }
}

/// Without surrounding space, and without control characters other than line breaks.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.chars().map(plain).collect::<String>().trim().to_owned()
}

fn drop_repeats(item: &mut Item, warnings: &mut Vec<Problem>) -> Result<(), Problem> {
    if item.options.iter().any(String::is_empty) {
        return Err(Problem::new(&item.place, "an option is empty"));
    }
    let right = item.options[item.right].clone();
    let mut kept: Vec<String> = Vec::with_capacity(item.options.len());
    for option in item.options.drain(..) {
        if kept.contains(&option) {
            warnings.push(Problem::new(&item.place, format!("option {option:?} stands here twice; kept once")));
        } else {
            kept.push(option);
        }
    }
    if kept.len() < 2 {
        return Err(Problem::new(&item.place, "fewer than 2 different options"));
    }
    item.right = kept.iter().position(|option| *option == right).expect("only repeats are dropped");
    item.options = kept;
    Ok(())
}

fn question(item: Item, names: &mut Names, warnings: &mut Vec<Problem>) -> QuestionDraft {
    let question_id = match &item.id {
        Some(id) => id.clone(),
        None => names.name(&item, warnings),
    };
    let right = item.options[item.right].clone();
    let options = in_order(&item, warnings);
    let number = |n: usize| OptionId::try_from(n as u64 + 1).expect("a position is far below the bound");
    let correct = options.iter().position(|option| *option == right).expect("sorting loses nothing");
    let choice = |(n, text): (usize, String)| ChoiceDraft { option_id: number(n), text: Some(text) };
    QuestionDraft {
        question_id,
        kind: Kind::Choice,
        text: Some(item.text),
        category: item.category,
        difficulty: item.difficulty,
        image: None,
        time_limit_ms: item.time_limit_ms,
        options: options.into_iter().enumerate().map(choice).collect(),
        correct_option_id: number(correct),
        explanation: item.explanation,
    }
}

/// The options in the order of their hashes; "all of the above" stays below. Options that name each
/// other by letter keep their order.
fn in_order(item: &Item, warnings: &mut Vec<Problem>) -> Vec<String> {
    let mut options = item.options.clone();
    if options.iter().any(|option| names_letters(option)) {
        let message = "an option names others by letter; the order is kept, but players may see no letters";
        warnings.push(Problem::new(&item.place, message));
    } else if !item.ordered {
        options.sort_by_cached_key(|option| (is_about_all(option), *hash(&item.text, &[option]).as_bytes()));
    }
    options
}

/// "All of the above", "None of these".
fn is_about_all(option: &str) -> bool {
    let lower = option.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    matches!(words.next(), Some("all" | "none" | "both" | "neither" | "any"))
        && words.next() == Some("of")
        && words.any(|word| matches!(word, "above" | "these"))
}

/// "Both A and C".
fn names_letters(option: &str) -> bool {
    let words: Vec<&str> = option.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_letter = |word: &str| matches!(word.as_bytes(), [b'A'..=b'L']);
    words.windows(3).any(|three| is_letter(three[0]) && matches!(three[1], "and" | "or" | "nor") && is_letter(three[2]))
}

fn hash(text: &str, options: &[&String]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for option in options {
        hasher.update(&[0]).update(option.as_bytes());
    }
    hasher.finalize()
}

/// The names that are taken, with the place of each.
struct Names {
    taken: HashMap<QuestionId, String>,
}

impl Names {
    /// A name out of what the question says; with a number behind it if the same stood before.
    fn name(&mut self, item: &Item, warnings: &mut Vec<Problem>) -> QuestionId {
        let sorted: BTreeMap<&String, ()> = item.options.iter().map(|option| (option, ())).collect();
        let sorted: Vec<&String> = sorted.into_keys().collect();
        let stem = format!("q-{}", &hash(&item.text, &sorted).to_hex()[..12]);
        let mut name = stem.clone();
        for n in 2.. {
            let id: QuestionId = name.parse().expect("hex digits are a valid name");
            match self.taken.get(&id) {
                None => {
                    self.taken.insert(id.clone(), item.place.clone());
                    return id;
                }
                Some(before) if n == 2 => {
                    let message = format!("the same question and options as {before}; kept under a name of its own");
                    warnings.push(Problem::new(&item.place, message));
                }
                Some(_) => {}
            }
            name = format!("{stem}-{n}");
        }
        unreachable!("some number is free")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str, options: &[&str], right: usize) -> Item {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Item::new("line 1".to_owned(), text.to_owned(), options, right)
    }

    fn dealt(items: Vec<Item>) -> (Vec<QuestionDraft>, Vec<String>) {
        let (mut warnings, mut problems) = (Vec::new(), Vec::new());
        let questions = deal(items, &mut warnings, &mut problems);
        (questions, warnings.iter().chain(&problems).map(Problem::to_string).collect())
    }

    fn right(question: &QuestionDraft) -> Option<&str> {
        let right = question.options.iter().find(|option| option.option_id == question.correct_option_id);
        right.and_then(|option| option.text.as_deref())
    }

    #[test]
    fn neither_order_nor_name_tells_what_is_right() {
        let (asked, _) = dealt(vec![item("Which?", &["a", "b", "c", "d"], 0)]);
        let (other, _) = dealt(vec![item("Which?", &["d", "c", "b", "a"], 1)]);
        assert_eq!(asked[0].options, other[0].options);
        assert_eq!(asked[0].question_id, other[0].question_id);
        assert_eq!((right(&asked[0]), right(&other[0])), (Some("a"), Some("c")));
    }

    #[test]
    fn the_right_option_is_everywhere_about_as_often() {
        let items = (0..1_000).map(|n| item(&format!("Question {n}?"), &["a", "b", "c", "d"], 0)).collect();
        let (questions, _) = dealt(items);
        for id in 1..=4 {
            let often = questions.iter().filter(|question| u64::from(question.correct_option_id) == id).count();
            assert!((200..300).contains(&often), "option {id}: {often}");
        }
    }

    #[test]
    fn what_speaks_of_the_other_options_keeps_its_place() {
        let texts = |question: &QuestionDraft| -> Vec<String> {
            question.options.iter().filter_map(|option| option.text.clone()).collect()
        };
        for n in 0..20 {
            let text = format!("Question {n}?");
            let (questions, told) = dealt(vec![item(&text, &["a", "All of the above.", "b", "c"], 1)]);
            assert_eq!((texts(&questions[0])[3].as_str(), told.len()), ("All of the above.", 0));
            let (questions, told) = dealt(vec![item(&text, &["x", "y", "Both A and B", "z"], 2)]);
            assert_eq!(
                (texts(&questions[0]), told.len()),
                (["x", "y", "Both A and B", "z"].map(str::to_owned).to_vec(), 1)
            );
        }
    }

    #[test]
    fn true_stands_before_false() {
        let (questions, _) = dealt(vec![Item::true_or_false("line 1".to_owned(), "So?".to_owned(), false)]);
        let texts: Vec<_> = questions[0].options.iter().filter_map(|option| option.text.as_deref()).collect();
        assert_eq!(texts, ["True", "False"]);
        assert_eq!(right(&questions[0]), Some("False"));
    }

    #[test]
    fn repeats_are_kept_once_or_under_a_name_of_their_own() {
        let (questions, told) = dealt(vec![
            item("Which?", &["a", " b", "a ", "b"], 2),
            item("Which?", &["b", "a"], 0),
            item("Which?", &["b", "a"], 0),
            item("And?", &["a", "a"], 0),
        ]);
        assert_eq!(
            told,
            [
                r#"line 1: option "a" stands here twice; kept once"#,
                r#"line 1: option "b" stands here twice; kept once"#,
                "line 1: the same question and options as line 1; kept under a name of its own",
                "line 1: the same question and options as line 1; kept under a name of its own",
                r#"line 1: option "a" stands here twice; kept once"#,
                "line 1: fewer than 2 different options",
            ]
        );
        assert_eq!(right(&questions[0]), Some("a"));
        let ids: Vec<_> = questions.iter().map(|question| question.question_id.as_str()).collect();
        assert!(ids[0].len() == 14 && ids[1] == format!("{}-2", ids[0]) && ids[2] == format!("{}-3", ids[0]));
    }
}
