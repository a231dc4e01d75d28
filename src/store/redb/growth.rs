//! Whether what takes space, a new game above all, may be stored. A commit that has met a full disk, or
//! damage where new games go, holds it up until a try has worked. Nothing else is refused for that.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::contract::Cause;

/// How soon it is tried again after a commit has failed for want of space: first, and at most. A try
/// that fails closes the file for a moment.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(16);
/// How soon it is tried again after a commit has met a damaged page.
pub(super) const DAMAGE_RETRY: Duration = Duration::from_secs(60);

/// Space that is kept in the file for running games: a part of the file, one in so many, and at least
/// and at most so many bytes.
const RESERVED_PART: u64 = 32;
const LEAST_RESERVED: u64 = 1024 * 1024;
const MOST_RESERVED: u64 = 16 * 1024 * 1024;

/// How many bytes a file of this length keeps for running games.
pub(super) fn reserved(length: u64) -> u64 {
    (length / RESERVED_PART).clamp(LEAST_RESERVED, MOST_RESERVED)
}

/// Whether the file may grow.
#[derive(Default)]
pub(super) struct Growth(Mutex<Option<Hold>>);

/// A commit that takes space has failed.
struct Hold {
    cause: Cause,
    pause: Duration,
    retry_at: Instant,
    /// Whether something was deleted since.
    has_freed: bool,
}

impl Growth {
    /// Why nothing may grow, if nothing may.
    pub(super) fn refusal(&self) -> Option<Cause> {
        self.0.lock().as_ref().map(|hold| hold.cause)
    }

    /// A commit that takes space has met a full disk, or damage.
    pub(super) fn failed(&self, cause: Cause) {
        let mut hold = self.0.lock();
        let again = hold.as_ref().filter(|hold| hold.cause == cause && !hold.has_freed).map(|hold| hold.pause * 2);
        let pause = match cause {
            Cause::Damaged => DAMAGE_RETRY,
            _ => again.unwrap_or(FIRST_RETRY).min(LAST_RETRY),
        };
        *hold = Some(Hold { cause, pause, retry_at: Instant::now() + pause, has_freed: false });
    }

    /// Something was deleted: a try is worth it sooner.
    pub(super) fn freed(&self) {
        if let Some(hold) = self.0.lock().as_mut().filter(|hold| hold.cause == Cause::Full) {
            hold.retry_at = hold.retry_at.min(Instant::now() + FIRST_RETRY);
            hold.has_freed = true;
        }
    }

    /// Whether it is time to try whether the file can grow again.
    pub(super) fn is_try_due(&self) -> bool {
        self.0.lock().as_ref().is_none_or(|hold| Instant::now() >= hold.retry_at)
    }

    /// Something that takes space was stored.
    pub(super) fn worked(&self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(growth: &Growth) -> Option<Duration> {
        growth.0.lock().as_ref().map(|hold| hold.pause)
    }

    #[test]
    fn after_a_full_disk_nothing_grows_until_a_try_has_worked() {
        let growth = Growth::default();
        assert_eq!(growth.refusal(), None);
        growth.failed(Cause::Full);
        assert_eq!(growth.refusal(), Some(Cause::Full));
        assert!(!growth.is_try_due());
        growth.worked();
        assert_eq!(growth.refusal(), None);
    }

    #[test]
    fn tries_that_fail_become_rarer_until_something_was_deleted() {
        let growth = Growth::default();
        for seconds in [1, 2, 4, 8, 16, 16] {
            growth.failed(Cause::Full);
            assert_eq!(pause(&growth), Some(Duration::from_secs(seconds)));
        }
        growth.freed();
        assert!(growth.0.lock().as_ref().is_some_and(|hold| hold.retry_at <= Instant::now() + FIRST_RETRY));
        growth.failed(Cause::Full);
        assert_eq!(pause(&growth), Some(FIRST_RETRY));
        growth.failed(Cause::Damaged);
        assert_eq!((growth.refusal(), pause(&growth)), (Some(Cause::Damaged), Some(DAMAGE_RETRY)));
    }

    #[test]
    fn the_reserve_is_a_part_of_the_file_within_bounds() {
        assert_eq!([0, 64 << 20, 64 << 30].map(reserved), [1 << 20, 2 << 20, 16 << 20]);
    }
}
