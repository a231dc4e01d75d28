//! The order of a question's options: which of them may be shuffled, and which keep their place.

use super::{AnswerKey, Choice, Correct, Kind, Question};

/// Shuffles a question's options. `chance(n)` returns a random number below n. The options keep their order
/// if one of them names others by letter, or if they are a pair such as True and False. "All of the above"
/// stays last.
pub fn shuffle(question: &mut Question, chance: &mut dyn FnMut(usize) -> usize) {
    let texts = || question.options.iter().filter_map(|option| option.text.as_deref());
    let is_pair = question.key.kind() == Kind::Choice && question.options.len() == 2;
    if (is_pair && texts().all(is_truth)) || texts().any(names_letters) {
        return;
    }
    let options = &mut question.options;
    for place in 0..options.len() {
        let drawn = place + chance(options.len() - place);
        options.swap(place, drawn);
    }
    let is_about_others = |option: &Choice| option.text.as_deref().is_some_and(is_about_others);
    options.sort_by_key(is_about_others);
}

/// Whether an `order` question shows its options in the right order. A player who sent them back unchanged
/// would be right.
pub fn is_solved(question: &Question) -> bool {
    let AnswerKey::Order(_) = question.key else { return false };
    let shown = question.options.iter().map(|option| &option.id);
    matches!(question.key.correct(), Correct::Order { correct_order } if shown.eq(&correct_order))
}

/// Shuffles the options so that the question is not shown with its solution.
pub fn unsolve(question: &mut Question, chance: &mut dyn FnMut(usize) -> usize) {
    shuffle(question, chance);
    let count = question.options.len();
    if count > 1 && is_solved(question) {
        question.options.rotate_left(1 + chance(count - 1));
    }
}

/// Whether an option belongs to a pair that everybody expects in a fixed order.
fn is_truth(option: &str) -> bool {
    let lower = option.trim().to_lowercase();
    ["true", "false", "yes", "no", "wahr", "falsch", "richtig", "ja", "nein", "vrai", "faux", "oui", "non"]
        .contains(&lower.as_str())
}

/// Whether an option speaks of the other options: "All of the above", "None of these", "Keine der genannten".
pub fn is_about_others(option: &str) -> bool {
    let lower = option.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let begins = ["all", "none", "both", "neither", "any", "alle", "keine", "keiner", "keines", "beide"];
    let speaks_of = ["above", "these", "those", "genannten", "obigen", "antworten"];
    words.len() <= 6
        && words.first().is_some_and(|word| begins.contains(word))
        && words.iter().skip(1).any(|word| speaks_of.contains(word))
}

/// Whether an option names others by letter: "Both A and C".
pub fn names_letters(option: &str) -> bool {
    let words: Vec<&str> = option.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_letter = |word: &str| matches!(word.as_bytes(), [b'A'..=b'L']);
    let joins = |word: &str| matches!(word, "and" | "or" | "nor" | "und" | "oder");
    words.windows(3).any(|three| is_letter(three[0]) && joins(three[1]) && is_letter(three[2]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::*;

    fn shuffled(texts: &[&str]) -> Vec<String> {
        let mut question = question(1, texts.len() as u64);
        for (option, text) in question.options.iter_mut().zip(texts) {
            option.text = Some((*text).to_owned());
        }
        shuffle(&mut question, &mut |n| n - 1);
        question.options.into_iter().filter_map(|option| option.text).collect()
    }

    #[test]
    fn options_change_places_and_keep_their_names() {
        let mut one = question(1, 4);
        shuffle(&mut one, &mut |n| n - 1);
        let ids: Vec<u64> = one.options.iter().map(|option| option.id.into()).collect();
        assert_eq!(ids, [4, 1, 2, 3]);
        assert_eq!(one.option(one.options[0].id).and_then(|option| option.text.as_deref()), Some("option 4"));
    }

    #[test]
    fn what_speaks_of_the_other_options_keeps_its_place() {
        assert_eq!(shuffled(&["a", "All of the above.", "b"]), ["b", "a", "All of the above."]);
        assert_eq!(shuffled(&["a", "Keine der genannten", "b"])[2], "Keine der genannten");
        assert_eq!(shuffled(&["x", "y", "Both A and B"]), ["x", "y", "Both A and B"]);
    }

    #[test]
    fn what_is_to_be_put_in_order_is_never_shown_in_it() {
        let correct_order: Vec<_> = question(1, 4).options.iter().map(|option| option.id).collect();
        for drawn in [0, 1, 2] {
            let mut one = question(1, 4);
            one.key = AnswerKey::Order(serde_json::from_value(serde_json::json!([1, 2, 3, 4])).expect("ids"));
            assert!(is_solved(&one));
            unsolve(&mut one, &mut |n| drawn.min(n - 1));
            assert!(!is_solved(&one), "{drawn}");
            let mut ids: Vec<_> = one.options.iter().map(|option| option.id).collect();
            ids.sort_unstable();
            assert_eq!(ids, correct_order);
        }
        assert!(!is_solved(&question(1, 4)));
    }

    #[test]
    fn true_stands_before_false() {
        assert_eq!(shuffled(&["True", "False"]), ["True", "False"]);
        assert_eq!(shuffled(&["cats", "dogs"]), ["dogs", "cats"]);
    }
}
