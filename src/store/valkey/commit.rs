//! One atomic step, sent until it is known what became of it.

use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::engine::Engine;
use super::failure::Failure;
use super::log;
use super::record::{self, StoredState, Version};
use super::scripts::COMMIT;
use super::{CLUSTER_WORDS, Keys, PATIENCE, WORDS, channel_of};
use crate::domain::{Event, Quiz, Sequence, SessionId, SessionState, Timestamp};
use crate::store::clock::Clock;
use crate::store::error::{StoreError, StoreResult};

/// How long to wait before a step that got no answer is sent again.
pub(super) const AGAIN: Duration = Duration::from_millis(20);

/// What becomes of the session's quiz.
pub(super) enum QuizChange<'a> {
    Kept,
    Dropped,
    Set(&'a Quiz),
}

/// A step: what the session was, and what it is to be.
pub(super) struct StateChange<'a> {
    /// What it was computed from; `None` if there must be no session.
    pub(super) before: Option<Version>,
    pub(super) after: &'a SessionState,
    /// Whether what was there before is forgotten first.
    pub(super) is_fresh: bool,
    pub(super) quiz: QuizChange<'a>,
    /// Whether others are told of it.
    pub(super) is_shared: bool,
    pub(super) events: &'a [Event],
    pub(super) prune_through: Option<Sequence>,
    pub(super) now: Timestamp,
}

/// What stands in the store after a step was sent.
#[derive(Debug)]
pub(super) enum CommitOutcome {
    /// The step.
    Done,
    /// Another state.
    Other(Box<StoredState>),
    /// Nothing.
    Nothing,
}

/// What became of a step.
pub(super) struct CommitResult {
    pub(super) stands: Result<CommitOutcome, Failure>,
    /// Whether some try got no answer: what stands now may be later than the step, and hide it.
    pub(super) may_have_been: bool,
    /// What the step's state is known by, and its bytes.
    pub(super) stamp: Version,
    pub(super) size: usize,
}

/// The script's arguments.
struct ScriptCall {
    stamp: Version,
    body: Vec<u8>,
    args: Vec<Vec<u8>>,
}

impl Engine {
    /// Commits a change, or says what stands instead. A try without an answer is sent again as it
    /// was: since each compares the stamp, at most one of them happens.
    ///
    /// # Errors
    /// What cannot be written.
    pub(super) async fn commit(
        &self,
        id: &SessionId,
        change: &StateChange<'_>,
        until: Instant,
    ) -> StoreResult<CommitResult> {
        let step = self.step(id, change)?;
        let keys = Keys::of(id);
        let args: Vec<&[u8]> = step.args.iter().map(Vec::as_slice).collect();
        let mut may_have_been = false;
        loop {
            let ran = self.link.run::<Value>(&COMMIT, &keys.all(), &args, until).await;
            let stands = match ran {
                Ok(Value::Nil) => Ok(CommitOutcome::Nothing),
                Ok(Value::Int(1)) => Ok(CommitOutcome::Done),
                Ok(Value::Int(0)) => Err(Failure::Away("it came too late".into())),
                // A try of this very step that got no answer.
                Ok(Value::BulkString(body)) if body == step.body => Ok(CommitOutcome::Done),
                Ok(Value::BulkString(body)) => Ok(CommitOutcome::Other(Box::new(self.decode(id, &body)?))),
                Ok(_) => Err(Failure::Odd("the step's script gave something else".into())),
                Err(failure) => {
                    may_have_been |= matches!(failure, Failure::Unknown(_));
                    if may_have_been && Instant::now() + AGAIN < until {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    Err(if may_have_been { Failure::Unknown("no answer in time".into()) } else { failure })
                }
            };
            if matches!(stands, Ok(CommitOutcome::Done)) {
                self.note_commit();
            }
            return Ok(CommitResult { stands, may_have_been, stamp: step.stamp, size: step.body.len() });
        }
    }

    /// How, and on which channel, others are told of a commit; empty where they aren't.
    pub(super) fn notice(&self, id: &SessionId, is_shared: bool) -> [Vec<u8>; 2] {
        let words = if self.link.is_cluster() { &CLUSTER_WORDS } else { &WORDS };
        if is_shared { [words.publish.into(), channel_of(id).into_bytes()] } else { Default::default() }
    }

    fn step(&self, id: &SessionId, change: &StateChange<'_>) -> StoreResult<ScriptCall> {
        let (stamp, body) = record::encode(change.after, change.before, self.next_commit())?;
        let number = |number: u64| number.to_string().into_bytes();
        let mut args = vec![
            change.before.map(|before| before.head().into_bytes()).unwrap_or_default(),
            body.clone(),
            number(self.kept_for(change.after, change.now).0.max(1)),
            number(u64::from(change.is_fresh)),
            match &change.quiz {
                QuizChange::Kept => Vec::new(),
                QuizChange::Dropped => b"-".to_vec(),
                QuizChange::Set(quiz) => record::encode_quiz(quiz)?,
            },
            change.prune_through.map(|through| number(through.0)).unwrap_or_default(),
            number(self.clock.moment().now.plus(PATIENCE.into()).as_millis()),
        ];
        args.extend(self.notice(id, change.is_shared));
        args.push(if change.is_shared { number(change.after.log().head.0) } else { Vec::new() });
        args.extend(change.events.iter().flat_map(log::arguments));
        Ok(ScriptCall { stamp, body, args })
    }
}

/// The same error for another who waits: a cause goes to the first.
pub(super) fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::AlreadyExists => StoreError::AlreadyExists,
        StoreError::Busy => StoreError::Busy,
        StoreError::Full => StoreError::Full,
        StoreError::Unavailable(cause) => StoreError::Unavailable(cause.as_ref().map(|cause| cause.to_string().into())),
        StoreError::OutcomeUnknown => StoreError::OutcomeUnknown,
        StoreError::Corrupt { what } => StoreError::Corrupt { what: what.clone() },
        StoreError::RuleFailed { what } => StoreError::RuleFailed { what: what.clone() },
    }
}
