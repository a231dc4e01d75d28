//! Tests of what GIFT and Moodle XML share.

use super::*;

fn answer(text: &str, share: i64) -> MoodleAnswer {
    MoodleAnswer { text: text.to_owned(), format: TextFormat::Auto, share: Decimal::from(share), feedback: None }
}

#[test]
fn a_text_without_a_format_is_html_if_it_looks_like_it() {
    let text = |format: TextFormat, text: &str| format.read(text).text;
    assert_eq!(text(TextFormat::Auto, "2<sup>3</sup>\nis?"), "2<sup>3</sup>\nis?");
    assert_eq!(text(TextFormat::Auto, "a<br>b &amp; c"), "a\nb & c");
    assert_eq!(text(TextFormat::Auto, "What does <b> do?"), "What does &lt;b> do?");
    assert_eq!(text(TextFormat::Auto, "<br>"), "<br>");
    assert_eq!(text(TextFormat::Auto, "<b></b>"), "&lt;b>&lt;/b>");
    assert_eq!(text(TextFormat::Plain, "a<b>x</b>"), "a&lt;b>x&lt;/b>");
    assert_eq!(text(TextFormat::Html, "a\nb"), "a b");
    assert_eq!(text(TextFormat::Markdown, "*a* `b`\n<p>c</p>"), "*a* `b`\nc");
}

#[test]
fn one_picture_from_the_web_stays_and_others_are_named() {
    let mut warnings = Vec::new();
    let html = TextFormat::Html.read("Who?<img src='https://x.org/a.png' alt='A face'><img src='b.png'>");
    let stem = Stem::new(html, "", &mut warnings).expect("a text");
    assert_eq!((stem.image.as_deref(), stem.alt.as_deref()), (Some("https://x.org/a.png"), Some("A face")));
    assert_eq!(warnings, ["its question shows b.png, which is not imported"]);
    let only = TextFormat::Html.read("<img src='b.png' alt='B'>");
    let told = Stem::new(only.clone(), " ", &mut warnings).expect_err("something is wrong");
    assert_eq!(told, "its question is b.png (B) without a text: write what is asked");
    assert_eq!(Stem::new(only, "Which?", &mut warnings).expect("a text").text, "Which?");
}

#[test]
fn options_that_cannot_be_told_apart_are_told() {
    let told = |texts: [&str; 2]| {
        choice(&[answer(texts[0], 100), answer(texts[1], 0)], &mut Vec::new()).expect_err("something is wrong")
    };
    let pictures = "its options are pictures (a.png …), which can't be imported: write options of text";
    assert_eq!(told(["<img src=a.png>", "<img src=b.png>"]), pictures);
    assert_eq!(told(["<img src=a.png>x", "x"]), pictures);
    assert_eq!(told(["a", "a"]), "two of its options are the same, “a”: change one, or take it out");
    assert_eq!(told(["a", ""]), "its option 2 is empty: write a text, or take it out");
    let powers = [answer("10<sup>6</sup>", 100), answer("10<sub>6</sub>", 0), answer("106", 0)];
    assert!(choice(&powers, &mut Vec::new()).is_ok());
}

#[test]
fn numbers_are_read_exactly() {
    let of = |text: &str| decimal_of(text).map(|number| number.to_string());
    for (text, number) in
        [("3.140", "3.14"), ("+2", "2"), ("−5", "-5"), (".5", "0.5"), ("1e3", "1000"), ("6.02E3", "6020")]
    {
        assert_eq!(of(text).as_deref(), Ok(number), "{text}");
    }
    assert_eq!(of("3,14"), Err("“3,14” is not a number: write a point, no comma".to_owned()));
    for text in ["", "x", "1_000", "1e99", "--1", "5 m", "٣"] {
        assert!(of(text).is_err(), "{text}");
    }
}

fn decimal_of(text: &str) -> Result<Decimal, String> {
    let numbers = [answer(text, 100)];
    let solution = numerical(&numbers, |answer| Numbers::around(&answer.text, ""), &mut Vec::new())?;
    let ItemKind::Number { number, .. } = solution.asked else { return Err("no number".to_owned()) };
    number.ok_or_else(|| "no number".to_owned())
}

#[test]
fn numbers_with_a_wrong_one_between_them_are_not_joined() {
    let mut warnings = Vec::new();
    let read = |answers: &[MoodleAnswer], warnings: &mut Vec<String>| {
        numerical(answers, |answer| Numbers::around(&answer.text, "1"), warnings).map(|solution| solution.asked)
    };
    let (min, max) = (Decimal::from(4), Decimal::from(7));
    let joined = read(&[answer("5", 100), answer("6", 100)], &mut warnings);
    assert_eq!(joined, Ok(ItemKind::Number { number: Some(Decimal::from(5)), min, max }));
    assert_eq!(warnings, ["its right answers overlap: all numbers from 4 to 7 are right here"]);
    assert!(read(&[answer("5", 100), answer("9", 100)], &mut warnings).is_err());
    let huge = read(&[answer("79228162514264337593543950335", 100)], &mut warnings);
    assert!(huge.expect_err("something is wrong").contains("out of range"));
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
