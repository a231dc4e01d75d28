//! The state that all parts of the engine share: link, clock, caches and counters.

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
use crate::metrics::BatchSizes;
use crate::store::damage::Damaged;
use crate::store::error::{StoreError, StoreResult};
use crate::store::quiz_cache::{ByteCache, QuizCache, byte_cache};
use crate::store::step::ApplyFn;

/// The shared state. Its operations are in the other files of this folder.
pub(super) struct Engine {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ValkeyClock>,
    pub(super) rules: ApplyFn,
    pub(super) quizzes: QuizCache,
    pub(super) index: DeadlineIndex,
    pub(super) orphans: Orphans,
    pub(super) notifier: Arc<Notifier>,
    /// The state that this process committed last, for sessions played through it. It may be outdated if
    /// another instance has committed since.
    pub(super) recent: ByteCache<SessionId, Arc<StoredState>>,
    /// Sessions whose state or quiz can't be read.
    pub(super) damaged: Damaged,
    /// Sessions whose state can be read but not something else, such as an event. Remembered so that each is
    /// logged once.
    pub(super) faulty: Damaged,
    /// The last known numbers of live and of stored sessions, for `/health`.
    pub(super) counted: Mutex<(u64, u64)>,
    /// The number of the next commit. It starts at a random value, so that no two commits of any instances
    /// have the same number.
    next_commit: AtomicU64,
    /// Number of commits by this process, including deletions.
    commits: AtomicU64,
    /// The sizes of all batches of commands.
    pub(super) batches: BatchSizes,
    /// Time after a session's deadline for which its keys are kept.
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
        // 53 bits, which every JSON reader keeps exactly.
        let first = getrandom::u64().expect("the operating system gives random bytes") >> 11;
        // Two thirds for quizzes, one third for states. States are about as large as quizzes, but a state is
        // needed here only while its game is being played.
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
            batches: BatchSizes::default(),
            kept_dead,
        }
    }

    pub(super) fn next_commit(&self) -> u64 {
        self.next_commit.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts one commit.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of commits by this process, including deletions.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// The TTL of a session's keys from `now` on.
    pub(super) fn kept_for(&self, state: &SessionState, now: Timestamp) -> Millis {
        Millis(state.life.deadline().0.since(now).0.saturating_add(self.kept_dead.0))
    }

    /// The TTL of a session's join code from `now` on. It covers the longest possible life of the session,
    /// because later commits don't renew it.
    pub(super) fn code_kept_for(&self, state: &SessionState, now: Timestamp) -> Millis {
        Millis(state.life.latest_end().since(now).0.saturating_add(self.kept_dead.0))
    }

    /// The state that this process committed last for a session, if it is still cached.
    pub(super) fn recent(&self, id: &SessionId) -> Option<StoredState> {
        self.recent.get(id).map(|(held, _)| StoredState::clone(&held))
    }

    /// Caches a state that was just committed. `size` is the size of its record in bytes.
    pub(super) fn remember(&self, id: &SessionId, held: StoredState, size: usize) {
        // A decoded state is estimated to take twice the bytes of its JSON.
        self.recent.insert(id.clone(), (Arc::new(held), 2 * size as u64));
    }

    /// Decodes a state record. If it can't be read, the session is recorded as damaged.
    pub(super) fn decode(&self, id: &SessionId, body: &[u8]) -> StoreResult<StoredState> {
        self.noting(id, record::decode(id, body))
    }

    /// Passes a result through. A `Corrupt` error records the session as damaged.
    pub(super) fn noting<T>(&self, id: &SessionId, read: StoreResult<T>) -> StoreResult<T> {
        if let Err(StoreError::Corrupt { what }) = &read {
            self.damaged.note(id, what);
            self.recent.remove(id);
        }
        read
    }

    /// Passes a result through. A `Corrupt` error records the session as faulty: something other than its
    /// state can't be read or written.
    pub(super) fn noting_fault<T>(&self, id: &SessionId, done: StoreResult<T>) -> StoreResult<T> {
        if let Err(StoreError::Corrupt { what }) = &done {
            self.faulty.note(id, what);
        }
        done
    }

    /// Removes a session from this process's caches and from the deadline index.
    pub(super) fn let_go(&self, id: &SessionId) {
        self.damaged.forget(id);
        self.faulty.forget(id);
        self.quizzes.remove(id);
        self.recent.remove(id);
        self.index.forget(id);
    }
}
