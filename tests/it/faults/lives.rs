//! The epochs of a file. A file that was copied, moved or restored gets a new epoch; a file that is only
//! reopened keeps its epoch.

use std::path::Path;
use std::time::Duration;

use rejoin::domain::Sequence;
use rejoin::store::redb::{CheckpointRule, LogOptions, RedbStore, file_opener};
use rejoin::store::{GameSessionStore, NewSession};

use super::{block_on, options};
use crate::kit::{at, external, id, record};

fn open(path: &Path) -> RedbStore {
    try_to_open(path, false).expect("opened")
}

fn try_to_open(path: &Path, is_new_epoch: bool) -> Result<RedbStore, rejoin::store::redb::OpenError> {
    let opener = file_opener(path.to_owned(), 1 << 20).new_epoch(is_new_epoch);
    RedbStore::open(opener, options(Duration::from_secs(10)))
}

fn record_one(store: &RedbStore) {
    block_on(store.apply(&id(1), record(1), at(0))).expect("answered").expect("alive").result.expect("recorded");
}

/// The epoch of the event log and its head.
fn epoch(store: &RedbStore) -> (String, u64) {
    let page = block_on(store.events(&id(1), Sequence(0), 100, at(0))).expect("read").expect("alive");
    (page.epoch.clone(), page.head().0)
}

fn begin(path: &Path) -> RedbStore {
    let store = open(path);
    block_on(store.create(NewSession(external(1, None, at(0))), at(0))).expect("created");
    record_one(&store);
    store
}

fn close(store: RedbStore) {
    block_on(store.close()).expect("closed");
}

/// Copies the file and its log.
/// The log comes first: what a checkpoint moves between the two copies is then in both.
fn copy_both(path: &Path, copy: &Path) {
    std::fs::copy(path.with_extension("log"), copy.with_extension("log")).expect("copied");
    std::fs::copy(path, copy).expect("copied");
}

/// Puts the copies in the place of the file and its log: either as other files (renamed) or as other contents
/// of the same files.
fn put_back(copy: &Path, path: &Path, is_moved: bool) {
    for (copy, path) in [(copy, path), (&copy.with_extension("log"), &path.with_extension("log"))] {
        if is_moved {
            std::fs::rename(copy, path).expect("moved");
        } else {
            std::fs::write(path, std::fs::read(copy).expect("read")).expect("written over");
        }
    }
}

#[test]
fn a_reopened_file_keeps_its_epoch() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = begin(&path);
    let before = epoch(&store);
    close(store);
    for _ in 0..3 {
        let store = open(&path);
        assert_eq!(epoch(&store), before);
        close(store);
    }
    // The note file may be lost in a power cut, or not be copied.
    std::fs::remove_file(folder.path().join("rejoin.note")).expect("it was there");
    assert_eq!(epoch(&open(&path)), before);
}

#[test]
fn a_killed_file_that_has_lost_its_log_and_its_note_gets_a_new_epoch() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = begin(&path);
    close(store);
    let store = open(&path);
    let (before, _) = epoch(&store);
    let killed = std::fs::read(&path).expect("read");
    // This event is in the log alone.
    record_one(&store);
    close(store);
    // Into the same file, so that nothing but the missing log and note shows it.
    std::fs::write(&path, killed).expect("written over");
    for ending in ["log", "note"] {
        std::fs::remove_file(path.with_extension(ending)).expect("it was there");
    }
    assert_ne!(epoch(&open(&path)).0, before);
}

#[test]
fn a_restored_copy_gets_a_new_epoch() {
    for (is_closed, is_moved) in [(true, true), (true, false), (false, true), (false, false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, copy) = (folder.path().join("rejoin.redb"), folder.path().join("copy"));
        let mut store = begin(&path);
        let (before, _) = epoch(&store);
        if is_closed {
            close(store);
            copy_both(&path, &copy);
            store = open(&path);
        } else {
            copy_both(&path, &copy);
        }
        // This event is lost when the copy is put back, and then another event gets the same number.
        record_one(&store);
        let (same, head) = epoch(&store);
        assert_eq!((same, head), (before.clone(), 2));
        close(store);
        put_back(&copy, &path, is_moved);
        let store = open(&path);
        record_one(&store);
        let (after, head) = epoch(&store);
        assert_eq!(head, 2);
        assert_ne!(after, before, "closed {is_closed}, moved {is_moved}");
        close(store);
        assert_eq!(epoch(&open(&path)).0, after, "it is renewed once");
    }
}

#[test]
fn a_file_in_another_folder_gets_a_new_epoch() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (path, copy) = (folder.path().join("rejoin.redb"), elsewhere.path().join("rejoin.redb"));
    let store = begin(&path);
    let (before, _) = epoch(&store);
    close(store);
    std::fs::copy(&path, &copy).expect("copied");
    assert_ne!(epoch(&open(&copy)).0, before);
}

#[test]
fn a_new_epoch_can_be_requested() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = begin(&path);
    let (before, _) = epoch(&store);
    close(store);
    let store = try_to_open(&path, true).expect("opened");
    assert_ne!(epoch(&store).0, before);
}

/// Half of the file is older than the rest, as in a copy made while the file was written.
#[test]
fn a_torn_copy_is_usable_or_refused_with_a_clear_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, torn) = (folder.path().join("rejoin.redb"), folder.path().join("torn.redb"));
    let log = LogOptions { rule: CheckpointRule { every: Duration::ZERO, bytes: 0 }, ..LogOptions::default() };
    let opener = file_opener(path.clone(), 1 << 20).log(Some(log));
    let store = RedbStore::open(opener, options(Duration::from_secs(10))).expect("opened");
    let mut refused = 0;
    for n in 0..24 {
        let older = std::fs::read(&path).expect("read");
        for game in 0..40 {
            block_on(store.create(NewSession(external(100 * (n + 1) + game, None, at(0))), at(0))).expect("created");
        }
        let newer = std::fs::read(&path).expect("read");
        let cut = newer.len() * (n as usize % 8 + 1) / 9 / 4_096 * 4_096;
        let mut image = older.get(..cut.min(older.len())).expect("within").to_vec();
        image.extend_from_slice(&newer[image.len()..]);
        std::fs::write(&torn, image).expect("written");
        let _ = std::fs::remove_file(folder.path().join("torn.note"));
        match try_to_open(&torn, false) {
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("torn.redb cannot be used: it is damaged"), "{message}");
                assert!(message.contains("rejoin migrate --from"), "the way out: {message}");
                refused += 1;
            }
            Ok(store) => {
                block_on(store.create(NewSession(external(9_999, None, at(0))), at(0))).expect("it takes new games");
                close(store);
            }
        }
    }
    assert!(refused > 0, "no copy was torn, so this has tested nothing");
}
