//! The stored form of a session's state: JSON that begins with the version that every script compares.

use serde::{Deserialize, Serialize};

use super::super::error::{StoreError, StoreResult};
use crate::domain::{GameSession, Quiz, SessionId, SessionState};

/// The format of a record in Valkey that this release writes and reads.
pub const RECORD_FORMAT: u32 = 3;
/// The first version of a session is a random number below this. A fixed first number would make a recreated
/// session look like the earlier session with the same id.
const FIRST_VERSIONS: u64 = 1 << 48;

/// The JSON record of a state.
#[derive(Serialize, Deserialize)]
struct StateRecord<S> {
    // The order of the first three fields is fixed: the scripts compare the record's beginning
    // (`Version::head`).
    /// Goes up by one with every commit.
    version: u64,
    /// The format of the record.
    format: u32,
    /// The number of the commit that wrote the record. A writer recognises its own record by it.
    commit: u64,
    state: S,
}

/// The part of a record that is the same in every format.
#[derive(Deserialize)]
struct RecordHead {
    format: u32,
}

/// The version of a stored state and the number of the commit that wrote it. The version alone is not unique:
/// it can occur again when a session with the same id is recreated, or when a failover loses the newest
/// commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    version: u64,
    commit: u64,
}

impl Version {
    /// The beginning of the record that has this version.
    pub(super) fn head(self) -> String {
        let Self { version, commit } = self;
        format!("{{\"version\":{version},\"format\":{RECORD_FORMAT},\"commit\":{commit},")
    }
}

/// A stored state and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredState {
    pub(super) stamp: Version,
    pub(super) state: SessionState,
}

/// What is wrong with a record whose version has no next one.
const LAST_VERSION: &str = "a state of the highest version, which none can follow";

/// Encodes the record that follows version `before`. `commit` must be unique among all commits of all
/// instances.
pub(super) fn encode(state: &SessionState, before: Option<Version>, commit: u64) -> StoreResult<(Version, Vec<u8>)> {
    let version = match before {
        None => commit % FIRST_VERSIONS,
        // No server counts so far, so the stored record is damaged.
        Some(before) => {
            before.version.checked_add(1).ok_or_else(|| StoreError::Corrupt { what: LAST_VERSION.to_owned() })?
        }
    };
    let record = StateRecord { version, format: RECORD_FORMAT, commit, state };
    let what = |error| StoreError::Corrupt { what: format!("a state that cannot be written: {error}") };
    serde_json::to_vec(&record).map(|body| (Version { version, commit }, body)).map_err(what)
}

/// Decodes a state record.
pub(super) fn decode(id: &SessionId, body: &[u8]) -> StoreResult<StoredState> {
    let corrupt =
        |met: String| StoreError::Corrupt { what: format!("the state of session #{}: {met}", id.short_hash()) };
    match serde_json::from_slice::<StateRecord<SessionState>>(body) {
        Ok(StateRecord { version, format: RECORD_FORMAT, commit, state }) => {
            Ok(StoredState { stamp: Version { version, commit }, state })
        }
        read => {
            let newer = serde_json::from_slice::<RecordHead>(body).ok().filter(|head| head.format != RECORD_FORMAT);
            let newer = newer.map(|head| format!("format {}, and this release reads {RECORD_FORMAT}", head.format));
            Err(corrupt(newer.or_else(|| read.err().map(|error| error.to_string())).unwrap_or_default()))
        }
    }
}

/// Encodes a quiz as JSON.
pub(super) fn encode_quiz(quiz: &Quiz) -> StoreResult<Vec<u8>> {
    let what = |error| StoreError::Corrupt { what: format!("a quiz that cannot be written: {error}") };
    serde_json::to_vec(quiz).map_err(what)
}

/// Decodes a quiz.
pub(super) fn decode_quiz(id: &SessionId, body: &[u8]) -> StoreResult<Quiz> {
    let what = |error| StoreError::Corrupt { what: format!("the quiz of session #{}: {error}", id.short_hash()) };
    serde_json::from_slice(body).map_err(what)
}

impl StoredState {
    /// The session with this state, without its quiz.
    pub(super) fn session(&self, id: &SessionId) -> GameSession {
        GameSession { id: id.clone(), state: self.state.clone(), quiz: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{Accepted, BodyEdits, edited_body};
    use crate::store::format::tests as samples;

    const SIXTH: Version = Version { version: 6, commit: 9 };

    #[test]
    fn every_kind_of_state_comes_back_exactly() {
        for (_, session) in samples::sessions() {
            let (stamp, body) = encode(&session.state, Some(SIXTH), 1).expect("written");
            assert_eq!(decode(&session.id, &body).expect("read"), StoredState { stamp, state: session.state });
            assert_eq!(stamp, Version { version: 7, commit: 1 });
            assert!(body.starts_with(stamp.head().as_bytes()));
        }
        let quiz = samples::quiz_of_kinds();
        let read = decode_quiz(&samples::sessions()[0].1.id, &encode_quiz(&quiz).expect("written")).expect("read");
        assert_eq!(read, quiz);
    }

    #[test]
    fn the_text_of_a_record_is_pinned() {
        for (name, session) in samples::sessions() {
            let (_, body) = encode(&session.state, Some(SIXTH), 1).expect("written");
            let golden = samples::pinned_bytes(&format!("{name}.json"), &body);
            assert_eq!(decode(&session.id, &golden).expect("what is stored can be read").state, session.state);
        }
        let quiz = samples::quiz_of_kinds();
        let golden = samples::pinned_bytes("quiz.json", &encode_quiz(&quiz).expect("written"));
        assert_eq!(decode_quiz(&samples::sessions()[0].1.id, &golden).expect("what is stored can be read"), quiz);
    }

    #[test]
    fn a_first_version_is_one_that_every_reader_of_json_keeps() {
        let (_, session) = &samples::sessions()[0];
        let (stamp, _) = encode(&session.state, None, u64::MAX).expect("written");
        assert!(stamp.version < FIRST_VERSIONS);
    }

    #[test]
    fn a_record_of_the_highest_version_can_be_read_and_not_followed() {
        let (_, session) = &samples::sessions()[0];
        let before = Some(Version { version: u64::MAX - 1, commit: 1 });
        let (_, body) = encode(&session.state, before, 2).expect("written");
        let StoredState { stamp, state } = decode(&session.id, &body).expect("read");
        assert_eq!(stamp.version, u64::MAX);
        assert!(matches!(encode(&state, Some(stamp), 3), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn any_stored_state_is_a_state_or_refused() {
        let sessions = samples::sessions();
        let stored: Vec<serde_json::Value> = sessions
            .iter()
            .map(|(_, session)| encode(&session.state, None, 7).expect("written").1)
            .map(|body| serde_json::from_slice(&body).expect("JSON"))
            .collect();
        let id = &sessions[0].1.id;
        let accepted = Accepted::default();
        bolero::check!().with_type::<(u8, BodyEdits)>().for_each(|(sample, edits)| {
            let body = edited_body(&stored[usize::from(*sample) % stored.len()], edits);
            let read = decode(id, &body);
            accepted.count(read.is_ok());
            if let Ok(StoredState { stamp, state }) = read {
                // There is no version after the highest one.
                let before = Some(Version { version: stamp.version.min(u64::MAX - 1), ..stamp });
                let (stamp, body) = encode(&state, before, stamp.commit).expect("written");
                assert_eq!(decode(id, &body).expect("read"), StoredState { stamp, state });
            }
        });
        accepted.some("states");
    }
}
