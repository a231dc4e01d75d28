//! Sessions as operators see them: a list, one of them, and its end. No reply has a credential, a player's name or an
//! answer key.

use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::problem::Problem;
use super::super::reply::{Handled, date, reply};
use super::Admin;
use crate::domain::room::{PauseView, PhaseName, RoomView};
use crate::domain::{Game, InstanceName, Owner, QuizId, Room, SessionId};
use crate::game::GameError;
use crate::game::sessions::{FoundSession, NotFound, SessionKind, SessionName, SessionPage};

/// Maximum number of sessions that one reply lists.
const MOST_LISTED: usize = 200;
/// Number of sessions that a reply lists if the request doesn't say how many.
const USUAL_LISTED: usize = 50;

/// The query of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    kind: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

impl ListQuery {
    fn kind(&self) -> Result<Option<SessionKind>, Problem> {
        let kinds = [SessionKind::Solo, SessionKind::Room, SessionKind::Damaged];
        let find = |word: &str| kinds.into_iter().find(|kind| kind.word() == word);
        let kind = self.kind.as_deref().map(|word| find(word).ok_or_else(wrong_kind));
        kind.transpose()
    }

    fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL_LISTED);
        let is_allowed = (1..=MOST_LISTED).contains(&limit);
        is_allowed.then_some(limit).ok_or_else(|| Problem::wrong("limit", format!("1 to {MOST_LISTED}")))
    }
}

fn wrong_kind() -> Problem {
    Problem::wrong("kind", "solo, room or damaged")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListOut {
    sessions: Vec<SessionOut>,
    /// The value of `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// True if a store is out of reach.
    incomplete: bool,
    server_time: String,
}

/// A session in the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionOut {
    /// The short hash of the id.
    session: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiz_id: Option<QuizId>,
    /// The title of the bank with this `quizId`, if it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The number of questions, and how many of them are answered or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    questions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<usize>,
    /// The number of taken seats, and how many of their players are connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    present: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<PauseView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<InstanceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// One session, with what the list leaves out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailsOut {
    #[serde(flatten)]
    session: SessionOut,
    #[serde(flatten)]
    room: Option<RoomOut>,
    server_time: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomOut {
    /// The id of a room is no credential: every player in it knows it.
    room_id: SessionId,
    mode: &'static str,
    locked: bool,
    max_seats: u32,
    /// The number of players who have answered the current question.
    answered: usize,
    /// The sequence number of the newest event.
    events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<SessionId>,
}

pub(super) async fn list(shared: Data<Shared>, admin: Data<Admin>, query: Query<ListQuery>) -> Handled {
    let (kind, limit, after) = (query.kind()?, query.limit()?, query.into_inner().after);
    let page = admin.run(async move |sessions| sessions.list(kind, after.as_deref(), limit).await).await?;
    let SessionPage { sessions, next, is_incomplete } = page.map_err(problem)?;
    let server_time = server_time(&shared);
    let sessions = sessions.iter().map(|found| session_out(&shared, found)).collect();
    Ok(reply(StatusCode::OK, &ListOut { sessions, next, incomplete: is_incomplete, server_time }))
}

pub(super) async fn look(shared: Data<Shared>, admin: Data<Admin>, name: Path<String>) -> Handled {
    let name = parse(&name)?;
    let found = admin.run(async move |sessions| sessions.look(&name).await).await?.map_err(problem)?;
    Ok(reply(StatusCode::OK, &details(&shared, &found)))
}

/// Ends a session. The reply shows it as it was.
pub(super) async fn end(shared: Data<Shared>, admin: Data<Admin>, name: Path<String>) -> Result<HttpResponse, Problem> {
    let name = parse(&name)?;
    let ended = admin.run(async move |sessions| sessions.end_session(&name).await).await?.map_err(problem)?;
    Ok(reply(StatusCode::OK, &details(&shared, &ended)))
}

fn parse(text: &str) -> Result<SessionName, Problem> {
    SessionName::from_str(text).map_err(|error| Problem::new(StatusCode::NOT_FOUND, "session-not-found", error.0))
}

fn problem(error: NotFound) -> Problem {
    match error {
        NotFound::Ambiguous(longer) => {
            let detail = format!("several sessions have this hash: name one of {}", longer.join(", "));
            Problem::new(StatusCode::CONFLICT, "session-ambiguous", detail)
        }
        NotFound::UnknownPage => {
            let detail = "this server does not remember the page that ended with this session: list from the start";
            Problem::new(StatusCode::NOT_FOUND, "page-unknown", detail)
        }
        NotFound::Game(GameError::SessionNotFound | GameError::CodeUnknown) => {
            Problem::new(StatusCode::NOT_FOUND, "session-not-found", "there is no such session")
        }
        NotFound::Game(error) => Problem::of(error, None),
    }
}

fn server_time(shared: &Shared) -> String {
    date(shared.router.main().clock().moment().wall)
}

fn session_out(shared: &Shared, found: &FoundSession) -> SessionOut {
    let FoundSession { id, session, dates } = found;
    let life = session.as_ref().map(|session| &session.state.life);
    let mut out = SessionOut {
        session: id.short_hash(),
        kind: found.kind().word(),
        phase: None,
        quiz_id: None,
        title: None,
        questions: None,
        done: None,
        seats: None,
        present: None,
        paused: None,
        owner: session.as_ref().and_then(|session| session.state.owner.clone()),
        instance: id.instance(),
        created_at: life.map(|life| date(dates.of(life.created()))),
        expires_at: life.map(|life| date(dates.of(life.deadline().0))),
    };
    let Some(session) = session else { return out };
    if let Some(quiz) = &session.quiz {
        out.questions = Some(quiz.questions.len());
        out.title = shared.solo.catalogue.get(&quiz.id).map(|bank| bank.title.clone());
        out.quiz_id = Some(quiz.id.clone());
    }
    match &session.state.game {
        Game::Solo(game) => (out.phase, out.done) = (Some("playing"), Some(game.answered())),
        Game::Finished(game) => (out.phase, out.done) = (Some("finished"), Some(game.game().answered())),
        Game::Room(room) => {
            let view = view(room, found);
            out.phase = Some(phase(view.phase));
            out.done = room.is_quiz().then(|| room.closed_questions());
            out.seats = Some(view.seats.len());
            out.present = Some(view.seats.iter().filter(|seat| seat.present).count());
            out.paused = view.paused;
        }
    }
    out
}

fn details(shared: &Shared, found: &FoundSession) -> DetailsOut {
    let room = match found.session.as_ref().map(|session| &session.state.game) {
        Some(Game::Room(room)) => {
            let view = view(room, found);
            Some(RoomOut {
                room_id: found.id.clone(),
                mode: if room.is_quiz() { "quiz" } else { "external" },
                locked: view.locked,
                max_seats: room.settings().max_seats,
                answered: view.seats.iter().filter(|seat| seat.answered).count(),
                events: view.head.0,
                successor: view.successor.map(|successor| successor.room_id),
            })
        }
        _ => None,
    };
    DetailsOut { session: session_out(shared, found), room, server_time: server_time(shared) }
}

/// The room without its questions, which the quiz has.
fn view(room: &Room, found: &FoundSession) -> RoomView {
    room.view(None, None, found.dates.at)
}

fn phase(phase: Option<PhaseName>) -> &'static str {
    match phase {
        None => "open",
        Some(PhaseName::Lobby) => "lobby",
        Some(PhaseName::Question) => "question",
        Some(PhaseName::Reveal) => "reveal",
        Some(PhaseName::Finished) => "finished",
    }
}
