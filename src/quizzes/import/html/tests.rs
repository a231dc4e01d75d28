//! Tests of the conversion from HTML to our markup.

use proptest::prelude::*;

use super::*;

fn text(html: &str) -> String {
    to_markup(html).text
}

#[test]
fn six_tags_stay_and_the_others_go() {
    let cases = [
        ("2<sup>3</sup> + 10<sub>2</sub>", "2<sup>3</sup> + 10<sub>2</sub>"),
        ("<STRONG class=\"x\">a</STRONG> <em>b</em>", "<b>a</b> <i>b</i>"),
        ("<code>x</code><tt>y</tt> <kbd>z</kbd>", "<code>x</code><code>y</code> <code>z</code>"),
        ("an <a href=\"x\">open", "an open"),
        ("<span style='a>b'>x</span>", "x"),
        ("<o:p>x</o:p><font color=red>y</font>", "xy"),
        ("x<!-- <b>no</b> -->y<script>if (a < b) </b></script>z<style>p{}</style>", "xyz"),
    ];
    for (html, markup) in cases {
        assert_eq!(text(html), markup, "{html}");
    }
}

#[test]
fn blocks_end_lines_and_items_have_a_dash() {
    let cases = [
        ("<p>One</p>\n<p>Two<br/>Three</p>", "One\nTwo\nThree"),
        ("<p>Which?</p><ul><li>a</li>\n<li><p>b</p></li><li></li></ul>then", "Which?\n- a\n- b\nthen"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("  a \n b&nbsp;c  ", "a b\u{a0}c"),
        ("<p>&nbsp;a&nbsp;</p><p>&nbsp;</p><p>&nbsp;&nbsp;b</p>", "a\n\u{a0}\u{a0}b"),
        ("a.&nbsp; b", "a. b"),
        ("<b>a<br>b</b>", "<b>a\nb</b>"),
    ];
    for (html, markup) in cases {
        assert_eq!(text(html), markup, "{html}");
    }
}

#[test]
fn entities_are_characters_and_never_markup() {
    let cases = [
        ("a &lt; b &amp;&amp; b &gt; c", "a < b && b > c"),
        ("&lt;b&gt;x&lt;/b&gt;", "&lt;b>x&lt;/b>"),
        ("&lt;<span></span>b>", "&lt;b>"),
        ("&amp;lt;", "&amp;lt;"),
        ("&lt;br&gt; and &eacute;", "<br> and é"),
        ("#include <stdio.h> List<String> <3 1 < 2", "#include <stdio.h> List<String> <3 1 < 2"),
    ];
    for (html, markup) in cases {
        assert_eq!(text(html), markup, "{html}");
    }
}

#[test]
fn pre_keeps_its_lines_and_spaces() {
    let html = "<p>What?</p><pre><code>\nif x:\n\n    y   z\n</code></pre>\n<p>Then</p>";
    assert_eq!(text(html), "What?\n<pre>if x:\n\n    y   z</pre>\nThen");
    assert_eq!(text("<pre>a<br>b</pre>"), "<pre>a\nb</pre>");
}

#[test]
fn tags_are_always_closed_in_their_order() {
    assert_eq!(text("<b>x<i>y</b>z</i>"), "<b>x<i>y</i></b><i>z</i>");
    assert_eq!(text("<b>x"), "<b>x</b>");
    assert_eq!(text("x</b>y<b></b> <i> </i>z"), "xy z");
}

#[test]
fn formulas_stay_text_and_powers_stay_powers() {
    assert_eq!(text("\\(x^2 &lt; 3\\) $$\\frac{1}{2}$$"), "\\(x^2 < 3\\) $$\\frac{1}{2}$$");
    let power =
        "<math><msup><mi>x</mi><mrow><mn>2</mn></mrow></msup><mo>+</mo><mfrac><mn>1</mn><mn>2</mn></mfrac></math>";
    assert_eq!(text(power), "x<sup>2</sup>+(1)/(2)");
    assert_eq!(text("<math><msqrt><mn>2</mn></msqrt></math>!"), "√(2)!");
}

#[test]
fn pictures_are_taken_out_and_named() {
    let html = to_markup("a<img src=\"@@PLUGINFILE@@/my%20flag.png?x=1\" alt=\"The  flag\">b");
    let flag = Media { name: "my flag.png".to_owned(), alt: "The flag".to_owned(), url: None };
    assert_eq!((html.text.as_str(), &html.media[..]), ("ab", &[flag][..]));
    let url = "https://x.org/a.png?b=1&c";
    let web = to_markup(&format!("<img alt='' src='{}'>", url.replace('&', "&amp;")));
    assert_eq!(web.media[0].url.as_deref(), Some(url));
    let names = |html: &str| to_markup(html).media.into_iter().map(|media| media.name).collect::<Vec<_>>();
    assert_eq!(names("<audio><source src=a.mp3></audio><video src=b.mp4></video>"), ["a.mp3", "b.mp4"]);
    assert_eq!(
        names("<img src='data:image/png;base64,AAAA/BBBB'><iframe src='http://x.org/v/12/'>"),
        ["a picture", "12"]
    );
}

#[test]
fn html_is_told_from_plain_text() {
    for html in ["<p>x", "a<br>b", "x<sup>2</sup>", "a &lt; b", "<p>a<p>b</p>", "<img src=x>"] {
        assert!(is_html(html), "{html}");
    }
    for plain in ["What does <b> do?", "a < b", "AT&T", "x </b>", "List<String>", "if a<b and b>c", "a?b=1&copy=2"] {
        assert!(!is_html(plain), "{plain}");
    }
}

#[test]
fn broken_html_takes_linear_time() {
    for part in [
        "<",
        "<a ",
        "<a \"",
        "<a b=\"",
        "<a b='>",
        "</",
        "<!--",
        "<b><sup>",
        "</b></i>",
        "&",
        "<math><msup>",
        "<script>",
    ] {
        let html = part.repeat(200_000 / part.len());
        let started = std::time::Instant::now();
        to_markup(&html);
        is_html(&html);
        assert!(started.elapsed().as_secs() < 5, "{part}");
    }
}

proptest! {
    #[test]
    fn any_html_becomes_markup_whose_tags_are_closed(
        html in "(<(/?)(b|i|sup|p|pre|code|li|br|math|msup|mn|q!)( x='|)>|<|>|&|lt;|[ a\n]|<!--|-->){0,30}|\\PC{0,40}"
    ) {
        let markup = to_markup(&html).text;
        let seen = markup::plain(&markup);
        prop_assert_eq!(markup.trim(), markup.as_str());
        prop_assert!(seen.len() <= 4 * html.len() + 4);
    }

    #[test]
    fn escaped_text_is_shown_as_it_was(plain in "[a-z<>&;/]{0,30}") {
        let html = html_escape::encode_text(&plain);
        prop_assert_eq!(markup::plain(&text(&html)), plain);
    }
}

#[test]
fn an_address_in_angle_brackets_stays() {
    assert_eq!(
        to_markup("<p>See <https://x.org/a> or <mailto:a@x.org>.</p>").text,
        "See <https://x.org/a> or <mailto:a@x.org>."
    );
}
