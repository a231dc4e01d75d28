//! How long a session lives.
//!
//! A written deadline is the last touch + TTL + a tenth of it, and a touch is written only when
//! less than one TTL is left: a session lives at least its TTL and at most 1.1 of it after the
//! last touch, however seldom that is written. Absolute age caps both.

use serde::{Deserialize, Serialize};

use super::time::{Deadline, Millis, Timestamp};

/// The durations a new session is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long it lives without a touch.
    pub ttl: Millis,
    /// How long it lives at most, touched or not.
    pub max_age: Millis,
    /// How long its results live once it is finished.
    pub results_ttl: Millis,
}

/// A session's deadline and the rule by which it moves.
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
    /// A life that begins, touched, at `now`.
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

    /// The written deadline.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether the deadline stays where it is from now on: the session is finished.
    pub fn is_fixed(&self) -> bool {
        !self.slides
    }

    /// Until when the session or its results can live at most.
    pub fn latest_end(&self) -> Timestamp {
        self.deadline.0.max(self.absolute_end.plus(self.results_ttl))
    }

    /// Whether the session is alive at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.deadline.is_live(now)
    }

    /// Until when a session touched at `now` is promised to live.
    pub fn promised_end(&self, now: Timestamp) -> Timestamp {
        if self.slides { now.plus(self.ttl).min(self.absolute_end) } else { self.deadline.0 }
    }

    /// Whether the promise of a touch at `now` needs a later deadline than the written one.
    pub fn is_touch_due(&self, now: Timestamp) -> bool {
        self.deadline.0 < self.promised_end(now)
    }

    /// Moves the deadline for a touch at `now`; a finished session's stays.
    pub fn touch(&mut self, now: Timestamp) {
        if self.slides {
            let grace = Millis(self.ttl.0.div_ceil(10));
            let slid = now.plus(self.ttl).plus(grace).min(self.absolute_end);
            // A moment can be a little older than the last one written: never shorten a promise.
            self.deadline = self.deadline.max(Deadline(slid));
        }
    }

    /// Gives the results their fixed time, which absolute age does not cut.
    pub fn finish(&mut self, now: Timestamp) {
        self.slides = false;
        self.deadline = Deadline(now.plus(self.results_ttl));
    }

    pub(super) fn shift(&mut self, by: i64) {
        self.created = self.created.shifted(by);
        self.absolute_end = self.absolute_end.shifted(by);
        self.deadline = Deadline(self.deadline.0.shifted(by));
    }

    /// The same life with its deadline left out, for telling whether two are one.
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
