//! Files that another process holds, that are not a database, that another release wrote, or that are damaged
//! in places.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use rejoin::domain::{Command, Millis, Sequence};
use rejoin::store::redb::{CheckpointRule, LogOptions, OpenError, RedbStore, file_opener};
use rejoin::store::{GameSessionStore, NewSession, StoreError};

use super::{block_on, options};
use crate::kit::{DEAD, at, external, id, owner, record, solo};

const SESSIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sessions");
const QUIZZES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("quizzes");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

fn open(path: &Path) -> Result<RedbStore, OpenError> {
    RedbStore::open(file_opener(path.to_owned(), 1 << 20), options(Duration::from_secs(10)))
}

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    (folder, path)
}

/// The message that an operator reads when the file cannot be opened.
fn refusal(path: &Path) -> String {
    match open(path) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_that_another_process_holds_is_refused_with_the_reason() {
    let (_folder, path) = folder();
    let store = open(&path).expect("opened");
    assert!(matches!(open(&path), Err(OpenError::Held(_))));
    assert!(refusal(&path).contains("another process holds"), "{}", refusal(&path));
    block_on(store.create(NewSession(solo(1, 2, at(0))), at(0))).expect("the holder is not disturbed");
    block_on(store.close()).expect("closed");
    assert!(open(&path).is_ok());
}

#[test]
fn a_copy_of_a_file_in_use_opens_like_that_of_a_killed_server() {
    let (folder, path) = folder();
    let store = open(&path).expect("opened");
    let clock = store.clock();
    for n in 1..=20 {
        block_on(store.create(NewSession(solo(n, 2, clock.moment())), clock.moment())).expect("created");
        let copy = folder.path().join(format!("{n}.redb"));
        std::fs::copy(path.with_extension("log"), copy.with_extension("log")).expect("copied");
        std::fs::copy(&path, &copy).expect("copied");
        let told = clock.moment().now;
        let killed = open(&copy).expect("opened");
        let now = killed.clock().moment();
        assert!(now.now >= told && now.up_since <= clock.moment().now.plus(Millis::seconds(10)));
        let status = block_on(killed.status(now)).expect("told");
        assert_eq!((status.live_sessions, status.records), (n, n));
    }
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_left_unchanged() {
    for garbage in [&b"not a database"[..], &[0; 100_000], &b"redb or so it says".repeat(1_000)] {
        let (_folder, path) = folder();
        std::fs::write(&path, garbage).expect("written");
        let message = refusal(&path);
        assert!(message.contains("cannot be used") && message.contains("rejoin.redb"), "{message}");
        assert!(std::fs::read(&path).expect("read") == garbage);
    }
}

#[test]
fn an_empty_file_is_refused_by_name() {
    let (_folder, path) = folder();
    std::fs::write(&path, b"").expect("written");
    let message = refusal(&path);
    assert!(message.contains("rejoin.redb") && message.contains("is empty (0 bytes)"), "{message}");
    assert_eq!(std::fs::metadata(&path).expect("there").len(), 0, "it is left as it is");
}

#[test]
fn a_missing_folder_is_reported_as_an_io_error() {
    let (_folder, path) = folder();
    let path = path.join("missing").join("rejoin.redb");
    assert!(matches!(open(&path), Err(OpenError::Io { .. })), "{}", refusal(&path));
}

#[test]
fn a_file_with_a_newer_layout_is_refused_and_left_unchanged() {
    let (_folder, path) = folder();
    let store = open(&path).expect("opened");
    block_on(store.create(NewSession(solo(1, 2, at(0))), at(0))).expect("created");
    block_on(store.close()).expect("closed");
    let numbers = |set: Option<u64>| {
        let database = redb::Database::open(&path).expect("opened");
        if let Some(format) = set {
            let transaction = database.begin_write().expect("begun");
            transaction.open_table(META).expect("there").insert("format", format).expect("set");
            transaction.commit().expect("committed");
        }
        let transaction = database.begin_read().expect("begun");
        let table = transaction.open_table(META).expect("there");
        let rows =
            table.iter().expect("read").map(|row| row.map(|(key, value)| (key.value().to_owned(), value.value())));
        rows.collect::<Result<Vec<_>, _>>().expect("read")
    };
    let before = numbers(Some(4));
    let message = refusal(&path);
    assert!(message.contains("layout 4") && message.contains("reads 3"), "{message}");
    assert_eq!(numbers(None), before);
    numbers(Some(3));
    let store = open(&path).expect("opened");
    assert!(block_on(store.get(&id(1), at(0))).expect("read").is_some());
}

/// Sets the format version of every batch in a log, as another release would have written it.
fn set_format_of_batches(log: &Path, version: u8) {
    const MAGIC: &[u8] = b"rjb1";
    /// Bytes before the batch's record, which begins with its version.
    const HEAD: usize = 48;
    let mut bytes = std::fs::read(log).expect("read");
    let places: Vec<_> = (0..bytes.len() - HEAD).filter(|place| bytes[*place..].starts_with(MAGIC)).collect();
    assert!(!places.is_empty(), "the log has a batch");
    for place in places {
        let length = u32::from_le_bytes(bytes[place + 4..place + 8].try_into().expect("four bytes"));
        let end = place + HEAD + length as usize;
        bytes[place + HEAD] = version;
        let crc = crc32fast::hash(&bytes[place..end]);
        bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
    }
    std::fs::write(log, bytes).expect("written");
}

#[test]
fn a_log_with_a_batch_of_a_newer_format_is_refused_and_kept() {
    let rule = CheckpointRule { every: Duration::MAX, bytes: u64::MAX };
    let log = LogOptions { size: 1 << 20, rule };
    let (folder, path) = folder();
    let opener = file_opener(path.clone(), 1 << 20).log(Some(log));
    let store = RedbStore::open(opener, options(Duration::from_secs(10))).expect("opened");
    block_on(store.create(NewSession(solo(1, 2, at(0))), at(0))).expect("created");
    // As after a kill: the session is only in the log.
    let copy = folder.path().join("copy.redb");
    let log = copy.with_extension("log");
    std::fs::copy(path.with_extension("log"), &log).expect("copied");
    std::fs::copy(&path, &copy).expect("copied");
    set_format_of_batches(&log, 4);
    let before = std::fs::read(&log).expect("read");
    let message = refusal(&copy);
    assert!(message.contains("of the log: format version 4, and this release reads 3"), "{message}");
    assert!(std::fs::read(&log).expect("read") == before, "it is kept");
    set_format_of_batches(&log, 3);
    assert!(block_on(open(&copy).expect("opened").get(&id(1), at(0))).expect("read").is_some());
}

#[test]
fn the_database_of_another_program_is_refused_and_left_unchanged() {
    const THEIRS: TableDefinition<'_, u64, u64> = TableDefinition::new("theirs");
    let (_folder, path) = folder();
    let database = redb::Database::create(&path).expect("created");
    let transaction = database.begin_write().expect("begun");
    transaction.open_table(THEIRS).expect("there").insert(1, 2).expect("set");
    transaction.commit().expect("committed");
    drop(database);
    assert!(refusal(&path).contains("cannot be used"), "{}", refusal(&path));
    let database = redb::Database::open(&path).expect("opened");
    let transaction = database.begin_read().expect("begun");
    assert_eq!(transaction.list_tables().expect("read").count(), 1);
}

/// Flips one bit in the middle of a record.
fn damage(path: &Path, table: TableDefinition<'_, &'static [u8], &'static [u8]>, n: u64) {
    let database = redb::Database::open(path).expect("opened");
    let transaction = database.begin_write().expect("begun");
    {
        let mut table = transaction.open_table(table).expect("there");
        let mut bytes = table.get(id(n).as_bytes()).expect("read").expect("there").value().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        table.insert(id(n).as_bytes(), &*bytes).expect("set");
    }
    transaction.commit().expect("committed");
}

#[test]
fn a_damaged_record_is_reported_harms_no_other_and_is_never_deleted() {
    let (_folder, path) = folder();
    let store = open(&path).expect("opened");
    let owner = owner("school");
    for n in 1..=4 {
        let game = solo(n, 2, at(0)).owned_by(Some(owner.clone()));
        block_on(store.create(NewSession(game), at(0))).expect("created");
    }
    let room = external(5, Some("ABC234"), at(0)).owned_by(Some(owner.clone()));
    block_on(store.create(NewSession(room), at(0))).expect("created");
    block_on(store.close()).expect("closed");
    damage(&path, SESSIONS, 1);
    damage(&path, QUIZZES, 2);
    damage(&path, SESSIONS, 5);
    let store = open(&path).expect("opened");
    block_on(async {
        let corrupt = |error: Option<StoreError>| match error {
            Some(StoreError::Corrupt { what }) => assert!(what.contains("SessionId(#"), "{what}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            store.owned(&owner, None, 9, at(0)).await.expect("read"),
            [2, 3, 4].map(id),
            "its quiz is read later"
        );
        for n in [1, 2, 5] {
            corrupt(store.get(&id(n), at(0)).await.err());
            corrupt(store.apply(&id(n), Command::Touch, at(0)).await.err());
            corrupt(store.events(&id(n), Sequence(0), 9, at(0)).await.err());
            corrupt(store.delete(&id(n)).await.err());
            corrupt(store.create(NewSession(solo(n, 2, at(0))), at(DEAD)).await.err());
        }
        corrupt(store.find(&crate::kit::code("ABC234"), at(0)).await.err());
        assert!(store.get(&id(3), at(0)).await.expect("read").is_some());
        let touched = store.apply(&id(3), Command::Touch, at(300_000)).await.expect("answered").expect("alive");
        assert!(touched.result.is_ok());

        for after in [DEAD, DEAD + 1, DEAD + 100_000] {
            // Session 3 lives; the sweep only moves its entry in the expiry index.
            let swept = store.sweep(at(after), 2).await.expect("swept");
            assert_eq!(swept.deleted, usize::from(after == DEAD), "number 4 alone");
            let status = store.status(at(after)).await.expect("told");
            assert_eq!((status.live_sessions, status.records), (1, 4), "{after}");
        }
        assert_eq!(store.scan(None, 9).await.expect("read"), [1, 2, 3, 5].map(id));
        assert!(store.apply(&id(3), record(1), at(DEAD)).await.expect("answered").is_some());
        store.close().await.expect("closed");
    });
    damage(&path, SESSIONS, 1);
    let store = open(&path).expect("opened");
    assert_eq!(block_on(store.get(&id(1), at(0))).expect("mended").map(|session| session.id), Some(id(1)));
    assert_eq!(block_on(store.sweep(at(DEAD), 9)).expect("swept").deleted, 1, "and reaped once it can be read");
}

#[test]
fn the_leftovers_of_an_interrupted_file_creation_are_removed() {
    let (folder, path) = folder();
    let unfinished = folder.path().join(".rejoin-unfinished-abc");
    std::fs::write(&unfinished, [0; 4096]).expect("written");
    let store = open(&path).expect("it is in nobody's way");
    assert!(!unfinished.exists());
    block_on(store.create(NewSession(solo(1, 2, at(0))), at(0))).expect("created");
    block_on(store.close()).expect("closed");
    let names: Vec<_> = folder.path().read_dir().expect("listed").flatten().map(|entry| entry.file_name()).collect();
    let mut names = names;
    names.sort();
    assert_eq!(names, ["rejoin.log", "rejoin.note", "rejoin.redb"]);
    for name in names {
        let mode = std::fs::metadata(folder.path().join(&name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name:?} is nobody else's");
    }
    assert_eq!(
        std::fs::metadata(path.with_extension("log")).expect("there").len(),
        0,
        "it is empty after a clean stop"
    );
}
