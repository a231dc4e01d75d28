//! The handlers of the solo API. Each reads its request, calls [`SoloGames`](crate::game::SoloGames), and
//! writes the reply.

mod replies;
mod requests;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::admission::CreationCost;
use super::auth::{ApiCaller, Creating};
use super::body::Body;
use super::json::{Json, idempotency_key};
use super::problem::Problem;
use super::reply::{Handled, reply};
use super::{Shared, idempotency};
use crate::domain::answer::ShownAnswer;
use crate::domain::{IdempotencyKey, SessionId};
use crate::quizzes::PlayMode;
use requests::{CreateRequest, ShowRequest, SubmitRequest};

/// Parses the session id of a URL or a body. A text that is no id gets the same reply as an unknown session.
fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| Problem::session_not_found())
}

pub(super) async fn create(
    shared: web::Data<Shared>,
    caller: ApiCaller,
    Creating(opener): Creating,
    request: Json<CreateRequest>,
) -> Handled {
    let mut asked = request.value;
    let quiz = asked.take_quiz();
    let cost = CreationCost::game(request.bytes.len(), quiz.question_count(&shared.solo.catalogue, PlayMode::Solo));
    let new = requests::new_game(asked, quiz, &request.bytes, &caller)?;
    let opening = shared.admission.create(&opener, cost)?;
    let id = new.session_id.clone();
    let seen = shared.solo.create(new).await.map_err(|error| Problem::of(error, id.as_ref()))?;
    opening.done(&seen.session.id);
    replies::created(&seen).map(|created| reply(StatusCode::CREATED, &created))
}

pub(super) async fn resume(shared: web::Data<Shared>, id: web::Path<String>) -> Handled {
    let id = session_id(&id)?;
    let seen = shared.solo.resume(&id).await.map_err(|error| Problem::of(error, Some(&id)))?;
    replies::resumed(&seen).map(|resumed| reply(StatusCode::OK, &resumed))
}

pub(super) async fn show(shared: web::Data<Shared>, request: Json<ShowRequest>) -> Handled {
    let id = session_id(&request.value.session_id)?;
    let shown = shared.solo.show(&id, &request.value.question_id).await;
    let shown = shown.map_err(|error| Problem::of(error, Some(&id)))?;
    Ok(reply(StatusCode::OK, &replies::shown(&shown)))
}

pub(super) async fn answer(http: HttpRequest, shared: web::Data<Shared>, request: Json<SubmitRequest>) -> Handled {
    let id = session_id(&request.value.session_id)?;
    let (question_id, answer) = request.value.answer()?;
    let said = serde_json::to_string(&ShownAnswer::from(answer.as_ref())).expect("an answer is always JSON");
    let body = [question_id.as_str(), &said];
    let idempotency = idempotency_key(&http)?.map(|key| IdempotencyKey::new("answer", &key, &body));
    let answered = shared.solo.answer(&id, question_id, answer, idempotency).await;
    let (report, question_count) = answered.map_err(|error| Problem::of(error, Some(&id)))?;
    Ok(reply(StatusCode::OK, &replies::answered(&report, question_count)))
}

pub(super) async fn results(shared: web::Data<Shared>, id: web::Path<String>) -> Handled {
    let id = session_id(&id)?;
    let (results, _) = shared.solo.results(&id).await.map_err(|error| Problem::of(error, Some(&id)))?;
    Ok(reply(StatusCode::OK, &replies::results(&id, &results)))
}

pub(super) async fn award(
    http: HttpRequest,
    shared: web::Data<Shared>,
    caller: ApiCaller,
    id: web::Path<String>,
    Body(body): Body,
) -> Handled {
    caller.must_be_trusted("claiming an award")?;
    let id = session_id(&id)?;
    // No field of the body is used, but the idempotency key covers it: another body is another request.
    let body = idempotency::canonical(&String::from_utf8_lossy(&body));
    let idempotency = idempotency_key(&http)?.map(|key| IdempotencyKey::new("award", &key, &[&body]));
    let claimed = shared.solo.award(&id, idempotency).await.map_err(|error| Problem::of(error, Some(&id)))?;
    Ok(reply(StatusCode::OK, &replies::claimed(&claimed)))
}

pub(super) async fn give_up(shared: web::Data<Shared>, id: web::Path<String>) -> Handled {
    // DELETE is idempotent: an id that can't exist gets 204, like a session that is already deleted.
    if let Ok(id) = id.parse() {
        shared.solo.give_up(&id).await.map_err(|error| Problem::of(error, Some(&id)))?;
    }
    Ok(HttpResponse::NoContent().finish())
}
