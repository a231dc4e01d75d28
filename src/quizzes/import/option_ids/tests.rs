use super::*;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn choice(text: &str, options: &[&str], right: usize, in_order: bool) -> Item {
    let asked = ItemKind::Choice { options: texts(options), right, in_order };
    Item::new("line 1".to_owned(), text.to_owned(), asked)
}

fn item(text: &str, asked: ItemKind) -> Item {
    Item::new("line 1".to_owned(), text.to_owned(), asked)
}

fn dealt(items: Vec<Item>) -> (Vec<QuestionDraft>, Vec<String>) {
    let mut dealer = Dealer::default();
    items.into_iter().for_each(|item| dealer.deal(item));
    let told = dealer.warnings.iter().chain(&dealer.left_out).map(DraftProblem::to_string).collect();
    (dealer.questions, told)
}

fn shown(question: &QuestionDraft) -> Vec<&str> {
    question.options.iter().filter_map(|option| option.text.as_deref()).collect()
}

fn text_of(question: &QuestionDraft, id: OptionId) -> &str {
    let option = question.options.iter().find(|option| option.option_id == id);
    option.and_then(|option| option.text.as_deref()).expect("it has it")
}

fn right(question: &QuestionDraft) -> &str {
    text_of(question, question.correct_option_id.expect("a choice"))
}

#[test]
fn options_keep_the_files_order_and_their_names_say_nothing_of_it() {
    let (asked, _) = dealt(vec![choice("Which?", &["a", "b", "c", "d"], 0, true)]);
    let (other, _) = dealt(vec![choice("Which?", &["d", "c", "b", "a"], 1, true)]);
    assert_eq!((shown(&asked[0]), shown(&other[0])), (vec!["a", "b", "c", "d"], vec!["d", "c", "b", "a"]));
    assert_eq!(asked[0].question_id, other[0].question_id);
    assert_eq!((right(&asked[0]), right(&other[0])), ("a", "c"));
    for option in &asked[0].options {
        assert_eq!(option.text.as_deref(), Some(text_of(&other[0], option.option_id)), "named alike");
    }
}

#[test]
fn a_file_without_an_order_gets_one_that_tells_nothing() {
    let (asked, _) = dealt(vec![choice("Which?", &["a", "b", "c", "d"], 0, false)]);
    let (other, _) = dealt(vec![choice("Which?", &["d", "c", "b", "a"], 1, false)]);
    assert_eq!(asked[0].options, other[0].options);
    for in_order in [false, true] {
        let items = (0..1_000).map(|n| choice(&format!("Question {n}?"), &["a", "b", "c", "d"], 0, in_order));
        let (questions, _) = dealt(items.collect());
        for id in 1..=4 {
            let names = questions.iter().filter_map(|question| question.correct_option_id.map(u64::from));
            let often = names.filter(|name| *name == id).count();
            assert!((200..300).contains(&often), "option {id}: {often}");
        }
    }
}

#[test]
fn what_speaks_of_the_other_options_keeps_its_place() {
    for n in 0..20 {
        let text = format!("Question {n}?");
        let (questions, told) = dealt(vec![choice(&text, &["a", "All of the above.", "b", "c"], 1, false)]);
        assert_eq!((shown(&questions[0])[3], told.len()), ("All of the above.", 0));
        let (questions, told) = dealt(vec![choice(&text, &["x", "y", "Both A and B", "z"], 2, true)]);
        assert_eq!((shown(&questions[0]), told.len()), (vec!["x", "y", "Both A and B", "z"], 1));
    }
}

#[test]
fn true_stands_before_false() {
    let (questions, _) = dealt(vec![Item::true_or_false("line 1".to_owned(), "So?".to_owned(), false)]);
    assert_eq!((shown(&questions[0]), right(&questions[0])), (vec!["True", "False"], "False"));
}

#[test]
fn every_kind_keeps_what_is_right() {
    let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
    let number = |number: Option<&str>, min: &str, max: &str| {
        let (min, max) = (decimal(min), decimal(max));
        item(&format!("{min}?"), ItemKind::Number { number: number.map(decimal), min, max })
    };
    let (questions, told) = dealt(vec![
        item("m?", ItemKind::Multiple { options: texts(&["x", "y", "z"]), right: vec![2, 0], in_shares: false }),
        item("t?", ItemKind::Text { accepted: texts(&["Tea", "tea ", "Chai"]) }),
        number(Some("3.14"), "3.13", "3.15"),
        number(None, "1", "5"),
        item("o?", ItemKind::Order { parts: texts(&["one", "two", "three"]) }),
        item("p?", ItemKind::Poll { options: texts(&["cats", "dogs"]) }),
        item("words?", ItemKind::Poll { options: vec![] }),
    ]);
    assert_eq!(told, [""; 0]);
    let both: Vec<&str> =
        questions[0].correct_option_ids.iter().flatten().map(|id| text_of(&questions[0], *id)).collect();
    assert_eq!(both, ["x", "z"]);
    assert_eq!(questions[1].correct_texts, Some(texts(&["Tea", "Chai"])));
    assert_eq!(questions[2].correct_number.zip(questions[2].tolerance), "3.14".parse().ok().zip("0.01".parse().ok()));
    assert_eq!(questions[3].correct_range.map(|range| range.max), "5".parse().ok());
    let order: Vec<&str> = questions[4].correct_order.iter().flatten().map(|id| text_of(&questions[4], *id)).collect();
    assert_eq!(order, ["one", "two", "three"]);
    assert_eq!((shown(&questions[5]), shown(&questions[6]).len()), (vec!["cats", "dogs"], 0));
}

#[test]
fn what_cannot_be_a_question_is_left_out_and_named() {
    let thirteen: Vec<String> = (0..13).map(|n| format!("option {n}")).collect();
    let both = ItemKind::Multiple { options: texts(&["a", "b", "a"]), right: vec![0, 1], in_shares: false };
    let (questions, told) = dealt(vec![
        choice("And?", &["a", "a"], 0, true),
        choice("And?", &["a", " "], 0, true),
        choice(" ", &["a", "b"], 0, true),
        item("And?", ItemKind::Choice { options: thirteen, right: 0, in_order: true }),
        item("And?", both),
        item("And?", ItemKind::Order { parts: texts(&["a", "b", "a"]) }),
        item("And?", ItemKind::Text { accepted: texts(&[" "]) }),
    ]);
    assert!(questions.is_empty());
    let left_out: Vec<_> = told.iter().filter(|told| !told.contains("kept once")).map(String::as_str).collect();
    assert_eq!(
        left_out,
        [
            "line 1: left out of those that are right: a right text: empty",
            "line 1: fewer than 2 different options",
            "line 1: an option is empty",
            "line 1: text: empty",
            "line 1: 13 options, and there are at most 12",
            "line 1: an option stands here twice, once right and once wrong",
            "line 1: two of its parts are the same",
            "line 1: a right text: empty",
        ]
    );
}

#[test]
fn repeats_are_kept_once_or_under_a_name_of_their_own() {
    let named = |text: &str, id: &str| Item { id: id.parse().ok(), ..choice(text, &["a", "b"], 0, true) };
    let (questions, told) = dealt(vec![
        choice("Which?", &["a", " b", "a ", "b"], 2, true),
        choice("Which?", &["b", "a"], 0, true),
        choice("Which?", &["b", "a"], 0, true),
        named("One?", "mine"),
        named("Two?", "mine"),
    ]);
    assert_eq!(
        told,
        [
            r#"line 1: option "a" stands here twice; kept once"#,
            r#"line 1: option "b" stands here twice; kept once"#,
            "line 1: the same question and options as line 1; kept under a name of its own",
            "line 1: the same question and options as line 1; kept under a name of its own",
            r#"line 1: "mine" is the name of the question in line 1 too; named anew"#,
        ]
    );
    assert_eq!(right(&questions[0]), "a");
    let ids: Vec<_> = questions.iter().map(|question| question.question_id.as_str()).collect();
    assert_eq!((ids[2], ids[3]), (format!("{}-3", ids[0]).as_str(), "mine"));
}

#[test]
fn what_is_out_of_bounds_beside_a_question_is_left_out_and_told() {
    let asked = Item {
        time_limit_ms: Some(1),
        points: Some(Decimal::from(99)),
        explanation: Some("x".repeat(5_000)),
        ..choice("Which?", &["a", "b"], 0, true)
    };
    let (questions, told) = dealt(vec![asked]);
    assert_eq!((questions.len(), told.len()), (1, 3));
    assert_eq!((questions[0].time_limit_ms, questions[0].points), (None, None));
}
