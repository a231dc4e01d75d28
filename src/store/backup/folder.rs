//! A folder of dated backups, of which the newest are kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::BackupError;
use crate::domain::WallTime;

/// The ending of every backup.
const ENDING: &str = ".redb";

/// A date as it stands in the names of files: `2026-11-27T17-00-00Z`, in UTC. Names sort by date.
pub fn stamp(date: WallTime) -> String {
    let date = UNIX_EPOCH.checked_add(Duration::from_millis(date.0)).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(date).to_string().replace(':', "-")
}

/// A folder for backups. Only files with the name of a backup are ever removed from it.
#[derive(Debug, Clone)]
pub struct BackupFolder {
    /// The folder. Created if missing.
    pub path: PathBuf,
    /// How many backups are kept, the newest ones. At least 1.
    pub keep: usize,
}

impl BackupFolder {
    /// The path for a backup that is made now. No file has this name.
    pub(super) fn place(&self, name: &str, date: WallTime) -> PathBuf {
        let dated = format!("{name}-{}", stamp(date));
        let number = |path: &PathBuf| {
            let stem = path.file_stem()?.to_string_lossy();
            let rest = stem.strip_prefix(&dated)?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse::<u32>().ok() }
        };
        // After the last one of this second, and never a name that became free: it would be that of the oldest.
        let count = self
            .backups(name)
            .iter()
            .filter_map(number)
            .max()
            .map_or_else(String::new, |last| format!("-{}", last.saturating_add(1)));
        self.path.join(format!("{dated}{count}{ENDING}"))
    }

    /// Creates the folder if it is missing.
    pub(super) fn make(&self) -> Result<(), BackupError> {
        std::fs::create_dir_all(&self.path).map_err(|cause| BackupError::io(&self.path, cause))
    }

    /// The backups of the file `name`, oldest first.
    fn backups(&self, name: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let is_backup = |path: &Path| {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_dated)
        };
        let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_backup(path)).collect();
        // A second backup of the same second is the later one, although its name sorts before the first.
        found.sort_by_key(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (name.chars().take(name.find('Z').unwrap_or_default()).collect::<String>(), name.len(), name)
        });
        found
    }

    /// How long ago the newest backup was written; `None` if there is none.
    pub(super) fn age(&self, name: &str) -> Option<Duration> {
        let written = self.backups(name).pop()?.metadata().ok()?.modified().ok()?;
        Some(SystemTime::now().duration_since(written).unwrap_or_default())
    }

    /// Removes the oldest backups that are too many, now that `made` is there. Backups of a later date come from a time
    /// when the clock was wrong: they are not counted, and stay.
    pub(super) fn prune(&self, name: &str, made: &Path) {
        let mut backups = self.backups(name);
        let Some(place) = backups.iter().position(|backup| backup.file_name() == made.file_name()) else { return };
        let later = backups.split_off(place + 1).len();
        if later > 0 {
            tracing::warn!(backups = later, "the folder of backups has some of a later date than now; they are kept");
        }
        for old in &backups[..backups.len().saturating_sub(self.keep.max(1))] {
            match std::fs::remove_file(old) {
                Ok(()) => tracing::debug!(file = %old.display(), "an old backup was removed"),
                Err(error) => tracing::warn!(%error, file = %old.display(), "an old backup could not be removed"),
            }
        }
    }
}

/// Whether this is the date of a backup and the ending, as [`BackupFolder::place`] writes them.
fn is_dated(rest: &str) -> bool {
    let Some(date) = rest.strip_suffix(ENDING) else { return false };
    let Some((date, count)) = date.split_at_checked("2026-11-27T17-00-00Z".len()) else { return false };
    let digit_or_same = |(real, pattern): (char, char)| match pattern {
        '0' => real.is_ascii_digit(),
        _ => real == pattern,
    };
    let is_count = count.is_empty() || count.strip_prefix('-').is_some_and(|count| count.parse::<u32>().is_ok());
    is_count && date.chars().zip("0000-00-00T00-00-00Z".chars()).all(digit_or_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime(1_795_798_800_000);

    #[test]
    fn names_are_dates_that_sort_and_are_never_used_twice() {
        assert_eq!(stamp(NOW), "2026-11-27T17-00-00Z");
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 2 };
        for expected in ["rejoin-2026-11-27T17-00-00Z.redb", "rejoin-2026-11-27T17-00-00Z-2.redb"] {
            let place = backups.place("rejoin", NOW);
            assert_eq!(place.file_name().expect("a name").to_string_lossy(), expected);
            std::fs::write(place, "").expect("written");
        }
        std::fs::remove_file(folder.path().join("rejoin-2026-11-27T17-00-00Z.redb")).expect("removed");
        assert!(backups.place("rejoin", NOW).ends_with("rejoin-2026-11-27T17-00-00Z-3.redb"));
    }

    #[test]
    fn only_the_oldest_backups_of_this_file_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().join("new"), keep: 2 };
        backups.make().expect("made");
        let old = ["rejoin-2026-11-27T16-00-00Z.redb", "rejoin-2026-11-27T17-00-00Z.redb"];
        let kept = ["rejoin-2026-11-27T17-00-00Z-2.redb", "rejoin-2026-11-27T17-00-00Z-10.redb"];
        let others = ["rejoin.redb", "rejoin-mine.redb", "fallback-2026-11-27T15-00-00Z.redb", "notes.txt"];
        let more = ["rejoin-2026-11-27T15-00-00Z.redb.gz", "rejoin-2026-11-27T15-00-00Z-a.redb"];
        for name in old.iter().chain(&kept).chain(&others).chain(&more) {
            std::fs::write(backups.path.join(name), "").expect("written");
        }
        backups.prune("rejoin", &backups.path.join(kept[1]));
        assert!(old.iter().all(|name| !backups.path.join(name).exists()));
        assert!(kept.iter().chain(&others).chain(&more).all(|name| backups.path.join(name).exists()));
        assert!(backups.age("rejoin").is_some() && backups.age("other").is_none());
    }

    #[test]
    fn backups_with_dates_in_the_future_cost_no_other_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 2 };
        let later = ["rejoin-2031-01-01T01-00-00Z.redb", "rejoin-2031-01-01T02-00-00Z.redb"];
        let now = ["rejoin-2026-11-27T16-00-00Z.redb", "rejoin-2026-11-27T17-00-00Z.redb"];
        for name in later.iter().chain(&now) {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let made = backups.place("rejoin", WallTime(NOW.0 + 60_000));
        std::fs::write(&made, "").expect("written");
        backups.prune("rejoin", &made);
        assert!(made.exists() && !folder.path().join(now[0]).exists() && folder.path().join(now[1]).exists());
        assert!(later.iter().all(|name| folder.path().join(name).exists()));
    }
}
