//! Seats that were given up without any answer. They leave the room's record, so that coming and
//! going fills no room; the last of them are remembered, so that their tokens and connections are told
//! what became of them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::seat::{Seat, SeatStatus};
use crate::domain::ids::SeatId;
use crate::domain::secret::SecretHash;

/// How many are remembered.
pub(super) const MOST_DEPARTED: usize = 200;

/// What is remembered of a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DepartedSeat {
    seat: SeatId,
    pub(super) standing: SeatStatus,
    pub(super) generation: u32,
    token: Option<SecretHash>,
}

/// The seats that departed last, oldest first.
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

    /// The seat whose token this was. All are compared, wherever the right one stands.
    pub(super) fn holder(&self, token: &SecretHash) -> Option<&DepartedSeat> {
        self.0.iter().fold(
            None,
            |found, departed| {
                if departed.token.as_ref() == Some(token) { Some(departed) } else { found }
            },
        )
    }
}
