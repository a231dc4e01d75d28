//! Seats that were given up without any answer. They leave the room's record, so that players who come and go
//! can't fill the room. The last [`MOST_DEPARTED`] are remembered, so that their tokens and connections still
//! get the right refusal.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::seat::{Seat, SeatStatus};
use crate::domain::ids::SeatId;
use crate::domain::secret::SecretHash;

/// How many departed seats a room remembers.
pub(super) const MOST_DEPARTED: usize = 200;

/// The part of a departed seat that is remembered: what its token and its connections are checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DepartedSeat {
    seat: SeatId,
    pub(super) standing: SeatStatus,
    pub(super) generation: u32,
    token: Option<SecretHash>,
}

/// The seats that departed most recently, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Departed(VecDeque<DepartedSeat>);

impl Departed {
    pub(super) fn note(&mut self, id: SeatId, seat: &Seat) {
        let (standing, generation, token) = (seat.standing, seat.generation, seat.token());
        self.0.push_back(DepartedSeat { seat: id, standing, generation, token });
        if self.0.len() > MOST_DEPARTED {
            self.0.pop_front();
        }
    }

    pub(super) fn find(&self, id: SeatId) -> Option<&DepartedSeat> {
        self.0.iter().find(|departed| departed.seat == id)
    }

    /// The departed seat that had this token. Compares with every seat: stopping at the match would reveal
    /// its position through timing.
    pub(super) fn holder(&self, token: &SecretHash) -> Option<&DepartedSeat> {
        self.0.iter().fold(
            None,
            |found, departed| {
                if departed.token.as_ref() == Some(token) { Some(departed) } else { found }
            },
        )
    }
}
