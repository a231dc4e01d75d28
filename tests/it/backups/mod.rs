//! Backups, and what is done to a file that no server uses: check, repair, restore, compact.

mod flips;
mod live;
mod offline;
mod roots;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rejoin::domain::{GameSession, SessionId, WallTime};
use rejoin::store::backup::CopyControl;
use rejoin::store::redb::{
    FileReport, OfflineError, OpenError, RedbOptions, RedbStore, Repaired, check_file, file_opener, repair_file,
};
use rejoin::store::{Dump, GameSessionStore, NewSession, Portable};

use crate::kit::{at, external, id, owner, recode, record, right, solo};

fn options() -> RedbOptions {
    let wall: rejoin::store::WallClock = Arc::new(|| WallTime(1_795_798_800_000));
    RedbOptions { rules: GameSession::apply, wall, patience: Duration::from_secs(10), quiz_cache: 1 << 20 }
}

fn open(path: &Path) -> RedbStore {
    let work = || RedbStore::open(file_opener(path.to_owned(), 1 << 20), options());
    unheld(work, |error| matches!(error, OpenError::Held(_))).expect("opened")
}

fn open_read_only(path: &Path) -> Result<RedbStore, OpenError> {
    let work = || RedbStore::open_read_only(path.to_owned(), 1 << 20, options());
    unheld(work, |error| matches!(error, OpenError::Held(_)))
}

/// Checks a file that nobody uses.
fn checked(path: &Path) -> Result<FileReport, OpenError> {
    unheld(|| check_file(path, || {}), |error| matches!(error, OpenError::Held(_)))
}

/// Repairs a file that nobody uses. `None` if nothing was wrong.
fn repaired(path: &Path) -> Result<Option<Repaired>, OfflineError> {
    let work = || repair_file(path, "now", &CopyControl::default());
    unheld(work, |error| matches!(error, OfflineError::Open(OpenError::Held(_))))
}

/// Repeats what needs a file alone. A process that another test has just started holds copies of all open files until
/// it runs its own program.
fn unheld<T, E>(mut work: impl FnMut() -> Result<T, E>, is_held: impl Fn(&E) -> bool) -> Result<T, E> {
    let begun = std::time::Instant::now();
    loop {
        match work() {
            Err(error) if is_held(&error) && begun.elapsed() < Duration::from_secs(10) => std::thread::yield_now(),
            done => return done,
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

async fn apply(store: &RedbStore, n: u64, command: rejoin::domain::Command) {
    let applied = store.apply(&id(n), command, at(1)).await.expect("committed").expect("alive");
    applied.result.expect("carried out");
}

/// Solo games with answers, and rooms with events and join codes. Returns their ids.
async fn fill(store: &RedbStore, solos: u64, rooms: u64) -> Vec<SessionId> {
    for n in 0..solos {
        store.create(NewSession(solo(n, 3, at(0))), at(0)).await.expect("created");
        for question in 0..(n % 3) as usize {
            apply(store, n, right(question)).await;
        }
    }
    for n in solos..solos + rooms {
        let room = external(n, Some(&code_of(n)), at(0)).owned_by(Some(owner("school")));
        store.create(NewSession(room), at(0)).await.expect("created");
        apply(store, n, record(12)).await;
        apply(store, n, recode(&code_of(n + 500))).await;
    }
    (0..solos + rooms).map(id).collect()
}

/// A join code for each number below 1,000.
fn code_of(n: u64) -> String {
    let letters = b"ABCDEFGHJK";
    let digit = |place: u32| letters[(n / 10_u64.pow(place) % 10) as usize] as char;
    [digit(2), digit(1), digit(0), 'A', 'B', 'C'].iter().collect()
}

/// Everything that a store has of these games.
fn dumps(store: &RedbStore, ids: &[SessionId]) -> Vec<Option<Dump>> {
    block_on(async {
        let mut dumps = Vec::new();
        for id in ids {
            dumps.push(store.export(id, at(2)).await.unwrap_or(None));
        }
        dumps
    })
}

/// A file that was closed cleanly, with what is in it.
fn filled(folder: &Path, solos: u64, rooms: u64) -> (PathBuf, Vec<SessionId>, Vec<Option<Dump>>) {
    let path = folder.join("rejoin.redb");
    let store = open(&path);
    let ids = block_on(fill(&store, solos, rooms));
    block_on(store.close()).expect("closed");
    drop(store);
    let store = open_read_only(&path).expect("opened");
    let known = dumps(&store, &ids);
    assert!(known.iter().all(Option::is_some), "all games are there");
    (path, ids, known)
}

/// Whether two states are of the same game with the same progress and the same life.
fn is_same(one: &Dump, other: &Dump) -> bool {
    one.events == other.events && one.session == other.session
}
