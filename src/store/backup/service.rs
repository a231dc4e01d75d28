//! Makes backups while a server runs, one at a time, and remembers what became of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as TurnLock, OwnedMutexGuard, oneshot};
use tokio_util::sync::CancellationToken;

use super::{BackupError, BackupFolder, BackupReport, BackupSource, CopyControl, CopyProgress, check_name};
use crate::domain::{Millis, WallTime};
use crate::store::WallClock;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedBackup {
    /// When it was complete.
    pub at: WallTime,
    /// What it has.
    pub report: BackupReport,
}

/// What became of the backups since the server started, and what it found then.
#[derive(Debug, Clone, Default)]
pub struct BackupStatus {
    /// The interval of scheduled backups; `None` if there is no schedule.
    pub every: Option<Duration>,
    /// When the newest backup that the folder had at the start was written; `None` if there was none.
    pub found: Option<WallTime>,
    /// The last backup that was made; `None` if there was none.
    pub last: Option<FinishedBackup>,
    /// How many were made.
    pub made: u64,
    /// How many failed.
    pub failed: u64,
    /// When the last one failed, and why; `None` if none has failed since the last one was made.
    pub failure: Option<(WallTime, String)>,
    /// The rows that the running backup has copied, and how many there are; `None` if none is running.
    pub running: Option<(u64, u64)>,
}

impl BackupStatus {
    /// When the newest backup was complete, whether this process or an earlier one has made it. `None` if there is
    /// none.
    pub fn last_success(&self) -> Option<WallTime> {
        self.last.as_ref().map(|last| last.at).or(self.found)
    }
}

/// What is done with a complete backup before it is noted.
type Finish = fn(BackupReport) -> Result<BackupReport, BackupError>;

/// The backups of a server.
pub struct Backups {
    /// What is copied, or why there is nothing to copy.
    source: Result<Arc<dyn BackupSource>, &'static str>,
    /// The folder of the backups that are made at intervals.
    folder: Option<BackupFolder>,
    wall: WallClock,
    stop: CancellationToken,
    /// Held while a backup is made.
    turn: Arc<TurnLock<()>>,
    status: Arc<Mutex<BackupStatus>>,
    progress: Arc<CopyProgress>,
}

impl Backups {
    /// Backups of `source`, which is an error with the reason if there is no file to copy. Looks for the newest backup
    /// in the folder.
    pub fn new(
        source: Result<Arc<dyn BackupSource>, &'static str>,
        folder: Option<BackupFolder>,
        wall: WallClock,
    ) -> Self {
        let (stop, turn, progress) = Default::default();
        let backups = Self { source, folder, wall, stop, turn, status: Arc::default(), progress };
        let age = backups.folder.as_ref().and_then(|folder| backups.age(folder));
        backups.status.lock().found = age.map(|age| WallTime((backups.wall)().0.saturating_sub(Millis::from(age).0)));
        backups
    }

    /// The same with the interval of the schedule that uses them, for the status.
    #[must_use]
    pub fn scheduled(self, every: Duration) -> Self {
        self.status.lock().every = Some(every);
        self
    }

    /// Whether there is a folder for backups, or one was asked for.
    pub fn are_used(&self) -> bool {
        let status = self.status.lock();
        self.folder.is_some() || status.made > 0 || status.failed > 0
    }

    /// What became of the backups so far.
    pub fn status(&self) -> BackupStatus {
        let running = self.turn.try_lock().is_err().then(|| self.progress.rows());
        BackupStatus { running, ..self.status.lock().clone() }
    }

    /// Makes a backup at `target`, an absolute path or a name in the folder of backups. Without a target it gets a
    /// name with the date in that folder, which is not one of those that are removed later, and tells if games were
    /// left out. It goes on to its end even if the returned future is dropped.
    ///
    /// # Errors
    /// [`BackupError`]. Then there is no file at `target`, and the server is as it was.
    pub async fn make(&self, target: Option<&Path>) -> Result<BackupReport, BackupError> {
        let source = self.source.as_ref().map_err(|why| BackupError::NoFile(why))?;
        let (target, finish): (_, Finish) = match (target, &self.folder) {
            (Some(target), _) => (self.resolve(target)?, Ok),
            (None, Some(folder)) => {
                folder.make()?;
                let place = folder.place_by_hand(&source.name(), (self.wall)());
                (place, BackupFolder::tell_incomplete)
            }
            (None, None) => return Err(BackupError::NoFile("name a file: REJOIN_BACKUP_DIR is not set")),
        };
        let turn = self.turn.clone().try_lock_owned().map_err(|_| BackupError::Busy)?;
        self.run(target, turn, finish).await
    }

    /// Makes a backup in the folder of backups, and removes the oldest ones that are too many.
    pub(super) async fn make_dated(&self, folder: &BackupFolder) -> Result<BackupReport, BackupError> {
        let name = self.source.as_ref().map_err(|why| BackupError::NoFile(why))?.name();
        let turn = self.turn.clone().try_lock_owned().map_err(|_| BackupError::Busy)?;
        if let Err(error) = folder.make() {
            let made = Err(error);
            note(&mut self.status.lock(), &made, &folder.path, (self.wall)());
            return made;
        }
        let report = self.run(folder.place(&name, (self.wall)()), turn, BackupFolder::tell_content).await?;
        // Only now: as long as the new one is not complete, all old ones are needed.
        folder.prune(&name, &report.file);
        Ok(report)
    }

    fn resolve(&self, target: &Path) -> Result<PathBuf, BackupError> {
        check_name(target)?;
        if target.is_absolute() {
            // Only the folder of backups is created, not any other that was mistyped.
            if let Some(folder) = self.folder.as_ref().filter(|folder| target.parent() == Some(&folder.path)) {
                folder.make()?;
            }
            return Ok(target.to_owned());
        }
        let mut parts = target.components();
        let is_name = matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(_)), None));
        match &self.folder {
            Some(folder) if is_name => {
                folder.make()?;
                Ok(folder.path.join(target))
            }
            Some(_) => Err(BackupError::NoFile("name an absolute path, or a file in REJOIN_BACKUP_DIR")),
            None => Err(BackupError::NoFile("name an absolute path: REJOIN_BACKUP_DIR is not set")),
        }
    }

    /// Makes a backup at `target`, and gives what it has to `finish` before it is noted.
    async fn run(
        &self,
        target: PathBuf,
        turn: OwnedMutexGuard<()>,
        finish: Finish,
    ) -> Result<BackupReport, BackupError> {
        let source = self.source.as_ref().map_err(|why| BackupError::NoFile(why))?.clone();
        let (stop, progress) = (self.stop.clone(), self.progress.clone());
        progress.begin(0);
        let control = CopyControl { stop, progress, is_gentle: true };
        let (status, wall) = (self.status.clone(), self.wall.clone());
        let (tell, told) = oneshot::channel();
        // A thread of its own, because its priority is lowered for good.
        let thread = std::thread::Builder::new().name("rejoin-backup".to_owned());
        let folder = target.clone();
        let spawned = thread.spawn(move || {
            let made = source.back_up(&target, &control).map_err(|error| error.of(&target)).and_then(finish);
            note(&mut status.lock(), &made, &target, wall());
            // The source is released before the turn: whoever waits for the turn may close the store.
            drop(source);
            drop(turn);
            let _ = tell.send(made);
        });
        spawned.map_err(|cause| BackupError::io(&folder, cause))?;
        // If the thread panicked, that is in the log.
        told.await.unwrap_or(Err(BackupError::Stopped))
    }

    /// How long ago the newest backup in the folder was written; `None` if there is none.
    pub(super) fn age(&self, folder: &BackupFolder) -> Option<Duration> {
        folder.age(&self.source.as_ref().ok()?.name(), (self.wall)())
    }

    /// The newest dated backup that has games, in the folder of backups, else the newest that was made by hand; `None`
    /// if there is neither.
    pub fn newest_with_games(&self) -> Option<PathBuf> {
        self.folder.as_ref()?.newest_with_games(&self.source.as_ref().ok()?.name())
    }

    /// Gives up a running backup. No backup is made from now on.
    pub fn give_up(&self) {
        self.stop.cancel();
    }

    /// Gives up a running backup, and waits until it has ended.
    pub async fn close(&self) {
        self.give_up();
        drop(self.turn.lock().await);
    }
}

fn note(status: &mut BackupStatus, made: &Result<BackupReport, BackupError>, target: &Path, at: WallTime) {
    match made {
        Ok(report) => {
            let BackupReport { file, bytes, games, left_out, took, .. } = report;
            let (file, seconds) = (file.display(), took.as_secs_f64());
            match left_out {
                0 => tracing::info!(%file, bytes, games, seconds, "a backup was made"),
                _ => tracing::warn!(%file, bytes, games, left_out, seconds, "a backup was made without damaged games"),
            }
            status.made += 1;
            status.failure = None;
            status.last = Some(FinishedBackup { at, report: report.clone() });
        }
        Err(error) => {
            tracing::warn!(%error, file = %target.display(), "a backup failed; the server is not affected");
            status.failed += 1;
            status.failure = Some((at, error.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that waits until it is told to go on, or to stop.
    struct Slow {
        games: u64,
        left_out: u64,
        goes_on: Arc<std::sync::atomic::AtomicBool>,
    }

    impl BackupSource for Slow {
        fn back_up(&self, target: &Path, control: &CopyControl) -> Result<BackupReport, BackupError> {
            control.progress.begin(9);
            while !self.goes_on.load(std::sync::atomic::Ordering::Relaxed) {
                control.after_slice(Duration::from_millis(1))?;
            }
            std::fs::write(target, "whole").map_err(|cause| BackupError::io(target, cause))?;
            let (took, taken_at) = (Duration::from_millis(1), WallTime(7));
            let Self { games, left_out, .. } = *self;
            Ok(BackupReport { file: target.to_owned(), bytes: 5, games, left_out, taken_at, took })
        }

        fn name(&self) -> String {
            "rejoin".to_owned()
        }
    }

    fn backups(folder: &Path) -> (Arc<Backups>, Arc<std::sync::atomic::AtomicBool>) {
        backups_with(folder, 3, 0)
    }

    fn backups_with(folder: &Path, games: u64, left_out: u64) -> (Arc<Backups>, Arc<std::sync::atomic::AtomicBool>) {
        let goes_on = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let source: Arc<dyn BackupSource> = Arc::new(Slow { goes_on: goes_on.clone(), games, left_out });
        let folder = BackupFolder { path: folder.to_owned(), keep: 1 };
        (Arc::new(Backups::new(Ok(source), Some(folder), Arc::new(|| WallTime(1_000)))), goes_on)
    }

    async fn until_running(backups: &Backups) {
        while backups.status().running != Some((0, 9)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn one_backup_is_made_at_a_time_and_goes_on_if_its_caller_leaves() {
        let folder = tempfile::tempdir().expect("a folder");
        let (backups, goes_on) = backups(folder.path());
        let first = tokio::spawn({
            let backups = backups.clone();
            async move { backups.make(Some(Path::new("first.redb"))).await }
        });
        until_running(&backups).await;
        assert!(matches!(backups.make(Some(Path::new("second.redb"))).await, Err(BackupError::Busy)));
        first.abort();
        goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
        while backups.status().made == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let last = backups.status().last.expect("made");
        assert_eq!((last.at, last.report.games), (WallTime(1_000), 3));
        assert!(folder.path().join("first.redb").exists());
    }

    #[tokio::test]
    async fn the_newest_backup_of_an_earlier_process_is_the_last_success_until_there_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(backups(folder.path()).0.status().last_success(), None, "the folder is empty");
        let old = folder.path().join("rejoin-1970-01-01T00-00-00Z.redb");
        let written = std::time::SystemTime::now() - Duration::from_millis(600);
        let file = std::fs::File::create(&old).expect("created");
        file.set_modified(written).expect("the file takes a time");
        std::fs::write(folder.path().join("mine.redb"), "without a date").expect("written");
        let (backups, goes_on) = backups(folder.path());
        let found = backups.status().last_success().expect("found").0;
        assert!(found <= 400, "at least 600 ms before 1000: {found}");
        goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
        backups.make(None).await.expect("made");
        assert_eq!(backups.status().last_success(), Some(WallTime(1_000)));
    }

    #[tokio::test]
    async fn a_stop_gives_it_up_and_waits_for_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (backups, _) = backups(folder.path());
        let first = tokio::spawn({
            let backups = backups.clone();
            async move { backups.make(Some(Path::new("first.redb"))).await }
        });
        until_running(&backups).await;
        backups.close().await;
        assert!(matches!(first.await.expect("no panic"), Err(BackupError::Stopped)));
        let status = backups.status();
        assert_eq!((status.failed, status.made, status.running), (1, 0, None));
        assert!(status.failure.is_some_and(|(at, why)| at == WallTime(1_000) && why.contains("being stopped")));
    }

    #[tokio::test]
    async fn the_folder_of_backups_is_created_for_a_whole_path_into_it_and_no_other_is() {
        let parent = tempfile::tempdir().expect("a folder");
        let (folder, other) = (parent.path().join("backups"), parent.path().join("backup"));
        let (backups, goes_on) = backups(&folder);
        goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
        backups.make(Some(&folder.join("mine.redb"))).await.expect("made");
        assert!(backups.make(Some(&other.join("mine.redb"))).await.is_err());
        assert!(folder.join("mine.redb").exists() && !other.exists());
    }

    #[tokio::test]
    async fn a_relative_path_leads_nowhere_but_into_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (backups, goes_on) = backups(folder.path());
        goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
        for path in ["../out.redb", "a/b.redb", "..", "."] {
            assert!(matches!(backups.make(Some(Path::new(path))).await, Err(BackupError::NoFile(_))), "{path}");
        }
        backups.make(Some(Path::new("in.redb"))).await.expect("made");
        assert!(folder.path().join("in.redb").exists());
        let none = Backups::new(Err("it has no file"), None, Arc::new(|| WallTime(0)));
        let refused = none.make(Some(Path::new("/tmp/never.redb"))).await.expect_err("it has no file");
        assert_eq!(refused.to_string(), "it has no file");
    }

    #[tokio::test]
    async fn dated_names_tell_what_is_missing_and_a_name_that_was_given_stays() {
        for (games, left_out, scheduled, by_hand) in [
            (3, 0, "rejoin-1970-01-01T00-00-01Z.redb", "rejoin-manual-1970-01-01T00-00-01Z.redb"),
            (3, 1, "rejoin-1970-01-01T00-00-01Z-incomplete.redb", "rejoin-manual-1970-01-01T00-00-01Z-incomplete.redb"),
            (0, 0, "rejoin-1970-01-01T00-00-01Z-empty.redb", "rejoin-manual-1970-01-01T00-00-01Z.redb"),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let (backups, goes_on) = backups_with(folder.path(), games, left_out);
            goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
            let dated = backups.make_dated(&BackupFolder { path: folder.path().to_owned(), keep: 1 }).await;
            assert_eq!(dated.expect("made").file, folder.path().join(scheduled));
            assert_eq!(backups.make(None).await.expect("made").file, folder.path().join(by_hand));
            assert_eq!(backups.status().last.expect("made").report.file, folder.path().join(by_hand));
            let given = backups.make(Some(Path::new("mine.redb"))).await.expect("made").file;
            assert_eq!(given, folder.path().join("mine.redb"));
            let newest = if games > 0 { scheduled } else { by_hand };
            assert_eq!(backups.newest_with_games(), Some(folder.path().join(newest)));
        }
    }

    #[tokio::test]
    async fn a_name_of_unfinished_files_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (backups, goes_on) = backups(folder.path());
        goes_on.store(true, std::sync::atomic::Ordering::Relaxed);
        for path in [PathBuf::from(".rejoin-copy-mine.redb"), folder.path().join(".rejoin-copy-mine")] {
            let refused = backups.make(Some(&path)).await.expect_err("it would be removed");
            assert!(matches!(refused, BackupError::NoFile(why) if why.contains("unfinished")), "{path:?}");
        }
    }

    #[test]
    fn an_error_tells_of_the_file_that_was_asked_for_and_of_no_temporary_name() {
        let cause = tempfile::Builder::new().prefix(".rejoin-copy-").tempfile_in("/nowhere").expect_err("no folder");
        assert!(cause.to_string().contains(".rejoin-copy-"), "{cause}");
        let error = BackupError::io(Path::new("/nowhere"), cause).of(Path::new("/nowhere/mine.redb"));
        let expected = "/nowhere/mine.redb cannot be written: No such file or directory (os error 2)";
        assert_eq!(error.to_string(), expected);
    }
}
