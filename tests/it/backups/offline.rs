//! Backups of an open store, and work on a file that no server uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::TableDefinition;
use rejoin::domain::{Sequence, WallTime};
use rejoin::store::backup::{BackupError, BackupFolder, BackupSchedule, BackupSource, Backups, CopyControl};
use rejoin::store::redb::{
    OfflineError, RedbStore, back_up_file, backup_mark, check_file, compact_file, repair_file, restore_file,
};
use rejoin::store::{GameSessionStore, NewSession};

use super::{block_on, dumps, fill, is_same, open};
use crate::faults::disk::Chance;
use crate::kit::{at, external, id, record, solo};
use crate::support::until;

const TAKEN: WallTime = WallTime(1_795_798_800_000);

/// The names of all files in a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn epoch(store: &RedbStore, n: u64) -> String {
    block_on(store.events(&id(n), Sequence(0), 1, at(2))).expect("read").expect("alive").epoch
}

/// Restores a backup into a new folder and opens it.
fn restored(backup: &Path, folder: &Path) -> (PathBuf, RedbStore) {
    let path = folder.join("rejoin.redb");
    restore_file(backup, &path, false, "now").expect("restored");
    let store = open(&path);
    (path, store)
}

#[test]
fn a_backup_of_an_open_store_has_everything_that_was_committed_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    let ids = block_on(fill(&store, 300, 20));
    let known = dumps(&store, &ids);
    let backup = folder.path().join("backup.redb");
    let report = store.back_up(&backup, &CopyControl::default()).expect("made");
    assert_eq!((report.games, report.taken_at), (320, TAKEN));
    assert_eq!(report.bytes, std::fs::metadata(&backup).expect("there").len());
    let again = store.back_up(&backup, &CopyControl::default()).expect_err("a file is never replaced");
    assert!(matches!(again, BackupError::Exists(_)), "{again}");
    // What happens afterwards is not in it.
    block_on(store.create(NewSession(solo(999, 3, at(1))), at(1))).expect("created");
    let mark = backup_mark(&backup).expect("read").expect("it is a backup");
    assert_eq!((mark.games, mark.taken_at), (320, TAKEN));
    assert!(check_file(&backup, || {}).expect("read").is_whole());
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (path, copy) = restored(&backup, elsewhere.path());
    for (found, known) in dumps(&copy, &ids).iter().zip(&known) {
        assert!(is_same(found.as_ref().expect("there"), known.as_ref().expect("there")));
    }
    assert_eq!(block_on(copy.get(&id(999), at(2))).expect("read"), None);
    block_on(copy.create(NewSession(solo(1_000, 3, at(1))), at(1))).expect("new games begin");
    block_on(copy.close()).expect("closed");
    drop(copy);
    // Since a server has used it, the file is no backup any more, and still whole.
    assert_eq!(backup_mark(&path).expect("read"), None);
    assert!(check_file(&path, || {}).expect("read").is_whole());
}

#[test]
fn whoever_restores_a_backup_begins_another_life_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    block_on(fill(&store, 0, 2));
    let mut epochs = vec![epoch(&store, 0)];
    let backup = folder.path().join("backup.redb");
    store.back_up(&backup, &CopyControl::default()).expect("made");
    for _ in 0..3 {
        let elsewhere = tempfile::tempdir().expect("a folder");
        epochs.push(epoch(&restored(&backup, elsewhere.path()).1, 0));
        // Also if somebody copies it without the command.
        let copied = elsewhere.path().join("copied.redb");
        std::fs::copy(&backup, &copied).expect("copied");
        epochs.push(epoch(&open(&copied), 0));
    }
    let count = epochs.len();
    epochs.sort();
    epochs.dedup();
    assert_eq!(epochs.len(), count, "no two of them share an epoch");
}

#[test]
fn a_backup_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    block_on(fill(&store, 200, 0));
    let backups = tempfile::tempdir().expect("a folder");
    let control = CopyControl::default();
    control.stop.cancel();
    let stopped = store.back_up(&backups.path().join("backup.redb"), &control).expect_err("it is given up");
    assert!(matches!(stopped, BackupError::Stopped), "{stopped}");
    let missing = store.back_up(&backups.path().join("no/folder/backup.redb"), &CopyControl::default());
    assert!(matches!(missing, Err(BackupError::Io { .. })));
    assert_eq!(files(backups.path()), Vec::<String>::new());
    // What a killed process has left is removed by the next backup, and by the next restore.
    std::fs::write(backups.path().join(".rejoin-copy-left"), "half").expect("written");
    let backup = backups.path().join("backup.redb");
    store.back_up(&backup, &CopyControl::default()).expect("made");
    assert_eq!(files(backups.path()), ["backup.redb"]);
    std::fs::write(backups.path().join(".rejoin-copy-left.redb"), "half").expect("written");
    restore_file(&backup, &backups.path().join("restored.redb"), false, "now").expect("restored");
    assert_eq!(files(backups.path()), ["backup.redb", "restored.redb"]);
    block_on(store.create(NewSession(solo(999, 3, at(1))), at(1))).expect("the store is not disturbed");
}

#[test]
fn a_damaged_torn_or_newer_backup_is_refused_and_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    let ids = block_on(fill(&store, 40, 6));
    let known = dumps(&store, &ids);
    let backup = folder.path().join("backup.redb");
    store.back_up(&backup, &CopyControl::default()).expect("made");
    let whole = std::fs::read(&backup).expect("read");
    let damaged = folder.path().join("damaged.redb");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = elsewhere.path().join("rejoin.redb");
    let (mut chance, mut refused) = (Chance::new(3), 0);
    for n in 0..60 {
        let mut bytes = whole.clone();
        match n % 3 {
            0 => bytes[chance.below(whole.len() as u64) as usize] ^= 1 << chance.below(8),
            1 => bytes.truncate(chance.below(whole.len() as u64) as usize),
            _ => bytes[chance.below(whole.len() as u64) as usize..].fill(0),
        }
        std::fs::write(&damaged, &bytes).expect("written");
        match restore_file(&damaged, &target, false, "now") {
            // Nothing in use was hit.
            Ok(_) => {
                let store = open(&target);
                for (found, known) in dumps(&store, &ids).iter().zip(&known) {
                    assert!(is_same(found.as_ref().expect("there"), known.as_ref().expect("there")));
                }
                drop(store);
                files(elsewhere.path()).iter().for_each(|name| {
                    std::fs::remove_file(elsewhere.path().join(name)).expect("removed");
                });
            }
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("damaged.redb") && !said.contains(".rejoin-copy"), "{said}");
                assert_eq!(files(elsewhere.path()), Vec::<String>::new());
                refused += 1;
            }
        }
    }
    assert!(refused >= 30, "{refused} of 60 were refused");
    let newer = redb::Database::open(&backup).expect("opened");
    let transaction = newer.begin_write().expect("begun");
    transaction.open_table(TableDefinition::<&str, u64>::new("meta")).expect("there").insert("format", 4).expect("set");
    transaction.commit().expect("committed");
    drop(newer);
    let said = restore_file(&backup, &target, false, "now").expect_err("it is newer").to_string();
    assert!(said.contains("layout 4") && said.contains("this release reads 3"), "{said}");
    assert_eq!(files(elsewhere.path()), Vec::<String>::new());
}

#[test]
fn a_restore_replaces_a_file_only_if_told_and_keeps_it_with_its_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = open(&path);
    block_on(fill(&store, 5, 0));
    let backup = folder.path().join("backup.redb");
    store.back_up(&backup, &CopyControl::default()).expect("made");
    let held = restore_file(&backup, &path, true, "now").expect_err("a server has it");
    assert!(held.to_string().contains("another process holds"), "{held}");
    block_on(store.create(NewSession(solo(99, 3, at(1))), at(1))).expect("created");
    // A copy of the open file and its log is what a kill leaves.
    let killed = tempfile::tempdir().expect("a folder");
    for ending in ["redb", "log", "note"] {
        let name = format!("rejoin.{ending}");
        std::fs::copy(folder.path().join(&name), killed.path().join(&name)).expect("copied");
    }
    drop(store);
    let path = killed.path().join("rejoin.redb");
    assert!(matches!(restore_file(&backup, &path, false, "now"), Err(OfflineError::Exists(_))));
    let kept = restore_file(&backup, &path, true, "now").expect("restored").kept.expect("kept");
    assert_eq!(kept, killed.path().join("rejoin.before-restore-now.redb"));
    let expected =
        ["rejoin.before-restore-now.log", "rejoin.before-restore-now.note", "rejoin.before-restore-now.redb"];
    assert_eq!(files(killed.path())[..3], expected);
    assert!(files(killed.path()).contains(&"rejoin.redb".to_owned()));
    let restored = open(&path);
    assert!(block_on(restored.get(&id(4), at(2))).expect("read").is_some());
    assert_eq!(block_on(restored.get(&id(99), at(2))).expect("read"), None, "the log is not that of the backup");
    // The kept file has what was only in its log.
    assert!(block_on(open(&kept).get(&id(99), at(2))).expect("read").is_some());
    // A second restore in the same second keeps the file under another name.
    block_on(restored.close()).expect("it closes");
    let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&kept).expect("it is kept"));
    let first = inode();
    let again = restore_file(&backup, &path, true, "now").expect("restored").kept.expect("kept");
    assert!(again != kept && inode() == first);
}

#[test]
fn what_is_only_in_the_log_is_checked_compacted_and_backed_up_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    let mut ids = block_on(fill(&store, 100, 10));
    let killed = tempfile::tempdir().expect("a folder");
    let path = killed.path().join("rejoin.redb");
    for n in [200, 201] {
        block_on(store.create(NewSession(external(n, None, at(0))), at(0))).expect("created");
        block_on(super::apply(&store, n, record(5)));
        ids.push(id(n));
    }
    assert!(block_on(store.delete(&id(3))).expect("deleted"));
    // Before a checkpoint, all of it is in the log alone.
    for ending in ["log", "redb"] {
        let name = format!("rejoin.{ending}");
        std::fs::copy(folder.path().join(&name), killed.path().join(&name)).expect("copied");
    }
    let known = dumps(&store, &ids);
    drop(store);
    let same = |store: &RedbStore| {
        for (found, known) in dumps(store, &ids).iter().zip(&known) {
            match (found, known) {
                (Some(found), Some(known)) => assert!(found.is_same(known)),
                (found, known) => assert_eq!(found, known),
            }
        }
    };
    let report = check_file(&path, || {}).expect("read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.whole, 111);
    assert!(matches!(repair_file(&path, "now", &CopyControl::default()), Ok(None)), "there is nothing to repair");
    let backup = killed.path().join("backup.redb");
    assert_eq!(back_up_file(&path, &backup, TAKEN, &CopyControl::default()).expect("made").games, 111);
    let elsewhere = tempfile::tempdir().expect("a folder");
    same(&restored(&backup, elsewhere.path()).1);
    compact_file(&path, &CopyControl::default()).expect("compacted");
    assert_eq!(files(killed.path()), ["backup.redb", "rejoin.redb"], "no log is left, and no temporary file");
    assert!(check_file(&path, || {}).expect("read").is_whole());
    same(&open(&path));
}

#[test]
fn a_compacted_file_is_smaller_and_the_same_to_its_players() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = open(&path);
    let ids = block_on(fill(&store, 600, 10));
    block_on(async {
        for n in 0..500 {
            assert!(store.delete(&id(n)).await.expect("deleted"));
        }
    });
    let held = compact_file(&path, &CopyControl::default()).expect_err("a server has it");
    assert!(held.to_string().contains("another process holds"), "{held}");
    let (known, before) = (dumps(&store, &ids), epoch(&store, 600));
    block_on(store.close()).expect("closed");
    drop(store);
    let sizes = compact_file(&path, &CopyControl::default()).expect("compacted");
    assert!(sizes.after * 2 < sizes.before, "{sizes:?}");
    assert_eq!(sizes.after, std::fs::metadata(&path).expect("there").len());
    let store = open(&path);
    assert_eq!(epoch(&store, 600), before, "players have missed nothing");
    for (found, known) in dumps(&store, &ids).iter().zip(&known) {
        assert!(
            found.is_none() && known.is_none()
                || found.as_ref().expect("there").is_same(known.as_ref().expect("there"))
        );
    }
    let holder = block_on(store.find(&crate::kit::code(&super::code_of(603 + 500)), at(2))).expect("read");
    assert_eq!(holder, Some(id(603)), "the join codes are there");
    let owned = block_on(store.owned(&crate::kit::owner("school"), None, 100, at(2))).expect("read");
    assert_eq!(owned.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_games_are_left_out_of_a_backup_which_takes_the_place_of_no_whole_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = open(&path);
    let ids = fill(&store, 20, 3).await;
    store.close().await.expect("closed");
    drop(store);
    super::roots::damage_record(&path, &ids[7]);
    let store = Arc::new(open(&path));
    let backups = BackupFolder { path: folder.path().join("backups"), keep: 1 };
    std::fs::create_dir(&backups.path).expect("made");
    let whole = "rejoin-2026-11-27T10-00-00Z.redb";
    std::fs::write(backups.path.join(whole), "").expect("written");
    let wall = rejoin::store::clock::system_wall_clock();
    let source: Arc<dyn BackupSource> = store.clone();
    let service = Arc::new(Backups::new(Ok(source), Some(backups.clone()), wall));
    let schedule = BackupSchedule { backups: service.clone(), folder: backups.clone(), every: Duration::from_secs(60) };
    for _ in 0..2 {
        let report = schedule.step().await.expect("made");
        assert_eq!((report.games, report.left_out), (22, 1));
        assert!(report.file.to_string_lossy().ends_with("-incomplete.redb") && report.file.exists());
    }
    let by_hand = service.make(None).await.expect("made");
    assert!(by_hand.file.to_string_lossy().contains("rejoin-manual-"), "{}", by_hand.file.display());
    let names = files(&backups.path);
    assert_eq!(names.len(), 3, "one incomplete one, the whole one, and that by hand: {names:?}");
    assert!(names.contains(&whole.to_owned()));
    let report = check_file(&by_hand.file, || {}).expect("read");
    assert!(report.is_whole() && report.whole == 22, "{report:?}");
    let target = folder.path().join("elsewhere/rejoin.redb");
    restore_file(&by_hand.file, &target, false, "now").expect("it can be restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_keeps_the_newest_backups_and_survives_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(open(&folder.path().join("rejoin.redb")));
    fill(&store, 20, 0).await;
    let backups = BackupFolder { path: folder.path().join("backups"), keep: 3 };
    // A file is in the way of the folder.
    std::fs::write(&backups.path, "").expect("written");
    let wall = rejoin::store::clock::system_wall_clock();
    let source: Arc<dyn BackupSource> = store.clone();
    let service = Arc::new(Backups::new(Ok(source), Some(backups.clone()), wall));
    let schedule =
        BackupSchedule { backups: service.clone(), folder: backups.clone(), every: Duration::from_millis(5) };
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(schedule.run(stop.clone()));
    until(|| service.status().failed > 1).await;
    assert!(service.status().failure.is_some_and(|(_, why)| why.contains("backups")));
    std::fs::remove_file(&backups.path).expect("removed");
    until(|| service.status().made >= 5).await;
    stop.cancel();
    running.await.expect("no panic");
    service.close().await;
    let names = files(&backups.path);
    assert_eq!(names.len(), 3, "{names:?}");
    let last = service.status().last.expect("made").report;
    assert!(names.contains(&last.file.file_name().expect("a name").to_string_lossy().into_owned()), "{names:?}");
    for name in names {
        assert!(check_file(&backups.path.join(name), || {}).expect("read").is_whole());
    }
}
