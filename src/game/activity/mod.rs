//! What happens on this instance: counts since its start, and the log's lines on rooms.
//!
//! The log has no line for a solo game, of which there are tens of thousands an hour, and a bounded number of
//! lines on rooms, since a stranger may open many.

mod line_budget;

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::domain::{Applied, GameSession, Moment, Reply, Room, RoomReply, SessionId};
use crate::store::{Store, Swept};
use line_budget::LineBudget;

/// Why a room has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoomEnding {
    /// All its questions were asked.
    Finished,
    /// The host, or the backend of an external room, ended the game.
    EndedByHost,
    /// The opener or a backend deleted the room before its game was over.
    Deleted,
}

impl RoomEnding {
    /// The word for the log.
    fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::EndedByHost => "ended by the host",
            Self::Deleted => "deleted",
        }
    }
}

/// Counts of what happened since the start of this instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActivityCounts {
    /// Solo games that began.
    pub games_begun: u64,
    /// Rooms that were opened.
    pub rooms_opened: u64,
    /// Rooms whose game ended, or that were deleted or expired before.
    pub rooms_ended: u64,
    /// Games and rooms that were deleted because their life was over, results included.
    pub expired: u64,
}

/// The counters of one instance, and the bounds of its lines on rooms.
#[derive(Debug, Default)]
pub struct Activity {
    games_begun: AtomicU64,
    rooms_opened: AtomicU64,
    rooms_ended: AtomicU64,
    expired: AtomicU64,
    /// Rooms that expired before their game was over, since the last line on them.
    expired_rooms: AtomicU64,
    opened_lines: LineBudget,
    ended_lines: LineBudget,
}

impl Activity {
    /// The counts at this moment.
    pub fn counts(&self) -> ActivityCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ActivityCounts {
            games_begun: of(&self.games_begun),
            rooms_opened: of(&self.rooms_opened),
            rooms_ended: of(&self.rooms_ended),
            expired: of(&self.expired),
        }
    }

    /// A solo game has begun.
    pub(super) fn game_begun(&self) {
        self.games_begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A room was opened.
    pub(super) fn room_opened(&self, session: &GameSession) {
        self.rooms_opened.fetch_add(1, Ordering::Relaxed);
        let Some(room) = session.state.game.room() else { return };
        if tracing::enabled!(tracing::Level::INFO) && self.opened_lines.takes(Instant::now()) {
            let quiz = session.quiz.as_deref();
            tracing::info!(
                room = session.id.short_hash(),
                quiz = quiz.map(|quiz| quiz.id.as_str()),
                questions = quiz.map(|quiz| quiz.questions.len()),
                max_seats = room.settings().max_seats,
                host = if session.state.owner.is_some() { "with an API key" } else { "without an API key" },
                "a room was opened"
            );
        }
    }

    /// A command was committed in a room. If it ended the game, counts that, and reads the room for its line.
    pub(super) async fn room_changed(&self, store: &Store, id: &SessionId, applied: &Applied, at: Moment) {
        if !has_finished(applied) {
            return;
        }
        self.rooms_ended.fetch_add(1, Ordering::Relaxed);
        if !tracing::enabled!(tracing::Level::INFO) || !self.ended_lines.takes(Instant::now()) {
            return;
        }
        // The room may be gone by now, or the store out of reach. The end is counted, and the line left out.
        if let Ok(Some(session)) = store.get(id, at).await
            && let Some(room) = session.state.game.room()
        {
            let planned = session.quiz.as_deref().map(|quiz| quiz.questions.len());
            let is_whole = planned.is_some_and(|planned| room.tally().asked as usize == planned);
            tell_end(&session, room, if is_whole { RoomEnding::Finished } else { RoomEnding::EndedByHost }, at);
        }
    }

    /// A room was deleted, which was read just before. That is an end only if its game was not over.
    pub(super) fn room_deleted(&self, session: &GameSession, at: Moment) {
        let Some(room) = session.state.game.room().filter(|room| !room.is_finished()) else { return };
        self.rooms_ended.fetch_add(1, Ordering::Relaxed);
        if tracing::enabled!(tracing::Level::INFO) && self.ended_lines.takes(Instant::now()) {
            tell_end(session, room, RoomEnding::Deleted, at);
        }
    }

    /// Sessions were deleted because their life was over.
    pub(super) fn swept(&self, swept: &Swept) {
        let rooms = swept.unfinished_rooms as u64;
        self.expired.fetch_add(swept.deleted as u64, Ordering::Relaxed);
        self.rooms_ended.fetch_add(rooms, Ordering::Relaxed);
        self.expired_rooms.fetch_add(rooms, Ordering::Relaxed);
    }

    /// Logs what has no line of its own since the last call: rooms beyond the bound, and rooms that expired.
    /// To be called once a minute.
    pub fn tell_rest(&self) {
        let (opened, ended) = (self.opened_lines.take_rest(), self.ended_lines.take_rest());
        if opened > 0 {
            tracing::info!(rooms = opened, "more rooms were opened than are named here");
        }
        if ended > 0 {
            tracing::info!(rooms = ended, "more rooms have ended than are named here");
        }
        let expired = self.expired_rooms.swap(0, Ordering::Relaxed);
        if expired > 0 {
            tracing::info!(rooms = expired, "rooms have expired before their game was over");
        }
    }
}

/// Whether this command ended the game of a room. A backend's own events, which may have any kind, never do.
fn has_finished(applied: &Applied) -> bool {
    !matches!(applied.result, Ok(Reply::Room(RoomReply::Recorded(_))))
        && applied.events.iter().any(|event| event.kind == Room::FINISHED)
}

fn tell_end(session: &GameSession, room: &Room, why: RoomEnding, at: Moment) {
    let tally = room.tally();
    tracing::info!(
        room = session.id.short_hash(),
        why = why.word(),
        seats = tally.seats,
        asked = tally.asked,
        answers = tally.answers,
        seconds = at.now.since(session.state.life.created()).0 / 1_000,
        "a room has ended"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_expires_before_its_end_has_ended() {
        let activity = Activity::default();
        activity.swept(&Swept { deleted: 5, unfinished_rooms: 2, handled: 9, more: false });
        activity.swept(&Swept { deleted: 1, unfinished_rooms: 1, handled: 1, more: true });
        let counts = ActivityCounts { expired: 6, rooms_ended: 3, ..ActivityCounts::default() };
        assert_eq!(activity.counts(), counts);
        assert_eq!(activity.expired_rooms.load(Ordering::Relaxed), 3);
        activity.tell_rest();
        assert_eq!(activity.expired_rooms.load(Ordering::Relaxed), 0, "they are told once");
    }
}
