//! What waits for the writer. Bounded by count and by bytes; a command that gives up while it
//! still waits did not happen, and is told so.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::counter::ExpiryEntry;
use super::sweep::SweptBatch;
use crate::domain::{Applied, Command, Event, GameSession, Moment, Quiz, SessionId};
use crate::store::contract::{Cause, Dump, ImportOutcome};
use crate::store::error::{StoreError, StoreResult};
use crate::store::quiz_cache::QuizBytes;

/// Most commands that wait.
const MOST_WAITING: usize = 20_000;
/// Most bytes that they hold.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How long the writer waits for company; and at most, where batches are small.
const COMPANY: Duration = Duration::from_micros(200);
const LONGEST_COMPANY: Duration = Duration::from_millis(1);
/// From this many on, a commit's own cost is well shared, and a longer wait costs more than it brings.
const LARGE: usize = 32;

/// Most commands of one session in a batch, where others wait too.
const SHARE: usize = 64;

/// What is refused by a store that is in trouble: nothing of it happens.
pub(super) fn refusal(cause: Cause) -> StoreError {
    if cause == Cause::Full { StoreError::Full } else { StoreError::Unavailable(None) }
}

/// Where a command's answer goes, and what it is to be once the batch's fate is known.
pub(super) struct ReplySlot<T> {
    answer: oneshot::Sender<StoreResult<T>>,
    result: Option<StoreResult<T>>,
}

impl<T> ReplySlot<T> {
    /// One that goes to `answer`.
    pub(super) fn to(answer: oneshot::Sender<StoreResult<T>>) -> Self {
        Self { answer, result: None }
    }

    /// What it is if the batch is committed. A batch that is worked out again replaces it.
    pub(super) fn set(&mut self, result: StoreResult<T>) {
        self.result = Some(result);
    }

    /// Answers. Whoever asked may be gone; the commit stands.
    pub(super) fn send(self, fate: Result<(), StoreError>) {
        let worked_out = self.result.unwrap_or(Err(StoreError::OutcomeUnknown));
        let _ = self.answer.send(fate.and(worked_out));
    }
}

/// What the writer is asked to do.
pub(super) enum Work {
    Create { session: Box<GameSession>, at: Moment, reply: ReplySlot<()> },
    Apply { id: SessionId, command: Command, at: Moment, reply: ReplySlot<Option<Applied>> },
    Delete { id: SessionId, reply: ReplySlot<bool> },
    Import { dump: Box<Dump>, at: Moment, reply: ReplySlot<ImportOutcome> },
    Sweep { at: Moment, after: Option<ExpiryEntry>, most: usize, reply: ReplySlot<SweptBatch> },
    Close { reply: ReplySlot<()> },
}

impl Work {
    /// Roughly how many bytes it holds, beyond a command's own few and its quiz.
    fn weight(&self) -> usize {
        match self {
            // Uncompressed: that happens when it is stored.
            Self::Import { dump, .. } => dump.events.iter().map(Event::weight).sum(),
            Self::Apply { command, .. } => command.weight(),
            _ => 0,
        }
    }

    /// Whether it takes space that the file may not have.
    pub(super) fn grows(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Import { .. } => true,
            Self::Apply { command, .. } => command.grows(),
            _ => false,
        }
    }

    /// Answers it: by what was worked out, or by what keeps that from being so.
    pub(super) fn answer(self, fate: Result<(), StoreError>) {
        match self {
            Self::Create { reply, .. } | Self::Close { reply } => reply.send(fate),
            Self::Apply { reply, .. } => reply.send(fate),
            Self::Delete { reply, .. } => reply.send(fate),
            Self::Import { reply, .. } => reply.send(fate),
            Self::Sweep { reply, .. } => reply.send(fate),
        }
    }

    /// The session that it is of, if it is of one.
    fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Create { session, .. } => Some(&session.id),
            Self::Import { dump, .. } => Some(&dump.session.id),
            Self::Apply { id, .. } | Self::Delete { id, .. } => Some(id),
            Self::Sweep { .. } | Self::Close { .. } => None,
        }
    }

    fn quiz(&self) -> Option<&Quiz> {
        match self {
            Self::Create { session, .. } => session.quiz.as_deref(),
            Self::Import { dump, .. } => dump.session.quiz.as_deref(),
            _ => None,
        }
    }
}

struct QueuedWork {
    ticket: u64,
    work: Work,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<QueuedWork>,
    /// What they hold, without the quizzes.
    bytes: usize,
    /// Their quizzes: a question of a bank is there once, however many games of it wait.
    quizzes: QuizBytes,
    next_ticket: u64,
    /// How many must wait before the writer wants to be woken.
    wanted: usize,
    /// Why nothing can be committed at the moment.
    refusing: Option<Cause>,
    /// Whether the writer is to look after the file although nothing waits.
    summoned: bool,
    /// Since when the writer has been at its batch.
    working_since: Option<Instant>,
    activity: WriterActivity,
    /// How many commands its last batch was of.
    last_batch: usize,
    shut: bool,
}

impl QueueState {
    fn count(&mut self, work: &Work) {
        self.bytes += work.weight();
        if let Some(quiz) = work.quiz() {
            self.quizzes.add(quiz);
        }
    }

    fn discount(&mut self, work: &Work) {
        self.bytes -= work.weight();
        if let Some(quiz) = work.quiz() {
            self.quizzes.remove(quiz);
        }
    }

    /// Takes what waits. Where several sessions wait, and one of them with more than its [`SHARE`], the
    /// rest of that one stays, in its order: its commands must not make all others wait.
    fn take_batch(&mut self) -> Vec<Work> {
        let mut over = if self.shut { HashMap::new() } else { self.over_their_share() };
        let (mut batch, mut rest) = (Vec::with_capacity(self.waiting.len()), VecDeque::new());
        for waiting in self.waiting.drain(..) {
            match waiting.work.session().and_then(|id| over.get_mut(id)) {
                Some(0) => rest.push_back(waiting),
                Some(left) => {
                    *left -= 1;
                    batch.push(waiting.work);
                }
                None => batch.push(waiting.work),
            }
        }
        self.bytes = 0;
        self.quizzes.clear();
        rest.iter().for_each(|waiting| self.count(&waiting.work));
        self.waiting = rest;
        batch
    }

    /// The sessions of which too much waits, if others wait beside them; and the share of each.
    fn over_their_share(&self) -> HashMap<SessionId, usize> {
        if self.waiting.len() <= SHARE {
            return HashMap::new();
        }
        let mut waiting: HashMap<&SessionId, usize> = HashMap::new();
        self.waiting.iter().filter_map(|one| one.work.session()).for_each(|id| *waiting.entry(id).or_default() += 1);
        if waiting.len() == 1 {
            return HashMap::new();
        }
        waiting.into_iter().filter(|(_, count)| *count > SHARE).map(|(id, _)| (id.clone(), SHARE)).collect()
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING || self.bytes + self.quizzes.total() > MOST_BYTES
    }
}

/// What the writer has done since its start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WriterActivity {
    /// How long it was at its batches.
    pub(super) worked: Duration,
    /// How many commands it took.
    pub(super) commands: u64,
}

/// The queue between callers and the writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
    /// Batches with a change that the writer has committed.
    commits: AtomicU64,
}

/// How many commands are worth a little waiting, after batches of about `recent`. Those who come soon
/// are those who were answered just now; beside them are only those who came while they were served. A
/// wait for others is in vain, and few players would spend most of their time in it.
fn wanted(recent: usize, answered: usize, came_meanwhile: usize) -> usize {
    if recent < LARGE { (recent + recent / 2).min(answered + came_meanwhile) } else { recent }
}

/// What the writer finds.
pub(super) enum QueueTake {
    Batch(Vec<Work>),
    Nothing,
    Shut,
}

impl Queue {
    /// Lines up work, or says why it can't wait here. Gives its ticket.
    pub(super) fn push(&self, work: Work) -> StoreResult<u64> {
        let mut state = self.state.lock();
        let closes = matches!(work, Work::Close { .. });
        if state.shut {
            return Err(StoreError::Unavailable(None));
        }
        if let Some(cause) = state.refusing.filter(|_| !closes) {
            return Err(refusal(cause));
        }
        state.count(&work);
        if state.is_full() && !closes {
            state.discount(&work);
            return Err(StoreError::Busy);
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.shut = closes;
        state.waiting.push_back(QueuedWork { ticket, work });
        if closes || (state.wanted > 0 && state.waiting.len() >= state.wanted) {
            state.wanted = 0;
            self.arrived.notify_one();
        }
        Ok(ticket)
    }

    /// Waits for the answer to a ticket, at most for `patience`.
    pub(super) async fn wait<T>(
        &self,
        ticket: u64,
        committed: oneshot::Receiver<StoreResult<T>>,
        patience: Duration,
    ) -> StoreResult<T> {
        match tokio::time::timeout(patience, committed).await {
            Ok(Ok(answer)) => answer,
            // The writer is gone with the work in its hands.
            Ok(Err(_)) => Err(StoreError::OutcomeUnknown),
            Err(_) if self.withdraw(ticket) => Err(StoreError::unavailable("the commit before it takes too long")),
            Err(_) => Err(StoreError::OutcomeUnknown),
        }
    }

    /// Takes back work that the writer hasn't taken.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.state.lock();
        let Ok(place) = state.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket) else { return false };
        if let Some(withdrawn) = state.waiting.remove(place) {
            state.discount(&withdrawn.work);
        }
        true
    }

    /// Takes the next batch: all that waits, or each session's share of it. Waits for the first command
    /// until `until`; then a little longer for company, as long as the batch is smaller than the `recent`
    /// ones were. Small ones are to grow: for them it waits a part of the time that the last commit
    /// `took`, unless all who can come are here.
    pub(super) fn take(&self, until: Instant, recent: usize, took: Duration) -> QueueTake {
        let mut state = self.state.lock();
        if let Some(since) = state.working_since.take() {
            state.activity.worked += since.elapsed();
        }
        let came_meanwhile = state.waiting.len();
        while state.waiting.is_empty() && !state.shut {
            if std::mem::take(&mut state.summoned) {
                return QueueTake::Nothing;
            }
            state.wanted = 1;
            if self.arrived.wait_until(&mut state, until).timed_out() && state.waiting.is_empty() {
                state.wanted = 0;
                return QueueTake::Nothing;
            }
        }
        let wanted = wanted(recent, state.last_batch, came_meanwhile);
        let company = if recent < LARGE { (took / 2).clamp(COMPANY, LONGEST_COMPANY) } else { COMPANY };
        let enough = Instant::now() + company;
        while recent > 1 && state.waiting.len() < wanted && !state.shut {
            state.wanted = wanted;
            if self.arrived.wait_until(&mut state, enough).timed_out() {
                break;
            }
        }
        state.wanted = 0;
        if state.waiting.is_empty() {
            return QueueTake::Shut;
        }
        let batch = state.take_batch();
        state.last_batch = batch.len();
        state.activity.commands += state.last_batch as u64;
        state.working_since = Some(Instant::now());
        QueueTake::Batch(batch)
    }

    /// Refuses what comes, or accepts again.
    pub(super) fn set_refusing(&self, refusing: Option<Cause>) {
        self.state.lock().refusing = refusing;
    }

    /// A batch that changed something is committed.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// How many batches that changed something were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// What the writer has done, without the batch that it is at.
    pub(super) fn activity(&self) -> WriterActivity {
        self.state.lock().activity
    }

    /// Lets the writer look after the file: a read has failed.
    pub(super) fn summon(&self) {
        self.state.lock().summoned = true;
        self.arrived.notify_one();
    }

    /// Whether a command would be taken.
    pub(super) fn is_accepting(&self) -> bool {
        let state = self.state.lock();
        state.refusing.is_none() && !state.shut
    }

    /// Whether the writer has been at one batch for longer than `patience`.
    pub(super) fn is_stuck(&self, patience: Duration) -> bool {
        self.state.lock().working_since.is_some_and(|since| since.elapsed() > patience)
    }

    /// Lets the writer end once it has done what waits.
    pub(super) fn shut(&self) {
        self.state.lock().shut = true;
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests;
