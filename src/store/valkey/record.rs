//! A session's state as Valkey keeps it: JSON whose first field is the version that every step
//! compares.

use serde::{Deserialize, Serialize};

use super::super::error::{StoreError, StoreResult};
use crate::domain::{GameSession, Quiz, SessionId, SessionState};

/// The format that this release writes and the newest that it reads.
const FORMAT: u32 = 1;

/// A state as it is written.
#[derive(Serialize, Deserialize)]
struct Record<S> {
    /// Goes up with every commit. The scripts look for it where it stands: first.
    version: u64,
    /// How the rest is to be read.
    format: u32,
    /// Which commit wrote it: by that a writer knows its own again.
    commit: u64,
    state: S,
}

/// What every format begins with.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// A stored session without its quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) version: u64,
    pub(super) state: SessionState,
}

/// A version to begin with: at random, so that a session which comes again under its id is not taken
/// for its last life. Many more can follow, all of them numbers that every reader of JSON keeps.
pub(super) fn first_version() -> u64 {
    getrandom::u64().expect("the operating system gives random bytes") >> 16
}

/// The bytes of a state. `commit` is one that no other commit has.
pub(super) fn encode(state: &SessionState, version: u64, commit: u64) -> StoreResult<Vec<u8>> {
    let record = Record { version, format: FORMAT, commit, state };
    let what = |error| StoreError::Corrupt { what: format!("a state that cannot be written: {error}") };
    serde_json::to_vec(&record).map_err(what)
}

/// The record that these bytes hold.
pub(super) fn decode(id: &SessionId, body: &[u8]) -> StoreResult<Held> {
    let corrupt =
        |met: String| StoreError::Corrupt { what: format!("the state of session #{}: {met}", id.short_hash()) };
    match serde_json::from_slice::<Record<SessionState>>(body) {
        Ok(Record { version, format: FORMAT, state, .. }) => Ok(Held { version, state }),
        read => {
            let newer = serde_json::from_slice::<Head>(body).ok().filter(|head| head.format != FORMAT);
            let newer = newer.map(|head| format!("format {}, and this release reads {FORMAT}", head.format));
            Err(corrupt(newer.or_else(|| read.err().map(|error| error.to_string())).unwrap_or_default()))
        }
    }
}

/// The bytes of a quiz.
pub(super) fn encode_quiz(quiz: &Quiz) -> StoreResult<Vec<u8>> {
    let what = |error| StoreError::Corrupt { what: format!("a quiz that cannot be written: {error}") };
    serde_json::to_vec(quiz).map_err(what)
}

/// The quiz that these bytes hold.
pub(super) fn decode_quiz(id: &SessionId, body: &[u8]) -> StoreResult<Quiz> {
    let what = |error| StoreError::Corrupt { what: format!("the quiz of session #{}: {error}", id.short_hash()) };
    serde_json::from_slice(body).map_err(what)
}

impl Held {
    /// The session without its quiz.
    pub(super) fn session(&self, id: &SessionId) -> GameSession {
        GameSession { id: id.clone(), state: self.state.clone(), quiz: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::format::tests as samples;

    #[test]
    fn every_kind_of_state_comes_back_exactly() {
        for session in samples::sessions() {
            let body = encode(&session.state, 7, 1).expect("written");
            let held = decode(&session.id, &body).expect("read");
            assert_eq!(held, Held { version: 7, state: session.state });
        }
        let quiz = samples::quiz();
        let read = decode_quiz(&samples::sessions()[0].id, &encode_quiz(&quiz).expect("written")).expect("read");
        assert_eq!(read, quiz);
    }

    #[test]
    fn the_text_of_a_record_is_pinned() {
        for (name, session) in ["solo", "finished", "external"].into_iter().zip(samples::sessions()) {
            let body = encode(&session.state, 7, 1).expect("written");
            let golden = samples::pinned_bytes(&format!("{name}.json"), &body);
            assert_eq!(decode(&session.id, &golden).expect("what is stored can be read").state, session.state);
        }
        let quiz = samples::quiz();
        let golden = samples::pinned_bytes("quiz.json", &encode_quiz(&quiz).expect("written"));
        assert_eq!(decode_quiz(&samples::sessions()[0].id, &golden).expect("what is stored can be read"), quiz);
    }

    #[test]
    fn versions_begin_anywhere_and_stay_numbers_that_every_reader_keeps() {
        let versions: std::collections::BTreeSet<_> = (0..100).map(|_| first_version()).collect();
        assert_eq!(versions.len(), 100);
        assert!(versions.iter().all(|version| *version < 1 << 48));
    }
}
