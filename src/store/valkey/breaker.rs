//! When requests are let through. Pure: what happened and when come in.

use super::super::contract::{Breaker, Link};
use crate::domain::WallTime;

/// So many failures in a row, and the way is taken for lost.
const MOST_FAILURES: u32 = 5;

/// Opens after a row of failures, and closes after two probes that come through.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    state: Breaker,
    since: WallTime,
    failures: u32,
}

impl CircuitBreaker {
    /// Closed: nothing has failed yet.
    pub(super) fn new(now: WallTime) -> Self {
        Self { state: Breaker::Closed, since: now, failures: 0 }
    }

    pub(super) fn state(&self) -> Breaker {
        self.state
    }

    pub(super) fn link(&self) -> Link {
        Link { breaker: self.state, since: self.since }
    }

    /// A request was answered.
    pub(super) fn succeeded(&mut self) {
        if self.state == Breaker::Closed {
            self.failures = 0;
        }
    }

    /// A request or a probe failed for the way's sake.
    pub(super) fn failed(&mut self, now: WallTime) {
        self.failures = self.failures.saturating_add(1);
        if self.state == Breaker::HalfOpen || self.failures >= MOST_FAILURES {
            self.turn(Breaker::Open, now);
        }
    }

    /// A probe came through.
    pub(super) fn probed(&mut self, now: WallTime) {
        match self.state {
            Breaker::Open => self.turn(Breaker::HalfOpen, now),
            Breaker::HalfOpen => {
                self.failures = 0;
                self.turn(Breaker::Closed, now);
            }
            Breaker::Closed => self.failures = 0,
        }
    }

    fn turn(&mut self, state: Breaker, now: WallTime) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new(WallTime(1));
        (0..5).for_each(|n| breaker.failed(WallTime(2 + n)));
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut breaker = CircuitBreaker::new(WallTime(1));
        (0..4).for_each(|_| breaker.failed(WallTime(2)));
        assert_eq!(breaker.link(), Link { breaker: Breaker::Closed, since: WallTime(1) });
        breaker.succeeded();
        (0..4).for_each(|_| breaker.failed(WallTime(3)));
        assert_eq!(breaker.state(), Breaker::Closed);
        breaker.failed(WallTime(4));
        assert_eq!(breaker.link(), Link { breaker: Breaker::Open, since: WallTime(4) });
        breaker.failed(WallTime(5));
        assert_eq!(breaker.link().since, WallTime(4), "it is open since the first time");
    }

    #[test]
    fn two_probes_close_it_and_a_failure_between_them_does_not() {
        let mut breaker = opened();
        breaker.probed(WallTime(10));
        assert_eq!(breaker.state(), Breaker::HalfOpen);
        breaker.failed(WallTime(11));
        assert_eq!(breaker.state(), Breaker::Open);
        breaker.probed(WallTime(12));
        breaker.probed(WallTime(13));
        assert_eq!(breaker.link(), Link { breaker: Breaker::Closed, since: WallTime(13) });
        (0..4).for_each(|_| breaker.failed(WallTime(14)));
        assert_eq!(breaker.state(), Breaker::Closed, "it counts from nothing again");
    }

    #[test]
    fn a_late_success_of_a_request_does_not_close_it() {
        let mut breaker = opened();
        breaker.succeeded();
        assert_eq!(breaker.state(), Breaker::Open);
    }
}
