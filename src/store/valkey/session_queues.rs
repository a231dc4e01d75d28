//! The commands of this process on one session take turns, in the order in which they came: without
//! that they would race each other for the next stamp, and most would lose.

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

/// Commands that may wait in all.
const MOST_WAITING: usize = 16_384;
/// Commands that one step may carry.
const MOST_AT_ONCE: usize = 256;

type QueuedTask = Box<dyn FnOnce(Arc<Engine>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What waits for its turn.
pub(super) enum QueueItem {
    /// A command, which is committed together with its neighbours.
    Apply(QueuedCommand),
    /// Anything else.
    Task(QueuedTask),
}

impl QueueItem {
    /// Work that gives its answer by itself.
    pub(super) fn task<T, F>(
        answer: oneshot::Sender<StoreResult<T>>,
        work: impl FnOnce(Arc<Engine>) -> F + Send + 'static,
    ) -> Self
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        // Who no longer waits for an answer gets none.
        Self::Task(Box::new(|engine| Box::pin(async move { drop(answer.send(work(engine).await)) })))
    }
}

pub(super) struct SessionQueues {
    engine: Arc<Engine>,
    runtime: Handle,
    queues: Mutex<Queues>,
    emptied: Notify,
}

#[derive(Default)]
struct Queues {
    lanes: HashMap<SessionId, VecDeque<QueueItem>>,
    waiting: usize,
    is_closed: bool,
}

enum Turn {
    Batch(Vec<QueuedCommand>),
    Task(QueuedTask),
}

impl SessionQueues {
    pub(super) fn new(engine: Arc<Engine>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { engine, runtime, queues: Mutex::default(), emptied: Notify::new() })
    }

    /// Lines work up behind what already waits for this session.
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

    /// What comes next for a session. Where nothing does, its lane ends.
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
            self.end(&mut queues, id);
        }
        task.map(Turn::Task).or((!batch.is_empty()).then_some(Turn::Batch(batch)))
    }

    fn end(&self, queues: &mut Queues, id: &SessionId) {
        if let Some(lane) = queues.lanes.remove(id) {
            queues.waiting -= lane.len();
        }
        if queues.lanes.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Takes nothing more, and ends when what was taken is done, or after `patience`.
    pub(super) async fn close(&self, patience: Duration) {
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

/// Carries out a lane's work. Should it panic, the lane ends with it and those who wait are told.
struct QueueRunner {
    lanes: Arc<SessionQueues>,
    id: SessionId,
}

impl QueueRunner {
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
