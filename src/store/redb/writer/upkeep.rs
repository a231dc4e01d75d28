//! What the writer does without a command: it commits signs of life, makes space for new games, and tries
//! places of the file again that could not be read.

use std::time::{Duration, Instant};

use super::super::batch::ChangedRows;
use super::super::commit::{self, Met};
use super::super::meta::SIGN_OF_LIFE;
use super::super::queue::{ReplySlot, Work};
use super::Writer;
use crate::store::clock::Clock;
use crate::store::contract::Cause;
use crate::store::error::StoreError;

/// How much earlier than necessary a sign of life is committed, so that a slow commit does not make it late.
const IN_GOOD_TIME: Duration = Duration::from_secs(1);
/// Sessions per batch of the sweep that makes space.
const SWEEP_BATCH: usize = 64;
/// How often the writer makes space and tries to grow while something is wrong.
const UPKEEP: Duration = Duration::from_secs(1);
/// How often unreadable places of the file are tried again.
const SECOND_LOOK: Duration = Duration::from_secs(10);

impl Writer {
    /// When the writer must wake if no command comes.
    pub(super) fn wake_at(&self) -> Instant {
        let sign_of_life = self.last_commit + Duration::from(SIGN_OF_LIFE) - IN_GOOD_TIME;
        let log = self.log_wakes_at();
        let upkeep = match &self.broken {
            Some(broken) => return broken.retry_at,
            None if self.condition.trouble().is_some() => sign_of_life.min(self.upkeep_at + UPKEEP),
            None => sign_of_life.min(self.looked_at + SECOND_LOOK),
        };
        log.map_or(upkeep, |at| at.min(upkeep))
    }

    /// Does what is due without a command: another attempt to recover, upkeep, or a sign of life.
    pub(super) fn wake(&mut self) {
        let now = Instant::now();
        match &self.broken {
            Some(broken) if now >= broken.retry_at => self.heal(),
            Some(_) => {}
            None if now >= self.last_commit + Duration::from(SIGN_OF_LIFE) - IN_GOOD_TIME => self.give_sign_of_life(),
            None => {}
        }
        self.look_after(now);
        self.look_after_log();
    }

    /// Opens the file again if an unreadable place can be read again, which is checked every 10 s. While
    /// something is wrong, it also makes space and checks whether new games can begin, about once a second.
    pub(super) fn look_after(&mut self, now: Instant) {
        if self.broken.is_none() && now >= self.looked_at + SECOND_LOOK {
            self.looked_at = now;
            if self.reader.slot.has_healed() {
                self.wait_for_checkpoint();
                tracing::info!("a part of the file can be read again; reopening the file");
                self.reopen_or_break_off();
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

    /// Deletes expired sessions, at most four batches of them, and checkpoints that: only then is their space
    /// free.
    pub(super) fn make_space(&mut self) {
        let mut after = None;
        for _ in 0..4 {
            let (answer, mut answered) = tokio::sync::oneshot::channel();
            let (at, most) = (self.clock.moment(), SWEEP_BATCH);
            self.carry_out(vec![Work::Sweep { at, after, most, reply: ReplySlot::to(answer) }]);
            match answered.try_recv() {
                Ok(Ok(swept)) if swept.has_more() => after = swept.next,
                _ => break,
            }
        }
        if let Err((met, reason)) = self.checkpoint_all() {
            self.cannot_checkpoint(met, &reason);
        }
    }

    /// Tries to commit something that takes space. If that succeeds, new games are accepted again.
    pub(super) fn try_to_grow(&mut self) {
        let Err((met, reason)) = self.probe() else { return self.has_grown() };
        tracing::debug!(reason, "new games still cannot be stored");
        match (met, self.reopen()) {
            (Met::Full, Ok(_)) => self.growth.failed(Cause::Full),
            (Met::Damage, Ok(_)) => self.growth.failed(Cause::Damaged),
            (Met::Failure, Ok(_)) => self.break_off(self.cause_of(met), &reason),
            (_, Err((met, reason))) => self.break_off(self.cause_of(met), &reason),
        }
    }

    /// Frees the whole reserve for running games.
    pub(super) fn release_reserve(&mut self) {
        let released = self.commit_meta(|database, meta| commit::release_reserve(database, meta, 0));
        if let Err((_, reason)) = released {
            tracing::debug!(reason, "the reserved space could not be released");
            self.reopen_or_break_off();
        }
    }

    /// Notes that a commit which takes space succeeded: new games are accepted again.
    pub(super) fn has_grown(&self) {
        self.growth.worked();
        self.condition.end();
    }

    /// Refuses new games, and other commands that take space, until such a commit has succeeded.
    pub(super) fn refuse_growth(&self, cause: Cause, detail: &str) {
        self.growth.failed(cause);
        self.condition.begin(cause, detail);
    }

    /// Commits the current game time, unless no session is stored. After a crash the file's time is then late
    /// by no more than [`SIGN_OF_LIFE`].
    pub(super) fn give_sign_of_life(&mut self) {
        self.last_commit = Instant::now();
        match self.reader.is_empty() {
            Ok(false) => {
                if let Err(fate) = self.store(ChangedRows::none(self.clock.moment().now)) {
                    tracing::debug!(reason = %fate.error(), "the game time could not be committed");
                }
            }
            Err(StoreError::Unavailable(Some(cause))) => drop(self.after_failed_read(cause)),
            _ => {}
        }
    }
}
