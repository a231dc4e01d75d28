//! Quizzes and their questions in the file.
//!
//! A question row is stored once, under the hash of its content, however many games use it. The record of a
//! quiz names its rows. A question of a bank has a row of its own, because each game draws its own questions
//! from the bank. Questions that a caller brings for one game come together, and share one row. The order of
//! the questions and of their options is stored in the quiz record, so the rows are the same for every order.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use super::row_changes::QuestionRow;
use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::{Question, Quiz, QuizId, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;
use crate::store::quiz_cache::{ByteCache, QuizCache, byte_cache};

/// The name of a question row: the first 16 bytes of the BLAKE3 hash of its record.
pub(super) type QuestionName = [u8; 16];

/// A quiz as it is stored in the file.
#[derive(Serialize, Deserialize)]
struct QuizRecord {
    id: QuizId,
    scoring: Scoring,
    progression: ProgressionRule,
    /// The question rows that contain its questions.
    rows: Vec<QuestionName>,
    /// Its questions in their order.
    questions: Vec<Placed>,
}

/// Where a question of a quiz is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Placed {
    /// The index of its row in the `rows` of the quiz record.
    row: u16,
    /// Its position within the row.
    place: u16,
    /// The options in their order, each as its position among the options sorted by id. `None` if the row has
    /// them in this order.
    order: Option<Vec<u8>>,
}

/// The record of a question row, with its name.
#[derive(Debug, Clone)]
pub(super) struct NamedRecord {
    pub(super) name: QuestionName,
    pub(super) record: Vec<u8>,
}

impl NamedRecord {
    /// The row that consists of these encoded questions.
    fn of(questions: &[ByteBuf]) -> StoreResult<Self> {
        let record = format::encode(&questions)?;
        let mut name = [0; 16];
        name.copy_from_slice(&blake3::hash(&record).as_bytes()[..16]);
        Ok(Self { name, record })
    }
}

/// Encodes a question with its options sorted by id. Also returns the order that they had; `None` if they
/// were not moved.
fn in_order(question: &Question) -> StoreResult<(ByteBuf, Option<Vec<u8>>)> {
    let options = &question.options;
    // A position takes one byte, so a question with more options is stored as it is.
    if options.is_sorted_by_key(|option| option.id) || options.len() > usize::from(u8::MAX) {
        return Ok((format::encode(question)?.into(), None));
    }
    let mut sorted = question.clone();
    sorted.options.sort_by_key(|option| option.id);
    let place = |id| sorted.options.iter().position(|option| option.id == id).unwrap_or_default() as u8;
    let order = options.iter().map(|option| place(option.id)).collect();
    Ok((format::encode(&sorted)?.into(), Some(order)))
}

/// The question with its options in this order; `None` if the order does not fit its options.
fn reordered(question: &Arc<Question>, order: &[u8]) -> Option<Arc<Question>> {
    let mut options = Vec::with_capacity(order.len());
    for place in order {
        options.push(question.options.get(usize::from(*place))?.clone());
    }
    let is_whole = options.len() == question.options.len();
    is_whole.then(|| Arc::new(Question { options, ..Question::clone(question) }))
}

/// Encodes and decodes quizzes, with caches of what was encoded or decoded last.
pub(super) struct QuizReader {
    /// Decoded quizzes by session and nonce.
    pub(super) cache: QuizCache,
    /// Decoded question rows that were read last.
    rows: ByteCache<QuestionName, Questions>,
    /// The names of bank questions that were stored last, by the address of the question. No other question
    /// can get that address while the cache holds this one.
    names: ByteCache<usize, (Arc<Question>, QuestionName)>,
    /// Until when question rows that new sessions used lately are kept at least. The file may keep one for
    /// longer.
    ends: ByteCache<QuestionName, Timestamp>,
    /// Question rows that could not be read. The next new game that uses one stores it again.
    damaged: Mutex<HashSet<QuestionName>>,
}

impl QuizReader {
    /// Makes the caches with `bytes` bytes in all: a quarter for questions, their names and ends, the rest
    /// for quizzes.
    pub(super) fn new(bytes: u64) -> Self {
        let part = bytes / 16;
        let cache = QuizCache::new(bytes - 4 * part);
        let (rows, names, ends) = (byte_cache(2 * part), byte_cache(part), byte_cache(part));
        Self { cache, rows, names, ends, damaged: Mutex::default() }
    }

    /// Notes that a question row could not be read.
    pub(super) fn note_damaged(&self, name: &QuestionName) {
        self.damaged.lock().insert(*name);
    }

    /// Whether a question row could not be read and was not stored again since.
    pub(super) fn is_damaged(&self, name: &QuestionName) -> bool {
        self.damaged.lock().contains(name)
    }

    /// Notes that a question row is stored again.
    pub(super) fn forget_damaged(&self, name: &QuestionName) {
        self.damaged.lock().remove(name);
    }

    /// Until when a question row is kept at least; `None` if that was not noted.
    pub(super) fn known_end(&self, name: &QuestionName) -> Option<Timestamp> {
        self.ends.get(name).map(|(end, _)| end)
    }

    /// Notes until when a question row is kept.
    pub(super) fn note_end(&self, name: &QuestionName, end: Timestamp) {
        self.ends.insert(*name, (end, 0));
    }

    /// Encodes a quiz as a record. `is_stored` tells whether the file has a row. Rows that it does not have
    /// are given to `put`.
    pub(super) fn encode(
        &self,
        quiz: &Quiz,
        is_stored: impl Fn(&QuestionName) -> StoreResult<bool>,
        put: impl FnMut(NamedRecord),
    ) -> StoreResult<Vec<u8>> {
        let (rows, questions) =
            if quiz.is_own() { together(quiz, is_stored, put)? } else { self.apart(quiz, is_stored, put)? };
        let (scoring, progression) = (quiz.scoring.clone(), quiz.progression.clone());
        format::encode(&QuizRecord { id: quiz.id.clone(), scoring, progression, rows, questions })
    }

    /// Puts each question in a row of its own.
    fn apart(
        &self,
        quiz: &Quiz,
        is_stored: impl Fn(&QuestionName) -> StoreResult<bool>,
        mut put: impl FnMut(NamedRecord),
    ) -> StoreResult<(Vec<QuestionName>, Vec<Placed>)> {
        let mut rows = Vec::with_capacity(quiz.questions.len());
        let mut place = |question: &Arc<Question>| -> StoreResult<Placed> {
            let row = rows.len() as u16;
            let address = Arc::as_ptr(question).addr();
            if let Some(((_, name), _)) = self.names.get(&address)
                && is_stored(&name)?
            {
                rows.push(name);
                return Ok(Placed { row, place: 0, order: None });
            }
            let (record, order) = in_order(question)?;
            let named = NamedRecord::of(&[record])?;
            if order.is_none() {
                self.names.insert(address, ((question.clone(), named.name), question.weight() as u64));
            }
            rows.push(named.name);
            if !is_stored(&named.name)? {
                put(named);
            }
            Ok(Placed { row, place: 0, order })
        };
        let questions = quiz.questions.iter().map(&mut place).collect::<StoreResult<_>>()?;
        Ok((rows, questions))
    }

    /// Decodes a session's quiz, and puts it in the cache. `read` reads the questions of a row; it is not
    /// called for rows in the cache.
    pub(super) fn decode(
        &self,
        id: &SessionId,
        nonce: u64,
        bytes: &[u8],
        read: impl Fn(&QuestionName) -> StoreResult<Questions>,
    ) -> StoreResult<Arc<Quiz>> {
        let what = || format!("quiz of {id:?}");
        let record: QuizRecord = format::decode(bytes, what)?;
        let row = |name: &QuestionName| -> StoreResult<Questions> {
            if let Some((known, _)) = self.rows.get(name) {
                return Ok(known);
            }
            let row = read(name)?;
            let bytes = row.iter().map(|question| question.weight() as u64).sum();
            self.rows.insert(*name, (row.clone(), bytes));
            Ok(row)
        };
        let rows = record.rows.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
        let question = |Placed { row, place, order }: &Placed| {
            let question = rows.get(usize::from(*row))?.get(usize::from(*place))?;
            match order {
                Some(order) => reordered(question, order),
                None => Some(question.clone()),
            }
        };
        let misfit = || StoreError::Corrupt { what: format!("{}: it does not fit its questions", what()) };
        let questions = record.questions.iter().map(question).collect::<Option<_>>().ok_or_else(misfit)?;
        let QuizRecord { id: quiz_id, scoring, progression, .. } = record;
        let quiz = Arc::new(Quiz { id: quiz_id, scoring, progression, questions });
        self.cache.insert(id, nonce, &quiz);
        Ok(quiz)
    }
}

/// The decoded questions of a row, in their stored order.
pub(super) type Questions = Arc<Vec<Arc<Question>>>;

/// Puts all questions in one row, sorted by their encoded bytes and without duplicates.
fn together(
    quiz: &Quiz,
    is_stored: impl Fn(&QuestionName) -> StoreResult<bool>,
    mut put: impl FnMut(NamedRecord),
) -> StoreResult<(Vec<QuestionName>, Vec<Placed>)> {
    let questions = quiz.questions.iter().map(|question| in_order(question)).collect::<StoreResult<Vec<_>>>()?;
    let mut records: Vec<_> = questions.iter().map(|(record, _)| record.clone()).collect();
    records.sort_unstable();
    records.dedup();
    let place = |(record, order): (ByteBuf, Option<Vec<u8>>)| {
        let place = records.binary_search(&record).unwrap_or_default() as u16;
        Placed { row: 0, place, order }
    };
    let placed = questions.into_iter().map(place).collect();
    let named = NamedRecord::of(&records)?;
    let name = named.name;
    if !is_stored(&name)? {
        put(named);
    }
    Ok((vec![name], placed))
}

/// Bytes of the keep-until time in front of a question row's record: milliseconds, little-endian.
const UNTIL: usize = size_of::<u64>();

/// Encodes a question row as redb stores it: the keep-until time, and then the record.
pub(super) fn question_record(row: &QuestionRow) -> Vec<u8> {
    [&row.until.as_millis().to_le_bytes(), &*row.record].concat()
}

/// Decodes a question row as redb stores it.
pub(super) fn question_row(name: &QuestionName, row: &[u8]) -> StoreResult<QuestionRow> {
    let what = || StoreError::Corrupt { what: format!("{}: too short", question_what(name)) };
    let (until, record) = row.split_first_chunk::<UNTIL>().ok_or_else(what)?;
    Ok(QuestionRow { until: Timestamp::from_millis(u64::from_le_bytes(*until)), record: record.into() })
}

/// The names of the question rows in a quiz record, which may be empty; `what` names the record in errors.
pub(super) fn names(record: &[u8], what: impl Fn() -> String) -> StoreResult<Vec<QuestionName>> {
    if record.is_empty() {
        return Ok(Vec::new());
    }
    let record: QuizRecord = format::decode(record, what)?;
    Ok(record.rows)
}

/// Checks that the record of a quiz can be read and fits its questions, and returns the names of their rows.
/// `options` gives for each question of a row how many options it has; `None` if there is no such row.
pub(super) fn check_record<'q>(
    record: &[u8],
    what: impl Fn() -> String,
    options: impl Fn(&QuestionName) -> Option<&'q [u16]>,
) -> StoreResult<Vec<QuestionName>> {
    let QuizRecord { rows, questions, .. } = format::decode(record, &what)?;
    let row = |name: &QuestionName| options(name).ok_or_else(|| missing_question(name));
    let known = rows.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
    let fits = |Placed { row, place, order }: &Placed| {
        let options = known.get(usize::from(*row)).and_then(|row| row.get(usize::from(*place)));
        let is_within = |order: &Vec<u8>, count: u16| {
            order.len() == usize::from(count) && order.iter().all(|place| u16::from(*place) < count)
        };
        options.is_some_and(|count| order.as_ref().is_none_or(|order| is_within(order, *count)))
    };
    if questions.iter().all(fits) {
        Ok(rows)
    } else {
        Err(StoreError::Corrupt { what: format!("{}: it does not fit its questions", what()) })
    }
}

/// Whether a question row has this name: the name is made from the record.
pub(super) fn is_named(name: &QuestionName, record: &[u8]) -> bool {
    blake3::hash(record).as_bytes()[..16] == name[..]
}

/// The text that names a question row in errors: the beginning of its name, so that two errors can be told apart.
pub(super) fn question_what(name: &QuestionName) -> String {
    format!("its question row {:08x}", u128::from_be_bytes(*name) >> 96)
}

/// Decodes the record of a question row.
pub(super) fn decode_questions(name: &QuestionName, record: &[u8]) -> StoreResult<Questions> {
    let what = || question_what(name);
    let records: Vec<&Bytes> = format::decode_borrowed(record, what)?;
    let questions = records.iter().map(|record| format::decode(record, what).map(Arc::new));
    questions.collect::<StoreResult<_>>().map(Arc::new)
}

/// The error for a quiz that names a question row that is missing.
pub(super) fn missing_question(name: &QuestionName) -> StoreError {
    StoreError::Corrupt { what: format!("{}: missing", question_what(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AnswerKey, Choice, ChoiceKey, OptionId, QuestionId};

    fn question(n: u64) -> Arc<Question> {
        let option = |id| Choice { id: OptionId::try_from(id).expect("small"), text: Some(format!("{id} of {n}")) };
        Arc::new(Question {
            id: QuestionId::try_from(format!("q{n}")).expect("short"),
            text: Some(format!("What is {n}?")),
            category: None,
            difficulty: None,
            image: None,
            alt: None,
            time_limit: None,
            options: (1..=4).map(option).collect(),
            key: AnswerKey::Choice(ChoiceKey(OptionId::try_from(1).expect("small"))),
            points: 1.into(),
            no_speed_bonus: false,
            explanation: None,
        })
    }

    fn quiz(numbers: std::ops::Range<u64>) -> Quiz {
        let questions = numbers.map(question).collect();
        let id = "a-quiz".parse().expect("a name");
        Quiz { id, scoring: Scoring::default(), progression: ProgressionRule::default(), questions }
    }

    fn session(n: u64) -> SessionId {
        SessionId::generate(n, &[0; 10])
    }

    /// The question rows of a file, by name.
    type Stored = std::cell::RefCell<std::collections::BTreeMap<QuestionName, Vec<u8>>>;

    fn encode(reader: &QuizReader, quiz: &Quiz, stored: &Stored) -> Vec<u8> {
        let is_stored = |name: &QuestionName| Ok(stored.borrow().contains_key(name));
        let put = |named: NamedRecord| drop(stored.borrow_mut().insert(named.name, named.record));
        reader.encode(quiz, is_stored, put).expect("it is encoded")
    }

    fn decode(reader: &QuizReader, n: u64, bytes: &[u8], stored: &Stored) -> StoreResult<Arc<Quiz>> {
        reader.decode(&session(n), n, bytes, |name| {
            let stored = stored.borrow();
            decode_questions(name, stored.get(name).ok_or_else(|| missing_question(name))?)
        })
    }

    #[test]
    fn a_quiz_comes_back_as_it_was_stored() {
        let (reader, questions) = (QuizReader::new(1 << 20), Stored::default());
        let stored = quiz(0..10);
        let bytes = encode(&reader, &stored, &questions);
        assert!(bytes.len() < 400, "{} bytes", bytes.len());
        assert_eq!(*decode(&reader, 7, &bytes, &questions).expect("it is decoded"), stored);
        assert!(reader.cache.get(&session(7), 7).is_some());
        assert!(reader.cache.get(&session(7), 8).is_none(), "a later session of that id has another quiz");
    }

    #[test]
    fn the_bytes_of_a_quiz_are_pinned() {
        let (reader, questions) = (QuizReader::new(1 << 20), Stored::default());
        let stored = format::tests::quiz_of_kinds();
        let golden = format::tests::pinned_bytes("quiz.bin", &encode(&reader, &stored, &questions));
        assert_eq!(*decode(&reader, 1, &golden, &questions).expect("what is on disk can be read"), stored);
    }

    #[test]
    fn a_question_of_two_games_is_stored_and_read_once() {
        let (reader, questions) = (QuizReader::new(1 << 20), Stored::default());
        let both = [encode(&reader, &quiz(0..10), &questions), encode(&reader, &quiz(5..15), &questions)];
        assert_eq!(questions.borrow().len(), 15);
        let reader = QuizReader::new(1 << 20);
        let [first, second] = [0, 1].map(|n| decode(&reader, n as u64, &both[n], &questions).expect("it is decoded"));
        assert!(Arc::ptr_eq(&first.questions[5], &second.questions[0]));
    }

    #[test]
    fn the_order_of_questions_and_options_is_the_games_own() {
        for (id, rows) in [("a-quiz", 3), (Quiz::OWN, 1)] {
            let (reader, questions) = (QuizReader::new(1 << 20), Stored::default());
            let plain = Quiz { id: id.parse().expect("a name"), ..quiz(0..3) };
            let mut shuffled = plain.clone();
            shuffled.questions.rotate_left(1);
            shuffled.questions.iter_mut().for_each(|question| Arc::make_mut(question).options.rotate_left(1));
            let bytes = [&plain, &shuffled].map(|quiz| encode(&reader, quiz, &questions));
            assert_eq!(questions.borrow().len(), rows, "they are the same questions");
            for (n, quiz) in [plain, shuffled].iter().enumerate() {
                assert_eq!(*decode(&reader, n as u64, &bytes[n], &questions).expect("it is decoded"), *quiz);
            }
        }
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let (reader, questions) = (QuizReader::new(0), Stored::default());
        let mut bytes = encode(&reader, &quiz(0..3), &questions);
        let nothing = decode(&reader, 1, &bytes, &Stored::default()).expect_err("it is missing");
        assert!(nothing.to_string().contains("question"), "{nothing}");
        questions.borrow_mut().values_mut().for_each(|record| record[9] ^= 1);
        let damaged = decode(&reader, 1, &bytes, &questions).expect_err("it is damaged");
        assert!(damaged.to_string().contains("question"), "{damaged}");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let damaged = decode(&reader, 1, &bytes, &questions).expect_err("it is damaged");
        assert!(damaged.to_string().contains("quiz of"), "{damaged}");
    }
}
