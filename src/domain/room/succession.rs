//! Playing again with the same players: a new room in which every player's token still works, and the link to
//! it from the finished room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::play::{Phase, Play};
use super::room_event::RoomEvent;
use super::seat::Seat;
use super::{Actor, Room, RoomReply, RoomSettings, Step};
use crate::domain::events::Sequence;
use crate::domain::ids::{JoinCode, SeatId, SessionId};
use crate::domain::quiz::{Question, Quiz};
use crate::domain::refusal::Refusal;
use crate::domain::scoring::Scoring;
use crate::domain::time::Timestamp;

/// The room in which the players of a finished room continue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Successor {
    /// The id of that room.
    pub room_id: SessionId,
    /// The join code of that room, for other players.
    pub join_code: JoinCode,
}

/// The questions that a finished room has asked, and their scoring.
#[derive(Debug, Clone, Copy)]
pub struct Played<'a> {
    /// The questions that were asked, in their order.
    pub questions: &'a [Arc<Question>],
    /// How answers to them are scored.
    pub scoring: &'a Scoring,
    /// How many questions the quiz has, asked or not.
    pub planned: u32,
}

impl Room {
    /// The room in which the players continue, if there is one.
    pub fn successor(&self) -> Option<&Successor> {
        self.successor.as_ref()
    }

    /// What a finished room has asked of its quiz. `None` before the end, and in an external room.
    pub fn played<'q>(&self, quiz: Option<&'q Quiz>) -> Option<Played<'q>> {
        let (play, quiz) = (self.play.as_ref()?, quiz?);
        let Phase::Finished { asked } = play.phase else { return None };
        let questions = quiz.questions.get(..asked as usize)?;
        Some(Played { questions, scoring: &quiz.scoring, planned: play.question_count })
    }

    /// How many seats can continue in the next room.
    pub fn coming_along(&self) -> usize {
        self.seats.values().filter(|seat| seat.goes_on()).count()
    }

    /// A room that will play this quiz with the players who are still here. Each keeps the seat, the name and
    /// the token. `None` if neither the opener nor the host is left.
    #[must_use]
    pub fn again(&self, settings: RoomSettings, quiz: &Quiz, now: Timestamp) -> Option<Self> {
        let stays = |id: &SeatId| self.seats.get(id).is_some_and(|seat| seat.goes_on());
        let host = self.opener.filter(stays).or_else(|| self.host.filter(stays))?;
        let seat = |(id, seat): (&SeatId, &Arc<Seat>)| {
            let mut again = seat.again(now);
            again.plays = *id != host || settings.host_plays;
            (*id, Arc::new(again))
        };
        let seats = self.seats.iter().filter(|(_, seat)| seat.goes_on()).map(seat).collect();
        let mut room = Self::empty(settings, Some(Play::new(quiz)));
        (room.seats, room.last_seat) = (seats, self.last_seat);
        (room.opener, room.host) = (Some(host), Some(host));
        Some(room)
    }

    /// Sets the room in which the players continue, and tells them. If another request was faster, its room
    /// stays, unless that is the one that `instead_of` names. Replies with the room that counts.
    pub(super) fn lead_to(
        &mut self,
        asker: Actor,
        successor: Successor,
        instead_of: Option<&SessionId>,
        step: &mut Step<'_>,
    ) -> Result<RoomReply, Refusal> {
        self.must_be_host(asker)?;
        if !self.is_quiz() {
            return Err(Refusal::WrongMode);
        }
        if !self.is_finished() {
            return Err(Refusal::NotFinished);
        }
        match &self.successor {
            Some(known) if instead_of != Some(&known.room_id) => Ok(RoomReply::Successor(known.clone())),
            _ => {
                self.tell(&RoomEvent::Successor(&successor), step);
                self.successor = Some(successor.clone());
                Ok(RoomReply::Successor(successor))
            }
        }
    }
}

impl Seat {
    /// Whether the player can continue in another room.
    fn goes_on(&self) -> bool {
        self.is_here() && self.token().is_some()
    }

    /// The same player's seat in another room, without points and answers.
    fn again(&self, now: Timestamp) -> Self {
        let name = self.name.clone().zip(self.skeleton);
        let mut seat = Self::new(name, self.token(), Sequence(0), now);
        // The player has this token already, and uses it in the new room.
        seat.is_claimed = true;
        seat
    }
}
