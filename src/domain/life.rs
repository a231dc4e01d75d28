//! How long a session lives.
//!
//! The stored deadline is the last touch plus the TTL plus a tenth of the TTL. A touch is stored only when
//! less than one TTL is left. So a session lives for at least one TTL and at most 1.1 TTLs after its last
//! touch, although most touches are not stored. The maximum age caps both.

use serde::{Deserialize, Serialize};

use super::time::{Deadline, Millis, Timestamp};

/// The lifetimes of a new session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// The TTL: how long the session lives without a touch.
    pub ttl: Millis,
    /// How long the session lives at most, touched or not.
    pub max_age: Millis,
    /// How long the results live once the session is finished.
    pub results_ttl: Millis,
}

/// A session's deadline, and the rule that moves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    created: Timestamp,
    ttl: Millis,
    absolute_end: Timestamp,
    results_ttl: Millis,
    deadline: Deadline,
    /// Whether a touch moves the deadline: true until the session is finished.
    slides: bool,
}

impl Life {
    /// A life that begins at `now`, with a touch.
    pub fn begin(now: Timestamp, lifetimes: Lifetimes) -> Self {
        let mut life = Self {
            created: now,
            ttl: lifetimes.ttl,
            absolute_end: now.plus(lifetimes.max_age),
            results_ttl: lifetimes.results_ttl,
            deadline: Deadline(now),
            slides: true,
        };
        life.touch(now);
        life
    }

    /// When the session was created.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The deadline as it is stored.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether the session is finished, so that its deadline no longer moves.
    pub fn is_fixed(&self) -> bool {
        !self.slides
    }

    /// The latest time until which the session or its results can live.
    pub fn latest_end(&self) -> Timestamp {
        self.deadline.0.max(self.absolute_end.plus(self.results_ttl))
    }

    /// Whether the session is alive at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.deadline.is_live(now)
    }

    /// The time until which a session that is touched at `now` is promised to live.
    pub fn promised_end(&self, now: Timestamp) -> Timestamp {
        if self.slides { now.plus(self.ttl).min(self.absolute_end) } else { self.deadline.0 }
    }

    /// Whether a touch at `now` must be stored, because its promise ends after the stored deadline.
    pub fn is_touch_due(&self, now: Timestamp) -> bool {
        self.deadline.0 < self.promised_end(now)
    }

    /// Moves the deadline for a touch at `now`. The deadline of a finished session stays.
    pub fn touch(&mut self, now: Timestamp) {
        if self.slides {
            let grace = Millis(self.ttl.0.div_ceil(10));
            let slid = now.plus(self.ttl).plus(grace).min(self.absolute_end);
            // `now` can be a little before that of the last stored touch. The deadline never moves back,
            // because it was promised.
            self.deadline = self.deadline.max(Deadline(slid));
        }
    }

    /// Gives the results their fixed time to live. The maximum age doesn't cut it.
    pub fn finish(&mut self, now: Timestamp) {
        self.slides = false;
        self.deadline = Deadline(now.plus(self.results_ttl));
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.created = self.created.shifted(by);
        self.absolute_end = self.absolute_end.shifted(by);
        self.deadline = Deadline(self.deadline.0.shifted(by));
    }

    /// The same life without its deadline, to compare two sessions.
    pub(super) fn without_deadline(mut self) -> Self {
        self.deadline = Deadline(self.created);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);
    const LIFETIMES: Lifetimes = Lifetimes { ttl: Millis(1_000), max_age: Millis(5_000), results_ttl: Millis(20_000) };

    fn at(after: u64) -> Timestamp {
        T0.plus(Millis(after))
    }

    #[test]
    fn a_life_lasts_its_ttl_and_a_tenth() {
        let life = Life::begin(T0, LIFETIMES);
        assert!(life.is_live(at(1_099)));
        assert!(!life.is_live(at(1_100)));
        assert_eq!(life.promised_end(T0), at(1_000));
    }

    #[test]
    fn a_touch_is_due_only_when_less_than_one_ttl_is_left() {
        let mut life = Life::begin(T0, LIFETIMES);
        assert!(!life.is_touch_due(at(100)));
        assert!(life.is_touch_due(at(101)));
        life.touch(at(101));
        assert!(!life.is_touch_due(at(101)));
        assert!(life.is_live(at(1_200)) && !life.is_live(at(1_201)));
    }

    #[test]
    fn absolute_age_caps_every_touch() {
        let mut life = Life::begin(T0, LIFETIMES);
        life.touch(at(4_900));
        assert_eq!(life.promised_end(at(4_900)), at(5_000));
        assert!(!life.is_touch_due(at(4_950)));
        assert!(!life.is_live(at(5_000)));
    }

    #[test]
    fn results_live_their_fixed_time_beyond_absolute_age() {
        let mut life = Life::begin(T0, LIFETIMES);
        life.finish(at(4_000));
        life.touch(at(10_000));
        assert!(!life.is_touch_due(at(10_000)));
        assert!(life.is_live(at(23_999)) && !life.is_live(at(24_000)));
    }
}
