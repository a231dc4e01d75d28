//! Clocks. Game time goes on by the monotonic clock from the highest time its store knows, and
//! stands still while the server is down: no wall clock kills or resurrects a session.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::domain::{Millis, Moment, Timestamp, WallTime};

/// Where a server reads what time it is.
pub trait Clock: Send + Sync {
    /// The time for the rules.
    fn moment(&self) -> Moment;
    /// The date for people.
    fn wall(&self) -> WallTime;
}

/// A source of dates.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// The machine's own wall clock.
pub fn system_wall_clock() -> WallClock {
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(Millis::from(since_1970).0)
    })
}

/// Game time.
pub struct GameClock {
    up_since: Timestamp,
    started: Instant,
    wall: WallClock,
}

impl GameClock {
    /// A clock that shows `base` now.
    pub fn start(base: Timestamp, wall: WallClock) -> Self {
        Self { up_since: base, started: Instant::now(), wall }
    }
}

impl Clock for GameClock {
    fn moment(&self) -> Moment {
        let now = self.up_since.plus(Millis::from(self.started.elapsed()));
        Moment { now, up_since: self.up_since }
    }

    fn wall(&self) -> WallTime {
        (self.wall)()
    }
}
