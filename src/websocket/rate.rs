//! The rate limit of one WebSocket client. Every frame of any kind counts, and every byte, frame heads included.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Burst, in seconds' worth of frames and bytes.
pub(crate) const FRAMES_BURST: u32 = 6;
/// Bytes allowed per allowed frame, on average.
const BYTES_A_FRAME: u32 = 16 * 1024;

/// The allowed frames a second. The allowed bytes a second follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameRate(NonZeroU32);

impl FrameRate {
    /// Allows `frames` frames a second, of 16 KiB each on average, with a burst of six seconds' worth.
    pub(crate) fn per_second(frames: NonZeroU32) -> Self {
        Self(frames)
    }

    /// A new limiter with its full burst.
    pub(super) fn limiter(self) -> FrameLimiter {
        let limiter = |per_second: NonZeroU32| {
            let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(FRAMES_BURST - 1));
            RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst))
        };
        let bytes = self.0.saturating_mul(NonZeroU32::new(BYTES_A_FRAME).expect("it is not zero"));
        FrameLimiter { frames: limiter(self.0), bytes: limiter(bytes) }
    }
}

/// The limiter of one connection.
#[derive(Debug)]
pub(super) struct FrameLimiter {
    frames: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
}

impl FrameLimiter {
    /// Takes `count` frames. False if they are too many, and then none is taken.
    pub(super) fn takes_frames(&self, count: u32) -> bool {
        takes(&self.frames, count)
    }

    /// Takes `count` bytes. False if they are too many, and then none is taken.
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
