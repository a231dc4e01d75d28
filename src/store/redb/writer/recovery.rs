//! Recovery of the writer after a failure. It opens the file again and checks what is in it. A commit that
//! takes space must succeed before new games can begin.

use std::time::{Duration, Instant};

use ::redb::Database;

use super::super::commit::{self, CommitError, Met};
use super::super::growth_gate;
use super::super::meta::Meta;
use super::{Broken, Fate, Writer};
use crate::store::contract::Cause;
use crate::store::error::SharedError;
use crate::store::panics;

/// The first backoff between attempts to open a file that fails.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest backoff between these attempts.
const LAST_RETRY: Duration = Duration::from_secs(2);

impl Writer {
    /// Refuses all commands until the file can be written again. Game time stops meanwhile, so that no game
    /// ages. If the disk is full it goes on, because sessions must expire to free space.
    pub(super) fn break_off(&mut self, cause: Cause, detail: &str) {
        match cause {
            Cause::Full => self.clock.go_on(),
            _ => self.clock.stop(),
        }
        self.queue.set_refusing(Some(cause));
        self.condition.begin(cause, detail);
        self.broken = Some(Broken { cause, retry_at: Instant::now() + FIRST_RETRY, pause: FIRST_RETRY });
    }

    /// Handles a failed commit to the tables. redb refuses everything until it is opened again; after that
    /// the file shows whether it has the batch of `attempted`.
    pub(super) fn after_failure(
        &mut self,
        CommitError { met, cause }: CommitError,
        attempted: &Meta,
    ) -> Result<(), Fate> {
        if met == Met::Damage {
            return Err(Fate::NotStored(met));
        }
        tracing::debug!(%cause, "a commit failed; reopening the file");
        let has_lost_sync = self.reader.slot.has_lost_sync();
        match self.reopen() {
            // The batch is stored: redb frees pages at the end of a commit, and only that step found no
            // space. This holds only if no sync failed.
            Ok(batches) if batches >= attempted.batches && met == Met::Full && !has_lost_sync => {
                self.refuse_growth(Cause::Full, "a commit found no space");
                Ok(())
            }
            // The caller tries again at once, without the commands that take space.
            Ok(batches) if batches < attempted.batches && met == Met::Full => Err(Fate::NotStored(met)),
            Ok(batches) => {
                self.break_off(Cause::Disk, &cause.to_string());
                Err(if batches < attempted.batches { Fate::NotStored(met) } else { Fate::Unknown })
            }
            // Not even the mark of an open file could be written.
            Err((met, reason)) => {
                self.break_off(self.cause_of(met), &format!("{cause}; {reason}"));
                Err(Fate::Unknown)
            }
        }
    }

    /// Handles a failed read. redb refuses everything after it, as after a failed commit, but no commit had
    /// begun.
    pub(super) fn after_failed_read(&mut self, cause: SharedError) -> Fate {
        let attempted = self.next_meta(self.meta.time);
        let failed = self.after_failure(CommitError::failure(cause), &attempted);
        failed.err().unwrap_or(Fate::Unknown)
    }

    /// The cause to report for a failure of this kind. A missing file is reported as such, whatever failed.
    pub(super) fn cause_of(&self, met: Met) -> Cause {
        match met {
            _ if !self.reader.slot.is_there() => Cause::Gone,
            Met::Full => Cause::Full,
            Met::Damage => Cause::Damaged,
            Met::Failure => Cause::Disk,
        }
    }

    /// Opens the file again. Returns the number of the last batch in its tables.
    pub(super) fn reopen(&mut self) -> Result<u64, (Met, String)> {
        let failed = |error: &dyn std::fmt::Display| (Met::Failure, error.to_string());
        let slot = &self.reader.slot;
        slot.reopen().map_err(|error| (if error.is_full() { Met::Full } else { Met::Failure }, error.to_string()))?;
        let meta = slot.read(Meta::read).map_err(|error| failed(&error))?;
        let meta = meta.ok_or_else(|| failed(&"the file has lost its own record"))?;
        // Players have seen the game time, so it never goes back. The random number and the generation of
        // this opening stay too.
        let batches = if self.logging.is_some() { self.meta.batches } else { meta.batches };
        self.meta = Meta { time: self.meta.time.max(meta.time), batches, ..self.meta };
        Ok(meta.batches)
    }

    /// Opens the file again. If that fails, all commits stop.
    pub(super) fn reopen_or_break_off(&mut self) {
        if let Err((met, reason)) = self.reopen() {
            self.break_off(self.cause_of(met), &reason);
        }
    }

    /// One attempt to recover: opens the file, checkpoints the log, and proves with a durable commit that new
    /// games can begin.
    pub(super) fn heal(&mut self) {
        // A panic of redb over a damaged page is one more failed attempt.
        let healed = panics::catch(|| self.reopen().and_then(|_| self.checkpoint_all()).and_then(|()| self.probe()));
        match healed.unwrap_or_else(|met| Err((Met::Damage, met))) {
            Ok(()) => {
                self.go_on();
                self.has_grown();
            }
            // New games find no space, but the file can be opened: running games continue.
            Err((Met::Full, reason)) if self.reopen().is_ok() => {
                self.go_on();
                self.refuse_growth(Cause::Full, &reason);
            }
            Err((met, reason)) => {
                // After the failed attempt redb refuses reads too. Open it once more, so that reads work
                // until the next attempt.
                let _ = self.reopen();
                self.try_later(self.cause_of(met), &reason);
            }
        }
    }

    /// Accepts commands again, and lets game time go on.
    pub(super) fn go_on(&mut self) {
        self.broken = None;
        self.last_commit = Instant::now();
        self.queue.set_refusing(None);
        self.clock.go_on();
    }

    /// Plans the next attempt, with twice the last backoff.
    pub(super) fn try_later(&mut self, cause: Cause, detail: &str) {
        let pause = self.broken.as_ref().map_or(FIRST_RETRY, |broken| broken.pause * 2).min(LAST_RETRY);
        self.break_off(cause, detail);
        // A damaged page does not repair itself, so try seldom.
        let wait = if cause == Cause::Damaged { growth_gate::DAMAGE_RETRY } else { pause };
        self.broken = Some(Broken { cause, retry_at: Instant::now() + wait, pause });
    }

    /// Proves with a commit that the file has space: writes the whole reserve, without which running games
    /// could be refused.
    pub(super) fn probe(&mut self) -> Result<(), (Met, String)> {
        if !self.reader.slot.is_there() {
            return Err((Met::Failure, "the file is not there".to_owned()));
        }
        let reserved = growth_gate::reserved(self.reader.slot.length());
        // More than the reserve, which is released at once: it is room for some new games. Without it the
        // next one would be refused again.
        self.commit_meta(|database, meta| commit::fill_reserve(database, meta, reserved + reserved / 2))?;
        self.commit_meta(|database, meta| commit::release_reserve(database, meta, reserved))
    }

    /// Runs a commit that changes the metadata or the reserve, but no session.
    pub(super) fn commit_meta(
        &mut self,
        commit: impl FnOnce(&Database, &Meta) -> Result<(), CommitError>,
    ) -> Result<(), (Met, String)> {
        // First, because a checkpoint raises the batch number in the tables, and this commit must not lower
        // it.
        self.wait_for_checkpoint();
        let meta = self.file_meta();
        let committed = self.reader.slot.with(|database| Ok(commit(database, &meta)));
        match committed {
            Ok(Ok(())) if self.logging.is_some() => {
                self.meta.time = meta.time;
                Ok(())
            }
            Ok(Ok(())) => {
                self.note_stored(meta);
                self.note.write(meta.progress());
                self.reader.counter.note(meta.batches, &[]);
                Ok(())
            }
            Ok(Err(error)) => Err((error.met, error.cause.to_string())),
            Err(error) => Err((Met::Failure, error.to_string())),
        }
    }
}
