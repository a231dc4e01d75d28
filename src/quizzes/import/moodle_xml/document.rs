//! Parses an XML file to a tree of elements, each with its line.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::domain::quiz::draft::DraftProblem;
use crate::quizzes::import::line;

/// Maximum depth of elements. Moodle's files have seven levels.
const DEEPEST: usize = 32;

/// An element with its own text, in which entities are already decoded.
#[derive(Debug, Default)]
pub(super) struct XmlElement {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<XmlElement>,
    pub(super) line: usize,
}

impl XmlElement {
    /// The value of an attribute. Empty if there is none.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// All children with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a XmlElement> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child with this name.
    pub(super) fn child(&self, name: &str) -> Option<&XmlElement> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Parses the file and returns its outermost element.
pub(super) fn parse(text: &str) -> Result<XmlElement, DraftProblem> {
    let mut parser =
        Parser { reader: Reader::from_str(text), lines: LineFinder { text, seen: 0, line: 1 }, open: Vec::new() };
    loop {
        // The reader has consumed the text before the tag here, so this is the position of the tag's `<`.
        let start = parser.reader.buffer_position();
        let event = parser.reader.read_event().map_err(|error| {
            let at = parser.reader.error_position();
            DraftProblem::new(line(parser.lines.at(at)), format!("no well-formed XML: {error}"))
        })?;
        if let Some(root) = parser.event(event, start)? {
            return Ok(root);
        }
    }
}

struct Parser<'a> {
    reader: Reader<&'a [u8]>,
    lines: LineFinder<'a>,
    /// The elements that are not closed yet, outermost first.
    open: Vec<XmlElement>,
}

impl Parser<'_> {
    /// Processes an event. Returns the outermost element when it is closed.
    fn event(&mut self, event: Event<'_>, start: u64) -> Result<Option<XmlElement>, DraftProblem> {
        let text = match event {
            Event::Start(tag) => {
                let element = self.element(&tag, start)?;
                if self.open.len() == DEEPEST {
                    return Err(DraftProblem::new(
                        line(element.line),
                        format!("more than {DEEPEST} elements in each other"),
                    ));
                }
                self.open.push(element);
                return Ok(None);
            }
            Event::Empty(tag) => {
                let element = self.element(&tag, start)?;
                return Ok(self.close(element));
            }
            Event::End(_) => {
                let element = self.open.pop();
                return Ok(element.and_then(|element| self.close(element)));
            }
            Event::Eof => {
                let message = match self.open.last() {
                    Some(element) => format!("no well-formed XML: the file ends before </{}>", element.name),
                    None => "no XML: it has no elements".to_owned(),
                };
                return Err(DraftProblem::new(line(self.lines.at(start)), message));
            }
            Event::Text(text) => text.xml10_content().ok().map(|text| text.into_owned()),
            Event::CData(text) => text.xml10_content().ok().map(|text| text.into_owned()),
            Event::GeneralRef(entity) => match entity.resolve_char_ref() {
                Ok(Some(char)) => Some(char.to_string()),
                _ => entity.decode().ok().map(|name| decoded(&name)),
            },
            _ => None,
        };
        // A `<file>` holds a picture, which is not imported, so its content is not kept in memory.
        if let Some((element, text)) = self.open.last_mut().zip(text).filter(|(element, _)| element.name != "file") {
            element.text.push_str(&text);
        }
        Ok(None)
    }

    fn element(&mut self, tag: &BytesStart<'_>, start: u64) -> Result<XmlElement, DraftProblem> {
        let line_number = self.lines.at(start);
        let mut attributes = Vec::new();
        // Checks are off because the search for repeated names takes quadratic time.
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute
                .map_err(|error| DraftProblem::new(line(line_number), format!("no well-formed XML: {error}")))?;
            let value = String::from_utf8_lossy(&attribute.value);
            let value = html_escape::decode_html_entities(&value).into_owned();
            attributes.push((String::from_utf8_lossy(attribute.key.as_ref()).into_owned(), value));
        }
        let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
        Ok(XmlElement { name, attributes, line: line_number, ..XmlElement::default() })
    }

    /// Adds a finished element to its parent. Returns it if it is the outermost one.
    fn close(&mut self, element: XmlElement) -> Option<XmlElement> {
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(element);
                None
            }
            None => Some(element),
        }
    }
}

/// The character of an entity. XML defines five; those of HTML occur too. Unknown ones stay unchanged.
fn decoded(name: &str) -> String {
    html_escape::decode_html_entities(&format!("&{name};")).into_owned()
}

/// Counts lines incrementally. Positions must not go backwards.
struct LineFinder<'a> {
    text: &'a str,
    seen: usize,
    line: usize,
}

impl LineFinder<'_> {
    fn at(&mut self, position: u64) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        if let Some(between) = self.text.as_bytes().get(self.seen..position) {
            self.line += between.iter().filter(|byte| **byte == b'\n').count();
            self.seen = position;
        }
        self.line
    }
}
