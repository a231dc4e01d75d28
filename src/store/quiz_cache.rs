//! Decoded quizzes of the sessions that were used last. A quiz never changes while its session
//! lives; the session's nonce tells a later session of the same id from it.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{Quiz, SessionId};

/// Cached things with their weights in bytes, noted when they came: sharing changes later.
#[derive(Clone)]
pub(super) struct ByBytes;

impl<K, V> Weighter<K, (V, u64)> for ByBytes {
    fn weight(&self, _: &K, (_, bytes): &(V, u64)) -> u64 {
        *bytes
    }
}

/// A cache of so many bytes.
pub(super) type ByteCache<K, V> = Cache<K, (V, u64), ByBytes>;

/// Makes a cache of so many bytes.
pub(super) fn byte_cache<K: std::hash::Hash + Eq, V: Clone>(bytes: u64) -> ByteCache<K, V> {
    // A guess by which the cache lays out its tables; the bytes are what counts.
    Cache::with_weighter((bytes / 512) as usize, bytes, ByBytes)
}

/// Quizzes by their sessions.
pub(super) struct QuizCache(ByteCache<SessionId, (u64, Arc<Quiz>)>);

impl QuizCache {
    /// A cache of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Self(byte_cache(bytes))
    }

    /// Whether a session of this id has its quiz here; a guess, as far as nonces go.
    pub(super) fn knows(&self, id: &SessionId) -> bool {
        self.0.peek(id).is_some()
    }

    pub(super) fn get(&self, id: &SessionId, nonce: u64) -> Option<Arc<Quiz>> {
        let ((of, quiz), _) = self.0.get(id)?;
        (of == nonce).then_some(quiz)
    }

    /// Keeps a quiz; `extra` bytes are its own beside what it seems to weigh.
    pub(super) fn insert(&self, id: &SessionId, nonce: u64, quiz: &Arc<Quiz>, extra: u64) {
        self.0.insert(id.clone(), ((nonce, quiz.clone()), quiz.weight() as u64 + extra));
    }

    pub(super) fn remove(&self, id: &SessionId) {
        self.0.remove(id);
    }
}
