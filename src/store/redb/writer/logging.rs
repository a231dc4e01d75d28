//! Commits to the log. A batch is appended and synced, and then answered. Another thread checkpoints its
//! changes into the tables; by default that begins within a second, or earlier if there are many.
//!
//! The tables are the fallback for everything that the log can't do. If the log fails or a batch does not
//! fit, its contents are checkpointed, and batches are committed to the tables directly until the log can be
//! used again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::checkpoint::{self, Checkpointer};
use super::super::commit::{CommitError, Met};
use super::super::file::{CheckpointRule, is_full};
use super::super::growth_gate;
use super::super::log::{self, CommitLog};
use super::super::meta::Meta;
use super::super::overlay::{Layer, OverlayView};
use super::super::row_changes::Op;
use super::{Fate, Writer};
use crate::store::contract::Cause;

/// How soon the log is tried again after it could not be used.
const AGAIN: Duration = Duration::from_secs(10);
/// A checkpoint begins at once when it would make the file grow by one part in this many of its length.
const GROWTH_PART: u64 = 4;
/// A growth of fewer bytes than this begins no checkpoint.
const LITTLE_GROWTH: u64 = 512 * 1024;
/// Rows per transaction if there is no space to checkpoint all of them in one.
const FEW_ROWS: usize = 64;

/// The writer's side of the log: the log itself, the overlay, and the thread that checkpoints it.
pub(in crate::store::redb) struct Logging {
    log: CommitLog,
    checkpointer: Checkpointer,
    rule: CheckpointRule,
    /// What is committed and not known to be in the tables. Readers get a clone of it.
    view: OverlayView,
    /// The last batch that is known to be in the tables.
    checkpointed: u64,
    /// Bytes of the log entries in the upper layer.
    bytes: u64,
    /// Estimated bytes by which the upper layer makes the file grow.
    growth: u64,
    /// When the upper layer got its first change; `None` while it has none.
    since: Option<Instant>,
}

impl Logging {
    /// Continues with a log in which `view` was found. The tables hold the batches up to `checkpointed`.
    pub(in crate::store::redb) fn new(
        log: CommitLog,
        checkpointer: Checkpointer,
        rule: CheckpointRule,
        view: OverlayView,
        checkpointed: u64,
    ) -> Self {
        let since = (!view.is_empty()).then(Instant::now);
        Self { log, checkpointer, rule, view, checkpointed, bytes: 0, growth: 0, since }
    }

    /// Notes that `batch` was committed to the tables, which then hold everything.
    pub(super) fn note_stored(&mut self, batch: u64) {
        self.view.batch = batch;
        self.note_checkpoint(batch);
    }

    /// When the next checkpoint is due; `None` if there is nothing to checkpoint, or while one is running.
    fn checkpoint_at(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.view.lower.is_none())?;
        since.checked_add(self.rule.every)
    }

    /// Whether a checkpoint would make a file of `length` bytes grow much. The limit is a part of the file's
    /// next growth step, for which there is disk space, and leaves room for as much again while the
    /// checkpoint runs. More than that could take the space that is kept for running games.
    fn grows_much(&self, length: impl Fn() -> u64) -> bool {
        self.growth >= LITTLE_GROWTH && self.growth >= length() / GROWTH_PART
    }

    /// Whether a checkpoint into a file of `length` bytes is due.
    fn is_due(&self, length: impl Fn() -> u64) -> bool {
        let is_much = self.since.is_some() && (self.bytes >= self.rule.bytes || self.grows_much(length));
        is_much || self.checkpoint_at().is_some_and(|at| at <= Instant::now())
    }

    /// Makes the upper layer the lower one, which is to be checkpointed. Later batches go to another segment
    /// of the log, so that the segments of this layer can be released after the checkpoint.
    fn freeze(&mut self) -> Arc<Layer> {
        let layer = Arc::new(std::mem::take(&mut self.view.upper));
        self.view.lower = Some((layer.clone(), self.view.batch));
        (self.bytes, self.growth, self.since) = (0, 0, None);
        self.log.end_segment();
        layer
    }

    /// Merges the lower layer into the upper one, when its checkpoint failed or must be done anew.
    fn thaw(&mut self) {
        if let Some((lower, _)) = self.view.lower.take() {
            let mut layer = Arc::unwrap_or_clone(lower);
            layer.cover(&self.view.upper);
            self.view.upper = layer;
            self.since = Some(Instant::now());
        }
    }

    /// Notes that the tables durably hold every batch up to this one. The log may reuse the segments of those
    /// batches.
    fn note_checkpoint(&mut self, batch: u64) {
        self.checkpointed = self.checkpointed.max(batch);
        self.log.release(self.checkpointed);
    }
}

impl Writer {
    /// When the writer must wake for the log: for a checkpoint, or to try the log again.
    pub(super) fn log_wakes_at(&self) -> Option<Instant> {
        match &self.logging {
            Some(logging) => logging.checkpoint_at(),
            None => self.log_again_at,
        }
    }

    /// Commits a batch to the log, and then moves its changes out of `ops`. `None` if the batch must be
    /// committed to the tables instead, which then hold everything before it.
    pub(super) fn store_in_log(&mut self, ops: &mut Vec<Op>, meta: &Meta) -> Option<Result<(), Fate>> {
        self.logging.as_ref()?;
        let length = || self.reader.slot.length();
        let growth = ops.iter().map(Op::growth).sum::<u64>();
        // An acknowledged batch must fit into the file later, without the space that is kept for running
        // games. If that is not sure, commit it to the tables now.
        if growth > 0 && (growth > length() / GROWTH_PART || !self.reader.slot.can_grow()) {
            return self.instead_of_log();
        }
        // The upper layer may not grow further before the running checkpoint has taken its space in the file.
        if self.logging.as_ref()?.view.lower.is_some() && self.logging.as_ref()?.grows_much(length) {
            self.wait_for_checkpoint();
        }
        let logging = self.logging.as_ref()?;
        let (most, entry) = (logging.log.most(), log::encode(meta, ops));
        let Some(entry) = entry.ok().filter(|entry| entry.len() as u64 <= most) else {
            return self.instead_of_log();
        };
        let bytes = entry.len() as u64;
        if self.logging.as_ref().is_some_and(|logging| !logging.log.has_room(bytes) && !logging.log.has_free_segment())
        {
            // The running checkpoint releases its segments when it ends.
            self.wait_for_checkpoint();
            let logging = self.logging.as_ref()?;
            if !logging.log.has_free_segment() {
                return self.instead_of_log();
            }
        }
        let logging = self.logging.as_mut()?;
        if let Err(error) = logging.log.append(meta.batches, &entry) {
            return Some(self.after_failed_append(&error, meta));
        }
        logging.bytes += bytes;
        logging.growth += growth;
        logging.since = logging.since.or_else(|| (!ops.is_empty()).then(Instant::now));
        // Durable from here on. It is published before it is answered: whoever gets the answer can read the
        // change.
        logging.view.batch = meta.batches;
        ops.drain(..).for_each(|op| logging.view.upper.apply(op));
        self.reader.overlay.publish(logging.view.clone());
        // Checked after the append, because appends to a removed file succeed but are lost.
        if logging.log.is_there() { Some(Ok(())) } else { Some(self.after_lost_log(meta)) }
    }

    /// Handles a log file that was removed or replaced. Its contents are only in memory now, so they are
    /// written to the tables before the batch is acknowledged.
    fn after_lost_log(&mut self, meta: &Meta) -> Result<(), Fate> {
        tracing::warn!("the log is gone; its content and new commits go to the file directly");
        self.meta = *meta;
        match self.checkpoint_all() {
            Ok(()) => {
                self.stop_logging();
                Ok(())
            }
            Err((met, reason)) => {
                self.break_off(self.cause_of(met), &reason);
                Err(Fate::Unknown)
            }
        }
    }

    /// Empties the log into the tables, so that a batch can be committed there after it. `None` if that
    /// succeeded.
    fn instead_of_log(&mut self) -> Option<Result<(), Fate>> {
        match self.checkpoint_all() {
            Ok(()) if self.logging.as_ref().is_none_or(|logging| logging.view.is_empty()) => None,
            // Some rows need a damaged page, and could not be written.
            Ok(()) => Some(Err(Fate::NotStored(Met::Failure))),
            Err((Met::Failure, reason)) => {
                self.break_off(self.cause_of(Met::Failure), &reason);
                Some(Err(Fate::NotStored(Met::Failure)))
            }
            Err((met, _)) => Some(Err(Fate::NotStored(met))),
        }
    }

    /// Handles a failed append. It is unknown whether the batch is in the log. To make sure that it does not
    /// count, everything before it is written to the tables under the number of this batch: recovery ignores
    /// log entries up to the number that the tables have.
    fn after_failed_append(&mut self, error: &std::io::Error, attempted: &Meta) -> Result<(), Fate> {
        tracing::warn!(%error, "the log cannot be written; its content and new commits go to the file directly");
        let met = if is_full(error) { Met::Full } else { Met::Failure };
        self.meta = Meta { time: self.meta.time.max(attempted.time), ..self.meta };
        match self.checkpoint_all_as(attempted.batches) {
            Ok(()) => {
                self.meta.batches = attempted.batches;
                self.stop_logging();
                Err(Fate::NotStored(met))
            }
            Err((met, reason)) => {
                self.void_batch = Some(attempted.batches);
                self.break_off(self.cause_of(met), &format!("{error}; {reason}"));
                Err(Fate::Unknown)
            }
        }
    }

    /// Commits batches to the tables from now on, provided that these hold everything.
    fn stop_logging(&mut self) {
        if self.logging.as_ref().is_some_and(|logging| !logging.view.is_empty()) {
            return;
        }
        self.logging = None;
        self.log_again_at = Some(Instant::now() + AGAIN);
        self.reader.overlay.publish(OverlayView { batch: self.meta.batches, ..OverlayView::default() });
    }

    /// Handles a checkpoint that has ended, and begins one that is due.
    pub(super) fn look_after_log(&mut self) {
        if let Some(done) = self
            .logging
            .as_ref()
            .filter(|logging| logging.view.lower.is_some())
            .and_then(|logging| logging.checkpointer.poll())
        {
            self.end_checkpoint(done);
        }
        if self.broken.is_some() {
            return;
        }
        let length = || self.reader.slot.length();
        if self.logging.as_ref().is_some_and(|logging| logging.view.lower.is_none() && logging.is_due(length)) {
            self.begin_checkpoint();
        }
        if self.log_again_at.is_some_and(|at| at <= Instant::now()) {
            self.try_to_log();
        }
    }

    fn begin_checkpoint(&mut self) {
        if !self.reader.slot.can_grow() {
            tracing::debug!("the file cannot grow any further; commits go to it directly");
            match self.checkpoint_all() {
                Ok(()) => self.stop_logging(),
                Err((met, reason)) => self.cannot_checkpoint(met, &reason),
            }
            return;
        }
        let meta = self.file_meta();
        let Some(logging) = &mut self.logging else { return };
        let meta = Meta { batches: logging.view.batch, ..meta };
        let layer = logging.freeze();
        // In this order, so that no reader joins an old view with tables that the checkpoint has already
        // changed.
        self.reader.overlay.publish(logging.view.clone());
        self.reader.overlay.begin_checkpoint(meta.batches);
        logging.checkpointer.begin(layer, meta);
    }

    /// Waits until no checkpoint is running, and handles the end of the one that was.
    pub(super) fn wait_for_checkpoint(&mut self) {
        let running = self.logging.as_ref().filter(|logging| logging.view.lower.is_some());
        if let Some(done) = running.map(|logging| logging.checkpointer.wait()) {
            self.end_checkpoint(done);
        }
    }

    fn end_checkpoint(&mut self, done: Result<(), CommitError>) {
        let Some(logging) = &mut self.logging else { return };
        let Err(error) = done else {
            if let Some((_, batch)) = logging.view.lower.take() {
                logging.note_checkpoint(batch);
            }
            return self.reader.overlay.publish(logging.view.clone());
        };
        logging.thaw();
        self.reader.overlay.publish(logging.view.clone());
        tracing::debug!(cause = %error.cause, "a checkpoint of the log failed");
        // After any failure but a damaged page, redb refuses everything until it is opened again.
        if error.met != Met::Damage
            && let Err((met, reason)) = self.reopen()
        {
            return self.break_off(self.cause_of(met), &reason);
        }
        if error.met == Met::Full {
            self.refuse_growth(Cause::Full, "the log found no space in the file");
            self.release_reserve();
        }
        if let Err((met, reason)) = self.checkpoint_all() {
            self.cannot_checkpoint(met, &reason);
        }
    }

    /// Handles a failed checkpoint. What the log holds stays there. Unless the disk fails, running games
    /// continue in the log as long as it has room.
    pub(super) fn cannot_checkpoint(&mut self, met: Met, reason: &str) {
        match met {
            Met::Full => self.refuse_growth(Cause::Full, reason),
            Met::Damage => self.refuse_growth(Cause::Damaged, reason),
            Met::Failure => self.break_off(self.cause_of(met), reason),
        }
        if let Some(logging) = &mut self.logging {
            logging.since = Some(Instant::now());
        }
    }

    /// Writes everything that the log holds to the tables, on this thread.
    pub(super) fn checkpoint_all(&mut self) -> Result<(), (Met, String)> {
        let batch = match (&self.logging, self.void_batch) {
            (None, _) => return Ok(()),
            (Some(_), Some(void)) => void,
            (Some(logging), None) => logging.view.batch,
        };
        self.checkpoint_all_as(batch)?;
        if let Some(void) = self.void_batch.take() {
            self.meta.batches = self.meta.batches.max(void);
            self.stop_logging();
        }
        Ok(())
    }

    /// The same, and stores `batch` in the tables as the number of their last batch.
    fn checkpoint_all_as(&mut self, batch: u64) -> Result<(), (Met, String)> {
        let running = self.logging.as_ref().filter(|logging| logging.view.lower.is_some());
        if let Some(done) = running.map(|logging| logging.checkpointer.wait()) {
            let needs_reopening = done.is_err_and(|error| error.met != Met::Damage);
            if let Some(logging) = &mut self.logging {
                logging.thaw();
            }
            if needs_reopening {
                self.reopen()?;
            }
        }
        let meta = Meta { batches: batch, ..self.file_meta() };
        let Some(logging) = &mut self.logging else { return Ok(()) };
        if logging.view.is_empty() && logging.checkpointed == batch {
            return Ok(());
        }
        self.reader.overlay.publish(logging.view.clone());
        // Before the tables change, as in `begin_checkpoint`.
        self.reader.overlay.begin_checkpoint(logging.view.batch);
        let layer = logging.view.upper.clone();
        let checkpointed = checkpoint::run(&self.reader, &layer, &meta).map(|()| Layer::default());
        let checkpointed = checkpointed.or_else(|error| match error.met {
            Met::Full => self.checkpoint_in_parts(&layer, &meta).map(|()| Layer::default()),
            Met::Damage => self.checkpoint_what_can_be(layer, &meta),
            Met::Failure => Err(error),
        });
        let left = match checkpointed {
            Ok(left) => left,
            Err(error) => {
                // Otherwise reads would fail too, until the next attempt opens the file again.
                self.reopen()?;
                return Err((error.met, error.cause.to_string()));
            }
        };
        let Some(logging) = &mut self.logging else { return Ok(()) };
        let is_whole = left.is_empty();
        logging.view.upper = left;
        logging.view.batch = logging.view.batch.max(batch).max(self.meta.batches);
        (logging.bytes, logging.growth, logging.since) = (0, 0, None);
        logging.note_checkpoint(batch);
        if is_whole {
            logging.log.end_segment();
        } else {
            logging.since = Some(Instant::now() + growth_gate::DAMAGE_RETRY);
            self.refuse_growth(Cause::Damaged, "a page that the log needs is damaged");
        }
        let Some(logging) = &self.logging else { return Ok(()) };
        self.reader.overlay.publish(logging.view.clone());
        Ok(())
    }

    /// Writes a layer to the tables a few rows at a time. That takes less space, because each committed part
    /// frees some. The new batch number is stored last: until then recovery still reads the whole layer from
    /// the log.
    fn checkpoint_in_parts(&mut self, layer: &Layer, meta: &Meta) -> Result<(), CommitError> {
        self.reopen().map_err(|(met, reason)| CommitError { met, cause: reason.into() })?;
        let (parts, before) = (layer.parts(FEW_ROWS), self.file_meta());
        parts.iter().try_for_each(|part| checkpoint::run(&self.reader, part, &before))?;
        checkpoint::run(&self.reader, &Layer::default(), meta)
    }

    /// Writes the rows of a layer that need no damaged page to the tables. The other rows are appended to the
    /// log as a new batch, and returned.
    fn checkpoint_what_can_be(&mut self, layer: Layer, meta: &Meta) -> Result<Layer, CommitError> {
        let before = self.file_meta();
        let (mut left, mut to_write) = (Layer::default(), vec![layer]);
        while let Some(part) = to_write.pop() {
            match checkpoint::run(&self.reader, &part, &before) {
                Ok(()) => {}
                Err(error) if error.met != Met::Damage => return Err(error),
                Err(_) if part.rows() <= 1 => left.cover(&part),
                Err(_) => to_write.extend(part.parts(part.rows().div_ceil(2))),
            }
        }
        let again = Meta { batches: meta.batches + 1, ..self.next_meta(meta.time) };
        let entry = log::encode(&again, &left.ops()).map_err(CommitError::failure)?;
        if let Some(logging) = &mut self.logging {
            // The remaining rows must be in the log again before the tables' batch number makes their old
            // entries void.
            logging.log.end_segment();
            logging.log.append(again.batches, &entry).map_err(CommitError::failure)?;
            self.meta = again;
        }
        checkpoint::run(&self.reader, &Layer::default(), meta)?;
        Ok(left)
    }

    /// Tries to use the log again.
    fn try_to_log(&mut self) {
        self.log_again_at = Some(Instant::now() + AGAIN);
        if self.condition.trouble().is_some() || !self.reader.slot.can_grow() {
            return;
        }
        if let Err(error) = self.start_log() {
            tracing::debug!(%error, "the log cannot be used yet");
        }
    }

    fn start_log(&mut self) -> std::io::Result<()> {
        let slot = &self.reader.slot;
        let (Some(options), Some(place)) = (slot.log_options(), slot.open_log()?) else {
            self.log_again_at = None;
            return Ok(());
        };
        let log = CommitLog::open_anew(place, self.meta.random)?;
        let checkpointer = Checkpointer::start(self.reader.clone(), self.queue.clone())?;
        let view = OverlayView { batch: self.meta.batches, ..OverlayView::default() };
        self.reader.overlay.publish(view.clone());
        self.logging = Some(Logging::new(log, checkpointer, options.rule, view, self.meta.batches));
        self.log_again_at = None;
        Ok(())
    }

    /// The file's metadata for a commit to the tables that adds no batch: its batch number is the one that
    /// the tables have.
    pub(super) fn file_meta(&self) -> Meta {
        let meta = self.next_meta(self.meta.time);
        match &self.logging {
            Some(logging) => Meta { batches: logging.checkpointed, ..meta },
            None => meta,
        }
    }

    /// Empties the log and stops using it. The tables must hold everything.
    pub(super) fn clear_log(&mut self) {
        if let Some(mut logging) = self.logging.take()
            && let Err(error) = logging.log.clear()
        {
            tracing::warn!(%error, "the log could not be emptied; this is harmless");
        }
    }
}
