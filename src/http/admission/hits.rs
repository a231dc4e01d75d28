//! How often each limit was met: counted, and logged now and then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::limit::Limit;

/// A limit is not logged again sooner.
const QUIET: Duration = Duration::from_secs(30);

const COUNT: usize = Limit::ALL.len();

/// The counts of a server.
#[derive(Debug, Default)]
pub(super) struct Hits {
    counts: [AtomicU64; COUNT],
    told: Mutex<[(u64, Option<Instant>); COUNT]>,
}

impl Hits {
    /// A limit was met.
    pub(super) fn note(&self, limit: Limit) {
        self.counts[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The limits that were met, by their settings' names.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let count = |limit: Limit| (limit.setting(), self.counts[limit as usize].load(Ordering::Relaxed));
        Limit::ALL.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
    }

    /// Logs what was met since the last time.
    pub(super) fn tell(&self) {
        let mut told = self.told.lock();
        for limit in Limit::ALL {
            let count = self.counts[limit as usize].load(Ordering::Relaxed);
            let (told_count, told_at) = &mut told[limit as usize];
            if count > *told_count && told_at.is_none_or(|at| at.elapsed() >= QUIET) {
                tracing::warn!(limit = limit.setting(), times = count - *told_count, "a limit was met");
                (*told_count, *told_at) = (count, Some(Instant::now()));
            }
        }
    }
}
