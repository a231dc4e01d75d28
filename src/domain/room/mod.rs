//! A room: several seats, one clock, and an event log from which a returning client gets the events it
//! missed. A room plays a quiz, or it keeps the seats and the log of an external game, whose rules run in the
//! caller's backend.
//!
//! Every command first does what is due (`Room::advance`) and then the action itself (`Room::apply`). Nothing
//! that a client can see depends on a question's answer key before that question's reveal.

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
pub use results::{RoomResults, RoomTally, SeatAnswer, SeatResults};
pub use room_event::{Ranked, Reveal};
pub use seat::{CODE_LIFE, MovedSeat, SeatStatus};
pub use succession::{Played, Successor};
pub use view::{OwnView, PauseView, PhaseName, Presence, QuestionView, RoomView, SeatView};

/// Who starts the next question after a reveal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Advance {
    /// The host, with [`HostMove::Next`].
    #[default]
    Host,
    /// The server, once the reveal has been shown for [`RoomSettings::reveal`].
    Auto,
}

/// What a room does while its host is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HostAway {
    /// A running game pauses until the host is back. A host that never connected is not missed.
    #[default]
    Pause,
    /// The present seat with the lowest number may become the host, with [`HostMove::TakeOver`].
    OldestSeat,
}

/// The settings of a room. They are fixed when it is opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomSettings {
    /// The time limit of a question that has none of its own.
    pub time_limit: Millis,
    /// How long a question is shown before it opens for answers.
    pub ready: Millis,
    /// How long a reveal is shown before the next question. Only used with [`Advance::Auto`].
    pub reveal: Millis,
    /// Who starts the next question after a reveal.
    pub advance: Advance,
    /// Whether players may join a running game.
    pub late_join: bool,
    /// The most seats that are occupied at once, the host's included.
    pub max_seats: u32,
    /// The most seats in the stored record: the occupied ones, and those of players who left after they had
    /// answered.
    pub most_seats_in_record: u32,
    /// How many players may join within a minute; as many may join at once. `u32::MAX` means no limit.
    pub joins_a_minute: u32,
    /// Whether the host's seat answers questions.
    pub host_plays: bool,
    /// What the room does while the host is away.
    pub host_away: HostAway,
    /// How long a seat counts as present after its last sign of life.
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
    /// The default of `joins_a_minute` for a room with this many seats: every player may join twice, and the
    /// limit is at least 120.
    pub fn usual_joins_a_minute(max_seats: u32) -> u32 {
        max_seats.saturating_mul(2).max(120)
    }
}

/// The state of a room, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    settings: RoomSettings,
    /// The seat that opened the room. It is the host unless another seat stands in while it is away. It can't
    /// be given up before the game ends. `None` in an external room.
    opener: Option<SeatId>,
    host: Option<SeatId>,
    locked: bool,
    /// The highest seat number given so far. A number is never reused.
    last_seat: u32,
    /// The occupied seats, and those of players who left after they had answered. Copies of the room share
    /// the seats that don't change.
    seats: BTreeMap<SeatId, Arc<Seat>>,
    departed: Departed,
    joins: JoinBudget,
    log: EventLog,
    /// What the backend has acknowledged. `None` until a backend connects or acknowledges for the first time.
    backend: Option<LogReader>,
    /// The backend's most recent requests that recorded events.
    recorded: RecentKeys,
    moves: RecentMoves,
    /// Whether an external game is over. The end of a quiz is in `play`.
    is_over: bool,
    /// The state of the quiz. `None` in an external room.
    play: Option<Play>,
    /// The answers to each closed question, in the order of the questions.
    closed: Vec<ClosedAnswers>,
    /// The room in which the players continue, once this one is over.
    successor: Option<Successor>,
}

/// The context of one command: its time, the quiz, and the events that it has emitted so far. The quiz is
/// `None` in an external room, or where it was not loaded.
pub(super) struct Step<'a> {
    pub(super) at: Moment,
    pub(super) quiz: Option<&'a Quiz>,
    pub(super) events: Vec<Event>,
}

/// The caller of a command, after its credentials were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Anyone,
    Backend,
    Seat(SeatId),
}

impl Room {
    /// The kind of the event that ends a game.
    pub const FINISHED: &str = "finished";

    /// A room that will play this quiz, with the host in its first seat.
    pub fn with_quiz(settings: RoomSettings, host: PlayerName, token: SecretHash, quiz: &Quiz, now: Timestamp) -> Self {
        let skeleton = SkeletonHash::from(&host);
        let mut seat = Seat::new(Some((host, skeleton)), Some(token), Sequence(0), now);
        seat.plays = settings.host_plays;
        let mut room = Self::empty(settings, Some(Play::new(quiz)));
        room.opener = Some(room.take(seat));
        room.host = room.opener;
        room
    }

    /// A room for an external game, with these seats. No seat has a token yet.
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

    /// The sequence number of the newest event; 0 before the first.
    pub fn head(&self) -> Sequence {
        self.log.head
    }

    /// The highest sequence number that was pruned; 0 if none was. Every event up to it is gone.
    pub fn pruned(&self) -> Sequence {
        self.log.pruned
    }

    /// Marks the events before `oldest` as pruned, because the store has lost them.
    pub fn lose_events_before(&mut self, oldest: Sequence) {
        self.log.pruned = self.log.pruned.max(Sequence(oldest.0.saturating_sub(1)).min(self.log.head));
    }

    /// The host's seat. `None` in an external room.
    pub fn host(&self) -> Option<SeatId> {
        self.host
    }

    /// The seat that opened the room. `None` in an external room.
    pub fn opener(&self) -> Option<SeatId> {
        self.opener
    }

    /// Whether this seat is the host's or the opener's. The opener becomes the host again when it comes back.
    pub fn is_host_or_opener(&self, seat: SeatId) -> bool {
        [self.host, self.opener].contains(&Some(seat))
    }

    /// The settings, which were fixed when the room was opened.
    pub fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// Whether the room plays a quiz. If not, it is an external room.
    pub fn is_quiz(&self) -> bool {
        self.play.is_some()
    }

    /// Whether the game is over.
    pub fn is_finished(&self) -> bool {
        self.is_over || self.play.as_ref().is_some_and(Play::is_finished)
    }

    /// The number of the current phase. It starts at 0 and grows by 1 with every phase. An external room
    /// stays at 0.
    pub fn phase_number(&self) -> u32 {
        self.play.as_ref().map_or(0, |play| play.number)
    }

    /// The generation of the seat's newest connection, and the seat's status for its connections. `None` if
    /// the seat never existed. A seat that is no longer known has the generation `u32::MAX`, so none of its
    /// connections counts.
    pub fn generation(&self, id: SeatId) -> Option<(u32, SeatStatus)> {
        if let Some(seat) = self.seats.get(&id) {
            return Some((seat.generation, seat.standing_of_holder()));
        }
        let departed = self.departed.find(id).map(|departed| (departed.generation, departed.standing));
        departed.or_else(|| self.was_taken(id).then_some((u32::MAX, SeatStatus::Left)))
    }

    /// The seats of `before` whose generation or status has changed since then.
    pub fn moved_seats(&self, before: &Self) -> Vec<MovedSeat> {
        let (mut moved, mut now) = (Vec::new(), self.seats.iter().peekable());
        for (id, was) in &before.seats {
            while now.next_if(|(other, _)| *other < id).is_some() {}
            // Copies of a room share the seats that no command has changed, so equal pointers mean no change.
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

    /// The seat to be changed. It is cloned first if another copy of the room shares it.
    fn seat_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.seats.get_mut(&id).map(Arc::make_mut)
    }

    /// Whether the seat exists or once existed.
    fn was_taken(&self, id: SeatId) -> bool {
        (1..=self.last_seat).contains(&id.0)
    }

    /// The seat that this token belongs to. `generation` is the connection that the caller names, if it names
    /// one.
    ///
    /// # Errors
    /// No seat has the token, its player left or was removed, or the seat has a newer connection.
    pub fn holder(&self, token: &SecretHash, generation: Option<u32>) -> Result<SeatId, Refusal> {
        // Compare with every seat. Stopping at the match would reveal its position through timing.
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

    /// The seat of a live connection, which `generation` identifies.
    ///
    /// # Errors
    /// The player left or was removed, or the seat has a newer connection.
    pub fn connected(&self, id: SeatId, generation: u32) -> Result<SeatId, Refusal> {
        let seat = self.seats.get(&id).ok_or_else(|| self.refusal_of_departed(id))?;
        seat.may_act(Some(generation)).map(|()| id)
    }

    /// Carries out a command. The caller has already done what was due.
    pub(super) fn apply(&mut self, command: RoomCommand, step: &mut Step<'_>) -> Result<RoomReply, Refusal> {
        let asker = self.asker(&command.by)?;
        let reply = self.carry_out(asker, command.ask, step)?;
        // After the action: a refused command is no sign of life.
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

    /// The refusal for a connection whose seat is no longer in the record.
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

    /// Appends an event to the log and to the step's events.
    fn emit(&mut self, draft: EventDraft, step: &mut Step<'_>) {
        let now = step.at.now;
        // Skip readers for whom events wait already: their seats stay shared with other copies of the room.
        for seat in self.seats.values_mut().filter(|seat| !seat.reader.is_waiting()) {
            Arc::make_mut(seat).reader.waits(now);
        }
        self.backend.iter_mut().for_each(|reader| reader.waits(now));
        step.events.push(self.log.append(draft, step.at.wall));
    }

    fn tell(&mut self, happening: &RoomEvent<'_>, step: &mut Step<'_>) {
        self.emit(happening.draft(), step);
    }

    /// Prunes the events that every counting reader has acknowledged, and those beyond the log's limits.
    /// Returns the highest pruned number if it has risen.
    pub(super) fn prune(&mut self, at: Moment) -> Option<Sequence> {
        self.log.prune(self.everyone_has(at).unwrap_or_default())
    }

    /// The sequence number up to which all counting readers have acknowledged. `None` if no reader counts.
    fn everyone_has(&self, at: Moment) -> Option<Sequence> {
        let seats = self.seats.values().filter(|seat| seat.is_here()).map(|seat| &seat.reader);
        let counting = seats.chain(&self.backend).filter(|reader| reader.counts(at));
        counting.map(|reader| reader.acknowledged).min()
    }

    /// Forgets the requests whose retry can't come any more.
    pub(super) fn forget_requests(&mut self, at: Moment) {
        // Only seats with something to forget are cloned; the others stay shared.
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
