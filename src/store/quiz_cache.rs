//! A cache of decoded quizzes of recently used sessions.
//!
//! A quiz never changes while its session lives. The session's nonce distinguishes it from a later session
//! with the same id.
//!
//! The limit is on real memory. Many games of the same question bank share its questions, so a single quiz
//! has no weight of its own: [`QuizBytes`] counts each question once, as long as at least one cached quiz
//! holds it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{Question, Quiz, SessionId};

/// Bytes of the two reference counts in front of the value in an `Arc`.
const ARC: usize = 2 * size_of::<usize>();

/// Bytes that a hash table needs per entry of type `T`, including one control byte. The factor 3/2 accounts
/// for the unused slots: a table grows by doubling and is three quarters full on average.
const fn entry<T>() -> usize {
    (size_of::<T>() + 1) * 3 / 2
}

/// Weighs a cache entry by the number of bytes that is stored with it.
#[derive(Clone)]
pub(super) struct ByBytes;

impl<K, V> Weighter<K, (V, u64)> for ByBytes {
    fn weight(&self, _: &K, (_, bytes): &(V, u64)) -> u64 {
        // Besides key and value there are the byte count and the cache's own links, which take four words.
        (entry::<(K, V, [u64; 5])>() as u64).saturating_add(*bytes)
    }
}

/// A cache that is limited by bytes. Each value is stored with its size in bytes.
pub(super) type ByteCache<K, V> = Cache<K, (V, u64), ByBytes>;

/// Creates a cache with a limit of `bytes`.
pub(super) fn byte_cache<K: std::hash::Hash + Eq, V: Clone>(bytes: u64) -> ByteCache<K, V> {
    // The number of items is an estimate that only sizes the tables. The byte limit is what counts.
    Cache::with_weighter((bytes / 512) as usize, bytes, ByBytes)
}

/// The bytes that a set of quizzes takes together. A question that several of them share is counted once.
/// Holders outside the cache are ignored, because they may drop the question at any time.
#[derive(Default)]
pub(super) struct QuizBytes {
    /// The counted questions by the address of their `Arc`. The address is unique as long as a cached quiz
    /// holds the question.
    questions: HashMap<usize, Counted, foldhash::fast::RandomState>,
    bytes: usize,
}

struct Counted {
    holders: usize,
    bytes: usize,
}

impl QuizBytes {
    /// Total bytes of all added quizzes.
    pub(super) fn total(&self) -> usize {
        self.bytes
    }

    /// Adds a quiz. The caller must hold it until it calls `remove`, or the questions' addresses could be
    /// reused.
    pub(super) fn add(&mut self, quiz: &Quiz) {
        self.bytes += ARC + quiz.own_weight();
        for question in &quiz.questions {
            let new = || Counted { holders: 0, bytes: weight(question) };
            let counted = self.questions.entry(address(question)).or_insert_with(new);
            counted.holders += 1;
            if counted.holders == 1 {
                self.bytes += counted.bytes;
            }
        }
    }

    /// Subtracts a quiz that was added before.
    pub(super) fn remove(&mut self, quiz: &Quiz) {
        self.bytes -= ARC + quiz.own_weight();
        for question in &quiz.questions {
            let counted = self.questions.get_mut(&address(question)).expect("it was counted when its quiz came");
            counted.holders -= 1;
            if counted.holders == 0 {
                self.bytes -= counted.bytes;
                self.questions.remove(&address(question));
            }
        }
    }

    /// Subtracts all quizzes.
    pub(super) fn clear(&mut self) {
        self.questions.clear();
        self.bytes = 0;
    }
}

fn address(question: &Arc<Question>) -> usize {
    Arc::as_ptr(question).addr()
}

fn weight(question: &Question) -> usize {
    ARC + entry::<(usize, Counted)>() + question.weight()
}

/// Decoded quizzes by session, limited to `most` bytes.
pub(super) struct QuizCache {
    kept: RwLock<Kept>,
    most: usize,
}

/// Number of draws in which a recently used quiz is spared without losing its mark. After that many draws a
/// drawn quiz loses its mark, so that eviction always ends.
const SPARED_FIRST: usize = 64;

/// A 64-bit hash of a session id. If two sessions have the same hash, only one of them is cached, and the
/// nonce tells which.
type Name = u64;

struct CacheSlot {
    name: Name,
    nonce: u64,
    quiz: Arc<Quiz>,
    /// True if the quiz was used since it was inserted, or since an eviction last spared it.
    was_used: AtomicBool,
}

#[derive(Default)]
struct Kept {
    places: HashMap<Name, u32, foldhash::fast::RandomState>,
    slots: Vec<CacheSlot>,
    bytes: QuizBytes,
    random: u64,
}

impl Kept {
    fn weight(&self) -> usize {
        // A hash table takes one more byte per slot and is filled to at most 7/8.
        let places = self.places.capacity() * 8 / 7 * (size_of::<(Name, u32)>() + 1);
        self.bytes.total() + places + self.slots.capacity() * size_of::<CacheSlot>()
    }

    fn put(&mut self, slot: CacheSlot) {
        self.bytes.add(&slot.quiz);
        self.places.insert(slot.name, self.slots.len() as u32);
        self.slots.push(slot);
    }

    fn take(&mut self, name: Name) -> Option<CacheSlot> {
        let place = self.places.remove(&name)? as usize;
        let slot = self.slots.swap_remove(place);
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.name, place as u32);
        }
        self.bytes.remove(&slot.quiz);
        Some(slot)
    }

    /// Evicts a random quiz that was not used recently. Eviction in insertion order would be worse: if
    /// slightly more games than fit are played in turn, none of them would find its quiz.
    ///
    /// A spared quiz keeps its mark during the first [`SPARED_FIRST`] draws, so that a recently used quiz is
    /// not evicted when one insert has to evict many.
    fn take_any(&mut self, spared: &mut Vec<Name>) -> Option<CacheSlot> {
        for draw in 0.. {
            if self.slots.is_empty() {
                break;
            }
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let slot = &self.slots[(self.random >> 33) as usize % self.slots.len()];
            if !slot.was_used.load(Ordering::Relaxed) {
                return self.take(slot.name);
            }
            if draw < SPARED_FIRST {
                spared.push(slot.name);
            } else {
                slot.was_used.store(false, Ordering::Relaxed);
            }
        }
        None
    }

    /// Clears the mark of these spared quizzes. The next eviction takes them unless they were used again.
    fn spare_no_more(&self, spared: &[Name]) {
        for place in spared.iter().filter_map(|name| self.places.get(name)) {
            self.slots[*place as usize].was_used.store(false, Ordering::Relaxed);
        }
    }
}

impl QuizCache {
    /// Creates a cache with a limit of `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        Self { kept: RwLock::default(), most: usize::try_from(bytes).unwrap_or(usize::MAX) }
    }

    /// True if the cache probably has the quiz of this session. It compares no nonce, so the quiz may be that
    /// of another session.
    pub(super) fn knows(&self, id: &SessionId) -> bool {
        self.kept.read().places.contains_key(&name(id))
    }

    pub(super) fn get(&self, id: &SessionId, nonce: u64) -> Option<Arc<Quiz>> {
        let kept = self.kept.read();
        let slot = &kept.slots[*kept.places.get(&name(id))? as usize];
        if slot.nonce != nonce {
            return None;
        }
        slot.was_used.store(true, Ordering::Relaxed);
        Some(slot.quiz.clone())
    }

    pub(super) fn insert(&self, id: &SessionId, nonce: u64, quiz: &Arc<Quiz>) {
        let slot = CacheSlot { name: name(id), nonce, quiz: quiz.clone(), was_used: AtomicBool::new(false) };
        let mut gone = Vec::new();
        let mut kept = self.kept.write();
        gone.extend(kept.take(slot.name));
        kept.put(slot);
        let mut spared = Vec::new();
        while kept.weight() > self.most {
            let Some(slot) = kept.take_any(&mut spared) else { break };
            gone.push(slot);
        }
        kept.spare_no_more(&spared);
        drop(kept);
        // Free the evicted quizzes after the lock is released, so that nobody waits for that.
        drop(gone);
    }

    pub(super) fn remove(&self, id: &SessionId) {
        let gone = self.kept.write().take(name(id));
        drop(gone);
    }
}

fn name(id: &SessionId) -> Name {
    let (uuid, _) = id.as_bytes().split_first_chunk::<16>().expect("an id begins with a UUID");
    let uuid = u128::from_be_bytes(*uuid);
    // Mix both halves, because the time and the random part may be alike in tests.
    ((uuid >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ uuid as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::format;

    const MANY: u64 = 4_000;

    fn session(n: u64) -> SessionId {
        let mut chance = [0; 10];
        chance[..8].copy_from_slice(&n.to_be_bytes());
        SessionId::generate(n / 7, &chance)
    }

    /// A quiz of three questions that no other quiz shares, with more than 3,000 bytes.
    fn own(n: u64) -> Quiz {
        let mut quiz = format::tests::quiz();
        for question in &mut quiz.questions {
            Arc::make_mut(question).explanation = Some(format!("{n:>1000}"));
        }
        quiz
    }

    /// Bytes of text that the cached quizzes hold: a lower bound of the real memory.
    fn texts_of(cache: &QuizCache, sessions: u64) -> usize {
        let quizzes = (0..sessions).filter_map(|n| cache.get(&session(n), 1));
        let questions = quizzes.flat_map(|quiz| quiz.questions.clone());
        let held: HashMap<_, _> = questions.map(|question| (address(&question), question)).collect();
        held.values().map(|question| question.explanation.as_ref().map_or(0, String::len)).sum()
    }

    #[test]
    fn a_question_weighs_what_it_is_whoever_else_held_it_when_it_came() {
        const BOUND: usize = 1 << 20;
        let cache = QuizCache::new(BOUND as u64);
        for n in 0..MANY {
            let quiz = own(n);
            // Like a request that keeps a copy for the fallback store until its game has begun.
            let spare = quiz.clone();
            cache.insert(&session(n), 1, &Arc::new(quiz));
            drop(spare);
        }
        let texts = texts_of(&cache, MANY);
        assert!(texts <= BOUND, "{texts} bytes of text are held");
        assert!(texts > BOUND / 2, "only {texts} bytes of text are held");
    }

    #[test]
    fn games_of_one_bank_weigh_little_more_than_it_does() {
        let cache = QuizCache::new(1 << 20);
        let bank = own(0);
        for n in 0..2_000 {
            cache.insert(&session(n), 1, &Arc::new(bank.clone()));
        }
        assert!((0..2_000).all(|n| cache.get(&session(n), 1).is_some()));
    }

    #[test]
    fn a_hundred_thousand_games_of_ten_questions_of_a_bank_fit_the_servers_bound() {
        let cache = QuizCache::new(35 << 20);
        let mut bank = own(0);
        bank.questions = (0..10).map(|n| bank.questions[n % 3].clone()).collect();
        for n in 0..100_000 {
            cache.insert(&session(n), 1, &Arc::new(bank.clone()));
        }
        assert_eq!(cache.kept.read().slots.len(), 100_000);
    }

    #[test]
    fn a_question_is_counted_until_its_last_holder_is_gone() {
        let (cache, bank) = (QuizCache::new(1 << 20), own(0));
        cache.insert(&session(1), 1, &Arc::new(bank.clone()));
        let weight = || cache.kept.read().bytes.total();
        let one = weight();
        cache.insert(&session(2), 1, &Arc::new(bank));
        assert!(weight() < one + one / 2);
        cache.remove(&session(1));
        assert_eq!(weight(), one);
        cache.insert(&session(2), 2, &Arc::new(own(2)));
        assert_eq!(cache.kept.read().bytes.questions.len(), 3, "the old ones are gone");
        cache.remove(&session(2));
        assert_eq!(weight(), 0);
    }

    #[test]
    fn what_is_used_stays() {
        let cache = QuizCache::new(1 << 20);
        for n in 0..MANY {
            cache.insert(&session(n), 1, &Arc::new(own(n)));
            assert!(cache.get(&session(0), 1).is_some() || n == 0, "gone after {n}");
        }
    }

    #[test]
    fn some_of_more_games_than_fit_are_found_when_they_are_played_in_turn() {
        let cache = QuizCache::new(1 << 20);
        let (mut found, games) = (0, 300);
        for n in (0..games).chain(0..games).chain(0..games) {
            match cache.get(&session(n), 1) {
                Some(_) => found += 1,
                None => cache.insert(&session(n), 1, &Arc::new(own(n))),
            }
        }
        assert!(found > games / 4, "{found} of {}", 2 * games);
    }
}
