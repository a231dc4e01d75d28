//! Players who play on through faults. Each answers question after question, repeats an answer without a
//! verdict under the same idempotency key, and checks every verdict against those before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rejoin::domain::{Game, Reply};
use rejoin::store::valkey::ValkeyStore;
use rejoin::store::{GameSessionStore, StoreError};
use tokio::task::JoinSet;

use crate::kit::{answer, create, id, in_the_end, solo};
use crate::support::{HANG, until};

/// The questions of a game: more than a player gets through.
const QUESTIONS: usize = 800;

/// What the players met.
#[derive(Default)]
pub(super) struct Seen {
    longest: Mutex<Duration>,
    verdicts: AtomicUsize,
    /// When each game got its last verdict.
    last_verdicts: Mutex<BTreeMap<u64, Instant>>,
    unavailable: AtomicUsize,
    unknown: AtomicUsize,
    full: AtomicUsize,
    /// Answers whose outcome was unknown at first, and that got a verdict when they were repeated.
    found_again: AtomicUsize,
}

impl Seen {
    fn took(&self, took: Duration) {
        let mut longest = self.longest.lock();
        *longest = longest.max(took);
    }
}

pub(super) struct Players {
    store: Arc<ValkeyStore>,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    playing: JoinSet<Vec<u32>>,
    may_lose: bool,
}

impl Players {
    /// Starts this many players, each with its own game, and waits until verdicts come.
    pub(super) async fn begin(store: &Arc<ValkeyStore>, players: u64) -> Self {
        let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
        let mut playing = JoinSet::new();
        for n in 0..players {
            let at = store.clock().moment();
            create(&**store, solo(n, QUESTIONS, at), at).await.expect("created");
            playing.spawn(play(store.clone(), n, seen.clone(), stop.clone()));
        }
        let players = Self { store: store.clone(), seen, stop, playing, may_lose: false };
        players.go_on().await;
        players
    }

    /// From now on acknowledged answers may be lost: a failover rolls back what had not reached the replica.
    pub(super) fn may_lose(&mut self) {
        self.may_lose = true;
    }

    /// Waits until the players get more verdicts.
    pub(super) async fn go_on(&self) {
        let before = self.seen.verdicts.load(Ordering::Relaxed);
        until(|| self.seen.verdicts.load(Ordering::Relaxed) > before + 20).await;
    }

    /// Waits until players are refused.
    pub(super) async fn are_refused(&self) {
        let refused = || {
            let seen = &self.seen;
            [&seen.unavailable, &seen.unknown, &seen.full]
                .map(|count| count.load(Ordering::Relaxed))
                .iter()
                .sum::<usize>()
        };
        let before = refused();
        until(|| refused() > before + 20).await;
    }

    /// Waits until games go on, and returns how long after `since` that was. `since` is when the server
    /// became reachable.
    pub(super) async fn recover(&self, since: Instant) -> Duration {
        self.recover_by(since, |verdicts| verdicts.values().max().copied()).await
    }

    /// Like [`Players::recover`], for one game.
    pub(super) async fn recover_game(&self, n: u64, since: Instant) -> Duration {
        self.recover_by(since, |verdicts| verdicts.get(&n).copied()).await
    }

    async fn recover_by(&self, since: Instant, last: impl Fn(&BTreeMap<u64, Instant>) -> Option<Instant>) -> Duration {
        let last = || last(&self.seen.last_verdicts.lock()).filter(|last| *last > since);
        until(|| last().is_some()).await;
        let took = last().expect("there was one").duration_since(since);
        println!("games went on after {took:?}");
        self.go_on().await;
        took
    }

    /// Waits for this time, in which each of these games must go on again and again. Returns the longest wait
    /// for all of them.
    pub(super) async fn keep_going_on(&self, games: &[u64], time: Duration) -> Duration {
        let (begun, mut longest) = (Instant::now(), Duration::ZERO);
        while begun.elapsed() < time {
            let since = Instant::now();
            let has_gone_on = |n: &u64| self.seen.last_verdicts.lock().get(n).is_some_and(|last| *last > since);
            until(|| games.iter().all(has_gone_on)).await;
            longest = longest.max(since.elapsed());
        }
        longest
    }

    /// The longest call so far.
    pub(super) fn longest(&self) -> Duration {
        *self.seen.longest.lock()
    }

    pub(super) fn unknown(&self) -> usize {
        self.seen.unknown.load(Ordering::Relaxed)
    }

    pub(super) fn full(&self) -> usize {
        self.seen.full.load(Ordering::Relaxed)
    }

    /// Ends the games, and checks what is stored against what the players were told.
    pub(super) async fn end(mut self, fault: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let mut games = Vec::new();
        while let Some(told) = self.playing.join_next().await {
            games.push(told.expect("a player goes on to the end"));
        }
        for n in 0..games.len() as u64 {
            self.check(n).await;
        }
        if !self.may_lose {
            for told in &games {
                assert_eq!(
                    *told,
                    (1..=told.len() as u32).collect::<Vec<_>>(),
                    "an answer counts once and is never lost"
                );
            }
        }
        let (seen, longest) = (&self.seen, self.longest());
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "{fault}: {} verdicts, {} unavailable, {} unknown, {} full, {} found again; the longest call {:?}",
            count(&seen.verdicts),
            count(&seen.unavailable),
            count(&seen.unknown),
            count(&seen.full),
            count(&seen.found_again),
            longest
        );
        assert!(longest < HANG / 2, "a call hung for {longest:?}");
    }

    /// Asserts that a stored game is consistent: its verdicts are numbered without gaps and add up.
    async fn check(&self, n: u64) {
        let at = self.store.clock().moment();
        let session = in_the_end(async || self.store.get(&id(n), at).await).await.expect("read").expect("alive");
        let (Game::Solo(game), Some(quiz)) = (&session.state.game, &session.quiz) else { panic!("it goes on") };
        let results = game.results(quiz, None);
        let mut total = 0;
        for (place, report) in results.answers.iter().enumerate() {
            total += report.verdict.points.sum();
            assert_eq!((report.verdict.nth as usize, report.verdict.total_after), (place + 1, total));
        }
    }
}

/// Answers until told to stop. Returns for each verdict which answer of the game it was (1, 2, …).
async fn play(store: Arc<ValkeyStore>, n: u64, seen: Arc<Seen>, stop: Arc<AtomicBool>) -> Vec<u32> {
    let mut told = Vec::new();
    for question in 0..QUESTIONS {
        let mut is_repeat = false;
        loop {
            if stop.load(Ordering::Relaxed) && !is_repeat {
                return told;
            }
            let asked = Instant::now();
            let command = answer(question, 1, Some(&format!("q{question}")));
            let applied = store.apply(&id(n), command, store.clock().moment()).await;
            let took = asked.elapsed();
            seen.took(took);
            match applied {
                Ok(Some(applied)) => {
                    let Ok(Reply::Evaluated { report, .. }) = applied.result else { panic!("{applied:?}") };
                    told.push(report.verdict.nth);
                    seen.verdicts.fetch_add(1, Ordering::Relaxed);
                    seen.last_verdicts.lock().insert(n, Instant::now());
                    seen.found_again.fetch_add(usize::from(is_repeat), Ordering::Relaxed);
                    break;
                }
                Ok(None) => panic!("the game is gone"),
                Err(StoreError::OutcomeUnknown) => {
                    is_repeat = true;
                    seen.unknown.fetch_add(1, Ordering::Relaxed);
                }
                Err(StoreError::Unavailable(_) | StoreError::Busy) => {
                    seen.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                Err(StoreError::Full) => {
                    seen.full.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // As fast as a player and not as fast as a machine.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the questions have run out: the fault took too long");
}
