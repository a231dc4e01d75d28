//! Counts requests by their outcome, for the log.

use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that were answered since the start, WebSocket upgrades included.
#[derive(Debug, Default)]
pub struct RequestCounts {
    all: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl RequestCounts {
    /// Counts a request that was answered with this status.
    pub(super) fn note(&self, status: u16) {
        self.all.fetch_add(1, Ordering::Relaxed);
        match status {
            400..500 => self.refused.fetch_add(1, Ordering::Relaxed),
            500.. => self.failed.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// All requests.
    pub fn all(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Requests that were refused: status 400 to 499.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests that failed on this side: status 500 and above.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_and_a_failure_are_counted_as_such() {
        let counts = RequestCounts::default();
        [101, 200, 308, 400, 499, 500, 503].into_iter().for_each(|status| counts.note(status));
        assert_eq!((counts.all(), counts.refused(), counts.failed()), (7, 2, 2));
    }
}
