//! The one writer. It takes all that waits, lets the rules work it out, stores it in one durable
//! commit, and only then answers: commit before tell.
//!
//! When a commit fails it opens the file again and looks whether the batch is there. If it isn't,
//! nothing happened; if it is, or the file can't be opened, the outcome is unknown. A batch that a
//! full disk has refused is tried again without what takes space, and one that met a damaged page
//! command by command, so that only whoever needs that page fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redb::Database;

use super::RedbStore;
use super::batch::{Batch, Changes};
use super::commit::{self, CommitError, Met};
use super::counter::Hint;
use super::growth::{self, Growth};
use super::meta::{Meta, SIGN_OF_LIFE};
use super::note::Note;
use super::queue::{Queue, Reply, Taken, Work, refusal};
use super::reads::Reader;
use super::sweep::SweptBatch;
use crate::domain::{Moment, Timestamp};
use crate::store::clock::{Clock, GameClock, Uptime};
use crate::store::condition::Condition;
use crate::store::contract::Cause;
use crate::store::error::{Cause as Reason, StoreError, StoreResult};
use crate::store::panics;
use crate::store::step::Rules;

/// How much sooner a sign of life is written, so that a slow commit doesn't make it late.
const IN_GOOD_TIME: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// How many sessions are deleted at a time to make space.
const SWEEP_BATCH: usize = 64;
/// How often the file is looked after while something is wrong with it.
const UPKEEP: Duration = Duration::from_secs(1);
/// How often places of the file that can't be read are looked at again.
const SECOND_LOOK: Duration = Duration::from_secs(10);

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
    rules: Rules,
    /// What the file's own record says since the last commit.
    meta: Meta,
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
    pub(super) fn new(store: &RedbStore, rules: Rules, meta: Meta, note: Note) -> Self {
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
                Taken::Batch(batch) => {
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
                }
                Taken::Nothing => {
                    recent = 1;
                    if let Err(met) = panics::catch(|| self.wake()) {
                        tracing::error!(met, "the writer panicked at its upkeep, and goes on");
                    }
                }
                Taken::Shut => {
                    let _ = self.note_closing();
                    return;
                }
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let sign_of_life = self.last_commit + Duration::from(SIGN_OF_LIFE) - IN_GOOD_TIME;
        match &self.broken {
            Some(broken) => broken.retry_at,
            None if self.condition.trouble().is_some() => sign_of_life.min(self.upkeep_at + UPKEEP),
            None => sign_of_life.min(self.looked_at + SECOND_LOOK),
        }
    }

    /// Does what time alone asks for: another try at a broken file, upkeep, or a sign of life.
    fn wake(&mut self) {
        let now = Instant::now();
        match &self.broken {
            Some(broken) if now >= broken.retry_at => self.heal(),
            Some(_) => {}
            None if now >= self.last_commit + Duration::from(SIGN_OF_LIFE) - IN_GOOD_TIME => self.give_sign_of_life(),
            None => {}
        }
        self.look_after(now);
    }

    /// About once a second, as long as something is wrong: makes space, and looks whether games can
    /// begin again.
    fn look_after(&mut self, now: Instant) {
        if self.broken.is_none() && now >= self.looked_at + SECOND_LOOK {
            self.looked_at = now;
            if self.reader.slot.has_healed() {
                tracing::info!("a place of the file can be read again; opening the file again");
                let _ = self.reopen();
            }
        }
        if self.condition.trouble().is_none() || now < self.upkeep_at + UPKEEP {
            return;
        }
        self.upkeep_at = now;
        if self.broken.is_none() {
            self.make_space();
            if self.growth.is_try_due() {
                self.try_to_grow();
            }
        }
        self.condition.remind();
    }

    /// Deletes the dead, which is what frees space.
    fn make_space(&mut self) {
        let mut after = None;
        for _ in 0..4 {
            let (answer, mut answered) = tokio::sync::oneshot::channel();
            let (at, most) = (self.clock.moment(), SWEEP_BATCH);
            self.carry_out(vec![Work::Sweep { at, after, most, reply: Reply::to(answer) }]);
            match answered.try_recv() {
                Ok(Ok(SweptBatch { next: Some(next), .. })) => after = Some(next),
                _ => return,
            }
        }
    }

    /// Proves that a new game could be stored.
    fn try_to_grow(&mut self) {
        let Err((met, reason)) = self.probe() else { return self.has_grown() };
        tracing::debug!(reason, "nothing can be added yet");
        match (met, self.reopen()) {
            (Met::Full, Ok(_)) => self.growth.failed(Cause::Full),
            (Met::Damage, Ok(_)) => self.growth.failed(Cause::Damaged),
            (Met::Failure, Ok(_)) => self.break_off(self.cause_of(met), &reason),
            (_, Err((met, reason))) => self.break_off(self.cause_of(met), &reason),
        }
    }

    /// Lets running games have the space that was kept for them.
    fn release_reserve(&mut self) {
        let released = self.commit_meta(|database, meta| commit::release_reserve(database, meta, 0));
        if let Err((_, reason)) = released {
            tracing::debug!(reason, "the reserve could not be released");
            let _ = self.reopen();
        }
    }

    /// Something that takes space was committed.
    fn has_grown(&self) {
        self.growth.worked();
        self.condition.end();
    }

    fn refuse_growth(&self, cause: Cause, detail: &str) {
        self.growth.failed(cause);
        self.condition.begin(cause, detail);
    }

    fn give_sign_of_life(&mut self) {
        self.last_commit = Instant::now();
        match self.reader.is_empty() {
            Ok(false) => {
                if let Err(fate) = self.store(&Changes::none(self.clock.moment().now)) {
                    tracing::debug!(reason = %fate.error(), "no sign of life could be written");
                }
            }
            Err(StoreError::Unavailable(Some(cause))) => drop(self.after_failed_read(cause)),
            _ => {}
        }
    }

    /// Works out, stores and answers a batch. Gives the reply to a `Close` that is in it.
    fn commit_batch(&mut self, mut batch: Vec<Work>) -> Option<Reply<()>> {
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
                let fate = self.try_all(&mut rest);
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
    fn sweep_each(&mut self, at: Moment, mut after: Option<Hint>, most: usize, mut reply: Reply<SweptBatch>) {
        let (mut swept, begun) = (SweptBatch::default(), Instant::now());
        while swept.handled < most && begun.elapsed() < EACH_FOR {
            let (answer, mut answered) = tokio::sync::oneshot::channel();
            let mut one = vec![Work::Sweep { at, after: after.clone(), most: 1, reply: Reply::to(answer) }];
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
            Ok((worked_out.into_changes(), failed_read))
        });
        match changes {
            Ok((changes, None)) => {
                self.last_at = self.last_at.max(changes.time);
                self.store_if_any(&changes)
            }
            Ok((_, Some(cause))) | Err(StoreError::Unavailable(Some(cause))) => Err(self.after_failed_read(cause)),
            Err(_) => Err(Fate::NotStored(Met::Failure)),
        }
    }

    fn store_if_any(&mut self, changes: &Changes) -> Result<(), Fate> {
        if changes.is_empty() {
            return Ok(());
        }
        if let Err(fate) = self.store(changes) {
            // Of several each is tried by itself, and only one of them is at fault.
            if fate == Fate::NotStored(Met::Damage)
                && let Some(id) = changes.only_one()
            {
                self.reader.damaged.note(id, NEEDS_DAMAGED);
            }
            return Err(fate);
        }
        self.queue.note_commit();
        if changes.sessions.values().any(|change| change.after.is_none()) {
            self.growth.freed();
        }
        Ok(())
    }

    /// Stores a batch, or finds out what became of it.
    fn store(&mut self, changes: &Changes) -> Result<(), Fate> {
        let begun = Instant::now();
        if !self.reader.slot.is_there() {
            self.break_off(Cause::Gone, "nothing is acknowledged until it is back");
            return Err(Fate::NotStored(Met::Failure));
        }
        let meta = self.next_meta(changes.time);
        let stored = self.reader.slot.with(|database| Ok(commit::store(database, changes, &meta)));
        match stored {
            Ok(Ok(())) => {
                self.last_commit = begun;
                self.meta = meta;
                self.note.write(meta.progress());
                self.remember(changes);
                self.must_be_there()
            }
            Ok(Err(error)) => {
                self.after_failure(error, &meta)?;
                self.remember(changes);
                self.must_be_there()
            }
            Err(_) => Err(Fate::NotStored(Met::Failure)),
        }
    }

    /// What was committed to a file that has gone meanwhile is nowhere, unless the file comes back.
    fn must_be_there(&mut self) -> Result<(), Fate> {
        if self.reader.slot.is_there() {
            return Ok(());
        }
        self.break_off(Cause::Gone, "nothing is acknowledged until it is back");
        Err(Fate::Unknown)
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
                Some((nonce, quiz)) if change.is_new => self.reader.quizzes.cache.insert(id, nonce, quiz),
                Some(_) => {}
                None => self.reader.quizzes.cache.remove(id),
            }
        }
    }

    /// Refuses what comes until the file can be written again. Meanwhile nobody's game gets older, but
    /// where there is no space: there the dead must become dead.
    fn break_off(&mut self, cause: Cause, detail: &str) {
        if cause != Cause::Full {
            self.clock.stop();
        }
        self.queue.set_refusing(Some(cause));
        self.condition.begin(cause, detail);
        self.broken = Some(Broken { cause, retry_at: Instant::now() + FIRST_RETRY, pause: FIRST_RETRY });
    }

    /// redb refuses everything after a failure until it is opened again; the file then says
    /// whether the batch is in it.
    fn after_failure(&mut self, CommitError { met, cause }: CommitError, attempted: &Meta) -> Result<(), Fate> {
        if met == Met::Damage {
            return Err(Fate::NotStored(met));
        }
        tracing::debug!(%cause, "a commit failed; opening the file again");
        let has_lost_sync = self.reader.slot.has_lost_sync();
        match self.reopen() {
            // redb ends a commit by freeing pages, and it was that which found no space.
            Ok(batches) if batches >= attempted.batches && met == Met::Full && !has_lost_sync => {
                self.refuse_growth(Cause::Full, "a commit found no space");
                Ok(())
            }
            // Without what takes space it goes on at once.
            Ok(batches) if batches < attempted.batches && met == Met::Full => Err(Fate::NotStored(met)),
            Ok(batches) => {
                self.break_off(Cause::Disk, &cause.to_string());
                Err(if batches < attempted.batches { Fate::NotStored(met) } else { Fate::Unknown })
            }
            // Not even the mark of an open file can be written.
            Err((met, reason)) => {
                self.break_off(self.cause_of(met), &format!("{cause}; {reason}"));
                Err(Fate::Unknown)
            }
        }
    }

    /// A failed read ends everything in redb just as a failed commit does; but nothing was begun.
    fn after_failed_read(&mut self, cause: Reason) -> Fate {
        let attempted = self.next_meta(self.meta.time);
        let failed = self.after_failure(CommitError { met: Met::Failure, cause }, &attempted);
        failed.err().unwrap_or(Fate::Unknown)
    }

    /// What is wrong with the file if this was met.
    fn cause_of(&self, met: Met) -> Cause {
        match met {
            _ if !self.reader.slot.is_there() => Cause::Gone,
            Met::Full => Cause::Full,
            Met::Damage => Cause::Damaged,
            Met::Failure => Cause::Disk,
        }
    }

    /// Opens the file again, and reads how many batches it has.
    fn reopen(&mut self) -> Result<u64, (Met, String)> {
        let failed = |error: &dyn std::fmt::Display| (Met::Failure, error.to_string());
        let slot = &self.reader.slot;
        slot.reopen().map_err(|error| (if error.is_full() { Met::Full } else { Met::Failure }, error.to_string()))?;
        let meta = slot.read(Meta::read).map_err(|error| failed(&error))?;
        let meta = meta.ok_or_else(|| failed(&"the file has lost its own record"))?;
        // Game time has been told to players: it never goes back. Nor does what this opening is.
        self.meta = Meta { time: self.meta.time.max(meta.time), batches: meta.batches, ..self.meta };
        Ok(meta.batches)
    }

    /// One try to get well: open, then prove by a durable write that games can begin again.
    fn heal(&mut self) {
        // A panic of redb's over a damaged page is one more failed try.
        let healed = panics::catch(|| self.reopen().and_then(|_| self.probe()));
        match healed.unwrap_or_else(|met| Err((Met::Damage, met))) {
            Ok(()) => {
                self.go_on();
                self.has_grown();
            }
            // Running games need no more space.
            Err((Met::Full, reason)) if self.reopen().is_ok() => {
                self.go_on();
                self.refuse_growth(Cause::Full, &reason);
            }
            Err((met, reason)) => {
                // A failed probe ends reading too; open once more, so that reads go on meanwhile.
                let _ = self.reopen();
                self.try_later(self.cause_of(met), &reason);
            }
        }
    }

    fn go_on(&mut self) {
        self.broken = None;
        self.last_commit = Instant::now();
        self.queue.set_refusing(None);
        self.clock.go_on();
    }

    fn try_later(&mut self, cause: Cause, detail: &str) {
        let pause = self.broken.as_ref().map_or(FIRST_RETRY, |broken| broken.pause * 2).min(LAST_RETRY);
        self.break_off(cause, detail);
        // A damaged page does not mend itself.
        let wait = if cause == Cause::Damaged { growth::DAMAGE_RETRY } else { pause };
        self.broken = Some(Broken { cause, retry_at: Instant::now() + wait, pause });
    }

    /// Commits something that takes space: the reserve, without which running games could be refused.
    fn probe(&mut self) -> Result<(), (Met, String)> {
        if !self.reader.slot.is_there() {
            return Err((Met::Failure, "the file is not there".to_owned()));
        }
        let reserved = growth::reserved(self.reader.slot.length());
        // With room for some games beside it: else the next one would be refused again.
        self.commit_meta(|database, meta| commit::fill_reserve(database, meta, reserved + reserved / 2))?;
        self.commit_meta(|database, meta| commit::release_reserve(database, meta, reserved))
    }

    /// Commits something of the file's own.
    fn commit_meta(
        &mut self,
        commit: impl FnOnce(&Database, &Meta) -> Result<(), CommitError>,
    ) -> Result<(), (Met, String)> {
        let meta = self.next_meta(self.meta.time);
        let committed = self.reader.slot.with(|database| Ok(commit(database, &meta)));
        match committed {
            Ok(Ok(())) => {
                self.meta = meta;
                self.note.write(meta.progress());
                self.reader.counter.note(meta.batches, &Changes::none(meta.time));
                Ok(())
            }
            Ok(Err(error)) => Err((error.met, error.cause.to_string())),
            Err(error) => Err((Met::Failure, error.to_string())),
        }
    }

    /// Notes the time and that it is exact, lets go of the file, and answers.
    fn close(mut self, mut reply: Reply<()>) {
        reply.set(self.note_closing());
        reply.send(Ok(()));
    }

    fn note_closing(&mut self) -> StoreResult<()> {
        let meta = Meta { clean: true, ..self.next_meta(self.meta.time) };
        let slot = &self.reader.slot;
        let noted = slot.with(|database| commit::store_meta(database, &meta).map_err(CommitError::into_store_error));
        slot.close();
        noted.map(|()| self.note.write(meta.progress()))
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
    fn set<T>(reply: &mut Reply<T>, mut result: StoreResult<T>, failed_read: &mut Option<Reason>) {
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
