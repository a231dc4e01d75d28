//! HTML as plain text: tags go, entities become characters, blocks end lines.

use html_escape::decode_html_entities;

/// What a reader of the page would see.
pub(super) fn to_text(html: &str) -> String {
    let html = html.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = String::with_capacity(html.len());
    let mut rest = html.as_str();
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let tag = &rest[at + 1..];
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tag.find('>').filter(|_| is_tag) {
            Some(end) => {
                if ends_a_line(&tag[..end]) {
                    text.push('\n');
                }
                rest = &tag[end + 1..];
            }
            None => {
                text.push('<');
                rest = tag;
            }
        }
    }
    text.push_str(rest);
    let text = decode_html_entities(&text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn ends_a_line(tag: &str) -> bool {
    let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
    ["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4"].iter().any(|block| name.eq_ignore_ascii_case(block))
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn tags_go_and_entities_become_characters() {
        let cases = [
            ("<p>Who wrote <b>Faust</b>?</p>", "Who wrote Faust?"),
            ("<p>One</p>\n<p>Two<br/>Three</p>", "One\nTwo\nThree"),
            ("a &lt; b &amp;&amp; b&nbsp;&gt; c", "a < b && b\u{a0}> c"),
            ("1 < 2 and <3", "1 < 2 and <3"),
            ("an <a href=\"x\">open", "an open"),
            ("<", "<"),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }
}
