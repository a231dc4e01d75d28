//! Converts times of the engine's clock into dates of the wall clock.

use crate::domain::{Moment, Timestamp, WallTime};
use crate::store::Clock;

/// One reading of both clocks, by which engine times are converted into dates.
#[derive(Debug, Clone, Copy)]
pub struct Dates {
    /// The moment on the engine's clock, by which the rules run.
    pub at: Moment,
    /// The same moment on the wall clock.
    pub wall: WallTime,
}

impl Dates {
    /// Reads a clock.
    pub(super) fn shown_by(clock: &dyn Clock) -> Self {
        let at = clock.moment();
        Self { at, wall: at.wall }
    }

    /// The date of an engine time, before or after this reading.
    pub fn of(&self, time: Timestamp) -> WallTime {
        let (wall, now, time) = (self.wall.0, self.at.now.as_millis(), time.as_millis());
        WallTime((wall + time.saturating_sub(now)).saturating_sub(now.saturating_sub(time)))
    }
}
