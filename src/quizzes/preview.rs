//! Text preview of questions as a player sees them, with the right answers; for people who import a file.

use std::fmt::Write;

use crate::domain::markup::plain;
use crate::domain::quiz::draft::{self, QuestionDraft, Texts};
use crate::domain::{Kind, Question};

/// Maximum number of questions in a preview.
pub(super) const SHOWN: usize = 3;
/// Maximum width of an option or answer, in characters.
const WIDTH: usize = 100;

/// Formats the first [`SHOWN`] questions, a few lines each.
pub(super) fn preview(questions: &[QuestionDraft]) -> String {
    let first = questions.iter().take(SHOWN).cloned().collect();
    let questions = draft::check(first, Texts::MayBeLeftOut).unwrap_or_default();
    let mut text = String::new();
    for (question, number) in questions.iter().zip(1..) {
        write(&mut text, number, question).expect("a text can be written to");
    }
    text
}

fn write(text: &mut String, number: usize, question: &Question) -> std::fmt::Result {
    let asked = shown(question.text.as_deref().unwrap_or_default()).replace('\n', "\n   ");
    writeln!(text, "{number}. {asked}")?;
    for (option, letter) in question.options.iter().zip('A'..) {
        writeln!(text, "   {letter}  {}", shortened(option.text.as_deref().unwrap_or_default()))?;
    }
    let typed = match question.key.kind() {
        Kind::Text => Some("a text is typed"),
        Kind::Number => Some("a number is typed"),
        Kind::Poll if question.options.is_empty() => Some("a text is typed, and none is right"),
        Kind::Poll => Some("none is right"),
        Kind::Multiple => Some("several are chosen together"),
        Kind::Order => Some("to be put in order"),
        Kind::Choice => None,
    };
    let limit = question.time_limit.map(|limit| format!("{} s", limit.0 as f64 / 1_000.0));
    let image = question.image.as_ref().map(|image| format!("picture {image}"));
    let factor = (!question.points.is_one()).then(|| format!("points times {}", question.points));
    let notes: Vec<String> = typed.map(str::to_owned).into_iter().chain(limit).chain(factor).chain(image).collect();
    if !notes.is_empty() {
        writeln!(text, "   ({})", notes.join(", "))?;
    }
    match question.correct_words() {
        Some(words) => writeln!(text, "   right: {}\n", shortened(&words)),
        None => writeln!(text),
    }
}

/// Text that is safe for a terminal: control characters become blanks, because they could be escape sequences.
fn shown(text: &str) -> String {
    plain(text).chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

fn shortened(text: &str) -> String {
    let line = shown(text).replace('\n', " / ");
    if line.chars().count() <= WIDTH { line } else { line.chars().take(WIDTH - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_is_shown_as_a_player_sees_it() {
        let draft = |value| serde_json::from_value::<QuestionDraft>(value).expect("a draft");
        let shown = preview(&[
            draft(json!({"questionId": "a", "text": "2<sup>3</sup>?", "timeLimitMs": 20000, "correctOptionId": 1,
                "options": [{"optionId": 2, "text": "6"}, {"optionId": 1, "text": "8"}]})),
            draft(
                json!({"questionId": "b", "kind": "text", "text": "Which\nriver?", "correctTexts": ["Rhine", "Rhein"]}),
            ),
        ]);
        assert_eq!(
            shown,
            "1. 2³?\n   A  6\n   B  8\n   (20 s)\n   right: 8\n\n\
             2. Which\n   river?\n   (a text is typed)\n   right: Rhine; Rhein\n\n"
        );
    }
}
