//! The clocks of the stores.
//!
//! Game time follows the monotonic clock, starts at the highest time that its store knows, and stands still
//! while the server is down. Setting the wall clock therefore never kills or revives a session.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::domain::{Millis, Moment, Timestamp, WallTime};

/// A source of the current time for a store's sessions.
pub trait Clock: Send + Sync {
    /// The current game time and the date that it corresponds to.
    fn moment(&self) -> Moment;
    /// The current date of the wall clock, for people.
    fn wall(&self) -> WallTime;
}

/// A function that returns the current date. Tests pass their own.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

/// The machine's own wall clock.
pub fn system_wall_clock() -> WallClock {
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(Millis::from(since_1970).0)
    })
}

/// The machine's uptime and its boot id. This is the only clock that survives a crash of the process and that
/// nobody can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uptime {
    /// Hash of the kernel's boot id; 0 if the boot id can't be read.
    pub(crate) boot: u64,
    /// Time since that boot.
    pub(crate) lasted: Millis,
}

/// Hash of the boot id, which the kernel draws at random at each boot.
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

    /// The time from `earlier` to this one. `None` if they are from different boots, if the boot is unknown,
    /// or if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Option<Millis> {
        let is_same_life = self.boot == earlier.boot && self.boot != 0;
        let later = self.lasted.0.checked_sub(earlier.lasted.0).map(Millis);
        later.filter(|_| is_same_life)
    }
}

/// Maximum change of the wall clock's offset, in milliseconds, that is treated as jitter.
const STEADY: i64 = 5;

/// The offset between the wall clock and game time, in milliseconds; `i64::MIN` before the first use. The two
/// clocks are read one after the other in whole milliseconds, so the measured offset jitters. Jitter up to
/// [`STEADY`] is ignored, so that equal game times give equal dates.
pub(crate) struct Offset(AtomicI64);

impl Default for Offset {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Offset {
    /// Converts game time `now` to a date. `wall` is the wall clock's current value.
    pub(crate) fn date(&self, now: Timestamp, wall: WallTime) -> WallTime {
        let (now, shown) = (now.as_millis() as i64, wall.0 as i64);
        let (offset, known) = (shown.saturating_sub(now), self.0.load(Ordering::Relaxed));
        if known != i64::MIN && offset.abs_diff(known) <= STEADY.unsigned_abs() {
            return WallTime(now.saturating_add(known).max(0) as u64);
        }
        self.0.store(offset, Ordering::Relaxed);
        wall
    }
}

/// The clock of a local store. It can be stopped and resumed.
pub struct GameClock {
    up_since: Timestamp,
    started: Instant,
    stops: Mutex<Stops>,
    wall: WallClock,
    offset: Offset,
}

/// `over` is the total length of past stops; `since` is the start of the current stop, if any.
#[derive(Default)]
struct Stops {
    over: Duration,
    since: Option<Instant>,
}

impl GameClock {
    /// Starts a clock that shows `base` now.
    pub fn start(base: Timestamp, wall: WallClock) -> Self {
        Self { up_since: base, started: Instant::now(), stops: Mutex::default(), wall, offset: Offset::default() }
    }

    /// Stops the clock, so that no game ages while nothing can be committed. Does nothing if it is already
    /// stopped.
    pub(crate) fn stop(&self) {
        self.stops.lock().since.get_or_insert_with(Instant::now);
    }

    /// Resumes the clock from the time at which it was stopped. Does nothing if it is running.
    pub(crate) fn go_on(&self) {
        let mut stops = self.stops.lock();
        if let Some(since) = stops.since.take() {
            stops.over += since.elapsed();
        }
    }

    fn elapsed(&self) -> Duration {
        let stops = self.stops.lock();
        let until = stops.since.unwrap_or_else(Instant::now);
        until.duration_since(self.started).saturating_sub(stops.over)
    }
}

impl Clock for GameClock {
    fn moment(&self) -> Moment {
        let now = self.up_since.plus(Millis::from(self.elapsed()));
        Moment { now, up_since: self.up_since, wall: self.offset.date(now, self.wall()) }
    }

    fn wall(&self) -> WallTime {
        (self.wall)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_time_is_the_same_date_until_the_wall_clock_is_set() {
        let offset = Offset::default();
        let date = |now: u64, wall: u64| offset.date(Timestamp::from_millis(now), WallTime(wall)).0;
        assert_eq!((date(100, 1_100), date(101, 1_100), date(102, 1_104)), (1_100, 1_101, 1_102));
        // The wall clock is set back, and dates follow it from then on.
        assert_eq!((date(103, 500), date(104, 503)), (500, 501));
    }

    #[test]
    fn a_clock_that_is_stopped_stands_still_and_goes_on_from_there() {
        let clock = GameClock::start(Timestamp::from_millis(1_000), system_wall_clock());
        clock.stop();
        let stood = clock.moment().now;
        std::thread::sleep(Duration::from_millis(30));
        clock.stop();
        assert_eq!(clock.moment().now, stood);
        let gone_on = Instant::now();
        clock.go_on();
        clock.go_on();
        let after = clock.moment().now.since(stood);
        let most = Millis::from(gone_on.elapsed()).0 + 2;
        assert!(after <= Millis(most), "the stop was not counted, {after:?} of {most}");
    }
}
