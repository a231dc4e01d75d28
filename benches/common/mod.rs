//! Shared parts of the benchmarks: stores full of games, and players who answer.

#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its own part of this")]

pub mod bare;
pub mod load;
pub mod rooms;
pub mod server;
pub mod socket;
pub mod traffic;
pub mod valkey;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rejoin::domain::solo::{Deliver, NewSolo};
use rejoin::domain::{Command, GameSession, Lifetimes, Millis, Moment, Quiz, Reply, SessionId, Submission, WallTime};
use rejoin::quizzes::{Bank, Catalogue};
use rejoin::store::clock::system_wall_clock;
use rejoin::store::redb::{RedbOptions, RedbStore, file_opener};
use rejoin::store::{GameSessionStore, NewSession};

/// Questions in a game; the server's default.
pub const QUESTIONS: usize = 10;
/// Commands that wait at the same time while a store is filled.
const FILLERS: usize = 1_024;
/// The page cache in bytes that the server uses on a machine with 8 GiB.
const CACHE: usize = 1 << 30;

/// Opens the file at `path` with the server's own settings, but with a longer time limit for commits.
pub fn open(path: &Path) -> Arc<RedbStore> {
    let options = RedbOptions {
        rules: GameSession::apply,
        wall: system_wall_clock(),
        patience: Duration::from_secs(60),
        quiz_cache: 40 * 1024 * 1024,
    };
    let opened = RedbStore::open(file_opener(path.to_owned(), CACHE), options);
    Arc::new(opened.expect("a new file can be opened"))
}

/// A single-threaded runtime on the calling thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// A bank of real questions, which is part of the program.
pub fn bank() -> Arc<Bank> {
    let catalogue = Catalogue::open(None).expect("the banks that ship are good");
    catalogue.get(&"civics".parse().expect("a name")).expect("civics ships")
}

/// The `n`th game: ten questions, with a TTL of `ttl`.
pub fn game(bank: &Bank, n: usize, at: Moment, ttl: Millis) -> GameSession {
    let day = Millis::seconds(86_400);
    game_that_lives(bank, n, at, Lifetimes { ttl, max_age: day, results_ttl: day })
}

/// The `n`th game, with all its lifetimes given.
pub fn game_that_lives(bank: &Bank, n: usize, at: Moment, lifetimes: Lifetimes) -> GameSession {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&(n as u64).to_be_bytes());
    let id = SessionId::generate(at.now.as_millis(), &random);
    let from = n % (bank.questions.len() - QUESTIONS);
    let quiz = Quiz {
        id: bank.id.clone(),
        scoring: bank.scoring.clone(),
        progression: bank.progression.clone(),
        questions: bank.questions[from..from + QUESTIONS].to_vec(),
    };
    let new = NewSolo {
        user: None,
        metadata: None,
        started: WallTime(at.now.as_millis()),
        deliver: Deliver::All,
        request: [0; 16],
    };
    GameSession::solo(id, n as u64, new, quiz, lifetimes, at.now)
}

/// Runs `work` for every number below `count`, `at_once` of them at the same time.
pub async fn all_of<F>(count: usize, at_once: usize, work: impl Fn(usize) -> F + Clone + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let local = tokio::task::LocalSet::new();
    for _ in 0..at_once {
        let (next, work) = (next.clone(), work.clone());
        local.spawn_local(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return;
                }
                work(n).await;
            }
        });
    }
    local.await;
}

/// Stores `count` games with the given TTL, and returns them for answering.
pub async fn fill(store: &Arc<dyn GameSessionStore>, count: usize, ttl: Millis) -> Games {
    let bank = bank();
    let ids = Arc::new(parking_lot::Mutex::new(Vec::with_capacity(count)));
    let (to_store, to_ids) = (store.clone(), ids.clone());
    all_of(count, FILLERS, move |n| {
        let (store, ids, bank) = (to_store.clone(), to_ids.clone(), bank.clone());
        async move {
            let session = game(&bank, n, store.clock().moment(), ttl);
            let entry = (session.id.clone(), questions_of(&session));
            store.create(NewSession(session), store.clock().moment()).await.expect("it is created");
            ids.lock().push(entry);
        }
    })
    .await;
    let games = std::mem::take(&mut *ids.lock());
    Games { games: Arc::new(games), next: Arc::new(AtomicUsize::new(0)) }
}

fn questions_of(session: &GameSession) -> u32 {
    session.state.nonce as u32
}

/// Stored games to be answered: one question of each game in turn, then the next question of each.
#[derive(Clone)]
pub struct Games {
    games: Arc<Vec<(SessionId, u32)>>,
    next: Arc<AtomicUsize>,
}

impl Games {
    /// The number of answers that can still be given before a game would end.
    pub fn left(&self) -> usize {
        (self.games.len() * (QUESTIONS - 1)).saturating_sub(self.next.load(Ordering::Relaxed))
    }

    /// Deletes all games.
    pub async fn delete(&self, store: &Arc<dyn GameSessionStore>) {
        let (games, store) = (self.games.clone(), store.clone());
        all_of(games.len(), FILLERS, move |n| {
            let (games, store) = (games.clone(), store.clone());
            async move {
                store.delete(&games[n].0).await.expect("it is deleted");
            }
        })
        .await;
    }

    /// Commits one answer to the next game.
    pub async fn answer(&self, store: &dyn GameSessionStore, bank: &Bank) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        // Games that follow each other are far apart in the file, so that they don't share pages.
        let place = (turn.wrapping_mul(7_919)) % self.games.len();
        let round = turn / self.games.len();
        let (id, n) = &self.games[place];
        let from = *n as usize % (bank.questions.len() - QUESTIONS);
        let question = &bank.questions[from + round % (QUESTIONS - 1)];
        let submission = Submission {
            question: question.id.clone(),
            answer: question.right_answer(),
            idempotency: None,
            wall: store.clock().wall(),
        };
        let applied = store.apply(id, Command::Submit(submission), store.clock().moment()).await;
        let applied = applied.expect("the store answers").expect("the game lives");
        if round < QUESTIONS - 1 {
            assert!(matches!(applied.result, Ok(Reply::Evaluated { .. })), "{:?}", applied.result);
        }
    }
}

/// The number of 4 KiB writes that this disk makes durable per second, one after the other.
pub fn fdatasyncs_per_second(folder: &Path) -> f64 {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(folder.join("fdatasync")).expect("a file can be made");
    file.write_all_at(&vec![1; 64 * 4096], 0).expect("it can be written");
    file.sync_all().expect("it can be synced");
    let started = Instant::now();
    let mut count = 0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all_at(&[count as u8; 4096], (count % 64) * 4096).expect("it can be written");
        file.sync_data().expect("it can be synced");
        count += 1;
    }
    count as f64 / started.elapsed().as_secs_f64()
}
