//! The one writer. It takes all that waits, lets the rules work it out, stores it in one durable
//! commit, and only then answers: commit before tell. A commit is an entry of the log ([`logging`]), or
//! one of the tables where there is no log.
//!
//! When a commit fails it opens the file again and looks whether the batch is there. If it isn't,
//! nothing happened; if it is, or the file can't be opened, the outcome is unknown. A batch that a
//! full disk has refused is tried again without what takes space, and one that met a damaged page
//! command by command, so that only whoever needs that page fails.

mod logging;
mod recovery;
mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RedbStore;
use super::batch::{Batch, ChangedRows, Changes};
use super::commit::{self, CommitError, Met};
use super::counter::ExpiryEntry;
use super::growth::Growth;
use super::meta::Meta;
use super::note::Note;
use super::overlay::OverlayView;
use super::queue::{Queue, QueueTake, ReplySlot, Work, refusal};
use super::reads::Reader;
use super::sweep::SweptBatch;
use crate::domain::{Moment, Timestamp};
use crate::store::clock::{Clock, GameClock, Uptime};
use crate::store::condition::Condition;
use crate::store::contract::Cause;
use crate::store::error::{BoxError as Reason, StoreError, StoreResult};
use crate::store::panics;
use crate::store::step::ApplyFn;
pub(super) use logging::Logging;

/// What keeps a session from being stored.
const NEEDS_DAMAGED: &str = "a page that it needs is damaged";
/// How long one sweep goes on session by session: others wait.
const EACH_FOR: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    reader: Arc<Reader>,
    queue: Arc<Queue>,
    clock: Arc<GameClock>,
    condition: Arc<Condition>,
    growth: Arc<Growth>,
    note: Note,
    rules: ApplyFn,
    /// What the file's own record says since the last commit.
    meta: Meta,
    /// The log; `None` while batches are committed to the tables directly.
    logging: Option<Logging>,
    /// When to try whether the log can be used.
    log_again_at: Option<Instant>,
    /// A batch that may be in the log or not, and that is to count as not: nothing was told of it.
    void_batch: Option<u64>,
    /// Why nothing can be committed, and when to try again.
    broken: Option<Broken>,
    /// When the last commit was begun.
    last_commit: Instant,
    /// The latest moment that a command was applied at.
    last_at: Timestamp,
    /// When the file was looked after last.
    upkeep_at: Instant,
    looked_at: Instant,
}

struct Broken {
    cause: Cause,
    retry_at: Instant,
    pause: Duration,
}

/// Why a batch was not simply committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is not stored, and will not be.
    NotStored(Met),
    Unknown,
}

impl Fate {
    fn error(self) -> StoreError {
        match self {
            Self::NotStored(Met::Full) => StoreError::Full,
            Self::NotStored(Met::Damage | Met::Failure) => StoreError::Unavailable(None),
            Self::Unknown => StoreError::OutcomeUnknown,
        }
    }
}

impl Writer {
    pub(super) fn new(store: &RedbStore, rules: ApplyFn, meta: Meta, note: Note, logging: Option<Logging>) -> Self {
        let (reader, queue, clock) = (store.reader.clone(), store.queue.clone(), store.clock.clone());
        let (condition, growth) = (store.condition.clone(), store.growth.clone());
        let now = Instant::now();
        let last_at = Timestamp::from_millis(0);
        Self {
            reader,
            queue,
            clock,
            condition,
            growth,
            note,
            rules,
            meta,
            log_again_at: (logging.is_none() && store.reader.slot.log_options().is_some()).then_some(now),
            logging,
            void_batch: None,
            broken: None,
            last_commit: now,
            last_at,
            upkeep_at: now,
            looked_at: now,
        }
    }

    /// The first commit has met a full disk: games can be read, and new ones begin when there is
    /// space again.
    pub(super) fn start_full(&self) {
        self.refuse_growth(Cause::Full, "the first commit found no space");
    }

    pub(super) fn start(self) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("rejoin-writer".to_owned());
        thread.spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        let (mut recent, mut took) = (1, Duration::ZERO);
        loop {
            match self.queue.take(self.wake_at(), recent, took) {
                QueueTake::Batch(batch) => {
                    let begun = Instant::now();
                    // Follows the batches' size at once upwards, and slowly down.
                    recent = batch.len().max(recent.saturating_sub(recent.div_ceil(4)));
                    // A panic drops the batch, whose callers are told that its outcome is unknown.
                    let committed = panics::catch(|| self.commit_batch(batch));
                    took = begun.elapsed();
                    self.reader.look_ahead(self.last_at);
                    match committed {
                        Ok(None) => {}
                        Ok(Some(reply)) => return self.close(reply),
                        Err(met) => tracing::error!(met, "the writer panicked at a batch, and goes on"),
                    }
                    self.look_after(Instant::now());
                    if let Err(met) = panics::catch(|| self.look_after_log()) {
                        tracing::error!(met, "the writer panicked over its log, and goes on");
                    }
                }
                QueueTake::Nothing => {
                    recent = 1;
                    if let Err(met) = panics::catch(|| self.wake()) {
                        tracing::error!(met, "the writer panicked at its upkeep, and goes on");
                    }
                }
                QueueTake::Shut => {
                    let _ = self.note_closing();
                    return;
                }
            }
        }
    }

    /// Works out, stores and answers a batch. Gives the reply to a `Close` that is in it.
    fn commit_batch(&mut self, mut batch: Vec<Work>) -> Option<ReplySlot<()>> {
        let mut close = None;
        // Nothing comes after it.
        if let Some(Work::Close { .. }) = batch.last()
            && let Some(Work::Close { reply }) = batch.pop()
        {
            close = Some(reply);
        }
        match self.growth.refusal() {
            Some(cause) if batch.iter().any(Work::grows) => {
                self.condition.begin(cause, "there is no space for anything new");
                let (refused, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(Work::grows);
                answer_all(refused, |_| Err(refusal(cause)));
                self.carry_out(rest);
            }
            _ => self.carry_out(batch),
        }
        close
    }

    /// Carries out a batch, and answers all of it.
    fn carry_out(&mut self, mut batch: Vec<Work>) {
        if let Some(Broken { cause, .. }) = self.broken {
            // What was not worked out did not happen.
            return answer_all(batch, |_| Err(refusal(cause)));
        }
        let grows = batch.iter().any(Work::grows);
        match self.try_all(&mut batch) {
            Ok(()) => {
                if grows && self.condition.trouble().is_some() {
                    self.has_grown();
                }
                answer_all(batch, |_| Ok(()));
            }
            Err(Fate::NotStored(Met::Full)) => {
                self.refuse_growth(Cause::Full, "a commit found no space");
                let (refused, mut rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(Work::grows);
                answer_all(refused, |_| Err(StoreError::Full));
                self.release_reserve();
                let fate = self.try_if_whole(&mut rest);
                answer_all(rest, |_| fate.map_err(Fate::error));
            }
            Err(Fate::NotStored(Met::Damage)) => self.carry_out_each(batch),
            Err(fate) => answer_all(batch, |_| Err(fate.error())),
        }
    }

    /// Carries out each command by itself: one of them meets a damaged page.
    fn carry_out_each(&mut self, batch: Vec<Work>) {
        for work in batch {
            match work {
                Work::Sweep { at, after, most, reply } => self.sweep_each(at, after, most, reply),
                work => self.carry_out_alone(work),
            }
        }
    }

    fn carry_out_alone(&mut self, work: Work) {
        let mut alone = vec![work];
        let fate = self.try_if_whole(&mut alone);
        let is_damage = fate == Err(Fate::NotStored(Met::Damage));
        answer_all(alone, |work| match fate {
            // It is the place where new games go.
            _ if is_damage && work.grows() => {
                self.refuse_growth(Cause::Damaged, "a page that new games need is damaged");
                Err(refusal(Cause::Damaged))
            }
            _ if is_damage => Err(StoreError::Corrupt { what: NEEDS_DAMAGED.to_owned() }),
            fate => fate.map_err(Fate::error),
        });
    }

    /// Sweeps one session at a time. Those for which a damaged page is needed are left where they are.
    fn sweep_each(
        &mut self,
        at: Moment,
        mut after: Option<ExpiryEntry>,
        most: usize,
        mut reply: ReplySlot<SweptBatch>,
    ) {
        let (mut swept, begun) = (SweptBatch::default(), Instant::now());
        while swept.handled < most && begun.elapsed() < EACH_FOR {
            let (answer, mut answered) = tokio::sync::oneshot::channel();
            let mut one = vec![Work::Sweep { at, after: after.clone(), most: 1, reply: ReplySlot::to(answer) }];
            match self.try_if_whole(&mut one) {
                Ok(()) => answer_all(one, |_| Ok(())),
                // It is passed over the next time.
                Err(Fate::NotStored(Met::Damage)) => {}
                Err(fate) => return reply.send(Err(fate.error())),
            }
            let Ok(Ok(batch)) = answered.try_recv() else { continue };
            swept = SweptBatch {
                deleted: swept.deleted + batch.deleted,
                handled: swept.handled + batch.handled,
                next: batch.next,
                has_questions_left: batch.has_questions_left,
            };
            after.clone_from(&swept.next);
            if after.is_none() {
                break;
            }
        }
        reply.set(Ok(swept));
        reply.send(Ok(()));
    }

    fn try_if_whole(&mut self, batch: &mut [Work]) -> Result<(), Fate> {
        match self.broken {
            Some(Broken { cause: Cause::Full, .. }) => Err(Fate::NotStored(Met::Full)),
            Some(_) => Err(Fate::NotStored(Met::Failure)),
            None => self.try_all(batch),
        }
    }

    /// Works out and stores a batch, or finds out what became of it.
    fn try_all(&mut self, batch: &mut [Work]) -> Result<(), Fate> {
        let (reader, rules) = (self.reader.clone(), self.rules);
        let changes = reader.look(|snapshot| {
            let mut worked_out = Batch::new(snapshot, rules);
            let mut failed_read = None;
            for work in batch.iter_mut() {
                work_out(&mut worked_out, work, &mut failed_read);
            }
            Ok((worked_out.into_changes()?, failed_read))
        });
        match changes {
            Ok((changes, None)) => {
                self.last_at = self.last_at.max(changes.time);
                self.store_if_any(changes)
            }
            Ok((_, Some(cause))) | Err(StoreError::Unavailable(Some(cause))) => Err(self.after_failed_read(cause)),
            Err(_) => Err(Fate::NotStored(Met::Failure)),
        }
    }

    fn store_if_any(&mut self, changes: Changes) -> Result<(), Fate> {
        if changes.is_empty() {
            return Ok(());
        }
        let Ok(rows) = changes.into_rows() else { return Err(Fate::NotStored(Met::Failure)) };
        let (only_one, removes) = (rows.only_one.clone(), rows.removes);
        if let Err(fate) = self.store(rows) {
            // Of several each is tried by itself, and only one of them is at fault.
            if fate == Fate::NotStored(Met::Damage)
                && let Some(id) = only_one
            {
                self.reader.damaged.note(&id, NEEDS_DAMAGED);
            }
            return Err(fate);
        }
        self.queue.note_commit();
        if removes {
            self.growth.freed();
        }
        Ok(())
    }

    /// Stores a batch, or finds out what became of it.
    fn store(&mut self, mut rows: ChangedRows) -> Result<(), Fate> {
        let begun = Instant::now();
        self.must_be_there(Fate::NotStored(Met::Failure))?;
        let meta = self.next_meta(rows.time);
        if let Some(logged) = self.store_in_log(&mut rows.ops, &meta) {
            logged?;
            self.meta = meta;
        } else {
            let stored = self.reader.slot.with(|database| Ok(commit::store(database, &rows.ops, &meta)));
            match stored {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.after_failure(error, &meta)?,
                Err(_) => return Err(Fate::NotStored(Met::Failure)),
            }
            self.note_stored(meta);
        }
        self.last_commit = begun;
        self.note.write(meta.progress());
        self.remember(&rows);
        self.must_be_there(Fate::Unknown)
    }

    /// The tables hold all there is, and the file's record is this.
    fn note_stored(&mut self, meta: Meta) {
        self.meta = meta;
        match &mut self.logging {
            Some(logging) => logging.note_stored(meta.batches),
            None => self.reader.overlay.publish(OverlayView { batch: meta.batches, ..OverlayView::default() }),
        }
    }

    /// Breaks off if the file is gone, and gives `otherwise` as the batch's fate: nothing is acknowledged
    /// then. What was committed to a file that has gone meanwhile is nowhere, unless the file comes back.
    fn must_be_there(&mut self, otherwise: Fate) -> Result<(), Fate> {
        if self.reader.slot.is_there() {
            return Ok(());
        }
        self.break_off(Cause::Gone, "nothing is acknowledged until it is back");
        Err(otherwise)
    }

    /// Every commit carries the time: that of its commands may be older, or they have none.
    fn next_meta(&self, time: Timestamp) -> Meta {
        let (uptime, now) = (Uptime::now(), self.clock.moment().now);
        Meta { time: self.meta.time.max(time).max(now), uptime, batches: self.meta.batches + 1, ..self.meta }
    }

    /// Keeps the counts and the cache of quizzes true.
    fn remember(&self, rows: &ChangedRows) {
        self.reader.counter.note(self.meta.batches, &rows.filings);
        for (id, quiz) in &rows.quizzes {
            match quiz {
                Some((nonce, quiz)) => self.reader.quizzes.cache.insert(id, *nonce, quiz),
                None => self.reader.quizzes.cache.remove(id),
            }
        }
    }

    /// Notes the time and that it is exact, lets go of the file, and answers.
    fn close(mut self, mut reply: ReplySlot<()>) {
        reply.set(self.note_closing());
        reply.send(Ok(()));
    }

    fn note_closing(&mut self) -> StoreResult<()> {
        let checkpointed = self.checkpoint_all();
        let meta = Meta { clean: true, ..self.next_meta(self.meta.time) };
        let slot = &self.reader.slot;
        let noted = match checkpointed {
            Ok(()) if !self.reader.overlay.view().is_empty() => Err(StoreError::unavailable(NEEDS_DAMAGED)),
            Ok(()) => slot.with(|database| match commit::store_meta(database, &meta) {
                Err(error) if error.met == Met::Full => Err(StoreError::Full),
                stored => stored.map_err(CommitError::into_store_error),
            }),
            Err((Met::Full, _)) => Err(StoreError::Full),
            Err((_, reason)) => Err(StoreError::unavailable(reason)),
        };
        // Else what is left stays in the log, and is found there at the next start.
        if noted.is_ok() {
            self.clear_log();
        }
        self.logging = None;
        self.reader.slot.close();
        match noted {
            Ok(()) => self.note.write(meta.progress()),
            Err(StoreError::Full) => {
                tracing::warn!("there is no space to write all into the file: the rest is in its log")
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn answer_all(batch: Vec<Work>, fate: impl Fn(&Work) -> StoreResult<()>) {
    for work in batch {
        let fate = fate(&work);
        work.answer(fate);
    }
}

/// Works out one command: what it is answered if the batch is stored. A read that fails is noted: the
/// batch is then not stored.
fn work_out(batch: &mut Batch<'_>, work: &mut Work, failed_read: &mut Option<Reason>) {
    fn set<T>(reply: &mut ReplySlot<T>, mut result: StoreResult<T>, failed_read: &mut Option<Reason>) {
        if let Err(StoreError::Unavailable(cause)) = &mut result {
            *failed_read = failed_read.take().or(cause.take());
        }
        reply.set(result);
    }
    match work {
        Work::Create { session, at, reply } => set(reply, batch.create((**session).clone(), *at), failed_read),
        Work::Apply { id, command, at, reply } => set(reply, batch.apply(id, command.clone(), *at), failed_read),
        Work::Delete { id, reply } => set(reply, batch.delete(id), failed_read),
        Work::Import { dump, at, reply } => set(reply, batch.import((**dump).clone(), *at), failed_read),
        Work::Sweep { at, after, most, reply } => set(reply, batch.sweep(*at, after.as_ref(), *most), failed_read),
        Work::Close { reply } => reply.set(Ok(())),
    }
}
