//! Commits: one atomic script call, which is sent again until its outcome is known or the time limit is
//! reached.

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
use crate::store::error::{StoreResult, shared};

/// Delay before a call that got no answer is sent again.
pub(super) const AGAIN: Duration = Duration::from_millis(20);

/// The change of the session's quiz key.
pub(super) enum QuizChange<'a> {
    /// The stored quiz stays, and its TTL is renewed.
    Kept,
    /// The stored quiz is deleted.
    Dropped,
    /// This quiz is stored.
    Set(&'a Quiz),
}

/// A change of a session to commit.
pub(super) struct StateChange<'a> {
    /// The version that the change was computed from; `None` if no session must be stored.
    pub(super) before: Option<Version>,
    pub(super) after: &'a SessionState,
    /// True if the quiz and events stored under this id are deleted first.
    pub(super) is_fresh: bool,
    pub(super) quiz: QuizChange<'a>,
    /// True if a notice is published with the commit.
    pub(super) is_shared: bool,
    pub(super) events: &'a [Event],
    pub(super) prune_through: Option<Sequence>,
    pub(super) now: Timestamp,
}

/// What is stored after a commit call.
#[derive(Debug)]
pub(super) enum CommitOutcome {
    /// The change was committed.
    Done,
    /// Another state is stored, and this change was not committed over it.
    Other(Box<StoredState>),
    /// No session is stored, although one was expected.
    Nothing,
}

/// The result of a commit.
pub(super) struct CommitResult {
    pub(super) stands: Result<CommitOutcome, Failure>,
    /// True if a try got no answer. The change may then have been committed and replaced by a later commit.
    pub(super) may_have_been: bool,
    /// The version of the new state.
    pub(super) stamp: Version,
    /// Size of the new state's record in bytes.
    pub(super) size: usize,
}

/// The new state's version and record, and the arguments of the commit script.
struct ScriptCall {
    stamp: Version,
    body: Vec<u8>,
    args: Vec<Vec<u8>>,
}

impl Engine {
    /// Commits a change, or reports what is stored instead. A try without an answer is sent again unchanged.
    /// Each try compares the version, so at most one of them is executed.
    ///
    /// # Errors
    /// The new state can't be encoded, or the stored state can't be read.
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
                Ok(Value::Int(0)) => Err(Failure::Away(shared("it came too late"))),
                // The stored record is exactly ours: an earlier try that got no answer was committed.
                Ok(Value::BulkString(body)) if body == step.body => Ok(CommitOutcome::Done),
                Ok(Value::BulkString(body)) => Ok(CommitOutcome::Other(Box::new(self.decode(id, &body)?))),
                Ok(_) => Err(Failure::Odd(shared("the step's script gave something else"))),
                Err(failure) => {
                    // Once a try may have been executed, even a certain failure of a later try doesn't settle
                    // the outcome: only an answer with the stored state does.
                    may_have_been |= matches!(failure, Failure::Unknown(_));
                    if may_have_been && Instant::now() + AGAIN < until {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                    Err(if may_have_been { Failure::Unknown(shared("no answer in time")) } else { failure })
                }
            };
            if matches!(stands, Ok(CommitOutcome::Done)) {
                self.note_commit();
            }
            return Ok(CommitResult { stands, may_have_been, stamp: step.stamp, size: step.body.len() });
        }
    }

    /// The publish command and the channel for a commit's notice; both empty if no notice is published.
    pub(super) fn notice(&self, id: &SessionId, is_shared: bool) -> [Vec<u8>; 2] {
        let words = if self.link.is_cluster() { &CLUSTER_WORDS } else { &WORDS };
        if is_shared { [words.publish.into(), channel_of(id).into_bytes()] } else { Default::default() }
    }

    /// Builds the script's arguments, in the order that `scripts/commit.lua` lists.
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
