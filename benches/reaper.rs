//! What the reaper costs the players: `cargo bench --bench reaper`.
//!
//! 64 players answer without a pause on redb, and the latencies of their answers are measured: first alone,
//! and then while the reaper deletes 100,000 sessions. In one kind of round, those sessions were abandoned by
//! their players. In the other kind, they were played to the end: their results live on after the game's own
//! deadline, and the cost of passing that deadline is measured too. Prints both p99s, their ratio, how many
//! sessions are deleted per second, and how long `status` takes while all of them are due.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::load::Figures;
use common::{QUESTIONS, bank, game_that_lives};
use rejoin::domain::{Command, GameSession, Lifetimes, Millis, Moment, Submission, WallTime};
use rejoin::quizzes::Bank;
use rejoin::store::{GameSessionStore, NewSession, StoreStatus};

const DEAD: usize = 100_000;
const ALIVE: usize = 250_000;
const WAITING: usize = 64;
const ROUNDS: usize = 3;
/// The TTL of a game, and of its results. Nobody waits for them: sweeps are called with a later moment.
const TTL: Millis = Millis::seconds(500);
const RESULTS_TTL: Millis = Millis::seconds(1_000);
/// After the deadlines of all games, and after those of all results.
const AFTER_GAMES: Millis = Millis::seconds(600);
const AFTER_RESULTS: Millis = Millis::seconds(1_200);

struct Bed {
    runtime: tokio::runtime::Runtime,
    store: Arc<dyn GameSessionStore>,
    games: common::Games,
}

/// The right answer to question `n` of the game.
fn right(session: &GameSession, n: usize) -> Command {
    let question = &session.quiz.as_ref().expect("it is running").questions[n];
    let answer = question.right_answer();
    Command::Submit(Submission { question: question.id.clone(), answer, idempotency: None, wall: WallTime(1) })
}

impl Bed {
    /// Stores `count` games. Their players have either abandoned them or played them to the end.
    fn fill(&self, count: usize, are_ended: bool) {
        let (store, bank) = (self.store.clone(), bank());
        self.runtime.block_on(common::all_of(count, 1_024, move |n| {
            let (store, bank) = (store.clone(), bank.clone());
            async move { one_game(&*store, &bank, n, are_ended).await }
        }));
    }

    /// Lets the players answer until `until` is done.
    fn answers(&self, until: impl Future<Output = ()> + 'static) -> Figures {
        let latencies = Rc::new(RefCell::new(Vec::new()));
        let done = Rc::new(std::cell::Cell::new(false));
        let started = Instant::now();
        self.runtime.block_on(async {
            let local = tokio::task::LocalSet::new();
            for _ in 0..WAITING {
                let (store, games) = (self.store.clone(), self.games.clone());
                let (latencies, done, bank) = (latencies.clone(), done.clone(), bank());
                local.spawn_local(async move {
                    while !done.get() {
                        let asked = Instant::now();
                        games.answer(&*store, &bank).await;
                        latencies.borrow_mut().push(asked.elapsed());
                    }
                });
            }
            local.spawn_local(async move {
                until.await;
                done.set(true);
            });
            local.await;
        });
        Figures::of(latencies.take(), started.elapsed())
    }

    fn later(&self, by: Millis) -> Moment {
        let at = self.store.clock().moment();
        Moment { now: at.now.plus(by), ..at }
    }

    fn status(&self, at: Moment) -> (StoreStatus, Duration) {
        let asked = Instant::now();
        let status = self.runtime.block_on(self.store.status(at)).expect("the store answers");
        (status, asked.elapsed())
    }

    /// Runs one full pass of the reaper while the players answer. Returns their figures, and how long the
    /// pass took.
    fn pass(&self, at: Moment) -> (Figures, Duration) {
        let store = self.store.clone();
        let began = Instant::now();
        let figures = self.answers(async move { while store.sweep(at, 256).await.expect("the store answers").more {} });
        (figures, began.elapsed())
    }

    fn round(&self, are_ended: bool) {
        let kind = if are_ended { "ended" } else { "left" };
        self.fill(DEAD, are_ended);
        let alone = self.answers(async { tokio::time::sleep(Duration::from_secs(3)).await });
        let (mut worst, mut took, mut passes) = (Duration::ZERO, Duration::ZERO, Vec::new());
        for at in [self.later(AFTER_GAMES), self.later(AFTER_RESULTS)] {
            let calls: Vec<_> = (0..6).map(|_| format!("{:.2?}", self.status(at).1)).collect();
            let (figures, pass) = self.pass(at);
            // A short pass had nothing to delete: its latencies say nothing about the reaper.
            if pass > Duration::from_millis(500) {
                worst = worst.max(figures.p99);
                passes.push(format!("{pass:.1?} at {:.0} answers/s, p99 {:.2?}", figures.per_second, figures.p99));
            }
            took += pass;
            println!("  status: {}", calls.join(", "));
        }
        let (status, _) = self.status(self.later(AFTER_RESULTS));
        assert_eq!(status.records, ALIVE as u64, "all are cleared away");
        println!(
            "{kind:<5} alone {:.0} answers/s, p99 {:.2?}; passes: {}; {:.0} cleared/s; ratio {:.2}",
            alone.per_second,
            alone.p99,
            passes.join(", "),
            DEAD as f64 / took.as_secs_f64(),
            worst.as_secs_f64() / alone.p99.as_secs_f64()
        );
    }
}

async fn one_game(store: &dyn GameSessionStore, bank: &Bank, n: usize, is_ended: bool) {
    let at = store.clock().moment();
    let lifetimes = Lifetimes { ttl: TTL, max_age: TTL, results_ttl: RESULTS_TTL };
    let mut session = game_that_lives(bank, n, at, lifetimes);
    let (id, last) = (session.id.clone(), right(&session, QUESTIONS - 1));
    for question in 0..if is_ended { QUESTIONS - 1 } else { 0 } {
        let command = right(&session, question);
        session.apply(command, at).result.expect("it is open");
    }
    store.create(NewSession(session), at).await.expect("it is created");
    if is_ended {
        store.apply(&id, last, at).await.expect("the store answers").expect("the game lives");
    }
}

fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let redb = common::open(&folder.path().join("reaper.redb"));
    let store: Arc<dyn GameSessionStore> = redb;
    let runtime = common::runtime();
    let games = runtime.block_on(common::fill(&store, ALIVE, Millis::seconds(7_200)));
    let bed = Bed { runtime, store, games };
    for _ in 0..ROUNDS {
        for are_ended in [false, true] {
            bed.round(are_ended);
        }
    }
}
