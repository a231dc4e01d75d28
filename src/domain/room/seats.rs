//! Taking a seat, returning to it, and giving it up.

use std::sync::Arc;

use super::log::LogReader;
use super::room_event::{Joined, OfSeat, RoomEvent};
use super::seat::{Seat, SeatStatus};
use super::{Actor, PresenceReport, Room, RoomReply, Step};
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::ids::{SeatId, UserId};
use crate::domain::name::{PlayerName, SkeletonHash};
use crate::domain::refusal::Refusal;
use crate::domain::secret::SecretHash;
use crate::domain::time::Timestamp;

type SeatResult = Result<RoomReply, Refusal>;

impl Room {
    /// Puts a seat into the room under the next number, and returns the number.
    pub(super) fn take(&mut self, seat: Seat) -> SeatId {
        self.last_seat += 1;
        let id = SeatId(self.last_seat);
        self.seats.insert(id, Arc::new(seat));
        id
    }

    /// Seats a player who knows the room's join code.
    pub(super) fn join(
        &mut self,
        name: PlayerName,
        token: SecretHash,
        idempotency: Option<IdempotencyKey>,
        step: &mut Step<'_>,
    ) -> SeatResult {
        // First: the retry of a join gets its seat even if the room has closed or filled up since.
        if let Some(id) = self.seated_before(idempotency)? {
            return self.renew(id, token);
        }
        if self.is_finished() {
            return Err(Refusal::RoomFinished);
        }
        let is_running = self.play.as_ref().is_some_and(super::Play::is_running);
        if self.locked || (is_running && !self.settings.late_join) {
            return Err(Refusal::RoomLocked);
        }
        self.has_free_seat()?;
        let joins = self.joins.after_join(self.settings.joins_a_minute, step.at.now)?;
        // The name is checked last, because that costs most. A join that is refused spends nothing of the
        // budget.
        let skeleton = self.free_skeleton(&name)?;
        self.joins = joins;
        Ok(self.seat((name, skeleton), None, token, idempotency, step))
    }

    /// Seats a user of the backend. A user who has a seat already gets another token for it.
    pub(super) fn seat_user(
        &mut self,
        user: Option<UserId>,
        name: PlayerName,
        token: SecretHash,
        step: &mut Step<'_>,
    ) -> SeatResult {
        if self.is_quiz() {
            return Err(Refusal::WrongMode);
        }
        let has_user = |(_, seat): &(&SeatId, &mut Arc<Seat>)| seat.is_here() && user.is_some() && seat.user == user;
        if let Some((id, seat)) = self.seats.iter_mut().find(has_user) {
            Arc::make_mut(seat).hand_over(token, None);
            return Ok(RoomReply::Seated(*id));
        }
        if self.is_over {
            return Err(Refusal::RoomFinished);
        }
        self.has_free_seat()?;
        let skeleton = self.free_skeleton(&name)?;
        Ok(self.seat((name, skeleton), user, token, None, step))
    }

    fn seat(
        &mut self,
        (name, skeleton): (PlayerName, SkeletonHash),
        user: Option<UserId>,
        token: SecretHash,
        join: Option<IdempotencyKey>,
        step: &mut Step<'_>,
    ) -> RoomReply {
        let plays_from = self.play.as_ref().map_or(0, super::Play::next_index);
        let mut seat = Seat::new(Some((name.clone(), skeleton)), Some(token), self.head(), step.at.now);
        (seat.user, seat.join, seat.plays_from) = (user, join, plays_from);
        let id = self.take(seat);
        self.tell(&RoomEvent::Joined(Joined { seat_id: id, name: Some(&name) }), step);
        // The player starts with a snapshot that covers everything up to here, the `joined` event included.
        let head = self.head();
        if let Some(seat) = self.seat_mut(id) {
            seat.reader = LogReader::from(head);
        }
        RoomReply::Seated(id)
    }

    /// The seat that an earlier try of the same request took.
    fn seated_before(&self, idempotency: Option<IdempotencyKey>) -> Result<Option<SeatId>, Refusal> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let same_key = |seat: &Seat| seat.is_here() && seat.join.is_some_and(|join| join.key == idempotency.key);
        match self.seats.iter().find(|(_, seat)| same_key(seat)) {
            Some((_, seat)) if seat.join != Some(idempotency) => Err(Refusal::KeyReused),
            found => Ok(found.map(|(id, _)| *id)),
        }
    }

    /// Answers the retry of a request whose reply with the token was lost: the retry's token replaces the
    /// first one. A token that has been used has arrived, and stays.
    fn renew(&mut self, id: SeatId, token: SecretHash) -> SeatResult {
        let seat = self.seat_mut(id).ok_or(Refusal::UnknownSeat)?;
        if seat.is_claimed {
            return Err(Refusal::AlreadyConnected);
        }
        seat.renew(token);
        Ok(RoomReply::Seated(id))
    }

    /// The hash of the name's skeleton. Refused if a player in the room has the same one.
    fn free_skeleton(&self, name: &PlayerName) -> Result<SkeletonHash, Refusal> {
        let skeleton = SkeletonHash::from(name);
        let is_taken = self.seats.values().any(|seat| seat.is_here() && seat.skeleton == Some(skeleton));
        if is_taken { Err(Refusal::NameTaken) } else { Ok(skeleton) }
    }

    fn has_free_seat(&self) -> Result<(), Refusal> {
        let here = self.seats.values().filter(|seat| seat.is_here()).count();
        let is_free = here < self.settings.max_seats as usize;
        // Players who left after they had answered keep their answers, and so their place in the record.
        if is_free && self.seats.len() < self.settings.most_seats_in_record as usize {
            Ok(())
        } else {
            Err(Refusal::RoomFull)
        }
    }

    /// Hands a seat over to the caller who brings its seat code.
    pub(super) fn take_over(
        &mut self,
        code: &SecretHash,
        token: SecretHash,
        idempotency: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> SeatResult {
        if let Some(id) = self.seated_before(idempotency)? {
            return self.renew(id, token);
        }
        let found = self.seats.iter_mut().find(|(_, seat)| seat.is_code(code, now));
        let (id, seat) = found.ok_or(Refusal::SeatCodeUnknown)?;
        Arc::make_mut(seat).hand_over(token, idempotency);
        Ok(RoomReply::Seated(*id))
    }

    /// Gives the opener's seat another token; the previous one ends. A seat that stands in as the host keeps
    /// its own token.
    pub(super) fn renew_host(&mut self, token: SecretHash) -> SeatResult {
        let opener = self.opener.ok_or(Refusal::WrongMode)?;
        let seat = self.seat_mut(opener).ok_or(Refusal::UnknownSeat)?;
        seat.hand_over(token, None);
        Ok(RoomReply::Seated(opener))
    }

    /// Stores the code with which another device takes over a seat.
    pub(super) fn hand_out_code(&mut self, asker: Actor, id: SeatId, code: SecretHash, now: Timestamp) -> SeatResult {
        let may = match asker {
            Actor::Anyone => return Err(Refusal::BadToken),
            Actor::Backend => true,
            // A stand-in host can't take over the opener's seat.
            Actor::Seat(own) => own == id || (Some(own) == self.host && Some(id) != self.opener),
        };
        let seat = self.seat_mut(id).filter(|seat| seat.is_here());
        match seat {
            _ if !may => Err(Refusal::HostsOnly),
            None => Err(Refusal::UnknownSeat),
            Some(seat) => Ok(RoomReply::CodeUntil(seat.set_code(code, now))),
        }
    }

    /// Makes the caller's connection the newest of its seat. It supersedes the older ones, except at the
    /// host's seat, which may have several connections.
    pub(super) fn resume(&mut self, id: SeatId, step: &mut Step<'_>) -> SeatResult {
        // Before the host is looked up: a returning opener becomes the host again.
        self.opener_returns(Actor::Seat(id), step);
        let is_host = self.host == Some(id);
        let seat = self.seat_mut(id).ok_or(Refusal::UnknownSeat)?;
        if !is_host {
            seat.generation += 1;
        }
        seat.connect();
        Ok(RoomReply::Resumed { seat: Some(id), generation: seat.generation })
    }

    /// Notes what an instance reports about its connections. Reports about superseded connections are
    /// ignored: the end of an old connection must not mark the seat as disconnected.
    pub(super) fn note_seen(&mut self, seen: &[PresenceReport], now: Timestamp) -> SeatResult {
        let head = self.log.head;
        for PresenceReport { seat, generation, is_connected, heard, acknowledged } in seen {
            let seat = self.seat_mut(*seat).filter(|seat| seat.is_here() && seat.generation == *generation);
            let Some(seat) = seat else { continue };
            if *is_connected {
                seat.connect();
            } else {
                seat.is_connected = false;
            }
            if let Some(heard) = heard {
                // The instances' clocks may differ a little: a time that lies ahead counts as now.
                seat.seen((*heard).min(now));
            }
            if let Some(sequence) = acknowledged {
                // A number above the head belongs to another epoch of the log, and acknowledges nothing.
                let _ = seat.reader.acknowledge(*sequence, head, now);
            }
        }
        Ok(RoomReply::Done)
    }

    pub(super) fn leave(&mut self, id: SeatId, step: &mut Step<'_>) -> SeatResult {
        if self.is_finished() {
            // The game is over: only the token ends, and the player keeps the place in the results.
            if let Some(seat) = self.seat_mut(id) {
                seat.retire();
            }
            return Ok(RoomReply::Done);
        }
        if self.is_host_or_opener(id) {
            return Err(Refusal::HostMayNotLeave);
        }
        self.vacate(id, SeatStatus::Left, step)
    }

    pub(super) fn revoke(&mut self, id: SeatId, step: &mut Step<'_>) -> SeatResult {
        match self.seats.get(&id) {
            None if self.was_taken(id) => Ok(RoomReply::Done),
            None => Err(Refusal::UnknownSeat),
            Some(_) if self.is_host_or_opener(id) && !self.is_finished() => Err(Refusal::HostMayNotLeave),
            Some(seat) if !seat.is_here() => Ok(RoomReply::Done),
            Some(_) => self.vacate(id, SeatStatus::Revoked, step),
        }
    }

    /// Removes the player from a seat. A seat that has never answered also leaves the record.
    pub(super) fn vacate(&mut self, id: SeatId, standing: SeatStatus, step: &mut Step<'_>) -> SeatResult {
        let seat = self.seat_mut(id).filter(|seat| seat.is_here()).ok_or(Refusal::UnknownSeat)?;
        seat.vacate(standing);
        // After the generation has grown: a departed seat must refuse connections that are still open.
        if !seat.has_answered
            && let Some(seat) = self.seats.remove(&id)
        {
            self.departed.note(id, &seat);
        }
        // A seat that is vacated after the end emits no event.
        if self.is_finished() {
            return Ok(RoomReply::Done);
        }
        let of = OfSeat { seat_id: id };
        let happening = match standing {
            SeatStatus::Kicked => RoomEvent::Kicked(of),
            SeatStatus::Revoked => RoomEvent::Revoked(of),
            SeatStatus::Here | SeatStatus::Left => RoomEvent::Left(of),
        };
        self.tell(&happening, step);
        Ok(RoomReply::Done)
    }
}
