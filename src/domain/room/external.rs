//! External games, whose rules run in the caller's backend: what players say to it, what it records, and what
//! it has read.

use std::sync::Arc;

use super::log::{self, LogReader};
use super::recent_keys::MOST_KNOWN_IN_ROOM;
use super::room_event::{RoomEvent, Said};
use super::{Room, RoomReply, Step};
use crate::domain::events::{EventDraft, Sequence};
use crate::domain::idempotency::Idempotency;
use crate::domain::ids::SeatId;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Moment, Timestamp};

impl Room {
    /// Appends a backend's events to the log.
    pub(super) fn record(
        &mut self,
        drafts: Vec<EventDraft>,
        expected: Option<Sequence>,
        idempotency: Option<Idempotency>,
        step: &mut Step<'_>,
    ) -> Result<RoomReply, Refusal> {
        if self.is_quiz() {
            return Err(Refusal::WrongMode);
        }
        // Before the other checks: a retry gets its first reply, whatever the head is now and after the end
        // too.
        if let Some(before) = self.recorded.find(idempotency)? {
            return Ok(RoomReply::Recorded(before));
        }
        if self.is_over {
            return Err(Refusal::RoomFinished);
        }
        if expected.is_some_and(|head| head != self.log.head) {
            return Err(Refusal::HeadMoved(self.log.head));
        }
        log::check(&drafts)?;
        // A recipient who has just left gets nothing. That is no reason to refuse the events for the others.
        if !drafts.iter().flat_map(|draft| &draft.to).flatten().all(|id| self.was_taken(*id)) {
            return Err(Refusal::UnknownSeat);
        }
        drafts.into_iter().for_each(|draft| self.emit(draft, step));
        self.recorded.note(idempotency, self.log.head, step.at.now);
        Ok(RoomReply::Recorded(self.log.head))
    }

    /// Appends a player's message to the log, for the backend alone. The message is refused if it would push
    /// out events that the backend still has to read. Events of the backend's own may push them out.
    pub(super) fn say(
        &mut self,
        id: SeatId,
        payload: String,
        idempotency: Option<Idempotency>,
        step: &mut Step<'_>,
    ) -> Result<RoomReply, Refusal> {
        let seat = self.seats.get(&id).ok_or(Refusal::UnknownSeat)?;
        if self.play.is_some() {
            return Err(Refusal::WrongMode);
        }
        if let Some(before) = seat.said.find(idempotency)? {
            return Ok(RoomReply::Recorded(before));
        }
        if self.is_over {
            return Err(Refusal::RoomFinished);
        }
        let payload = serde_json::value::RawValue::from_string(payload).map_err(|_| Refusal::TooManyEvents)?;
        let draft = RoomEvent::Said(Said { seat_id: id, payload }).draft();
        log::check(std::slice::from_ref(&draft))?;
        if self.backend_has_read(step.at).is_some_and(|read| self.log.would_push_out(read, &draft)) {
            return Err(Refusal::LogFull);
        }
        self.emit(draft, step);
        let head = self.log.head;
        if let Some(seat) = self.seat_mut(id) {
            seat.said.note(idempotency, head, step.at.now);
        }
        self.bound_known_requests();
        Ok(RoomReply::Recorded(head))
    }

    /// Keeps the room's record small: the seat with the most known requests forgets its oldest one.
    fn bound_known_requests(&mut self) {
        if self.seats.values().map(|seat| seat.said.len()).sum::<usize>() > MOST_KNOWN_IN_ROOM
            && let Some(seat) = self.seats.values_mut().max_by_key(|seat| seat.said.len())
        {
            Arc::make_mut(seat).said.forget_oldest();
        }
    }

    /// What the backend has acknowledged, as long as it counts as a reader. Messages are for the backend
    /// alone, so a seat that doesn't read can't block them.
    fn backend_has_read(&self, at: Moment) -> Option<Sequence> {
        self.backend.as_ref().filter(|reader| reader.counts(at)).map(|reader| reader.acknowledged)
    }

    pub(super) fn resume_backend(&mut self) -> Result<RoomReply, Refusal> {
        self.backend.get_or_insert_with(|| LogReader::from(self.log.pruned));
        Ok(RoomReply::Resumed { seat: None, generation: 0 })
    }

    pub(super) fn backend_has(&mut self, sequence: Sequence, now: Timestamp) -> Result<RoomReply, Refusal> {
        let (head, pruned) = (self.log.head, self.log.pruned);
        let mut reader = self.backend.clone().unwrap_or_else(|| LogReader::from(pruned));
        let acknowledged = reader.acknowledge(sequence, head, now)?;
        self.backend = Some(reader);
        Ok(RoomReply::Acknowledged(acknowledged))
    }
}
