//! The questions that a request asks for: of a bank, or its own.

use super::auth::Caller;
use super::problem::Problem;
use crate::domain::quiz::draft::{self, MOST_QUESTIONS, QuestionDraft, Texts};
use crate::domain::{Difficulty, QuestionId, QuizId};
use crate::game::solo::QuizChoice;
use crate::quizzes::Selection;

/// Questions of a game if the request doesn't say how many.
const USUAL_COUNT: u64 = 10;
/// Most questions that a request may exclude.
const MOST_EXCLUDED: usize = 5_000;

/// The fields of a request that say so.
#[derive(Debug, Default)]
pub(super) struct QuizFields {
    pub(super) quiz_id: Option<QuizId>,
    pub(super) category: Option<String>,
    pub(super) difficulty: Option<Difficulty>,
    pub(super) count: Option<u64>,
    pub(super) exclude: Option<Vec<QuestionId>>,
    pub(super) question_ids: Option<Vec<QuestionId>>,
    pub(super) questions: Option<Vec<QuestionDraft>>,
}

/// Own questions leave nothing to select, and named ones little.
fn check_contradictions(request: &QuizFields) -> Result<(), Problem> {
    let selecting = [
        ("category", request.category.is_some()),
        ("difficulty", request.difficulty.is_some()),
        ("count", request.count.is_some()),
        ("exclude", request.exclude.is_some()),
    ];
    let naming = [("quizId", request.quiz_id.is_some()), ("questionIds", request.question_ids.is_some())];
    let refuse = |with: &str, fields: &[(&str, bool)]| {
        let together = fields.iter().find(|(_, is_used)| *is_used);
        together.map_or(Ok(()), |(name, _)| Err(Problem::wrong(name, format!("cannot stand together with {with}"))))
    };
    if request.questions.is_some() {
        refuse("questions", &selecting)?;
        refuse("questions", &naming)?;
    }
    if request.question_ids.is_some() {
        refuse("questionIds", &selecting)?;
    }
    Ok(())
}

/// How many questions a request asks for at most: its own, those that it names, or so many of a bank's.
pub(super) fn question_count(
    own: Option<&Vec<QuestionDraft>>,
    named: Option<&Vec<QuestionId>>,
    count: Option<u64>,
) -> u64 {
    let listed = own.map(Vec::len).or(named.map(Vec::len)).map(|count| count as u64);
    listed.or(count).unwrap_or(USUAL_COUNT)
}

/// What a request wants to play.
pub(super) fn quiz_choice(request: QuizFields, caller: &Caller) -> Result<QuizChoice, Problem> {
    check_contradictions(&request)?;
    if let Some(drafts) = request.questions {
        if drafts.len() > MOST_QUESTIONS {
            return Err(Problem::wrong("questions", format!("at most {MOST_QUESTIONS}")));
        }
        // A question without texts is only of use to whoever has them elsewhere.
        let texts = if matches!(caller, Caller::Backend(_)) { Texts::MayBeLeftOut } else { Texts::Required };
        return draft::check(drafts, texts).map(QuizChoice::Own).map_err(Problem::invalid);
    }
    let bounds = 1..=MOST_QUESTIONS as u64;
    let count = request.count.unwrap_or(USUAL_COUNT);
    if !bounds.contains(&count) {
        return Err(Problem::wrong("count", format!("1 to {MOST_QUESTIONS}")));
    }
    if request.question_ids.as_ref().is_some_and(|ids| !(1..=MOST_QUESTIONS).contains(&ids.len())) {
        return Err(Problem::wrong("questionIds", format!("1 to {MOST_QUESTIONS}")));
    }
    let exclude = request.exclude.unwrap_or_default();
    if exclude.len() > MOST_EXCLUDED {
        return Err(Problem::wrong("exclude", format!("at most {MOST_EXCLUDED}")));
    }
    let selection = Selection {
        category: request.category,
        difficulty: request.difficulty,
        count: count as usize,
        exclude,
        question_ids: request.question_ids,
    };
    Ok(QuizChoice::Bank(request.quiz_id, selection))
}
