//! Starts what makes backups while the server runs.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::store::WallClock;
use crate::store::backup::{BackupFolder, BackupSchedule, BackupSource, Backups};

/// Creates the service, and starts the schedule if the settings have one. The caller must close the service before
/// the stores.
pub(super) fn start(
    settings: &Settings,
    source: Result<Arc<dyn BackupSource>, &'static str>,
    wall: WallClock,
    background: &TaskTracker,
    stopping: &CancellationToken,
) -> Arc<Backups> {
    let keep = settings.backup.kept();
    let folder = settings.backup.dir.clone().map(|path| BackupFolder { path, keep });
    let backups = Backups::new(source, folder.clone(), wall);
    let (Some(every), Some(folder)) = (settings.backup.every, folder) else { return Arc::new(backups) };
    let backups = Arc::new(backups.scheduled(every));
    let schedule = BackupSchedule { backups: backups.clone(), folder, every };
    background.spawn(schedule.run(stopping.clone()));
    backups
}

/// Warns that the server begins without games, if there is a backup of some: the disk of its data folder may not be
/// mounted.
pub(super) fn warn_of_emptiness(backups: &Backups) {
    if let Some(backup) = backups.newest_with_games() {
        let backup = backup.display();
        tracing::warn!(%backup, "the data folder was empty, but there is a backup: is its disk mounted?");
    }
}
