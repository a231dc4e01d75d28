//! The host's moves. Each move names the phase number that the host saw. A stale move, or one that doesn't
//! fit the phase, changes nothing in the game: a host whose tap arrives twice moves one step.

use super::play::{PausedBy, Phase, Play};
use super::room_event::{GameFinished, OfSeat, RoomEvent};
use super::seat::SeatStatus;
use super::{Actor, HostAway, HostMove, Room, RoomReply, Step};
use crate::domain::idempotency::Idempotency;
use crate::domain::ids::{JoinCode, SeatId};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Moment, Timestamp};

impl Room {
    /// Makes a move if the caller may make it. Returns whether it changed anything, now or at an earlier try
    /// of the same request.
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
        // A finished game takes no moves and emits no events for them.
        if self.is_finished() {
            return Ok(false);
        }
        let is_stale = saw != self.phase_number();
        // Before `opener_returns`, which changes the room: a refused command must change nothing.
        if let HostMove::Kick(id) = host_move
            && !is_stale
        {
            self.may_be_kicked(id, asker)?;
        }
        // Even a stale move makes a returning opener the host again.
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

    /// Announces a new join code. The session stores the code, because it is found by it.
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

    /// Makes a move if it fits the phase. Returns whether it changed anything.
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

    /// Marks the host as present, because a backend moves the game in its place. Without this, the game would
    /// pause for an absent host.
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

    /// Ends the game of an external room. The ranking stays empty: if the players are to learn who won, the
    /// backend records that before.
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
        // An opener who kicks becomes the host again by doing so.
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

    /// Makes the opener the host again if it is the caller. Returns whether the host changed.
    pub(super) fn opener_returns(&mut self, asker: Actor, step: &mut Step<'_>) -> bool {
        let Actor::Seat(id) = asker else { return false };
        let returns = self.opener == Some(id) && self.host != Some(id) && !self.is_finished();
        if returns {
            self.host = Some(id);
            self.tell(&RoomEvent::Host(OfSeat { seat_id: id }), step);
        }
        returns
    }

    /// Makes the caller the host, if the host is away and the caller is the oldest present seat. Returns
    /// whether it did.
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
        // A host that never connected works with single requests, and doesn't count as away.
        let is_away = host.is_some_and(|host| host.has_connected() && !host.is_present(away, at));
        // The caller counts as present, because it sends this request.
        let oldest = self.seats.iter().find(|(other, seat)| **other == id || seat.is_present(away, at));
        is_away && self.host != Some(id) && oldest.is_some_and(|(oldest, _)| *oldest == id)
    }
}
