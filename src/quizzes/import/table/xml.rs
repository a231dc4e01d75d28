//! Reads the XML parts of a workbook. Namespaces are ignored.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::domain::quiz::draft::DraftProblem;

/// A reader for one part. It tolerates XML that is not well-formed.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
}

/// A piece of a part.
pub(super) enum XmlToken<'a> {
    /// The start of an element.
    Start(Element<'a>),
    /// The end of an element, with its local name.
    End(String),
    /// A text, or a piece of one.
    Text(String),
}

/// The start tag of an element.
pub(super) struct Element<'a>(BytesStart<'a>);

impl<'a> Xml<'a> {
    /// A reader for these bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(bytes);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        config.expand_empty_elements = true;
        Self { reader }
    }

    /// The next token. `None` at the end of the part.
    pub(super) fn next(&mut self) -> Result<Option<XmlToken<'a>>, DraftProblem> {
        loop {
            let event = self.reader.read_event().map_err(|error| {
                DraftProblem::new(
                    "file",
                    format!("the workbook is damaged ({error}); save it again as .xlsx or as CSV"),
                )
            })?;
            return Ok(Some(match event {
                Event::Start(element) => XmlToken::Start(Element(element)),
                Event::End(element) => XmlToken::End(lossy(element.local_name().as_ref())),
                Event::Text(text) => XmlToken::Text(lossy(&text)),
                Event::CData(text) => XmlToken::Text(lossy(&text)),
                Event::GeneralRef(reference) => XmlToken::Text(resolved(&reference)),
                Event::Eof => return Ok(None),
                _ => continue,
            }));
        }
    }

    /// The start of the next element. `None` at the end of the part.
    pub(super) fn next_start(&mut self) -> Result<Option<Element<'a>>, DraftProblem> {
        while let Some(token) = self.next()? {
            if let XmlToken::Start(element) = token {
                return Ok(Some(element));
            }
        }
        Ok(None)
    }

    /// The text up to the end of the element with this name, including that of elements inside.
    pub(super) fn text(&mut self, name: &str) -> Result<String, DraftProblem> {
        let mut text = String::new();
        while let Some(token) = self.next()? {
            match token {
                XmlToken::Text(piece) => text.push_str(&piece),
                XmlToken::End(end) if end == name => break,
                _ => (),
            }
        }
        Ok(text)
    }

    /// Skips to the end of the element with this name.
    pub(super) fn skip(&mut self, name: &str) -> Result<(), DraftProblem> {
        self.text(name).map(drop)
    }
}

impl Element<'_> {
    /// Whether the element has this local name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.0.local_name().as_ref() == name.as_bytes()
    }

    /// The value of the attribute with this local name, unescaped.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let mut attributes = attributes.with_checks(false).flatten();
        let attribute = attributes.find(|attribute| attribute.key.local_name().as_ref() == name.as_bytes())?;
        Some(attribute.unescape_value().map_or_else(|_| lossy(&attribute.value), String::from))
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The character of a numeric reference or of one of XML's five named entities. Others stay unchanged.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match &**reference {
        b"lt" => "<".to_owned(),
        b"gt" => ">".to_owned(),
        b"amp" => "&".to_owned(),
        b"quot" => "\"".to_owned(),
        b"apos" => "'".to_owned(),
        other => format!("&{};", lossy(other)),
    }
}
