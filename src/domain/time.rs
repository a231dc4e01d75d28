//! Time for the rules: points in time, deadlines and durations, in whole milliseconds.
//!
//! A [`Timestamp`] is on an engine's own clock, and is only compared with others of the same engine. A
//! [`WallTime`] is for people to read; no rule reads it.

use serde::{Deserialize, Serialize};

/// A duration in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// A duration of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }
}

impl From<std::time::Duration> for Millis {
    fn from(duration: std::time::Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Millis> for std::time::Duration {
    fn from(millis: Millis) -> Self {
        Self::from_millis(millis.0)
    }
}

/// A point on the engine's clock, in milliseconds. For redb and memory that is game time, which stands still
/// while the server is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point that is `millis` after the clock's zero.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The milliseconds since the clock's zero.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The point `duration` later. It saturates at the highest value.
    #[must_use]
    pub const fn plus(self, duration: Millis) -> Self {
        Self(self.0.saturating_add(duration.0))
    }

    /// How long ago `earlier` was; 0 if it lies ahead.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// The same point on a clock that shows `by` milliseconds more, or less if `by` is negative. It saturates
    /// at zero and at the highest value.
    #[must_use]
    pub const fn shifted(self, by: i64) -> Self {
        Self(self.0.saturating_add_signed(by))
    }
}

/// The time at which the rules are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The current time on the engine's clock.
    pub now: Timestamp,
    /// Since when the store has been up without a break. What began before that was interrupted by the
    /// outage.
    pub up_since: Timestamp,
    /// The wall time, which is stored with events and answers for people to read.
    pub wall: WallTime,
}

/// The time from which on a session is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deadline(pub Timestamp);

impl Deadline {
    /// Whether a session with this deadline is alive at `now`.
    pub const fn is_live(self, now: Timestamp) -> bool {
        now.0 < self.0.0
    }
}

/// A date for people to read, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub u64);
