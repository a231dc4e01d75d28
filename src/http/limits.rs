//! How often a player may ask for something: a connection's frames, and a seat's single requests.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::DefaultClock;
use governor::state::keyed::HashMapStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

const A_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
const AT_ONCE: NonZeroU32 = NonZeroU32::new(100).expect("it is not zero");
/// After so many requests the seats are forgotten that have been quiet since.
const FORGET_EVERY: usize = 4_096;

/// A token's hash, whether it is any seat's or not.
type Key = [u8; 16];

fn quota() -> Quota {
    Quota::per_second(A_SECOND).allow_burst(AT_ONCE)
}

/// The limit of one connection's frames.
pub(super) fn of_connection() -> DefaultDirectRateLimiter {
    RateLimiter::direct(quota())
}

/// The limits of single requests, by the tokens that they show.
pub struct SeatLimits {
    seats: RateLimiter<Key, HashMapStateStore<Key>, DefaultClock>,
    checks: AtomicUsize,
}

impl Default for SeatLimits {
    fn default() -> Self {
        Self { seats: RateLimiter::hashmap(quota()), checks: AtomicUsize::new(0) }
    }
}

impl SeatLimits {
    /// Counts a request; false if it is one too many.
    pub(super) fn allow(&self, token: &Key) -> bool {
        if self.checks.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.seats.retain_recent();
        }
        self.seats.check_key(token).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_a_limit_of_its_own() {
        let limits = SeatLimits::default();
        let allowed = |token: u8| (0..150).filter(|_| limits.allow(&[token; 16])).count();
        let first = allowed(1);
        assert!((100..120).contains(&first), "{first}");
        assert!(allowed(1) < 20);
        assert!(allowed(2) >= 100);
    }

    #[test]
    fn tokens_that_are_not_seen_again_are_forgotten() {
        let limits = SeatLimits::default();
        let ask = |n: usize| {
            let mut token = [0; 16];
            token[..8].copy_from_slice(&(n as u64).to_le_bytes());
            limits.allow(&token)
        };
        (0..FORGET_EVERY / 2).for_each(|n| assert!(ask(n)));
        std::thread::sleep(std::time::Duration::from_millis(100));
        (FORGET_EVERY / 2..FORGET_EVERY).for_each(|n| assert!(ask(n)));
        assert!(limits.seats.len() <= FORGET_EVERY / 2 + 1, "{}", limits.seats.len());
    }
}
