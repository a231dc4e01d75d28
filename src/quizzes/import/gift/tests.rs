//! What GIFT files say, and what rejoin makes of it.

use super::*;

const SAMPLE: &str = r"// A teacher's file, with a comment.
$CATEGORY: $course$/top/Science/Earth\/Sky

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

fn told(text: &str) -> Vec<String> {
    let found = read(text);
    found.warnings.iter().chain(&found.problems).map(Problem::to_string).collect()
}

fn only(text: &str) -> Item {
    let mut found = read(text);
    assert!(found.problems.is_empty() && found.items.len() == 1, "{text}: {:?}", found.problems);
    found.items.remove(0)
}

#[test]
fn a_teachers_file_is_read() {
    // Two questions without a blank line between them are one broken question.
    let broken = told(SAMPLE);
    assert!(broken.contains(&"line 14: more than one { }; one that belongs to the text is written \\{ \\}".to_owned()));

    let found = read(&SAMPLE.replace("\n[html]", "\n\n[html]"));
    assert_eq!(found.problems, []);
    let warnings: Vec<_> = found.warnings.iter().map(Problem::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 26: a short-answer question is skipped",
            "line 28: a numerical question is skipped",
            "line 30: a matching question is skipped",
            "line 32: an essay question is skipped",
            "line 34: a description, which asks nothing, is skipped",
        ]
    );
    let said: Vec<_> = found.items.iter().map(|item| (item.place.as_str(), item.text.as_str())).collect();
    assert_eq!(
        said,
        [
            ("line 4", "Which planet has the most known moons?"),
            ("line 12", "Rain that never reaches the ground is called _____."),
            ("line 14", "The Sun is a star."),
            ("line 16", "Is 1 < 2?"),
            ("line 20", "What is {1, 2} = {2, 1} about: #sets or ~tea?"),
        ]
    );
    let rights: Vec<_> = found.items.iter().map(|item| item.options[item.right].as_str()).collect();
    assert_eq!(rights, ["Saturn", "virga", "True", "True", "sets"]);
    let explained: Vec<_> = found.items.iter().map(|item| item.explanation.as_deref()).collect();
    let order = Some("Order does not count.");
    assert_eq!(explained, [Some("Saturn leads by far."), None, Some("It is, of the kind G2V."), None, order]);
    assert_eq!(found.items[4].options, ["tea", "sets", "50% of both"]);
    let categories: Vec<_> = found.items.iter().map(|item| item.category.as_deref()).collect();
    assert_eq!(categories[3..], [Some("Sky"), Some("History")]);
}

#[test]
fn escapes_keep_what_they_escape() {
    let item = only(r"A\nB \\ \(x\)? {=a\=b#x\#y ~c\~d ~\{\}}");
    assert_eq!(item.text, "A\nB \\ \\(x\\)?");
    assert_eq!(item.options, ["a=b", "c~d", "{}"]);
    assert_eq!(item.explanation.as_deref(), Some("x#y"));
}

#[test]
fn a_marker_says_how_a_text_is_written() {
    let item = only("::t::[html]<b>Which?</b> {=<i>a</i>#[plain]<a> ~[plain]<b> ~[markdown]*c*}");
    assert_eq!((item.text.as_str(), item.explanation.as_deref()), ("Which?", Some("<a>")));
    assert_eq!(item.options, ["a", "<b>", "*c*"]);
    assert_eq!(only("[plain]a <b> {T}").text, "a <b>");
}

#[test]
fn true_and_false_have_four_spellings() {
    for (word, right) in [("T", "True"), ("true", "True"), ("F", "False"), (" FALSE ", "False")] {
        let item = only(&format!("So?{{{word}}}"));
        assert_eq!(item.options[item.right], right);
    }
    assert_eq!(only("So?{F####It is not.}").explanation.as_deref(), Some("It is not."));
    assert_eq!(only("So?{F#It is not so.}").explanation, None, "for those alone who were wrong");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases = [
        ("Which? {=a ~b", "line 1: the { of its answers is not closed before the next blank line"),
        ("Which? =a ~b}", "line 1: a } without its {"),
        ("Which? {=a ~{b} }", "line 1: more than one { }; one that belongs to the text is written \\{ \\}"),
        ("\n::Which? {=a ~b}", "line 2: the title's :: is not closed"),
        ("Which? {~a ~b}", "line 1: no right answer"),
        ("Which? {=a =b ~c}", "line 1: several right answers"),
        ("Which? {~%50%a ~%50%b ~c}", "line 1: several right answers"),
        ("Which? {~%50%a ~c}", "line 1: its best answer is right only in part"),
        ("Which? {yes}", "line 1: its answers begin with none of =, ~, TRUE and FALSE"),
        ("Which? {a =b ~c}", "line 1: a text before its first = or ~"),
    ];
    for (text, problem) in cases {
        assert_eq!(told(text), [problem], "{text}");
    }
}

#[test]
fn a_category_is_the_last_name_of_its_path() {
    for (path, name) in [
        ("$course$/top/Sea", Some("Sea")),
        ("Sea//Lake", Some("Sea/Lake")),
        ("tom/dick/", Some("dick")),
        ("$course$/top", None),
        ("$course$", None),
        ("", None),
    ] {
        assert_eq!(last_of(path).as_deref(), name, "{path}");
    }
}
