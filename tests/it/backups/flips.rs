//! Random bit flips anywhere in a file. Nothing panics, no score is wrong, every damage is named, and after a
//! repair all games are served that were not named as lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rejoin::domain::SessionId;
use rejoin::store::Dump;
use rejoin::store::redb::{FileReport, Repaired};

use super::{checked, dumps, filled, is_same, open, open_read_only, repaired};
use crate::faults::disk::Chance;
use crate::kit::id;

/// How many bits are flipped, each in a copy of its own. `REJOIN_TEST_FLIPS` sets another number.
const FLIPS: u64 = 300;

/// What became of the flips.
#[derive(Default)]
struct Tally {
    /// No page in use was hit.
    whole: AtomicU64,
    /// A damaged page was named, and with it the games that it hit.
    named: AtomicU64,
    /// Games that were named.
    games: AtomicU64,
    /// Games that a repair could not save.
    lost: AtomicU64,
    /// Files in which no commit could be found.
    refused: AtomicU64,
}

/// A folder in memory if there is one: no test of this needs a disk.
fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Checks and repairs one damaged copy at `path`.
fn judge(path: &Path, ids: &[SessionId], known: &[Option<Dump>], tally: &Tally) {
    let before = std::fs::read(path).expect("read");
    let report = match checked(path) {
        Ok(report) => report,
        Err(error) => {
            assert!(error.to_string().contains("cannot be used"), "{error}");
            tally.refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    assert!(std::fs::read(path).expect("read") == before, "a check writes nothing");
    if report.is_whole() {
        tally.whole.fetch_add(1, Ordering::Relaxed);
        assert_eq!(report.whole, ids.len() as u64);
        let store = open_read_only(path).expect("what is whole can be opened");
        assert_all_same(&dumps(&store, ids), known, &BTreeSet::new());
        return;
    }
    tally.named.fetch_add(1, Ordering::Relaxed);
    served_or_named(path, ids, known, &report);
    let Some(Repaired { report, kept, .. }) = repaired(path).expect("repaired") else {
        panic!("the check has found something: {report:?}");
    };
    assert!(std::fs::read(kept).expect("kept") == before, "the old file is as it was");
    let lost: BTreeSet<_> = report.damaged.iter().map(|game| game.name.clone()).collect();
    tally.games.fetch_add((report.corrected.len() + lost.len()) as u64, Ordering::Relaxed);
    tally.lost.fetch_add(lost.len() as u64, Ordering::Relaxed);
    assert!(checked(path).expect("opened").is_whole(), "what was repaired is whole");
    // A server opens it, and serves every game that was not named as lost.
    let store = open(path);
    assert_all_same(&dumps(&store, ids), known, &lost);
}

/// What a server would serve of the damaged file is right, and what it would not serve is named.
fn served_or_named(path: &Path, ids: &[SessionId], known: &[Option<Dump>], report: &FileReport) {
    // Only what redb can open for reading alone.
    let Ok(store) = open_read_only(path) else { return };
    let named: BTreeSet<_> = report.damaged.iter().map(|game| &game.name).chain(&report.corrected).collect();
    for ((id, found), known) in ids.iter().zip(dumps(&store, ids)).zip(known) {
        match found {
            Some(found) => assert!(is_same(&found, known.as_ref().expect("there")), "a wrong game is served"),
            // A damaged branch page hides games that are all there. It is named as a page.
            None => assert!(named.contains(&id.short_hash()) || !report.pages.is_empty(), "a game is not named"),
        }
    }
}

fn assert_all_same(found: &[Option<Dump>], known: &[Option<Dump>], lost: &BTreeSet<String>) {
    for (found, known) in found.iter().zip(known) {
        let known = known.as_ref().expect("there");
        match found {
            Some(found) => assert!(is_same(found, known), "another game: {found:?} instead of {known:?}"),
            None => assert!(lost.contains(&known.session.id.short_hash()), "a game is gone"),
        }
    }
}

#[test]
fn no_flipped_bit_panics_or_gives_a_wrong_score_and_each_is_named() {
    let flips = std::env::var("REJOIN_TEST_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(FLIPS);
    let folder = fast_folder();
    let (path, ids, known) = filled(folder.path(), 60, 12);
    let whole = std::fs::read(&path).expect("read");
    let (tally, next) = (Tally::default(), AtomicU64::new(0));
    let chance = Mutex::new(Chance::new(7));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < flips {
                    let bit = chance.lock().expect("whole").below(whole.len() as u64 * 8);
                    let mut damaged = whole.clone();
                    damaged[(bit / 8) as usize] ^= 1 << (bit % 8);
                    let folder = fast_folder();
                    let path = folder.path().join("rejoin.redb");
                    std::fs::write(&path, damaged).expect("written");
                    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        judge(&path, &ids, &known, &tally);
                    }));
                    assert!(judged.is_ok(), "bit {bit} of {}", whole.len() * 8);
                }
            });
        }
    });
    let [whole_ones, named, games, lost, refused] =
        [tally.whole, tally.named, tally.games, tally.lost, tally.refused].map(AtomicU64::into_inner);
    println!(
        "{flips} flips in {} KiB: {whole_ones} hit nothing in use, {named} were named with {games} games, of which \
         {lost} could not be repaired; {refused} files had no commit",
        whole.len() / 1024
    );
    assert_eq!(whole_ones + named + refused, flips);
    assert_eq!((lost, refused), (0, 0), "one bit can always be corrected");
    assert!(named > flips / 20, "the file is mostly empty, so this has tested little");
}

/// A whole sector is lost, at every place of the file. The games on it are named, and all others are served.
#[test]
fn a_lost_sector_costs_only_the_games_on_it() {
    let folder = fast_folder();
    let (path, ids, known) = filled(folder.path(), 60, 12);
    let whole = std::fs::read(&path).expect("read");
    let (mut named, mut lost, mut most, mut refused) = (0, 0, 0, 0);
    // The first page has the only record of where everything is.
    for sector in (8..whole.len() / 512).step_by(3) {
        let mut damaged = whole.clone();
        damaged[sector * 512..(sector + 1) * 512].fill(0xA5);
        let folder = fast_folder();
        let path = folder.path().join("rejoin.redb");
        std::fs::write(&path, &damaged).expect("written");
        let report = checked(&path).expect("opened");
        if report.is_whole() {
            continue;
        }
        named += 1;
        let names: BTreeSet<_> = report.damaged.iter().map(|game| &game.name).collect();
        assert_eq!(names.len(), report.damaged.len(), "each game is named once");
        let mended = match repaired(&path) {
            Ok(mended) => mended.expect("damaged"),
            Err(error) => {
                assert!(report.has_losses() && error.to_string().contains("list of tables"), "{error}");
                refused += 1;
                continue;
            }
        };
        let gone: BTreeSet<_> = mended.report.damaged.iter().map(|game| game.name.clone()).collect();
        assert_eq!(gone.is_empty() && mended.report.pages.is_empty(), mended.aside.is_none());
        lost += gone.len();
        most = most.max(gone.len());
        let store = open(&path);
        assert_all_same(&dumps(&store, &ids), &known, &gone);
    }
    println!("{named} sectors were in use; {lost} games were lost with them, at most {most} with one");
    println!("{refused} held the list of tables, and were not repaired");
    assert!(named > 20 && lost > 0 && refused <= 8);
    assert!(dumps(&open_read_only(&path).expect("opened"), &[id(0)])[0].is_some());
}
