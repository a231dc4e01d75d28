//! Sectors that cannot be read and pages that are damaged. They affect only the sessions that need them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rejoin::domain::{Command, Moment, Sequence};
use rejoin::store::redb::{RedbStore, storage_opener};
use rejoin::store::{GameSessionStore, NewSession, StoreError};

use super::disk::Disk;
use super::{block_on, for_each, options};
use crate::kit::{DEAD, acknowledge, at, external, id, record, right, solo};

const GAMES: u64 = 1_500;
const PAGE: usize = 4096;
/// The games that are played. The games whose records are damaged are among them.
fn players() -> impl Iterator<Item = u64> {
    (0..GAMES).filter(|n| (130..170).contains(n) || n % 50 == 0)
}

/// A store, and the number of times that it opened the disk.
fn open(disk: &Disk) -> (RedbStore, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let opener = {
        let (disk, opened) = (disk.clone(), opened.clone());
        // No cache: everything is read from the disk.
        storage_opener(
            move || {
                opened.fetch_add(1, Ordering::Relaxed);
                Ok(Box::new(disk.clone()))
            },
            0,
        )
    };
    (RedbStore::open(opener, options(Duration::from_secs(10))).expect("opened"), opened)
}

fn filled(disk: &Disk, games: u64) {
    let (store, _) = open(disk);
    for n in 0..games {
        block_on(store.create(NewSession(solo(n, 3, at(0))), at(0))).expect("created");
    }
    block_on(store.close()).expect("closed");
}

fn is_corrupt<T: std::fmt::Debug>(asked: &Result<T, StoreError>) -> bool {
    matches!(asked, Err(StoreError::Corrupt { .. }))
}

/// Reads every game and moves it. Returns the games that cannot be read; all others must be served.
fn play_all(store: &RedbStore, now: Moment, question: usize) -> BTreeSet<u64> {
    let mut corrupt = BTreeSet::new();
    for n in players() {
        let got = block_on(store.get(&id(n), now));
        if is_corrupt(&got) {
            assert!(is_corrupt(&block_on(store.apply(&id(n), Command::Touch, now))), "{n} is read by nobody");
            assert!(is_corrupt(&block_on(store.events(&id(n), Sequence(0), 9, now))), "{n} is read by nobody");
            corrupt.insert(n);
            continue;
        }
        assert!(matches!(got, Ok(Some(_))), "game {n} is served: {got:?}");
        let answered = block_on(store.apply(&id(n), right(question), now)).expect("answered").expect("alive");
        assert!(answered.result.is_ok(), "game {n}");
    }
    corrupt
}

/// Damages each place where the id of a game is stored (its record, its quiz, its index entry), each on its
/// own copy of the disk. `act` returns the games that it could not read.
fn wherever_a_game_is(act: impl Fn(&Disk, usize) -> BTreeSet<u64>) {
    let whole = Disk::new(1);
    filled(&whole, GAMES);
    let mut has_hit = false;
    for (n, place) in whole.places(id(150).as_bytes()).into_iter().enumerate() {
        let corrupt = act(&whole.copied(n as u64), place);
        assert!(corrupt.len() < 40, "a page's games at most: {corrupt:?}");
        has_hit |= corrupt.contains(&150);
    }
    assert!(has_hit, "no record was damaged, so this has tested nothing");
}

/// Sweeps the dead. All are deleted, except those that cannot be read and some of their neighbours.
fn reap(store: &RedbStore, corrupt: usize) {
    // A page of the index holds about 150 entries. None of them can be removed without writing that page, so
    // an unreadable page keeps them all.
    let (mut deleted, mut idle) = (0, 0);
    while idle < 20 {
        let swept = block_on(store.sweep(at(DEAD + 10), 64)).expect("swept").deleted;
        deleted += swept;
        idle += usize::from(swept == 0);
    }
    println!("{deleted} of {GAMES} were deleted, {corrupt} of those that play can't be read");
    assert!(deleted + 500 >= GAMES as usize, "{deleted} were deleted, {corrupt} can't be read");
    let status = block_on(store.status(at(DEAD + 10))).expect("told");
    assert!(status.reachable && status.trouble.is_none(), "{status:?}");
    block_on(store.create(NewSession(external(1_000, None, at(DEAD + 10))), at(DEAD + 10))).expect("new games begin");
}

#[test]
fn an_unreadable_sector_affects_only_its_own_games() {
    wherever_a_game_is(|disk, place| {
        let (store, opened) = open(disk);
        disk.make_unreadable(place);
        let corrupt = play_all(&store, at(1), 0);
        for _ in 0..100 {
            assert_eq!(is_corrupt(&block_on(store.get(&id(150), at(2)))), corrupt.contains(&150));
        }
        assert_eq!(play_all(&store, at(2), 1), corrupt, "it stays so, whoever asks how often");
        assert!(disk.unreadable_reads() < 10, "the sector is left alone: {} reads", disk.unreadable_reads());
        assert_eq!(opened.load(Ordering::Relaxed), 1, "the file is not opened again for it");
        assert_eq!(block_on(store.status(at(2))).expect("told").damaged, corrupt.len() as u64);
        reap(&store, corrupt.len());
        assert!(opened.load(Ordering::Relaxed) < 10, "nor again and again while its neighbours are deleted");
        corrupt
    });
}

#[test]
fn a_damaged_page_affects_only_its_own_games() {
    wherever_a_game_is(|disk, place| {
        disk.damage(place);
        let (store, _) = open(disk);
        let corrupt = play_all(&store, at(1), 0);
        reap(&store, corrupt.len());
        corrupt
    });
}

/// Flips one bit anywhere in the file. A read gives the right session or an error, never an absence.
#[test]
fn a_flipped_bit_never_makes_a_game_disappear() {
    let disk = Disk::new(3);
    filled(&disk, 300);
    let (mut served, mut corrupt, mut refused) = (0, 0, 0);
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..60 {
        let path = folder.path().join(format!("{n}.redb"));
        std::fs::write(&path, disk.with_flipped_bit(n)).expect("written");
        // Read only: a commit that meets a flipped bit in redb's own lists of free pages may end the process.
        let Ok(store) = RedbStore::open_read_only(path, 1 << 20, options(Duration::from_secs(10))) else {
            refused += 1;
            continue;
        };
        for game in 0..300 {
            match block_on(store.get(&id(game), at(1))) {
                Ok(Some(session)) => {
                    assert_eq!(session.state, solo(game, 3, at(0)).state);
                    served += 1;
                }
                Err(StoreError::Corrupt { .. }) => corrupt += 1,
                other => panic!("flip {n}, game {game}: {other:?}"),
            }
        }
    }
    println!("{served} served, {corrupt} corrupt, {refused} of 60 files refused");
    assert!(served > corrupt * 50, "{served} served, {corrupt} corrupt");
}

/// Damages each page in several ways. A call that needs the page is refused, and the process lives on.
#[test]
fn the_store_survives_damage_to_any_page() {
    let whole = Disk::new(5);
    let (store, _) = open(&whole);
    for n in 0..60 {
        block_on(store.create(NewSession(solo(n, 3, at(0))), at(0))).expect("created");
    }
    let rooms = [100, 101];
    for n in rooms {
        block_on(store.create(NewSession(external(n, None, at(0))), at(0))).expect("created");
        for _ in 0..20 {
            block_on(store.apply(&id(n), record(64), at(0)))
                .expect("committed")
                .expect("alive")
                .result
                .expect("recorded");
        }
    }
    block_on(store.close()).expect("closed");

    // Every third page is overwritten. In pages of events, entries also get an offset that points outside the
    // page.
    let filled = (0..whole.length() / PAGE).step_by(3).map(|page| (page * PAGE, None));
    let events = whole.places(br#"{"n":63}"#);
    let misplaced = events.into_iter().flat_map(|place| [1, 5, 9].map(|entry| (place, Some(entry))));
    let damages: Vec<_> = filled.chain(misplaced).collect();
    for_each(0..damages.len() as u64, |n| {
        let disk = whole.copied(n);
        match damages[n as usize] {
            (place, Some(entry)) => disk.misplace(place, entry),
            (place, None) => disk.damage(place),
        }
        let opener = storage_opener(move || Ok(Box::new(disk.clone())), 0);
        let Ok(store) = RedbStore::open(opener, options(Duration::from_secs(10))) else { return };
        let act = |session, command, now| {
            let _ = block_on(store.apply(&id(session), command, at(now)));
        };
        for (n, sequence) in rooms.into_iter().flat_map(|n| [(n, 300), (n, 900), (n, 1_280)]) {
            act(n, acknowledge(1, sequence), 1);
            act(n, acknowledge(2, sequence), 1);
            act(n, record(3), 1);
        }
        (0..60).for_each(|n| act(n, right(0), 2));
        for n in (0..60).step_by(7).chain(rooms) {
            let _ = block_on(store.delete(&id(n)));
        }
        for _ in 0..4 {
            let _ = block_on(store.sweep(at(DEAD + 10), 64));
        }
        let now = at(DEAD + 20);
        let made = block_on(store.create(NewSession(solo(500, 3, now)), now));
        assert!(made.is_ok() || is_corrupt(&made) || matches!(made, Err(StoreError::Unavailable(_))), "{n}: {made:?}");
        let _ = block_on(store.close());
    });
}
