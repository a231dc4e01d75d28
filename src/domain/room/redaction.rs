//! Removes the names of kicked and revoked players from events, so that a replay of the log doesn't show
//! them.

use super::Room;
use super::room_event::{Joined, OfSeat, RoomEvent};
use super::seat::SeatStatus;
use crate::domain::events::Event;
use crate::domain::ids::SeatId;

impl Room {
    /// Removes the name from a `joined` event if its seat was kicked or revoked since, or is no longer in the
    /// record.
    pub(in crate::domain) fn redact(&self, event: &mut Event) {
        let Some(id) = joined_seat(event) else { return };
        let departed = || self.departed.find(id).map(|seat| seat.standing);
        let standing = self.seats.get(&id).map(|seat| seat.standing).or_else(departed);
        if matches!(standing, None | Some(SeatStatus::Kicked | SeatStatus::Revoked)) {
            take_name(event, id);
        }
    }
}

/// The seat of a `joined` event. `None` for any other event.
pub fn joined_seat(event: &Event) -> Option<SeatId> {
    seat_of(event, &["joined"])
}

/// The seat of a `kicked` or `revoked` event. `None` for any other event.
pub fn removed_seat(event: &Event) -> Option<SeatId> {
    seat_of(event, &["kicked", "revoked"])
}

fn seat_of(event: &Event, kinds: &[&str]) -> Option<SeatId> {
    if !kinds.contains(&event.kind.as_str()) {
        return None;
    }
    serde_json::from_str(&event.payload).ok().map(|OfSeat { seat_id }| seat_id)
}

/// Removes the name from the `joined` event of this seat.
pub fn take_name(event: &mut Event, seat: SeatId) {
    event.payload = RoomEvent::Joined(Joined { seat_id: seat, name: None }).draft().payload;
}
