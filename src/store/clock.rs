//! Clocks. Game time goes on by the monotonic clock from the highest time its store knows, and
//! stands still while the server is down: no wall clock kills or resurrects a session.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::domain::{Millis, Moment, Timestamp, WallTime};

/// Where a server reads what time it is.
pub trait Clock: Send + Sync {
    /// Game time, and the date that it corresponds to.
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

/// How far a wall clock may be moved, in milliseconds, before dates follow it.
const STEADY: i64 = 5;

/// The distance between a wall clock and game time. The two are read one after the other in whole
/// milliseconds, so it jitters. Jitter up to [`STEADY`] is ignored: equal times give equal dates.
pub(crate) struct Offset(AtomicI64);

impl Default for Offset {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Offset {
    /// The date at `now`, when the wall clock shows `wall`.
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

/// Game time.
pub struct GameClock {
    up_since: Timestamp,
    started: Instant,
    stops: Mutex<Stops>,
    wall: WallClock,
    offset: Offset,
}

/// How long the clock has stood still in all, and since when it does now.
#[derive(Default)]
struct Stops {
    over: Duration,
    since: Option<Instant>,
}

impl GameClock {
    /// A clock that shows `base` now.
    pub fn start(base: Timestamp, wall: WallClock) -> Self {
        Self { up_since: base, started: Instant::now(), stops: Mutex::default(), wall, offset: Offset::default() }
    }

    /// Stands still from now on: nobody's game gets older while nothing can be committed.
    pub(crate) fn stop(&self) {
        self.stops.lock().since.get_or_insert_with(Instant::now);
    }

    /// Goes on from where it stood.
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
        // Half an hour back, and from there on.
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
