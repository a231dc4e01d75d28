//! The handlers of the rooms API over HTTP. Each reads a request, calls [`Rooms`](crate::game::Rooms), and writes
//! the reply.

mod command;
mod events;
mod live;
mod replies;
mod requests;
mod results;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, web};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::admission::{ClientAddress, CreationCost, Limit};
use super::auth::{Acting, ApiCaller, Creating, Who};
use super::body::Body;
use super::json::{self, Json, Maybe, idempotency_key};
use super::problem::Problem;
use super::reply::{Handled, reply};
use super::{Shared, idempotency};
use crate::domain::{Refusal, SeatId, SessionId};
use crate::game::GameError;
use crate::game::rooms::Credential;
use crate::quizzes::PlayMode;
use command::{Door, RequestKey, RoomRequest, RoomResponse, must_be_backend};
use requests::{
    JoinRequest, Joining, NameIn, OpenRequest, OwnedQuery, ResultsFormat, ResultsQuery, ResumeRequest, SeatRequest,
};

pub(super) use command::Verb;
pub(super) use events::page;
pub(super) use live::connect;

type Data = web::Data<Shared>;

/// Parses the room id of a URL. An invalid id is reported as an unknown room.
pub(super) fn room_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| Problem::room_not_found())
}

/// Parses the seat id of a URL. An invalid id is reported as an unknown seat.
fn seat_id(text: &str) -> Result<SeatId, Problem> {
    text.parse().map(SeatId).map_err(|_| crate::domain::Refusal::UnknownSeat.into())
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
    opening.done(&opened.room);
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
    // A host may ask with a seat's token, which is no API key. The host is then a player without trust.
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
    opening.done(&opened.room);
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
    // The seat is taken. The token must reach the client even if the room can't be read now.
    let looked = shared.rooms.look_from(&seated).await.ok();
    let snapshot = looked.and_then(|looked| replies::snapshot(&looked).ok());
    Ok(reply(status, &replies::seated(&seated, snapshot)))
}

pub(super) async fn look(shared: Data, Who(who): Who, id: web::Path<String>) -> Handled {
    let looked = shared.rooms.look(&room_id(&id)?, &who).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::snapshot(&looked)?))
}

/// The extracted parts of an HTTP request on a room.
pub(super) struct RoomCall {
    shared: Data,
    who: Credential,
    id: web::Path<RoomPath>,
    key: Result<Option<String>, Problem>,
    body: web::Bytes,
    is_json: bool,
}

#[derive(Debug, Deserialize)]
struct RoomPath {
    id: String,
    seat: Option<String>,
}

impl FromRequest for RoomCall {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = <(Data, Acting, web::Path<RoomPath>, Body)>::from_request(request, payload);
        let (key, is_json) = (idempotency_key(request), json::is_json(request));
        Box::pin(async move {
            let (shared, Acting(who), id, Body(body)) = parts.await?;
            Ok(Self { shared, who, id, key, body, is_json })
        })
    }
}

impl RoomCall {
    async fn run(self, request: RoomRequest) -> Handled {
        match request {
            RoomRequest::Record { .. } => must_be_backend(&self.who, "recording events")?,
            RoomRequest::Revoke(_) => must_be_backend(&self.who, "revoking a seat")?,
            _ => {}
        }
        let key = if request.takes_key() { self.key?.map(RequestKey::Key) } else { None };
        let id = room_id(&self.id.id)?;
        let response = request.run(&self.shared.rooms, &id, &self.who, key.as_ref()).await?;
        Ok(match response {
            RoomResponse::Done => HttpResponse::NoContent().finish(),
            RoomResponse::Recorded(_) | RoomResponse::SeatCode(_) => reply(StatusCode::CREATED, &response),
            _ => reply(StatusCode::OK, &response),
        })
    }

    async fn read_and_run(self, verb: Verb) -> Handled {
        if verb.has_body() && !self.is_json {
            return Err(json::not_json());
        }
        let request = RoomRequest::read(verb, &self.body, Door::Http)?;
        self.run(request).await
    }

    fn seat(&self) -> Result<SeatId, Problem> {
        seat_id(self.id.seat.as_deref().unwrap_or_default())
    }
}

/// The route of a verb whose URL has no further parameters.
pub(super) fn command(verb: Verb) -> Route {
    web::to(move |call: RoomCall| call.read_and_run(verb))
}

pub(super) async fn code(call: RoomCall) -> Handled {
    let request = RoomRequest::HandOutCode(call.seat()?);
    call.run(request).await
}

pub(super) async fn revoke(call: RoomCall) -> Handled {
    let request = RoomRequest::Revoke(call.seat()?);
    call.run(request).await
}

pub(super) async fn resume(
    shared: Data,
    Acting(who): Acting,
    id: web::Path<String>,
    request: Maybe<ResumeRequest>,
) -> Handled {
    events::resume(&shared, &who, &room_id(&id)?, request.0).await
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
