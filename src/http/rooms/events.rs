//! The event log over HTTP: resume, pages of events, and long polls.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::Shared;
use super::super::auth::Who;
use super::super::problem::Problem;
use super::super::reply::date;
use super::replies::{PageOut, ResumedOut, snapshot};
use super::requests::{EventsQuery, ResumeRequest};
use super::{Handled, reply, room_id};
use crate::domain::{Event, SeatId, Sequence, SessionId};
use crate::game::rooms::{Credential, Resumed, RoomSnapshot};
use crate::metrics::Delivery;

/// Events of a page if the request has no `limit`.
const USUAL: usize = 100;
/// Maximum `limit` of a page.
const MOST: usize = 500;
/// Maximum duration of a long poll, in milliseconds.
const LONGEST_WAIT_MS: u64 = 25_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence: Sequence,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
}

/// The JSON text of an event, the same over HTTP and the WebSocket.
pub(in crate::http) fn event_text(event: &Event) -> String {
    // The payload was checked when it came in and is stored unchanged, so it is valid JSON.
    let payload = serde_json::from_str(&event.payload).ok();
    let (at, name) = (Some(date(event.at)), Some(event.kind.as_str()));
    text(&EventOut { kind: "event", sequence: event.sequence, at, event: name, payload })
}

/// The JSON text that stands for an event of other seats: only its sequence number.
pub(in crate::http) fn skip_text(sequence: Sequence) -> String {
    text(&EventOut { kind: "skip", sequence, at: None, event: None, payload: None })
}

fn text(event: &EventOut<'_>) -> String {
    serde_json::to_string(event).expect("texts and numbers are always JSON")
}

/// Whether the event is for this seat. A backend (`None`) gets every event.
fn is_for(event: &Event, seat: Option<SeatId>) -> bool {
    seat.zip(event.to.as_ref()).is_none_or(|(seat, to)| to.contains(&seat))
}

fn events_out(events: &[Event], seat: Option<SeatId>) -> Vec<Box<RawValue>> {
    let shown = |event: &Event| {
        let text = if is_for(event, seat) { event_text(event) } else { skip_text(event.sequence) };
        RawValue::from_string(text).expect("it was just made")
    };
    events.iter().map(shown).collect()
}

/// Counts events in a reply to this seat, without those of other seats.
fn note_delivered(shared: &Shared, events: &[Event], seat: Option<SeatId>) {
    let count = events.iter().filter(|event| is_for(event, seat)).count();
    shared.metrics.game.delivered(Delivery::Http, count as u64);
}

/// Opens a connection without a WebSocket, the newest one of the seat, and replies with the first page.
pub(super) async fn resume(shared: &Shared, who: &Credential, id: &SessionId, request: ResumeRequest) -> Handled {
    let known = request.epoch.zip(request.last_sequence);
    let connected = shared.rooms.connect(id, who, known.is_none()).await.map_err(Problem::in_room)?;
    let resumed = shared.rooms.resume(id, &connected, known, USUAL).await.map_err(Problem::in_room)?;
    let Resumed { recovered, position, looked } = resumed;
    let last = looked.events.last().map_or(position, |event| event.sequence);
    note_delivered(shared, &looked.events, connected.seat);
    let page = PageOut {
        epoch: looked.epoch.clone(),
        head: looked.head(),
        recovered,
        snapshot: Some(snapshot(&looked)?),
        events: events_out(&looked.events, connected.seat),
        more: last < looked.head(),
        server_time: date(looked.dates.wall),
    };
    Ok(reply(StatusCode::OK, &ResumedOut { seat_id: connected.seat, generation: connected.generation, page }))
}

/// Replies with a page of events. If there is none yet, the request may wait for one.
pub(in crate::http) async fn page(
    shared: web::Data<Shared>,
    Who(who): Who,
    id: web::Path<String>,
    query: web::Query<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let id = room_id(&id)?;
    let EventsQuery { after, epoch, limit, wait_ms } = query.into_inner();
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::wrong("limit", format!("1 to {MOST}")));
    }
    let wait = wait_ms.unwrap_or(0);
    if wait > LONGEST_WAIT_MS {
        return Err(Problem::wrong("waitMs", format!("at most {LONGEST_WAIT_MS}")));
    }
    let after = Sequence(after);
    let mut looked = shared.rooms.look_after(&id, &who, after, limit).await.map_err(Problem::in_room)?;
    let mut is_known = epoch.is_none_or(|epoch| epoch == looked.epoch);
    if is_known && after == looked.head() && wait > 0 {
        wait_for_more(&shared, &looked, Duration::from_millis(wait)).await?;
        // This checks the credential again. The seat may have been taken over during the wait, and its former
        // holder must not get the new events.
        let now = shared.rooms.look_again(&id, &who, after, limit).await.map_err(Problem::in_room)?;
        is_known = now.epoch == looked.epoch;
        looked = now;
    }
    let (recovered, head) = (is_known && looked.follows(after), looked.head());
    let snapshot = if recovered { None } else { Some(snapshot(&looked)?) };
    let events = if recovered { &looked.events[..] } else { &[] };
    note_delivered(&shared, events, looked.viewer);
    let last = events.last().map_or(after, |event| event.sequence);
    let page = PageOut {
        epoch: looked.epoch.clone(),
        head,
        recovered,
        more: recovered && last < head,
        snapshot,
        events: events_out(events, looked.viewer),
        server_time: date(looked.dates.wall),
    };
    Ok(reply(StatusCode::OK, &page))
}

/// Waits until the log has grown, the room has ended, the caller has lost the seat, the server stops, or `wait` has
/// passed.
async fn wait_for_more(shared: &Shared, looked: &RoomSnapshot, wait: Duration) -> Result<(), Problem> {
    let (generation, head) = (looked.generation(), looked.head());
    let listener = shared.rooms.enter(&looked.session.id, looked.viewer).map_err(Problem::in_room)?;
    if let Some(generation) = generation {
        // Before the check, so that parallel requests count each other.
        listener.asks_again(generation);
        shared.admission.may_connect(listener.others_of(generation))?;
    }
    let grown = async {
        loop {
            let news = listener.update();
            let is_lost = generation.is_some_and(|generation| listener.standing(generation).is_err());
            if news.head > head || news.ended.is_some() || is_lost {
                return;
            }
            listener.changed().await;
        }
    };
    tokio::select! {
        () = grown => {}
        () = tokio::time::sleep(wait) => {}
        () = shared.sockets.stopping().cancelled() => {}
    }
    Ok(())
}
