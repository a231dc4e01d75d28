//! A folder of dated backups, of which the newest are kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::BackupError;
use crate::domain::WallTime;

/// The ending of every backup.
const ENDING: &str = ".redb";
/// The ending of dated backups without the games that were damaged. They take the place of no whole one.
const INCOMPLETE: &str = "-incomplete.redb";

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
    /// How many backups are kept, the newest ones. At least 1. Those without damaged games are counted for themselves.
    pub keep: usize,
}

impl BackupFolder {
    /// The path for a backup that is made now. No file has this name.
    pub(super) fn place(&self, name: &str, date: WallTime) -> PathBuf {
        let dated = format!("{name}-{}", stamp(date));
        let number = |path: &PathBuf| {
            let file = path.file_name()?.to_string_lossy();
            let rest = file.strip_prefix(&dated)?;
            let rest = rest.strip_suffix(INCOMPLETE).or(rest.strip_suffix(ENDING))?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse::<u32>().ok() }
        };
        // After the last one of this second, and never a name that became free: it would be that of the oldest.
        let count = [ENDING, INCOMPLETE]
            .into_iter()
            .flat_map(|ending| self.backups(name, ending))
            .filter_map(|path| number(&path))
            .max()
            .map_or_else(String::new, |last| format!("-{}", last.saturating_add(1)));
        self.path.join(format!("{dated}{count}{ENDING}"))
    }

    /// Creates the folder if it is missing.
    pub(super) fn make(&self) -> Result<(), BackupError> {
        std::fs::create_dir_all(&self.path).map_err(|cause| BackupError::io(&self.path, cause))
    }

    /// Gives a dated backup without damaged games the name that tells it.
    pub(super) fn set_apart(made: &Path) -> Result<PathBuf, BackupError> {
        let mut name = made.file_stem().unwrap_or_default().to_owned();
        name.push(INCOMPLETE);
        let apart = made.with_file_name(name);
        std::fs::rename(made, &apart).map_err(|cause| BackupError::io(&apart, cause))?;
        Ok(apart)
    }

    /// The dated backups of the file `name` with this ending, oldest first.
    fn backups(&self, name: &str, ending: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let is_backup = |path: &Path| {
            let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
            let date = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')?.strip_suffix(ending));
            date.is_some_and(is_date)
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
        let newest = [ENDING, INCOMPLETE].into_iter().filter_map(|ending| self.backups(name, ending).pop());
        let written = newest.filter_map(|path| path.metadata().ok()?.modified().ok()).max()?;
        Some(SystemTime::now().duration_since(written).unwrap_or_default())
    }

    /// Removes the oldest backups that are too many, now that `made` is there, of those that are like it: whole, or
    /// without damaged games. Backups of a later date come from a time when the clock was wrong: they are not counted,
    /// and stay.
    pub(super) fn prune(&self, name: &str, made: &Path) {
        let is_incomplete = made.to_string_lossy().ends_with(INCOMPLETE);
        let mut backups = self.backups(name, if is_incomplete { INCOMPLETE } else { ENDING });
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

/// Whether this is the date of a backup with its number, as [`BackupFolder::place`] writes them.
fn is_date(date: &str) -> bool {
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
    fn a_backup_without_damaged_games_takes_the_place_of_no_whole_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 2 };
        let whole = ["rejoin-2026-11-27T13-00-00Z.redb", "rejoin-2026-11-27T14-00-00Z.redb"];
        let by_hand = "rejoin-manual-2026-11-27T12-00-00Z.redb";
        for name in whole.iter().chain([&by_hand]) {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let mut made = Vec::new();
        for second in 0..3 {
            let place = backups.place("rejoin", WallTime(NOW.0 + 500 * second));
            std::fs::write(&place, "").expect("written");
            made.push(BackupFolder::set_apart(&place).expect("renamed"));
            backups.prune("rejoin", &made[made.len() - 1]);
        }
        assert_eq!(made[1].file_name().expect("a name"), "rejoin-2026-11-27T17-00-00Z-2-incomplete.redb");
        assert_eq!(made.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true, true]);
        assert!(whole.iter().chain([&by_hand]).all(|name| folder.path().join(name).exists()));
        assert!(backups.age("rejoin").is_some());
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
