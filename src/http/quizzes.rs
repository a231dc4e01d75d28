//! The calls on question banks: the list of banks, a whole bank for its host, and the import of files in
//! other formats.

use std::path::Path;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::admission::CreationCost;
use super::auth::{ApiCaller, Creating};
use super::body::Body;
use super::problem::Problem;
use super::reply::{Handled, reply};
use crate::domain::quiz::draft::{DraftProblem as Wrong, MOST_QUESTIONS, QuestionDraft, is_file_name};
use crate::domain::scoring::Scoring;
use crate::domain::{Difficulty, Kind, QuizId};
use crate::game::GameError;
use crate::quizzes::import::{Format, ImportOptions, ImportResult, Source, import as import_file};
use crate::quizzes::{Bank, Defaults, Hosting, PlayMode};

/// Maximum number of problems, and of warnings, in an import's reply.
const MOST_TOLD: usize = 200;
/// This many bytes of an imported file cost as much as one question of a new game.
const BYTES_PER_QUESTION: usize = 64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quizzes<'a> {
    quizzes: Vec<QuizOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuizOut<'a> {
    quiz_id: &'a QuizId,
    title: &'a str,
    description: Option<&'a str>,
    question_count: usize,
    categories: &'a [String],
    difficulties: &'a [Difficulty],
    kinds: &'a [Kind],
    play: Vec<PlayMode>,
    hosting: Hosting,
    defaults: Defaults,
}

fn quiz(bank: &Arc<Bank>) -> QuizOut<'_> {
    QuizOut {
        quiz_id: &bank.id,
        title: &bank.title,
        description: bank.description.as_deref(),
        question_count: bank.questions.len(),
        categories: bank.categories(),
        difficulties: bank.difficulties(),
        kinds: bank.kinds(),
        play: bank.play.iter().copied().collect(),
        hosting: bank.hosting,
        defaults: bank.defaults,
    }
}

pub(super) async fn list(shared: web::Data<Shared>) -> HttpResponse {
    let banks = shared.solo.catalogue.list();
    reply(StatusCode::OK, &Quizzes { quizzes: banks.iter().map(quiz).collect() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BankQuery {
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// A bank for its hosts, with one page of its questions and their right answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BankOut<'a> {
    #[serde(flatten)]
    quiz: QuizOut<'a>,
    license: Option<&'a str>,
    scoring: &'a Scoring,
    offset: usize,
    questions: Vec<QuestionDraft>,
    more: bool,
}

/// A page of a bank's questions, right answers included. Callers who may open rooms on the bank could read
/// them there anyway, one after another. The call costs as much as a new game with as many questions.
pub(super) async fn bank(
    shared: web::Data<Shared>,
    caller: ApiCaller,
    Creating(opener): Creating,
    id: web::Path<String>,
    query: web::Query<BankQuery>,
) -> Handled {
    shared.may_host(&caller)?;
    let unknown = || Problem::in_room(GameError::QuizNotFound);
    let bank = id.parse().ok().and_then(|id| shared.solo.catalogue.get(&id)).ok_or_else(unknown)?;
    if bank.hosting == Hosting::Key && caller.owner().is_none() {
        return Err(ApiCaller::key_required("this bank"));
    }
    let limit = query.limit.unwrap_or(MOST_QUESTIONS);
    if !(1..=MOST_QUESTIONS).contains(&limit) {
        return Err(Problem::wrong("limit", format!("1 to {MOST_QUESTIONS}")));
    }
    let part = bank.questions.iter().skip(query.offset).take(limit);
    drop(shared.admission.create(&opener, CreationCost::game(0, part.len() as u64))?);
    let questions: Vec<_> = part.map(|question| QuestionDraft::from(&**question)).collect();
    let more = query.offset.saturating_add(questions.len()) < bank.questions.len();
    let (license, scoring) = (bank.license.as_deref(), &bank.scoring);
    let out = BankOut { quiz: quiz(&bank), license, scoring, offset: query.offset, questions, more };
    Ok(reply(StatusCode::OK, &out))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// The file's name. Its extension can tell the format.
    name: Option<String>,
    format: Option<Format>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImportedOut {
    summary: String,
    understood: Vec<String>,
    questions: Vec<QuestionDraft>,
    defaults: Option<Defaults>,
    scoring: Option<Scoring>,
    left_out: Vec<Wrong>,
    left_out_count: usize,
    warnings: Vec<Wrong>,
}

/// Converts a file into questions; nothing is stored. Allowed to callers who may open rooms. The call costs
/// as much as a new game of the same size.
pub(super) async fn import(
    shared: web::Data<Shared>,
    caller: ApiCaller,
    Creating(opener): Creating,
    query: web::Query<ImportQuery>,
    Body(bytes): Body,
) -> Handled {
    shared.may_host(&caller)?;
    let cost = CreationCost::game(bytes.len(), (bytes.len() / BYTES_PER_QUESTION) as u64);
    drop(shared.admission.create(&opener, cost)?);
    let ImportQuery { name, format } = query.into_inner();
    let read = move || {
        // The name and title of the bank don't appear in the reply.
        let options = ImportOptions::new("import".parse().expect("it is a name"), Path::new("import"));
        import_file(Source { name: name.as_deref(), format, bytes: &bytes }, options)
    };
    let imported = shared.imports.run(read).await?;
    Ok(reply(StatusCode::OK, &imported_out(imported)))
}

fn imported_out(imported: ImportResult) -> ImportedOut {
    let summary = imported.summary();
    let ImportResult { file, mut left_out, mut warnings, understood } = imported;
    let left_out_count = left_out.len();
    left_out.truncate(MOST_TOLD);
    warnings.truncate(MOST_TOLD);
    let (mut questions, defaults, scoring) =
        file.map(|file| (file.questions, file.defaults, file.scoring)).unwrap_or_default();
    // A game's own questions can't use picture files, so they are removed here. A warning of the import names them.
    for question in questions.iter_mut().filter(|question| question.image.as_deref().is_some_and(is_file_name)) {
        (question.image, question.alt) = (None, None);
    }
    ImportedOut { summary, understood, questions, defaults, scoring, left_out, left_out_count, warnings }
}
