//! Decoded quizzes of the sessions that were used last. A quiz never changes while its session
//! lives; the session's nonce tells a later session of the same id from it.
//!
//! The bound is one of real memory. Many games of a bank share its questions, so a quiz alone has no
//! weight: [`QuizBytes`] counts each question once, from its first holder here to its last.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{Question, Quiz, SessionId};

/// What counts and holders take in front of what an `Arc` holds.
const ARC: usize = 2 * size_of::<usize>();

/// What a table of such entries takes for each: it grows by doubling, and is three quarters full.
const fn entry<T>() -> usize {
    (size_of::<T>() + 1) * 3 / 2
}

/// Weighs cached things by the bytes that they came with.
#[derive(Clone)]
pub(super) struct ByBytes;

impl<K, V> Weighter<K, (V, u64)> for ByBytes {
    fn weight(&self, _: &K, (_, bytes): &(V, u64)) -> u64 {
        // The cache's own links beside key and value are as large as four words.
        (entry::<(K, V, [u64; 5])>() as u64).saturating_add(*bytes)
    }
}

/// A cache of so many bytes.
pub(super) type ByteCache<K, V> = Cache<K, (V, u64), ByBytes>;

/// Makes a cache of so many bytes.
pub(super) fn byte_cache<K: std::hash::Hash + Eq, V: Clone>(bytes: u64) -> ByteCache<K, V> {
    // A guess by which the cache lays out its tables; the bytes are what counts.
    Cache::with_weighter((bytes / 512) as usize, bytes, ByBytes)
}

/// How many bytes some quizzes take together, each question counted once however many of them share
/// it. Who else holds it doesn't matter: they may let go of it.
#[derive(Default)]
pub(super) struct QuizBytes {
    /// By their address, which is theirs alone as long as a quiz here holds them.
    questions: HashMap<usize, Counted, foldhash::fast::RandomState>,
    bytes: usize,
}

struct Counted {
    holders: usize,
    bytes: usize,
}

impl QuizBytes {
    /// What they take.
    pub(super) fn total(&self) -> usize {
        self.bytes
    }

    /// Counts a quiz, which is to be held until it is removed.
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

    /// Counts a quiz no more.
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

    /// Counts none of them any more.
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

/// Quizzes by their sessions.
pub(super) struct QuizCache {
    kept: RwLock<Kept>,
    most: usize,
}

/// How many draws spare those that were used, before any is taken.
const SPARED_FIRST: usize = 64;

/// A session for short. Should two have the same, their nonces differ, and only one is kept.
type Name = u64;

struct CacheSlot {
    name: Name,
    nonce: u64,
    quiz: Arc<Quiz>,
    /// Whether it was used since it came, or since it was last spared.
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
        // A table has a byte more for each place, and is at most seven eighths full.
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

    /// Takes one at random that was not used lately. (In the order in which they came, those who play
    /// a little more games than fit, one after the other, would find none of them.)
    /// One that is spared is spared as long as others can be found: what was used just now is not drawn twice
    /// where much has to go at once.
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

    /// These were spared once: the next time they are not, unless they are used again.
    fn spare_no_more(&self, spared: &[Name]) {
        for place in spared.iter().filter_map(|name| self.places.get(name)) {
            self.slots[*place as usize].was_used.store(false, Ordering::Relaxed);
        }
    }
}

impl QuizCache {
    /// A cache of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        Self { kept: RwLock::default(), most: usize::try_from(bytes).unwrap_or(usize::MAX) }
    }

    /// Whether a session of this id has its quiz here; a guess, as far as nonces go.
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
        // Their texts are freed here, where nobody waits for the lock.
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
    // Mixed, for time and chance may be alike in tests.
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

    /// A quiz of three questions that no other has, of more than 3,000 bytes.
    fn own(n: u64) -> Quiz {
        let mut quiz = format::tests::quiz();
        for question in &mut quiz.questions {
            Arc::make_mut(question).explanation = Some(format!("{n:>1000}"));
        }
        quiz
    }

    /// The texts that quizzes in the cache hold, at the least that memory can be.
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
            // A request keeps a copy for the fallback until its game has begun.
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
