//! Opening the file: who may, what can be wrong with it, and what is started then.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::redb::{Builder, Database, DatabaseError, StorageError};

use super::meta::Meta;
use super::queue::Queue;
use super::quizzes::QuizCache;
use super::reads::Reader;
use super::slot::Slot;
use super::writer::Writer;
use super::{RedbOptions, RedbStore, commit};
use crate::domain::Timestamp;
use crate::store::clock::{GameClock, Uptime};
use crate::store::error::StoreError;

/// Why the file could not be opened, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// One process owns the file.
    #[error("another process holds {0}: one server to a file")]
    Held(String),
    /// Not redb's, damaged, or of another release.
    #[error("{path} cannot be used: {what}")]
    Unusable {
        /// The file.
        path: String,
        /// What was met.
        what: String,
    },
    /// The disk said no.
    #[error("{path} cannot be opened: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the disk said.
        source: std::io::Error,
    },
    /// The first commit failed.
    #[error("the file was opened but cannot be written")]
    Unwritable(#[source] StoreError),
}

/// Opens the database, at the start and after every failure.
pub type Opener = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// Opens (or creates) the file at `path`, with a page cache of so many bytes.
pub fn file_opener(path: PathBuf, cache_size: usize) -> Opener {
    Box::new(move || {
        let is_new = !path.exists();
        let mut builder = Builder::new();
        builder.set_cache_size(cache_size).set_repair_callback(|session| {
            tracing::warn!(progress = session.progress(), "the file was not closed cleanly and is being repaired");
        });
        let database = builder.create(&path).map_err(|error| explain(&path, error))?;
        if is_new {
            sync_directory(&path).map_err(|source| OpenError::Io { path: path.display().to_string(), source })?;
        }
        Ok(database)
    })
}

/// A new file survives a power cut only when its directory's entry does; redb leaves that out.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn explain(path: &Path, error: DatabaseError) -> OpenError {
    let path = path.display().to_string();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Held(path),
        DatabaseError::Storage(StorageError::Io(source)) if source.raw_os_error().is_some() => {
            OpenError::Io { path, source }
        }
        DatabaseError::Storage(StorageError::Io(source)) => {
            OpenError::Unusable { path, what: format!("it is no rejoin database ({source})") }
        }
        other => OpenError::Unusable { path, what: other.to_string() },
    }
}

impl RedbStore {
    /// Opens the database and starts its writer. What was committed before is there.
    ///
    /// # Errors
    /// [`OpenError`], when another process holds the file, or it is damaged, of another release,
    /// or can't be written.
    pub fn open(opener: Opener, options: RedbOptions) -> Result<Self, OpenError> {
        let slot = Slot::open(opener)?;
        let known = slot.read(Meta::read).map_err(unusable)?;
        let meta = known.map_or_else(|| new_meta(&options), Ok)?;
        let uptime = Uptime::now();
        let base = meta.time_at_opening(uptime);
        // Not clean any more, and the file can be written: both proved by one durable commit.
        let meta = Meta { time: base, uptime, batches: meta.batches + 1, clean: false, ..meta };
        slot.with(|database| commit::store_meta(database, &meta).map_err(commit::CommitError::into_store_error))
            .map_err(OpenError::Unwritable)?;
        let clock = Arc::new(GameClock::start(base, options.wall));
        let queue = Arc::new(Queue::default());
        let reader = Arc::new(Reader::new(slot, QuizCache::new(options.quiz_cache), meta.random));
        let writer = Writer::new(reader.clone(), queue.clone(), clock.clone(), options.rules, meta);
        writer.start().map_err(|source| OpenError::Io { path: "the writer's thread".to_owned(), source })?;
        Ok(Self { reader, queue, clock, patience: options.patience })
    }
}

fn unusable(error: StoreError) -> OpenError {
    OpenError::Unusable { path: "the database file".to_owned(), what: error.to_string() }
}

fn new_meta(options: &RedbOptions) -> Result<Meta, OpenError> {
    let random = getrandom::u64().map_err(|error| unusable(StoreError::unavailable(error)))?;
    // Game time begins at the wall clock's date, so that ids sort by age, and never looks again.
    let time = Timestamp::from_millis((options.wall)().0);
    Ok(Meta { random, time, uptime: Uptime::now(), batches: 0, clean: true })
}
