//! `rejoin migrate`: the real binary between real files and real servers, checked against what the stores
//! contain before and after.

mod conflicts;
mod files;
mod interrupted;
mod valkey;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rejoin::domain::{GameSession, IdempotencyKey, JoinCode, Moment, SessionId};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::redb::{RedbOptions, RedbStore, file_opener};
use rejoin::store::{Clock, Dump, GameSessionStore, NewSession, Portable};
use tokio::task::JoinSet;

use crate::kit::{self, DEAD, acknowledge, answer, external, id, record, right, solo};

/// All live sessions of a store, exported, by id.
type Census = BTreeMap<SessionId, Dump>;

/// The result of a run of the binary.
struct Ran {
    code: Option<i32>,
    /// Standard output: what was done.
    told: String,
    /// Standard error: what the operator has to do.
    said: String,
}

impl Ran {
    /// The summary line of a run that succeeded.
    #[track_caller]
    fn well(&self) -> &str {
        assert_eq!(self.code, Some(0), "{}{}", self.told, self.said);
        self.line()
    }

    /// The summary line of a run that left something for the operator to do.
    #[track_caller]
    fn not_all(&self) -> &str {
        assert_eq!(self.code, Some(1), "{}{}", self.told, self.said);
        self.line()
    }

    /// The message of a run that was refused before anything was moved.
    #[track_caller]
    fn refused(&self) -> &str {
        assert_eq!((self.code, self.told.as_str()), (Some(1), ""), "{}", self.said);
        &self.said
    }

    fn line(&self) -> &str {
        self.told.lines().last().unwrap_or_default()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("it writes text");
        Self { code: output.status.code(), told: text(output.stdout), said: text(output.stderr) }
    }
}

/// The command that migrates from one place to another, with an empty environment.
fn command(from: &str, to: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["migrate", "--from", from, "--to", to]).args(more);
    command
}

fn migrate(from: &str, to: &str, more: &[&str]) -> Ran {
    command(from, to, more).output().expect("it starts").into()
}

/// The name of a file as `migrate` takes it.
fn url(path: &Path) -> String {
    format!("redb:{}", path.display())
}

fn options() -> RedbOptions {
    let (rules, wall) = (GameSession::apply, system_wall_clock());
    RedbOptions { rules, wall, patience: Duration::from_secs(30), quiz_cache: 1 << 20 }
}

/// Opens a file for writing, as its server does.
fn owned(path: &Path) -> Arc<RedbStore> {
    Arc::new(RedbStore::open(file_opener(path.to_owned(), 16 << 20), options()).expect("opened"))
}

/// The contents of a file that nobody has open. Its time stands still meanwhile.
async fn census(path: &Path) -> Census {
    let store = RedbStore::open_read_only(path.to_owned(), 16 << 20, options()).expect("opened");
    census_of(&store, store.clock()).await
}

async fn census_of(portable: &dyn Portable, clock: &dyn Clock) -> Census {
    let (mut census, mut cursor) = (Census::new(), None);
    loop {
        let page = portable.scan(cursor.as_ref(), 1_000).await.expect("read");
        let Some(last) = page.last() else { return census };
        cursor = Some(last.clone());
        for id in page {
            let dump = portable.export(&id, clock.moment()).await.expect("read");
            census.extend(dump.map(|dump| (id, dump)));
        }
    }
}

/// The time that a session has left, in milliseconds.
fn left(dump: &Dump) -> u64 {
    dump.session.state.life.deadline().0.since(dump.taken).0
}

/// Fails unless both have the same sessions, each with the same time left (within one second).
#[track_caller]
fn assert_same(before: &Census, after: &Census) {
    assert_same_games(before, after);
    for (id, dump) in before {
        let (before, after) = (left(dump), left(&after[id]));
        assert!(before.abs_diff(after) <= 1_000, "{id:?} had {before} ms left, and has {after}");
    }
}

#[track_caller]
fn assert_same_games(before: &Census, after: &Census) {
    assert_eq!(before.len(), after.len());
    for (id, dump) in before {
        let after = after.get(id).unwrap_or_else(|| panic!("{id:?} is missing"));
        assert!(dump.is_same(after), "{dump:?}\n{after:?}");
    }
}

/// The join code of session `n`, which no other session has.
fn code(n: u64) -> JoinCode {
    let digits = (0..6).map(|place| JoinCode::ALPHABET[(n / 31_u64.pow(place) % 31) as usize]);
    String::from_utf8(digits.collect()).expect("ASCII").parse().expect("a good code")
}

/// Creates session `n`, started some time before `now`. The numbers cover all kinds of sessions: running
/// games, finished games, and external sessions with events and join codes.
async fn make(store: &dyn GameSessionStore, n: u64, now: Moment) {
    let begun = before(now, n % 300 * 1_000);
    let (session, moves) = match n % 10 {
        0..=4 => {
            let show = rejoin::domain::Command::Show(kit::question_id(2));
            let moves = [answer(0, n % 3, Some("key")), right(1), show];
            (solo(n, 4, begun), moves.into_iter().take((n % 4) as usize).collect())
        }
        5 | 6 => (solo(n, 2, begun), vec![right(0), answer(1, 3, Some("last"))]),
        7 => {
            let claim = rejoin::domain::Command::Award(Some(IdempotencyKey::new("award", "claim", &[])));
            (solo(n, 1, begun), vec![right(0), claim])
        }
        8 => (external(n, None, begun), vec![record(5), acknowledge(1, 3), acknowledge(2, 2)]),
        _ => (external(n, Some(code(n).as_str()), begun), vec![record(3), acknowledge(1, 3)]),
    };
    store.create(NewSession(session), begun).await.expect("created");
    for command in moves {
        let applied = store.apply(&id(n), command, before(now, n % 5 * 1_000)).await.expect("answered");
        applied.expect("alive").result.expect("carried out");
    }
}

/// The moment `millis` milliseconds before another.
fn before(now: Moment, millis: u64) -> Moment {
    Moment { now: now.now.shifted(-i64::try_from(millis).expect("small")), ..now }
}

/// Creates a file with sessions of all kinds under these numbers.
async fn filled(path: &Path, numbers: std::ops::Range<u64>) {
    let store = owned(path);
    fill(store.clone(), store.clock().moment(), numbers).await;
    store.close().await.expect("closed");
}

async fn fill(store: Arc<dyn GameSessionStore>, now: Moment, numbers: std::ops::Range<u64>) {
    let mut making = JoinSet::new();
    for n in numbers {
        let store = store.clone();
        making.spawn(async move { make(&*store, n, now).await });
        if making.len() == 512 {
            making.join_next().await.expect("one is there").expect("made");
        }
    }
    making.join_all().await;
}

/// Adds sessions that are dead by now.
async fn add_dead(path: &Path, numbers: std::ops::Range<u64>) {
    let store = owned(path);
    let then = before(store.clock().moment(), DEAD + 1_000);
    for n in numbers {
        store.create(NewSession(solo(n, 2, then)), then).await.expect("created");
    }
    store.close().await.expect("closed");
}

/// Adds sessions under these numbers that differ from those of [`make`].
async fn add_others(path: &Path, numbers: std::ops::Range<u64>) {
    let store = owned(path);
    let now = store.clock().moment();
    for n in numbers {
        let session = GameSession { id: id(n), ..external(n + 1_000, None, now) };
        store.create(NewSession(session), now).await.expect("created");
    }
    store.close().await.expect("closed");
}

/// Applies one more command to session `n` of a file.
async fn play(path: &Path, n: u64, command: rejoin::domain::Command) {
    let store = owned(path);
    let applied = store.apply(&id(n), command, store.clock().moment()).await.expect("answered");
    applied.expect("alive").result.expect("carried out");
    store.close().await.expect("closed");
}
