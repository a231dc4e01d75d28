//! Commands on one session that waited together: applied to what is stored, committed in one step.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::commit::{AGAIN, CommitOutcome, QuizChange, StateChange, same};
use super::engine::Engine;
use super::record::StoredState;
use crate::domain::{Applied, Command, Event, GameSession, JoinCode, Moment, Sequence, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::step::apply_on_copy;

/// How often a step is computed anew because another instance was faster.
const MOST_TRIES: u32 = 8;

/// A command that waits for its answer.
pub(super) struct QueuedCommand {
    pub(super) command: Command,
    pub(super) at: Moment,
    pub(super) until: Instant,
    pub(super) answer: oneshot::Sender<StoreResult<Option<Applied>>>,
}

impl QueuedCommand {
    /// A command, and its answer, which comes in time: a batch may take longer than one of its commands.
    pub(super) fn new(command: Command, at: Moment, until: Instant) -> (Self, impl Future<Output = ApplyResult>) {
        let (answer, answered) = oneshot::channel();
        let answered = async move {
            // What is found out just then is more than that it is not known.
            match tokio::time::timeout_at(until + AGAIN, answered).await {
                Ok(Ok(outcome)) => outcome,
                _ => Err(StoreError::OutcomeUnknown),
            }
        };
        (Self { command, at, until, answer }, answered)
    }
}

type ApplyResult = StoreResult<Option<Applied>>;

/// What the rules made of a session and some commands.
struct Computed {
    after: GameSession,
    outcomes: Vec<ApplyResult>,
    events: Vec<Event>,
    prune_through: Option<Sequence>,
    /// The join codes that commands changed to, each with its command's place.
    codes: Vec<(usize, JoinCode)>,
    now: Timestamp,
}

/// The state from which a step is computed.
struct Basis {
    held: Box<StoredState>,
    /// Whether it is only what this process committed last. A step from it is compared with what is
    /// stored; an answer without a step needs the store's own word.
    is_remembered: bool,
}

/// What a try came to.
enum Attempt {
    Settled(Vec<ApplyResult>),
    /// There is no such session.
    Gone,
    /// Another state stands there: this one, if it is known.
    Overtaken(Option<Basis>),
}

impl Engine {
    /// Applies commands in their order, and answers each. They are tried as long as any of them may
    /// take; whose time ends before that is told by whoever waits for it ([`Asked::new`]).
    pub(super) async fn apply_all(&self, id: &SessionId, asked: Vec<QueuedCommand>) {
        let now = Instant::now();
        let (mut asked, late): (Vec<_>, Vec<_>) = asked.into_iter().partition(|asked| asked.until > now);
        answer_all(late, || Err(StoreError::Unavailable(Some("its turn did not come in time".into()))));
        let Some(until) = asked.iter().map(|asked| asked.until).max() else { return };
        let mut basis = self.recent(id).map(|held| Basis { held: Box::new(held), is_remembered: true });
        let (mut failure, mut is_unsure) = (StoreError::Busy, false);
        for tries in 0..MOST_TRIES {
            let was_remembered = basis.as_ref().is_some_and(|basis| basis.is_remembered);
            match self.try_all(id, &mut asked, basis.take(), &mut is_unsure, until).await {
                Ok(Attempt::Settled(outcomes)) => return answer_each(asked, outcomes),
                Ok(Attempt::Gone) => return answer_all(asked, || Ok(None)),
                Ok(Attempt::Overtaken(next)) => (basis, failure) = (next, StoreError::Busy),
                // Of those who go on, some may have been carried out by the try that got no answer.
                Err(_) if is_unsure => return answer_all(asked, || Err(StoreError::OutcomeUnknown)),
                Err(error) => return answer_all(asked, || Err(same(&error))),
            }
            if asked.is_empty() {
                return;
            }
            if !was_remembered {
                tokio::time::sleep(jitter(tries)).await;
            }
        }
        let failure = if is_unsure { StoreError::OutcomeUnknown } else { failure };
        answer_all(asked, || Err(same(&failure)));
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
        if let Some(place) = self.claim_all(id, &held.state, &computed.codes, computed.now, until).await? {
            // The others are tried without the one whose code is taken.
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

    /// Frees the codes that the session has not got, or has given up, by a step. Where it is not known
    /// whether the step was stored, they stay claimed.
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

    /// The session as the rules need it; `None` if another stands there by now.
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

    /// Commits what was computed. Gives what stands then, and whether the step may stand behind it.
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

/// Answers those whose command may have been carried out by a step that another one hides, and that
/// can't be tried again without being carried out twice. The others go on.
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

// Who no longer waits for an answer gets none.
fn answer_each(asked: Vec<QueuedCommand>, outcomes: Vec<ApplyResult>) {
    asked.into_iter().zip(outcomes).for_each(|(asked, outcome)| drop(asked.answer.send(outcome)));
}

fn answer_all(asked: Vec<QueuedCommand>, outcome: impl Fn() -> ApplyResult) {
    asked.into_iter().for_each(|asked| drop(asked.answer.send(outcome())));
}

/// A pause of up to a few milliseconds, longer with every try, so that instances don't stay in step.
pub(super) fn jitter(tries: u32) -> Duration {
    let chance = u64::from(getrandom::u32().unwrap_or_default());
    Duration::from_micros(chance % (1_000 * (u64::from(tries) + 1)))
}
