//! A folder of dated backups, of which the newest are kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{BackupError, BackupReport};
use crate::domain::WallTime;

/// The ending of every backup.
const ENDING: &str = ".redb";
/// The ending of dated backups without the games that were damaged. They take the place of no whole one.
const INCOMPLETE: &str = "-incomplete.redb";
/// The ending of dated backups without any game. They take the place of none with games: a server whose disk is not
/// mounted begins as an empty one.
const EMPTY: &str = "-empty.redb";
/// All endings of dated backups. Only the first one is the ending of the others too.
const ENDINGS: [&str; 3] = [ENDING, INCOMPLETE, EMPTY];
/// The length of a date in a name.
const DATE: usize = "2026-11-27T17-00-00Z".len();

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
    /// How many backups are kept, the newest ones. At least 1. Those without damaged games are counted for themselves,
    /// and so are those without any game.
    pub keep: usize,
}

impl BackupFolder {
    /// The path for a backup that is made now. No file has this name.
    pub(super) fn place(&self, name: &str, date: WallTime) -> PathBuf {
        let dated = format!("{name}-{}", stamp(date));
        let number = |path: &PathBuf| {
            let file = path.file_name()?.to_string_lossy();
            let rest = file.strip_prefix(&dated)?;
            let rest = [INCOMPLETE, EMPTY, ENDING].iter().find_map(|ending| rest.strip_suffix(ending))?;
            if rest.is_empty() { Some(1) } else { rest.strip_prefix('-')?.parse::<u32>().ok() }
        };
        // After the last one of this second, and never a name that became free: it would be that of the oldest.
        let count = ENDINGS
            .into_iter()
            .flat_map(|ending| self.dated(name, ending))
            .filter_map(|path| number(&path))
            .max()
            .map_or_else(String::new, |last| format!("-{}", last.saturating_add(1)));
        self.path.join(format!("{dated}{count}{ENDING}"))
    }

    /// The path for a backup of the file `name` that is made by hand now. The schedule removes none of them.
    pub fn place_by_hand(&self, name: &str, date: WallTime) -> PathBuf {
        self.place(&by_hand(name), date)
    }

    /// Creates the folder if it is missing.
    pub(super) fn make(&self) -> Result<(), BackupError> {
        std::fs::create_dir_all(&self.path).map_err(|cause| BackupError::io(&self.path, cause))
    }

    /// Gives a backup with a dated name the name that tells whether games are missing in it.
    pub(super) fn tell_incomplete(report: BackupReport) -> Result<BackupReport, BackupError> {
        if report.left_out > 0 { set_apart(report, INCOMPLETE) } else { Ok(report) }
    }

    /// The same for a backup that is removed later, of which it matters too whether it has any game.
    pub(super) fn tell_content(report: BackupReport) -> Result<BackupReport, BackupError> {
        if report.games == 0 && report.left_out == 0 { set_apart(report, EMPTY) } else { Self::tell_incomplete(report) }
    }

    /// The dated backups of the file `name` with this ending, oldest first. Links and folders are no backups.
    fn backups(&self, name: &str, ending: &str) -> Vec<PathBuf> {
        let mut found = self.dated(name, ending);
        found.retain(|path| path.symlink_metadata().is_ok_and(|it| it.is_file()));
        found
    }

    /// Whatever has the name of a dated backup with this ending, oldest first.
    fn dated(&self, name: &str, ending: &str) -> Vec<PathBuf> {
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

    /// How long ago the newest backup was written; `None` if there is none. Those that are dated or written later than
    /// now come from a time when the clock was wrong: the next backup must not wait for them.
    pub(super) fn age(&self, name: &str, now: WallTime) -> Option<Duration> {
        let (today, now) = (stamp(now), SystemTime::now());
        let is_later = |path: &Path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.get(name.len() + 1..name.len() + 1 + DATE).is_some_and(|date| date > today.as_str())
        };
        let backups = ENDINGS.into_iter().flat_map(|ending| self.backups(name, ending));
        let written = backups.filter(|path| !is_later(path)).filter_map(|path| path.metadata().ok()?.modified().ok());
        written.filter_map(|written| now.duration_since(written).ok()).min()
    }

    /// The newest scheduled backup that has games, else the newest that was made by hand; `None` if there is neither.
    pub(super) fn newest_with_games(&self, name: &str) -> Option<PathBuf> {
        self.newest_dated(name).or_else(|| self.newest_dated(&by_hand(name)))
    }

    /// The newest dated backup that has games; `None` if there is none.
    fn newest_dated(&self, name: &str) -> Option<PathBuf> {
        [ENDING, INCOMPLETE].into_iter().find_map(|ending| self.backups(name, ending).pop())
    }

    /// Removes the oldest backups that are too many, now that `made` is there, of those that are like it: whole,
    /// without damaged games, or without any game. Backups of a later date come from a time when the clock was wrong:
    /// they are not counted, and stay.
    pub(super) fn prune(&self, name: &str, made: &Path) {
        let file = made.to_string_lossy();
        let ending = [INCOMPLETE, EMPTY].into_iter().find(|ending| file.ends_with(ending)).unwrap_or(ENDING);
        if ending == EMPTY
            && let Some(older) = self.newest_dated(name)
        {
            tracing::warn!(
                file = %file,
                older = %older.display(),
                "a backup has no games, but an older one has: is the disk of the data folder mounted? Those with games \
                 are kept"
            );
        }
        let mut backups = self.backups(name, ending);
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

/// The beginning of the names of backups that are made by hand.
fn by_hand(name: &str) -> String {
    format!("{name}-manual")
}

/// Gives a dated backup this ending.
fn set_apart(report: BackupReport, ending: &str) -> Result<BackupReport, BackupError> {
    let mut name = report.file.file_stem().unwrap_or_default().to_owned();
    name.push(ending);
    let file = report.file.with_file_name(name);
    std::fs::rename(&report.file, &file).map_err(|cause| BackupError::io(&file, cause))?;
    Ok(BackupReport { file, ..report })
}

/// Whether this is the date of a backup with its number, exactly as [`BackupFolder::place`] writes them.
fn is_date(date: &str) -> bool {
    let Some((date, count)) = date.split_at_checked(DATE) else { return false };
    let digit_or_same = |(real, pattern): (char, char)| match pattern {
        '0' => real.is_ascii_digit(),
        _ => real == pattern,
    };
    let is_number = |count: &str| count.parse::<u32>().is_ok_and(|number| number > 1 && number.to_string() == count);
    let is_count = count.is_empty() || count.strip_prefix('-').is_some_and(is_number);
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
        let more = ["", "-a", "-+5", "-0", "-1", "-02", "-", "-2-"].map(|count| {
            format!("rejoin-2026-11-27T15-00-00Z{count}.redb{}", if count.is_empty() { ".gz" } else { "" })
        });
        let more: Vec<_> = more.iter().map(String::as_str).collect();
        for name in old.iter().chain(&kept).chain(&others).chain(&more) {
            std::fs::write(backups.path.join(name), "").expect("written");
        }
        let (link, inner) = ("rejoin-2026-11-27T14-00-00Z.redb", "rejoin-2026-11-27T14-00-01Z.redb");
        std::os::unix::fs::symlink(backups.path.join("notes.txt"), backups.path.join(link)).expect("linked");
        std::fs::create_dir(backups.path.join(inner)).expect("made");
        backups.prune("rejoin", &backups.path.join(kept[1]));
        assert!([link, inner].iter().all(|name| backups.path.join(name).symlink_metadata().is_ok()));
        assert!(old.iter().all(|name| !backups.path.join(name).exists()));
        assert!(kept.iter().chain(&others).chain(&more).all(|name| backups.path.join(name).exists()));
        assert!(backups.age("rejoin", NOW).is_some() && backups.age("other", NOW).is_none());
    }

    #[test]
    fn a_name_that_a_link_or_a_folder_has_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 2 };
        std::os::unix::fs::symlink("/nowhere", folder.path().join("rejoin-2026-11-27T17-00-00Z.redb")).expect("linked");
        std::fs::create_dir(folder.path().join("rejoin-2026-11-27T17-00-00Z-2-empty.redb")).expect("made");
        assert!(backups.place("rejoin", NOW).ends_with("rejoin-2026-11-27T17-00-00Z-3.redb"));
        assert!(backups.age("rejoin", NOW).is_none() && backups.newest_with_games("rejoin").is_none());
    }

    #[test]
    fn a_backup_dated_or_written_in_the_future_is_not_the_newest() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 2 };
        let written = |name: &str, at: SystemTime| {
            let file = std::fs::File::create(folder.path().join(name)).expect("created");
            file.set_modified(at).expect("the file takes a time");
        };
        let (minute, now) = (Duration::from_secs(60), SystemTime::now());
        written("rejoin-2026-11-27T17-00-01Z.redb", now - minute);
        written("rejoin-2026-11-27T16-00-00Z.redb", now + 60 * minute);
        assert_eq!(backups.age("rejoin", NOW), None);
        written("rejoin-2026-11-27T15-00-00Z-empty.redb", now - 90 * minute);
        written("rejoin-2026-11-27T14-00-00Z.redb", now - 180 * minute);
        let age = backups.age("rejoin", NOW).expect("there are two");
        assert!((90 * minute..100 * minute).contains(&age), "{age:?}");
    }

    /// What a backup at this place has.
    fn report(file: &Path, games: u64, left_out: u64) -> BackupReport {
        std::fs::write(file, "").expect("written");
        let (taken_at, took) = (NOW, Duration::ZERO);
        BackupReport { file: file.to_owned(), bytes: 0, games, left_out, taken_at, took }
    }

    #[test]
    fn backups_without_any_game_take_the_place_of_none_with_games() {
        let folder = tempfile::tempdir().expect("a folder");
        let backups = BackupFolder { path: folder.path().to_owned(), keep: 1 };
        let whole = folder.path().join("rejoin-2026-11-27T13-00-00Z.redb");
        std::fs::write(&whole, "").expect("written");
        let mut made = Vec::new();
        for (second, games) in [(0, 0), (1, 0), (2, 7)] {
            let place = backups.place("rejoin", WallTime(NOW.0 + 1_000 * second));
            let told = BackupFolder::tell_content(report(&place, games, 0)).expect("renamed");
            assert!(whole.exists());
            backups.prune("rejoin", &told.file);
            made.push(told.file);
        }
        assert_eq!(made[1].file_name().expect("a name"), "rejoin-2026-11-27T17-00-01Z-empty.redb");
        assert_eq!(made.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true, true]);
        assert!(!whole.exists(), "only the one with games took its place");
        assert_eq!(backups.newest_with_games("rejoin").as_ref(), Some(&made[2]));
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
            made.push(BackupFolder::tell_content(report(&place, 0, 1)).expect("renamed").file);
            backups.prune("rejoin", &made[made.len() - 1]);
        }
        assert_eq!(made[1].file_name().expect("a name"), "rejoin-2026-11-27T17-00-00Z-2-incomplete.redb");
        assert_eq!(made.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true, true]);
        assert!(whole.iter().chain([&by_hand]).all(|name| folder.path().join(name).exists()));
        assert!(backups.age("rejoin", WallTime(NOW.0 + 2_000)).is_some());
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
