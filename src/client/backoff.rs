//! The delays between attempts to connect: line 9 of "Coming back, in ten lines". Pure: randomness is passed
//! in.

use std::time::Duration;

/// The delay before the second attempt.
const FIRST: Duration = Duration::from_millis(500);
/// The longest delay, before jitter.
const LONGEST: Duration = Duration::from_secs(8);

/// Exponential backoff with jitter: no delay, then 0.5, 1, 2, 4, 8, 8 … s. Each delay is made up to one half
/// longer or shorter at random. Without that, all players would return to a restarted server at the same
/// moment.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The delay before the next attempt. `chance` is a random number from 0 to 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let doubled = self.tries.checked_sub(1).map(|doublings| FIRST * 2_u32.pow(doublings.min(16)));
        self.tries = self.tries.saturating_add(1);
        doubled.unwrap_or_default().min(LONGEST).mul_f64(0.5 + chance)
    }

    /// Resets the backoff after a welcome: the next attempt is made at once.
    pub(super) fn welcomed(&mut self) {
        self.tries = 0;
    }

    /// The server closed the connection because it got too many frames: the next attempt is not made at once.
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
