//! Converts MathML: superscripts and subscripts to `<sup>` and `<sub>`, fractions to `(a)/(b)`, roots to `√(a)`.

use super::writer::MarkupWriter;
use crate::domain::markup::Tag;

/// The open elements of a formula, outermost first.
#[derive(Debug, Default)]
pub(super) struct Math {
    open: Vec<MathElement>,
}

/// An open element. `children` counts the children that have begun.
#[derive(Debug)]
struct MathElement {
    name: String,
    children: usize,
    end: ElementEnd,
}

/// What to write when an element ends. It depends on the element's position in its parent.
#[derive(Debug, Clone, Copy)]
enum ElementEnd {
    Nothing,
    Tag(Tag),
    Text(&'static str),
}

impl Math {
    pub(super) fn open(&mut self, name: &str, closes_itself: bool, writer: &mut MarkupWriter) {
        if name != "math" && self.open.is_empty() {
            return;
        }
        let end = match self.open.last_mut() {
            Some(parent) => {
                parent.children += 1;
                begin(&parent.name, parent.children, writer)
            }
            None => ElementEnd::Nothing,
        };
        if closes_itself {
            return write(end, writer);
        }
        if name == "msqrt" {
            writer.text("√(");
        }
        self.open.push(MathElement { name: name.to_owned(), children: 0, end });
    }

    pub(super) fn close(&mut self, name: &str, writer: &mut MarkupWriter) {
        if name == "math" {
            for element in self.open.drain(..).rev() {
                write(element.end, writer);
            }
        }
        let Some(element) = self.open.pop_if(|element| element.name == name) else { return };
        if name == "msqrt" {
            writer.text(")");
        }
        write(element.end, writer);
    }
}

/// Writes the text before a child, and returns what to write after it.
fn begin(parent: &str, child: usize, writer: &mut MarkupWriter) -> ElementEnd {
    let (before, end) = match (parent, child) {
        ("msup", 2) | ("msubsup", 3) => return tagged(Tag::Sup, writer),
        ("msub" | "msubsup", 2) => return tagged(Tag::Sub, writer),
        ("mfrac", 1) => ("(", ")/"),
        ("mfrac", 2) => ("(", ")"),
        ("mroot", 1) => ("root(", ", "),
        ("mroot", 2) => ("", ")"),
        _ => return ElementEnd::Nothing,
    };
    writer.text(before);
    ElementEnd::Text(end)
}

fn tagged(tag: Tag, writer: &mut MarkupWriter) -> ElementEnd {
    writer.open(tag);
    ElementEnd::Tag(tag)
}

fn write(end: ElementEnd, writer: &mut MarkupWriter) {
    match end {
        ElementEnd::Nothing => {}
        ElementEnd::Tag(tag) => writer.close(tag),
        ElementEnd::Text(text) => writer.text(text),
    }
}
