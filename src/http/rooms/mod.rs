//! The rooms API over HTTP: what each call reads, asks of [`Rooms`](crate::game::Rooms), and replies.

mod events;
mod replies;
mod requests;
mod results;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;

use super::admission::{ClientAddress, CreationCost, Limit};
use super::auth::{Acting, ApiCaller, Creating, Who};
use super::json::{Json, Maybe, idempotency_key, shallow};
use super::problem::Problem;
use super::{Shared, idempotency, reply};
use crate::domain::room::{HostMove, RoomAction};
use crate::domain::{Idempotency, Refusal, RoomReply, SeatId, SessionId};
use crate::game::GameError;
use crate::game::rooms::Credential;
use crate::quizzes::PlayMode;
use requests::{
    AckRequest, AnswerRequest, JoinRequest, Joining, KickRequest, LockRequest, MoveRequest, NameIn, OpenRequest,
    OwnedQuery, PauseRequest, RecordRequest, ResultsFormat, ResultsQuery, ResumeRequest, SayRequest, SeatRequest,
};

pub(super) use events::{event_text, page, skip_text};
pub(super) use replies::{RecordedOut, SnapshotOut, answered, code as handed_out, join_code, moved, snapshot};
pub(super) use requests::{EventIn, drafts};

type Handled = Result<HttpResponse, Problem>;
type Data = web::Data<Shared>;

/// The room that a URL names; what is no id names no room.
pub(super) fn room_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| Problem::room_not_found())
}

fn seat_id(text: &str) -> Result<SeatId, Problem> {
    text.parse().map(SeatId).map_err(|_| crate::domain::Refusal::UnknownSeat.into())
}

/// The rules answered another question than the one that was asked.
pub(super) fn unexpected(reply: &RoomReply) -> Problem {
    crate::store::StoreError::RuleFailed { what: format!("an unexpected reply: {reply:?}") }.into()
}

pub(super) async fn open(
    http: HttpRequest,
    shared: Data,
    caller: ApiCaller,
    Creating(opener): Creating,
    request: Json<OpenRequest>,
) -> Handled {
    shared.may_host(&caller)?;
    let body = String::from_utf8_lossy(&request.bytes);
    let idempotency = idempotency_key(&http)?.map(|key| idempotency::opened(&key, &opener.name(), &body));
    let mut asked = request.value;
    let quiz = asked.take_quiz();
    let questions = quiz.question_count(&shared.solo.catalogue, PlayMode::Rooms);
    let cost = CreationCost::room(request.bytes.len(), questions);
    let mut new = asked.into_new(quiz, questions, &caller)?;
    new.settings.joins_a_minute = shared.admission.joins_a_minute(new.settings.max_seats);
    let opening = shared.admission.create(&opener, cost)?;
    let opened = shared.rooms.open(new, idempotency).await.map_err(Problem::in_room)?;
    opening.done(&opened.room, shared.homes.main().clock.moment().now);
    Ok(reply(StatusCode::CREATED, &replies::opened(&opened)))
}

pub(super) async fn again(
    shared: Data,
    Acting(who): Acting,
    caller: Result<ApiCaller, Problem>,
    Creating(opener): Creating,
    id: web::Path<String>,
    request: Maybe<OpenRequest>,
) -> Handled {
    // A seat's token is no key.
    let caller = caller.unwrap_or(ApiCaller::Player);
    let finished = shared.rooms.finished(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    if let Some(known) = shared.rooms.successor(&finished).await.map_err(Problem::in_room)? {
        return Ok(reply(StatusCode::OK, &replies::opened(&known)));
    }
    let room = finished.room().ok_or_else(Problem::room_not_found)?;
    let same = shared.rooms.same_quiz(&finished).ok_or(Refusal::WrongMode)?;
    let has_key = finished.session.state.owner.is_some();
    let new = request.0.into_again(room, same, (&caller, has_key), &shared.solo.catalogue)?;
    let opening = shared.admission.create(&opener, CreationCost::room(0, new.quiz.question_count()))?;
    let opened = shared.rooms.again(&finished, &who, new).await.map_err(Problem::in_room)?;
    opening.done(&opened.room, shared.homes.main().clock.moment().now);
    Ok(reply(StatusCode::CREATED, &replies::opened(&opened)))
}

pub(super) async fn owned(shared: Data, caller: ApiCaller, query: web::Query<OwnedQuery>) -> Handled {
    let owner = caller.owner().ok_or_else(|| ApiCaller::key_required("listing rooms"))?;
    let (after, limit) = query.into_inner().page()?;
    let owned = shared.rooms.owned(&owner, after, limit).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::owned_rooms(&owned)))
}

pub(super) async fn delete(shared: Data, Acting(who): Acting, id: web::Path<String>) -> Handled {
    shared.rooms.delete(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn renew_host(shared: Data, Acting(who): Acting, id: web::Path<String>) -> Handled {
    must_be_backend(&who, "another token for the host")?;
    let seated = shared.rooms.renew_host(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::seated(&seated, None)))
}

pub(super) async fn join(
    http: HttpRequest,
    shared: Data,
    client: ClientAddress,
    request: Json<JoinRequest>,
) -> Handled {
    let request = request.value;
    let code = request.code()?;
    shared.admission.may_try_code(client, code.as_str(), request.seat_code.is_some())?;
    let key = idempotency_key(&http)?;
    let caller = client.to_string();
    let idempotency = |what: &str, body: &str| key.as_ref().map(|key| idempotency::joined(key, &caller, what, body));
    let (status, seated) = match request.joining()? {
        Joining::New(name) => {
            let idempotency = idempotency("name", name.as_str());
            (StatusCode::CREATED, shared.rooms.join(&code, name, idempotency).await)
        }
        Joining::ByCode(seat_code) => {
            let idempotency = idempotency("code", &seat_code);
            (StatusCode::OK, shared.rooms.take_seat(&code, &seat_code, idempotency).await)
        }
    };
    let is_known = !matches!(seated, Err(GameError::CodeUnknown | GameError::Refused(Refusal::SeatCodeUnknown)));
    shared.admission.tried_code(client, code.as_str(), is_known)?;
    if matches!(seated, Err(GameError::Refused(Refusal::TooManyJoins { .. }))) {
        shared.admission.met(Limit::Joins, &client);
    }
    let seated = seated.map_err(Problem::in_room)?;
    // The seat is taken: its token has to arrive, though the room can't be read just now.
    let looked = shared.rooms.look_from(&seated).await.ok();
    let snapshot = looked.and_then(|looked| replies::snapshot(&looked).ok());
    Ok(reply(status, &replies::seated(&seated, snapshot)))
}

pub(super) async fn look(shared: Data, Who(who): Who, id: web::Path<String>) -> Handled {
    let looked = shared.rooms.look(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::snapshot(&looked)?))
}

/// A host's move: who makes it, in which room, and the key of a request that may be repeated.
pub(super) struct HostMoveRequest {
    shared: Data,
    who: Credential,
    id: web::Path<String>,
    key: Option<String>,
}

impl FromRequest for HostMoveRequest {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = <(Data, Acting, web::Path<String>)>::from_request(request, payload);
        let key = idempotency_key(request);
        Box::pin(async move {
            let (shared, Acting(who), id) = parts.await?;
            Ok(Self { shared, who, id, key: key? })
        })
    }
}

async fn host_move(mover: HostMoveRequest, at: u32, host_move: HostMove) -> Handled {
    let HostMoveRequest { shared, who, id, key } = mover;
    let id = room_id(&id)?;
    let idempotency = key.map(|key| Idempotency::Key(idempotency::moved(&key, at, host_move)));
    let moved =
        shared.rooms.act_as(&id, &who, RoomAction::Host(at, host_move, idempotency)).await.map_err(Problem::in_room)?;
    let RoomReply::Moved(moved) = moved.reply else { return Err(unexpected(&moved.reply)) };
    let looked = shared.rooms.look(&id, &who).await.map_err(Problem::after_a_move)?;
    Ok(reply(StatusCode::OK, &replies::moved(moved, &looked)?))
}

pub(super) async fn start(mover: HostMoveRequest, request: Json<MoveRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Start).await
}

pub(super) async fn next(mover: HostMoveRequest, request: Json<MoveRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Next).await
}

pub(super) async fn close(mover: HostMoveRequest, request: Json<MoveRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Close).await
}

pub(super) async fn finish(mover: HostMoveRequest, request: Json<MoveRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Finish).await
}

pub(super) async fn take_over(mover: HostMoveRequest, request: Json<MoveRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::TakeOver).await
}

pub(super) async fn pause(mover: HostMoveRequest, request: Json<PauseRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Pause(request.value.paused)).await
}

pub(super) async fn lock(mover: HostMoveRequest, request: Json<LockRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Lock(request.value.locked)).await
}

pub(super) async fn kick(mover: HostMoveRequest, request: Json<KickRequest>) -> Handled {
    host_move(mover, request.value.at, HostMove::Kick(request.value.seat_id)).await
}

pub(super) async fn answer(
    shared: Data,
    Acting(who): Acting,
    id: web::Path<String>,
    request: Json<AnswerRequest>,
) -> Handled {
    let (question, answer) = request.value.answer()?;
    let asked = shared.rooms.act_as(&room_id(&id)?, &who, RoomAction::Answer { question, answer }).await;
    match asked.map_err(Problem::in_room)?.reply {
        RoomReply::Answered { question, answer, received } => {
            Ok(reply(StatusCode::OK, &replies::answered(question, answer.as_ref(), received)))
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn leave(shared: Data, Acting(who): Acting, id: web::Path<String>) -> Handled {
    shared.rooms.act_as(&room_id(&id)?, &who, RoomAction::Leave).await.map_err(Problem::in_room)?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn code(shared: Data, Acting(who): Acting, path: web::Path<(String, String)>) -> Handled {
    let (id, seat) = path.into_inner();
    let handed = shared.rooms.hand_out_code(&room_id(&id)?, &who, seat_id(&seat)?).await;
    let (code, until) = handed.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::code(code, until)))
}

pub(super) async fn change_join_code(shared: Data, Acting(who): Acting, id: web::Path<String>) -> Handled {
    let code = shared.rooms.change_join_code(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::join_code(&code)))
}

pub(super) async fn resume(
    shared: Data,
    Acting(who): Acting,
    id: web::Path<String>,
    request: Maybe<ResumeRequest>,
) -> Handled {
    events::resume(&shared, &who, &room_id(&id)?, request.0).await
}

pub(super) async fn acknowledge(
    shared: Data,
    Acting(who): Acting,
    id: web::Path<String>,
    request: Json<AckRequest>,
) -> Handled {
    let ask = RoomAction::Acknowledge(request.value.sequence);
    match shared.rooms.act_as(&room_id(&id)?, &who, ask).await.map_err(Problem::in_room)?.reply {
        RoomReply::Acknowledged(acknowledged) => Ok(reply(StatusCode::OK, &replies::AcknowledgedOut { acknowledged })),
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn heartbeat(shared: Data, Acting(who): Acting, id: web::Path<String>) -> Handled {
    let id = room_id(&id)?;
    let acted = shared.rooms.act_as(&id, &who, RoomAction::Heartbeat).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::heartbeat(acted.dates, acted.head)))
}

pub(super) async fn say(
    http: HttpRequest,
    shared: Data,
    Acting(who): Acting,
    id: web::Path<String>,
    request: Json<SayRequest>,
) -> Handled {
    let payload = shallow("payload", &request.value.payload)?;
    let idempotency = idempotency_key(&http)?.map(|key| Idempotency::Key(idempotency::said(&key, &payload)));
    let asked = shared.rooms.act_as(&room_id(&id)?, &who, RoomAction::Say { payload, idempotency }).await;
    recorded(asked.map_err(Problem::in_room)?.reply)
}

fn recorded(answer: RoomReply) -> Handled {
    match answer {
        RoomReply::Recorded(sequence) => Ok(reply(StatusCode::CREATED, &RecordedOut { sequence })),
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn seat_user(
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<SeatRequest>,
) -> Handled {
    must_be_backend(&who, "seating users")?;
    let SeatRequest { user_id, name: NameIn(name) } = request.value;
    let seated = shared.rooms.seat_user(&room_id(&id)?, &who, user_id, name).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::seated(&seated, None)))
}

pub(super) async fn revoke(shared: Data, Acting(who): Acting, path: web::Path<(String, String)>) -> Handled {
    must_be_backend(&who, "revoking a seat")?;
    let (id, seat) = path.into_inner();
    let revoke = RoomAction::Revoke(seat_id(&seat)?);
    shared.rooms.act_as(&room_id(&id)?, &who, revoke).await.map_err(Problem::in_room)?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn record(
    http: HttpRequest,
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<RecordRequest>,
) -> Handled {
    must_be_backend(&who, "recording events")?;
    let expected = request.value.expected;
    let events = request.value.drafts()?;
    let idempotency =
        idempotency_key(&http)?.map(|key| Idempotency::Key(idempotency::recorded(&key, &events, expected)));
    let ask = RoomAction::Record { events, expected, idempotency };
    let asked = shared.rooms.act_as(&room_id(&id)?, &who, ask).await;
    recorded(asked.map_err(Problem::in_room)?.reply)
}

fn must_be_backend(who: &Credential, what: &str) -> Result<(), Problem> {
    if who.is_backend() { Ok(()) } else { Err(ApiCaller::key_required(what)) }
}

pub(super) async fn results(
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    query: web::Query<ResultsQuery>,
) -> Handled {
    let id = room_id(&id)?;
    let looked = shared.rooms.look(&id, &who).await.map_err(Problem::in_room)?;
    let results = looked.results().ok_or(crate::domain::Refusal::WrongMode)?;
    let only = if looked.sees_all() { None } else { looked.viewer };
    match query.format {
        ResultsFormat::Json => Ok(reply(StatusCode::OK, &results::json(&id, &results, only))),
        ResultsFormat::Csv => {
            let table = results::csv(&results, only, query.separator)?;
            let named = ("Content-Disposition", "attachment; filename=\"results.csv\"");
            Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").insert_header(named).body(table))
        }
    }
}
