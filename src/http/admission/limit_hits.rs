//! Counts how often each limit refused something, for `/health` and for the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::limit::Limit;

/// Minimum time between two log lines about the same limit.
const QUIET: Duration = Duration::from_secs(60);

const COUNT: usize = Limit::ALL.len();

/// Refusals by each limit since the start.
#[derive(Debug, Default)]
pub(super) struct Hits {
    counts: [AtomicU64; COUNT],
    /// For each limit, the count that was logged last, and when.
    told: Mutex<[(u64, Option<Instant>); COUNT]>,
}

impl Hits {
    /// Counts one refusal.
    pub(super) fn note(&self, limit: Limit) {
        self.counts[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Refusals by setting name.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Limit::ALL.into_iter().map(|limit| (limit.setting(), self.counts[limit as usize].load(Ordering::Relaxed)))
    }

    /// Logs each limit that refused something since its last log line, at most once in [`QUIET`].
    pub(super) fn tell(&self) {
        for (limit, times) in self.due(Instant::now()) {
            tracing::warn!(limit = limit.setting(), times, "a limit was exceeded");
        }
    }

    /// The limits to log at `now`, with the refusals since each was logged last. Marks them as logged.
    fn due(&self, now: Instant) -> Vec<(Limit, u64)> {
        let mut told = self.told.lock();
        let mut due = Vec::new();
        for limit in Limit::ALL {
            let count = self.counts[limit as usize].load(Ordering::Relaxed);
            let (told_count, told_at) = &mut told[limit as usize];
            if count > *told_count && told_at.is_none_or(|at| now.duration_since(at) >= QUIET) {
                due.push((limit, count - *told_count));
                (*told_count, *told_at) = (count, Some(now));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_logged_at_once_and_then_now_and_then() {
        let (hits, now) = (Hits::default(), Instant::now());
        hits.note(Limit::Joins);
        assert_eq!(hits.due(now), [(Limit::Joins, 1)]);
        hits.note(Limit::Joins);
        hits.note(Limit::Joins);
        hits.note(Limit::Creates);
        let just_before = now + QUIET - Duration::from_millis(1);
        assert_eq!(hits.due(just_before), [(Limit::Creates, 1)], "the other one waits");
        assert_eq!(hits.due(now + QUIET), [(Limit::Joins, 2)]);
        assert!(hits.due(now + QUIET * 9).is_empty(), "nothing new");
    }
}
