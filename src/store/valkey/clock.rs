//! The Valkey server's clock, estimated from the answers to heartbeats.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Moment, Timestamp, WallTime};
use crate::store::clock::{Clock, Offset, WallClock};

/// One reading of the server's time, with the local times around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeSample {
    /// Local time when the request was sent.
    pub(super) asked: Instant,
    /// Local time when the answer arrived.
    pub(super) answered: Instant,
    /// The server's time, in microseconds since 1970.
    pub(super) server_micros: i64,
    /// The time since which the server and at least one instance have been up without a break.
    pub(super) up_since: Option<Timestamp>,
}

/// The clock of the Valkey engine. Until the first reading it uses this machine's wall clock.
pub(super) struct ValkeyClock {
    started: Instant,
    wall: WallClock,
    offset: Offset,
    known: Mutex<ServerClock>,
}

/// The current estimate of the server's clock.
struct ServerClock {
    /// The server's time minus the time since `started`, in microseconds.
    offset: i64,
    up_since: Timestamp,
    is_measured: bool,
    /// Local time of the last jump of the server's clock.
    jumped: Option<Instant>,
}

/// A change of the offset above this, in microseconds, is a jump and not drift or network delay.
const JUMP: i64 = 10_000_000;
/// For this long after a jump, the clock is not trusted for irreversible actions such as the sweep.
const UNSTEADY: Duration = Duration::from_secs(600);

impl ValkeyClock {
    pub(super) fn new(wall: WallClock) -> Self {
        let now = wall();
        let offset = i64::try_from(now.0.saturating_mul(1_000)).unwrap_or(i64::MAX / 2);
        let known = ServerClock { offset, up_since: Timestamp::from_millis(now.0), is_measured: false, jumped: None };
        Self { started: Instant::now(), wall, offset: Offset::default(), known: Mutex::new(known) }
    }

    /// Updates the estimate from a reading. The offset changes only as far as the reading proves it wrong, so
    /// that a slow network doesn't make the time jitter.
    pub(super) fn learn(&self, sample: TimeSample) {
        let micros = |at: Instant| i64::try_from(at.duration_since(self.started).as_micros()).unwrap_or(i64::MAX / 2);
        // The server read its clock somewhere between `asked` and `answered`, which bounds the offset.
        let least = sample.server_micros - micros(sample.answered);
        let most = sample.server_micros - micros(sample.asked);
        let mut known = self.known.lock();
        let before = known.offset;
        known.offset = if known.is_measured { before.clamp(least, most) } else { (least + most) / 2 };
        if known.is_measured && before.abs_diff(known.offset) > JUMP.unsigned_abs() {
            tracing::warn!(seconds = (known.offset - before) / 1_000_000, "Valkey's clock has jumped");
            known.jumped = Some(sample.answered);
        }
        known.is_measured = true;
        known.up_since = sample.up_since.unwrap_or(known.up_since);
    }
}

impl ValkeyClock {
    /// True if the server's clock has not jumped within the last [`UNSTEADY`].
    pub(super) fn is_steady(&self) -> bool {
        self.known.lock().jumped.is_none_or(|jumped| jumped.elapsed() > UNSTEADY)
    }
}

impl Clock for ValkeyClock {
    fn moment(&self) -> Moment {
        let elapsed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX / 2);
        let known = self.known.lock();
        let millis = (known.offset + elapsed) / 1_000;
        let now = Timestamp::from_millis(u64::try_from(millis).unwrap_or(0));
        Moment { now, up_since: known.up_since, wall: self.offset.date(now, self.wall()) }
    }

    fn wall(&self) -> WallTime {
        (self.wall)()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn sample(clock: &ValkeyClock, asked: u64, answered: u64, server_micros: i64) -> TimeSample {
        let at = |millis| clock.started + Duration::from_millis(millis);
        TimeSample { asked: at(asked), answered: at(answered), server_micros, up_since: None }
    }

    fn offset(clock: &ValkeyClock) -> i64 {
        clock.known.lock().offset
    }

    #[test]
    fn the_clock_follows_the_servers_and_not_the_networks_delays() {
        let clock = ValkeyClock::new(Arc::new(|| WallTime(5_000)));
        assert!(clock.moment().now >= Timestamp::from_millis(5_000), "this machine's date, to begin with");
        clock.learn(sample(&clock, 0, 2, HOUR + 1_000));
        assert_eq!(offset(&clock), HOUR);
        // A slow answer that is consistent with the known offset changes nothing.
        clock.learn(sample(&clock, 1_000, 1_300, HOUR + 1_290_000));
        assert_eq!(offset(&clock), HOUR);
        // Another server, whose clock is one second ahead.
        clock.learn(sample(&clock, 2_000, 2_002, HOUR + 3_001_000));
        assert_eq!(offset(&clock), HOUR + 999_000);
        assert!(clock.is_steady());
        clock.learn(sample(&clock, 3_000, 3_002, 2 * HOUR));
        assert!(!clock.is_steady(), "an hour is no drift");
    }
}
