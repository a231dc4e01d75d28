//! The markup that texts may contain.
//!
//! There are six tags: `<b>`, `<i>`, `<code>`, `<pre>`, `<sub>` and `<sup>`, in lower case, without
//! attributes, each with its closing tag. A tag without its counterpart is plain text, and so is every other
//! tag. A line feed is a line break. Only `<pre>` and `<code>` keep runs of spaces. `&lt;`, `&gt;` and
//! `&amp;` stand for the characters `<`, `>` and `&`, so that a text can mention a tag. There are no other
//! entities.

/// The tags of the markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `<b>`: bold text.
    B,
    /// `<i>`: italic text.
    I,
    /// `<code>`: code within a line.
    Code,
    /// `<pre>`: code that keeps its lines.
    Pre,
    /// `<sub>`: text below the line.
    Sub,
    /// `<sup>`: text above the line.
    Sup,
}

impl Tag {
    /// The tag's name, without the brackets.
    pub fn name(self) -> &'static str {
        TAGS.iter().find(|(_, tag)| *tag == self).map_or("", |(name, _)| name)
    }
}

const TAGS: [(&str, Tag); 6] =
    [("b", Tag::B), ("i", Tag::I), ("code", Tag::Code), ("pre", Tag::Pre), ("sub", Tag::Sub), ("sup", Tag::Sup)];
const ENTITIES: [(&str, char); 3] = [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')];

/// A piece of a parsed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Plain text, with its entities decoded.
    Text(String),
    /// A tag, and what is between it and its closing tag.
    Tagged(Tag, Vec<Node>),
}

enum MarkupToken<'a> {
    Text(&'a str),
    Char(char),
    Open(Tag, &'a str),
    Close(Tag, &'a str),
}

/// The first token of a text that is not empty, and the rest of the text.
fn token(text: &str) -> (MarkupToken<'_>, &str) {
    let tagged = |prefix: &str| {
        let rest = text.strip_prefix(prefix)?;
        let is_it = |name: &str| rest.strip_prefix(name).is_some_and(|after| after.starts_with('>'));
        let (name, tag) = TAGS.iter().find(|(name, _)| is_it(name))?;
        Some((*tag, prefix.len() + name.len() + 1))
    };
    if let Some((tag, end)) = tagged("</") {
        return (MarkupToken::Close(tag, &text[..end]), &text[end..]);
    }
    if let Some((tag, end)) = tagged("<") {
        return (MarkupToken::Open(tag, &text[..end]), &text[end..]);
    }
    if let Some((entity, char)) = ENTITIES.iter().find(|(entity, _)| text.starts_with(entity)) {
        return (MarkupToken::Char(*char), &text[entity.len()..]);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(['<', '&']).map_or(text.len(), |at| first + at);
    (MarkupToken::Text(&text[..end]), &text[end..])
}

/// Parses a text. Every text is valid: what is not markup is plain text.
pub fn parse(text: &str) -> Vec<Node> {
    // The open tags: the tag, how it was written, and the nodes before it.
    let mut open: Vec<(Tag, &str, Vec<Node>)> = Vec::new();
    let mut nodes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = token(rest);
        rest = after;
        match token {
            MarkupToken::Text(text) => push(&mut nodes, text),
            MarkupToken::Char(char) => push(&mut nodes, char.encode_utf8(&mut [0; 4])),
            MarkupToken::Open(tag, written) => open.push((tag, written, std::mem::take(&mut nodes))),
            MarkupToken::Close(tag, written) => match open.iter().rposition(|(other, ..)| *other == tag) {
                Some(at) => {
                    // A tag that was opened inside and not closed is plain text.
                    while open.len() > at + 1 {
                        nodes = reopened(open.pop(), nodes);
                    }
                    let Some((tag, _, before)) = open.pop() else { continue };
                    let inside = std::mem::replace(&mut nodes, before);
                    nodes.push(Node::Tagged(tag, inside));
                }
                None => push(&mut nodes, written),
            },
        }
    }
    while !open.is_empty() {
        nodes = reopened(open.pop(), nodes);
    }
    nodes
}

/// Turns an open tag into plain text: the nodes before it, the tag as text, and the nodes after it.
fn reopened(open: Option<(Tag, &str, Vec<Node>)>, inside: Vec<Node>) -> Vec<Node> {
    let Some((_, written, mut nodes)) = open else { return inside };
    push(&mut nodes, written);
    for node in inside {
        match node {
            Node::Text(text) => push(&mut nodes, &text),
            tagged => nodes.push(tagged),
        }
    }
    nodes
}

fn push(nodes: &mut Vec<Node>, text: &str) {
    match nodes.last_mut() {
        Some(Node::Text(last)) => last.push_str(text),
        _ => nodes.push(Node::Text(text.to_owned())),
    }
}

/// Escapes a plain text, so that [`plain`] gives it back unchanged. Only what would be read as markup is
/// escaped.
pub fn escape(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    let mut rest = plain;
    while !rest.is_empty() {
        let (token, after) = token(rest);
        match token {
            MarkupToken::Text(plain) => text.push_str(plain),
            MarkupToken::Char(_) => {
                text.push_str("&amp;");
                text.push_str(&rest[1..rest.len() - after.len()]);
            }
            MarkupToken::Open(_, written) | MarkupToken::Close(_, written) => {
                text.push_str("&lt;");
                text.push_str(&written[1..]);
            }
        }
        rest = after;
    }
    text
}

/// The first piece of a text that people would take for markup although it is shown as it stands: an unknown
/// tag, a tag without its counterpart, or an unknown entity.
pub fn unread(text: &str) -> Option<&str> {
    let mut open: Vec<(Tag, &str)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = token(rest);
        rest = after;
        match token {
            MarkupToken::Text(text) => {
                if let Some(found) = taken_for_markup(text) {
                    return Some(found);
                }
            }
            MarkupToken::Char(_) => {}
            MarkupToken::Open(tag, written) => open.push((tag, written)),
            MarkupToken::Close(tag, written) => match open.iter().rposition(|(other, _)| *other == tag) {
                // A tag that was opened inside is never closed.
                Some(at) if at + 1 < open.len() => return Some(open[at + 1].1),
                Some(at) => open.truncate(at),
                None => return Some(written),
            },
        }
    }
    open.first().map(|(_, written)| *written)
}

/// What looks like a tag or an entity at the beginning of a text, although it is no markup.
fn taken_for_markup(text: &str) -> Option<&str> {
    let end = match text.as_bytes() {
        [b'<', b'/', letter, ..] | [b'<', letter, ..] if letter.is_ascii_alphabetic() => text.find('>')?,
        [b'&', letter, _, ..] if letter.is_ascii_alphabetic() || *letter == b'#' => {
            text.find(';').filter(|end| *end > 2)?
        }
        _ => return None,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '#' | '/');
    let name = text[1..end].split([' ', '=']).next().unwrap_or_default();
    (name.len() <= 10 && name.chars().all(is_name)).then_some(&text[..=end])
}

/// A text without its markup, for a table cell or a line in a terminal: 2³, x_i, 10^(a+b).
pub fn plain(text: &str) -> String {
    if !text.contains(['<', '&']) {
        return text.to_owned();
    }
    written(&parse(text))
}

fn written(nodes: &[Node]) -> String {
    let one = |node: &Node| match node {
        Node::Text(text) => text.clone(),
        Node::Tagged(Tag::Sup, inside) => shifted(&written(inside), '^', SUPERSCRIPTS),
        Node::Tagged(Tag::Sub, inside) => shifted(&written(inside), '_', SUBSCRIPTS),
        Node::Tagged(_, inside) => written(inside),
    };
    nodes.iter().map(one).collect()
}

const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ";
const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₙᵢ";
const LEVEL: &str = "0123456789+-=()ni";

/// Superscript or subscript text: Unicode's own characters if it has all of them, otherwise `mark` before the
/// text.
fn shifted(text: &str, mark: char, characters: &str) -> String {
    let of = |c: char| LEVEL.chars().position(|level| level == c).and_then(|at| characters.chars().nth(at));
    let all: Option<String> = text.chars().map(|c| of(if c == '−' { '-' } else { c })).collect();
    match all {
        Some(all) => all,
        None if text.chars().count() == 1 => format!("{mark}{text}"),
        None => format!("{mark}({text})"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn six_tags_are_markup_and_all_else_is_text() {
        assert_eq!(parse("2<sup>3</sup>"), [text("2"), Node::Tagged(Tag::Sup, vec![text("3")])]);
        let nested = Node::Tagged(Tag::B, vec![text("x"), Node::Tagged(Tag::I, vec![text("y")])]);
        assert_eq!(parse("<b>x<i>y</i></b>"), [nested]);
        for plain in ["a < b", "<br>", "<B>x</B>", "<b class=\"x\">", "&eacute;", "<", "</", "<b", "&", "<p>x</p>"] {
            assert_eq!(parse(plain), [text(plain)], "{plain}");
        }
    }

    #[test]
    fn a_tag_without_its_other_half_is_text() {
        assert_eq!(parse("Use <b> here"), [text("Use <b> here")]);
        assert_eq!(parse("x</sup>"), [text("x</sup>")]);
        assert_eq!(parse("<b><i>x</b>"), [Node::Tagged(Tag::B, vec![text("<i>x")])]);
        assert_eq!(parse("<b>x</i>"), [text("<b>x</i>")]);
    }

    #[test]
    fn plain_text_says_what_the_markup_showed() {
        assert_eq!(plain("10<sup>6</sup> and 10<sub>6</sub>"), "10⁶ and 10₆");
        assert_eq!(plain("e<sup>2x</sup>, x<sub>k</sub>"), "e^(2x), x_k");
        assert_eq!(plain("&lt;b&gt; &amp; <b>bold</b>"), "<b> & bold");
    }

    #[test]
    fn what_is_taken_for_markup_and_is_none_is_named() {
        let named = [
            ("one<br>two", "<br>"),
            ("<B>x</B>", "<B>"),
            ("a <b> alone", "<b>"),
            ("x</sup>", "</sup>"),
            ("<b><i>x</b>", "<i>"),
            ("caf&eacute;", "&eacute;"),
            ("<p class=\"x\">y</p>", "<p class=\"x\">"),
        ];
        for (text, tag) in named {
            assert_eq!(unread(text), Some(tag), "{text}");
        }
        for fine in ["a < b > c", "AT&T; so", "<b>x</b> &lt;br&gt;", "x<sup>2</sup>", "#include <stdio.h>", "&"] {
            assert_eq!(unread(fine), None, "{fine}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_shown_as_it_was(text in "[<>&/a-z;]{0,8}|(<(/?)(b|sup|br)>|&(lt|gt|amp|x);|[ a&<>;]){0,9}") {
            prop_assert_eq!(plain(&escape(&text)), text);
        }
    }
}
