//! The rooms API over HTTP: what each call reads, asks of [`Rooms`](crate::game::Rooms), and replies.

mod events;
mod replies;
mod requests;
mod results;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::auth::{Caller, Who};
use super::json::{Json, Maybe, idempotency_key, shallow};
use super::problem::Problem;
use super::{Shared, reply};
use crate::domain::room::{Ask, HostMove};
use crate::domain::{RepeatKey, RoomReply, SeatId, SessionId};
use crate::game::rooms::Credential;
use requests::{
    AckRequest, AnswerRequest, JoinRequest, Joining, KickRequest, LockRequest, MoveRequest, NameIn, OpenRequest,
    PauseRequest, RecordRequest, ResultsFormat, ResultsQuery, ResumeRequest, SayRequest, SeatRequest,
};

pub(super) use events::{event_text, page, skip_text};
pub(super) use replies::{RecordedOut, SnapshotOut, answered, code as handed_out, moved, snapshot};
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

pub(super) async fn open(shared: Data, caller: Caller, request: Json<OpenRequest>) -> Handled {
    let new = request.value.into_new(caller)?;
    let opened = shared.rooms.open(new).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::opened(&opened)))
}

pub(super) async fn join(http: HttpRequest, shared: Data, request: Json<JoinRequest>) -> Handled {
    let request = request.value;
    let code = request.code()?;
    let key = idempotency_key(&http)?;
    let repeat = |what: &str, body: &str| key.as_ref().map(|key| RepeatKey::new("join", key, &[what, body]));
    let (status, seated) = match request.joining()? {
        Joining::New(name) => {
            let repeat = repeat("name", name.as_str());
            (StatusCode::CREATED, shared.rooms.join(&code, name, repeat).await)
        }
        Joining::ByCode(seat_code) => {
            let repeat = repeat("code", &seat_code);
            (StatusCode::OK, shared.rooms.take_seat(&code, &seat_code, repeat).await)
        }
    };
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

async fn host_move(shared: &Shared, who: &Credential, id: &str, at: u32, host_move: HostMove) -> Handled {
    let id = room_id(id)?;
    let moved = shared.rooms.ask_as(&id, who, Ask::Host(at, host_move)).await.map_err(Problem::in_room)?;
    let (RoomReply::Moved(moved), _) = moved else { return Err(unexpected(&moved.0)) };
    let looked = shared.rooms.look(&id, who).await.map_err(Problem::after_a_move)?;
    Ok(reply(StatusCode::OK, &replies::moved(moved, &looked)?))
}

pub(super) async fn start(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<MoveRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Start).await
}

pub(super) async fn next(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<MoveRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Next).await
}

pub(super) async fn close(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<MoveRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Close).await
}

pub(super) async fn finish(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<MoveRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Finish).await
}

pub(super) async fn take_over(
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<MoveRequest>,
) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::TakeOver).await
}

pub(super) async fn pause(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<PauseRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Pause(request.value.paused)).await
}

pub(super) async fn lock(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<LockRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Lock(request.value.locked)).await
}

pub(super) async fn kick(shared: Data, Who(who): Who, id: web::Path<String>, request: Json<KickRequest>) -> Handled {
    host_move(&shared, &who, &id, request.value.at, HostMove::Kick(request.value.seat_id)).await
}

pub(super) async fn answer(
    http: HttpRequest,
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<AnswerRequest>,
) -> Handled {
    let AnswerRequest { question_id: question, option_id: option } = request.value;
    let repeat = idempotency_key(&http)?.map(|key| answer_key(&key, &question, option));
    let asked = shared.rooms.ask_as(&room_id(&id)?, &who, Ask::Answer { question, option, repeat }).await;
    match asked.map_err(Problem::in_room)? {
        (RoomReply::Answered { question, option, received }, _) => {
            Ok(reply(StatusCode::OK, &replies::answered(question, option, received)))
        }
        (other, _) => Err(unexpected(&other)),
    }
}

/// By which an answer's repeat is known, over HTTP and the WebSocket alike.
pub(super) fn answer_key(
    key: &str,
    question: &crate::domain::QuestionId,
    option: Option<crate::domain::OptionId>,
) -> RepeatKey {
    let option = option.map_or_else(|| "null".to_owned(), |option| option.to_string());
    RepeatKey::new("answer", key, &[question.as_str(), &option])
}

pub(super) async fn leave(shared: Data, Who(who): Who, id: web::Path<String>) -> Handled {
    shared.rooms.ask_as(&room_id(&id)?, &who, Ask::Leave).await.map_err(Problem::in_room)?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn code(shared: Data, Who(who): Who, path: web::Path<(String, String)>) -> Handled {
    let (id, seat) = path.into_inner();
    let handed = shared.rooms.hand_out_code(&room_id(&id)?, &who, seat_id(&seat)?).await;
    let (code, until) = handed.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::code(code, until)))
}

pub(super) async fn resume(
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Maybe<ResumeRequest>,
) -> Handled {
    events::resume(&shared, &who, &room_id(&id)?, request.0).await
}

pub(super) async fn acknowledge(
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<AckRequest>,
) -> Handled {
    let ask = Ask::Acknowledge(request.value.sequence);
    match shared.rooms.ask_as(&room_id(&id)?, &who, ask).await.map_err(Problem::in_room)? {
        (RoomReply::Acknowledged(acknowledged), _) => {
            Ok(reply(StatusCode::OK, &replies::AcknowledgedOut { acknowledged }))
        }
        (other, _) => Err(unexpected(&other)),
    }
}

pub(super) async fn heartbeat(shared: Data, Who(who): Who, id: web::Path<String>) -> Handled {
    let id = room_id(&id)?;
    let (_, dates) = shared.rooms.ask_as(&id, &who, Ask::Heartbeat).await.map_err(Problem::in_room)?;
    let head = shared.rooms.head(&id).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::OK, &replies::heartbeat(dates, head)))
}

pub(super) async fn say(
    http: HttpRequest,
    shared: Data,
    Who(who): Who,
    id: web::Path<String>,
    request: Json<SayRequest>,
) -> Handled {
    let payload = shallow("payload", &request.value.payload)?;
    let repeat = idempotency_key(&http)?.map(|key| RepeatKey::new("say", &key, &[&payload]));
    let asked = shared.rooms.ask_as(&room_id(&id)?, &who, Ask::Say { payload, repeat }).await;
    recorded(asked.map_err(Problem::in_room)?.0)
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
    let seated = shared.rooms.seat_user(&room_id(&id)?, user_id, name).await.map_err(Problem::in_room)?;
    Ok(reply(StatusCode::CREATED, &replies::seated(&seated, None)))
}

pub(super) async fn revoke(shared: Data, Who(who): Who, path: web::Path<(String, String)>) -> Handled {
    must_be_backend(&who, "revoking a seat")?;
    let (id, seat) = path.into_inner();
    let revoke = Ask::Revoke(seat_id(&seat)?);
    shared.rooms.ask_as(&room_id(&id)?, &who, revoke).await.map_err(Problem::in_room)?;
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
    let body = String::from_utf8_lossy(&request.bytes);
    let repeat = idempotency_key(&http)?.map(|key| RepeatKey::new("record", &key, &[&body]));
    let expected = request.value.expected;
    let ask = Ask::Record { events: request.value.drafts()?, expected, repeat };
    let asked = shared.rooms.ask_as(&room_id(&id)?, &who, ask).await;
    recorded(asked.map_err(Problem::in_room)?.0)
}

fn must_be_backend(who: &Credential, what: &str) -> Result<(), Problem> {
    if *who == Credential::Backend { Ok(()) } else { Err(Caller::key_required(what)) }
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
