//! The queue of commands for the writer, limited by count and by bytes.
//!
//! Invariant: a command that times out while it is still queued did not happen, and its caller is told so.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::expired_count::ExpiryEntry;
use super::sweep::SweptBatch;
use crate::domain::{Applied, Command, Event, GameSession, Moment, Quiz, SessionId};
use crate::metrics::BatchSizes;
use crate::store::contract::{Cause, Dump, ImportOutcome};
use crate::store::error::{StoreError, StoreResult};
use crate::store::quiz_cache::QuizBytes;

/// Most commands that may be queued.
const MOST_WAITING: usize = 20_000;
/// Most bytes that the queued commands may hold.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How long the writer waits for more commands if batches are large, and the shortest wait if they are small.
const COMPANY: Duration = Duration::from_micros(200);
/// The longest wait for more commands if batches are small.
const LONGEST_COMPANY: Duration = Duration::from_millis(1);
/// From this many commands on the cost of a commit is well shared, and a longer wait costs more than it
/// gains.
const LARGE: usize = 32;

/// Most commands of one session in a batch while other sessions have commands queued.
const SHARE: usize = 64;

/// The error for a command that is refused because of `cause`. Nothing of the command happens.
pub(super) fn refusal(cause: Cause) -> StoreError {
    if cause == Cause::Full { StoreError::Full } else { StoreError::Unavailable(None) }
}

/// Where a command's answer goes, with the result to send if its batch is committed.
pub(super) struct ReplySlot<T> {
    answer: oneshot::Sender<StoreResult<T>>,
    result: Option<StoreResult<T>>,
}

impl<T> ReplySlot<T> {
    /// A slot whose answer goes to `answer`.
    pub(super) fn to(answer: oneshot::Sender<StoreResult<T>>) -> Self {
        Self { answer, result: None }
    }

    /// Sets the result to send if the batch is committed. If the batch is worked out again, that replaces the
    /// result.
    pub(super) fn set(&mut self, result: StoreResult<T>) {
        self.result = Some(result);
    }

    /// Sends the result, or the error if `fate` is one. The caller may be gone: that does not undo the
    /// commit.
    pub(super) fn send(self, fate: Result<(), StoreError>) {
        let worked_out = self.result.unwrap_or(Err(StoreError::OutcomeUnknown));
        let _ = self.answer.send(fate.and(worked_out));
    }
}

/// A command for the writer.
pub(super) enum Work {
    Create { session: Box<GameSession>, at: Moment, reply: ReplySlot<()> },
    Apply { id: SessionId, command: Command, at: Moment, reply: ReplySlot<Option<Applied>> },
    Delete { id: SessionId, reply: ReplySlot<bool> },
    Import { dump: Box<Dump>, at: Moment, reply: ReplySlot<ImportOutcome> },
    Sweep { at: Moment, after: Option<ExpiryEntry>, most: usize, reply: ReplySlot<SweptBatch> },
    Close { reply: ReplySlot<()> },
}

impl Work {
    /// Estimated bytes that it holds, without the command's own few bytes and without its quiz.
    fn weight(&self) -> usize {
        match self {
            // The uncompressed size: payloads are compressed only when they are stored.
            Self::Import { dump, .. } => dump.events.iter().map(Event::weight).sum(),
            Self::Apply { command, .. } => command.weight(),
            _ => 0,
        }
    }

    /// Whether it stores data for which the file may have no space.
    pub(super) fn grows(&self) -> bool {
        match self {
            Self::Create { .. } | Self::Import { .. } => true,
            Self::Apply { command, .. } => command.grows(),
            _ => false,
        }
    }

    /// Answers it with its result, or with the error if `fate` is one.
    pub(super) fn answer(self, fate: Result<(), StoreError>) {
        match self {
            Self::Create { reply, .. } | Self::Close { reply } => reply.send(fate),
            Self::Apply { reply, .. } => reply.send(fate),
            Self::Delete { reply, .. } => reply.send(fate),
            Self::Import { reply, .. } => reply.send(fate),
            Self::Sweep { reply, .. } => reply.send(fate),
        }
    }

    /// The session that it is for; `None` if it is for the whole store.
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
    /// Tickets ascend in the queue: `withdraw` finds work by binary search.
    ticket: u64,
    work: Work,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<QueuedWork>,
    /// Bytes that the queued commands hold, without their quizzes.
    bytes: usize,
    /// Bytes of their quizzes. A question of a bank counts once, however many queued games use it.
    quizzes: QuizBytes,
    next_ticket: u64,
    /// How many commands must be queued before the writer is woken; 0 if it is not to be woken.
    wanted: usize,
    /// Why commands are refused at the moment; `None` if they are accepted.
    refusing: Option<Cause>,
    /// Whether the writer must check the file and the log although nothing is queued.
    summoned: bool,
    /// When the writer took its current batch; `None` while it has none.
    working_since: Option<Instant>,
    activity: WriterActivity,
    /// The number of commands in the last batch.
    last_batch: usize,
    /// Whether the queue refuses all commands for good. The writer ends when it is empty.
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

    /// Takes the queued commands. If several sessions have some, and one of them more than its [`SHARE`], the
    /// rest of that session's commands stays queued, in order: one session must not make all others wait.
    fn take_batch(&mut self) -> Vec<Work> {
        // On shutdown everything is taken at once: `Close` must be in the last batch, with nothing left
        // behind it.
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

    /// The sessions with more commands queued than their share, each with that share. Empty if only one
    /// session has commands queued.
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

/// What the writer has done since it started.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WriterActivity {
    /// How long it has worked on its batches.
    pub(super) worked: Duration,
    /// How many commands it has taken.
    pub(super) commands: u64,
}

/// The queue between callers and the writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
    /// Number of committed batches that changed something.
    commits: AtomicU64,
    /// The sizes of all batches that were taken.
    pub(super) batches: BatchSizes,
}

/// How many commands to wait for after batches of about `recent` commands. If batches are small, the next
/// commands come from clients that were just answered or that came while those were served. To wait for more
/// clients than these is in vain, and with few players it would be most of their response time.
fn wanted(recent: usize, answered: usize, came_meanwhile: usize) -> usize {
    if recent < LARGE { (recent + recent / 2).min(answered + came_meanwhile) } else { recent }
}

/// The result of [`Queue::take`].
pub(super) enum QueueTake {
    /// The next batch, which is not empty.
    Batch(Vec<Work>),
    /// Nothing is queued: the time is over, or the writer was summoned.
    Nothing,
    /// Nothing is queued, and the queue is shut.
    Shut,
}

impl Queue {
    /// Queues work and returns its ticket, or the error if it is refused.
    pub(super) fn push(&self, work: Work) -> StoreResult<u64> {
        let mut state = self.state.lock();
        // `Close` is accepted even if other work is refused or the queue is full.
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

    /// Waits for the answer to a ticket, for at most `patience`.
    pub(super) async fn wait<T>(
        &self,
        ticket: u64,
        committed: oneshot::Receiver<StoreResult<T>>,
        patience: Duration,
    ) -> StoreResult<T> {
        match tokio::time::timeout(patience, committed).await {
            Ok(Ok(answer)) => answer,
            // The writer dropped the work because it panicked: the batch may be committed or not.
            Ok(Err(_)) => Err(StoreError::OutcomeUnknown),
            // Still queued and now withdrawn: it did not happen. Else the writer has it, and may still commit
            // it.
            Err(_) if self.withdraw(ticket) => Err(StoreError::unavailable("the commit before it takes too long")),
            Err(_) => Err(StoreError::OutcomeUnknown),
        }
    }

    /// Removes work that is still queued. Returns false if the writer has already taken it.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.state.lock();
        let Ok(place) = state.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket) else { return false };
        if let Some(withdrawn) = state.waiting.remove(place) {
            state.discount(&withdrawn.work);
        }
        true
    }

    /// Takes the next batch: all queued commands, or each session's share of them. Waits until `until` for
    /// the first command. Then it waits a little longer for more, as long as the batch is smaller than the
    /// last
    /// ones, which had about `recent` commands. If those were small, that wait is half the time that the last
    /// batch `took`, within limits, and ends early once all clients that can be expected have come.
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
        self.batches.note(state.last_batch);
        state.working_since = Some(Instant::now());
        QueueTake::Batch(batch)
    }

    /// Refuses new work because of a cause; `None` accepts it again.
    pub(super) fn set_refusing(&self, refusing: Option<Cause>) {
        self.state.lock().refusing = refusing;
    }

    /// Counts a committed batch that changed something.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of committed batches that changed something.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// The number of commands that are queued.
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// What the writer has done. The current batch is in `commands` but not yet in `worked`.
    pub(super) fn activity(&self) -> WriterActivity {
        self.state.lock().activity
    }

    /// Wakes the writer although nothing is queued: a read has failed, or a checkpoint has ended.
    pub(super) fn summon(&self) {
        self.state.lock().summoned = true;
        self.arrived.notify_one();
    }

    /// Whether new commands are accepted, unless the queue is full.
    pub(super) fn is_accepting(&self) -> bool {
        let state = self.state.lock();
        state.refusing.is_none() && !state.shut
    }

    /// Whether the writer has worked on its current batch for longer than `patience`.
    pub(super) fn is_stuck(&self, patience: Duration) -> bool {
        self.state.lock().working_since.is_some_and(|since| since.elapsed() > patience)
    }

    /// Refuses all new work for good. The writer ends after it has done what is queued.
    pub(super) fn shut(&self) {
        self.state.lock().shut = true;
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests;
