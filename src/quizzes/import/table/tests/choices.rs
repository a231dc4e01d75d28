//! Tests of options and right answers.

use super::*;

#[test]
fn several_right_options_make_a_question_with_several() {
    let items =
        items("question,option1,option2,option3,correct\nWhich are even?,2,4,7,\"1,2\"\nRiver?,Rhein,Elbe,,1\n");
    let options = ["2", "4", "7"].map(str::to_owned).to_vec();
    assert_eq!(items[0].asked, ItemKind::Multiple { options, right: vec![0, 1], in_shares: false });
    assert_eq!(answers(&items[1]), (vec!["Rhein", "Elbe"], vec![0]));
}

#[test]
fn several_columns_can_say_what_is_right() {
    let text = "question,option1,option2,option3,Correct 1,Correct 2\nWhich?,x,y,z,3,1\nWho?,x,y,z,B,\n";
    let items = items(text);
    assert_eq!(answers(&items[0]).1, [0, 2]);
    assert_eq!(
        items[1].asked,
        ItemKind::Choice { options: ["x", "y", "z"].map(str::to_owned).to_vec(), right: 1, in_order: true }
    );
}

#[test]
fn a_mark_beside_an_option_says_that_it_is_right() {
    for text in [
        "question,option1,option2,option1 correct,option2 correct\nWhich?,x,y,FALSE,TRUE\n",
        "question,option1,correct,option2,correct\nWhich?,x,,y,x\n",
        "question,option1,option2,Correct 1,Correct 2\nWhich?,x,y,FALSE,TRUE\n",
        "Frage,Antwort 1,Antwort 1 richtig,Antwort 2,Antwort 2 richtig\nWelche?,x,falsch,y,wahr\n",
        "question,option1,option2\nWhich?,x,* y\n",
        "question,option1,option2,correct\nWhich?,x,*y,\n",
    ] {
        assert_eq!(answers(&item(text)), (vec!["x", "y"], vec![1]), "{text}");
    }
}

#[test]
fn an_empty_option_keeps_the_numbers_of_the_others() {
    let text = "question,option1,option2,option3,option4,correct\nWhich?,x,,y,z,3\nWho?,,x,,y,D\n";
    let items = items(text);
    assert_eq!(answers(&items[0]), (vec!["x", "y", "z"], vec![1]));
    assert_eq!(answers(&items[1]), (vec!["x", "y"], vec![1]));
}

#[test]
fn the_file_tells_whether_a_number_is_a_position() {
    let text = "question,option1,option2,option3,correct\nHalf of 4?,2,1,3,1\nRiver?,Rhein,Elbe,Oder,1\n";
    assert_eq!(asked(&read_text(text).items[0]).1, ["2"]);
    let text = "question,option1,option2,option3,correct\nHalf of 4?,2,1,3,2\nRiver?,Rhein,Elbe,Oder,Elbe\n";
    let found = read_text(text);
    assert_eq!(asked(&found.items[0]).1, ["2"]);
    assert_eq!(told(&found).len(), 1);
}

#[test]
fn equal_options_keep_their_places() {
    assert_eq!(answers(&item("question,a,b,c,correct\nWhich?,x,x,y,3\n")), (vec!["x", "x", "y"], vec![2]));
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_the_others_are_read() {
    let cases = [
        (
            "Which?,x,y,3",
            "\"3\" is to be right, and that is neither the number or letter of an option that is there (1 to 2) nor \
             the text of one",
        ),
        (",x,y,1", "there is no question in this row"),
        ("Which?,x,y", "nothing says which option is right"),
        ("Which?,x,,1", "there is only one option; a question needs two or more"),
        ("Which?", "there are no options and nothing that is right"),
        ("Which, what?,x,y,1", "5 cells under 4 columns; if a text holds the separator, put the text in quotes"),
    ];
    for (row, message) in cases {
        let found = read_text(&format!("question,option1,option2,correct\nHow?,x,y,1\n{row}\nWho?,x,y,2\n"));
        assert_eq!((found.items.len(), told(&found)), (2, vec![format!("line 3: {message}")]), "{row}");
    }
}

#[test]
fn more_options_than_can_be_shown_are_told() {
    let numbers: Vec<String> = (1..=13).map(|number| number.to_string()).collect();
    let text = format!("question,{},correct\nWhich?,{},1\n", numbers.join(","), numbers.join(","));
    assert_eq!(told(&read_text(&text)), ["line 2: there are 13 options; at most 12 can be shown"]);
}

#[test]
fn markup_that_may_have_been_meant_as_text_is_told() {
    let found = read_text("question,a,b,correct\nWhat does <b>x</b> do?,x<sup>2</sup>,y,1\n2<sup>3</sup>?,8,6,A\n");
    assert_eq!(told(&found), ["line 2: <b>…</b> is shown as bold; write &lt;b&gt; to show the tag"]);
    assert_eq!(found.items[0].text, "What does <b>x</b> do?");
    assert_eq!(answers(&found.items[0]).0, ["x<sup>2</sup>", "y"]);
}

#[test]
fn an_apostrophe_before_a_sign_is_no_part_of_a_text() {
    let item = item("question,a,b,correct\n'=1+1 is?,'-2,'tis 2,2\n");
    assert_eq!((item.text.as_str(), answers(&item).0), ("=1+1 is?", vec!["-2", "'tis 2"]));
}

#[test]
fn the_right_answer_can_be_an_option_of_its_own() {
    let text = "Frage;Richtige Antwort;Antwort 2;Antwort 3\nWelcher Fluss?;Rhein;Elbe;Oder\nWie viele?;3;4;5\n";
    let items = items(text);
    let options = ["Rhein", "Elbe", "Oder"].map(str::to_owned).to_vec();
    assert_eq!(items[0].asked, ItemKind::Choice { options, right: 0, in_order: false });
    assert_eq!(answers(&items[1]), (vec!["3", "4", "5"], vec![0]));
    let found = read_text("prompt,correct,a,b,c\nWhich city?,New York,Paris,Rome,Oslo\nWhen?,1066,1215,1415,1485\n");
    assert_eq!(told(&found), ["line 2: what is right is none of the options in any row, so it was added to them"]);
    assert_eq!(answers(&found.items[1]), (vec!["1066", "1215", "1415", "1485"], vec![0]));
}

#[test]
fn a_header_without_a_column_for_what_is_right_is_told() {
    assert_eq!(
        told(&read_text("question,option1,option2\nWhich?,x,y\n")),
        ["line 2: nothing says which option is right; add a column \"correct\" with its number"]
    );
}

#[test]
fn points_beside_an_option_say_that_it_is_right() {
    for text in [
        "question,A,B,C,Points A,Points B,Points C\nWhich?,x,y,z,0,1,0\n",
        "Pytanie,Odpowiedź1,Punkty1,Odpowiedź2,Punkty2,Odpowiedź3,Punkty3\nWhich?,x,0,y,100,z,-50\n",
    ] {
        assert_eq!(answers(&item(text)), (vec!["x", "y", "z"], vec![1]), "{text}");
    }
    let header = "question,A,B,C,Points A,Points B,Points C\n";
    assert_eq!(answers(&item(&format!("{header}Which?,x,y,z,1,1,0\n"))).1, [0, 1]);
    for (points, message) in [
        ("1,2,0", "the right options have different points; give all of them the same"),
        ("1,many,0", "\"many\" is no number of points"),
        ("0,0,0", "nothing says which option is right; add a column \"correct\" with its number"),
    ] {
        let found = read_text(&format!("{header}Which?,x,y,z,{points}\n"));
        assert_eq!((found.items.len(), told(&found)), (0, vec![format!("line 2: {message}")]), "{points}");
    }
}

#[test]
fn a_mark_that_is_not_known_is_told() {
    let found = read_text("question,option1,option2,option1 correct,option2 correct\nWhich?,x,y,perhaps,TRUE\n");
    assert_eq!((found.items.len(), told(&found)), (0, vec!["line 2: \"perhaps\" is neither yes nor no".to_owned()]));
}

#[test]
fn options_in_a_cell_can_be_json_or_have_letters() {
    for options in [r#""{""A"":""w; x"",""B"":""z""}""#, r#""[""w; x"",""z""]""#] {
        let text = format!("question,options,answer\nWhich?,{options},B\n");
        assert_eq!(answers(&item(&text)), (vec!["w; x", "z"], vec![1]), "{options}");
    }
    assert_eq!(answers(&item("question,options,answer\nWhich?,A. x|B. y,y\n")), (vec!["x", "y"], vec![1]));
    assert_eq!(read_text("question,options,answer\nWhich?,\"['x', 'y']\",1\n").items.len(), 0);
}

#[test]
fn a_text_of_several_lines_is_one_text_and_a_pattern_is_none() {
    let accepted = |text: &str| read_text(text).items.into_iter().map(|item| item.asked).collect::<Vec<_>>();
    let lines = ItemKind::Text { accepted: vec!["- x - y".to_owned()] };
    assert_eq!(accepted("question,answer\nWhich?,\"- x\n-  y\"\n"), [lines]);
    let several = ItemKind::Text { accepted: vec!["x".to_owned(), "y".to_owned()] };
    assert_eq!(accepted("question,answer\nWhich?,x; y\n"), [several]);
    assert_eq!(accepted("question,answer\nWhich?,^x$|^y\n"), []);
}

#[test]
fn tags_are_shown_where_nothing_else_is() {
    let found = read_text("question,A,B,correct\nWhich tag?,<b></b>,<u></u>,A\n");
    assert_eq!(asked(&found.items[0]).1, ["&lt;b>&lt;/b>"]);
}

#[test]
fn questions_that_are_pages_are_read_as_such() {
    let header = "question,A,B,correct\n";
    let text = format!("{header}<p><strong>Which</strong> tag?</p><p>Choose.</p>,<p>x</p>,y,A\n");
    let found = read_text(&text);
    assert_eq!(asked(&found.items[0]), ("<b>Which</b> tag?\nChoose.", vec!["<p>x</p>"]));
    let found = read_text(&format!("{text}What does <p> do?,x,y,A\n"));
    assert!(found.items[0].text.starts_with("<p>"));
}
