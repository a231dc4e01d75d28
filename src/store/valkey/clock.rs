//! The server's clock, as far as this instance can know it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{Moment, Timestamp, WallTime};
use crate::store::clock::{Clock, Offset, WallClock};

/// What a server said of its time, and between which two moments of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeSample {
    /// When it was asked.
    pub(super) asked: Instant,
    /// When its answer was here.
    pub(super) answered: Instant,
    /// The server's time, in microseconds since 1970.
    pub(super) server_micros: i64,
    /// Since when the server and some instance have been there without a break.
    pub(super) up_since: Option<Timestamp>,
}

/// Valkey's time. Until the server has been asked, this machine's date stands for it.
pub(super) struct ValkeyClock {
    started: Instant,
    wall: WallClock,
    offset: Offset,
    known: Mutex<ServerClock>,
}

struct ServerClock {
    /// What the server's clock shows more than ours, in microseconds.
    offset: i64,
    up_since: Timestamp,
    is_measured: bool,
    /// When the server's clock jumped last.
    jumped: Option<Instant>,
}

/// What is no drift of a clock and no delay of a network, in microseconds.
const JUMP: i64 = 10_000_000;
/// How long after a jump a clock is not trusted with what can't be undone.
const UNSTEADY: Duration = Duration::from_secs(600);

impl ValkeyClock {
    pub(super) fn new(wall: WallClock) -> Self {
        let now = wall();
        let offset = i64::try_from(now.0.saturating_mul(1_000)).unwrap_or(i64::MAX / 2);
        let known = ServerClock { offset, up_since: Timestamp::from_millis(now.0), is_measured: false, jumped: None };
        Self { started: Instant::now(), wall, offset: Offset::default(), known: Mutex::new(known) }
    }

    /// Learns from an answer. The offset moves no farther than the answer proves it wrong, so that
    /// a slow network doesn't make time jitter.
    pub(super) fn learn(&self, sample: TimeSample) {
        let micros = |at: Instant| i64::try_from(at.duration_since(self.started).as_micros()).unwrap_or(i64::MAX / 2);
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
    /// Whether the server's clock has not jumped of late.
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
        // A slow answer proves nothing against what is known.
        clock.learn(sample(&clock, 1_000, 1_300, HOUR + 1_290_000));
        assert_eq!(offset(&clock), HOUR);
        // Another server, whose clock shows a second more.
        clock.learn(sample(&clock, 2_000, 2_002, HOUR + 3_001_000));
        assert_eq!(offset(&clock), HOUR + 999_000);
        assert!(clock.is_steady());
        clock.learn(sample(&clock, 3_000, 3_002, 2 * HOUR));
        assert!(!clock.is_steady(), "an hour is no drift");
    }
}
