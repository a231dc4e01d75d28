//! Backups at intervals.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{BackupError, BackupFolder, BackupReport, Backups};

/// Makes a backup at intervals, and keeps the newest ones.
pub struct BackupSchedule {
    /// Makes the backups.
    pub backups: Arc<Backups>,
    /// Where they are stored, and how many.
    pub folder: BackupFolder,
    /// The time from the end of one to the beginning of the next.
    pub every: Duration,
}

impl BackupSchedule {
    /// Makes one backup.
    ///
    /// # Errors
    /// [`BackupError`]. All backups that were there are still there.
    pub async fn step(&self) -> Result<BackupReport, BackupError> {
        self.backups.make_dated(&self.folder).await
    }

    /// Repeats [`step`](Self::step) until `stop` is cancelled. The first one comes when the newest backup in the
    /// folder is old enough, so that restarts neither delay backups nor make more of them. After a failure, which
    /// is in the log, the next try comes at its usual time.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = self.backups.age(&self.folder).map_or(Duration::ZERO, |age| self.every.saturating_sub(age));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = self.step().await {
                // The service logs failures of a copy. These two come before it.
                match error {
                    BackupError::Busy => tracing::warn!("no backup was made: another one is being made"),
                    BackupError::NoFile(why) => tracing::warn!(why, "no backup was made"),
                    _ => {}
                }
            }
            pause = self.every;
        }
    }
}
