//! The one writer thread. It takes the queued commands, applies the rules, stores the changes in one durable
//! commit, and then answers. A commit is an entry in the log ([`logging`]), or a transaction on the tables if
//! there is no log.
//!
//! Invariant: no command is answered with success before its batch is durable.
//!
//! When a commit to the tables fails, the writer opens the file again and checks whether the batch is in it.
//! If it is not, nothing happened. If it is, or if the file can't be opened, the outcome is unknown. A batch
//! for which the disk had no space is tried again without the commands that take space. A batch that met a
//! damaged page is tried command by command, so that only the commands that need this page fail.

mod logging;
mod recovery;
mod upkeep;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RedbStore;
use super::batch::{Batch, ChangedRows, Changes};
use super::commit::{self, CommitError, Met};
use super::expired_count::ExpiryEntry;
use super::file_note::Note;
use super::growth_gate::Growth;
use super::meta::Meta;
use super::overlay::OverlayView;
use super::queue::{Queue, QueueTake, ReplySlot, Work, refusal};
use super::reads::Reader;
use super::sweep::SweptBatch;
use crate::domain::{Moment, Timestamp};
use crate::store::clock::{Clock, GameClock, Uptime};
use crate::store::condition::Condition;
use crate::store::contract::Cause;
use crate::store::error::{SharedError, StoreError, StoreResult};
use crate::store::panics;
use crate::store::step::ApplyFn;
pub(super) use logging::Logging;

/// The error text for a session that can't be stored.
const NEEDS_DAMAGED: &str = "a page that it needs is damaged";
/// The longest time for one sweep that goes session by session: other commands wait meanwhile.
const EACH_FOR: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    reader: Arc<Reader>,
    queue: Arc<Queue>,
    clock: Arc<GameClock>,
    condition: Arc<Condition>,
    growth: Arc<Growth>,
    note: Note,
    rules: ApplyFn,
    /// The file's metadata as of the last commit.
    meta: Meta,
    /// The log; `None` while batches are committed to the tables directly.
    logging: Option<Logging>,
    /// When to try the log again; `None` while it is in use, and if it is turned off.
    log_again_at: Option<Instant>,
    /// The number of a batch that may be in the log, but must not count: no success was reported for it.
    void_batch: Option<u64>,
    /// Set while nothing can be committed.
    broken: Option<Broken>,
    /// When the last commit began.
    last_commit: Instant,
    /// The latest game time at which a command was applied.
    last_at: Timestamp,
    /// When the upkeep for a store with a problem last ran.
    upkeep_at: Instant,
    /// When unreadable places of the file were last tried again.
    looked_at: Instant,
}

/// Why nothing can be committed, and when to try again.
struct Broken {
    cause: Cause,
    retry_at: Instant,
    /// The current backoff, without the longer pause for a damaged page.
    pause: Duration,
}

/// What became of a batch whose commit did not succeed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is not stored, and never will be.
    NotStored(Met),
    /// It may be stored or not.
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

    /// For a store whose first commit found the disk full. Its games can be read, and new ones can begin once
    /// there is space again.
    pub(super) fn start_full(&self) {
        self.refuse_growth(Cause::Full, "the first commit found no space");
    }

    /// Starts the writer's thread. It ends after a `Close`, or when the queue is shut and empty.
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
                    // Follows a larger batch at once, and smaller batches slowly, by a quarter each.
                    recent = batch.len().max(recent.saturating_sub(recent.div_ceil(4)));
                    // A panic drops the batch with its reply slots, so its callers get `OutcomeUnknown`.
                    let committed = panics::catch(|| self.commit_batch(batch));
                    took = begun.elapsed();
                    self.reader.look_ahead(self.last_at);
                    match committed {
                        Ok(None) => {}
                        Ok(Some(reply)) => return self.close(reply),
                        Err(met) => tracing::error!(met, "the writer panicked in a commit; it goes on"),
                    }
                    self.look_after(Instant::now());
                    if let Err(met) = panics::catch(|| self.look_after_log()) {
                        tracing::error!(met, "the writer panicked in the upkeep of the log; it goes on");
                    }
                }
                QueueTake::Nothing => {
                    recent = 1;
                    if let Err(met) = panics::catch(|| self.wake()) {
                        tracing::error!(met, "the writer panicked in its upkeep; it goes on");
                    }
                }
                QueueTake::Shut => {
                    let _ = self.note_closing();
                    return;
                }
            }
        }
    }

    /// Works out, stores and answers a batch. Returns the reply slot of a `Close` in it, which is not
    /// answered yet.
    fn commit_batch(&mut self, mut batch: Vec<Work>) -> Option<ReplySlot<()>> {
        let mut close = None;
        // The queue accepts nothing after a `Close`, so it can only be the last.
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

    /// Commits a batch, and answers all its commands.
    fn carry_out(&mut self, mut batch: Vec<Work>) {
        if let Some(Broken { cause, .. }) = self.broken {
            // Nothing was stored, so it is certain that these commands did not happen.
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

    /// Commits each command by itself, because one of them needs a damaged page.
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
            // The damaged page is where rows of new games go, so all new games would fail.
            _ if is_damage && work.grows() => {
                self.refuse_growth(Cause::Damaged, "a page that new games need is damaged");
                Err(refusal(Cause::Damaged))
            }
            _ if is_damage => Err(StoreError::Corrupt { what: NEEDS_DAMAGED.to_owned() }),
            fate => fate.map_err(Fate::error),
        });
    }

    /// Sweeps one session at a time. A session that needs a damaged page stays as it is.
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
                // The session is noted as damaged by now, and passed over in the next round.
                Err(Fate::NotStored(Met::Damage)) => {}
                Err(fate) => return reply.send(Err(fate.error())),
            }
            let Ok(Ok(batch)) = answered.try_recv() else { continue };
            swept = SweptBatch {
                deleted: swept.deleted + batch.deleted,
                unfinished_rooms: swept.unfinished_rooms + batch.unfinished_rooms,
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

    /// Works out and stores a batch. If that fails, finds out what became of it.
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
            // If the batch changed several sessions, only one is at fault. Each of them is tried by itself
            // later.
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

    /// Stores a batch. If that fails, finds out what became of it.
    fn store(&mut self, mut rows: ChangedRows) -> Result<(), Fate> {
        let begun = Instant::now();
        // Before and after the commit: writes to a file that was removed or replaced succeed, but are lost.
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
        // After the commit: a note that is ahead of the file would make it look like an old copy.
        self.note.write(meta.progress());
        self.remember(&rows);
        self.must_be_there(Fate::Unknown)
    }

    /// The tables hold everything that is committed, and `meta` is the file's metadata.
    fn note_stored(&mut self, meta: Meta) {
        self.meta = meta;
        match &mut self.logging {
            Some(logging) => logging.note_stored(meta.batches),
            None => self.reader.overlay.publish(OverlayView { batch: meta.batches, ..OverlayView::default() }),
        }
    }

    /// If the file is gone, stops all commits and returns `otherwise` as the fate of the batch, so that
    /// nothing is acknowledged. A batch that was committed to a removed file is lost, unless the file comes
    /// back.
    fn must_be_there(&mut self, otherwise: Fate) -> Result<(), Fate> {
        if self.reader.slot.is_there() {
            return Ok(());
        }
        self.break_off(Cause::Gone, "nothing is acknowledged until it is back");
        Err(otherwise)
    }

    /// The metadata for the next commit. Every commit carries the current game time, because the times of its
    /// commands may be older, or they may have none.
    fn next_meta(&self, time: Timestamp) -> Meta {
        let (uptime, now) = (Uptime::now(), self.clock.moment().now);
        Meta { time: self.meta.time.max(time).max(now), uptime, batches: self.meta.batches + 1, ..self.meta }
    }

    /// Brings the counter and the quiz cache up to date after a commit.
    fn remember(&self, rows: &ChangedRows) {
        self.reader.counter.note(self.meta.batches, &rows.filings);
        for (id, quiz) in &rows.quizzes {
            match quiz {
                Some((nonce, quiz)) => self.reader.quizzes.cache.insert(id, *nonce, quiz),
                None => self.reader.quizzes.cache.remove(id),
            }
        }
    }

    /// Closes the file, and then answers.
    fn close(mut self, mut reply: ReplySlot<()>) {
        reply.set(self.note_closing());
        reply.send(Ok(()));
    }

    /// Empties the log into the tables, marks the file as cleanly closed with its exact game time, and closes
    /// it.
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
        // Only after the tables hold everything durably. Otherwise the rest stays in the log for the next
        // start.
        if noted.is_ok() {
            self.clear_log();
        }
        self.logging = None;
        self.reader.slot.close();
        match noted {
            Ok(()) => self.note.write(meta.progress()),
            Err(StoreError::Full) => {
                tracing::warn!("the file has no space for the last commits; they are in its log: keep both files")
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Answers every command of a batch with its fate.
fn answer_all(batch: Vec<Work>, fate: impl Fn(&Work) -> StoreResult<()>) {
    for work in batch {
        let fate = fate(&work);
        work.answer(fate);
    }
}

/// Works out one command, and sets the result that is sent if the batch is stored. The first failed read is
/// kept in `failed_read`: the batch is then not stored.
fn work_out(batch: &mut Batch<'_>, work: &mut Work, failed_read: &mut Option<SharedError>) {
    fn set<T>(reply: &mut ReplySlot<T>, mut result: StoreResult<T>, failed_read: &mut Option<SharedError>) {
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
