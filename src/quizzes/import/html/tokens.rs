//! Splits HTML into tags and texts, even if it is broken. Takes linear time: each byte is examined a few
//! times at most.

use html_escape::decode_html_entities;

/// A tag, a text or a comment.
#[derive(Debug, PartialEq)]
pub(super) enum HtmlToken<'a> {
    /// A text whose entities are not decoded yet.
    Text(&'a str),
    Open(HtmlTag<'a>),
    /// The name of a closing tag.
    Close(&'a str),
    /// A comment, or an element whose content is never shown.
    Comment,
}

/// An opening tag. `attributes` is not parsed yet.
#[derive(Debug, PartialEq)]
pub(super) struct HtmlTag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
    pub(super) closes_itself: bool,
}

/// The element names of HTML and MathML. Any other name in angle brackets, like `<stdio.h>` or `<String>`, is text.
const ELEMENTS: &str = "a abbr acronym address annotation annotation-xml area article aside audio b base bdi bdo big blockquote body \
    br button canvas caption center cite code col colgroup dd del details dfn dir div dl dt em embed fieldset \
    figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label \
    legend li link main map mark math menclose menu merror meta mfenced mfrac mi mmultiscripts mn mo mover \
    mpadded mphantom mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover \
    nav nobr noscript object ol optgroup option p param picture pre q rp rt ruby s samp script section select \
    semantics small source span strike strong style sub summary sup svg table tbody td textarea tfoot th thead \
    time title tr track tt u ul var video wbr";
/// Elements that are removed together with their content.
const UNSEEN: &str = "annotation annotation-xml script style title";
/// Elements that never have a closing tag.
const VOID: &str = "area base br col embed hr img input link meta param source track wbr";

/// Whether a list of names has this name. Case is ignored.
fn is_one_of(names: &str, name: &str) -> bool {
    names.split(' ').any(|known| known.eq_ignore_ascii_case(name))
}

impl HtmlTag<'_> {
    /// True if no closing tag belongs to this one.
    pub(super) fn is_void(&self) -> bool {
        self.closes_itself || is_one_of(VOID, self.name)
    }

    /// The value of an attribute, with entities decoded.
    pub(super) fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/' || c == '=');
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
            let name = &rest[..end];
            let after = rest[end..].trim_start();
            let Some(after) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            let (value, after) = value(after.trim_start());
            if name.eq_ignore_ascii_case(wanted) {
                return Some(decode_html_entities(value).into_owned());
            }
            rest = after;
        }
    }
}

/// Splits off an attribute's value, with or without quotes, and returns it with the rest.
fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()))
}

/// An iterator over the tokens of HTML.
pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// Whether a `>` inside quotes is text. False after the first unclosed quote: searching for its end again
    /// and again would take quadratic time.
    with_quotes: bool,
    /// Whether the rest may contain another `>`. Avoids repeated searches, which would take quadratic time.
    with_ends: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Self { rest: html, with_quotes: true, with_ends: true }
    }

    /// Takes the tag or comment at the start of the rest. `None` if there is none.
    fn tag(&mut self) -> Option<HtmlToken<'a>> {
        let text = self.rest.strip_prefix('<')?;
        if let Some(comment) = text.strip_prefix("!--") {
            self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            return Some(HtmlToken::Comment);
        }
        let closing = text.strip_prefix('/');
        let name = closing.unwrap_or(text);
        let first = name.bytes().next()?;
        if !first.is_ascii_alphabetic() {
            let is_comment = closing.is_none() && matches!(first, b'!' | b'?');
            self.rest = &text[self.end(text).filter(|_| is_comment)? + 1..];
            return Some(HtmlToken::Comment);
        }
        let name = element(name)?;
        let end = self.end(text)?;
        let inside = &text[..end];
        self.rest = &text[end + 1..];
        if closing.is_some() {
            return Some(HtmlToken::Close(name));
        }
        if is_one_of(UNSEEN, name) {
            self.rest = after_element(self.rest, name);
            return Some(HtmlToken::Comment);
        }
        let attributes = &inside[name.len()..];
        Some(HtmlToken::Open(HtmlTag { name, attributes, closes_itself: attributes.ends_with('/') }))
    }

    /// The position of the `>` that ends the tag.
    fn end(&mut self, tag: &str) -> Option<usize> {
        if !self.with_ends {
            return None;
        }
        if self.with_quotes {
            match quoted_end(tag) {
                Ok(end) => return Some(end),
                Err(Unclosed::Tag) => self.with_ends = false,
                Err(Unclosed::Quote) => self.with_quotes = false,
            }
        }
        let end = tag.find('>');
        self.with_ends &= end.is_some();
        end
    }
}

enum Unclosed {
    Tag,
    Quote,
}

/// The position of the first `>` outside quotes. Quotes only count after `=`.
fn quoted_end(tag: &str) -> Result<usize, Unclosed> {
    let (mut quote, mut last) = (None, b' ');
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Ok(at),
            (None, b'"' | b'\'') if last == b'=' => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    Err(if quote.is_some() { Unclosed::Quote } else { Unclosed::Tag })
}

/// The name at the start of a tag: one of HTML's, or one invented by a word processor (`o:p`).
fn element(tag: &str) -> Option<&str> {
    let end =
        tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '<' | '"' | '=')).unwrap_or(tag.len());
    let name = &tag[..end.min(tag.len())];
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '_')) {
        return None;
    }
    // `<https://…>` is an address, not a tag.
    let is_known = (name.contains([':', '-']) && !name.ends_with(':')) || is_one_of(ELEMENTS, name);
    is_known.then_some(name)
}

/// The text after an element's closing tag.
fn after_element<'a>(text: &'a str, name: &str) -> &'a str {
    let closes = |at: usize| {
        let tag = text.get(at + 2..at + 2 + name.len());
        text[at..].starts_with("</") && tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    };
    let Some((at, _)) = text.match_indices("</").find(|(at, _)| closes(*at)) else { return "" };
    text[at..].split_once('>').map_or("", |(_, rest)| rest)
}

impl<'a> Iterator for Tokens<'a> {
    type Item = HtmlToken<'a>;

    fn next(&mut self) -> Option<HtmlToken<'a>> {
        let first = self.rest.chars().next()?;
        if let Some(token) = self.tag() {
            return Some(token);
        }
        let after = first.len_utf8();
        let end = self.rest[after..].find('<').map_or(self.rest.len(), |at| after + at);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(HtmlToken::Text(text))
    }
}
