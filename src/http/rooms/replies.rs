//! The JSON replies of the rooms API, for HTTP and for WebSocket frames. Times are dates of the wall clock.

use serde::Serialize;

use super::super::problem::Problem;
use super::super::reply::date;
use crate::domain::answer::ShownAnswer;
use crate::domain::quiz::public::PublicQuestion;
use crate::domain::room::{
    Advance, HostAway, OwnView, PauseView, PhaseName, QuestionView, Ranked, Reveal, RoomSettings, RoomView, SeatView,
    Successor,
};
use crate::domain::{JoinCode, QuestionId, QuizId, SeatId, Sequence, Token, WallTime};
use crate::game::Dates;
use crate::game::rooms::{OpenedRoom, OwnedRoom, OwnedRooms, ReceivedAnswer, RoomSnapshot, Seated};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct OpenedOut {
    room_id: String,
    join_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_id: Option<SeatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    epoch: String,
    expires_at: String,
    server_time: String,
}

pub(in crate::http) fn opened(opened: &OpenedRoom) -> OpenedOut {
    OpenedOut {
        room_id: opened.room.to_string(),
        join_code: opened.code.to_string(),
        seat_id: opened.host,
        token: opened.token.as_ref().map(Token::reveal),
        epoch: opened.epoch.clone(),
        expires_at: date(opened.expires),
        server_time: date(opened.dates.wall),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SeatedOut {
    room_id: String,
    seat_id: SeatId,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotOut>,
}

pub(in crate::http) fn seated(seated: &Seated, snapshot: Option<SnapshotOut>) -> SeatedOut {
    SeatedOut { room_id: seated.room.to_string(), seat_id: seated.seat, token: seated.token.reveal(), snapshot }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnedRoomOut {
    room_id: String,
    join_code: Option<String>,
    mode: &'static str,
    phase: Option<PhaseName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiz_id: Option<QuizId>,
    seats: usize,
    created_at: String,
    expires_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct OwnedRoomsOut {
    rooms: Vec<OwnedRoomOut>,
    more: bool,
    server_time: String,
}

pub(in crate::http) fn owned_rooms(owned: &OwnedRooms) -> OwnedRoomsOut {
    let rooms = owned.rooms.iter().filter_map(owned_room).collect();
    OwnedRoomsOut { rooms, more: owned.more, server_time: date(owned.dates.wall) }
}

fn owned_room(owned: &OwnedRoom) -> Option<OwnedRoomOut> {
    let (session, room) = (owned.session(), owned.room()?);
    Some(OwnedRoomOut {
        room_id: session.id.to_string(),
        join_code: session.state.join_code.as_ref().map(ToString::to_string),
        mode: mode(room.is_quiz()),
        phase: room.phase(),
        quiz_id: room.quiz_id().cloned(),
        seats: room.taken_seats(),
        created_at: date(owned.created),
        expires_at: date(owned.expires),
    })
}

fn mode(is_quiz: bool) -> &'static str {
    if is_quiz { "quiz" } else { "external" }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SnapshotOut {
    room_id: String,
    join_code: Option<String>,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiz_id: Option<QuizId>,
    phase: Option<PhaseName>,
    phase_number: u32,
    paused: Option<PauseView>,
    locked: bool,
    host_seat_id: Option<SeatId>,
    question_count: u32,
    question: Option<serde_json::Value>,
    advances_at: Option<String>,
    reveal: Option<Reveal>,
    you: Option<OwnView>,
    seats: Vec<SeatView>,
    ranking: Option<Vec<Ranked>>,
    successor: Option<Successor>,
    settings: SettingsOut,
    epoch: String,
    pub(in crate::http) head: Sequence,
    expires_at: String,
    server_time: String,
}

/// The settings of the room, under the field names of the request that opened it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsOut {
    advance: Advance,
    late_join: bool,
    max_seats: u32,
    host_plays: bool,
    host_away: HostAway,
    time_limit_ms: u64,
    ready_ms: u64,
    reveal_ms: u64,
    away_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuestionOut<'a> {
    index: u32,
    #[serde(flatten)]
    question: PublicQuestion<'a>,
    opens_at: String,
    closes_at: String,
}

/// The room as its viewer may see it. Every snapshot of the API is made here.
pub(in crate::http) fn snapshot(looked: &RoomSnapshot) -> Result<SnapshotOut, Problem> {
    let room = looked.room().ok_or_else(Problem::room_not_found)?;
    let view = looked.view().ok_or_else(Problem::room_not_found)?;
    let RoomView { quiz_id, phase, phase_number, paused, locked, host, question_count, .. } = view;
    let question = view.question.as_ref().map(|question| question_out(question, looked.dates));
    Ok(SnapshotOut {
        room_id: looked.session.id.to_string(),
        join_code: looked.session.state.join_code.as_ref().map(ToString::to_string),
        mode: mode(quiz_id.is_some()),
        quiz_id,
        phase,
        phase_number,
        paused,
        locked,
        host_seat_id: host,
        question_count,
        question,
        advances_at: view.advances.map(|advances| date(looked.dates.of(advances))),
        reveal: view.reveal,
        you: view.you,
        seats: view.seats,
        ranking: view.ranking,
        successor: view.successor,
        settings: settings(room.settings()),
        epoch: looked.epoch.clone(),
        head: view.head,
        expires_at: date(looked.expires()),
        server_time: date(looked.dates.wall),
    })
}

fn settings(settings: &RoomSettings) -> SettingsOut {
    SettingsOut {
        advance: settings.advance,
        late_join: settings.late_join,
        max_seats: settings.max_seats,
        host_plays: settings.host_plays,
        host_away: settings.host_away,
        time_limit_ms: settings.time_limit.0,
        ready_ms: settings.ready.0,
        reveal_ms: settings.reveal.0,
        away_ms: settings.away.0,
    }
}

fn question_out(view: &QuestionView, dates: Dates) -> serde_json::Value {
    let question = QuestionOut {
        index: view.index,
        question: PublicQuestion::whole(&view.question).with_limit(view.limit),
        opens_at: date(dates.of(view.opens)),
        closes_at: date(dates.of(view.closes)),
    };
    serde_json::to_value(question).unwrap_or_default()
}

#[derive(Serialize)]
pub(in crate::http) struct MovedOut {
    moved: bool,
    snapshot: SnapshotOut,
}

pub(in crate::http) fn moved(moved: bool, looked: &RoomSnapshot) -> Result<MovedOut, Problem> {
    Ok(MovedOut { moved, snapshot: snapshot(looked)? })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct AnsweredOut {
    question_id: QuestionId,
    #[serde(flatten)]
    answer: ShownAnswer,
    accepted: bool,
    received_at: String,
}

pub(in crate::http) fn answered((question_id, answer, received): ReceivedAnswer) -> AnsweredOut {
    AnsweredOut { question_id, answer: answer.as_ref().into(), accepted: true, received_at: date(received) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct CodeOut {
    seat_code: String,
    expires_at: String,
}

pub(in crate::http) fn code(seat_code: String, until: WallTime) -> CodeOut {
    CodeOut { seat_code, expires_at: date(until) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct JoinCodeOut {
    join_code: String,
}

pub(in crate::http) fn join_code(code: &JoinCode) -> JoinCodeOut {
    JoinCodeOut { join_code: code.to_string() }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct HeartbeatOut {
    server_time: String,
    head: Sequence,
}

pub(in crate::http) fn heartbeat(dates: Dates, head: Sequence) -> HeartbeatOut {
    HeartbeatOut { server_time: date(dates.wall), head }
}

#[derive(Serialize)]
pub(in crate::http) struct AcknowledgedOut {
    pub(in crate::http) acknowledged: Sequence,
}

#[derive(Serialize)]
pub(in crate::http) struct RecordedOut {
    pub(in crate::http) sequence: Sequence,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ResumedOut {
    pub(in crate::http) seat_id: Option<SeatId>,
    pub(in crate::http) generation: u32,
    #[serde(flatten)]
    pub(in crate::http) page: PageOut,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct PageOut {
    pub(in crate::http) epoch: String,
    pub(in crate::http) head: Sequence,
    pub(in crate::http) recovered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) snapshot: Option<SnapshotOut>,
    pub(in crate::http) events: Vec<Box<serde_json::value::RawValue>>,
    pub(in crate::http) more: bool,
    pub(in crate::http) server_time: String,
}
