//! What follows a failure: the file is opened again and looked at, and proved by a commit that takes
//! space before new games begin.

use std::time::{Duration, Instant};

use ::redb::Database;

use super::super::commit::{self, CommitError, Met};
use super::super::growth;
use super::super::meta::Meta;
use super::{Broken, Fate, Writer};
use crate::store::contract::Cause;
use crate::store::error::BoxError as Reason;
use crate::store::panics;

/// Pauses between two tries to open a file that fails: the first, and the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

impl Writer {
    /// Refuses what comes until the file can be written again. Meanwhile nobody's game gets older, but
    /// where there is no space: there the dead must become dead.
    pub(super) fn break_off(&mut self, cause: Cause, detail: &str) {
        match cause {
            Cause::Full => self.clock.go_on(),
            _ => self.clock.stop(),
        }
        self.queue.set_refusing(Some(cause));
        self.condition.begin(cause, detail);
        self.broken = Some(Broken { cause, retry_at: Instant::now() + FIRST_RETRY, pause: FIRST_RETRY });
    }

    /// redb refuses everything after a failure until it is opened again; the file then says
    /// whether the batch is in it.
    pub(super) fn after_failure(
        &mut self,
        CommitError { met, cause }: CommitError,
        attempted: &Meta,
    ) -> Result<(), Fate> {
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
    pub(super) fn after_failed_read(&mut self, cause: Reason) -> Fate {
        let attempted = self.next_meta(self.meta.time);
        let failed = self.after_failure(CommitError { met: Met::Failure, cause }, &attempted);
        failed.err().unwrap_or(Fate::Unknown)
    }

    /// What is wrong with the file if this was met.
    pub(super) fn cause_of(&self, met: Met) -> Cause {
        match met {
            _ if !self.reader.slot.is_there() => Cause::Gone,
            Met::Full => Cause::Full,
            Met::Damage => Cause::Damaged,
            Met::Failure => Cause::Disk,
        }
    }

    /// Opens the file again, and reads how many batches it has.
    pub(super) fn reopen(&mut self) -> Result<u64, (Met, String)> {
        let failed = |error: &dyn std::fmt::Display| (Met::Failure, error.to_string());
        let slot = &self.reader.slot;
        slot.reopen().map_err(|error| (if error.is_full() { Met::Full } else { Met::Failure }, error.to_string()))?;
        let meta = slot.read(Meta::read).map_err(|error| failed(&error))?;
        let meta = meta.ok_or_else(|| failed(&"the file has lost its own record"))?;
        // Game time has been told to players: it never goes back. Nor does what this opening is.
        let batches = if self.logging.is_some() { self.meta.batches } else { meta.batches };
        self.meta = Meta { time: self.meta.time.max(meta.time), batches, ..self.meta };
        Ok(meta.batches)
    }

    /// Opens the file again although nothing is wrong with it yet; if that fails, something is.
    pub(super) fn reopen_or_break_off(&mut self) {
        if let Err((met, reason)) = self.reopen() {
            self.break_off(self.cause_of(met), &reason);
        }
    }

    /// One try to get well: open, then prove by a durable write that games can begin again.
    pub(super) fn heal(&mut self) {
        // A panic of redb's over a damaged page is one more failed try.
        let healed = panics::catch(|| self.reopen().and_then(|_| self.checkpoint_all()).and_then(|()| self.probe()));
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

    pub(super) fn go_on(&mut self) {
        self.broken = None;
        self.last_commit = Instant::now();
        self.queue.set_refusing(None);
        self.clock.go_on();
    }

    pub(super) fn try_later(&mut self, cause: Cause, detail: &str) {
        let pause = self.broken.as_ref().map_or(FIRST_RETRY, |broken| broken.pause * 2).min(LAST_RETRY);
        self.break_off(cause, detail);
        // A damaged page does not mend itself.
        let wait = if cause == Cause::Damaged { growth::DAMAGE_RETRY } else { pause };
        self.broken = Some(Broken { cause, retry_at: Instant::now() + wait, pause });
    }

    /// Commits something that takes space: the reserve, without which running games could be refused.
    pub(super) fn probe(&mut self) -> Result<(), (Met, String)> {
        if !self.reader.slot.is_there() {
            return Err((Met::Failure, "the file is not there".to_owned()));
        }
        let reserved = growth::reserved(self.reader.slot.length());
        // With room for some games beside it: else the next one would be refused again.
        self.commit_meta(|database, meta| commit::fill_reserve(database, meta, reserved + reserved / 2))?;
        self.commit_meta(|database, meta| commit::release_reserve(database, meta, reserved))
    }

    /// Commits something of the file's own.
    pub(super) fn commit_meta(
        &mut self,
        commit: impl FnOnce(&Database, &Meta) -> Result<(), CommitError>,
    ) -> Result<(), (Met, String)> {
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
