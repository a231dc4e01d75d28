//! The checkpoint thread. It writes what the log holds to the tables, while the writer commits further
//! batches to the log.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::commit::{self, CommitError};
use super::meta::Meta;
use super::overlay::Layer;
use super::queue::Queue;
use super::reads::Reader;

/// A checkpoint: the rows to write, and the file's metadata to store with them.
struct Job {
    layer: Arc<Layer>,
    meta: Meta,
}

/// A handle on the checkpoint thread. The thread ends when the handle is dropped.
pub(super) struct Checkpointer {
    jobs: Sender<Job>,
    done: Receiver<Result<(), CommitError>>,
}

impl Checkpointer {
    /// Starts the thread. At the end of each checkpoint it wakes the writer through `queue`.
    pub(super) fn start(reader: Arc<Reader>, queue: Arc<Queue>) -> std::io::Result<Self> {
        let ((jobs, to_do), (tell, done)) = (channel::<Job>(), channel());
        let thread = std::thread::Builder::new().name("rejoin-checkpoint".to_owned());
        thread.spawn(move || {
            for Job { layer, meta } in to_do {
                let done = run(&reader, &layer, &meta);
                // Before the result is sent, so that the writer can take the layer without copying it if the
                // checkpoint failed.
                drop(layer);
                if tell.send(done).is_err() {
                    return;
                }
                queue.summon();
            }
        })?;
        Ok(Self { jobs, done })
    }

    /// Begins a checkpoint of a layer. Only one may run at a time.
    pub(super) fn begin(&self, layer: Arc<Layer>, meta: Meta) {
        // The thread ends only after this handle is dropped, so it gets the job.
        let _ = self.jobs.send(Job { layer, meta });
    }

    /// The result of the running checkpoint; `None` if it has not ended yet.
    pub(super) fn poll(&self) -> Option<Result<(), CommitError>> {
        self.done.try_recv().ok()
    }

    /// Waits for the running checkpoint and returns its result. Would block forever if none is running.
    pub(super) fn wait(&self) -> Result<(), CommitError> {
        self.done.recv().unwrap_or_else(|_| Err(CommitError::failure("the thread of checkpoints is gone")))
    }
}

/// Writes a layer and the metadata to the tables in one durable transaction, on the caller's thread.
pub(super) fn run(reader: &Reader, layer: &Layer, meta: &Meta) -> Result<(), CommitError> {
    let done = reader.slot.with(|database| Ok(commit::store(database, &layer.ops(), meta)));
    done.unwrap_or_else(|error| Err(CommitError::failure(error.to_string())))
}
