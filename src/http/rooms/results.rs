//! A room's results, as JSON and as a table.

use serde::Serialize;

use super::super::date::date;
use super::super::problem::Problem;
use crate::domain::room::{RoomResults, SeatResults};
use crate::domain::{OptionId, PlayerName, Question, QuestionId, QuizId, SeatId, SessionId, UserId};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultsOut<'a> {
    room_id: String,
    quiz_id: &'a QuizId,
    completed: bool,
    started_at: Option<String>,
    finished_at: Option<String>,
    questions: Vec<QuestionOut<'a>>,
    seats: Vec<SeatOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuestionOut<'a> {
    question_id: &'a QuestionId,
    text: Option<&'a str>,
    correct_option_id: OptionId,
    correct_text: Option<&'a str>,
    explanation: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatOut<'a> {
    seat_id: SeatId,
    name: Option<&'a PlayerName>,
    user_id: Option<&'a UserId>,
    left: bool,
    rank: Option<usize>,
    total: u32,
    correct_count: usize,
    answers: Vec<AnswerOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerOut<'a> {
    question_id: &'a QuestionId,
    option_id: Option<OptionId>,
    option_text: Option<&'a str>,
    correct: bool,
    points: u32,
    response_ms: u64,
}

fn text_of(question: &Question, option: OptionId) -> Option<&str> {
    question.option(option)?.text.as_deref()
}

fn question(question: &Question) -> QuestionOut<'_> {
    let correct = question.key.correct_option();
    QuestionOut {
        question_id: &question.id,
        text: question.text.as_deref(),
        correct_option_id: correct,
        correct_text: text_of(question, correct),
        explanation: question.explanation.as_deref(),
    }
}

fn seat<'a>(results: &'a RoomResults, seat: &'a SeatResults) -> SeatOut<'a> {
    let answer = |answer: &'a crate::domain::room::SeatAnswer| AnswerOut {
        question_id: &answer.question,
        option_id: answer.option,
        option_text: answer.option.and_then(|option| text_of(asked(results, &answer.question)?, option)),
        correct: answer.correct,
        points: answer.points,
        response_ms: answer.response.0,
    };
    SeatOut {
        seat_id: seat.seat,
        name: seat.name.as_ref(),
        user_id: seat.user.as_ref(),
        left: seat.has_left,
        rank: seat.rank,
        total: seat.total,
        correct_count: seat.answers.iter().filter(|answer| answer.correct).count(),
        answers: seat.answers.iter().map(answer).collect(),
    }
}

fn asked<'a>(results: &'a RoomResults, id: &QuestionId) -> Option<&'a Question> {
    results.questions.iter().find(|question| question.id == *id).map(|question| &**question)
}

/// The results of all seats, or of one.
pub(super) fn json<'a>(id: &SessionId, results: &'a RoomResults, only: Option<SeatId>) -> ResultsOut<'a> {
    let is_shown = |seat: &&SeatResults| only.is_none_or(|only| only == seat.seat);
    ResultsOut {
        room_id: id.to_string(),
        quiz_id: &results.quiz_id,
        completed: results.finished.is_some(),
        started_at: results.started.map(date),
        finished_at: results.finished.map(date),
        questions: results.questions.iter().map(|asked| question(asked)).collect(),
        seats: results.seats.iter().filter(is_shown).map(|one| seat(results, one)).collect(),
    }
}

/// The same as a table: a line a player, and two columns a question, what was chosen and what it
/// earned.
pub(super) fn csv(results: &RoomResults, only: Option<SeatId>) -> Result<Vec<u8>, Problem> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let written = write(&mut table, results, only);
    let inside = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "results could not be written as a table");
        crate::store::StoreError::RuleFailed { what: "a table".to_owned() }.into()
    };
    written.map_err(|error| inside(&error))?;
    table.into_inner().map_err(|error| inside(&error))
}

fn write(table: &mut csv::Writer<Vec<u8>>, results: &RoomResults, only: Option<SeatId>) -> csv::Result<()> {
    let mut head = ["rank", "seatId", "name", "userId", "total", "correct", "left"].map(str::to_owned).to_vec();
    for question in &results.questions {
        head.push(harmless(question.id.as_str()));
        head.push(harmless(&format!("{} points", question.id)));
    }
    table.write_record(&head)?;
    for seat in results.seats.iter().filter(|seat| only.is_none_or(|only| only == seat.seat)) {
        let correct = seat.answers.iter().filter(|answer| answer.correct).count();
        let mut line = vec![
            seat.rank.map(|rank| rank.to_string()).unwrap_or_default(),
            seat.seat.0.to_string(),
            harmless(seat.name.as_ref().map_or("", PlayerName::as_str)),
            harmless(seat.user.as_ref().map_or("", UserId::as_str)),
            seat.total.to_string(),
            correct.to_string(),
            seat.has_left.to_string(),
        ];
        for question in &results.questions {
            let answer = seat.answers.iter().find(|answer| answer.question == question.id);
            let option = answer.and_then(|answer| answer.option);
            let chosen =
                option.map(|option| text_of(question, option).map_or_else(|| option.to_string(), str::to_owned));
            line.push(harmless(&chosen.unwrap_or_default()));
            line.push(answer.map(|answer| answer.points.to_string()).unwrap_or_default());
        }
        table.write_record(&line)?;
    }
    table.flush().map_err(Into::into)
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("Ada"), "Ada");
    }
}
