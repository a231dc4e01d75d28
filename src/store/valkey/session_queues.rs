//! One queue of work for each session.
//!
//! The commands of this process on one session run one after the other, in the order of their arrival.
//! Without that they would compete for the session's next version, and most of them would have to be
//! repeated.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use super::batch::QueuedCommand;
use super::engine::Engine;
use crate::domain::SessionId;
use crate::store::error::{StoreError, StoreResult};

/// Maximum number of queued items in all queues together.
const MOST_WAITING: usize = 16_384;
/// Maximum number of commands in one batch.
const MOST_AT_ONCE: usize = 256;

type QueuedTask = Box<dyn FnOnce(Arc<Engine>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// An item in a session's queue.
pub(super) enum QueueItem {
    /// A command. Adjacent commands are committed together.
    Apply(QueuedCommand),
    /// Other work on the session, such as creating or deleting it. It runs alone.
    Task(QueuedTask),
}

impl QueueItem {
    /// An item that runs `work` and sends its result to `answer`.
    pub(super) fn task<T, F>(
        answer: oneshot::Sender<StoreResult<T>>,
        work: impl FnOnce(Arc<Engine>) -> F + Send + 'static,
    ) -> Self
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        // A send fails only if the caller no longer waits, so the error is ignored.
        Self::Task(Box::new(|engine| Box::pin(async move { drop(answer.send(work(engine).await)) })))
    }
}

/// All session queues. A queue exists only while its runner does.
pub(super) struct SessionQueues {
    engine: Arc<Engine>,
    runtime: Handle,
    queues: Mutex<Queues>,
    /// Notified when the last queue has ended, for `close`.
    emptied: Notify,
}

#[derive(Default)]
struct Queues {
    lanes: HashMap<SessionId, VecDeque<QueueItem>>,
    /// Number of items in all queues.
    waiting: usize,
    is_closed: bool,
}

/// The work that a runner does next.
enum Turn {
    Batch(Vec<QueuedCommand>),
    Task(QueuedTask),
}

impl SessionQueues {
    pub(super) fn new(engine: Arc<Engine>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { engine, runtime, queues: Mutex::default(), emptied: Notify::new() })
    }

    /// Appends work to the session's queue, and starts a runner if the queue is new.
    pub(super) fn push(self: &Arc<Self>, id: &SessionId, work: QueueItem) -> StoreResult<()> {
        let mut queues = self.queues.lock();
        if queues.is_closed {
            return Err(StoreError::Unavailable(None));
        }
        if queues.waiting >= MOST_WAITING {
            return Err(StoreError::Busy);
        }
        queues.waiting += 1;
        if let Some(lane) = queues.lanes.get_mut(id) {
            lane.push_back(work);
            return Ok(());
        }
        queues.lanes.insert(id.clone(), VecDeque::from([work]));
        drop(queues);
        let driver = QueueRunner { lanes: self.clone(), id: id.clone() };
        self.runtime.spawn(driver.drive());
        Ok(())
    }

    /// The number of queued items in all queues.
    pub(super) fn waiting(&self) -> usize {
        self.queues.lock().waiting
    }

    /// Takes the next work from a session's queue. If there is none, removes the queue.
    fn next(&self, id: &SessionId) -> Option<Turn> {
        let mut queues = self.queues.lock();
        let lane = queues.lanes.get_mut(id)?;
        let mut batch = Vec::new();
        let mut task = None;
        while batch.len() < MOST_AT_ONCE {
            match lane.pop_front() {
                Some(QueueItem::Apply(asked)) => batch.push(asked),
                Some(QueueItem::Task(next)) if batch.is_empty() => {
                    task = Some(next);
                    break;
                }
                Some(other) => {
                    lane.push_front(other);
                    break;
                }
                None => break,
            }
        }
        let taken = batch.len() + usize::from(task.is_some());
        queues.waiting -= taken;
        if taken == 0 {
            // Remove the queue under the same lock that found it empty. `push` then either sees it and its
            // runner, or starts a new runner.
            self.end(&mut queues, id);
        }
        task.map(Turn::Task).or((!batch.is_empty()).then_some(Turn::Batch(batch)))
    }

    /// Removes a session's queue and drops what is still in it, which fails the waiting callers.
    fn end(&self, queues: &mut Queues, id: &SessionId) {
        if let Some(lane) = queues.lanes.remove(id) {
            queues.waiting -= lane.len();
        }
        if queues.lanes.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Refuses new work and waits until the queued work is done, at most for `patience`.
    pub(super) async fn close(&self, patience: Duration) {
        // Register for the notification before the check below, or a queue that ends in between would be
        // missed.
        let emptied = self.emptied.notified();
        let mut emptied = std::pin::pin!(emptied);
        emptied.as_mut().enable();
        let is_empty = {
            let mut queues = self.queues.lock();
            queues.is_closed = true;
            queues.lanes.is_empty()
        };
        if !is_empty {
            drop(tokio::time::timeout(patience, emptied).await);
        }
    }
}

/// Runs the work of one queue. If the work panics, the queue is removed and the waiting callers get an error.
struct QueueRunner {
    lanes: Arc<SessionQueues>,
    id: SessionId,
}

impl QueueRunner {
    /// Runs until the queue is empty.
    async fn drive(self) {
        while let Some(turn) = self.lanes.next(&self.id) {
            match turn {
                Turn::Batch(asked) => self.lanes.engine.apply_all(&self.id, asked).await,
                Turn::Task(task) => task(self.lanes.engine.clone()).await,
            }
        }
    }
}

impl Drop for QueueRunner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.lanes.end(&mut self.lanes.queues.lock(), &self.id);
        }
    }
}
