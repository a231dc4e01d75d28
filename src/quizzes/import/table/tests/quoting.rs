//! Tests of quotes, lines and blanks in text tables.

use proptest::prelude::*;

use super::*;

const HEADER: &str = "question,option1,option2,correct\n";

fn read(rows: &str) -> (Vec<String>, Vec<String>) {
    let found = read_text(&format!("{HEADER}{rows}"));
    (found.items.iter().map(|item| format!("{}: {}", item.place, item.text)).collect(), told(&found))
}

#[test]
fn a_cell_in_quotes_can_hold_anything() {
    let (items, told) = read("\"Which, \"\"dead\"\",\nsea?\",x,y,1\n\n  \"Blanks?\" ,x,y,1\n");
    assert_eq!(items, ["line 2: Which, \"dead\",\nsea?", "line 5: Blanks?"]);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn quotes_inside_a_cell_without_quotes_are_kept() {
    let (items, told) = read("He said \"hi\" to me,x,y,1\nA 5\" pipe?,x,y,1\n\"Dead Sea\" is where?,x,y,1\n");
    assert_eq!(items, ["line 2: He said \"hi\" to me", "line 3: A 5\" pipe?", "line 4: \"Dead Sea\" is where?"]);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn a_quote_that_is_not_doubled_leaves_out_its_row_alone() {
    let message = "a quote stands inside a cell that is in quotes; write it twice (\"\")";
    for row in ["\"a \"b\" c\",x,y,1\n", "\"He said \"x\", then left\",b,1\n", "\"Use \"a, b\" here\",x,y,1\n"] {
        let (items, told) = read(&format!("First?,x,y,1\n{row}Last?,x,y,1\n"));
        assert_eq!(items, ["line 2: First?", "line 4: Last?"], "{row}");
        assert_eq!(told, [format!("line 3: {message}")], "{row}");
    }
    let (items, told) = read("\"line 1\nsay \"x\" more\",a,b,1\nLast?,x,y,1\n");
    assert_eq!(items, ["line 4: Last?"]);
    assert_eq!(told, [format!("line 2: {message}")]);
}

#[test]
fn a_quote_that_is_never_closed_leaves_out_its_line_alone() {
    let message = "line 3: a quote opens a cell here and is never closed; close it, or write the line without quotes";
    for rest in ["Last?,x,y,1\n", "\"Last?\",x,y,1\n", "Last?,\"x, z\",y,1\n", "Last?,\"\",y,\"x\",1"] {
        let (items, told) = read(&format!("First?,x,y,1\n\"Who?,x,y,1\n{rest}"));
        assert_eq!(items.first().map(String::as_str), Some("line 2: First?"));
        assert!(told.contains(&message.to_owned()), "{told:?}");
        if !rest.contains("\"\",") {
            assert_eq!(items.last().map(String::as_str), Some("line 4: Last?"), "{rest}");
        }
    }
    let (items, told) = read("Who?,\"x,y,1\nLast?,x,y,1\n");
    assert_eq!((items.as_slice(), told.len()), (["line 3: Last?".to_owned()].as_slice(), 1));
}

#[test]
fn a_header_with_a_quote_that_is_never_closed_is_told() {
    let found = read_text("\"question,option1,option2,correct\nWhich?,x,y,z\n");
    assert_eq!((found.items.len(), found.left_out.len()), (0, 2));
    assert!(found.left_out[1].message.starts_with("a quote opens a cell here"));
}

#[test]
fn many_broken_lines_are_read_in_linear_time() {
    let (items, told) = read(&"\"Who?,x,\"\"y,1\nHow?,x,y,1\n".repeat(20_000));
    assert_eq!((items.len(), told.len()), (20_000, 20_000));
}

proptest! {
    #[test]
    fn what_is_written_in_quotes_is_read_as_it_was(
        separator in "[,;|\t]",
        cells in proptest::collection::vec("[ -~äß\n]{0,6}[!-&(-~äß]", 3),
    ) {
        let header = ["question", "option1", "option2", "correct"].join(&separator);
        let quoted: Vec<String> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let last = ["Last?", "x", "y", "B"].join(&separator);
        let found = read_text(&format!("{header}\n{}{separator}A\n{last}\n", quoted.join(&separator)));
        prop_assert_eq!(found.items.len(), 2);
        let as_read: Vec<&str> = cells.iter().map(|cell| cell.trim()).collect();
        let kept = |text: &str, cell: &str| text == cell || cell.strip_prefix('\'') == Some(text);
        prop_assert!(kept(&found.items[0].text, as_read[0]));
        let (options, _) = answers(&found.items[0]);
        prop_assert!(kept(options[0], as_read[1]) && kept(options[1], as_read[2]), "{:?}", options);
    }
}
