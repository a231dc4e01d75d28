//! When to try again: line 9 of "Coming back, in ten lines". Pure: chance is passed in.

use std::time::Duration;

/// The wait before the second try.
const FIRST: Duration = Duration::from_millis(500);
/// No wait is longer than this, chance aside.
const LONGEST: Duration = Duration::from_secs(8);

/// The waits between tries: none, then 0.5, 1, 2, 4, 8, 8 … s, each with up to a half of it more or
/// less, so that the players of a server that comes back don't come all at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// How long to wait before the next try; `chance` is from 0 to 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let doubled = self.tries.checked_sub(1).map(|doublings| FIRST * 2_u32.pow(doublings.min(16)));
        self.tries = self.tries.saturating_add(1);
        doubled.unwrap_or_default().min(LONGEST).mul_f64(0.5 + chance)
    }

    /// The connection stands: the next loss is tried again at once.
    pub(super) fn welcomed(&mut self) {
        self.tries = 0;
    }

    /// The server asks for patience: not at once this time.
    pub(super) fn slow_down(&mut self) {
        self.tries = self.tries.max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(schedule: &mut Backoff, chance: f64, count: usize) -> Vec<u128> {
        (0..count).map(|_| schedule.next(chance).as_millis()).collect()
    }

    #[test]
    fn the_first_try_is_at_once_and_the_others_double_up_to_eight_seconds() {
        let mut schedule = Backoff::default();
        assert_eq!(waits(&mut schedule, 0.5, 8), [0, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        schedule.tries = u32::MAX;
        assert_eq!(waits(&mut schedule, 0.5, 2), [8_000, 8_000]);
    }

    #[test]
    fn chance_makes_a_wait_up_to_a_half_longer_or_shorter() {
        assert_eq!(waits(&mut Backoff::default(), 0.0, 3), [0, 250, 500]);
        assert_eq!(waits(&mut Backoff::default(), 1.0, 3), [0, 750, 1_500]);
    }

    #[test]
    fn a_welcome_begins_anew_unless_the_server_asks_for_patience() {
        let mut schedule = Backoff::default();
        waits(&mut schedule, 0.5, 5);
        schedule.welcomed();
        assert_eq!(waits(&mut schedule, 0.5, 2), [0, 500]);
        schedule.welcomed();
        schedule.slow_down();
        assert_eq!(waits(&mut schedule, 0.5, 2), [500, 1_000]);
    }
}
