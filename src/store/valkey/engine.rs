//! What the parts of the engine share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::clock::ValkeyClock;
use super::index::DeadlineIndex;
use super::link::Link;
use super::notifier::Notifier;
use super::owners::Orphans;
use super::record::{self, StoredState};
use crate::domain::{Millis, SessionId, SessionState, Timestamp};
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::quiz_cache::{ByteCache, QuizCache, byte_cache};
use crate::store::step::ApplyFn;

pub(super) struct Engine {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) rules: ApplyFn,
    pub(super) quizzes: QuizCache,
    pub(super) index: DeadlineIndex,
    pub(super) orphans: Orphans,
    pub(super) notifier: Arc<Notifier>,
    /// What this process committed last of the sessions that are played through it.
    pub(super) recent: ByteCache<SessionId, Arc<StoredState>>,
    /// Sessions that can't be read, each for itself alone.
    pub(super) damaged: Damaged,
    /// Sessions of which something else can't be, while they can: known so that the log is told once.
    pub(super) faulty: Damaged,
    /// What health was told last: sessions alive, and stored.
    pub(super) counted: Mutex<(u64, u64)>,
    /// The next commit's own number, begun at random: no other commit, of whatever instance, has it.
    next_commit: AtomicU64,
    /// Steps that this process has committed, deletions included.
    commits: AtomicU64,
    kept_dead: Millis,
}

impl Engine {
    pub(super) fn new(
        link: Arc<Link>,
        clock: Arc<ValkeyClock>,
        rules: ApplyFn,
        quiz_cache: u64,
        kept_dead: Millis,
    ) -> Self {
        // 53 bits, which every reader of JSON keeps.
        let first = getrandom::u64().expect("the operating system gives random bytes") >> 11;
        // States are as large as quizzes, but a game has one only while it goes on.
        let (quizzes, recent) = (QuizCache::new(quiz_cache - quiz_cache / 3), byte_cache(quiz_cache / 3));
        let index = DeadlineIndex::default();
        Self {
            link,
            clock,
            rules,
            quizzes,
            index,
            orphans: Orphans::default(),
            notifier: Arc::default(),
            recent,
            damaged: Damaged::default(),
            faulty: Damaged::default(),
            counted: Mutex::default(),
            next_commit: AtomicU64::new(first),
            commits: AtomicU64::default(),
            kept_dead,
        }
    }

    pub(super) fn next_commit(&self) -> u64 {
        self.next_commit.fetch_add(1, Ordering::Relaxed)
    }

    /// A step is committed.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps this process has committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How long the keys of a session are to be kept from `now` on.
    pub(super) fn kept_for(&self, state: &SessionState, now: Timestamp) -> Millis {
        Millis(state.life.deadline().0.since(now).0.saturating_add(self.kept_dead.0))
    }

    /// How long a session's join code is to be kept from `now` on.
    pub(super) fn code_kept_for(&self, state: &SessionState, now: Timestamp) -> Millis {
        Millis(state.life.latest_end().since(now).0.saturating_add(self.kept_dead.0))
    }

    /// What this process committed last of a session, as long as that is kept.
    pub(super) fn recent(&self, id: &SessionId) -> Option<StoredState> {
        self.recent.get(id).map(|(held, _)| StoredState::clone(&held))
    }

    /// Keeps what was just committed, `size` bytes of it.
    pub(super) fn remember(&self, id: &SessionId, held: StoredState, size: usize) {
        self.recent.insert(id.clone(), (Arc::new(held), 2 * size as u64));
    }

    /// The record that these bytes hold. Should it be none, the session is damaged.
    pub(super) fn decode(&self, id: &SessionId, body: &[u8]) -> StoreResult<StoredState> {
        self.noting(id, record::decode(id, body))
    }

    /// Notes a session that can't be read.
    pub(super) fn noting<T>(&self, id: &SessionId, read: StoreResult<T>) -> StoreResult<T> {
        if let Err(StoreError::Corrupt { what }) = &read {
            self.damaged.note(id, what);
            self.recent.remove(id);
        }
        read
    }

    /// Notes that something of a session can't be read or done.
    pub(super) fn noting_fault<T>(&self, id: &SessionId, done: StoreResult<T>) -> StoreResult<T> {
        if let Err(StoreError::Corrupt { what }) = &done {
            self.faulty.note(id, what);
        }
        done
    }

    /// Forgets what this process keeps of a session beside the server.
    pub(super) fn let_go(&self, id: &SessionId) {
        self.damaged.forget(id);
        self.faulty.forget(id);
        self.quizzes.remove(id);
        self.recent.remove(id);
        self.index.forget(id);
    }
}
