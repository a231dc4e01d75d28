//! The kinds of question: which drafts are valid, which answers are taken, and what they earn.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::quiz::draft::{self, Texts};
use crate::domain::scoring::Partial;

/// A question of this kind, from a draft with these fields.
pub(crate) fn question(kind: &str, fields: &Value) -> Question {
    checked(kind, fields).expect("nothing is wrong").remove(0)
}

fn told(kind: &str, fields: &Value) -> Vec<String> {
    checked(kind, fields).expect_err("something is wrong").iter().map(ToString::to_string).collect()
}

fn checked(kind: &str, fields: &Value) -> Result<Vec<Question>, Vec<draft::DraftProblem>> {
    let mut draft = json!({"questionId": "q", "kind": kind, "text": "What?"});
    for (name, value) in fields.as_object().expect("fields") {
        draft[name] = value.clone();
    }
    draft::check(vec![serde_json::from_value(draft).expect("a draft")], Texts::Required)
}

pub(crate) fn options(ids: &[u64]) -> Value {
    ids.iter().map(|id| json!({"optionId": id, "text": format!("option {id}")})).collect()
}

fn ids(ids: &[u64]) -> Answer {
    Answer::Options(ids.iter().map(|id| OptionId::try_from(*id).expect("small")).collect())
}

fn option(id: u64) -> Answer {
    Answer::Option(OptionId::try_from(id).expect("small"))
}

fn text(text: &str) -> Answer {
    Answer::Text(text.to_owned())
}

fn number(text: &str) -> Answer {
    Answer::Number(text.parse().expect("a number"))
}

fn shares() -> Scoring {
    Scoring { multiple: Partial::Shares, order: Partial::Shares, ..Scoring::default() }
}

fn grade(question: &Question, answer: Answer, scoring: &Scoring) -> Grade {
    let taken = question.take(answer).expect("an answer to it");
    question.grade(Some(&taken), scoring)
}

fn is_right(question: &Question, answer: Answer) -> bool {
    grade(question, answer, &Scoring::default()).is_right()
}

fn counted(question: &Question, answers: &[Answer]) -> Value {
    let answers: Vec<&Answer> = answers.iter().collect();
    serde_json::to_value(question.counts(&answers)).expect("JSON")
}

/// The n-th answer to a question made by [`question_of_kind`], in the form that its kind takes.
pub(crate) fn answer_like(question: &Question, n: u64) -> Answer {
    let nth = |k: u64| question.options[(k as usize) % question.options.len()].id;
    match question.key.kind() {
        Kind::Choice => option(n),
        Kind::Poll if !question.options.is_empty() => option(n),
        Kind::Multiple => Answer::Options(vec![nth(n + 1), nth(n)]),
        Kind::Order => Answer::Options((0..question.options.len() as u64).map(|k| nth(n + k)).collect()),
        Kind::Text | Kind::Poll => text(&format!("Text {n}")),
        Kind::Number => Answer::Number((n as u32).into()),
    }
}

/// A question of the n-th kind, to which [`answer_like`] of `right` is right.
pub(crate) fn question_of_kind(kind: usize, right: u64) -> Question {
    let four = options(&[0, 1, 2, 3]);
    let (one, next) = (right % 4, (right + 1) % 4);
    match kind % 7 {
        0 => question("choice", &json!({"options": four, "correctOptionId": one})),
        1 => question("multiple", &json!({"options": four, "correctOptionIds": [one, next], "points": 2})),
        2 => question("text", &json!({"correctTexts": [format!("text {right}"), format!("tëxt {right}")]})),
        3 => question("number", &json!({"correctNumber": right, "tolerance": 0.5})),
        4 => {
            let order: Vec<_> = (0..4).map(|k| (right + k) % 4).collect();
            question("order", &json!({"options": four, "correctOrder": order, "noSpeedBonus": true}))
        }
        5 => question("poll", &json!({"options": four})),
        _ => question("poll", &json!({})),
    }
}

/// One question of each kind.
fn of_every_kind() -> Vec<Question> {
    vec![
        question("choice", &json!({"options": options(&[1, 2, 3]), "correctOptionId": 2})),
        question("multiple", &json!({"options": options(&[1, 2, 3, 4]), "correctOptionIds": [4, 1]})),
        question("text", &json!({"correctTexts": ["Zürich", "Zurich"], "maxTypos": 1})),
        question("number", &json!({"correctNumber": 2.54, "tolerance": 0.01})),
        question("number", &json!({"correctRange": {"min": -1, "max": 2.5}})),
        question("order", &json!({"options": options(&[1, 2, 3]), "correctOrder": [2, 3, 1]})),
        question("poll", &json!({"options": options(&[1, 2])})),
        question("poll", &json!({})),
    ]
}

#[test]
fn several_options_are_right_together_or_in_shares() {
    let question = question("multiple", &json!({"options": options(&[1, 2, 3, 4]), "correctOptionIds": [4, 1]}));
    assert!(is_right(&question, ids(&[4, 1])) && is_right(&question, ids(&[1, 4])));
    assert!(!is_right(&question, ids(&[1])) && !is_right(&question, ids(&[1, 2, 4])));
    let share = |chosen: &[u64]| grade(&question, ids(chosen), &shares());
    assert_eq!((share(&[1]), share(&[1, 4])), (Grade::share(1, 2), Grade::share(2, 2)));
    assert_eq!((share(&[1, 2]), share(&[1, 2, 4])), (Grade::share(0, 2), Grade::share(1, 2)));
    assert_eq!(share(&[2, 3]), Grade::share(0, 2), "never below nothing");
}

#[test]
fn neighbours_in_order_earn_shares() {
    let question = question("order", &json!({"options": options(&[1, 2, 3, 4]), "correctOrder": [2, 3, 1, 4]}));
    assert!(is_right(&question, ids(&[2, 3, 1, 4])) && !is_right(&question, ids(&[3, 2, 1, 4])));
    let share = |order: &[u64]| grade(&question, ids(order), &shares());
    assert_eq!(share(&[2, 3, 1, 4]), Grade::share(3, 3));
    assert_eq!(share(&[1, 4, 2, 3]), Grade::share(2, 3));
    assert_eq!(share(&[4, 1, 3, 2]), Grade::share(0, 3));
}

#[test]
fn a_typed_text_is_compared_without_case_width_and_runs_of_blanks() {
    let plain = question("text", &json!({"correctTexts": ["New York", "Straße"]}));
    for right in ["new york", "  NEW   YORK ", "Ｎｅｗ Ｙｏｒｋ", "new\u{a0}york", "STRASSE", "STRAẞE", "strasse"]
    {
        assert!(is_right(&plain, text(right)), "{right}");
    }
    for wrong in ["newyork", "New Yrok", "Strase"] {
        assert!(!is_right(&plain, text(wrong)), "{wrong}");
    }
    let quoted = question("text", &json!({"correctTexts": ["O'Hara"]}));
    assert!(is_right(&quoted, text("o’hara")), "a phone types another apostrophe");
}

#[test]
fn accents_and_slips_are_forgiven_if_asked() {
    let strict = question("text", &json!({"correctTexts": ["Łódź"]}));
    let lax = question("text", &json!({"correctTexts": ["Łódź"], "ignoreAccents": true}));
    assert!(!is_right(&strict, text("Lodz")) && is_right(&lax, text("Lodz")) && is_right(&strict, text("ŁÓDŹ")));
    let other = question("text", &json!({"correctTexts": ["が", "й"], "ignoreAccents": true}));
    assert!(is_right(&other, text("が")) && !is_right(&other, text("か")) && !is_right(&other, text("и")));
    let one = question("text", &json!({"correctTexts": ["Mississippi", "1969"], "maxTypos": 1}));
    for right in ["Missisippi", "Mississippii", "Mississipip", "mississippj"] {
        assert!(is_right(&one, text(right)), "{right}");
    }
    let short = question("text", &json!({"correctTexts": ["no", "cat"], "maxTypos": 3}));
    assert!(is_right(&short, text("cut")) && !is_right(&short, text("so")) && !is_right(&short, text("dot")));
    for wrong in ["Misisippi", "1968", "196", "missisippy"] {
        assert!(!is_right(&one, text(wrong)), "{wrong}");
    }
}

#[test]
fn a_number_is_right_within_its_bounds_and_no_hair_beyond() {
    let near = question("number", &json!({"correctNumber": 2.54, "tolerance": 0.01}));
    for (typed, right) in [("2.55", true), ("2.53", true), ("2.540", true), ("2.5500001", false), ("2.529", false)] {
        assert_eq!(is_right(&near, number(typed)), right, "{typed}");
    }
    let exact = question("number", &json!({"correctNumber": 42}));
    assert!(is_right(&exact, number("42.0")) && !is_right(&exact, number("42.1")));
    let range = question("number", &json!({"correctRange": {"min": -1, "max": 2.5}}));
    assert!(is_right(&range, number("-1")) && is_right(&range, number("2.5")) && !is_right(&range, number("2.51")));
}

#[test]
fn a_poll_knows_no_right_and_earns_nothing() {
    let poll = question("poll", &json!({"options": options(&[1, 2])}));
    let grade = grade(&poll, option(1), &shares());
    assert_eq!((grade.verdict(), poll.unanswered().verdict()), (None, None));
    assert_eq!(serde_json::to_value(poll.key.correct()).expect("JSON"), json!({}));
    assert_eq!(told("poll", &json!({"points": 2})), ["questions[0].points: a poll earns no points"]);
}

#[test]
fn an_answer_stands_in_its_own_field_and_names_what_is_there() {
    let every = of_every_kind();
    let (choice, multiple, typed, order) = (&every[0], &every[1], &every[2], &every[5]);
    let other = |given, wanted| Err(AnswerFault::OtherField { given, wanted });
    assert_eq!(choice.take(ids(&[1])), other(AnswerField::OptionIds, AnswerField::OptionId));
    assert_eq!(multiple.take(option(1)), other(AnswerField::OptionId, AnswerField::OptionIds));
    assert_eq!(typed.take(number("1")), other(AnswerField::Number, AnswerField::Text));
    assert_eq!(every[6].take(text("x")), other(AnswerField::Text, AnswerField::OptionId));
    assert_eq!(every[7].take(option(1)), other(AnswerField::OptionId, AnswerField::Text));
    assert_eq!(choice.take(option(9)), Err(AnswerFault::NoSuchOption(None)));
    assert_eq!(multiple.take(ids(&[1, 9])), Err(AnswerFault::NoSuchOption(Some(1))));
    assert_eq!(multiple.take(ids(&[1, 1])), Err(AnswerFault::Repeated(1)));
    assert_eq!(multiple.take(ids(&[])), Err(AnswerFault::Empty(AnswerField::OptionIds)));
    assert_eq!(order.take(ids(&[1, 2])), Err(AnswerFault::NotAll(3)));
    assert_eq!(typed.take(text(" \u{200b}\n")), Err(AnswerFault::Empty(AnswerField::Text)));
    assert_eq!(typed.take(text("\u{202e}")), Err(AnswerFault::Empty(AnswerField::Text)));
    assert_eq!(typed.take(text(&"x".repeat(201))), Err(AnswerFault::TooLong));
    assert_eq!(typed.take(text(" a\tb ")), Ok(text("a b")));
}

#[test]
fn answers_are_counted_by_kind() {
    let every = of_every_kind();
    let by_option = json!([{"optionId": 1, "count": 2}, {"optionId": 2, "count": 0}, {"optionId": 3, "count": 1}]);
    assert_eq!(counted(&every[0], &[option(1), option(3), option(1)]), by_option);
    let chosen = counted(&every[1], &[ids(&[1, 4]), ids(&[1])]);
    assert_eq!((&chosen[0]["count"], &chosen[3]["count"]), (&json!(2), &json!(1)));
    let typed = counted(&every[2], &[text("Zürich"), text("ZÜRICH"), text("Bern")]);
    assert_eq!(typed, json!([{"text": "Zürich", "count": 2}, {"text": "Bern", "count": 1}]));
    let numbers = counted(&every[3], &[number("3"), number("3.0"), number("4")]);
    assert_eq!(numbers, json!([{"number": 3, "count": 2}, {"number": 4, "count": 1}]));
    let orders = counted(&every[5], &[ids(&[1, 2, 3]), ids(&[2, 3, 1]), ids(&[2, 3, 1])]);
    assert_eq!(orders[0], json!({"optionIds": [2, 3, 1], "count": 2}));
    let words = counted(&every[7], &[text("Tea, green tea!"), text("green"), text("C++ 3.14 👍 (!)")]);
    let once = ["Tea", "C++", "3.14", "👍"].map(|word| json!({"text": word, "count": 1}));
    assert_eq!(words, json!([&[json!({"text": "green", "count": 2})][..], &once[..]].concat()));
}

#[test]
fn a_reveal_counts_the_most_frequent_alone() {
    let answers: Vec<Answer> = (0..50).map(|n| text(&format!("word{n}"))).collect();
    assert_eq!(counted(&of_every_kind()[2], &answers).as_array().map(Vec::len), Some(MOST_COUNTED));
}

#[test]
fn what_is_wrong_with_a_kind_is_told_with_its_path() {
    let two = options(&[1, 2]);
    let cases = [
        ("multiple", json!({"options": two}), "correctOptionIds: missing"),
        ("multiple", json!({"options": two, "correctOptionIds": []}), "correctOptionIds: at least 1"),
        ("multiple", json!({"options": two, "correctOptionIds": [1, 7]}), "correctOptionIds[1]: none of the options"),
        (
            "multiple",
            json!({"options": two, "correctOptionIds": [1, 1]}),
            "correctOptionIds[1]: stands here a second time",
        ),
        (
            "choice",
            json!({"options": two, "correctOptionIds": [1]}),
            "correctOptionIds: a question of the kind choice has none",
        ),
        ("text", json!({"correctTexts": []}), "correctTexts: 1 to 50"),
        ("text", json!({"correctTexts": ["a", " A "]}), "correctTexts[1]: the same as one before it"),
        ("text", json!({"correctTexts": [" "]}), "correctTexts[0]: empty"),
        ("text", json!({"correctTexts": ["\u{301}"], "ignoreAccents": true}), "correctTexts[0]: empty"),
        ("text", json!({"correctTexts": ["a"], "maxTypos": 4}), "maxTypos: at most 3"),
        ("text", json!({"correctTexts": ["a"], "options": two}), "options: a question of the kind text has none"),
        ("number", json!({}), "correctNumber: missing; or give correctRange"),
        ("number", json!({"correctNumber": 1, "tolerance": -1}), "tolerance: not below 0"),
        ("number", json!({"correctRange": {"min": 2, "max": 1}}), "correctRange.min: above max"),
        ("order", json!({"options": two, "correctOrder": [1]}), "correctOrder: 1 options, and it must name all 2"),
        ("order", json!({"options": two, "correctOrder": [1, 3]}), "correctOrder[1]: none of the options"),
        (
            "poll",
            json!({"options": two, "correctOptionId": 1}),
            "correctOptionId: a question of the kind poll has none",
        ),
        ("poll", json!({"options": options(&[1])}), "options: at least 2"),
        ("choice", json!({"options": two, "correctOptionId": 1, "points": 11}), "points: 0 to 10"),
        ("choice", json!({"options": two, "correctOptionId": 1, "alt": "x"}), "alt: there is no image"),
    ];
    for (kind, fields, problem) in cases {
        let told = told(kind, &fields);
        assert!(told.contains(&format!("questions[0].{problem}")), "{kind} {fields}: {told:?}");
    }
}

#[test]
fn what_its_author_handed_in_comes_back() {
    for question in of_every_kind() {
        let again = draft::check(vec![QuestionDraft::from(&question)], Texts::Required);
        assert_eq!(again, Ok(vec![question]));
    }
}

proptest! {
    #[test]
    fn no_typed_text_is_too_strange(typed in "\\PC{0,80}", accents in any::<bool>()) {
        let once = text::folded(&typed, accents);
        prop_assert_eq!(text::folded(&once, accents), once.clone(), "{:?}", typed);
        let fields = json!({"correctTexts": ["x"], "maxTypos": 3, "ignoreAccents": accents});
        let _ = question("text", &fields).take(Answer::Text(typed)).map(|answer| counted(&question("text", &fields), &[answer]));
    }
}
