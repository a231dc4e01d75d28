//! Writes our markup. Tags are always closed, runs of blanks become one blank, and there are no empty lines
//! outside `<pre>`.

use crate::domain::markup::{Tag, escape};

/// Maximum depth of tags; deeper ones are dropped. This bounds the work for each character.
const DEEPEST: usize = 16;

/// The white space between the last character and the next one.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Gap {
    #[default]
    None,
    Space,
    Lines(usize),
}

/// Builds a text in our markup. Tags and blanks are only written when a character follows them. So no tag is
/// empty, and no line starts or ends with a blank.
#[derive(Debug, Default)]
pub(super) struct MarkupWriter {
    written: String,
    /// The characters since the last tag, not yet escaped.
    run: String,
    /// The tags that are written and not yet closed, outermost first.
    open: Vec<Tag>,
    /// The tags that must enclose the next character, outermost first.
    wanted: Vec<Tag>,
    gap: Gap,
    /// The non-breaking spaces before the next character. They are dropped at the end of a line.
    hard: String,
    /// Whether the next character starts a list item.
    is_item: bool,
    /// Whether `<pre>` was just opened: a line feed directly after it is ignored.
    after_pre: bool,
}

impl MarkupWriter {
    /// Adds a text whose entities are already decoded.
    pub(super) fn text(&mut self, text: &str) {
        let in_pre = self.wanted.contains(&Tag::Pre);
        for char in text.chars() {
            match char {
                '\r' => continue,
                '\n' if in_pre && self.after_pre => {}
                '\n' if in_pre => self.gap = Gap::Lines(if let Gap::Lines(lines) = self.gap { lines + 1 } else { 1 }),
                char if !in_pre && !char.is_ascii() && char.is_whitespace() => self.hard.push(char),
                char if in_pre || !char.is_ascii_whitespace() => self.put(char),
                _ if self.gap == Gap::None => self.gap = Gap::Space,
                _ => {}
            }
            self.after_pre = false;
        }
    }

    pub(super) fn end_line(&mut self) {
        if self.wanted.contains(&Tag::Pre) {
            return self.text("\n");
        }
        self.hard.clear();
        self.gap = Gap::Lines(1);
    }

    /// Starts a list item.
    pub(super) fn item(&mut self) {
        self.end_line();
        self.is_item = true;
    }

    pub(super) fn end_item(&mut self) {
        self.end_line();
        self.is_item = false;
    }

    pub(super) fn open_pre(&mut self) {
        self.end_line();
        self.open(Tag::Pre);
        self.after_pre = true;
    }

    pub(super) fn close_pre(&mut self) {
        self.close(Tag::Pre);
        self.after_pre = false;
        self.gap = Gap::Lines(1);
    }

    pub(super) fn open(&mut self, tag: Tag) {
        let is_said = match tag {
            // Superscripts and subscripts may be nested.
            Tag::Sup | Tag::Sub => false,
            Tag::Code => self.wanted.contains(&Tag::Pre) || self.wanted.contains(&tag),
            _ => self.wanted.contains(&tag),
        };
        if !is_said && self.wanted.len() < DEEPEST {
            self.wanted.push(tag);
        }
    }

    pub(super) fn close(&mut self, tag: Tag) {
        if let Some(at) = self.wanted.iter().rposition(|wanted| *wanted == tag) {
            self.wanted.remove(at);
            self.close_unwanted();
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.wanted.clear();
        self.close_unwanted();
        self.end_run();
        self.written
    }

    fn put(&mut self, char: char) {
        self.close_unwanted();
        let (gap, mut hard) = (std::mem::take(&mut self.gap), std::mem::take(&mut self.hard));
        if !(self.written.is_empty() && self.run.is_empty()) {
            let in_pre = self.open.contains(&Tag::Pre);
            match gap {
                Gap::None => {}
                // Editors write `&nbsp; ` for two blanks.
                Gap::Space => {
                    self.run.push(' ');
                    hard.clear();
                }
                Gap::Lines(lines) if in_pre => self.run.extend(std::iter::repeat_n('\n', lines)),
                Gap::Lines(_) => self.run.push('\n'),
            }
            self.run.push_str(&hard);
        }
        if std::mem::take(&mut self.is_item) {
            self.run.push_str("- ");
        }
        while self.open.len() < self.wanted.len() {
            let tag = self.wanted[self.open.len()];
            self.tag("<", tag);
            self.open.push(tag);
        }
        self.run.push(char);
    }

    /// Closes the tags that must not enclose the next character.
    fn close_unwanted(&mut self) {
        let shared = self.open.iter().zip(&self.wanted).take_while(|(open, wanted)| open == wanted).count();
        while self.open.len() > shared
            && let Some(tag) = self.open.pop()
        {
            self.tag("</", tag);
        }
    }

    fn tag(&mut self, opening: &str, tag: Tag) {
        self.end_run();
        self.written.push_str(opening);
        self.written.push_str(match tag {
            Tag::B => "b",
            Tag::I => "i",
            Tag::Code => "code",
            Tag::Pre => "pre",
            Tag::Sub => "sub",
            Tag::Sup => "sup",
        });
        self.written.push('>');
    }

    fn end_run(&mut self) {
        self.written.push_str(&escape(&self.run));
        self.run.clear();
    }
}
