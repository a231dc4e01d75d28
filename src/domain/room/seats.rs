//! Taking seats, coming back to them, giving them up.

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
    /// Puts somebody into a new seat.
    pub(super) fn take(&mut self, seat: Seat) -> SeatId {
        self.last_seat += 1;
        let id = SeatId(self.last_seat);
        self.seats.insert(id, Arc::new(seat));
        id
    }

    /// Seats a player who knows the room's code.
    pub(super) fn join(
        &mut self,
        name: PlayerName,
        token: SecretHash,
        idempotency: Option<IdempotencyKey>,
        step: &mut Step<'_>,
    ) -> SeatResult {
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
        // Last, since it costs most.
        let skeleton = self.free_skeleton(&name)?;
        self.joins = joins;
        Ok(self.seat((name, skeleton), None, token, idempotency, step))
    }

    /// Seats a backend's user; one who has a seat gets another token for it.
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
        // Whoever comes begins with a snapshot that has all of this.
        let head = self.head();
        if let Some(seat) = self.seat_mut(id) {
            seat.reader = LogReader::from(head);
        }
        RoomReply::Seated(id)
    }

    /// The seat that the same request took before.
    fn seated_before(&self, idempotency: Option<IdempotencyKey>) -> Result<Option<SeatId>, Refusal> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let same_key = |seat: &Seat| seat.is_here() && seat.join.is_some_and(|join| join.key == idempotency.key);
        match self.seats.iter().find(|(_, seat)| same_key(seat)) {
            Some((_, seat)) if seat.join != Some(idempotency) => Err(Refusal::KeyReused),
            found => Ok(found.map(|(id, _)| *id)),
        }
    }

    /// The reply with the token was lost: another one takes its place. A token that was used has
    /// arrived, and stays.
    fn renew(&mut self, id: SeatId, token: SecretHash) -> SeatResult {
        let seat = self.seat_mut(id).ok_or(Refusal::UnknownSeat)?;
        if seat.is_claimed {
            return Err(Refusal::AlreadyConnected);
        }
        seat.renew(token);
        Ok(RoomReply::Seated(id))
    }

    /// What a name is known by, unless somebody is called that.
    fn free_skeleton(&self, name: &PlayerName) -> Result<SkeletonHash, Refusal> {
        let skeleton = SkeletonHash::from(name);
        let is_taken = self.seats.values().any(|seat| seat.is_here() && seat.skeleton == Some(skeleton));
        if is_taken { Err(Refusal::NameTaken) } else { Ok(skeleton) }
    }

    fn has_free_seat(&self) -> Result<(), Refusal> {
        let here = self.seats.values().filter(|seat| seat.is_here()).count();
        let is_free = here < self.settings.max_seats as usize;
        // Those who left with answers keep them, and so their place in the record.
        if is_free && self.seats.len() < self.settings.most_seats_in_record as usize {
            Ok(())
        } else {
            Err(Refusal::RoomFull)
        }
    }

    /// Gives a seat to whoever brings its code.
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

    /// Gives the seat of who opened the room to whoever the backend gives the token; the one before
    /// ends. Who stands in for the opener keeps theirs.
    pub(super) fn renew_host(&mut self, token: SecretHash) -> SeatResult {
        let opener = self.opener.ok_or(Refusal::WrongMode)?;
        let seat = self.seat_mut(opener).ok_or(Refusal::UnknownSeat)?;
        seat.hand_over(token, None);
        Ok(RoomReply::Seated(opener))
    }

    /// Hands out the code by which another device takes a seat.
    pub(super) fn hand_out_code(&mut self, asker: Actor, id: SeatId, code: SecretHash, now: Timestamp) -> SeatResult {
        let may = match asker {
            Actor::Anyone => return Err(Refusal::BadToken),
            Actor::Backend => true,
            // Who stands in for the opener can't take its seat.
            Actor::Seat(own) => own == id || (Some(own) == self.host && Some(id) != self.opener),
        };
        let seat = self.seat_mut(id).filter(|seat| seat.is_here());
        match seat {
            _ if !may => Err(Refusal::HostsOnly),
            None => Err(Refusal::UnknownSeat),
            Some(seat) => Ok(RoomReply::CodeUntil(seat.set_code(code, now))),
        }
    }

    /// A new connection, which supersedes the older ones. The host may have several.
    pub(super) fn resume(&mut self, id: SeatId, step: &mut Step<'_>) -> SeatResult {
        self.opener_returns(Actor::Seat(id), step);
        let is_host = self.host == Some(id);
        let seat = self.seat_mut(id).ok_or(Refusal::UnknownSeat)?;
        if !is_host {
            seat.generation += 1;
        }
        seat.connect();
        Ok(RoomReply::Resumed { seat: Some(id), generation: seat.generation })
    }

    /// What an instance has heard of its connections. Of those that are superseded by now nothing
    /// counts, their end least of all.
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
                seat.seen((*heard).min(now));
            }
            if let Some(sequence) = acknowledged {
                // One above the head is of another life of the numbering, and acknowledges nothing.
                let _ = seat.reader.acknowledge(*sequence, head, now);
            }
        }
        Ok(RoomReply::Done)
    }

    pub(super) fn leave(&mut self, id: SeatId, step: &mut Step<'_>) -> SeatResult {
        if self.is_finished() {
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

    pub(super) fn vacate(&mut self, id: SeatId, standing: SeatStatus, step: &mut Step<'_>) -> SeatResult {
        let seat = self.seat_mut(id).filter(|seat| seat.is_here()).ok_or(Refusal::UnknownSeat)?;
        seat.vacate(standing);
        if !seat.has_answered
            && let Some(seat) = self.seats.remove(&id)
        {
            self.departed.note(id, &seat);
        }
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
