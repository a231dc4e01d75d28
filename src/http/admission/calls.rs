//! How often an address makes requests, and how often a seat calls over HTTP to change something: the
//! latter as often as it may send frames.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limit::{Limit, Refused, wait};

/// So many a second for each key.
pub(super) struct Calls<K: Hash + Eq + Clone> {
    lately: DefaultKeyedRateLimiter<K>,
    limit: Limit,
}

impl<K: Hash + Eq + Clone> Calls<K> {
    /// So many a second, of which so many seconds' worth may come at once.
    pub(super) fn per_second(count: NonZeroU32, burst_seconds: u32, limit: Limit) -> Self {
        let burst = NonZeroU32::new(count.get().saturating_mul(burst_seconds)).unwrap_or(count);
        Self { lately: RateLimiter::keyed(Quota::per_second(count).allow_burst(burst)), limit }
    }

    /// Counts a call, if it is not one too many.
    pub(super) fn take(&self, key: &K) -> Result<(), Refused> {
        self.lately.check_key(key).map_err(|until| (self.limit, wait(&until)))
    }

    /// Forgets who has been quiet.
    pub(super) fn tidy(&self) {
        self.lately.retain_recent();
    }
}
