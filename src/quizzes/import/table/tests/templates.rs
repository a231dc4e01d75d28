//! Tests with the templates of other quiz makers.

use super::*;

const KAHOOT: &str = "Quiz template,,,,,,,\n\
    \"Add questions, at least two answer alternatives, time limit and choose correct answers (at least one).\n\
    Have fun creating your awesome quiz!\",,,,,,,\n\
    Remember: questions have a limit of 120 characters,,,,,,,\n\
    ,,,,,,,\n\
    ,Question - max 120 characters,Answer 1 - max 75 characters,Answer 2 - max 75 characters,\
    Answer 3 - max 75 characters,Answer 4 - max 75 characters,\
    \"Time limit (sec) – 5, 10, 20, 30, 60, 90, 120, or 240 secs\",Correct answer(s) - choose at least one\n\
    1,Which river flows through Bonn?,Rhein,Elbe,Oder,Main,20,1\n\
    2,Which are even?,2,4,7,,60,\"1,2\"\n\
    3,,,,,,,\n";

#[test]
fn kahoot_s_template_is_read() {
    let items = items(KAHOOT);
    assert_eq!(asked(&items[0]), ("Which river flows through Bonn?", vec!["Rhein"]));
    assert_eq!(answers(&items[0]).0, ["Rhein", "Elbe", "Oder", "Main"]);
    assert_eq!((items[0].time_limit_ms, items[0].place.as_str()), (Some(20_000), "line 7"));
    assert_eq!(asked(&items[1]), ("Which are even?", vec!["2", "4"]));
    assert_eq!(read_text(KAHOOT).understood, ["commas", "header in row 5"]);
}

#[test]
fn a_number_in_kahoot_s_template_is_always_a_position() {
    let text = "Question - max 120 characters,Answer 1,Answer 2,Time limit (sec),\
                Correct answer(s) - choose at least one\n\
                Half of 4?,2,1,20,1\n";
    assert_eq!(asked(&item(text)).1, ["2"]);
}

#[test]
fn blooket_s_template_is_read() {
    let text = "\"Blooket\nImport Template\",,,,,,,,,\n\
        Question #,Question Text,Answer 1,Answer 2,\"Answer 3\n(Optional)\",\"Answer 4\n(Optional)\",\
        \"Time Limit (sec)\n(Max: 300 seconds)\",\"Correct Answer(s)\n(Only include Answer #)\",,\n\
        1,Which river flows through Bonn?,Elbe,Rhein,,,20,2,,\n\
        2,Which are prime?,3,5,6,,20,\"1,2\",,\n";
    let items = items(text);
    assert_eq!((asked(&items[0]).1, items[0].place.as_str()), (vec!["Rhein"], "line 8"));
    assert_eq!(asked(&items[1]).1, ["3", "5"]);
    assert_eq!(items[1].time_limit_ms, Some(20_000));
    assert_eq!(read_text(text).understood, ["commas", "header in row 2"]);
}

const QUIZIZZ: &str = "Question Text,Question Type,Option 1,Option 2,Option 3,Option 4,Option 5,Correct Answer,\
    Time in seconds,Image Link,Answer explanation\n\
    \"Text of the question\n\n(required)\n\n\",\"Question Type\n\n(default is Multiple Choice)\n\n\",\
    \"Text for option 1\n\n(required in all cases except open-ended & draw questions)\",\"Text for option 2\",,,,\
    \"The correct option choice (between 1-5).\n\nLeave blank for \"\"Open-Ended\"\", \"\"Poll\"\".\",\
    \"Time in seconds\n\n(optional, default value is 30 seconds)\n\",\"Link of the image\",\n\
    Which planet is largest?,Multiple Choice,Earth,Mars,,Jupiter,Pluto,4,20,https://example.org/planets.jpg,\
    A gas giant.\n\
    Which are planets?,Checkbox,Venus,Neptune,Uranus,Pluto,,\"1,2,3\",45,,\n\
    Name a moon of Mars,Fill-in-the-Blank,Phobos,Deimos,,,,,60,,\n\
    What would you do in space?,Open-Ended,,,,,,,180,,\n\
    Which do you like?,Poll,Stars,Planets,,,,,20,,\n\
    How are you? (Draw),Draw,,,,,,,20,,\n\
    No type?,,Yes,No,,,,1,,,\n";

#[test]
fn quizizz_s_template_is_read() {
    let ParsedFile { items, left_out, warnings, understood } = read_text(QUIZIZZ);
    assert_eq!(asked(&items[0]), ("Which planet is largest?", vec!["Jupiter"]));
    assert_eq!(answers(&items[0]), (vec!["Earth", "Mars", "Jupiter", "Pluto"], vec![2]));
    assert_eq!(items[0].image.as_deref(), Some("https://example.org/planets.jpg"));
    assert_eq!((items[0].explanation.as_deref(), items[0].time_limit_ms), (Some("A gas giant."), Some(20_000)));
    let options = ["Venus", "Neptune", "Uranus", "Pluto"].map(str::to_owned).to_vec();
    assert_eq!(items[1].asked, ItemKind::Multiple { options, right: vec![0, 1, 2], in_shares: false });
    assert_eq!(items[2].asked, ItemKind::Text { accepted: vec!["Phobos".to_owned(), "Deimos".to_owned()] });
    assert_eq!(items[3].asked, ItemKind::Poll { options: vec![] });
    assert_eq!(items[4].asked, ItemKind::Poll { options: vec!["Stars".to_owned(), "Planets".to_owned()] });
    assert_eq!(asked(&items[5]).1, ["Yes"]);
    assert_eq!(items.len(), 6);
    assert_eq!(
        left_out.iter().map(DraftProblem::to_string).collect::<Vec<_>>(),
        ["line 23: questions of the kind \"Draw\" can't be asked; the kinds are choice, multiple, true/false, text, \
          number, order and poll"]
    );
    assert_eq!(
        warnings.iter().map(DraftProblem::to_string).collect::<Vec<_>>(),
        ["line 21: nothing says which text is right, so the question is asked without points"]
    );
    assert_eq!(understood, ["commas", "line 2 holds the names of the columns again, or hints"]);
}

#[test]
fn gimkit_s_template_is_read() {
    let text = "Gimkit Spreadsheet Import Template,,,,\n\
        Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2 (Optional),Incorrect Answer 3 (Optional)\n\
        Which river flows through Bonn?,Rhein,Elbe,Oder,\n";
    let options = ["Rhein", "Elbe", "Oder"].map(str::to_owned).to_vec();
    assert_eq!(item(text).asked, ItemKind::Choice { options, right: 0, in_order: false });
    assert_eq!(read_text(text).understood, ["commas", "header in row 2"]);
}

#[test]
fn a_list_with_type_codes_and_points_is_read() {
    let text = "Question Text,Question Type Code,Points Value,Question Time,Correct Answer(s),Answer Option 1,\
        Answer Option 2,Answer Option 3\n\
        Which kingdom minted coins first?,multipleChoice,1000,20,Lydia,Phrygia,Lydia,Caria\n\
        Put these in order,reorder,2000,30,,Bronze Age,Iron Age,Middle Ages\n";
    let items = items(text);
    assert_eq!((asked(&items[0]).1, items[0].points), (vec!["Lydia"], Some(number("1"))));
    assert_eq!((items[1].points, items[1].time_limit_ms), (Some(number("2")), Some(30_000)));
    assert_eq!(
        items[1].asked,
        ItemKind::Order { parts: ["Bronze Age", "Iron Age", "Middle Ages"].map(str::to_owned).to_vec() }
    );
}
