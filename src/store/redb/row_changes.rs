//! The row changes of a batch. The log stores them, the overlay shows them, and a checkpoint applies them to
//! the tables.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::batch::{Changes, QuestionChange, Refiled, SessionChange};
use super::quizzes::QuestionName;
use super::{Stored, events};
use crate::domain::{Event, JoinCode, Owner, Quiz, SessionId, SessionState, Timestamp};
use crate::store::error::StoreResult;
use crate::store::format;

/// A session's row, decoded or encoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum SessionRow {
    /// A state that a command produced.
    State {
        /// The session's time in the expiry index.
        index_time: Timestamp,
        state: Arc<SessionState>,
        /// Its quiz, if that is in memory. The log does not store it.
        #[serde(skip)]
        quiz: Option<Arc<Quiz>>,
    },
    /// An encoded record of which only the beginning was decoded.
    Record(#[serde(with = "serde_bytes")] Vec<u8>),
}

impl SessionRow {
    /// The row's record as redb stores it.
    pub(super) fn record(&self) -> StoreResult<Vec<u8>> {
        match self {
            Self::State { index_time, state, .. } => format::encode(&StoredRef { index_time: *index_time, state }),
            Self::Record(record) => Ok(record.clone()),
        }
    }

    /// The same row with another index time.
    pub(super) fn filed_at(self, index_time: Timestamp) -> StoreResult<Self> {
        Ok(match self {
            Self::State { state, quiz, .. } => Self::State { index_time, state, quiz },
            Self::Record(record) => Self::Record(format::replace_prefix(&record, &index_time)?),
        })
    }

    /// Decodes the row; `what` names it in errors.
    pub(super) fn stored(&self, what: impl Fn() -> String) -> StoreResult<Stored> {
        match self {
            Self::State { index_time, state, .. } => {
                Ok(Stored { index_time: *index_time, state: SessionState::clone(state) })
            }
            Self::Record(record) => format::decode(record, what),
        }
    }
}

/// [`Stored`] with a borrowed state, to encode a shared state without cloning it.
#[derive(Serialize)]
struct StoredRef<'a> {
    index_time: Timestamp,
    state: &'a SessionState,
}

/// The record of a question row, and until when it is kept for the sessions that use it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct QuestionRow {
    pub(super) until: Timestamp,
    #[serde(with = "arc_bytes")]
    pub(super) record: Arc<[u8]>,
}

/// An event, with its encoded record.
#[derive(Debug, PartialEq)]
pub(super) struct EventRow {
    pub(super) event: Event,
    pub(super) record: Vec<u8>,
}

/// Estimated bytes that the rows of a new session take, without its quiz record.
const NEW_SESSION: usize = 256;

/// One change of one row. A removed row need not exist.
///
/// The log stores a variant as its position, and may be read by a later release: add new variants at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Op {
    PutSession {
        #[serde(with = "id_bytes")]
        id: SessionId,
        row: SessionRow,
        /// Whether the session had no row before. Used to count sessions.
        is_added: bool,
    },
    /// Allowed only if the session has a row: it is subtracted from the number of sessions.
    RemoveSession(#[serde(with = "id_bytes")] SessionId),
    PutQuiz(#[serde(with = "id_bytes")] SessionId, #[serde(with = "arc_bytes")] Arc<[u8]>),
    RemoveQuiz(#[serde(with = "id_bytes")] SessionId),
    PutQuestion(QuestionName, QuestionRow),
    RemoveQuestion(QuestionName),
    PutQuestionEnd(Timestamp, QuestionName),
    RemoveQuestionEnd(Timestamp, QuestionName),
    PutExpiry(Timestamp, #[serde(with = "id_bytes")] SessionId),
    RemoveExpiry(Timestamp, #[serde(with = "id_bytes")] SessionId),
    PutEvent(#[serde(with = "id_bytes")] SessionId, #[serde(with = "event_record")] Arc<EventRow>),
    /// Removes a session's events up to and including this sequence.
    Prune(#[serde(with = "id_bytes")] SessionId, u64),
    PutJoin(JoinCode, #[serde(with = "id_bytes")] SessionId),
    RemoveJoin(JoinCode),
    PutOwner(Owner, #[serde(with = "id_bytes")] SessionId),
    RemoveOwner(Owner, #[serde(with = "id_bytes")] SessionId),
}

impl Op {
    /// Estimated bytes by which the change makes the file grow.
    pub(super) fn growth(&self) -> u64 {
        match self {
            Self::PutQuiz(_, record) => (record.len() + NEW_SESSION) as u64,
            Self::PutQuestion(_, row) => row.record.len() as u64,
            Self::PutEvent(_, row) => row.record.len() as u64,
            _ => 0,
        }
    }
}

impl Changes {
    /// The row changes, in the order in which they must be applied.
    pub(super) fn into_ops(self) -> StoreResult<Vec<Op>> {
        let mut ops = Vec::with_capacity(2 * (self.sessions.len() + self.refiled.len() + self.stray_hints.len()));
        for (name, QuestionChange { was, row }) in self.questions {
            ops.extend(was.map(|was| Op::RemoveQuestionEnd(was, name)));
            ops.push(Op::PutQuestionEnd(row.until, name));
            ops.push(Op::PutQuestion(name, row));
        }
        for (until, name, is_all) in self.old_questions {
            ops.push(Op::RemoveQuestionEnd(until, name));
            ops.extend(is_all.then_some(Op::RemoveQuestion(name)));
        }
        ops.extend(self.stray_hints.into_iter().map(|(time, id)| Op::RemoveExpiry(time, id)));
        self.refiled.into_iter().for_each(|(id, refiled)| refile(&mut ops, id, refiled));
        for (id, change) in self.sessions {
            // A new session may have the id of an expired one: all rows of that one are removed first.
            if change.after.is_none() || change.is_new {
                forget(&mut ops, &id, &change);
            }
            put(&mut ops, id, change)?;
        }
        ops.extend(self.joins.into_iter().map(|(code, holder)| match holder {
            Some(id) => Op::PutJoin(code, id),
            None => Op::RemoveJoin(code),
        }));
        Ok(ops)
    }
}

fn refile(ops: &mut Vec<Op>, id: SessionId, Refiled { from, to, row }: Refiled) {
    ops.extend(from.map(|from| Op::RemoveExpiry(from, id.clone())));
    ops.push(Op::PutExpiry(to, id.clone()));
    ops.push(Op::PutSession { id, row, is_added: false });
}

/// Removes all rows of the stored session. Its join code is among `Changes::joins`; its questions stay until
/// their end.
fn forget(ops: &mut Vec<Op>, id: &SessionId, change: &SessionChange) {
    let Some(before) = &change.before else { return };
    ops.push(Op::RemoveSession(id.clone()));
    ops.push(Op::RemoveExpiry(before.index_time, id.clone()));
    ops.push(Op::RemoveQuiz(id.clone()));
    ops.extend(before.owner.clone().map(|owner| Op::RemoveOwner(owner, id.clone())));
    if before.had_events {
        ops.push(Op::Prune(id.clone(), u64::MAX));
    }
}

fn put(ops: &mut Vec<Op>, id: SessionId, mut change: SessionChange) -> StoreResult<()> {
    let Some(session) = change.after.take() else { return Ok(()) };
    let before = change.before.as_ref().filter(|_| !change.is_new);
    let (index_time, is_added) = (change.index_time(&session), before.is_none());
    move_expiry_entry(ops, &id, before.filter(|before| before.is_filed).map(|before| before.index_time), index_time);
    if is_added {
        // Every session has a quiz row, even an empty one. If only that row is left, the session is damaged
        // and not absent.
        ops.push(Op::PutQuiz(id.clone(), change.quiz_record.take().unwrap_or_default()));
        ops.extend(session.state.owner.clone().map(|owner| Op::PutOwner(owner, id.clone())));
    }
    for event in change.events {
        let record = events::encode(&event)?;
        ops.push(Op::PutEvent(id.clone(), Arc::new(EventRow { event, record })));
    }
    // After the new events: the batch may prune some of those too.
    ops.extend(change.prune_through.map(|through| Op::Prune(id.clone(), through.0)));
    let row = SessionRow::State { index_time, state: Arc::new(session.state), quiz: session.quiz };
    ops.push(Op::PutSession { id, row, is_added });
    Ok(())
}

fn move_expiry_entry(ops: &mut Vec<Op>, id: &SessionId, from: Option<Timestamp>, to: Timestamp) {
    if from != Some(to) {
        ops.extend(from.map(|from| Op::RemoveExpiry(from, id.clone())));
        ops.push(Op::PutExpiry(to, id.clone()));
    }
}

mod id_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::SessionId;

    pub(super) fn serialize<S: Serializer>(id: &SessionId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(id.as_bytes())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SessionId, D::Error> {
        let bytes = <&serde_bytes::Bytes>::deserialize(deserializer)?;
        SessionId::from_bytes(bytes).ok_or_else(|| serde::de::Error::custom("no session's id"))
    }
}

mod arc_bytes {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        let bytes = <&serde_bytes::Bytes>::deserialize(deserializer)?;
        Ok(Arc::from(&**bytes))
    }
}

mod event_record {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{EventRow, events};

    pub(super) fn serialize<S: Serializer>(row: &EventRow, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&row.record)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<EventRow>, D::Error> {
        let record = <&serde_bytes::Bytes>::deserialize(deserializer)?.to_vec();
        let event = events::decode(&record, || "an event".to_owned()).map_err(serde::de::Error::custom)?;
        Ok(Arc::new(EventRow { event, record }))
    }
}
