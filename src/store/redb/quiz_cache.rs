//! Decoded quizzes of the sessions that were used last. A quiz never changes while its session
//! lives; the session's nonce tells a later session of the same id from it.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{Quiz, SessionId};

#[derive(Clone)]
struct ByBytes;

impl Weighter<SessionId, (u64, Arc<Quiz>)> for ByBytes {
    fn weight(&self, _: &SessionId, (_, quiz): &(u64, Arc<Quiz>)) -> u64 {
        quiz.weight() as u64
    }
}

pub(super) struct QuizCache {
    cache: Cache<SessionId, (u64, Arc<Quiz>), ByBytes>,
}

impl QuizCache {
    pub(super) fn new(bytes: u64) -> Self {
        const USUAL: u64 = 4 * 1024;
        Self { cache: Cache::with_weighter((bytes / USUAL) as usize, bytes, ByBytes) }
    }

    pub(super) fn get(&self, id: &SessionId, nonce: u64) -> Option<Arc<Quiz>> {
        self.cache.get(id).filter(|(of, _)| *of == nonce).map(|(_, quiz)| quiz)
    }

    /// Whether a session of this id has its quiz here; a guess, as far as nonces go.
    pub(super) fn knows(&self, id: &SessionId) -> bool {
        self.cache.peek(id).is_some()
    }

    pub(super) fn insert(&self, id: &SessionId, nonce: u64, quiz: &Arc<Quiz>) {
        self.cache.insert(id.clone(), (nonce, quiz.clone()));
    }

    pub(super) fn remove(&self, id: &SessionId) {
        self.cache.remove(id);
    }
}
