//! The replies of the solo API. No type that is sent before a question's verdict contains the question's key
//! or explanation.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::problem::Problem;
use super::super::reply::date;
use crate::domain::answer::ShownAnswer;
use crate::domain::finished::{AnswerReport, Results};
use crate::domain::quiz::Correct;
use crate::domain::quiz::public::PublicQuestion;
use crate::domain::solo::Deliver;
use crate::domain::{Kind, Question, QuestionId, QuizId, SessionId, UserId};
use crate::game::solo::{Claimed, LoadedGame, ShownQuestion};

/// A question as the client may see it before it is shown: whole, or only announced, depending on the game.
fn delivered(question: &Question, deliver: Deliver) -> PublicQuestion<'_> {
    match deliver {
        Deliver::All => PublicQuestion::whole(question),
        Deliver::One => PublicQuestion::announced(question),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedOut<'a> {
    session_id: String,
    quiz_id: &'a QuizId,
    expires_at: String,
    server_time: String,
    degraded: bool,
    questions: Vec<PublicQuestion<'a>>,
}

/// The reply for a new game, or for the existing game of a repeated request. An error if it has finished.
pub(super) fn created(seen: &LoadedGame) -> Result<CreatedOut<'_>, Problem> {
    let (game, quiz) = seen.playing().ok_or_else(Problem::session_not_found)?;
    Ok(CreatedOut {
        session_id: seen.session.id.to_string(),
        quiz_id: &quiz.id,
        expires_at: date(seen.expires()),
        server_time: date(seen.dates.wall),
        degraded: seen.session.id.instance().is_some(),
        questions: quiz.questions.iter().map(|question| delivered(question, game.deliver)).collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResumedGameOut<'a> {
    session_id: String,
    quiz_id: &'a QuizId,
    expires_at: String,
    server_time: String,
    total_score: u32,
    answers: Vec<AnswerOut>,
    questions: Vec<PublicQuestion<'a>>,
    current: Option<Current<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Current<'a> {
    question_id: &'a QuestionId,
    opened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<String>,
}

/// What a page needs to go on with a running game after a reload.
pub(super) fn resumed(seen: &LoadedGame) -> Result<ResumedGameOut<'_>, Problem> {
    let (game, quiz) = seen.playing().ok_or_else(Problem::session_not_found)?;
    let dates = seen.dates;
    let results = game.results(quiz, None);
    let current = game.current(quiz, dates.at).map(|(question, clock)| Current {
        question_id: &question.id,
        opened_at: date(dates.of(clock.opened)),
        closes_at: clock.closes.map(|closes| date(dates.of(closes))),
    });
    Ok(ResumedGameOut {
        session_id: seen.session.id.to_string(),
        quiz_id: &quiz.id,
        expires_at: date(seen.expires()),
        server_time: date(dates.wall),
        total_score: results.total_score(),
        answers: results.answers.iter().map(AnswerOut::new).collect(),
        questions: game.open_questions(quiz).map(|question| delivered(question, game.deliver)).collect(),
        current,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownOut<'a> {
    question: PublicQuestion<'a>,
    opened_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    closes_at: Option<String>,
    server_time: String,
}

pub(super) fn shown(shown: &ShownQuestion) -> ShownOut<'_> {
    ShownOut {
        question: PublicQuestion::whole(&shown.question),
        opened_at: date(shown.opened),
        closes_at: shown.closes.map(date),
        server_time: date(shown.now),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerdictOut<'a> {
    question_id: &'a QuestionId,
    kind: Kind,
    #[serde(flatten)]
    answer: ShownAnswer,
    correct: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(flatten)]
    right: Correct,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a str>,
    base_points: u32,
    speed_bonus: u32,
    points: u32,
    total_score: u32,
    answered: u32,
    remaining: u32,
    completed: bool,
}

/// The reply to an answer. A repeated request gets the same reply as the first.
pub(super) fn answered(report: &AnswerReport, question_count: u32) -> VerdictOut<'_> {
    let verdict = &report.verdict;
    let remaining = question_count.saturating_sub(verdict.nth);
    VerdictOut {
        question_id: &report.question,
        kind: report.key.kind(),
        answer: verdict.answer.as_ref().into(),
        correct: verdict.grade.verdict(),
        share: verdict.grade.partial(),
        right: report.key.correct(),
        explanation: report.explanation.as_deref(),
        base_points: verdict.points.base,
        speed_bonus: verdict.points.speed_bonus,
        points: verdict.points.sum(),
        total_score: verdict.total_after,
        answered: verdict.nth,
        remaining,
        completed: remaining == 0,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerOut {
    question_id: QuestionId,
    kind: Kind,
    question_text: Option<String>,
    #[serde(flatten)]
    answer: ShownAnswer,
    answer_text: Option<String>,
    correct: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(flatten)]
    right: Correct,
    correct_text: Option<String>,
    explanation: Option<String>,
    points: u32,
    response_ms: u64,
}

impl AnswerOut {
    fn new(report: &AnswerReport) -> Self {
        Self {
            question_id: report.question.clone(),
            kind: report.key.kind(),
            question_text: report.text.clone(),
            answer: report.verdict.answer.as_ref().into(),
            answer_text: report.answer_text.clone(),
            correct: report.verdict.grade.verdict(),
            share: report.verdict.grade.partial(),
            right: report.key.correct(),
            correct_text: report.correct_text.clone(),
            explanation: report.explanation.clone(),
            points: report.verdict.points.sum(),
            response_ms: report.verdict.response.0,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultsOut<'a> {
    session_id: String,
    quiz_id: &'a QuizId,
    user_id: Option<&'a UserId>,
    completed: bool,
    total_score: u32,
    correct_count: usize,
    question_count: u32,
    answers: Vec<AnswerOut>,
    started_at: String,
    completed_at: Option<String>,
    progression: crate::domain::scoring::Progression,
    metadata: Option<Box<RawValue>>,
}

pub(super) fn results<'a>(id: &SessionId, results: &'a Results) -> ResultsOut<'a> {
    ResultsOut {
        session_id: id.to_string(),
        quiz_id: &results.quiz_id,
        user_id: results.user.as_ref(),
        completed: results.completed.is_some(),
        total_score: results.total_score(),
        correct_count: results.correct_count(),
        question_count: results.question_count,
        answers: results.answers.iter().map(AnswerOut::new).collect(),
        started_at: date(results.started),
        completed_at: results.completed.map(date),
        progression: results.progression,
        // Stored as it came, and checked then to be valid JSON.
        metadata: results.metadata.clone().and_then(|text| RawValue::from_string(text).ok()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClaimedOut<'a> {
    awarded: bool,
    award_id: String,
    user_id: Option<&'a UserId>,
    xp: u32,
    gems: u32,
}

pub(super) fn claimed(claimed: &Claimed) -> ClaimedOut<'_> {
    ClaimedOut {
        awarded: claimed.awarded,
        award_id: claimed.award_id.to_string(),
        user_id: claimed.user.as_ref(),
        xp: claimed.progression.xp,
        gems: claimed.progression.gems,
    }
}
