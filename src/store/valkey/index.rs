//! The deadline index: an advisory sorted set of session ids by deadline.
//!
//! It is written shortly after the sessions and in batches. An entry that a crash loses comes back when the
//! session's deadline next changes.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use redis::Cmd;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::DEADLINES;
use super::failure::Failure;
use super::link::Link;
use crate::domain::{Deadline, SessionId};
use crate::store::error::shared;

/// Interval between writes while the server is available. The index lags behind the sessions by about this.
const EVERY: Duration = Duration::from_millis(50);
/// Maximum number of sessions in one command.
const AT_ONCE: usize = 1_000;
/// Maximum number of pending sessions while nothing can be written. Further ones are dropped.
const MOST_WAITING: usize = 200_000;

/// The pending changes of the index.
#[derive(Default)]
pub(super) struct DeadlineIndex {
    /// Deadlines to be written; `None` for a session to be removed.
    waiting: Mutex<HashMap<SessionId, Option<Deadline>>>,
    /// Allows one flush at a time, so that an older deadline never overwrites a newer one.
    flushing: tokio::sync::Mutex<()>,
}

impl DeadlineIndex {
    /// Records a session's new deadline.
    pub(super) fn note(&self, id: &SessionId, deadline: Deadline) {
        self.put(id, Some(deadline));
    }

    /// Records that a session no longer exists.
    pub(super) fn forget(&self, id: &SessionId) {
        self.put(id, None);
    }

    fn put(&self, id: &SessionId, deadline: Option<Deadline>) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST_WAITING || waiting.contains_key(id) {
            waiting.insert(id.clone(), deadline);
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Writes all pending changes. Changes that can't be written become pending again.
    pub(super) async fn flush(&self, link: &Link, until: Instant) -> Result<(), Failure> {
        let turn = tokio::time::timeout_at(until, self.flushing.lock()).await;
        let Ok(_turn) = turn else { return Err(Failure::Away(shared("its turn did not come in time"))) };
        // Take the changes only while holding the turn: a later flush must not write newer changes first.
        let taken: Vec<_> = std::mem::take(&mut *self.waiting.lock()).into_iter().collect();
        for (place, part) in taken.chunks(AT_ONCE).enumerate() {
            for command in commands(part) {
                if let Err(failure) = link.call::<i64>(&command, until).await {
                    self.put_back(&taken[place * AT_ONCE..]);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    /// Writes pending changes every [`EVERY`], until `stop` is cancelled.
    pub(super) async fn keep(&self, link: &Link, stop: CancellationToken) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            if !self.is_empty() && link.is_good() {
                let flushed = self.flush(link, Instant::now() + Duration::from_secs(1)).await;
                if let Err(failure) = flushed {
                    tracing::debug!(%failure, "the deadline index could not be written; trying again");
                }
            }
        }
    }

    /// Makes unwritten changes pending again, except where a newer change of the session is already pending.
    fn put_back(&self, entries: &[(SessionId, Option<Deadline>)]) {
        let mut waiting = self.waiting.lock();
        for (id, deadline) in entries {
            if waiting.len() < MOST_WAITING {
                waiting.entry(id.clone()).or_insert(*deadline);
            }
        }
    }
}

fn commands(part: &[(SessionId, Option<Deadline>)]) -> impl Iterator<Item = Cmd> {
    let (mut add, mut remove) = (redis::cmd("ZADD"), redis::cmd("ZREM"));
    add.arg(DEADLINES);
    remove.arg(DEADLINES);
    let (mut added, mut removed) = (0, 0);
    for (id, deadline) in part {
        match deadline {
            Some(deadline) => {
                add.arg(deadline.0.as_millis()).arg(id.to_string());
                added += 1;
            }
            None => {
                remove.arg(id.to_string());
                removed += 1;
            }
        }
    }
    // First what is taken even where memory is full.
    (removed > 0).then_some(remove).into_iter().chain((added > 0).then_some(add))
}
