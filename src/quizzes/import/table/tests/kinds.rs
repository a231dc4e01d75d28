//! Tests of the kinds of questions.

use super::*;

fn of(kind: &str, options: &str, correct: &str) -> ItemKind {
    item(&format!("question\tkind\toption1\toption2\toption3\tcorrect\nWhich?\t{kind}\t{options}\t{correct}\n")).asked
}

fn text(accepted: &[&str]) -> ItemKind {
    ItemKind::Text { accepted: accepted.iter().map(|&text| text.to_owned()).collect() }
}

#[test]
fn true_or_false_needs_no_options() {
    for (cell, options, right) in [
        ("TRUE", ["True", "False"], 0),
        ("T", ["True", "False"], 0),
        ("False", ["True", "False"], 1),
        ("wahr", ["Wahr", "Falsch"], 0),
        ("Richtig", ["Richtig", "Falsch"], 0),
        ("ja", ["Ja", "Nein"], 0),
        ("FALSCH", ["Wahr", "Falsch"], 1),
        ("vrai", ["Vrai", "Faux"], 0),
    ] {
        let asked = ItemKind::Choice { options: options.map(str::to_owned).to_vec(), right, in_order: true };
        assert_eq!(item(&format!("question,correct\nIs it?,{cell}\n")).asked, asked, "{cell}");
        assert_eq!(of("True/False", "\t\t", cell), asked, "{cell}");
    }
    let items = items("Frage,Antwort,Art\nIst es?,f,richtig/falsch\nIst es?,TRUE,richtig/falsch\n");
    assert!(items.iter().all(|item| answers(item).0 == ["Richtig", "Falsch"]));
    assert_eq!(
        of("wahr/falsch", "Wahr\tFalsch\t", "2"),
        ItemKind::Choice { options: vec!["Wahr".to_owned(), "Falsch".to_owned()], right: 1, in_order: true }
    );
}

#[test]
fn a_letter_is_true_or_false_only_where_all_are() {
    let items = read_text("question,answer\nSymbol of fluorine?,F\nSymbol of iron?,Fe\nIs it so?,TRUE\n").items;
    assert_eq!(items[0].asked, text(&["F"]));
    assert_eq!(answers(&items[2]).0, ["True", "False"]);
}

#[test]
fn stars_that_are_no_mark_stay() {
    assert_eq!(of("order", "*c\tb\ta", ""), ItemKind::Order { parts: ["*c", "b", "a"].map(str::to_owned).to_vec() });
    let found = read_text("question,option1,option2,option3\nWhich?,*args,**kwargs,x\n");
    assert!(found.items.is_empty(), "{:?}", found.items);
}

#[test]
fn a_typed_text_has_all_its_answers() {
    assert_eq!(of("short answer", "\t\t", "Rhein; Rhine|Rijn"), text(&["Rhein", "Rhine", "Rijn"]));
    assert_eq!(of("Fill-in-the-Blank", "Rhein\tRhine\t", ""), text(&["Rhein", "Rhine"]));
    assert_eq!(of("Lückentext", "Rhein\tRhine\t", "1"), text(&["Rhein", "Rhine"]));
    assert_eq!(of("text", "Rhein\t\t", "Rijn"), text(&["Rhein", "Rijn"]));
    assert_eq!(of("open-ended", "\t\t", "Rhein"), text(&["Rhein"]));
}

#[test]
fn without_kind_and_options_a_text_is_typed() {
    let found = read_text("Frage,Antwort\nWelcher Fluss?,Rhein\n");
    assert_eq!(found.items[0].asked, text(&["Rhein"]));
    assert_eq!(told(&found), ["line 2: there are no options, so the answer is typed; for a choice, fill in options"]);
}

#[test]
fn without_kind_and_options_a_number_is_typed_as_one() {
    let asked = |right: &str| {
        let found = read_text(&format!("Frage;Antwort\nWie viel?;{right}\n"));
        (found.items[0].asked.clone(), told(&found))
    };
    let exact = |text| ItemKind::Number { number: Some(number(text)), min: number(text), max: number(text) };
    let message = "line 2: there are no options, so a number is typed; for a choice, fill in options";
    assert_eq!(asked("42"), (exact("42"), vec![message.to_owned()]));
    assert_eq!(asked("3,14").0, exact("3.14"));
    assert_eq!(asked("0,5").0, exact("0.5"));
    assert_eq!(asked("-7").0, exact("-7"));
    for word in ["007", "12a", "3-5", "1969-07-20", "."] {
        assert_eq!(asked(word).0, text(&[word]));
    }
}

#[test]
fn a_number_can_have_a_range() {
    let exact = |text| ItemKind::Number { number: Some(number(text)), min: number(text), max: number(text) };
    assert_eq!(of("number", "\t\t", "42"), exact("42"));
    assert_eq!(of("Zahl", "\t\t", "3,14"), exact("3.14"));
    assert_eq!(of("numeric", "7\t\t", ""), exact("7"));
    let around = ItemKind::Number { number: Some(number("9.81")), min: number("9.76"), max: number("9.86") };
    assert_eq!(of("numeric", "\t\t", "9.81 +- 0.05"), around);
    let between = |min, max| ItemKind::Number { number: None, min: number(min), max: number(max) };
    assert_eq!(of("numeric", "\t\t", "9.7..9.9"), between("9.7", "9.9"));
    assert_eq!(of("numeric", "\t\t", "10-20"), between("10", "20"));
}

#[test]
fn a_number_that_can_be_two_is_read_only_if_the_table_tells() {
    let read = |cells: &[&str]| {
        let rows: String = cells.iter().map(|cell| format!("Wie viele?;{cell};Zahl\n")).collect();
        let found = read_text(&format!("Frage;Antwort;Art\n{rows}"));
        let numbers = found.items.iter().map(|item| match item.asked {
            ItemKind::Number { number, .. } => number.map(|number| number.to_string()).unwrap_or_default(),
            _ => String::new(),
        });
        (numbers.collect::<Vec<_>>().join(" "), told(&found))
    };
    let doubt = |line: usize| vec![format!("line {line}: \"1.230\" can be 1230 or 1.23; write 1230 or 1.23")];
    assert_eq!(read(&["1.230"]), (String::new(), doubt(2)));
    assert_eq!(read(&["42", "1.230"]), ("42".to_owned(), doubt(3)));
    assert_eq!(read(&["1.230", "3,14"]), ("1230 3.14".to_owned(), vec![]));
    assert_eq!(read(&["1.230", "83.000.000"]), ("1230 83000000".to_owned(), vec![]));
    assert_eq!(read(&["1.230", "2.5"]), ("1.230 2.5".to_owned(), vec![]));
    assert_eq!(read(&["1.230 +- 0,5"]), ("1230".to_owned(), vec![]));
    let (numbers, told) = read(&["1.230", "2.5", "2,5"]);
    assert_eq!((numbers.as_str(), told.len()), ("2.5 2.5", 1));
    // Positions of options don't show the decimal separator.
    let text = "question;a;b;correct;kind\nWhich?;x;y;1,2;choice\nHow many?;;;1.230;number\n";
    assert_eq!(read_text(text).items.len(), 1);
}

#[test]
fn things_are_put_in_the_order_of_the_options_or_of_correct() {
    let parts = |parts: [&str; 3]| ItemKind::Order { parts: parts.map(str::to_owned).to_vec() };
    assert_eq!(of("ordering", "x\ty\tz", ""), parts(["x", "y", "z"]));
    assert_eq!(of("Reihenfolge", "x\ty\tz", "3,1,2"), parts(["z", "x", "y"]));
}

#[test]
fn a_kind_with_boxes_can_have_one_right_option() {
    let options = ["x", "y", "z"].map(str::to_owned).to_vec();
    assert_eq!(
        of("checkbox", "x\ty\tz", "2"),
        ItemKind::Multiple { options: options.clone(), right: vec![1], in_shares: false }
    );
    assert_eq!(
        of("multiple choice", "x\ty\tz", "1,3"),
        ItemKind::Multiple { options: options.clone(), right: vec![0, 2], in_shares: false }
    );
    assert_eq!(of("survey", "x\ty\tz", ""), ItemKind::Poll { options });
}

#[test]
fn what_a_kind_lacks_is_told() {
    let cases = [
        ("text,,,", "nothing says which text is right"),
        (
            "number,,,many",
            "\"many\" is no number that can be read; write 42, 3.14, 9.81 +- 0.05 or 9.7..9.9, without a unit",
        ),
        ("poll,x,,", "there is only one option; a poll needs two or more, or none"),
        ("order,x,,", "there are fewer than two things to put in order"),
        (
            "order,x,y,1",
            "the right order must name every option once; or leave it empty and write the options in the right order",
        ),
        ("choice,,,x", "there are no options"),
        ("true/false,,,maybe", "\"maybe\" is neither TRUE nor FALSE"),
        (
            "hotspot,x,y,1",
            "questions of the kind \"hotspot\" can't be asked; the kinds are choice, multiple, true/false, text, \
             number, order and poll",
        ),
    ];
    for (row, message) in cases {
        let found = read_text(&format!("question,kind,option1,option2,correct\nWhich?,{row}\n"));
        assert_eq!((found.items.len(), told(&found)), (0, vec![format!("line 2: {message}")]), "{row}");
    }
}

#[test]
fn a_kind_that_is_not_known_is_read_by_the_options_and_what_is_right() {
    let told_of = |kind: &str| {
        format!(
            "line 2: \"{kind}\" is no kind of question that is known; such rows are read by their options and by what \
             is right"
        )
    };
    let found = read_text("question,type,option1,option2,correct\nWhich?,Geography,x,y,1\n");
    assert_eq!((told(&found), asked(&found.items[0]).1), (vec![told_of("Geography")], vec!["x"]));
    let found = read_text("question,type,option1,option2,correct\nWhich?,choice,x,y,1\nWho?,wobble,x,y,1\n");
    assert_eq!((told(&found), asked(&found.items[1]).1), (vec![told_of("wobble")], vec!["x"]));
}

#[test]
fn a_kind_that_is_not_known_may_be_an_order() {
    let found = read_text("question,type,option1,option2,correct\nWhich?,choice,x,y,1\nSort,wobble,x,y,\"2,1\"\n");
    assert_eq!((found.items.len(), found.left_out.len()), (1, 1));
    let found = read_text("question,type,option1,option2,correct\nWhich?,choice,x,y,1\nPairs,wobble,,,a-1; b-2\n");
    assert_eq!((found.items.len(), found.left_out.len()), (1, 1));
}
