//! The thread of checkpoints: it writes what the log holds to the tables, while the writer goes on.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::commit::{self, CommitError};
use super::meta::Meta;
use super::overlay::Layer;
use super::queue::Queue;
use super::reads::Reader;

/// What is to be done, and what the file's record says after it.
struct Job {
    layer: Arc<Layer>,
    meta: Meta,
}

/// The way to the thread. It ends with this.
pub(super) struct Checkpointer {
    jobs: Sender<Job>,
    done: Receiver<Result<(), CommitError>>,
}

impl Checkpointer {
    /// Starts the thread.
    pub(super) fn start(reader: Arc<Reader>, queue: Arc<Queue>) -> std::io::Result<Self> {
        let ((jobs, to_do), (tell, done)) = (channel::<Job>(), channel());
        let thread = std::thread::Builder::new().name("rejoin-checkpoint".to_owned());
        thread.spawn(move || {
            for Job { layer, meta } in to_do {
                let done = run(&reader, &layer, &meta);
                // The rows are freed by the writer or a reader, whoever holds them last.
                drop(layer);
                if tell.send(done).is_err() {
                    return;
                }
                queue.summon();
            }
        })?;
        Ok(Self { jobs, done })
    }

    /// Begins a checkpoint of a layer.
    pub(super) fn begin(&self, layer: Arc<Layer>, meta: Meta) {
        // The thread ends only after this does.
        let _ = self.jobs.send(Job { layer, meta });
    }

    /// What became of it, if that is known by now.
    pub(super) fn poll(&self) -> Option<Result<(), CommitError>> {
        self.done.try_recv().ok()
    }

    /// Waits for what becomes of it.
    pub(super) fn wait(&self) -> Result<(), CommitError> {
        self.done.recv().unwrap_or_else(|_| Err(CommitError::failure("the thread of checkpoints is gone")))
    }
}

/// Writes a layer to the tables.
pub(super) fn run(reader: &Reader, layer: &Layer, meta: &Meta) -> Result<(), CommitError> {
    let done = reader.slot.with(|database| Ok(commit::store(database, &layer.ops(), meta)));
    done.unwrap_or_else(|error| Err(CommitError::failure(error.to_string())))
}
