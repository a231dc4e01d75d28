//! Clocks. Game time goes on by the monotonic clock from the highest time its store knows, and
//! stands still while the server is down: no wall clock kills or resurrects a session.

use std::sync::{Arc, LazyLock};
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

/// How long the machine has been up, and in which of its lives: the one clock that goes on over a
/// crash of the process, and that nobody can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uptime {
    /// The machine's life; 0 if it can't be told from others.
    pub(crate) boot: u64,
    /// How long it has lasted.
    pub(crate) lasted: Millis,
}

/// The kernel draws a new one at each boot.
static BOOT: LazyLock<u64> = LazyLock::new(|| {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hash = blake3::hash(&id);
    let first = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
    if id.is_empty() { 0 } else { u64::from_le_bytes(*first).max(1) }
});

impl Uptime {
    /// The machine's uptime now.
    pub(crate) fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let millis = time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000);
        Self { boot: *BOOT, lasted: Millis(u64::try_from(millis).unwrap_or(0)) }
    }

    /// How much later this is than `earlier`, if that can be told.
    pub(crate) fn since(self, earlier: Self) -> Option<Millis> {
        let is_same_life = self.boot == earlier.boot && self.boot != 0;
        let later = self.lasted.0.checked_sub(earlier.lasted.0).map(Millis);
        later.filter(|_| is_same_life)
    }
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
