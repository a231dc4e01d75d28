//! The results of a room, as JSON and as a CSV table.

use serde::Serialize;

use super::super::problem::Problem;
use super::super::reply::date;
use super::requests::CsvSeparator;
use crate::domain::answer::ShownAnswer;
use crate::domain::markup;
use crate::domain::quiz::Correct;
use crate::domain::room::{RoomResults, SeatResults};
use crate::domain::{Answer, Kind, PlayerName, Question, QuestionId, QuizId, SeatId, SessionId, UserId};

/// Maximum length of an answer's text, in bytes. A longer one is cut.
const MOST_ANSWER_TEXT: usize = 200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomResultsOut<'a> {
    room_id: String,
    quiz_id: &'a QuizId,
    completed: bool,
    started_at: Option<String>,
    finished_at: Option<String>,
    questions: Vec<QuestionResultOut<'a>>,
    seats: Vec<SeatOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuestionResultOut<'a> {
    question_id: &'a QuestionId,
    text: Option<&'a str>,
    kind: Kind,
    #[serde(flatten)]
    right: Correct,
    correct_text: Option<String>,
    explanation: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatOut<'a> {
    seat_id: SeatId,
    name: Option<&'a PlayerName>,
    user_id: Option<&'a UserId>,
    left: bool,
    kicked: bool,
    rank: Option<usize>,
    total: u32,
    correct_count: usize,
    answers: Vec<SeatAnswerOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatAnswerOut<'a> {
    question_id: &'a QuestionId,
    #[serde(flatten)]
    answer: ShownAnswer,
    answer_text: Option<String>,
    correct: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    points: u32,
    response_ms: u64,
}

/// The text of an answer, cut to [`MOST_ANSWER_TEXT`] bytes: it is repeated for every seat that gave the answer.
/// `None` if the author has left out the options' texts.
fn shortened(question: &Question, answer: &Answer) -> Option<String> {
    let mut words = question.words(answer)?;
    words.truncate(words.floor_char_boundary(MOST_ANSWER_TEXT));
    Some(words)
}

/// Like [`shortened`], with the options' ids where the author has left out their texts.
fn named(question: &Question, answer: &Answer) -> String {
    let names = || match answer {
        Answer::Option(option) => option.to_string(),
        Answer::Options(options) => options.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Answer::Text(_) | Answer::Number(_) => String::new(),
    };
    shortened(question, answer).unwrap_or_else(names)
}

fn question(question: &Question) -> QuestionResultOut<'_> {
    QuestionResultOut {
        question_id: &question.id,
        text: question.text.as_deref(),
        kind: question.key.kind(),
        right: question.key.correct(),
        correct_text: question.correct_words(),
        explanation: question.explanation.as_deref(),
    }
}

fn seat<'a>(results: &'a RoomResults, seat: &'a SeatResults) -> SeatOut<'a> {
    let answer = |answer: &'a crate::domain::room::SeatAnswer| SeatAnswerOut {
        question_id: &answer.question,
        answer: answer.answer.as_ref().into(),
        answer_text: answer.answer.as_ref().and_then(|given| shortened(asked(results, &answer.question)?, given)),
        correct: answer.grade.verdict(),
        share: answer.grade.partial(),
        points: answer.points,
        response_ms: answer.response.0,
    };
    SeatOut {
        seat_id: seat.seat,
        name: seat.name.as_ref(),
        user_id: seat.user.as_ref(),
        left: seat.has_left,
        kicked: seat.is_kicked,
        rank: seat.rank,
        total: seat.total,
        correct_count: seat.answers.iter().filter(|answer| answer.grade.is_right()).count(),
        answers: seat.answers.iter().map(answer).collect(),
    }
}

/// The question with this id, if it was asked.
fn asked<'a>(results: &'a RoomResults, id: &QuestionId) -> Option<&'a Question> {
    results.questions.iter().find(|question| question.id == *id).map(|question| &**question)
}

/// The results as JSON: of all seats, or of the seat `only`.
pub(super) fn json<'a>(id: &SessionId, results: &'a RoomResults, only: Option<SeatId>) -> RoomResultsOut<'a> {
    let is_shown = |seat: &&SeatResults| only.is_none_or(|only| only == seat.seat);
    RoomResultsOut {
        room_id: id.to_string(),
        quiz_id: &results.quiz_id,
        completed: results.finished.is_some(),
        started_at: results.started.map(date),
        finished_at: results.finished.map(date),
        questions: results.questions.iter().map(|asked| question(asked)).collect(),
        seats: results.seats.iter().filter(is_shown).map(|one| seat(results, one)).collect(),
    }
}

/// Spreadsheets recognize a UTF-8 table by this byte order mark.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The first columns. The columns of the questions follow.
const COLUMNS: [&str; 8] = ["rank", "seatId", "name", "userId", "total", "correct", "left", "kicked"];

/// The results as a CSV table: of all seats, or of the seat `only`. One line for each seat, and three columns for
/// each question: the answer, whether it was right, and its points.
pub(super) fn csv(results: &RoomResults, only: Option<SeatId>, separator: CsvSeparator) -> Result<Vec<u8>, Problem> {
    let separator = match separator {
        CsvSeparator::Comma => b',',
        CsvSeparator::Semicolon => b';',
    };
    // Quote all texts. A spreadsheet that splits cells at another separator must not find a formula after it.
    let mut table = csv::WriterBuilder::new()
        .delimiter(separator)
        .quote_style(csv::QuoteStyle::NonNumeric)
        .from_writer(BYTE_ORDER_MARK.to_vec());
    let written = write(&mut table, results, only);
    let inside = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the results could not be written as a table");
        crate::store::StoreError::RuleFailed { what: "a table".to_owned() }.into()
    };
    written.map_err(|error| inside(&error))?;
    table.into_inner().map_err(|error| inside(&error))
}

fn write(table: &mut csv::Writer<Vec<u8>>, results: &RoomResults, only: Option<SeatId>) -> csv::Result<()> {
    let questions = results.questions.iter().flat_map(|question| headings(question));
    table.write_record(COLUMNS.map(str::to_owned).into_iter().chain(questions))?;
    for seat in results.seats.iter().filter(|seat| only.is_none_or(|only| only == seat.seat)) {
        let correct = seat.answers.iter().filter(|answer| answer.grade.is_right()).count();
        let line = [
            seat.rank.map(|rank| rank.to_string()).unwrap_or_default(),
            seat.seat.0.to_string(),
            harmless(seat.name.as_ref().map_or("", PlayerName::as_str)),
            harmless(seat.user.as_ref().map_or("", UserId::as_str)),
            seat.total.to_string(),
            correct.to_string(),
            seat.has_left.to_string(),
            seat.is_kicked.to_string(),
        ];
        table.write_record(
            line.into_iter().chain(results.questions.iter().flat_map(|question| cells(question, seat))),
        )?;
    }
    table.flush().map_err(Into::into)
}

/// The headings of a question's columns. They contain the question's text, because a teacher knows it by that.
fn headings(question: &Question) -> [String; 3] {
    let name = question.text.as_deref().map_or_else(|| question.id.to_string(), markup::plain);
    let name = harmless(&name);
    let [right, points] = ["right or wrong", "points"].map(|what| format!("{name} ({what})"));
    [name, right, points]
}

/// The cells of one seat and one question. Empty if the seat gave no answer.
fn cells(question: &Question, seat: &SeatResults) -> [String; 3] {
    let Some(answer) = seat.answers.iter().find(|answer| answer.question == question.id) else {
        return Default::default();
    };
    let words = answer.answer.as_ref().map(|given| named(question, given)).unwrap_or_default();
    let right = match (answer.grade.verdict(), answer.grade.partial()) {
        (_, Some(_)) => "partly right",
        (Some(true), _) => "right",
        (Some(false), _) => "wrong",
        (None, _) => "",
    };
    [harmless(&words), right.to_owned(), answer.points.to_string()]
}

/// The text, with a leading apostrophe if a spreadsheet would run it as a formula.
fn harmless(text: &str) -> String {
    let is_number = text.parse::<f64>().is_ok();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) && !is_number {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!((harmless("Ada"), harmless("O'Hara-Smith")), ("Ada".to_owned(), "O'Hara-Smith".to_owned()));
        assert!(["=", "+1+1", "-x", "@x", "\tx", "\rx"].iter().all(|text| harmless(text) == format!("'{text}")));
    }
}
