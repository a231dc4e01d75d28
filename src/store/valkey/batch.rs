//! Batches: commands that were queued together for one session are applied to the stored state and committed
//! in one script call.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::commit::{AGAIN, CommitOutcome, QuizChange, StateChange};
use super::engine::Engine;
use super::record::StoredState;
use crate::domain::{Applied, Command, Event, GameSession, JoinCode, Moment, Sequence, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::step::apply_on_copy;

/// Maximum number of attempts for one batch when other instances commit first.
const MOST_TRIES: u32 = 8;

/// A command in a session's queue, and the channel for its result.
pub(super) struct QueuedCommand {
    pub(super) command: Command,
    pub(super) at: Moment,
    /// The time limit of the store call.
    pub(super) until: Instant,
    pub(super) answer: oneshot::Sender<StoreResult<Option<Applied>>>,
}

impl QueuedCommand {
    /// Creates a queued command and the future of its result. The future has its own timeout, because a batch
    /// may take longer than the time limit of one of its commands.
    pub(super) fn new(command: Command, at: Moment, until: Instant) -> (Self, impl Future<Output = ApplyResult>) {
        let (answer, answered) = oneshot::channel();
        let answered = async move {
            // Wait slightly longer than `until`: a result that arrives just then is better than
            // `OutcomeUnknown`.
            match tokio::time::timeout_at(until + AGAIN, answered).await {
                Ok(Ok(outcome)) => outcome,
                _ => Err(StoreError::OutcomeUnknown),
            }
        };
        (Self { command, at, until, answer }, answered)
    }
}

type ApplyResult = StoreResult<Option<Applied>>;

/// The session after a batch of commands, and what must be committed with it.
struct Computed {
    after: GameSession,
    /// The result of each command, in the order of the commands.
    outcomes: Vec<ApplyResult>,
    events: Vec<Event>,
    prune_through: Option<Sequence>,
    /// The join codes that commands changed to, each with the index of its command.
    codes: Vec<(usize, JoinCode)>,
    now: Timestamp,
}

/// The state that a batch is computed from.
struct Basis {
    held: Box<StoredState>,
    /// True if this is the state that this process committed last, not one just read. The commit script
    /// checks that it is still current. A batch that changes nothing has no commit, so it must be computed
    /// again from a state that is read.
    is_remembered: bool,
}

/// The result of one attempt to apply and commit a batch.
enum Attempt {
    /// The batch is done. One result for each command.
    Settled(Vec<ApplyResult>),
    /// No session has this id.
    Gone,
    /// The attempt must be repeated, from this state if it is known.
    Overtaken(Option<Basis>),
}

impl Engine {
    /// Applies commands in their order and answers each one. Attempts are repeated until the latest time
    /// limit of the commands. A command whose own time limit ends earlier is answered by the timeout in
    /// [`QueuedCommand::new`].
    pub(super) async fn apply_all(&self, id: &SessionId, asked: Vec<QueuedCommand>) {
        self.batches.note(asked.len());
        let now = Instant::now();
        let (mut asked, late): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.until > now);
        answer_all(late, || Err(StoreError::unavailable("its turn did not come in time")));
        let Some(until) = asked.iter().map(|asked| asked.until).max() else { return };
        let mut basis = self.recent(id).map(|held| Basis { held: Box::new(held), is_remembered: true });
        let (mut failure, mut is_unsure) = (StoreError::Busy, false);
        for tries in 0..MOST_TRIES {
            let was_remembered = basis.as_ref().is_some_and(|basis| basis.is_remembered);
            match self.try_all(id, &mut asked, basis.take(), &mut is_unsure, until).await {
                Ok(Attempt::Settled(outcomes)) => return answer_each(asked, outcomes),
                Ok(Attempt::Gone) => return answer_all(asked, || Ok(None)),
                Ok(Attempt::Overtaken(next)) => (basis, failure) = (next, StoreError::Busy),
                // Some of the remaining commands may have been committed by the attempt that got no answer.
                Err(_) if is_unsure => return answer_all(asked, || Err(StoreError::OutcomeUnknown)),
                Err(error) => return answer_all(asked, || Err(error.clone())),
            }
            if asked.is_empty() {
                return;
            }
            // No delay after an attempt from a remembered state: it may only have been outdated.
            if !was_remembered {
                tokio::time::sleep(jitter(tries)).await;
            }
        }
        let failure = if is_unsure { StoreError::OutcomeUnknown } else { failure };
        answer_all(asked, || Err(failure.clone()));
    }

    async fn try_all(
        &self,
        id: &SessionId,
        asked: &mut Vec<QueuedCommand>,
        basis: Option<Basis>,
        is_unsure: &mut bool,
        until: Instant,
    ) -> StoreResult<Attempt> {
        let Basis { held, is_remembered } = match basis {
            Some(basis) => basis,
            None => match self.state(id, until).await? {
                Some(held) => Basis { held: Box::new(held), is_remembered: false },
                None => return Ok(Attempt::Gone),
            },
        };
        let Some(before) = self.with_quiz(id, &held, asked, until).await? else {
            return Ok(Attempt::Overtaken(None));
        };
        let computed = compute(self, before, asked);
        if computed.after.state == held.state && computed.events.is_empty() {
            return Ok(if is_remembered { Attempt::Overtaken(None) } else { Attempt::Settled(computed.outcomes) });
        }
        // Claim the join codes before the commit: codes are in other slots, so the commit script can't claim
        // them.
        if let Some(place) = self.claim_all(id, &held.state, &computed.codes, computed.now, until).await? {
            // Answer the command whose code is taken, and try again with the other commands.
            drop(asked.remove(place).answer.send(Err(StoreError::AlreadyExists)));
            return Ok(Attempt::Overtaken(Some(Basis { held, is_remembered })));
        }
        let stored = self.store(id, &held, &computed, until).await;
        self.settle_codes(id, &held, &computed, &stored, until).await;
        let (stands, may_have_been) = stored?;
        if matches!(stands, CommitOutcome::Done) {
            return Ok(Attempt::Settled(computed.outcomes));
        }
        self.recent.remove(id);
        if may_have_been {
            *is_unsure = true;
            *asked = without_unsure(std::mem::take(asked), &computed.outcomes);
        }
        Ok(match stands {
            CommitOutcome::Other(held) => Attempt::Overtaken(Some(Basis { held, is_remembered: false })),
            CommitOutcome::Done | CommitOutcome::Nothing => Attempt::Gone,
        })
    }

    /// After a commit attempt, frees the join codes that the session did not get or no longer has. If it is
    /// unknown whether the batch was stored, all of them stay claimed.
    async fn settle_codes(
        &self,
        id: &SessionId,
        held: &StoredState,
        computed: &Computed,
        stored: &StoreResult<(CommitOutcome, bool)>,
        until: Instant,
    ) {
        if computed.codes.is_empty() {
            return;
        }
        let kept = match stored {
            Ok((CommitOutcome::Done, _)) => &computed.after.state,
            Ok((_, true)) | Err(StoreError::OutcomeUnknown) => return,
            Ok((_, false)) | Err(_) => &held.state,
        };
        let codes = computed.codes.iter().map(|(_, code)| code).chain(&held.state.join_code);
        self.release_all(id, codes, kept, until).await;
    }

    /// The session, with its quiz if a command needs it. `None` if another session has the id by now.
    async fn with_quiz(
        &self,
        id: &SessionId,
        held: &StoredState,
        asked: &[QueuedCommand],
        until: Instant,
    ) -> StoreResult<Option<GameSession>> {
        let session = held.session(id);
        if !held.state.game.has_quiz() || !asked.iter().any(|asked| asked.command.needs_quiz()) {
            return Ok(Some(session));
        }
        let quiz = self.quiz(id, held, until).await?;
        Ok(quiz.map(|quiz| GameSession { quiz: Some(quiz), ..session }))
    }

    /// Commits the batch. Returns the outcome, and whether the batch may already have been committed by an
    /// earlier try, under the state that is stored now.
    async fn store(
        &self,
        id: &SessionId,
        held: &StoredState,
        computed: &Computed,
        until: Instant,
    ) -> StoreResult<(CommitOutcome, bool)> {
        let after = &computed.after.state;
        let change = StateChange {
            before: Some(held.stamp),
            after,
            is_fresh: false,
            quiz: QuizChange::Kept,
            is_shared: held.state.game.is_shared() || after.game.is_shared(),
            events: &computed.events,
            prune_through: computed.prune_through,
            now: computed.now,
        };
        let settled = self.commit(id, &change, until).await?;
        let stands = self.noting_fault(id, settled.stands.map_err(super::failure::Failure::of_write))?;
        if matches!(stands, CommitOutcome::Done) {
            self.remember(id, StoredState { stamp: settled.stamp, state: after.clone() }, settled.size);
            if after.life.deadline() != held.state.life.deadline() {
                self.index.note(id, after.life.deadline());
            }
        }
        Ok((stands, settled.may_have_been))
    }
}

/// Applies the commands one after the other to the session, without any I/O.
fn compute(engine: &Engine, before: GameSession, asked: &[QueuedCommand]) -> Computed {
    let now = asked.iter().map(|asked| asked.at.now).max().unwrap_or_default();
    let (outcomes, events, codes) = (Vec::new(), Vec::new(), Vec::new());
    let mut computed = Computed { after: before, outcomes, events, prune_through: None, codes, now };
    for (place, QueuedCommand { command, at, .. }) in asked.iter().enumerate() {
        let outcome = if computed.after.is_live(at.now) {
            apply_on_copy(engine.rules, &computed.after, command.clone(), *at).map(|(after, applied)| {
                if after.state.join_code != computed.after.state.join_code {
                    computed.codes.extend(after.state.join_code.clone().map(|code| (place, code)));
                }
                computed.after = after;
                computed.events.extend(applied.events.iter().cloned());
                computed.prune_through = computed.prune_through.max(applied.prune_through);
                Some(applied)
            })
        } else {
            Ok(None)
        };
        computed.outcomes.push(outcome);
    }
    computed
}

/// Called when the batch may have been committed and then overwritten by a later commit. Answers the commands
/// that can't be retried without the risk of applying them twice, and returns the others.
fn without_unsure(asked: Vec<QueuedCommand>, outcomes: &[ApplyResult]) -> Vec<QueuedCommand> {
    let mut rest = Vec::new();
    for (asked, outcome) in asked.into_iter().zip(outcomes) {
        let had_effect = matches!(outcome, Ok(Some(applied)) if applied.result.is_ok());
        if had_effect && !asked.command.is_repeatable() {
            drop(asked.answer.send(Err(StoreError::OutcomeUnknown)));
        } else {
            rest.push(asked);
        }
    }
    rest
}

// A send fails only if the caller no longer waits, so the error is ignored.
fn answer_each(asked: Vec<QueuedCommand>, outcomes: Vec<ApplyResult>) {
    asked.into_iter().zip(outcomes).for_each(|(asked, outcome)| drop(asked.answer.send(outcome)));
}

fn answer_all(asked: Vec<QueuedCommand>, outcome: impl Fn() -> ApplyResult) {
    asked.into_iter().for_each(|asked| drop(asked.answer.send(outcome())));
}

/// A random delay of up to `tries` + 1 milliseconds, so that competing instances don't retry in lockstep.
pub(super) fn jitter(tries: u32) -> Duration {
    let chance = u64::from(getrandom::u32().unwrap_or_default());
    Duration::from_micros(chance % (1_000 * (u64::from(tries) + 1)))
}
