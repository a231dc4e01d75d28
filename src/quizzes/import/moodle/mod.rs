//! What Moodle's two formats, GIFT and XML, share: the formats of texts, and questions whose answers each
//! have a share of the points.

mod choice;
mod typed;

use rust_decimal::Decimal;

pub(super) use self::choice::choice;
pub(super) use self::typed::{Numbers, numerical, short_answer};
use super::html::{self, Html};
use super::{Item, ItemKind};

/// The format in which a text is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// Plain text or HTML, whichever it looks like. Line feeds are line breaks.
    #[default]
    Auto,
    /// HTML, in which line feeds are white space.
    Html,
    /// Plain text, in which tags have no meaning.
    Plain,
    /// Not rendered, because there is no Markdown reader: shown as plain text unless it contains HTML tags.
    Markdown,
}

impl TextFormat {
    /// Converts a text in this format to our markup.
    pub(super) fn read(self, text: &str) -> Html {
        let text = text.trim();
        match self {
            Self::Html => html::to_markup(text),
            Self::Auto if html::is_html(text) => or_plain(html::to_markup(&text.replace('\n', "<br>")), text),
            Self::Markdown if html::is_html(text) => or_plain(html::to_markup(&text.replace('\n', "<br>")), text),
            Self::Auto | Self::Plain | Self::Markdown => Html::of_plain(text),
        }
    }
}

/// If nothing is left of the HTML, keeps the source as plain text: an option `<br>` is about the tag.
fn or_plain(html: Html, text: &str) -> Html {
    if html.text.is_empty() && html.media.is_empty() { Html::of_plain(text) } else { html }
}

/// An answer of a question, right or wrong.
#[derive(Debug, Clone)]
pub(super) struct MoodleAnswer {
    pub(super) text: String,
    pub(super) format: TextFormat,
    /// The share of the points that the answer earns, in per cent.
    pub(super) share: Decimal,
    /// The feedback shown to players who give this answer.
    pub(super) feedback: Option<Html>,
}

/// Maximum number of answers of a question, of any kind. Each answer is compared with all others, so the time
/// is quadratic.
const MOST_ANSWERS: usize = 200;

/// Refuses a question with more than [`MOST_ANSWERS`] answers.
pub(super) fn check_count(answers: &[MoodleAnswer]) -> Result<(), String> {
    match answers.len() {
        ..=MOST_ANSWERS => Ok(()),
        count => Err(format!("it has {count} answers: leave {MOST_ANSWERS} at most")),
    }
}

/// A question's kind with the right answer, and the feedback that explains it.
#[derive(Debug)]
pub(super) struct Solution {
    pub(super) asked: ItemKind,
    pub(super) feedback: Vec<Html>,
}

/// The part of a question that all kinds share: its text and picture.
#[derive(Debug)]
pub(super) struct Stem {
    text: String,
    image: Option<String>,
    alt: Option<String>,
}

impl Stem {
    /// The text of the question, or the title if there is no text. A picture is kept if it is the only one
    /// with a web URL.
    pub(super) fn new(html: Html, title: &str, warnings: &mut Vec<String>) -> Result<Self, String> {
        let from_web = html.media.iter().filter(|media| media.url.is_some()).count();
        let (mut image, mut alt) = (None, None);
        let mut lost = Vec::new();
        for media in &html.media {
            match &media.url {
                Some(url) if from_web == 1 => {
                    image = Some(url.clone());
                    alt = Some(media.alt.clone()).filter(|alt| !alt.is_empty());
                }
                _ => lost.push(name(media)),
            }
        }
        let title = Html::of_plain(title.trim()).text;
        let text = if html.text.is_empty() { title } else { html.text };
        if text.is_empty() {
            return Err(match lost.first().or(image.as_ref()) {
                Some(name) => format!("its question is {name} without a text: write what is asked"),
                None => "it has answers but no question: write what is asked".to_owned(),
            });
        }
        warnings.extend(lost.iter().map(|name| format!("its question shows {name}, which is not imported")));
        Ok(Self { text, image, alt })
    }
}

/// A picture's file name and alternative text.
fn name(media: &html::Media) -> String {
    if media.alt.is_empty() { media.name.clone() } else { format!("{} ({})", media.name, media.alt) }
}

/// Builds the item from its parts. All feedback becomes the explanation.
pub(super) fn item(
    place: String,
    stem: Stem,
    solution: Solution,
    general: Option<Html>,
    warnings: &mut Vec<String>,
) -> Item {
    let mut explanation: Vec<String> = Vec::new();
    for html in solution.feedback.into_iter().chain(general) {
        warnings.extend(
            html.media.iter().map(|media| format!("its feedback shows {}, which is not imported", name(media))),
        );
        if !html.text.is_empty() && !explanation.contains(&html.text) {
            explanation.push(html.text);
        }
    }
    Item {
        image: stem.image,
        alt: stem.alt,
        explanation: (!explanation.is_empty()).then(|| explanation.join("\n")),
        ..Item::new(place, stem.text, solution.asked)
    }
}

/// The last segment of a category path. `//` stands for a slash inside a name. `None` for Moodle's root categories.
pub(super) fn last_of(path: &str) -> Option<String> {
    // NUL can't occur in a name, so it can stand for the escaped slash during the split.
    let path = path.replace("//", "\0");
    let name = path.rsplit('/').map(str::trim).find(|name| !name.is_empty())?.replace('\0', "/");
    let is_root = name == "top" || (name.starts_with('$') && name.ends_with('$'));
    (!is_root).then_some(name)
}

#[cfg(test)]
mod tests;
