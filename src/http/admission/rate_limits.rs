//! Rate limits per key: requests per address, and HTTP calls per seat that change a room. A seat may make as
//! many such calls as it may send frames over its WebSocket.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limit::{Limit, Refused, wait};

/// A rate limiter with one bucket for each key.
pub(super) struct Calls<K: Hash + Eq + Clone> {
    lately: DefaultKeyedRateLimiter<K>,
    limit: Limit,
}

impl<K: Hash + Eq + Clone> Calls<K> {
    /// Allows `count` calls a second for each key, in bursts of up to `burst_seconds` seconds' worth.
    /// Refusals name `limit`.
    pub(super) fn per_second(count: NonZeroU32, burst_seconds: u32, limit: Limit) -> Self {
        let burst = NonZeroU32::new(count.get().saturating_mul(burst_seconds)).unwrap_or(count);
        Self { lately: RateLimiter::keyed(Quota::per_second(count).allow_burst(burst)), limit }
    }

    /// Counts a call, or refuses it if the key is over its rate. A refused call is not counted.
    pub(super) fn take(&self, key: &K) -> Result<(), Refused> {
        self.lately.check_key(key).map_err(|until| (self.limit, wait(&until)))
    }

    /// Drops the keys whose bucket is full again.
    pub(super) fn tidy(&self) {
        self.lately.retain_recent();
    }
}
