//! The host's moves. Each names the phase number that the host saw; a stale one, or one that does
//! not fit, moves nothing: so a host whose taps arrive twice takes one step.

use super::play::{PausedBy, Phase, Play};
use super::room_event::{GameFinished, OfSeat, RoomEvent};
use super::seat::SeatStatus;
use super::{Actor, HostAway, HostMove, Room, RoomReply, Step};
use crate::domain::idempotency::Idempotency;
use crate::domain::ids::{JoinCode, SeatId};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Moment, Timestamp};

impl Room {
    /// Makes a move, if its author may; whether it moved anything, now or when it was asked for before.
    pub(super) fn host_move_once(
        &mut self,
        asker: Actor,
        saw: u32,
        host_move: HostMove,
        idempotency: Option<Idempotency>,
        step: &mut Step<'_>,
    ) -> Result<bool, Refusal> {
        self.may_move(asker, host_move)?;
        if self.moves.has_moved(asker, idempotency)? {
            return Ok(true);
        }
        let moved = self.host_move(asker, saw, host_move, step)?;
        Ok(self.moves.settle(asker, idempotency, moved))
    }

    fn host_move(&mut self, asker: Actor, saw: u32, host_move: HostMove, step: &mut Step<'_>) -> Result<bool, Refusal> {
        // A game that is over moves no more, and tells nothing more.
        if self.is_finished() {
            return Ok(false);
        }
        let is_stale = saw != self.phase_number();
        if let HostMove::Kick(id) = host_move
            && !is_stale
        {
            self.may_be_kicked(id, asker)?;
        }
        let is_back = self.opener_returns(asker, step);
        if is_stale {
            return Ok(false);
        }
        if is_back && host_move == HostMove::TakeOver {
            return Ok(true);
        }
        self.make_move(asker, host_move, step)
    }

    fn may_move(&self, asker: Actor, host_move: HostMove) -> Result<(), Refusal> {
        match (asker, host_move) {
            (Actor::Seat(_), HostMove::TakeOver) => Ok(()),
            (asker, _) => self.must_be_host(asker),
        }
    }

    pub(super) fn must_be_host(&self, asker: Actor) -> Result<(), Refusal> {
        match asker {
            Actor::Anyone => Err(Refusal::BadToken),
            Actor::Backend => Ok(()),
            Actor::Seat(id) if self.is_host_or_opener(id) => Ok(()),
            Actor::Seat(_) => Err(Refusal::HostsOnly),
        }
    }

    /// Tells of another join code; the session, which is found by it, keeps it.
    pub(super) fn change_join_code(
        &mut self,
        asker: Actor,
        code: JoinCode,
        step: &mut Step<'_>,
    ) -> Result<RoomReply, Refusal> {
        self.must_be_host(asker)?;
        if self.is_finished() {
            return Err(Refusal::RoomFinished);
        }
        self.tell(&RoomEvent::JoinCode { join_code: &code }, step);
        Ok(RoomReply::JoinCode(code))
    }

    /// Makes a move that fits; whether it did.
    fn make_move(&mut self, asker: Actor, host_move: HostMove, step: &mut Step<'_>) -> Result<bool, Refusal> {
        match host_move {
            HostMove::Lock(locked) => Ok(self.lock(locked, step)),
            HostMove::Kick(id) => self.kick(id, step),
            HostMove::TakeOver => Ok(self.change_host(asker, step)),
            HostMove::Finish if !self.is_quiz() => {
                self.end(step);
                Ok(true)
            }
            HostMove::Start | HostMove::Next | HostMove::Close | HostMove::Pause(_) | HostMove::Finish => {
                let moved = self.move_quiz(host_move, step)?;
                if moved && asker == Actor::Backend {
                    self.stand_in_for_host(step.at.now);
                }
                Ok(moved)
            }
        }
    }

    /// A backend that moves the game is its host as well: a room does not wait for the other one then.
    fn stand_in_for_host(&mut self, now: Timestamp) {
        let host = self.host.filter(|_| self.pauses_without_host());
        if let Some(seat) = host.and_then(|host| self.seat_mut(host)) {
            seat.touch_presence(now);
        }
    }

    fn move_quiz(&mut self, host_move: HostMove, step: &mut Step<'_>) -> Result<bool, Refusal> {
        let play = self.play.as_ref().ok_or(Refusal::WrongMode)?;
        let pause = play.pause.as_ref().map(|pause| pause.by);
        match (host_move, &play.phase) {
            (HostMove::Start, Phase::Lobby) => self.next(step),
            (HostMove::Next, Phase::Reveal { .. }) => {
                self.end_pause(step);
                self.next(step);
            }
            (HostMove::Close, Phase::Question(round)) if round.opens <= step.at.now || pause.is_some() => {
                self.end_pause(step);
                self.close(step);
            }
            (HostMove::Pause(true), _) if pause != Some(PausedBy::Host) && play.is_running() => {
                self.pause(PausedBy::Host, step);
            }
            (HostMove::Pause(false), _) if pause.is_some() => self.go_on(step),
            (HostMove::Finish, _) if !play.is_finished() => {
                self.end_pause(step);
                self.finish(step);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Ends the game of an external room. Who has won is the backend's to tell, before that.
    fn end(&mut self, step: &mut Step<'_>) {
        self.is_over = true;
        let finished = GameFinished { phase_number: self.phase_number(), ranking: Vec::new() };
        self.tell(&RoomEvent::Finished(finished), step);
    }

    fn end_pause(&mut self, step: &mut Step<'_>) {
        if self.play.as_ref().is_some_and(|play: &Play| play.pause.is_some()) {
            self.go_on(step);
        }
    }

    fn lock(&mut self, locked: bool, step: &mut Step<'_>) -> bool {
        let changes = self.locked != locked;
        if changes {
            self.locked = locked;
            self.tell(&RoomEvent::Locked { locked }, step);
        }
        changes
    }

    fn may_be_kicked(&self, id: SeatId, asker: Actor) -> Result<(), Refusal> {
        // An opener who kicks is the host by that.
        let is_opener = matches!(asker, Actor::Seat(asks) if self.opener == Some(asks));
        let host = if is_opener { self.opener } else { self.host };
        match self.was_taken(id) {
            false => Err(Refusal::UnknownSeat),
            true if [host, self.opener].contains(&Some(id)) => Err(Refusal::HostMayNotLeave),
            true => Ok(()),
        }
    }

    fn kick(&mut self, id: SeatId, step: &mut Step<'_>) -> Result<bool, Refusal> {
        if !self.seats.get(&id).is_some_and(|seat| seat.is_here()) {
            return Ok(false);
        }
        self.vacate(id, SeatStatus::Kicked, step).map(|_| true)
    }

    /// Makes the opener the host again, if it is the one who asks; whether it was not.
    pub(super) fn opener_returns(&mut self, asker: Actor, step: &mut Step<'_>) -> bool {
        let Actor::Seat(id) = asker else { return false };
        let returns = self.opener == Some(id) && self.host != Some(id) && !self.is_finished();
        if returns {
            self.host = Some(id);
            self.tell(&RoomEvent::Host(OfSeat { seat_id: id }), step);
        }
        returns
    }

    /// The oldest seat that is present takes the place of a host who is away.
    fn change_host(&mut self, asker: Actor, step: &mut Step<'_>) -> bool {
        let Actor::Seat(id) = asker else { return false };
        let may = self.settings.host_away == HostAway::OldestSeat && self.is_heir(id, step.at);
        if may {
            self.host = Some(id);
            self.tell(&RoomEvent::Host(OfSeat { seat_id: id }), step);
        }
        may
    }

    fn is_heir(&self, id: SeatId, at: Moment) -> bool {
        let away = self.settings.away;
        let host = self.host.and_then(|host| self.seats.get(&host));
        // One who never connected moves the room by single requests, and is not away.
        let is_away = host.is_some_and(|host| host.has_connected() && !host.is_present(away, at));
        // Who asks is present by that.
        let oldest = self.seats.iter().find(|(other, seat)| **other == id || seat.is_present(away, at));
        is_away && self.host != Some(id) && oldest.is_some_and(|(oldest, _)| *oldest == id)
    }
}
