//! Decides whether commands that take space, such as new games, are accepted. They are refused after a commit
//! found the disk full, or damage where new games are stored, until a try succeeds. No other command is
//! refused for this.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::contract::Cause;

/// The first backoff after a commit found no space. A failed try closes the file for a moment.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest backoff after commits found no space.
const LAST_RETRY: Duration = Duration::from_secs(16);
/// The pause before the next try after a commit met a damaged page.
pub(super) const DAMAGE_RETRY: Duration = Duration::from_secs(60);

/// One part in this many of the file is reserved for running games.
const RESERVED_PART: u64 = 32;
/// The smallest reserve for running games, in bytes.
const LEAST_RESERVED: u64 = 1024 * 1024;
/// The largest reserve for running games, in bytes.
const MOST_RESERVED: u64 = 16 * 1024 * 1024;

/// How many bytes a file of `length` bytes reserves for running games.
pub(super) fn reserved(length: u64) -> u64 {
    (length / RESERVED_PART).clamp(LEAST_RESERVED, MOST_RESERVED)
}

/// Whether the file may grow. The store and the writer share it.
#[derive(Default)]
pub(super) struct Growth(Mutex<Option<Hold>>);

/// Growth is refused, since a commit that takes space failed.
struct Hold {
    cause: Cause,
    /// The backoff before the next try. It doubles with each full disk in a row.
    pause: Duration,
    retry_at: Instant,
    /// Whether something was deleted since that commit.
    has_freed: bool,
}

impl Growth {
    /// Why growth is refused; `None` if it is not.
    pub(super) fn refusal(&self) -> Option<Cause> {
        self.0.lock().as_ref().map(|hold| hold.cause)
    }

    /// Notes that a commit that takes space found the disk full, or damage. The backoff doubles from one full
    /// disk to the next, and starts again if something was deleted in between.
    pub(super) fn failed(&self, cause: Cause) {
        let mut hold = self.0.lock();
        let again = hold.as_ref().filter(|hold| hold.cause == cause && !hold.has_freed).map(|hold| hold.pause * 2);
        let pause = match cause {
            Cause::Damaged => DAMAGE_RETRY,
            _ => again.unwrap_or(FIRST_RETRY).min(LAST_RETRY),
        };
        *hold = Some(Hold { cause, pause, retry_at: Instant::now() + pause, has_freed: false });
    }

    /// Notes that something was deleted, so that the next try comes sooner.
    pub(super) fn freed(&self) {
        if let Some(hold) = self.0.lock().as_mut().filter(|hold| hold.cause == Cause::Full) {
            hold.retry_at = hold.retry_at.min(Instant::now() + FIRST_RETRY);
            hold.has_freed = true;
        }
    }

    /// Whether the next try is due.
    pub(super) fn is_try_due(&self) -> bool {
        self.0.lock().as_ref().is_none_or(|hold| Instant::now() >= hold.retry_at)
    }

    /// Notes that a commit that takes space succeeded: growth is accepted again.
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
