//! Quizzes in the file.
//!
//! A quiz's record holds a record of each question, so that a question which many games share is
//! known by its bytes and decoded once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::{Question, Quiz, QuizId, SessionId};
use crate::store::error::StoreResult;
use crate::store::format;
use crate::store::quiz_cache::{ByteCache, QuizCache, byte_cache};

/// A quiz as the file keeps it: `Q` is a question's record.
#[derive(Serialize, Deserialize)]
struct Record<Q> {
    id: QuizId,
    scoring: Scoring,
    progression: ProgressionRule,
    questions: Vec<Q>,
}

/// The bytes of a quiz's record.
pub(super) fn encode(quiz: &Quiz) -> StoreResult<Vec<u8>> {
    let question = |question: &Arc<Question>| format::encode(&**question).map(ByteBuf::from);
    let questions = quiz.questions.iter().map(question).collect::<StoreResult<Vec<_>>>()?;
    let (scoring, progression) = (quiz.scoring.clone(), quiz.progression.clone());
    format::encode(&Record { id: quiz.id.clone(), scoring, progression, questions })
}

/// Reads quizzes, and keeps what it has read.
pub(super) struct QuizReader {
    /// Whole quizzes.
    pub(super) cache: QuizCache,
    /// The questions met last, by the hash of their record.
    questions: ByteCache<[u8; 16], Arc<Question>>,
}

impl QuizReader {
    /// One that keeps so many bytes: an eighth for questions, the rest for quizzes.
    pub(super) fn new(bytes: u64) -> Self {
        Self { cache: QuizCache::new(bytes - bytes / 8), questions: byte_cache(bytes / 8) }
    }

    /// Decodes a session's quiz, and keeps it. Questions met before are not decoded again.
    pub(super) fn decode(
        &self,
        id: &SessionId,
        nonce: u64,
        bytes: &[u8],
        what: impl Fn() -> String,
    ) -> StoreResult<Arc<Quiz>> {
        let record: Record<&Bytes> = format::decode_borrowed(bytes, &what)?;
        let mut new = Vec::new();
        let mut question = |bytes: &&Bytes| -> StoreResult<Arc<Question>> {
            let name = name_of(bytes);
            if let Some((known, _)) = self.questions.get(&name) {
                return Ok(known);
            }
            let question: Arc<Question> = Arc::new(format::decode(bytes, &what)?);
            new.push((name, question.clone()));
            Ok(question)
        };
        let questions = record.questions.iter().map(&mut question).collect::<StoreResult<_>>()?;
        let Record { id: quiz_id, scoring, progression, .. } = record;
        let quiz = Arc::new(Quiz { id: quiz_id, scoring, progression, questions });
        self.cache.insert(id, nonce, &quiz);
        for (name, question) in new {
            let bytes = question.weight() as u64;
            self.questions.insert(name, (question, bytes));
        }
        Ok(quiz)
    }
}

/// A question's name is the hash of its record.
fn name_of(record: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&blake3::hash(record).as_bytes()[..16]);
    name
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

    #[test]
    fn a_quiz_comes_back_as_it_was_stored() {
        let reader = QuizReader::new(1 << 20);
        let stored = quiz(0..10);
        let bytes = encode(&stored).expect("it is encoded");
        let decoded = reader.decode(&session(1), 7, &bytes, || "a quiz".to_owned()).expect("it is decoded");
        assert_eq!(*decoded, stored);
        assert!(reader.cache.get(&session(1), 7).is_some());
        assert!(reader.cache.get(&session(1), 8).is_none(), "a later session of that id has another quiz");
    }

    #[test]
    fn the_bytes_of_a_quiz_are_pinned() {
        let stored = format::tests::quiz_of_kinds();
        let golden = format::tests::pinned_bytes("quiz.bin", &encode(&stored).expect("it is encoded"));
        let read = QuizReader::new(1 << 20).decode(&session(1), 1, &golden, || "a quiz".to_owned());
        assert_eq!(*read.expect("what is on disk can be read"), stored);
    }

    #[test]
    fn a_question_of_two_games_is_decoded_once() {
        let reader = QuizReader::new(1 << 20);
        let decode = |n, numbers| {
            let bytes = encode(&quiz(numbers)).expect("it is encoded");
            reader.decode(&session(n), n, &bytes, || "a quiz".to_owned()).expect("it is decoded")
        };
        let (first, second) = (decode(1, 0..10), decode(2, 5..15));
        assert!(Arc::ptr_eq(&first.questions[5], &second.questions[0]));
    }

    #[test]
    fn damage_in_a_question_is_met_and_named() {
        let reader = QuizReader::new(1 << 20);
        let mut bytes = encode(&quiz(0..3)).expect("it is encoded");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = reader.decode(&session(1), 1, &bytes, || "a quiz".to_owned()).expect_err("it is damaged");
        assert!(error.to_string().contains("a quiz"), "{error}");
    }
}
