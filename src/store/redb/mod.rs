//! A session store in an embedded redb file. Only one process at a time can own the file.
//!
//! One writer thread commits all queued commands at once ([`writer`]). Reads run on the caller's thread, from
//! the newest committed snapshot ([`reads`]). Every transaction on the tables is committed with redb's quick
//! repair, so that opening after a crash takes a moment, whatever the size of the file.
//!
//! Invariant: a command is answered only after its batch is durable, in the log or in the tables.
//!
//! | table | key → value |
//! | --- | --- |
//! | `sessions` | id → record of [`Stored`] (index time, state) |
//! | `quizzes` | id → record of the quiz, or empty; every session has a row here |
//! | `questions` | hash → keep-until time, record of one question or of several stored together (see [`quizzes`]) |
//! | `question_ends` | (keep-until time, hash) → nothing; one entry per row of `questions` |
//! | `hints` | (index time, id) → nothing: the expiry index; one entry per session |
//! | `events` | (id, sequence) → record of the event |
//! | `joins` | join code → id |
//! | `owners` | (owner, id) → nothing; one entry per session that has an owner |
//! | `meta` | name → number: the file's metadata ([`meta`]) |
//! | `reserve` | part number → padding: space that is kept for running games |
//!
//! The index time of a session is when the sweep checks it next. It is never later than the session's
//! deadline. A question is kept at least until the index time of every session that uses it.

mod backup;
mod batch;
mod checkpoint;
mod commit;
mod database_slot;
mod due_entries;
mod events;
mod expired_count;
mod file;
mod file_note;
mod free_space;
mod growth_gate;
mod inspection;
mod log;
mod meta;
mod new_file;
mod offline;
mod open;
mod overlay;
mod owners;
mod pages;
mod portable;
mod queue;
mod quizzes;
mod reads;
mod rewrite;
mod row_changes;
mod storage;
mod sweep;
mod sweep_pace;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use ::redb::TableDefinition;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, GameClock, WallClock};
use super::condition::Condition;
use super::contract::{
    Cause, EventPage, FileFigures, GameSessionStore, NewSession, StoreFigures, StoreStatus, Swept, Trouble,
};
use super::error::{StoreError, StoreResult};
use super::step::ApplyFn;
use crate::domain::{
    Applied, Command, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, SessionState, Timestamp,
};
use growth_gate::Growth;
use queue::{Queue, ReplySlot, Work};
use reads::{Reader, RecordCounts};
use sweep_pace::Reaping;

pub use file::{CheckpointRule, DatabaseOpener, LogOptions, OpenError, file_opener, make_folder, storage_opener};
pub use inspection::{BackupMark, DamagedGame, FileReport, PageDamage, Remarks};
pub use meta::{FILE_LAYOUT, Opening};
pub use offline::{
    Compacted, OfflineError, Repaired, Restored, back_up_file, backup_mark, check_file, compact_file, repair_file,
    restore_file,
};

/// The engine's name in `status`.
const ENGINE: &str = "redb";
/// Most counting steps in one call of `status`. The next call continues where the last step ended.
const LOOKS: usize = 64;

const SESSIONS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sessions");
const QUIZZES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("quizzes");
const QUESTIONS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("questions");
const QUESTION_ENDS: TableDefinition<'_, (u64, &[u8; 16]), ()> = TableDefinition::new("question_ends");
const EXPIRY_INDEX: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("hints");
const EVENTS: TableDefinition<'_, (&[u8], u64), &[u8]> = TableDefinition::new("events");
const JOINS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("joins");
const OWNERS: TableDefinition<'_, (&str, &[u8]), ()> = TableDefinition::new("owners");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// A session's record. The index time comes first, then the `life` of the state, so that both can be read
/// without decoding the game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    index_time: Timestamp,
    state: SessionState,
}

/// Settings of the engine that a server or a test chooses.
pub struct RedbOptions {
    /// The game's rules: applies a command to a copy of a session.
    pub rules: ApplyFn,
    /// The source of wall-clock dates. Game time does not follow it.
    pub wall: WallClock,
    /// How long a command may wait for its commit before its caller gets an error.
    pub patience: Duration,
    /// Memory for decoded quizzes and their questions, in bytes.
    pub quiz_cache: u64,
}

/// A [`GameSessionStore`] in one redb file. When it is dropped, the writer commits what is queued and closes
/// the file.
pub struct RedbStore {
    reader: Arc<Reader>,
    queue: Arc<Queue>,
    clock: Arc<GameClock>,
    condition: Arc<Condition>,
    growth: Arc<Growth>,
    reaping: Reaping,
    patience: Duration,
    opening: Opening,
    /// Committed data that is known to be missing; only set for a file that was opened read-only.
    missing: Option<String>,
}

impl RedbStore {
    /// Which committed data is known to be missing from a file that was opened read-only. `None` if nothing
    /// is known to be missing, and always `None` for a file that was opened for writing.
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// How the file was found when it was opened.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// Stops game time. For `migrate`, which only moves sessions while nobody plays.
    pub fn hold_time(&self) {
        self.clock.stop();
    }

    /// Queues work for the writer and waits for its answer, which comes after the commit.
    async fn commit<T>(&self, make: impl FnOnce(ReplySlot<T>) -> Work) -> StoreResult<T> {
        let (answer, committed) = tokio::sync::oneshot::channel();
        let done = self.queue.wait(self.queue.push(make(ReplySlot::to(answer)))?, committed, self.patience).await;
        if matches!(done, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown)) {
            self.notice_silence();
        }
        done
    }

    /// Reports a disk that hangs. The writer can't report it, because it is blocked by that disk.
    fn notice_silence(&self) {
        if self.queue.is_stuck(self.patience) {
            self.condition.begin(Cause::Disk, "a commit has not ended in time");
        }
    }

    /// Why no new game can begin, checked now; `None` if one can.
    fn trouble(&self) -> Option<Trouble> {
        self.notice_silence();
        if !self.reader.slot.is_there() {
            self.condition.begin(Cause::Gone, "nothing is acknowledged until it is back");
        } else if let (None, Some(cause)) = (self.condition.trouble(), self.growth.refusal()) {
            self.condition.begin(cause, "there is no space for anything new");
        }
        self.condition.remind();
        self.condition.trouble()
    }

    /// Counts the stored and the expired sessions. Every expiry entry is examined only once, when it comes
    /// due. One step examines a bounded number of them, and the next step or call continues there.
    async fn counts(&self, now: Timestamp) -> StoreResult<RecordCounts> {
        let mut counts = self.read(|reader| reader.counts(now))?;
        for _ in 1..LOOKS {
            if counts.is_all {
                break;
            }
            tokio::task::yield_now().await;
            counts = self.read(|reader| reader.counts(now))?;
        }
        Ok(counts)
    }

    /// Runs a read. After one failed read redb refuses all others until the file is opened again, so the
    /// writer is woken to check the file.
    fn read<T>(&self, read: impl FnOnce(&Reader) -> StoreResult<T>) -> StoreResult<T> {
        let result = read(&self.reader);
        if matches!(result, Err(StoreError::Unavailable(Some(_)))) {
            self.queue.summon();
        }
        result
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.queue.shut();
    }
}

#[async_trait]
impl GameSessionStore for RedbStore {
    fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn create(&self, NewSession(session): NewSession, at: Moment) -> StoreResult<()> {
        let session = Box::new(session);
        let created = self.commit(|reply| Work::Create { session, at, reply }).await;
        if matches!(created, Err(StoreError::Full | StoreError::Unavailable(_) | StoreError::OutcomeUnknown)) {
            self.condition.count_refused(1);
        }
        created
    }

    async fn get(&self, id: &SessionId, at: Moment) -> StoreResult<Option<GameSession>> {
        self.read(|reader| reader.get(id, at.now))
    }

    async fn apply(&self, id: &SessionId, command: Command, at: Moment) -> StoreResult<Option<Applied>> {
        if command.needs_quiz() {
            self.reader.warm(id);
        }
        let id = id.clone();
        self.commit(|reply| Work::Apply { id, command, at, reply }).await
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<bool> {
        let id = id.clone();
        self.commit(|reply| Work::Delete { id, reply }).await
    }

    async fn events(
        &self,
        id: &SessionId,
        after: Sequence,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Option<EventPage>> {
        self.read(|reader| reader.events(id, after, limit, at.now))
    }

    async fn find(&self, code: &JoinCode, at: Moment) -> StoreResult<Option<SessionId>> {
        self.read(|reader| reader.find(code, at.now))
    }

    async fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        at: Moment,
    ) -> StoreResult<Vec<SessionId>> {
        self.read(|reader| reader.owned(owner, after, limit, at.now))
    }

    async fn scan(&self, cursor: Option<&SessionId>, limit: usize) -> StoreResult<Vec<SessionId>> {
        self.read(|reader| reader.ids(cursor, limit))
    }

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        self.sweep_in_batches(at, limit).await
    }

    fn figures(&self) -> StoreFigures {
        let slot = &self.reader.slot;
        let file = FileFigures {
            database: slot.length(),
            log: slot.log_length(),
            reserve: slot.read(commit::reserve).ok(),
            disk: slot.disk(),
        };
        StoreFigures {
            queued: self.queue.waiting() as u64,
            batches: Some(self.queue.batches.clone()),
            file: Some(file),
            ..StoreFigures::default()
        }
    }

    async fn status(&self, at: Moment) -> StoreResult<StoreStatus> {
        let counts = self.counts(at.now).await;
        let trouble = self.trouble();
        let commits_go_on = !matches!(trouble, Some(Trouble { cause: Cause::Disk | Cause::Gone, .. }));
        let reachable = self.queue.is_accepting() && commits_go_on && counts.is_ok();
        let counts = counts.unwrap_or_default();
        Ok(StoreStatus {
            engine: ENGINE,
            reachable,
            trouble,
            live_sessions: counts.records.saturating_sub(counts.dead),
            records: counts.records,
            damaged: self.reader.damaged.count(),
            commits: self.queue.commits(),
            link: None,
        })
    }

    async fn close(&self) -> StoreResult<()> {
        self.commit(|reply| Work::Close { reply }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Life, Lifetimes, Millis, SeatId};
    use crate::store::format;

    /// Checks only the order of the two parts. Golden files of the record format pin the bytes of the state.
    #[test]
    fn a_stored_record_is_its_hint_and_then_its_state() {
        let lifetimes = Lifetimes { ttl: Millis(1_000), max_age: Millis(5_000), results_ttl: Millis(9_000) };
        let now = Timestamp::from_millis(77);
        let id = SessionId::generate(77, &[1; 10]);
        let state = GameSession::external(id, 7, None, [SeatId(1)], lifetimes, now).state;
        let index_time = Timestamp::from_millis(0x0102_0304_0506_0708);
        let record = format::encode(&Stored { index_time, state: state.clone() }).expect("encoded");
        let alone = format::encode(&state).expect("encoded");
        assert_eq!(record[1..9], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(record[9..record.len() - 4], alone[1..alone.len() - 4]);
        let life: (Timestamp, Life) = format::decode_prefix(&record, || "a record".to_owned()).expect("read");
        assert_eq!(life, (index_time, state.life));
    }
}
