//! Damage of what leads to the games: the list of tables, the metadata, the log. What can be proved is used; what
//! can't be is told, and nothing is lost silently.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use redb::{ReadableTable, TableDefinition};
use rejoin::domain::SessionId;
use rejoin::store::backup::{BackupSource, CopyControl};
use rejoin::store::redb::{FileReport, OfflineError, Repaired, restore_file};
use rejoin::store::{Dump, GameSessionStore, NewSession, StoreError};

use super::live::rejoin;
use super::{block_on, checked, dumps, fill, filled, is_same, open, repaired};
use crate::kit::{at, external, id, record};

const PAGE: usize = 4096;

/// Changes every page that has these bytes.
fn change(path: &Path, wanted: &[u8], change: impl Fn(&mut [u8])) {
    let mut bytes = std::fs::read(path).expect("read");
    let mut changed = 0;
    for page in bytes.chunks_mut(PAGE).filter(|page| page.windows(wanted.len()).any(|window| window == wanted)) {
        change(page);
        changed += 1;
    }
    assert!(changed > 0, "no page has {}", String::from_utf8_lossy(wanted));
    std::fs::write(path, bytes).expect("written");
}

/// Flips two bits, which can't be corrected, in the name of a type: the list of tables can be read all the same.
fn damage_list(path: &Path) {
    change(path, b"question_ends", |page| {
        let place = page.windows(5).position(|window| window == b"&[u8]").expect("a name of a type");
        page[place + 1] ^= 1;
        page[place + 2] ^= 1;
    });
}

/// Flips two bits of the game time.
fn damage_meta(path: &Path) {
    change(path, b"checked_generation", |page| {
        // The values, of eight bytes each, follow the last key.
        let place = page.windows(6).rposition(|window| window == b"uptime").expect("the last key") + 6;
        page[place + 1] ^= 1;
        page[place + 2] ^= 1;
    });
}

fn note_of(path: &Path) -> PathBuf {
    path.with_extension("note")
}

fn mended(path: &Path) -> FileReport {
    let Repaired { report, .. } = repaired(path).expect("repaired").expect("damaged");
    assert!(checked(path).expect("opened").is_whole(), "what was repaired is whole");
    report
}

fn assert_all_there(path: &Path, ids: &[SessionId], known: &[Option<Dump>]) {
    for (found, known) in dumps(&open(path), ids).iter().zip(known) {
        assert!(is_same(found.as_ref().expect("there"), known.as_ref().expect("there")));
    }
}

#[test]
fn a_damaged_list_of_tables_is_not_believed_and_each_game_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    // A part of the list may be of an older commit than another, so no note proves it.
    let (path, ids, _) = filled(folder.path(), 60, 12);
    damage_list(&path);
    let report = checked(&path).expect("opened");
    assert!(report.pages.iter().any(|page| page.table == "the list of tables"), "{report:?}");
    assert!(report.remarks.losses.iter().any(|what| what.contains("of the newest commit")), "{report:?}");
    let named: BTreeSet<_> = report.damaged.iter().map(|game| game.name.clone()).collect();
    assert_eq!(named, ids.iter().map(SessionId::short_hash).collect());
    assert_eq!(named.len(), report.damaged.len(), "each is named once");
    let refused = repaired(&path).expect_err("nothing would be left").to_string();
    assert!(refused.contains("rejoin migrate"), "{refused}");
}

#[test]
fn a_backup_with_a_damaged_list_of_tables_is_proved_by_its_checksum() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(&folder.path().join("rejoin.redb"));
    let ids = block_on(fill(&store, 60, 12));
    let known = dumps(&store, &ids);
    let backup = folder.path().join("backup.redb");
    store.back_up(&backup, &CopyControl::default()).expect("made");
    damage_list(&backup);
    let target = folder.path().join("elsewhere/rejoin.redb");
    let refused = restore_file(&backup, &target, false, "now").expect_err("it is damaged").to_string();
    assert!(refused.contains("check COPY --repair"), "{refused}");
    assert!(!mended(&backup).has_losses());
    restore_file(&backup, &target, false, "now").expect("restored");
    assert_all_there(&target, &ids, &known);
}

#[test]
fn a_file_whose_list_of_tables_is_lost_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ..) = filled(folder.path(), 10, 2);
    change(&path, b"question_ends", |page| page.fill(0xA5));
    let before = std::fs::read(&path).expect("read");
    let report = checked(&path).expect("opened");
    assert!(report.remarks.losses.iter().any(|what| what.contains("of the newest commit")), "{report:?}");
    let refused = repaired(&path).expect_err("nothing would be left");
    assert!(matches!(&refused, OfflineError::NotWhole(what) if what.contains("rejoin migrate")), "{refused}");
    assert!(std::fs::read(&path).expect("read") == before);
    let (is_good, said) = rejoin(&["check", path.to_str().expect("plain"), "--repair"]);
    assert!(!is_good && said.contains("rejoin migrate"), "{said}");
}

/// What a kill leaves: games in the tables, and two that are in the log alone. Returns the path of the file.
fn killed(folder: &Path) -> (PathBuf, Vec<SessionId>, Vec<Option<Dump>>) {
    let (living, left) = (folder.join("living"), folder.join("left"));
    [&living, &left].into_iter().for_each(|folder| std::fs::create_dir(folder).expect("made"));
    let store = open(&living.join("rejoin.redb"));
    let mut ids = block_on(fill(&store, 30, 5));
    block_on(store.close()).expect("closed");
    drop(store);
    let store = open(&living.join("rejoin.redb"));
    for n in [200, 201] {
        block_on(store.create(NewSession(external(n, None, at(0))), at(0))).expect("created");
        block_on(super::apply(&store, n, record(5)));
        ids.push(id(n));
    }
    for ending in ["log", "note", "redb"] {
        let name = format!("rejoin.{ending}");
        std::fs::copy(living.join(&name), left.join(&name)).expect("copied");
    }
    let known = dumps(&store, &ids);
    (left.join("rejoin.redb"), ids, known)
}

#[test]
fn damaged_metadata_after_a_kill_does_not_cost_what_is_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, known) = killed(folder.path());
    damage_meta(&path);
    let report = checked(&path).expect("opened");
    assert!(!report.is_whole() && !report.has_losses(), "{report:?}");
    assert_eq!(report.whole, ids.len() as u64);
    mended(&path);
    assert_all_there(&path, &ids, &known);
}

#[test]
fn a_log_that_nothing_leads_to_is_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, _) = killed(folder.path());
    damage_meta(&path);
    std::fs::remove_file(note_of(&path)).expect("removed");
    let (is_good, said) = rejoin(&["check", path.to_str().expect("plain"), "--repair"]);
    assert!(!is_good && said.contains("may be missing"), "what may be lost is no success: {said}");
    let kept = std::fs::read_dir(path.parent().expect("a folder")).expect("read");
    let names: Vec<_> = kept.map(|entry| entry.expect("an entry").file_name()).collect();
    let is_log = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".log");
    assert!(names.iter().any(|name| name.to_string_lossy().contains("before-repair") && is_log(name)), "{names:?}");
    assert_eq!(checked(&path).expect("opened").whole, ids.len() as u64 - 2);
}

#[test]
fn a_killed_file_without_its_log_and_its_note_is_not_called_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ..) = killed(folder.path());
    assert!(checked(&path).expect("opened").is_whole());
    let alone = folder.path().join("alone.redb");
    std::fs::copy(&path, &alone).expect("copied");
    let report = checked(&alone).expect("opened");
    assert!(report.remarks.losses.iter().any(|what| what.contains("no server has closed it")), "{report:?}");
    let target = folder.path().join("elsewhere/rejoin.redb");
    let refused = restore_file(&path, &target, false, "now").expect_err("its log would be missing").to_string();
    assert!(refused.contains("in its log"), "{refused}");
}

#[test]
fn a_file_of_another_name_does_not_take_the_log_of_a_running_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rejoin.redb");
    let store = open(&path);
    block_on(fill(&store, 10, 0));
    let copy = folder.path().join("rejoin.bak");
    store.back_up(&copy, &CopyControl::default()).expect("made");
    assert!(checked(&copy).expect("opened").is_whole());
    damage_record(&copy, &id(3));
    mended(&copy);
    for ending in ["log", "note"] {
        assert!(path.with_extension(ending).exists(), "the server's own {ending} stays");
    }
    assert!(folder.path().join("rejoin.bak.before-repair-now.redb").exists());
    block_on(store.create(NewSession(external(99, None, at(1))), at(1))).expect("the server goes on");
}

/// Writes what no release can read as the record of this session. The page is sound.
pub(super) fn damage_record(path: &Path, session: &SessionId) {
    let database = redb::Database::open(path).expect("opened");
    let transaction = database.begin_write().expect("begun");
    {
        let mut table = transaction.open_table(TableDefinition::<&[u8], &[u8]>::new("sessions")).expect("there");
        table.insert(session.as_bytes(), &b"\xFFno record"[..]).expect("set");
    }
    transaction.commit().expect("committed");
}

/// Pairs of a log and a note that do not belong to a killed file, or are older than it: what was played last is only in
/// what they replace, so none of them may be called whole.
#[test]
fn a_log_and_a_note_that_do_not_fit_a_killed_file_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ..) = killed(folder.path());
    let elsewhere = tempfile::tempdir().expect("a folder");
    let (other, ..) = killed(elsewhere.path());
    let of_other = |ending: &str| std::fs::read(other.with_extension(ending)).expect("read");
    let own = |ending: &str| std::fs::read(path.with_extension(ending)).expect("read");
    let (log, note) = (own("log"), own("note"));
    assert!(checked(&path).expect("opened").is_whole());
    let none = || None::<Vec<u8>>;
    let cases = [
        ("no log, another's note", none(), Some(of_other("note"))),
        ("another's log and note", Some(of_other("log")), Some(of_other("note"))),
        ("another's log, no note", Some(of_other("log")), none()),
        ("another's note", Some(log.clone()), Some(of_other("note"))),
        ("an empty log, no note", Some(Vec::new()), none()),
        ("a log of zeros, no note", Some(vec![0; log.len()]), none()),
        ("no log", none(), Some(note)),
    ];
    for (what, log, note) in cases {
        for (ending, bytes) in [("log", log), ("note", note)] {
            let place = path.with_extension(ending);
            match bytes {
                Some(bytes) => std::fs::write(place, bytes).expect("written"),
                None => drop(std::fs::remove_file(place)),
            }
        }
        let report = checked(&path).expect("opened");
        assert!(report.has_losses(), "{what}: {report:?}");
    }
}

/// The bit in the first page that says which of two commits is the newest.
#[test]
fn a_first_page_that_names_the_older_commit_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, known) = killed(folder.path());
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[9] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    let report = checked(&path).expect("opened");
    assert!(!report.is_whole() && !report.has_losses(), "{report:?}");
    mended(&path);
    assert_all_there(&path, &ids, &known);
}

/// Any bit of the two records of commits in the first page is corrected, also in their version.
#[test]
fn a_flipped_bit_in_a_record_of_a_commit_is_corrected() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, _) = filled(folder.path(), 4, 0);
    let whole = std::fs::read(&path).expect("read");
    for bit in (64 * 8..64 * 8 + 16).chain(192 * 8..192 * 8 + 16) {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).expect("written");
        let report = checked(&path).expect("opened");
        assert!(!report.is_whole() && !report.has_losses() && report.whole == ids.len() as u64, "{bit}: {report:?}");
    }
}

/// redb writes a page anew without looking at its rows, so a key with a flipped bit can stand on a page that is right.
#[test]
fn a_row_in_a_wrong_place_hides_no_other_game() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, known) = filled(folder.path(), 60, 0);
    let mut keys: Vec<_> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
    keys.sort();
    let whole = std::fs::read(&path).expect("read");
    let places: Vec<_> = (0..whole.len() - keys[30].len()).filter(|at| whole[*at..].starts_with(&keys[30])).collect();
    assert!(places.len() >= 3, "its record, its quiz, its place in the index");
    for (place, bit) in places.into_iter().flat_map(|place| [(place, 1), (place, 128)]) {
        let folder = tempfile::tempdir_in(folder.path()).expect("a folder");
        let path = folder.path().join("rejoin.redb");
        let mut bytes = whole.clone();
        bytes[place] ^= bit;
        std::fs::write(&path, &bytes).expect("written");
        write_anew(&path, &keys);
        let report = checked(&path).expect("opened");
        assert!(report.whole >= 58, "{} whole games, {:?}", report.whole, report.damaged);
        let Some(Repaired { report, .. }) = repaired(&path).expect("repaired") else { continue };
        let lost: BTreeSet<_> = report.damaged.iter().map(|game| game.name.clone()).collect();
        assert_eq!(lost.len(), report.damaged.len(), "each is named once");
        for (found, known) in dumps(&open(&path), &ids).iter().zip(&known) {
            let known = known.as_ref().expect("there");
            match found {
                Some(found) => assert!(is_same(found, known)),
                None => assert!(lost.contains(&known.session.id.short_hash()), "a game is gone"),
            }
        }
    }
}

/// Stores all records of these sessions again, so that redb writes their pages anew, with right checksums.
fn write_anew(path: &Path, keys: &[Vec<u8>]) {
    let database = redb::Database::open(path).expect("opened");
    let transaction = database.begin_write().expect("begun");
    for table in ["sessions", "quizzes"] {
        let mut table = transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(table)).expect("there");
        for key in keys {
            let value = table.get(&**key).expect("read").map(|value| value.value().to_vec());
            value.map(|value| table.insert(&**key, &*value).expect("set").is_some());
        }
    }
    transaction.commit().expect("committed");
}

#[test]
fn a_damaged_join_code_leads_nobody_into_another_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ..) = filled(folder.path(), 1, 3);
    let (mine, other) = (crate::kit::code(&super::code_of(501)), id(2));
    let database = redb::Database::open(&path).expect("opened");
    let transaction = database.begin_write().expect("begun");
    {
        let mut joins = transaction.open_table(TableDefinition::<&str, &[u8]>::new("joins")).expect("there");
        joins.insert(mine.as_str(), other.as_bytes()).expect("set");
    }
    transaction.commit().expect("committed");
    drop(database);
    let store = open(&path);
    let found = block_on(store.find(&mine, at(2)));
    assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
    block_on(store.close()).expect("closed");
    drop(store);
    // A repair makes the codes anew from the rooms.
    let report = mended(&path);
    assert!(report.remarks.harmless.iter().any(|what| what.contains("1 join codes lead")), "{report:?}");
    assert_eq!(block_on(open(&path).find(&mine, at(2))).expect("found"), Some(id(1)));
}

#[test]
fn a_repair_that_loses_games_is_no_success() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ids, _) = filled(folder.path(), 10, 2);
    damage_record(&path, &ids[3]);
    let (is_good, said) = rejoin(&["check", path.to_str().expect("plain"), "--repair"]);
    assert!(!is_good && said.contains("11 games are in the repaired file, 1 could not be saved"), "{said}");
    let (is_good, said) = rejoin(&["check", path.to_str().expect("plain")]);
    assert!(is_good, "{said}");
}
