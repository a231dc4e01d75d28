//! Tests of the import of Moodle XML.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::quizzes::import::ItemKind;

const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<quiz>
<!-- question: 0 -->
  <question type="category">
    <category><text>$course$/top/Science/R&amp;D</text></category>
  </question>

  <question type="multichoice">
    <name><text>Powers</text></name>
    <questiontext format="html">
      <text><![CDATA[<p>How much is 2<sup>3</sup>?&nbsp;</p>]]></text>
    </questiontext>
    <generalfeedback format="html"><text>&lt;p&gt;Count &amp;lt;up&amp;gt;.&lt;/p&gt;</text></generalfeedback>
    <defaultgrade>1.0000000</defaultgrade>
    <single>true</single>
    <shuffleanswers>true</shuffleanswers>
    <answernumbering>abc</answernumbering>
    <answer fraction="0" format="html"><text>6</text><feedback format="html"><text>No.</text></feedback></answer>
    <answer fraction="100" format="html"><text>8</text><feedback format="html"><text>Yes.</text></feedback></answer>
  </question>
  <question type="truefalse">
    <questiontext format="plain_text"><text>Is &lt;b&gt;x&lt;/b&gt; bold?</text></questiontext>
    <answer fraction="0"><text>true</text></answer>
    <answer fraction="100"><text>false</text><feedback><text>It is not.</text></feedback></answer>
  </question>
  <question type="essay"><name><text>Write</text></name></question>
  <question type="cloze"><name><text>Gaps</text></name></question>
  <question type="hotspot2"><name><text>Odd</text></name></question>
</quiz>
"#;

fn strings(problems: &[DraftProblem]) -> Vec<String> {
    problems.iter().map(DraftProblem::to_string).collect()
}

fn one(kind: &str, content: &str) -> ParsedFile {
    let text = "<questiontext format=\"html\"><text>Which?</text></questiontext>";
    read(&format!("<quiz><question type=\"{kind}\">{text}{content}</question></quiz>")).expect("well-formed")
}

fn warned(kind: &str, content: &str) -> (Item, Vec<String>) {
    let mut found = one(kind, content);
    assert!(found.left_out.is_empty(), "{content}: {:?}", found.left_out);
    (found.items.remove(0), strings(&found.warnings))
}

fn answers(of: &[(&str, &str)]) -> String {
    let one = |(fraction, text): &(&str, &str)| {
        format!("<answer fraction=\"{fraction}\" format=\"html\"><text>{text}</text></answer>")
    };
    of.iter().map(one).collect()
}

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_file_is_read() {
    let found = read(SAMPLE).expect("well-formed");
    assert_eq!(found.warnings, []);
    let (powers, bold) = (&found.items[0], &found.items[1]);
    assert_eq!((powers.place.as_str(), powers.text.as_str()), ("line 8", "How much is 2<sup>3</sup>?"));
    assert_eq!(powers.asked, ItemKind::Choice { options: texts(&["6", "8"]), right: 1, in_order: true });
    assert_eq!(powers.explanation.as_deref(), Some("Yes.\nCount <up>."));
    assert_eq!(powers.category.as_deref(), Some("R&D"));
    assert_eq!(bold.text, "Is &lt;b>x&lt;/b> bold?");
    assert_eq!(bold.asked, ItemKind::Choice { options: texts(&["True", "False"]), right: 1, in_order: true });
    assert_eq!(bold.explanation.as_deref(), Some("It is not."));
    assert_eq!(
        strings(&found.left_out),
        [
            "line 26: “Write” is of the type essay (an essay, which has no right answer), which can't be imported",
            "line 27: “Gaps” is of the type cloze (gaps in a text), which can't be imported",
            "line 28: “Odd” is of the type hotspot2, which can't be imported",
        ]
    );
}

#[test]
fn several_right_options_share_the_points() {
    let of = [("50", "a"), ("50", "b"), ("-100", "c")];
    let (item, warnings) = warned("multichoice", &format!("<single>false</single>{}", answers(&of)));
    assert_eq!(item.asked, ItemKind::Multiple { options: texts(&["a", "b", "c"]), right: vec![0, 1], in_shares: true });
    assert_eq!(warnings, [""; 0]);
    let (set, _) = warned("multichoiceset", &answers(&[("100", "a"), ("100", "b"), ("0", "c")]));
    assert_eq!(set.asked, ItemKind::Multiple { options: texts(&["a", "b", "c"]), right: vec![0, 1], in_shares: false });
    let (several, _) = warned("oumultiresponse", &answers(&[("100", "a"), ("100", "b"), ("0", "c")]));
    assert_eq!(
        several.asked,
        ItemKind::Multiple { options: texts(&["a", "b", "c"]), right: vec![0, 1], in_shares: true }
    );
}

#[test]
fn texts_and_numbers_are_typed() {
    let of = answers(&[("100", "a &lt; b"), ("100", "c"), ("50", "d"), ("0", "*")]);
    let (item, warnings) = warned("shortanswer", &format!("<usecase>1</usecase>{of}"));
    assert_eq!(item.asked, ItemKind::Text { accepted: texts(&["a < b", "c"]) });
    assert_eq!(
        warnings,
        [
            "line 1: capital and small letters differ in the file, and do not here",
            "line 1: “d” is worth 50 % in the file, and counts as wrong here",
        ]
    );
    let number = "<answer fraction=\"100\"><text>3.140</text><tolerance>0.01</tolerance></answer>";
    let of = |text: &str| text.parse::<Decimal>().expect("a number");
    let (item, _) = warned("numerical", number);
    assert_eq!(item.asked, ItemKind::Number { number: Some(of("3.14")), min: of("3.13"), max: of("3.15") });
    let units = "<units><unit><multiplier>1</multiplier><unit_name>m</unit_name></unit></units>";
    let told = "line 1: its units are not imported: the question should name the one that is meant";
    assert_eq!(warned("numerical", &format!("{number}{units}")).1, [told]);
    assert_eq!(one("numerical", &answers(&[("100", "*")])).left_out.len(), 1);
}

#[test]
fn things_are_put_in_order() {
    let of = answers(&[("1.0000000", "one"), ("2.0000000", "two"), ("3.0000000", "three")]);
    let (item, warnings) = warned("ordering", &format!("<selecttype>ALL</selecttype>{of}"));
    assert_eq!(item.asked, ItemKind::Order { parts: texts(&["one", "two", "three"]) });
    assert_eq!(warnings, [""; 0]);
    assert_eq!(one("ordering", &answers(&[("2", "two"), ("1", "one")])).left_out.len(), 1);
}

#[test]
fn pictures_are_named() {
    let content =
        "<generalfeedback format=\"html\"><text>Yes.</text><file name=\"b.png\">QUJD</file></generalfeedback>";
    let picture = "<questiontext format=\"html\"><text>&lt;p&gt;Who?&lt;img src=\"@@PLUGINFILE@@/my%20a.png\" alt=\"A\"&gt;</text>\
                   <file name=\"my a.png\" path=\"/\" encoding=\"base64\">QUJD</file></questiontext>";
    let of = answers(&[("100", "Ada"), ("0", "Bob")]);
    let text = format!("<quiz><question type=\"multichoice\">{picture}{content}{of}</question></quiz>");
    let found = read(&text).expect("well-formed");
    assert_eq!((found.items[0].text.as_str(), found.items[0].explanation.as_deref()), ("Who?", Some("Yes.")));
    assert_eq!(
        strings(&found.warnings),
        [
            "line 1: its question shows my a.png (A), which is not imported",
            "line 1: its feedback shows b.png, which is not imported",
        ]
    );
    let options = answers(&[("100", "&lt;img src=\"a.png\"&gt;"), ("0", "&lt;img src=\"b.png\"&gt;")]);
    assert!(strings(&one("multichoice", &options).left_out)[0].contains("its options are pictures (a.png …)"));
}

#[test]
fn what_is_wrong_with_a_question_is_told() {
    let cases = [
        ("multichoice", answers(&[("50", "a"), ("0", "b")]), "right only in part"),
        ("multichoice", answers(&[("x", "a"), ("0", "b")]), "“x” is no fraction"),
        ("multichoice", answers(&[("100", "<b>a</b>"), ("0", "b")]), "holds the tag <b>"),
        ("truefalse", answers(&[("0", "true"), ("0", "false")]), "not one of true and false"),
        ("shortanswer", answers(&[("0", "a")]), "no text is wholly right"),
        ("", String::new(), "its type is missing"),
    ];
    for (kind, content, told) in cases {
        let left_out = strings(&one(kind, &content).left_out);
        assert!(left_out.len() == 1 && left_out[0].contains(told), "{content}: {left_out:?}");
    }
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let told = |text: &str| read(text).expect_err("a broken file").to_string();
    assert!(told("<quiz>\n<question type=\"essay\">\n</quiz>").starts_with("line 3: no well-formed XML"));
    assert_eq!(told("<quiz>\n<question>\n"), "line 3: no well-formed XML: the file ends before </question>");
    assert_eq!(told("<rss></rss>"), "line 1: its outermost element is <rss>, and Moodle's files have <quiz>");
    assert_eq!(told("<?xml version=\"1.0\"?>\n"), "line 2: no XML: it has no elements");
    assert!(told(&"<quiz>".repeat(100_000)).contains("more than 32 elements in each other"));
}

#[test]
fn entities_that_a_file_declares_are_not_expanded() {
    let text = "<!DOCTYPE quiz [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><quiz><question type=\"truefalse\">\
                <questiontext format=\"html\"><text>So &b;?</text></questiontext>\
                <answer fraction=\"100\"><text>true</text></answer></question></quiz>";
    assert_eq!(read(text).expect("well-formed").items[0].text, "So &b;?");
}

proptest! {
    #[test]
    fn no_file_panics(
        text in "(</?(quiz|question|answer|text)( type='(multichoice|numerical)'| fraction='100')?/?>|&(lt|#65|x|#xFFFFFFF);|&|<!\\[CDATA\\[|\\]\\]>|<!--|é|1){0,30}"
    ) {
        prop_assert_eq!(&read(&text), &read(&text));
        let unclosed = format!("<quiz>{}", text.replace("</quiz>", ""));
        prop_assert!(read(&unclosed).is_err());
    }
}
