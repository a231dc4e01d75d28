//! Moodle XML. A question of an unsupported kind is left out, and the message names its kind.

mod document;
mod question;

use super::moodle::last_of;
use super::{Item, ParsedFile, line};
use crate::domain::quiz::draft::DraftProblem;

/// Reads a file. It must be well-formed XML as a whole, because nothing in a broken file can be trusted.
pub(super) fn read(text: &str) -> Result<ParsedFile, DraftProblem> {
    let quiz = document::parse(text.trim_start_matches('\u{feff}'))?;
    if quiz.name != "quiz" {
        let message = format!("its outermost element is <{}>, and Moodle's files have <quiz>", quiz.name);
        return Err(DraftProblem::new(line(quiz.line), message));
    }
    let (mut found, mut category) = (ParsedFile::default(), None);
    for element in quiz.children.iter().filter(|child| child.name == "question") {
        if element.attribute("type") == "category" {
            category = question::category(element).and_then(|path| last_of(&path));
            continue;
        }
        let place = line(element.line);
        let mut warnings = Vec::new();
        match question::read(element, place.clone(), &mut warnings) {
            Ok(item) => {
                found.items.push(Item { category: category.clone(), ..item });
                found.warnings.extend(warnings.into_iter().map(|warning| DraftProblem::new(place.clone(), warning)));
            }
            Err(message) => found.left_out.push(DraftProblem::new(place, message)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
