//! The circuit breaker: a pure state machine without I/O and time.

use super::super::contract::Breaker;

/// Number of consecutive failures that open the breaker.
const MOST_FAILURES: u32 = 5;

/// Opens after [`MOST_FAILURES`] consecutive failures, and closes after two consecutive successful probes.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    state: Breaker,
    failures: u32,
}

impl CircuitBreaker {
    /// Creates a closed breaker.
    pub(super) fn new() -> Self {
        Self { state: Breaker::Closed, failures: 0 }
    }

    pub(super) fn state(&self) -> Breaker {
        self.state
    }

    /// Records an answered request. Only probes close an open breaker, so a late answer doesn't.
    pub(super) fn succeeded(&mut self) {
        if self.state == Breaker::Closed {
            self.failures = 0;
        }
    }

    /// Records a request or probe that failed because of the link or the server's availability.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if self.state == Breaker::HalfOpen || self.failures >= MOST_FAILURES {
            self.state = Breaker::Open;
        }
    }

    /// Records a successful probe.
    pub(super) fn probed(&mut self) {
        match self.state {
            Breaker::Open => self.state = Breaker::HalfOpen,
            Breaker::HalfOpen => {
                self.failures = 0;
                self.state = Breaker::Closed;
            }
            Breaker::Closed => self.failures = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(breaker: &mut CircuitBreaker, times: usize) {
        (0..times).for_each(|_| breaker.failed());
    }

    fn opened() -> CircuitBreaker {
        let mut breaker = CircuitBreaker::new();
        fails(&mut breaker, 5);
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut breaker = CircuitBreaker::new();
        fails(&mut breaker, 4);
        assert_eq!(breaker.state(), Breaker::Closed);
        breaker.succeeded();
        fails(&mut breaker, 4);
        assert_eq!(breaker.state(), Breaker::Closed);
        breaker.failed();
        assert_eq!(breaker.state(), Breaker::Open);
    }

    #[test]
    fn two_probes_close_it_and_a_failure_between_them_does_not() {
        let mut breaker = opened();
        breaker.probed();
        assert_eq!(breaker.state(), Breaker::HalfOpen);
        breaker.failed();
        assert_eq!(breaker.state(), Breaker::Open);
        breaker.probed();
        breaker.probed();
        assert_eq!(breaker.state(), Breaker::Closed);
        fails(&mut breaker, 4);
        assert_eq!(breaker.state(), Breaker::Closed, "it counts from nothing again");
    }

    #[test]
    fn a_late_success_of_a_request_does_not_close_it() {
        let mut breaker = opened();
        breaker.succeeded();
        assert_eq!(breaker.state(), Breaker::Open);
    }
}
