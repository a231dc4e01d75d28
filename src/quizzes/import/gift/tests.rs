//! Tests of the import of GIFT.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::quizzes::import::ItemKind;

const SAMPLE: &str = r"// A teacher's file, with a comment.
$CATEGORY: $course$/top/Science/Earth\/Sky

// [id:moons] [tag:easy]
::Moons::Which planet has the most known moons? {
  // a comment among the answers
  ~Jupiter#Close: it held the record for long.
  =Saturn#Over 270 are known.
  ~Mars
  ####Saturn leads by far.
}

::Rain:: Rain that never reaches the ground is called {=virga ~drizzle ~sleet}.

The Sun is a star.{TRUE#Look again.#It is, of the kind G2V.}

[html]<p>Is <b>1 &lt; 2</b>?</p>{T}

$CATEGORY: History

What is \{1, 2\} \= \{2, 1\} about\: \#sets or \~tea? {
  ~%-50%tea
  ~%100%sets#Order does not count.
  ~%0%50% of both
}

Name a gas giant. {=Jupiter =Saturn}

When was it? {#1822:5}

Match. {=Oslo -> Norway =Rome -> Italy}

Write about it. {}

Read this first.
";

fn strings(problems: &[DraftProblem]) -> Vec<String> {
    problems.iter().map(DraftProblem::to_string).collect()
}

fn left_out(text: &str) -> Vec<String> {
    strings(&read(text).left_out)
}

/// The only question, and the warnings of the reader.
fn warned(text: &str) -> (Item, Vec<String>) {
    let mut found = read(text);
    assert!(found.left_out.is_empty() && found.items.len() == 1, "{text}: {:?}", found.left_out);
    (found.items.remove(0), strings(&found.warnings))
}

fn only(text: &str) -> Item {
    let (item, warnings) = warned(text);
    assert_eq!(warnings, [""; 0], "{text}");
    item
}

/// The options of a question; the right ones have a mark.
fn options(item: &Item) -> Vec<String> {
    let (options, right) = match &item.asked {
        ItemKind::Choice { options, right, in_order } => {
            assert!(in_order);
            (options, vec![*right])
        }
        ItemKind::Multiple { options, right, .. } => (options, right.clone()),
        asked => panic!("{asked:?}"),
    };
    let one = |(at, option): (usize, &String)| if right.contains(&at) { format!("+{option}") } else { option.clone() };
    options.iter().enumerate().map(one).collect()
}

fn accepted(item: &Item) -> &[String] {
    let ItemKind::Text { accepted } = &item.asked else { panic!("{:?}", item.asked) };
    accepted
}

fn number(text: &str) -> (Option<String>, String, String) {
    let ItemKind::Number { number, min, max } = warned(text).0.asked else { panic!("{text}") };
    (number.map(|number: Decimal| number.to_string()), min.to_string(), max.to_string())
}

#[test]
fn a_teachers_file_is_read() {
    let found = read(SAMPLE);
    assert_eq!(found.warnings, []);
    assert_eq!(
        strings(&found.left_out),
        [
            "line 31: a matching question is of no kind that can be imported: ask for each pair by itself",
            "line 33: an essay has no right answer: write answers in its { }, or take it out",
            "line 35: it has no { }, so it asks nothing: write its answers in { }, or take it out",
        ]
    );
    let said: Vec<_> = found.items.iter().map(|item| (item.place.as_str(), item.text.as_str())).collect();
    assert_eq!(
        said,
        [
            ("line 5", "Which planet has the most known moons?"),
            ("line 13", "Rain that never reaches the ground is called _____."),
            ("line 15", "The Sun is a star."),
            ("line 17", "Is <b>1 < 2</b>?"),
            ("line 21", "What is {1, 2} = {2, 1} about: #sets or ~tea?"),
            ("line 27", "Name a gas giant."),
            ("line 29", "When was it?"),
        ]
    );
    assert_eq!(options(&found.items[0]), ["Jupiter", "+Saturn", "Mars"]);
    assert_eq!(options(&found.items[1]), ["+virga", "drizzle", "sleet"]);
    assert_eq!(options(&found.items[3]), ["+True", "False"]);
    assert_eq!(options(&found.items[4]), ["tea", "+sets", "50% of both"]);
    let explained: Vec<_> = found.items.iter().filter_map(|item| item.explanation.as_deref()).collect();
    let moons = "Over 270 are known.\nSaturn leads by far.";
    assert_eq!(explained, [moons, "It is, of the kind G2V.", "Order does not count."]);
    let categories: Vec<_> = found.items.iter().map(|item| item.category.as_deref()).collect();
    assert_eq!(categories[3..5], [Some("Sky"), Some("History")]);
}

#[test]
fn escapes_keep_what_they_escape() {
    let item = only(r"A\nB \\ \(x\)? {=a\=b#x\#y ~c\~d ~\{\}}");
    assert_eq!(item.text, "A\nB \\ \\(x\\)?");
    assert_eq!(options(&item), ["+a=b", "c~d", "{}"]);
    assert_eq!(item.explanation.as_deref(), Some("x#y"));
    assert_eq!(only(r"Is $a \neq b$\nor not? {T}").text, "Is $a \\neq b$\nor not?");
}

#[test]
fn a_format_says_how_a_text_is_written() {
    let item = only("::t::[html]Is <u>it</u> {=<i>a</i>#[plain]<a> ~[plain]<b>x</b> ~[markdown]*c*}");
    assert_eq!((item.text.as_str(), item.explanation.as_deref()), ("Is it", Some("<a>")));
    assert_eq!(options(&item), ["+<i>a</i>", "&lt;b>x&lt;/b>", "*c*"]);
    assert_eq!(only("[PLAIN]a <b>x</b> {T}").text, "a &lt;b>x&lt;/b>");
    assert_eq!(only("a <b>x</b>\nb &amp; c {T}").text, "a <b>x</b>\nb & c");
    assert_eq!(options(&only("Which breaks a line? {=<br> ~<lb> ~<hr>}")), ["+<br>", "<lb>", "<hr>"]);
    assert_eq!(only("[moodle] a < b {T}").text, "a < b");
    assert_eq!(only("[html]<p>Is it so? {T}</p>").text, "Is it so?", "a closing tag leaves no gap");
}

#[test]
fn a_format_may_stand_before_the_title() {
    let item = only("[html]::link tag::<b>Which tag makes a link?</b> {=a ~link}\n");
    assert_eq!(item.text, "<b>Which tag makes a link?</b>");
    assert_eq!(options(&item), ["+a", "link"]);
}

#[test]
fn a_title_is_asked_only_if_there_is_no_text() {
    assert_eq!(only("::Q1::Is it? {T}").text, "Is it?");
    assert_eq!(only(":: Is it? {=a::b ~c::d}").text, "Is it?", "a title is not over before its ::");
    assert_eq!(only("::Is 7 prime\\: yes or no?::{T}").text, "Is 7 prime: yes or no?");
    assert_eq!(left_out("{T}"), ["line 1: it has answers but no question: write what is asked"]);
}

#[test]
fn powers_are_no_plain_digits() {
    let found = read(
        "::powers::[html]<p>How much is 2<sup>3</sup> + 10<sup>2</sup>?</p>{\n=[html]<p>108</p>\n\
         ~[html]<p>10<sup>8</sup></p>\n~[html]<p>125</p>\n}\n\n\
         ::same after the tags go::[html]<p>Which is one million?</p>{\n=[html]10<sup>6</sup>\n\
         ~[html]10<sub>6</sub>\n~[html]10<sup>9</sup>\n}\n",
    );
    assert!(found.left_out.is_empty() && found.warnings.is_empty());
    assert_eq!(found.items[0].text, "How much is 2<sup>3</sup> + 10<sup>2</sup>?");
    assert_eq!(options(&found.items[0]), ["+108", "10<sup>8</sup>", "125"]);
    assert_eq!(options(&found.items[1]), ["+10<sup>6</sup>", "10<sub>6</sub>", "10<sup>9</sup>"]);
}

#[test]
fn several_right_options_share_the_points() {
    let found = read(
        "::one right::Which planet is nearest to the Sun? {=Mercury ~Venus ~Mars}\n\n\
         ::two right::Which of these are gas giants? {~%50%Jupiter ~%50%Saturn ~%-50%Mars ~%-50%Venus}\n",
    );
    assert!(found.left_out.is_empty() && found.warnings.is_empty());
    assert_eq!(options(&found.items[0]), ["+Mercury", "Venus", "Mars"]);
    assert_eq!(options(&found.items[1]), ["+Jupiter", "+Saturn", "Mars", "Venus"]);
    assert!(matches!(found.items[1].asked, ItemKind::Multiple { in_shares: true, .. }));
    let thirds = only("Which? {~%33.33333%a ~%33.33333%b ~%33,33333%c ~%-100%d}");
    assert_eq!(options(&thirds), ["+a", "+b", "+c", "d"]);
    let (unequal, warnings) = warned("Which? {~%75%a ~%25%b ~c}");
    assert_eq!(options(&unequal), ["+a", "+b", "c"]);
    assert_eq!(warnings, ["line 1: its right options have different shares in the file, and equal ones here"]);
}

#[test]
fn several_wholly_right_options_are_chosen_together_with_a_warning() {
    let (item, warnings) = warned("Name gas giants. {=Jupiter =Saturn ~Mars}");
    assert_eq!(options(&item), ["+Jupiter", "+Saturn", "Mars"]);
    assert!(matches!(item.asked, ItemKind::Multiple { in_shares: false, .. }));
    let told = "line 1: 2 of its options are each wholly right: here players are to choose all of them";
    assert_eq!(warnings, [told]);
}

#[test]
fn a_part_of_the_points_beside_a_right_option_is_lost_with_a_warning() {
    let (item, warnings) = warned("Which? {=right ~%50%half ~wrong}");
    assert_eq!(options(&item), ["+right", "half", "wrong"]);
    assert_eq!(warnings, ["line 1: “half” is worth 50 % in the file, and counts as wrong here"]);
}

#[test]
fn tilde_equals_marks_the_right_option() {
    let text = "::style of a French course::The Danube flows into {\n  ~the North Sea.\n  ~=the Black Sea.\n  ~the Baltic Sea.\n}\n";
    assert_eq!(options(&only(text)), ["the North Sea.", "+the Black Sea.", "the Baltic Sea."]);
    assert_eq!(options(&only("Which? {~=a~b~c}")), ["+a", "b", "c"]);
    assert_eq!(options(&only("Which? {=a ~b ~}")), ["+a", "b"]);
}

#[test]
fn short_answers_are_typed() {
    let (item, warnings) = warned("Capital? {=Paris#Yes. =paris =Lutetia =%50%Lyon =Par* =%0%*}");
    assert_eq!(accepted(&item), ["Paris", "paris", "Lutetia"]);
    assert_eq!(item.explanation.as_deref(), Some("Yes."));
    assert_eq!(
        warnings,
        [
            "line 1: “Lyon” is worth 50 % in the file, and counts as wrong here",
            "line 1: “Par*” has a wildcard (*), and counts as wrong here",
        ]
    );
    assert_eq!(accepted(&only("[html]Which tag breaks a <b>line</b>? {=<br>}")), ["<br>"]);
    assert_eq!(accepted(&only("Which sign? {=\\* =[html]a<sup>2</sup>}")), ["*", "a²"]);
    assert_eq!(accepted(&only("4 is {=four =4} here")), ["four", "4"]);
    for text in ["So? {=Par*}", "So? {=*}", "So? {=%50%a}"] {
        assert_eq!(left_out(text).len(), 1, "{text}");
    }
}

#[test]
fn numbers_are_typed() {
    let some = |number: &str, min: &str, max: &str| (Some(number.to_owned()), min.to_owned(), max.to_owned());
    assert_eq!(number("So? {#42}"), some("42", "42", "42"));
    assert_eq!(number("So? {#3.14:0.01}"), some("3.14", "3.13", "3.15"));
    assert_eq!(number("So? {#1..5#Yes.}"), (None, "1".to_owned(), "5".to_owned()));
    assert_eq!(number("So? {#-2.5..-1}"), (None, "-2.5".to_owned(), "-1".to_owned()));
    let (item, warnings) = warned("When? {#=1822:0#He was. =%50%1822:2 ~#No.\n####Long ago.}");
    let year = Decimal::from(1822);
    assert_eq!(item.asked, ItemKind::Number { number: Some(year), min: year, max: year });
    assert_eq!(item.explanation.as_deref(), Some("He was.\nLong ago."));
    assert_eq!(warnings, ["line 1: “1822:2” is worth 50 % in the file, and counts as wrong here"]);
    for text in ["So? {#}", "So? {#5..1}", "So? {#3,14}", "So? {#x}", "So? {#=1 =3}", "So? {#=5 m}", "So? {#*}"] {
        assert_eq!(left_out(text).len(), 1, "{text}");
    }
}

#[test]
fn true_and_false_have_four_spellings() {
    for (word, right) in [("T", 0), ("true", 0), ("F", 1), (" FALSE ", 1)] {
        let ItemKind::Choice { right: found, .. } = only(&format!("So?{{{word}}}")).asked else { panic!() };
        assert_eq!(found, right, "{word}");
    }
    assert_eq!(only("So?{F####It is not.}").explanation.as_deref(), Some("It is not."));
    assert_eq!(only("So?{F#It is not so.}").explanation, None, "for those alone who were wrong");
}

#[test]
fn a_question_with_two_gaps_is_named_and_the_others_stay() {
    let found = read("::ok::Is 7 prime? {T}\n\n::gaps::My sister {=works ~work} in Oslo and {=likes ~like} it.\n");
    assert_eq!(found.items.len(), 1);
    let told = strings(&found.left_out);
    assert!(told[0].starts_with("line 3: it has 2 { } with answers, and a question has one"), "{told:?}");
}

#[test]
fn gaps_of_cloze_are_named() {
    let told = left_out("Very {1:SA:=few} people know {1:MC:~a~=b}.");
    assert!(told[0].contains("gaps of Moodle's kind Cloze"), "{told:?}");
}

#[test]
fn pictures_as_options_are_named_for_what_they_are() {
    let text = "::flags::[html]<p>Which flag is that of Chad?</p>{\n=<img src\\=\"@@PLUGINFILE@@/td.png\" />\n\
                ~<img src\\=\"@@PLUGINFILE@@/ro.png\" />\n}\n";
    let told = "line 1: its options are pictures (td.png …), which can't be imported: write options of text";
    assert_eq!(left_out(text), [told]);
}

#[test]
fn braces_of_formulas_are_text_if_one_group_holds_the_answers() {
    let found = read("::ok::Is 7 prime? {T}\n\n::latex::What is $\\frac{6}{3}$? {=2 ~3}\n");
    assert!(found.left_out.is_empty());
    assert_eq!(found.items[1].text, "What is $\\frac{6}{3}$?");
    assert_eq!(options(&found.items[1]), ["+2", "3"]);
    let told = "line 3: braces that belong to its text were read as text: Moodle wants them written \\{ \\}";
    assert_eq!(strings(&found.warnings), [told]);
    for (text, stem) in [
        ("Is $\\vec{F}$ a vector? {T}", "Is $\\vec{F}$ a vector?"),
        ("The set {1, 2} has {#2} elements", "The set {1, 2} has _____ elements"),
        ("Is $x^{2} = \\frac{T}{F}$? {F}", "Is $x^{2} = \\frac{T}{F}$?"),
    ] {
        assert_eq!(warned(text).0.text, stem);
    }
    let (item, _) = warned("Half? {=$\\frac{1}{2}$ ~$\\frac{1}{3}$ ~{b}}");
    assert_eq!(options(&item), ["+$\\frac{1}{2}$", "$\\frac{1}{3}$", "{b}"]);
    assert!(left_out("Is $\\vec{F}$ a vector?")[0].contains("belong to a formula"));
    assert!(left_out("What is {1} and {2}?")[0].contains("begins with"));
}

#[test]
fn a_mark_that_may_belong_to_a_text_is_told() {
    let cases = [
        ("Which? {=x=3 ~x=4}", "can be one answer or two"),
        ("Which? {~a=b ~c}", "can be one answer or two"),
        ("Which? {=$x = 3$ ~$x = 4$}", "is cut in two"),
        ("Which? {=\\(x = 3\\) ~b}", "is cut in two"),
        ("Which? {=<img src =\"a.png\"> ~b}", "is cut in two"),
        ("Which? {=x = 3 ~x = 4}", "can be one answer or two"),
        ("Which? {=x=3}", "can be one answer or two"),
        ("Which? {~%100%$x = 3, y = 2$ ~b}", "is cut in two"),
        ("Which? {~%100%$x= 3, y= 2$ ~b}", "is cut in two"),
        ("Which? {~%100%$x= 3 + y ~b}", "is cut in two"),
        ("Which? {=C# ~Java}", "“C” is followed by a #"),
        ("Half? {=\\frac{a=b}{2} ~c}", "hold = or ~"),
    ];
    for (text, told) in cases {
        assert!(left_out(text).first().is_some_and(|first| first.contains(told)), "{text}: {:?}", left_out(text));
    }
    let (item, warnings) = warned("I {=had done='d done} (do) it.");
    assert_eq!(accepted(&item), ["had done", "'d done"]);
    let told = "line 1: “had done='d done” was read as two answers: if it is one, write \\= in it";
    assert_eq!(warnings, [told]);
    assert_eq!(options(&only("Which? {= a\n = b\n ~ c}".replace("= b", "~ b").as_str())), ["+a", "b", "c"]);
    assert_eq!(options(&only("Which? {~a=b~c}")), ["a", "+b", "c"]);
    assert_eq!(options(&only("Who? {=A# Yes. ~B# No.}")), ["+A", "B"]);
    assert_eq!(options(&only("How much? {=$5 ~$10}")), ["+$5", "$10"]);
    assert_eq!(options(&only("Whose? {\n~$x.\n=y.\n}")), ["$x.", "+y."]);
    assert_eq!(options(&only("Which? {=a<b ~a>b}")), ["+a<b", "a>b"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases = [
        ("Which? {=a ~b", "line 1: its { is not closed before the next question: write } after its answers; "),
        ("Which? =a ~b}", "line 1: it has a } without its {: "),
        ("Which? {~a ~b}", "line 1: none of its options is right: mark the right one"),
        ("Which? {~%50%a ~%20%b ~c}", "line 1: the shares of its right options come to 70 %: let them come to 100 %"),
        ("Which? {~%50%a ~c}", "line 1: its best option is right only in part (50 %): mark one as wholly right"),
        ("Which? {=a =b ~%50%c}", "line 1: several of its options are wholly right, and others in part: "),
        ("Which? {yes}", "line 1: its answers begin with none of =, ~, #, TRUE and FALSE: "),
        ("Which? {a =b ~c}", "line 1: a text stands before its first = or ~: "),
        ("Which? {~=a}", "line 1: it has only one option: "),
        ("Which? {=a ~ ~b}", "line 1: its option 2 is empty: "),
        ("Which? {=a ~%1-%b}", "line 1: %1-% is no share: "),
    ];
    for (text, problem) in cases {
        let told = left_out(text);
        assert!(told.len() == 1 && told[0].starts_with(problem), "{text}: {told:?}");
    }
}

#[test]
fn one_broken_question_does_not_hide_the_next() {
    let found = read("One? {=a ~b\n\nTwo? {=a ~b}\n\nThree? {~a ~b}\n\nFour? {T}\n");
    assert_eq!(found.items.iter().map(|item| item.place.as_str()).collect::<Vec<_>>(), ["line 3", "line 7"]);
    assert_eq!(found.left_out.len(), 2);
    let titled = read("::a::One? {=a ~b\n::b::Two? {T}\n::c::Three? {F}\n");
    assert_eq!(titled.items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), ["Two?", "Three?"]);
    assert_eq!(titled.left_out.len(), 1);
}

#[test]
fn blank_lines_in_braces_are_passed_over_with_a_warning() {
    let (item, warnings) = warned("Which?{\n=a\n\n~b\n\n}\n");
    assert_eq!(options(&item), ["+a", "b"]);
    assert_eq!(warnings, ["line 1: a blank line in its { } was passed over: Moodle ends the question there"]);
    let code = "::c::What prints? {\n=a\n~::std::cout\n}\n";
    assert_eq!(options(&only(code)), ["+a", "::std::cout"]);
}

#[test]
fn a_picture_from_the_web_is_kept() {
    let item = only("[html]Who is it? <img src\\=\"https\\://x.org/a.png\" alt\\=\"A face\"> {=Ada ~Bob}");
    assert_eq!((item.image.as_deref(), item.alt.as_deref()), (Some("https://x.org/a.png"), Some("A face")));
    let (_, warnings) = warned("[html]Who is it? <img src\\=\"a.png\"> {=Ada ~Bob}");
    assert_eq!(warnings, ["line 1: its question shows a.png, which is not imported"]);
}

#[test]
fn long_files_take_linear_time() {
    for part in [
        "a {=a ~b\n\n",
        "~{\n\n",
        "{",
        "}",
        "::a::",
        "=a ~b",
        "::a::\n",
        "\\frac{",
        "{}",
        "a_{1}",
        "[html]",
        "~=",
        "$ =",
        "#### ",
    ] {
        let text = part.repeat(100_000 / part.len());
        let started = std::time::Instant::now();
        read(&text);
        read(&format!("a{{{text}}}"));
        assert!(started.elapsed().as_secs() < 5, "{part}: {:?}", started.elapsed());
    }
}

proptest! {
    #[test]
    fn no_text_is_lost_silently(
        text in "((\\\\?[{}=~#:%*$])|::|T|5|a|<b>|<img src=x>| |\n|\n\n|//|->|\\.\\.|\\[html\\]){0,40}|\\PC{0,60}"
    ) {
        let found = read(&text);
        prop_assert_eq!(&read(&text), &found);
    }
}
