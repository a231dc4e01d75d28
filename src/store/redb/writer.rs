//! The one writer. It takes all that waits, lets the rules work it out, stores it in one durable
//! commit, and only then answers: commit before tell.
//!
//! When a commit fails it opens the file again and looks whether the batch is there. If it isn't,
//! nothing happened; if it is, or the file can't be opened, the outcome is unknown.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::{Batch, Changes};
use super::commit::{self, CommitError};
use super::meta::{Meta, SIGN_OF_LIFE};
use super::queue::{Queue, Refusing, Taken, Work};
use super::reads::Reader;
use crate::domain::Timestamp;
use crate::store::clock::{Clock, GameClock, Uptime};
use crate::store::error::{Cause, StoreError, StoreResult};
use crate::store::step::Rules;

/// How much sooner a sign of life is written, so that a slow commit doesn't make it late.
const IN_GOOD_TIME: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    reader: Arc<Reader>,
    queue: Arc<Queue>,
    clock: Arc<GameClock>,
    rules: Rules,
    /// What the file's own record says since the last commit.
    meta: Meta,
    /// Since when commits fail, and when to try again.
    broken: Option<Broken>,
    /// When the last commit was begun.
    last_commit: Instant,
}

struct Broken {
    refusing: Refusing,
    retry_at: Instant,
    pause: Duration,
}

/// Hands out one command's answer once its fate is known.
type Tell = Box<dyn FnOnce(Result<(), Fate>)>;

/// What befell a batch that was not simply committed.
#[derive(Clone, Copy)]
enum Fate {
    NotStored(Refusing),
    Unknown,
}

impl Fate {
    fn error(self) -> StoreError {
        match self {
            Self::NotStored(refusing) => refusing.error(),
            Self::Unknown => StoreError::OutcomeUnknown,
        }
    }
}

impl Writer {
    pub(super) fn new(reader: Arc<Reader>, queue: Arc<Queue>, clock: Arc<GameClock>, rules: Rules, meta: Meta) -> Self {
        Self { reader, queue, clock, rules, meta, broken: None, last_commit: Instant::now() }
    }

    pub(super) fn start(self) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("rejoin-writer".to_owned());
        thread.spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        let (mut recent, mut took) = (1, Duration::ZERO);
        loop {
            match self.queue.take(self.wake_at(), recent, took) {
                Taken::Batch(batch) => {
                    let begun = Instant::now();
                    // Follows the batches' size at once upwards, and slowly down.
                    recent = batch.len().max(recent.saturating_sub(recent.div_ceil(4)));
                    // A panic drops the batch, whose callers are told that its outcome is unknown.
                    let committed = catch_unwind(AssertUnwindSafe(|| self.commit_batch(batch)));
                    took = begun.elapsed();
                    self.reader.look_ahead(self.clock.moment().now);
                    if let Some(answer) = committed.unwrap_or(None) {
                        let _ = answer.send(self.close());
                        return;
                    }
                }
                Taken::Nothing => {
                    recent = 1;
                    if catch_unwind(AssertUnwindSafe(|| self.wake())).is_err() {
                        tracing::error!("the writer panicked at its upkeep, and goes on");
                    }
                }
                Taken::Shut => {
                    let _ = self.close();
                    return;
                }
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let sign_of_life = self.last_commit + Duration::from(SIGN_OF_LIFE) - IN_GOOD_TIME;
        self.broken.as_ref().map_or(sign_of_life, |broken| broken.retry_at)
    }

    /// Does what time alone asks for: another try at a broken file, or a sign of life.
    fn wake(&mut self) {
        match &self.broken {
            Some(broken) if Instant::now() >= broken.retry_at => self.heal(),
            Some(_) => {}
            None => self.give_sign_of_life(),
        }
    }

    fn give_sign_of_life(&mut self) {
        self.last_commit = Instant::now();
        let now = self.clock.moment().now;
        match self.reader.counts(now) {
            Ok(counts) if counts.records > counts.dead => {
                if let Err(fate) = self.store(&Changes::none(now)) {
                    tracing::warn!(reason = %fate.error(), "no sign of life could be written");
                }
            }
            Err(StoreError::Unavailable(Some(cause))) => drop(self.after_failed_read(cause)),
            _ => {}
        }
    }

    /// Works out, stores and answers a batch. Gives the answer of a `Close` that is in it.
    fn commit_batch(&mut self, batch: Vec<Work>) -> Option<super::queue::Answer<()>> {
        let mut tells: Vec<Tell> = Vec::with_capacity(batch.len());
        let mut close = None;
        let reader = self.reader.clone();
        let rules = self.rules;
        let mut waiting = batch.into_iter();
        if self.broken.is_none() {
            let changes = reader.look(|snapshot| {
                let mut batch = Batch::new(snapshot, rules);
                let mut failed_read = None;
                for work in waiting.by_ref() {
                    match work {
                        Work::Close { answer } => close = Some(answer),
                        work => tells.push(work_out(&mut batch, work, &mut failed_read)),
                    }
                }
                Ok((batch.into_changes(), failed_read))
            });
            let fate = match changes {
                Ok((changes, None)) => self.store_if_any(&changes),
                Ok((_, Some(cause))) | Err(StoreError::Unavailable(Some(cause))) => Err(self.after_failed_read(cause)),
                Err(_) => Err(Fate::NotStored(Refusing::Unavailable)),
            };
            tells.into_iter().for_each(|tell| tell(fate));
        }
        // What was not worked out did not happen.
        let refusing = self.broken.as_ref().map_or(Refusing::Unavailable, |broken| broken.refusing);
        for work in waiting {
            match work {
                Work::Close { answer } => close = Some(answer),
                work => refuse(work, refusing),
            }
        }
        close
    }

    fn store_if_any(&mut self, changes: &Changes) -> Result<(), Fate> {
        if changes.is_empty() {
            return Ok(());
        }
        self.store(changes)?;
        self.queue.note_commit();
        Ok(())
    }

    /// Stores a batch, or finds out what became of it.
    fn store(&mut self, changes: &Changes) -> Result<(), Fate> {
        let begun = Instant::now();
        let meta = self.next_meta(changes.time);
        let stored = self.reader.slot.with(|database| Ok(attempt(|| commit::store(database, changes, &meta))));
        match stored {
            Ok(Ok(())) => {
                self.last_commit = begun;
                self.meta = meta;
                self.remember(changes);
                Ok(())
            }
            Ok(Err(error)) => Err(self.after_failure(error, &meta)),
            Err(_) => Err(Fate::NotStored(Refusing::Unavailable)),
        }
    }

    /// Every commit carries the time: that of its commands may be older, or they have none.
    fn next_meta(&self, time: Timestamp) -> Meta {
        let (uptime, now) = (Uptime::now(), self.clock.moment().now);
        Meta { time: self.meta.time.max(time).max(now), uptime, batches: self.meta.batches + 1, ..self.meta }
    }

    /// Keeps the counts and the cache of quizzes true.
    fn remember(&self, changes: &Changes) {
        self.reader.counter.note(self.meta.batches, changes);
        for (id, change) in &changes.sessions {
            match change.after.as_ref().and_then(|session| Some((session.state.nonce, session.quiz.as_ref()?))) {
                Some((nonce, quiz)) if change.is_new => self.reader.quizzes.cache.insert(id, nonce, quiz, 0),
                Some(_) => {}
                None => self.reader.quizzes.cache.remove(id),
            }
        }
    }

    /// Refuses what comes until the file can be written again; meanwhile nobody's game gets older.
    pub(super) fn break_off(&mut self, refusing: Refusing) {
        self.clock.stop();
        self.queue.set_refusing(Some(refusing));
        self.broken = Some(Broken { refusing, retry_at: Instant::now() + FIRST_RETRY, pause: FIRST_RETRY });
    }

    /// redb refuses everything after a failure until it is opened again; the file then says
    /// whether the batch is in it.
    fn after_failure(&mut self, error: CommitError, attempted: &Meta) -> Fate {
        let refusing = if error.is_full { Refusing::Full } else { Refusing::Unavailable };
        tracing::error!(cause = %error.cause, "the file failed; opening it again");
        self.break_off(refusing);
        match self.reopen() {
            Ok(meta) if meta.batches < attempted.batches => Fate::NotStored(refusing),
            Ok(_) => Fate::Unknown,
            Err(reason) => {
                tracing::error!(reason, "the file cannot be opened again yet");
                Fate::Unknown
            }
        }
    }

    /// A failed read ends everything in redb just as a failed commit does; but nothing was begun.
    fn after_failed_read(&mut self, cause: Cause) -> Fate {
        let attempted = self.next_meta(self.meta.time);
        self.after_failure(CommitError { is_full: false, cause }, &attempted)
    }

    /// Opens the file again and reads what it knows.
    fn reopen(&mut self) -> Result<Meta, String> {
        self.reader.slot.reopen().map_err(|error| error.to_string())?;
        let meta = self.reader.slot.read(Meta::read).map_err(|error| error.to_string())?;
        let meta = meta.ok_or("the file has lost its own record")?;
        // Game time has been told to players: it never goes back.
        self.meta = Meta { time: self.meta.time.max(meta.time), ..meta };
        Ok(meta)
    }

    /// One try to get well: open, then prove by a durable write that commits work again.
    fn heal(&mut self) {
        // A panic of redb's over a damaged page is one more failed try.
        let healed = catch_unwind(AssertUnwindSafe(|| self.reopen_and_probe()));
        match healed.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            Ok(()) => {
                self.broken = None;
                self.last_commit = Instant::now();
                self.queue.set_refusing(None);
                self.clock.go_on();
                tracing::info!("commits work again");
            }
            Err(reason) => {
                tracing::warn!(reason, "commits still fail");
                // A failed probe ends reading too; open once more, so that reads go on meanwhile.
                let _ = self.reopen();
                if let Some(broken) = &mut self.broken {
                    broken.pause = (broken.pause * 2).min(LAST_RETRY);
                    broken.retry_at = Instant::now() + broken.pause;
                }
            }
        }
    }

    fn reopen_and_probe(&mut self) -> Result<(), String> {
        self.reopen()?;
        let meta = self.next_meta(self.meta.time);
        let probed = self.reader.slot.with(|database| Ok(commit::store_meta(database, &meta)));
        self.meta.batches += 1;
        match probed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.cause.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Notes the time and that it is exact, and lets go of the file.
    fn close(&mut self) -> StoreResult<()> {
        let meta = Meta { clean: true, ..self.next_meta(self.meta.time) };
        let noted = self
            .reader
            .slot
            .with(|database| commit::store_meta(database, &meta).map_err(CommitError::into_store_error));
        self.reader.slot.close();
        noted
    }
}

/// A panic while storing is a failed commit like any other.
fn attempt(store: impl FnOnce() -> Result<(), CommitError>) -> Result<(), CommitError> {
    let panicked = |_| CommitError { is_full: false, cause: "storing a batch panicked".into() };
    catch_unwind(AssertUnwindSafe(store)).map_err(panicked).and_then(|stored| stored)
}

/// Works out one command, and gives what is to be told once the batch's fate is known. A read that
/// fails is noted: the batch is then not stored.
fn work_out(batch: &mut Batch<'_>, work: Work, failed_read: &mut Option<Cause>) -> Tell {
    let mut then = Then { failed_read };
    match work {
        Work::Create { session, at, answer } => then.tell(answer, batch.create(*session, at)),
        Work::Apply { id, command, at, answer } => then.tell(answer, batch.apply(&id, command, at)),
        Work::Delete { id, answer } => then.tell(answer, batch.delete(&id)),
        Work::Import { dump, at, answer } => then.tell(answer, batch.import(*dump, at)),
        Work::Sweep { at, after, most, answer } => then.tell(answer, batch.sweep(at, after.as_ref(), most)),
        Work::Close { answer } => then.tell(answer, Ok(())),
    }
}

struct Then<'a> {
    failed_read: &'a mut Option<Cause>,
}

impl Then<'_> {
    fn tell<T: 'static>(&mut self, answer: super::queue::Answer<T>, mut result: StoreResult<T>) -> Tell {
        if let Err(StoreError::Unavailable(cause)) = &mut result {
            *self.failed_read = self.failed_read.take().or(cause.take());
        }
        Box::new(move |fate: Result<(), Fate>| {
            // Whoever asked may be gone; the commit stands.
            let _ = answer.send(fate.map_err(Fate::error).and(result));
        })
    }
}

/// Answers work that was never begun.
fn refuse(work: Work, refusing: Refusing) {
    fn send<T>(answer: super::queue::Answer<T>, refusing: Refusing) {
        let _ = answer.send(Err(refusing.error()));
    }
    match work {
        Work::Create { answer, .. } => send(answer, refusing),
        Work::Apply { answer, .. } => send(answer, refusing),
        Work::Delete { answer, .. } => send(answer, refusing),
        Work::Import { answer, .. } => send(answer, refusing),
        Work::Sweep { answer, .. } => send(answer, refusing),
        Work::Close { answer } => send(answer, refusing),
    }
}
