//! The rules' times as dates for people.

use crate::domain::{Moment, Timestamp, WallTime};
use crate::store::Clock;

/// Turns the rules' times into dates for people.
#[derive(Debug, Clone, Copy)]
pub struct Dates {
    /// What time it is for the rules.
    pub at: Moment,
    /// What time it is for people.
    pub wall: WallTime,
}

impl Dates {
    /// What a clock shows.
    pub(super) fn shown_by(clock: &dyn Clock) -> Self {
        let at = clock.moment();
        Self { at, wall: at.wall }
    }

    /// The date of a time on the engine's clock.
    pub fn of(&self, time: Timestamp) -> WallTime {
        let (wall, now, time) = (self.wall.0, self.at.now.as_millis(), time.as_millis());
        WallTime((wall + time.saturating_sub(now)).saturating_sub(now.saturating_sub(time)))
    }
}
