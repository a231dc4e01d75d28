//! Converts HTML to our markup. The six tags of the markup stay; all other tags are removed, and their text stays.
//!
//! Pictures and other media are taken out and listed, so that a reader can warn about each.

mod math;
mod tokens;
mod writer;

use html_escape::decode_html_entities;
use percent_encoding::percent_decode_str;

use self::math::Math;
use self::tokens::{HtmlTag, HtmlToken, Tokens};
use self::writer::MarkupWriter;
use crate::domain::markup;

/// A text that was converted from HTML.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Html {
    /// The text, in our markup.
    pub(super) text: String,
    /// The pictures, sounds and films that were taken out.
    pub(super) media: Vec<Media>,
}

/// A picture, sound or film, which our markup can't hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Media {
    /// The file name, or a description if there is none.
    pub(super) name: String,
    /// The alternative text, as plain text; often empty.
    pub(super) alt: String,
    /// The http(s) URL of a picture. `None` for everything else.
    pub(super) url: Option<String>,
}

impl Html {
    /// Takes plain text and escapes it.
    pub(super) fn of_plain(text: &str) -> Self {
        Self { text: markup::escape(text), media: Vec::new() }
    }
}

/// Elements that start and end a line.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "mtr",
    "nav",
    "ol",
    "p",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// Converts HTML to what a browser would show.
pub(super) fn to_markup(html: &str) -> Html {
    let (mut writer, mut math, mut media) = (MarkupWriter::default(), Math::default(), Vec::new());
    for token in Tokens::new(html) {
        match token {
            HtmlToken::Text(text) => writer.text(&decode_html_entities(text)),
            HtmlToken::Open(tag) => open(&tag, &mut writer, &mut math, &mut media),
            HtmlToken::Close(name) => close(&name.to_ascii_lowercase(), &mut writer, &mut math),
            HtmlToken::Comment => {}
        }
    }
    Html { text: writer.finish(), media }
}

/// Whether a text that may be plain is HTML. It is if it has tags, all properly closed where closing is
/// required, or if it has no tags but entities.
pub(super) fn is_html(text: &str) -> bool {
    let (mut open, mut has_tags) = (Vec::new(), false);
    for token in Tokens::new(text) {
        has_tags |= matches!(token, HtmlToken::Open(_) | HtmlToken::Close(_));
        match token {
            HtmlToken::Open(tag) if !tag.is_void() => open.push(tag.name.to_ascii_lowercase()),
            HtmlToken::Close(name) => {
                while open.last().is_some_and(|last| !last.eq_ignore_ascii_case(name) && needs_no_end(last)) {
                    open.pop();
                }
                if !open.pop().is_some_and(|last| last.eq_ignore_ascii_case(name)) {
                    return false;
                }
            }
            _ => {}
        }
    }
    if has_tags { open.iter().all(|name| needs_no_end(name)) } else { decode_html_entities(text) != text }
}

/// Elements whose closing tag is optional.
fn needs_no_end(name: &str) -> bool {
    ["p", "li", "td", "th", "tr", "tbody", "dt", "dd"].contains(&name)
}

fn open(tag: &HtmlTag<'_>, writer: &mut MarkupWriter, math: &mut Math, media: &mut Vec<Media>) {
    let name = tag.name.to_ascii_lowercase();
    match name.as_str() {
        "li" => writer.item(),
        "td" | "th" | "mtd" => writer.text(" "),
        "pre" => writer.open_pre(),
        "img" | "audio" | "video" | "iframe" | "object" | "embed" | "source" | "svg" | "canvas" => {
            media.extend(medium(&name, tag));
        }
        name if BLOCKS.contains(&name) => writer.end_line(),
        name => {
            if let Some(tag) = markup_of(name) {
                writer.open(tag);
            }
        }
    }
    math.open(&name, tag.closes_itself, writer);
}

fn close(name: &str, writer: &mut MarkupWriter, math: &mut Math) {
    math.close(name, writer);
    match name {
        "li" => writer.end_item(),
        "pre" => writer.close_pre(),
        name if BLOCKS.contains(&name) => writer.end_line(),
        name => {
            if let Some(tag) = markup_of(name) {
                writer.close(tag);
            }
        }
    }
}

fn markup_of(name: &str) -> Option<markup::Tag> {
    Some(match name {
        "b" | "strong" => markup::Tag::B,
        "i" | "em" => markup::Tag::I,
        "code" | "tt" | "kbd" | "samp" => markup::Tag::Code,
        "sub" => markup::Tag::Sub,
        "sup" => markup::Tag::Sup,
        _ => return None,
    })
}

/// The media of a tag. `None` for `<audio>` without `src`: the `<source>` inside names the file.
fn medium(kind: &str, tag: &HtmlTag<'_>) -> Option<Media> {
    let source = tag.attribute(if kind == "object" { "data" } else { "src" });
    if source.is_none() && ["audio", "video", "source"].contains(&kind) {
        return None;
    }
    let source = source.unwrap_or_default();
    let alt = tag.attribute("alt").unwrap_or_default();
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| source.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let name = file_name(&source).unwrap_or_else(|| match kind {
        "img" => "a picture".to_owned(),
        "svg" | "canvas" => "a drawing".to_owned(),
        kind => format!("<{kind}>"),
    });
    let url = (is_url && kind == "img").then(|| source.trim().to_owned());
    Some(Media { name, alt: alt.split_whitespace().collect::<Vec<_>>().join(" "), url })
}

/// The last segment of a URL's path. `None` for a `data:` URL, whose content is not a name.
fn file_name(source: &str) -> Option<String> {
    if source.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
        return None;
    }
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').find(|part| !part.trim().is_empty())?;
    let name = percent_decode_str(name).decode_utf8_lossy();
    Some(name.chars().filter(|c| !c.is_control()).take(80).collect::<String>().trim().to_owned())
}

#[cfg(test)]
mod tests;
