//! Opening the store: what is read from the file, proved by a first commit, and started then.

use std::path::PathBuf;
use std::sync::Arc;

use super::file::{self, OpenError, Opener};
use super::meta::Meta;
use super::queue::{Queue, Refusing};
use super::quizzes::QuizReader;
use super::reads::Reader;
use super::reaping::Reaping;
use super::slot::Slot;
use super::writer::Writer;
use super::{RedbOptions, RedbStore, commit};
use crate::domain::Timestamp;
use crate::store::clock::{GameClock, Uptime};
use crate::store::error::StoreError;

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
        let first = slot.with(|database| Ok(commit::store_meta(database, &meta))).map_err(OpenError::Unwritable)?;
        let is_full = first.as_ref().is_err_and(|error| error.is_full) && known.is_some();
        if is_full {
            // What is there can be read until there is space again.
            slot.reopen()?;
        } else {
            first.map_err(|error| OpenError::Unwritable(error.into_store_error()))?;
        }
        let clock = Arc::new(GameClock::start(base, options.wall));
        let queue = Arc::new(Queue::default());
        let reader = Arc::new(Reader::new(slot, QuizReader::new(options.quiz_cache), meta.random));
        let mut writer = Writer::new(reader.clone(), queue.clone(), clock.clone(), options.rules, meta);
        if is_full {
            tracing::error!("the disk is full: games can be read, and go on when there is space again");
            writer.break_off(Refusing::Full);
        }
        writer.start().map_err(|source| OpenError::Io { path: "the writer's thread".to_owned(), source })?;
        Ok(Self { reader, queue, clock, reaping: Reaping::default(), patience: options.patience })
    }

    /// Opens the file at `path` to be read alone. Nothing in it changes, not even its time, which
    /// stands still; whatever would change it is `Unavailable`. (Of a file whose server was killed
    /// redb notes first that it is whole.)
    ///
    /// # Errors
    /// [`OpenError`], when another process holds the file, or it is missing, damaged, of another
    /// release, or new and empty.
    pub fn open_read_only(path: PathBuf, cache_size: usize, options: RedbOptions) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let slot = Slot::open_read_only(move || file::open_read_only(&path, cache_size))?;
        let known = slot.read(Meta::read).map_err(unusable)?;
        let empty = || OpenError::Unusable { path: name, what: "no server has used it yet".to_owned() };
        let meta = known.ok_or_else(empty)?;
        let clock = Arc::new(GameClock::start(meta.time_at_opening(Uptime::now()), options.wall));
        clock.stop();
        let queue = Arc::new(Queue::default());
        queue.shut();
        let reader = Arc::new(Reader::new(slot, QuizReader::new(options.quiz_cache), meta.random));
        Ok(Self { reader, queue, clock, reaping: Reaping::default(), patience: options.patience })
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
