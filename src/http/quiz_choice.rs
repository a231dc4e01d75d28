//! Which questions a request for a game or a room asks for: those of a bank, or its own.

use super::auth::ApiCaller;
use super::problem::Problem;
use crate::domain::quiz::draft::{self, MOST_QUESTIONS, QuestionDraft, Texts};
use crate::domain::scoring::Scoring;
use crate::domain::{Difficulty, QuestionId, QuizId};
use crate::game::solo::{OwnQuestions, QuizChoice};
use crate::quizzes::{Catalogue, Order, PlayMode, QuestionCount, Selection};

/// Maximum number of questions that a request may exclude.
const MOST_EXCLUDED: usize = 5_000;

/// The fields of a request that choose its questions.
#[derive(Debug, Default, PartialEq)]
pub(super) struct QuizFields {
    pub(super) quiz_id: Option<QuizId>,
    pub(super) category: Option<String>,
    pub(super) difficulty: Option<Difficulty>,
    pub(super) count: Option<QuestionCount>,
    pub(super) order: Option<Order>,
    pub(super) option_order: Option<Order>,
    pub(super) exclude: Option<Vec<QuestionId>>,
    pub(super) question_ids: Option<Vec<QuestionId>>,
    pub(super) questions: Option<Vec<QuestionDraft>>,
    pub(super) scoring: Option<Scoring>,
}

/// Refuses fields that contradict each other: a request with its own questions can't also select from a bank,
/// one that names questions can't filter them, and only own questions can bring a scoring.
fn check_contradictions(request: &QuizFields) -> Result<(), Problem> {
    let selecting = [
        ("category", request.category.is_some()),
        ("difficulty", request.difficulty.is_some()),
        ("count", request.count.is_some_and(|count| count != QuestionCount::All || request.question_ids.is_some())),
        ("exclude", request.exclude.is_some()),
    ];
    let scoring = [("scoring", request.scoring.is_some())];
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
    if request.questions.is_none() {
        refuse("a bank, which has its own", &scoring)?;
    }
    Ok(())
}

impl QuizFields {
    /// The maximum number of questions that the request can give, by which its cost is counted. An unknown
    /// bank counts as none.
    pub(super) fn question_count(&self, catalogue: &Catalogue, play: PlayMode) -> u64 {
        let listed = self.questions.as_ref().map(Vec::len).or(self.question_ids.as_ref().map(Vec::len));
        let of_bank = || {
            let bank = catalogue.asked_for(self.quiz_id.as_ref(), play);
            bank.map_or(0, |bank| bank.count(self.count)).min(MOST_QUESTIONS)
        };
        listed.unwrap_or_else(of_bank) as u64
    }
}

/// Checks questions that the caller brings. They keep the caller's order, unless the request asks for another.
fn own(
    drafts: Vec<QuestionDraft>,
    scoring: Scoring,
    orders: [Option<Order>; 2],
    caller: &ApiCaller,
) -> Result<OwnQuestions, Problem> {
    if drafts.len() > MOST_QUESTIONS {
        return Err(Problem::wrong("questions", format!("at most {MOST_QUESTIONS}")));
    }
    // Only a backend can use questions without texts: it has the texts in its own system.
    let texts = if matches!(caller, ApiCaller::Backend(_)) { Texts::MayBeLeftOut } else { Texts::Required };
    let is_of_bank = |draft: &QuestionDraft| draft.image.as_deref().is_some_and(draft::is_file_name);
    if let Some(index) = drafts.iter().position(is_of_bank) {
        return Err(Problem::wrong(&format!("questions[{index}].image"), "must be a URL; only a bank has files"));
    }
    let questions = draft::check(drafts, texts).map_err(Problem::invalid)?;
    if let Some((field, message)) = scoring.problems().into_iter().next() {
        return Err(Problem::wrong(&format!("scoring.{field}"), message));
    }
    Ok(OwnQuestions { questions, scoring, orders: orders.map(|order| order.unwrap_or(Order::Bank)) })
}

/// Validates the fields, and turns them into the choice of questions.
pub(super) fn quiz_choice(request: QuizFields, caller: &ApiCaller) -> Result<QuizChoice, Problem> {
    check_contradictions(&request)?;
    let orders = [request.order, request.option_order];
    if let Some(drafts) = request.questions {
        return own(drafts, request.scoring.unwrap_or_default(), orders, caller).map(QuizChoice::Own);
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
        count: request.count,
        order: request.order,
        option_order: request.option_order,
        exclude,
        question_ids: request.question_ids,
    };
    Ok(QuizChoice::Bank(request.quiz_id, selection))
}
