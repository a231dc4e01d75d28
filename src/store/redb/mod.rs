//! Sessions in an embedded redb file, owned by this process alone.
//!
//! One writer commits a whole queue at once ([`writer`]); reads run on the caller's thread from
//! the newest committed snapshot ([`reads`]). Every durable commit is one with quick repair, so
//! that opening after a crash takes a moment however large the file is.
//!
//! | table | key → value |
//! | --- | --- |
//! | `sessions` | id → record of ([`Stored`]: hint, state) |
//! | `quizzes` | id → record of the quiz, or nothing: each session has its place here |
//! | `questions` | hash → until when it is kept, and the record of a question or of some that came together: each is here once |
//! | `question_ends` | (until when it is kept, hash) → nothing; one for each question, never sooner than the hint of a session that asks it |
//! | `hints` | (when to look, id) → nothing; one for each session, never later than its deadline |
//! | `events` | (id, sequence) → record of the event |
//! | `joins` | join code → id |
//! | `owners` | (owner, id) → nothing; one for each session that has an owner |
//! | `meta` | name → number: what the file knows of itself |
//! | `reserve` | part → space that is kept for running games |

mod batch;
mod checkpoint;
mod commit;
mod counter;
mod due;
mod events;
mod file;
mod growth;
mod log;
mod meta;
mod note;
mod open;
mod ops;
mod overlay;
mod owners;
mod portable;
mod queue;
mod quizzes;
mod reads;
mod reaping;
mod slot;
mod space;
mod storage;
mod sweep;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use ::redb::TableDefinition;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, GameClock, WallClock};
use super::condition::Condition;
use super::contract::{Cause, EventPage, GameSessionStore, NewSession, StoreStatus, Swept, Trouble};
use super::error::{StoreError, StoreResult};
use super::step::ApplyFn;
use crate::domain::{
    Applied, Command, GameSession, JoinCode, Moment, Owner, Sequence, SessionId, SessionState, Timestamp,
};
use growth::Growth;
use queue::{Queue, ReplySlot, Work};
use reads::{Reader, RecordCounts};
use reaping::Reaping;

pub use file::{CheckpointRule, DatabaseOpener, LogOptions, OpenError, file_opener, make_folder, storage_opener};
pub use meta::Opening;

/// The engine's name.
const ENGINE: &str = "redb";
/// How often one `status` looks at what has become due since the last.
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

/// A session's record. The hint comes first, and the state's life after it, so that both can be
/// read without decoding the game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    index_time: Timestamp,
    state: SessionState,
}

/// What a server or a test chooses of the engine.
pub struct RedbOptions {
    /// The rules.
    pub rules: ApplyFn,
    /// Where dates come from.
    pub wall: WallClock,
    /// How long a command may wait for its commit.
    pub patience: Duration,
    /// Bytes of quizzes kept decoded.
    pub quiz_cache: u64,
}

/// The redb engine.
pub struct RedbStore {
    reader: Arc<Reader>,
    queue: Arc<Queue>,
    clock: Arc<GameClock>,
    condition: Arc<Condition>,
    growth: Arc<Growth>,
    reaping: Reaping,
    patience: Duration,
    opening: Opening,
    /// What is known to be missing of a file that is only read.
    missing: Option<String>,
}

impl RedbStore {
    /// What is known to be missing of what was committed to a file that is only read.
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// The clock by which this file's sessions live.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// How the file was found.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// Lets game time stand still from now on: sessions are only moved, and nobody plays.
    pub fn hold_time(&self) {
        self.clock.stop();
    }

    /// Hands work to the writer and waits for its commit.
    async fn commit<T>(&self, make: impl FnOnce(ReplySlot<T>) -> Work) -> StoreResult<T> {
        let (answer, committed) = tokio::sync::oneshot::channel();
        let done = self.queue.wait(self.queue.push(make(ReplySlot::to(answer)))?, committed, self.patience).await;
        if matches!(done, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown)) {
            self.notice_silence();
        }
        done
    }

    /// A disk that does not answer keeps the writer from saying so.
    fn notice_silence(&self) {
        if self.queue.is_stuck(self.patience) {
            self.condition.begin(Cause::Disk, "a commit has not ended in time");
        }
    }

    /// Why no new game can begin, looked at now.
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

    /// The counts. Whatever becomes due is looked at once; what one call leaves, the next goes on with.
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

    /// Reads. After one failure redb refuses all reads until it is opened again, so the writer is
    /// told of it.
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

    async fn sweep(&self, at: Moment, limit: usize) -> StoreResult<Swept> {
        self.sweep_in_batches(at, limit).await
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

    /// The state's own bytes are pinned by the format's golden files.
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
