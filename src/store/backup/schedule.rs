//! Backups at intervals.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{BackupError, BackupFolder, BackupReport, Backups};

/// The pause after another backup was in the way. It ends long before the usual time, and costs nothing.
const BUSY: Duration = Duration::from_secs(60);

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
    /// is in the log, the next try comes at its usual time; if another backup was being made, within a minute.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = self.backups.age(&self.folder).map_or(Duration::ZERO, |age| self.every.saturating_sub(age));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = self.pause_after(&self.step().await);
        }
    }

    /// The pause after a step. The service logs failures of a copy. The two that come before it are logged here.
    fn pause_after(&self, made: &Result<BackupReport, BackupError>) -> Duration {
        match made {
            Err(BackupError::Busy) => {
                let pause = self.every.min(BUSY);
                tracing::info!(again_in_s = pause.as_secs(), "the backup waits: another one is being made");
                return pause;
            }
            Err(BackupError::NoFile(why)) => tracing::warn!(why, "no backup was made"),
            _ => {}
        }
        self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_whose_turn_was_taken_tries_again_within_a_minute() {
        let schedule = |every| {
            let folder = BackupFolder { path: "/nowhere".into(), keep: 1 };
            let backups = Backups::new(Err("it has no file"), None, Arc::new(|| crate::domain::WallTime(0)));
            BackupSchedule { backups: Arc::new(backups), folder, every: Duration::from_secs(every) }
        };
        let pauses = |every| {
            let after = |error| schedule(every).pause_after(&Err(error)).as_secs();
            [after(BackupError::Busy), after(BackupError::Stopped), after(BackupError::NoFile("why"))]
        };
        assert_eq!(pauses(3_600), [60, 3_600, 3_600]);
        assert_eq!(pauses(10), [10, 10, 10]);
    }
}
