//! What Moodle's two formats, GIFT and XML, have in common: how texts are written, and what a
//! question comes to whose answers each have a share of the points.

mod choice;
mod typed;

use rust_decimal::Decimal;

pub(super) use self::choice::choice;
pub(super) use self::typed::{Numbers, numerical, short_answer};
use super::html::{self, Html};
use super::{Item, ItemKind};

/// How a text is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// Plain text or HTML, whichever it looks like. Line feeds are line breaks.
    #[default]
    Auto,
    Html,
    Plain,
    /// Shown as it is, for there is no reader for it; tags of HTML are allowed.
    Markdown,
}

impl TextFormat {
    /// A text of this format as our markup.
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

/// A text that is nothing but tags is about tags: `<br>` as an option.
fn or_plain(html: Html, text: &str) -> Html {
    if html.text.is_empty() && html.media.is_empty() { Html::of_plain(text) } else { html }
}

/// One of a question's answers.
#[derive(Debug, Clone)]
pub(super) struct MoodleAnswer {
    pub(super) text: String,
    pub(super) format: TextFormat,
    /// The share of the points that it is worth, in per cent.
    pub(super) share: Decimal,
    /// What is said to those who give it.
    pub(super) feedback: Option<Html>,
}

/// The most answers of a question, however it counts them: each is compared with every other one.
const MOST_ANSWERS: usize = 200;

/// Refuses a question whose answers would take long to compare.
pub(super) fn check_count(answers: &[MoodleAnswer]) -> Result<(), String> {
    match answers.len() {
        ..=MOST_ANSWERS => Ok(()),
        count => Err(format!("it has {count} answers: leave {MOST_ANSWERS} at most")),
    }
}

/// A question's kind and what is right, and the feedback that explains it.
#[derive(Debug)]
pub(super) struct Solution {
    pub(super) asked: ItemKind,
    pub(super) feedback: Vec<Html>,
}

/// The part of a question that all kinds have.
#[derive(Debug)]
pub(super) struct Stem {
    text: String,
    image: Option<String>,
    alt: Option<String>,
}

impl Stem {
    /// What is asked: the title if there is no text. One picture from the web stays with it.
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

/// A picture's name and what it shows.
fn name(media: &html::Media) -> String {
    if media.alt.is_empty() { media.name.clone() } else { format!("{} ({})", media.name, media.alt) }
}

/// The question that all of it makes.
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

/// The last name of a category's path, in which `//` is a slash.
pub(super) fn last_of(path: &str) -> Option<String> {
    let path = path.replace("//", "\0");
    let name = path.rsplit('/').map(str::trim).find(|name| !name.is_empty())?.replace('\0', "/");
    let is_root = name == "top" || (name.starts_with('$') && name.ends_with('$'));
    (!is_root).then_some(name)
}

#[cfg(test)]
mod tests;
