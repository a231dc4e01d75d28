//! A room: several seats, one clock, and a log of what happened, so that whoever returns gets what
//! was missed. It plays a quiz, or keeps seats and log for a game whose rules lie elsewhere.
//!
//! Everything goes through `Room::apply`: what is due happens first, then what is asked. Nothing
//! that a client can see depends on a question's key before its reveal.

mod budget;
mod closed;
mod commands;
mod departed;
mod external;
mod host;
mod log;
mod play;
mod quiz;
mod recent_keys;
mod redaction;
mod results;
mod room_event;
mod seat;
mod seats;
mod succession;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::events::{Event, EventDraft, Sequence};
use super::ids::SeatId;
use super::name::{PlayerName, SkeletonHash};
use super::quiz::Quiz;
use super::refusal::Refusal;
use super::secret::SecretHash;
use super::time::{Millis, Moment, Timestamp};
use budget::JoinBudget;
use closed::ClosedAnswers;
use departed::Departed;
use log::{EventLog, LogReader};
use play::Play;
use recent_keys::{RecentKeys, RecentMoves};
use room_event::RoomEvent;
use seat::Seat;

pub use commands::{Caller, HostMove, PresenceReport, RoomAction, RoomCommand, RoomReply};
pub use log::{MOST_AT_ONCE, MOST_EVENT_BYTES, MOST_KEPT, MOST_KEPT_BYTES, SILENT_AFTER};
pub use play::{LATE_GRACE, PausedBy};
pub use recent_keys::{KNOWN_FOR, MOST_KNOWN};
pub use redaction::{joined_seat, removed_seat, take_name};
pub use results::{RoomResults, SeatAnswer, SeatResults};
pub use room_event::{Ranked, Reveal};
pub use seat::{CODE_LIFE, MovedSeat, SeatStatus};
pub use succession::{Played, Successor};
pub use view::{OwnView, PauseView, PhaseName, Presence, QuestionView, RoomView, SeatView};

/// Who moves the game on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Advance {
    /// The host.
    #[default]
    Host,
    /// The clock.
    Auto,
}

/// What happens while the host is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HostAway {
    /// The room stands still.
    #[default]
    Pause,
    /// The oldest present seat may take over.
    OldestSeat,
}

/// What is agreed when a room is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// How long a question is open that has no limit of its own.
    pub time_limit: Millis,
    /// How long before that it is shown.
    pub ready: Millis,
    /// How long a reveal stands where the clock moves the game on.
    pub reveal: Millis,
    /// Who moves the game on.
    pub advance: Advance,
    /// Whether a running game can be joined.
    pub late_join: bool,
    /// Most seats.
    pub max_seats: u32,
    /// Most seats that the record holds, those that were left with answers among them.
    pub most_seats_in_record: u32,
    /// How many may join in a minute, and at once; `u32::MAX` is no limit.
    pub joins_a_minute: u32,
    /// Whether the host answers questions.
    pub host_plays: bool,
    /// What happens while the host is away.
    pub host_away: HostAway,
    /// After how long without a word a seat is away.
    pub away: Millis,
}

impl Default for RoomSettings {
    fn default() -> Self {
        Self {
            time_limit: Millis::seconds(20),
            ready: Millis::seconds(3),
            reveal: Millis::seconds(5),
            advance: Advance::Host,
            late_join: true,
            max_seats: 200,
            most_seats_in_record: 1_000,
            joins_a_minute: Self::usual_joins_a_minute(200),
            host_plays: false,
            host_away: HostAway::Pause,
            away: Millis::seconds(15),
        }
    }
}

impl RoomSettings {
    /// How many may join a room of so many seats in a minute: everybody, and everybody once more.
    pub fn usual_joins_a_minute(max_seats: u32) -> u32 {
        max_seats.saturating_mul(2).max(120)
    }
}

/// The state of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    settings: RoomSettings,
    /// Who opened the room: its host, unless somebody stands in while it is away. Keeps its seat as
    /// long as the game goes on.
    opener: Option<SeatId>,
    host: Option<SeatId>,
    locked: bool,
    /// Numbers of seats are never used again.
    last_seat: u32,
    /// Who is here, and who left with answers. A copy of the room shares those that don't change.
    seats: BTreeMap<SeatId, Arc<Seat>>,
    departed: Departed,
    joins: JoinBudget,
    log: EventLog,
    /// What the backend has acknowledged, once one has come.
    backend: Option<LogReader>,
    recorded: RecentKeys,
    moves: RecentMoves,
    /// Whether an external room's game is over.
    is_over: bool,
    play: Option<Play>,
    /// What was answered to each question that has closed, in their order.
    closed: Vec<ClosedAnswers>,
    /// Where its players go on, once it is over.
    successor: Option<Successor>,
}

/// One command's way through the room: when it is, and what is told of it.
pub(super) struct Step<'a> {
    pub(super) at: Moment,
    pub(super) quiz: Option<&'a Quiz>,
    pub(super) events: Vec<Event>,
}

/// Somebody whose right to ask was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Anyone,
    Backend,
    Seat(SeatId),
}

impl Room {
    /// A room that is to play this quiz, and its host's seat.
    pub fn with_quiz(settings: RoomSettings, host: PlayerName, token: SecretHash, quiz: &Quiz, now: Timestamp) -> Self {
        let skeleton = SkeletonHash::from(&host);
        let mut seat = Seat::new(Some((host, skeleton)), Some(token), Sequence(0), now);
        seat.plays = settings.host_plays;
        let mut room = Self::empty(settings, Some(Play::new(quiz)));
        room.opener = Some(room.take(seat));
        room.host = room.opener;
        room
    }

    /// A room for a game whose rules lie elsewhere, with these seats, for which nobody has a token
    /// yet.
    pub fn external(settings: RoomSettings, seats: impl IntoIterator<Item = SeatId>, now: Timestamp) -> Self {
        let mut room = Self::empty(settings, None);
        room.seats = seats.into_iter().map(|id| (id, Arc::new(Seat::new(None, None, Sequence(0), now)))).collect();
        room.last_seat = room.seats.keys().last().map_or(0, |last| last.0);
        room
    }

    fn empty(settings: RoomSettings, play: Option<Play>) -> Self {
        Self {
            settings,
            opener: None,
            host: None,
            locked: false,
            last_seat: 0,
            seats: BTreeMap::new(),
            departed: Departed::default(),
            joins: JoinBudget::default(),
            log: EventLog::default(),
            backend: None,
            recorded: RecentKeys::default(),
            moves: RecentMoves::default(),
            is_over: false,
            play,
            closed: Vec::new(),
            successor: None,
        }
    }

    /// The newest event's number; 0 before the first.
    pub fn head(&self) -> Sequence {
        self.log.head
    }

    /// The number up to which events are forgotten.
    pub fn pruned(&self) -> Sequence {
        self.log.pruned
    }

    /// The events before `oldest` are lost to the store, and so are forgotten.
    pub fn lose_events_before(&mut self, oldest: Sequence) {
        self.log.pruned = self.log.pruned.max(Sequence(oldest.0.saturating_sub(1)).min(self.log.head));
    }

    /// The host's seat; an external room has none.
    pub fn host(&self) -> Option<SeatId> {
        self.host
    }

    /// The seat of who opened the room; an external room has none.
    pub fn opener(&self) -> Option<SeatId> {
        self.opener
    }

    /// Whether this seat is the host's, or the opener's, who is host again by coming back.
    pub fn is_host_or_opener(&self, seat: SeatId) -> bool {
        [self.host, self.opener].contains(&Some(seat))
    }

    /// What was agreed when it was opened.
    pub fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// Whether it plays a quiz.
    pub fn is_quiz(&self) -> bool {
        self.play.is_some()
    }

    /// Whether the game is over.
    pub fn is_finished(&self) -> bool {
        self.is_over || self.play.as_ref().is_some_and(Play::is_finished)
    }

    /// Which phase it is, from 0.
    pub fn phase_number(&self) -> u32 {
        self.play.as_ref().map_or(0, |play| play.number)
    }

    /// The generation of a seat's newest connection, and how the seat stands to its connections. Of a
    /// seat that is forgotten no connection counts.
    pub fn generation(&self, id: SeatId) -> Option<(u32, SeatStatus)> {
        if let Some(seat) = self.seats.get(&id) {
            return Some((seat.generation, seat.standing_of_holder()));
        }
        let departed = self.departed.find(id).map(|departed| (departed.generation, departed.standing));
        departed.or_else(|| self.was_taken(id).then_some((u32::MAX, SeatStatus::Left)))
    }

    /// The seats that have changed hands since `before`: one that nobody has touched is the same in both.
    pub fn moved_seats(&self, before: &Self) -> Vec<MovedSeat> {
        let (mut moved, mut now) = (Vec::new(), self.seats.iter().peekable());
        for (id, was) in &before.seats {
            while now.next_if(|(other, _)| *other < id).is_some() {}
            if now.peek().is_some_and(|(other, seat)| *other == id && Arc::ptr_eq(seat, was)) {
                continue;
            }
            if let Some((generation, standing)) = self.generation(*id)
                && (generation, standing) != (was.generation, was.standing_of_holder())
            {
                moved.push(MovedSeat { seat: *id, generation, standing });
            }
        }
        moved
    }

    /// A seat that is to change.
    fn seat_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.seats.get_mut(&id).map(Arc::make_mut)
    }

    /// Whether the seat exists, or existed.
    fn was_taken(&self, id: SeatId) -> bool {
        (1..=self.last_seat).contains(&id.0)
    }

    /// The seat whose token this is.
    ///
    /// # Errors
    /// It is no seat's, its player was sent away, or a newer connection has come.
    pub fn holder(&self, token: &SecretHash, generation: Option<u32>) -> Result<SeatId, Refusal> {
        // All are compared, wherever the right one stands.
        let mut found = None;
        for (id, seat) in &self.seats {
            if seat.has_token(token) {
                found = Some((id, seat));
            }
        }
        match (found, self.departed.holder(token)) {
            (Some((id, seat)), _) => seat.may_act(generation).map(|()| *id),
            (None, Some(departed)) => Err(departed.standing.refusal()),
            (None, None) => Err(Refusal::BadToken),
        }
    }

    /// The seat of a live connection.
    ///
    /// # Errors
    /// The seat is given up, or a newer connection has come.
    pub fn connected(&self, id: SeatId, generation: u32) -> Result<SeatId, Refusal> {
        let seat = self.seats.get(&id).ok_or_else(|| self.refusal_of_departed(id))?;
        seat.may_act(Some(generation)).map(|()| id)
    }

    /// Carries out what is asked; what is due was done before.
    pub(super) fn apply(&mut self, command: RoomCommand, step: &mut Step<'_>) -> Result<RoomReply, Refusal> {
        let asker = self.asker(&command.by)?;
        let reply = self.carry_out(asker, command.ask, step)?;
        if let Actor::Seat(id) = asker
            && let Some(seat) = self.seat_mut(id)
        {
            seat.seen(step.at.now);
        }
        Ok(reply)
    }

    fn asker(&self, by: &Caller) -> Result<Actor, Refusal> {
        match by {
            Caller::Anyone => Ok(Actor::Anyone),
            Caller::Backend => Ok(Actor::Backend),
            Caller::Token(token, generation) => self.holder(token, *generation).map(Actor::Seat),
            Caller::Connection { seat, generation } => self.connected(*seat, *generation).map(Actor::Seat),
        }
    }

    /// What a connection of a seat is told that the record doesn't hold.
    fn refusal_of_departed(&self, id: SeatId) -> Refusal {
        match self.departed.find(id) {
            Some(departed) => departed.standing.refusal(),
            None if self.was_taken(id) => Refusal::BadToken,
            None => Refusal::UnknownSeat,
        }
    }

    fn carry_out(&mut self, asker: Actor, ask: RoomAction, step: &mut Step<'_>) -> Result<RoomReply, Refusal> {
        match (ask, asker) {
            (RoomAction::Advance, _) => Ok(RoomReply::Done),
            (RoomAction::Join { name, token, idempotency }, _) => self.join(name, token, idempotency, step),
            (RoomAction::TakeSeat { code, token, idempotency }, _) => {
                self.take_over(&code, token, idempotency, step.at.now)
            }
            (RoomAction::ReportPresence(seen), Actor::Backend) => self.note_seen(&seen, step.at.now),
            (RoomAction::SeatUser { user, name, token }, Actor::Backend) => self.seat_user(user, name, token, step),
            (RoomAction::RenewHost { token }, Actor::Backend) => self.renew_host(token),
            (RoomAction::Revoke(seat), Actor::Backend) => self.revoke(seat, step),
            (RoomAction::Record { events, expected, idempotency }, Actor::Backend) => {
                self.record(events, expected, idempotency, step)
            }
            (RoomAction::Acknowledge(sequence), Actor::Backend) => self.backend_has(sequence, step.at.now),
            (RoomAction::Resume, Actor::Backend) => self.resume_backend(),
            (RoomAction::ResumeFresh, Actor::Backend) => {
                self.recorded.forget_frame_ids();
                self.resume_backend()
            }
            (RoomAction::Heartbeat, Actor::Backend | Actor::Seat(_)) => Ok(RoomReply::Done),
            (RoomAction::Resume, Actor::Seat(id)) => self.resume(id, step),
            (RoomAction::ResumeFresh, Actor::Seat(id)) => {
                if let Some(seat) = self.seat_mut(id) {
                    seat.said.forget_frame_ids();
                }
                self.resume(id, step)
            }
            (RoomAction::Acknowledge(sequence), Actor::Seat(id)) => self.seat_has(id, sequence, step.at.now),
            (RoomAction::Answer { question, answer }, Actor::Seat(id)) => self.answer(id, &question, answer, step),
            (RoomAction::Leave, Actor::Seat(id)) => self.leave(id, step),
            (RoomAction::Say { payload, idempotency }, Actor::Seat(id)) => self.say(id, payload, idempotency, step),
            (RoomAction::HandOutCode { seat, code }, asker) => self.hand_out_code(asker, seat, code, step.at.now),
            (RoomAction::ChangeJoinCode(code), asker) => self.change_join_code(asker, code, step),
            (RoomAction::LeadTo { successor, instead_of }, asker) => {
                self.lead_to(asker, successor, instead_of.as_ref(), step)
            }
            (RoomAction::Host(saw, host_move, idempotency), asker) => {
                self.host_move_once(asker, saw, host_move, idempotency, step).map(RoomReply::Moved)
            }
            (RoomAction::Answer { .. } | RoomAction::Leave | RoomAction::Say { .. }, _) => Err(Refusal::BadToken),
            (
                RoomAction::Resume | RoomAction::ResumeFresh | RoomAction::Acknowledge(_) | RoomAction::Heartbeat,
                Actor::Anyone,
            ) => Err(Refusal::BadToken),
            (RoomAction::SeatUser { .. } | RoomAction::RenewHost { .. } | RoomAction::Revoke(_), _) => {
                Err(Refusal::BackendsOnly)
            }
            (RoomAction::Record { .. } | RoomAction::ReportPresence(_), _) => Err(Refusal::BackendsOnly),
        }
    }

    /// Puts an event into the log.
    fn emit(&mut self, draft: EventDraft, step: &mut Step<'_>) {
        let now = step.at.now;
        // Who waits already is left as it is, and stays shared.
        for seat in self.seats.values_mut().filter(|seat| !seat.reader.is_waiting()) {
            Arc::make_mut(seat).reader.waits(now);
        }
        self.backend.iter_mut().for_each(|reader| reader.waits(now));
        step.events.push(self.log.append(draft, step.at.wall));
    }

    fn tell(&mut self, happening: &RoomEvent<'_>, step: &mut Step<'_>) {
        self.emit(happening.draft(), step);
    }

    /// Forgets events that nobody who counts waits for. Gives the number up to which that newly is.
    pub(super) fn prune(&mut self, at: Moment) -> Option<Sequence> {
        self.log.prune(self.everyone_has(at).unwrap_or_default())
    }

    /// What all readers that count have acknowledged; nothing if none counts.
    fn everyone_has(&self, at: Moment) -> Option<Sequence> {
        let seats = self.seats.values().filter(|seat| seat.is_here()).map(|seat| &seat.reader);
        let counting = seats.chain(&self.backend).filter(|reader| reader.counts(at));
        counting.map(|reader| reader.acknowledged).min()
    }

    /// Forgets requests whose repeat can't come any more.
    pub(super) fn forget_requests(&mut self, at: Moment) {
        let is_over = |seat: &&mut Arc<Seat>| seat.said.is_over(seat.reader.acknowledged, at);
        for seat in self.seats.values_mut().filter(is_over) {
            let acknowledged = seat.reader.acknowledged;
            Arc::make_mut(seat).said.forget(acknowledged, at);
        }
        if let Some(backend) = &self.backend {
            self.recorded.forget(backend.acknowledged, at);
        }
    }

    fn seat_has(&mut self, id: SeatId, sequence: Sequence, now: Timestamp) -> Result<RoomReply, Refusal> {
        let head = self.log.head;
        let seat = self.seat_mut(id).ok_or(Refusal::UnknownSeat)?;
        seat.reader.acknowledge(sequence, head, now).map(RoomReply::Acknowledged)
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.seats.values_mut().for_each(|seat| Arc::make_mut(seat).shift(by));
        self.joins.shift(by);
        self.backend.iter_mut().for_each(|reader| reader.shift(by));
        self.recorded.shift(by);
        self.play.iter_mut().for_each(|play| play.shift(by));
    }
}

#[cfg(test)]
mod tests;
