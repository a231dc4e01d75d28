//! Tests of the import of Aiken.

use proptest::prelude::*;

use super::*;
use crate::quizzes::import::ItemKind;

fn strings(problems: &[DraftProblem]) -> Vec<String> {
    problems.iter().map(DraftProblem::to_string).collect()
}

fn left_out(text: &str) -> Vec<String> {
    strings(&read(text).left_out)
}

/// All questions of a file without problems or warnings.
fn items(text: &str) -> Vec<Item> {
    let found = read(text);
    assert!(found.left_out.is_empty() && found.warnings.is_empty(), "{text}: {found:?}");
    found.items
}

fn right(item: &Item) -> &str {
    let ItemKind::Choice { options, right, in_order: true } = &item.asked else { panic!("{:?}", item.asked) };
    &options[*right]
}

#[test]
fn questions_of_several_lines_and_both_kinds_of_option_are_read() {
    let found = items(
        "J. S. Bach was born in 1685.\nWhere?\nA. Leipzig\nB. Eisenach\nANSWER: B\n\n\n\
         Which of these is prime?\n\na) 51\nb)57\n\nc) 59\nAnswer:C\n",
    );
    let options = vec!["Leipzig".to_owned(), "Eisenach".to_owned()];
    let asked = ItemKind::Choice { options, right: 1, in_order: true };
    let text = "J. S. Bach was born in 1685.\nWhere?".to_owned();
    assert_eq!(found[0], Item::new("line 1".to_owned(), text, asked));
    assert_eq!((found[1].place.as_str(), right(&found[1])), ("line 8", "59"));
}

#[test]
fn texts_are_plain() {
    let found = items("What is <b>x</b> in R&D?\nA. 2<sup>3</sup>\nB. &lt;\nANSWER: A\n");
    assert_eq!(found[0].text, "What is &lt;b>x&lt;/b> in R&D?");
    assert_eq!(right(&found[0]), "2&lt;sup>3&lt;/sup>");
}

#[test]
fn an_explanation_belongs_to_the_question_before_it() {
    let found = items(
        "Name the largest moon of Saturn.\nA) Titan\nB) Rhea\nAnswer: A\n\
         Explanation: Titan is larger than Mercury.\nName the second largest moon of Saturn.\nA) Titan\nB) Rhea\nAnswer: B\n",
    );
    assert_eq!(found[0].explanation.as_deref(), Some("Titan is larger than Mercury."));
    assert_eq!(found[1].text, "Name the second largest moon of Saturn.");
    assert_eq!((right(&found[1]), found[1].explanation.as_deref()), ("Rhea", None));
    let last = items(
        "Name the largest moon of Saturn.\nA) Titan\nB) Rhea\nAnswer: A\nExplanation: Titan is larger than Mercury.\n",
    );
    assert_eq!(last[0].explanation.as_deref(), Some("Titan is larger than Mercury."));
}

#[test]
fn an_explanation_may_have_several_lines() {
    let question = "Which?\nA) a\nB) b\n";
    let explained = |text: &str| items(text)[0].explanation.clone().unwrap_or_default();
    assert_eq!(explained(&format!("{question}ANSWER: A\n\nFeedback:\nOne.\nTwo.\n")), "One.\nTwo.");
    assert_eq!(
        explained(&format!("{question}ANSWER: A\nExplanation: One.\nTwo.\n\nNext\none?\nA) a\nB) b\nANSWER: B\n")),
        "One.\nTwo."
    );
    assert_eq!(explained(&format!("{question}Explanation: <b>One</b>.\nTwo.\nANSWER: A\n")), "&lt;b>One&lt;/b>.\nTwo.");
    assert_eq!(explained(&format!("{question}ANSWER: A\nExplanation: One.\nFeedback: Two.\n")), "One.\nTwo.");
}

#[test]
fn lines_between_an_explanation_and_the_next_options_are_told() {
    let found = read(
        "Which?\nA) a\nB) b\nANSWER: A\nExplanation: It goes\non here.\nNext?\nA) a\nB) b\nANSWER: B\n\
         Third?\nA) a\nB) b\nANSWER: B\n",
    );
    assert_eq!(found.items.iter().map(|item| item.place.as_str()).collect::<Vec<_>>(), ["line 1", "line 11"]);
    let told = "line 6: lines 6 to 7 can belong to the explanation or to the next question: \
                put a blank line between the two";
    assert_eq!(strings(&found.left_out), [told]);
}

#[test]
fn a_text_may_begin_like_an_option() {
    let found = items("A. Einstein was born in which town?\nA. Ulm\nB. Bern\nANSWER: A\n");
    assert_eq!((found[0].text.as_str(), right(&found[0])), ("A. Einstein was born in which town?", "Ulm"));
    let found = items("Which holds?\nI. a\nII. b\nA. I\nB. II\nANSWER: B\n");
    assert_eq!((found[0].text.as_str(), right(&found[0])), ("Which holds?\nI. a\nII. b", "II"));
}

#[test]
fn an_option_of_two_lines_is_told() {
    let told = left_out("What does the following do?\nA. Prints 1\n   and then 2\nB. Prints 2\nANSWER: A\n");
    assert_eq!(told, ["line 3: the option in line 2 goes on in line 3: write each option in one line"]);
}

#[test]
fn an_answer_has_several_spellings() {
    for (answer, expected) in [
        ("ANSWER: b", "Berlin"),
        ("Answer : B.", "Berlin"),
        ("answer:B)", "Berlin"),
        ("Answer: B) Berlin", "Berlin"),
        ("Answer: B. berlin", "Berlin"),
        ("ANSWER: Bern", "Bern"),
    ] {
        assert_eq!(
            right(&items(&format!("Capital of Germany?\nA. Bern\nB. Berlin\n{answer}"))[0]),
            expected,
            "{answer}"
        );
    }
    assert_eq!(right(&items("Which?\nA. B\nB. A\nANSWER: B. A")[0]), "A");
}

#[test]
fn several_letters_are_right_together_with_a_warning() {
    for answer in ["A, C", "C and A", "a;c", "A C"] {
        let found = read(&format!("Which?\nA. one\nB. two\nC. three\nANSWER: {answer}"));
        let options = ["one", "two", "three"].map(str::to_owned).to_vec();
        assert_eq!(found.items[0].asked, ItemKind::Multiple { options, right: vec![0, 2], in_shares: false });
        assert_eq!(strings(&found.warnings), ["line 1: A, C are right: here players are to choose all of them"]);
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases = [
        ("A. one\nB. two\nANSWER: A", "line 1: an option without a question before it: write what is asked"),
        ("Which?\nA. one\nC. two\nANSWER: A", "line 3: option C where B comes next"),
        ("Which?\nB. one\nC. two\nANSWER: B", "line 2: option B where A comes first"),
        ("Which?\nA. one\nB. two\nANSWER: C", "line 4: the answer is C, and the options end at B"),
        ("Which?\nA. one\nB. two\nANSWER: A, D", "line 4: the answer is D, and the options end at B"),
        ("Which?\nA. one\nB. two\nANSWER:", "line 4: no letter follows ANSWER: write one like ANSWER: A"),
        ("Which?\nA. one\nB. two\nANSWER: B) one", "line 4: the answer is “B) one”, and option B is “two”"),
        ("Which?\nA. one\nB. two\nANSWER: three", "line 4: “three” is no option's letter: write one like ANSWER: A"),
        ("Which?\nANSWER: A", "line 2: an ANSWER line without options before it: write them as A. and B."),
        ("Which?\nA. one\nANSWER: A", "line 2: it has only one option: write others that are wrong"),
        ("Which?\nA. one\nB.\nANSWER: A", "line 3: option B is empty: write a text, or take it out"),
        ("Which?\nA. one\nB. one\nANSWER: A", "line 3: two options are the same, “one”: change one, or take it out"),
        ("Which?\nA. one\nB. two\n", "line 1: the file ends before its ANSWER line: write one like ANSWER: A"),
        (
            "Which?\nA. one\nB. two\nNext?\nA. one\nB. two\nANSWER: A",
            "line 2: option A stands in line 2 and again in line 5: is an ANSWER line missing between them?",
        ),
    ];
    for (text, problem) in cases {
        assert_eq!(left_out(text), [problem], "{text}");
        assert!(read(text).items.is_empty());
    }
}

#[test]
fn one_broken_question_does_not_hide_the_next() {
    let text = "One?\nA. a\nB. b\n\nTwo?\nA. a\nC. b\nD. c\nANSWER: A\nExplanation: x\n\nThree?\nA. a\nB. b\nANSWER: B\n\nFour?";
    let found = read(text);
    assert_eq!(
        strings(&found.left_out),
        [
            "line 1: no ANSWER line follows its options: write one like ANSWER: A",
            "line 7: option C where B comes next",
            "line 17: the file ends before its ANSWER line: write one like ANSWER: A",
        ]
    );
    assert_eq!((found.items.len(), found.items[0].text.as_str()), (1, "Three?"));
}

#[test]
fn long_files_take_linear_time() {
    for part in ["A. a\n", "Q\n", "Explanation: x\n", "ANSWER: A\n", "\n", "Q\nA) a\nB) b\nANSWER: A\nExplanation: x\n"]
    {
        let started = std::time::Instant::now();
        read(&part.repeat(100_000 / part.len()));
        read(&format!("Q\nA. a\n{}", part.repeat(100_000 / part.len())));
        assert!(started.elapsed().as_secs() < 5, "{part}: {:?}", started.elapsed());
    }
}

proptest! {
    #[test]
    fn a_right_option_is_always_one_of_the_options(
        text in "((Q|[A-D]\\. |[a-c]\\)|ANSWER: ?[A-D]?|Explanation: |x| |, |é)?\n?){0,30}|\\PC{0,60}"
    ) {
        let found = read(&text);
        for item in &found.items {
            let is_inside = match &item.asked {
                ItemKind::Choice { options, right, .. } => *right < options.len(),
                ItemKind::Multiple { options, right, .. } => right.len() > 1 && right.iter().all(|at| *at < options.len()),
                _ => false,
            };
            prop_assert!(is_inside && !item.text.is_empty());
        }
        prop_assert_eq!(&read(&text), &found);
    }
}
