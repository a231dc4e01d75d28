//! How fast a client may send. Every frame counts, whatever its kind, and every byte, from the first on.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Seconds' worth of frames that may come at once.
pub(in crate::http) const FRAMES_BURST: u32 = 6;
/// Bytes that come with each frame that is allowed.
const BYTES_A_FRAME: u32 = 16 * 1024;

/// Frames and bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct FrameRate(NonZeroU32);

impl FrameRate {
    /// So many frames a second, of 16 KiB each on average; six seconds' worth may come at once.
    pub(in crate::http) fn per_second(frames: NonZeroU32) -> Self {
        Self(frames)
    }

    /// A limiter that nothing has been taken from.
    pub(super) fn limiter(self) -> FrameLimiter {
        let limiter = |per_second: NonZeroU32| {
            let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(FRAMES_BURST - 1));
            RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst))
        };
        let bytes = self.0.saturating_mul(NonZeroU32::new(BYTES_A_FRAME).expect("it is not zero"));
        FrameLimiter { frames: limiter(self.0), bytes: limiter(bytes) }
    }
}

/// What one connection may still send.
#[derive(Debug)]
pub(super) struct FrameLimiter {
    frames: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
}

impl FrameLimiter {
    /// Takes so many frames; false if they are too many.
    pub(super) fn takes_frames(&self, count: u32) -> bool {
        takes(&self.frames, count)
    }

    /// Takes so many bytes; false if they are too many.
    pub(super) fn takes_bytes(&self, count: usize) -> bool {
        takes(&self.bytes, u32::try_from(count).unwrap_or(u32::MAX))
    }
}

fn takes(limiter: &DefaultDirectRateLimiter, count: u32) -> bool {
    NonZeroU32::new(count).is_none_or(|count| matches!(limiter.check_n(count), Ok(Ok(()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_seconds_worth_may_come_at_once_and_no_more() {
        let limiter = FrameRate::per_second(NonZeroU32::new(2).expect("not zero")).limiter();
        assert!(limiter.takes_frames(12) && !limiter.takes_frames(1));
        assert!(limiter.takes_bytes(12 * 16 * 1024) && !limiter.takes_bytes(64 * 1024));
        assert!(limiter.takes_frames(0) && !limiter.takes_bytes(usize::MAX));
    }
}
