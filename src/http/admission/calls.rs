//! How often a seat calls over HTTP to change something: as often as it may send frames.

use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::limit::Limit;
use super::settings::LimitSettings;

/// How much may come at once, in seconds' worth.
const BURST_SECONDS: u32 = 6;

/// A token's hash, whether it is any seat's or not.
type TokenHash = [u8; 16];

/// What was called lately.
pub(super) struct Calls(DefaultKeyedRateLimiter<TokenHash>);

impl Calls {
    pub(super) fn new(settings: &LimitSettings) -> Self {
        let per_second = settings.frames_per_second;
        let burst = per_second.saturating_mul(BURST_SECONDS.try_into().expect("it is not zero"));
        Self(RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)))
    }

    /// Counts a call, if it is not one too many.
    pub(super) fn take(&self, token: TokenHash) -> Result<(), (Limit, Duration)> {
        let checked = self.0.check_key(&token);
        checked.map_err(|until| (Limit::Calls, until.wait_time_from(DefaultClock::default().now())))
    }

    /// Forgets tokens that have been quiet.
    pub(super) fn tidy(&self) {
        self.0.retain_recent();
    }
}
