//! Committing to the log: a batch is appended, synced, and told; what it changed is checkpointed into the
//! tables by another thread, a second later at most or once there is much of it.
//!
//! Whatever the log can't do, the tables can: where it fails or doesn't fit, all that it holds is checkpointed,
//! and batches are committed to the tables directly until it can be used again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::checkpoint::{self, Checkpointer};
use super::super::commit::{CommitError, Met};
use super::super::file::{CheckpointRule, is_full};
use super::super::growth;
use super::super::log::{self, CommitLog};
use super::super::meta::Meta;
use super::super::ops::Op;
use super::super::overlay::{Layer, OverlayView};
use super::{Fate, Writer};
use crate::store::contract::Cause;

/// How soon the log is tried again where it could not be used.
const AGAIN: Duration = Duration::from_secs(10);
/// What is new in the log is checkpointed once it is one in so many parts of the file, and as large as this.
const GROWTH_PART: u64 = 4;
const LITTLE_GROWTH: u64 = 512 * 1024;
/// How many rows are checkpointed at a time where there is no space for all of them.
const FEW_ROWS: usize = 64;

/// The log as the writer uses it.
pub(in crate::store::redb) struct Logging {
    log: CommitLog,
    checkpointer: Checkpointer,
    rule: CheckpointRule,
    /// What is committed and not known to be in the tables.
    view: OverlayView,
    /// The last batch that is in the tables.
    checkpointed: u64,
    /// Bytes of the log that the upper layer came from, how many of them are new in the file, and since when it has
    /// something.
    bytes: u64,
    growth: u64,
    since: Option<Instant>,
}

impl Logging {
    /// Goes on with a log of which `view` was found, and is not in the tables beyond `checkpointed`.
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

    /// This batch is committed to the tables, which hold all there is.
    pub(super) fn note_stored(&mut self, batch: u64) {
        self.view.batch = batch;
        self.note_checkpoint(batch);
    }

    /// When something is to be checkpointed.
    fn checkpoint_at(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.view.lower.is_none())?;
        since.checked_add(self.rule.every)
    }

    /// Whether much of it is new in a file of `length` bytes. That takes no more than a part of the next step, which
    /// the file surely has, while as much again may come: else it would take the space that is kept for running games.
    fn grows_much(&self, length: impl Fn() -> u64) -> bool {
        self.growth >= LITTLE_GROWTH && self.growth >= length() / GROWTH_PART
    }

    /// Whether it is time for a checkpoint into a file of `length` bytes.
    fn is_due(&self, length: impl Fn() -> u64) -> bool {
        let is_much = self.since.is_some() && (self.bytes >= self.rule.bytes || self.grows_much(length));
        is_much || self.checkpoint_at().is_some_and(|at| at <= Instant::now())
    }

    /// Makes the upper layer the one that is checkpointed.
    fn freeze(&mut self) -> Arc<Layer> {
        let layer = Arc::new(std::mem::take(&mut self.view.upper));
        self.view.lower = Some((layer.clone(), self.view.batch));
        (self.bytes, self.growth, self.since) = (0, 0, None);
        self.log.end_segment();
        layer
    }

    /// Makes one layer of both again.
    fn thaw(&mut self) {
        if let Some((lower, _)) = self.view.lower.take() {
            let mut layer = Arc::unwrap_or_clone(lower);
            layer.cover(&self.view.upper);
            self.view.upper = layer;
            self.since = Some(Instant::now());
        }
    }

    /// The tables hold all up to this batch.
    fn note_checkpoint(&mut self, batch: u64) {
        self.checkpointed = self.checkpointed.max(batch);
        self.log.release(self.checkpointed);
    }
}

impl Writer {
    /// When the log has something to be done.
    pub(super) fn log_wakes_at(&self) -> Option<Instant> {
        match &self.logging {
            Some(logging) => logging.checkpoint_at(),
            None => self.log_again_at,
        }
    }

    /// Commits a batch to the log, and takes its changes then. `None` if it goes into the tables instead, which
    /// then hold all there is.
    pub(super) fn store_in_log(&mut self, ops: &mut Vec<Op>, meta: &Meta) -> Option<Result<(), Fate>> {
        self.logging.as_ref()?;
        let length = || self.reader.slot.length();
        let growth = ops.iter().map(Op::growth).sum::<u64>();
        // What is acknowledged has a place in the file, and none of that which is kept for running games.
        if growth > 0 && (growth > length() / GROWTH_PART || !self.reader.slot.can_grow()) {
            return self.instead_of_log();
        }
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
        logging.view.batch = meta.batches;
        ops.drain(..).for_each(|op| logging.view.upper.apply(op));
        self.reader.overlay.publish(logging.view.clone());
        if logging.log.is_there() { Some(Ok(())) } else { Some(self.after_lost_log(meta)) }
    }

    /// The log was removed or replaced: what it holds is nowhere else, and goes into the tables.
    fn after_lost_log(&mut self, meta: &Meta) -> Result<(), Fate> {
        tracing::warn!("the log is gone; what it held goes into the tables, and so does what comes");
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

    /// Empties the log into the tables, so that a batch can follow there.
    fn instead_of_log(&mut self) -> Option<Result<(), Fate>> {
        match self.checkpoint_all() {
            Ok(()) if self.logging.as_ref().is_none_or(|logging| logging.view.is_empty()) => None,
            // Rows are left that need a damaged page.
            Ok(()) => Some(Err(Fate::NotStored(Met::Failure))),
            Err((Met::Failure, reason)) => {
                self.break_off(self.cause_of(Met::Failure), &reason);
                Some(Err(Fate::NotStored(Met::Failure)))
            }
            Err((met, _)) => Some(Err(Fate::NotStored(met))),
        }
    }

    /// Whether the batch of this number is in the log can't be told. If all others come into the tables
    /// with its number, it counts no more.
    fn after_failed_append(&mut self, error: &std::io::Error, attempted: &Meta) -> Result<(), Fate> {
        tracing::warn!(%error, "the log cannot be written; what it holds goes into the tables, and so does what comes");
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

    /// From now on batches go into the tables, if they hold all there is.
    fn stop_logging(&mut self) {
        if self.logging.as_ref().is_some_and(|logging| !logging.view.is_empty()) {
            return;
        }
        self.logging = None;
        self.log_again_at = Some(Instant::now() + AGAIN);
        self.reader.overlay.publish(OverlayView { batch: self.meta.batches, ..OverlayView::default() });
    }

    /// Begins a checkpoint if it is time, and takes notice of one that has ended.
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
            tracing::debug!("the file cannot grow any more: batches are committed to it directly");
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
        self.reader.overlay.publish(logging.view.clone());
        self.reader.overlay.begin_checkpoint(meta.batches);
        logging.checkpointer.begin(layer, meta);
    }

    /// Waits until nothing is being checkpointed.
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
        tracing::debug!(cause = %error.cause, "what the log holds could not be checkpointed");
        // After anything but a damaged page redb has to be opened again.
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

    /// What the log holds stays there, and games go on in it as long as it has room.
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

    /// Carries all that the log holds into the tables, here and now.
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

    /// The same, as the batches up to this one.
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
                // Else nothing could be read until then.
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
            logging.since = Some(Instant::now() + growth::DAMAGE_RETRY);
            self.refuse_growth(Cause::Damaged, "a page that the log needs is damaged");
        }
        let Some(logging) = &self.logging else { return Ok(()) };
        self.reader.overlay.publish(logging.view.clone());
        Ok(())
    }

    /// Writes a layer to the tables a few rows at a time, which takes less space; each that is checkpointed frees some. The
    /// file's record goes last.
    fn checkpoint_in_parts(&mut self, layer: &Layer, meta: &Meta) -> Result<(), CommitError> {
        self.reopen().map_err(|(met, reason)| CommitError { met, cause: reason.into() })?;
        let (parts, before) = (layer.parts(FEW_ROWS), self.file_meta());
        parts.iter().try_for_each(|part| checkpoint::run(&self.reader, part, &before))?;
        checkpoint::run(&self.reader, &Layer::default(), meta)
    }

    /// Carries what needs no damaged page of a layer. Gives the rows that do: they are in the log anew.
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
            logging.log.end_segment();
            logging.log.append(again.batches, &entry).map_err(CommitError::failure)?;
            self.meta = again;
        }
        checkpoint::run(&self.reader, &Layer::default(), meta)?;
        Ok(left)
    }

    /// Goes back to the log, if it can be used.
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

    /// The file's own record as it can be stored beside what is checkpointed already.
    pub(super) fn file_meta(&self) -> Meta {
        let meta = self.next_meta(self.meta.time);
        match &self.logging {
            Some(logging) => Meta { batches: logging.checkpointed, ..meta },
            None => meta,
        }
    }

    /// Ends the log: all of it is in the tables.
    pub(super) fn clear_log(&mut self) {
        if let Some(mut logging) = self.logging.take()
            && let Err(error) = logging.log.clear()
        {
            tracing::warn!(%error, "the log could not be emptied, which does no harm");
        }
    }
}
