//! How fast rows are copied, how far the copy is, and whether it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::BackupError;

/// The longest pause between two slices. A disk that is slow for a moment must not stop the copy.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many times as long as a slice the pause after it is.
const PAUSE: u32 = 3;

/// How far a copy is, in rows.
#[derive(Debug, Default)]
pub struct CopyProgress {
    done: AtomicU64,
    total: AtomicU64,
}

impl CopyProgress {
    /// The rows that are copied, and how many there are. Both are 0 before the copy begins.
    pub fn rows(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Begins anew with this many rows.
    pub(crate) fn begin(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, rows: u64) {
        self.done.fetch_add(rows, Ordering::Relaxed);
    }
}

/// Controls a copy from outside.
#[derive(Debug, Clone, Default)]
pub struct CopyControl {
    /// Ends the copy after the current slice.
    pub stop: CancellationToken,
    /// How far the copy is.
    pub progress: Arc<CopyProgress>,
    /// Whether the copy pauses after each slice, so that others get the disk and the processor most of the time.
    pub is_gentle: bool,
}

impl CopyControl {
    /// Called after each slice, which took this long.
    ///
    /// # Errors
    /// [`BackupError::Stopped`] if the copy is to end.
    pub(crate) fn after_slice(&self, took: Duration) -> Result<(), BackupError> {
        if self.is_gentle {
            std::thread::sleep((PAUSE * took).min(LONGEST_PAUSE));
        }
        if self.stop.is_cancelled() { Err(BackupError::Stopped) } else { Ok(()) }
    }
}
