//! Opening the store: what is read from the file, proved by a first commit, and started then.

use std::path::PathBuf;
use std::sync::Arc;

use super::file::{self, OpenError, Opener};
use super::growth::{self, Growth};
use super::meta::{Meta, Opening};
use super::note::Note;
use super::queue::Queue;
use super::quizzes::QuizReader;
use super::reads::Reader;
use super::reaping::Reaping;
use super::slot::{DAMAGED_PAGE, Slot};
use super::writer::Writer;
use super::{RedbOptions, RedbStore, commit};
use crate::domain::Timestamp;
use crate::store::clock::{GameClock, Uptime};
use crate::store::condition::Condition;
use crate::store::error::StoreError;

impl RedbStore {
    /// Opens the database and starts its writer. What was committed before is there.
    ///
    /// # Errors
    /// [`OpenError`], when another process holds the file, or it is damaged, of another release,
    /// or can't be written.
    pub fn open(opener: Opener, options: RedbOptions) -> Result<Self, OpenError> {
        let (name, is_new_epoch) = (opener.name(), opener.is_new_epoch);
        let (note, noted) = Note::open(opener.path());
        let slot = Slot::open(opener)?;
        let known = slot.read(Meta::read).map_err(|error| unusable(&name, &error))?;
        let identity = slot.identity();
        let other_life = known.and_then(|meta| meta.other_life(identity, noted));
        if let (Some(why), Some(Meta { clean: false, .. })) = (other_life, known) {
            // What a server was writing at when it was copied may be torn anywhere.
            tracing::warn!("{name} was not closed, and {why}: all of it is checked, which takes its time");
            slot.check()?;
        }
        let mut meta = known.map_or_else(|| new_meta(&options), Ok)?;
        if let Some(why) = other_life.or(is_new_epoch.then_some("a new epoch was asked for")) {
            tracing::warn!("{name}: {why}; everyone who comes back gets a whole snapshot");
            meta.random = random()?;
        }
        let uptime = Uptime::now();
        let opening = meta.opening(uptime);
        let base = meta.time_at_opening(uptime);
        // Not clean any more, and the file can be written: both proved by one durable commit.
        let (batches, generation) = (meta.batches + 1, meta.generation + 1);
        let meta = Meta { time: base, uptime, batches, generation, identity, clean: false, ..meta };
        let has_reserve = known.is_some() && slot.read(commit::has_reserve).map_err(|error| unusable(&name, &error))?;
        let reserved = growth::reserved(slot.length());
        let first = slot.with(|database| {
            let first = commit::store_meta(database, &meta);
            Ok(if has_reserve { first } else { first.and_then(|()| commit::fill_reserve(database, &meta, reserved)) })
        });
        let first = first.map_err(OpenError::Unwritable)?;
        let is_full = first.as_ref().is_err_and(|error| error.is_full()) && known.is_some();
        if is_full {
            // What is there can be read until there is space again.
            slot.reopen()?;
        } else {
            first.map_err(|error| OpenError::Unwritable(error.into_store_error()))?;
            note.write(meta.progress());
        }
        let clock = Arc::new(GameClock::start(base, options.wall.clone()));
        let (store, rules) = Parts { slot, options, clock, random: meta.random, opening }.into_store();
        let writer = Writer::new(&store, rules, meta, note);
        if is_full {
            writer.start_full();
        }
        writer.start().map_err(|source| OpenError::Io { path: "the writer's thread".to_owned(), source })?;
        Ok(store)
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
        let slot = Slot::open_read_only(path, cache_size)?;
        let known = slot.read(Meta::read).map_err(|error| unusable(&name, &error))?;
        let empty = || OpenError::Unusable { path: name, what: "no server has used it yet".to_owned() };
        let meta = known.ok_or_else(empty)?;
        let (uptime, wall) = (Uptime::now(), options.wall.clone());
        let clock = Arc::new(GameClock::start(meta.time_at_opening(uptime), wall));
        clock.stop();
        let opening = meta.opening(uptime);
        let (store, _) = Parts { slot, options, clock, random: meta.random, opening }.into_store();
        store.queue.shut();
        Ok(store)
    }
}

/// What a store is made of.
struct Parts {
    slot: Slot,
    options: RedbOptions,
    clock: Arc<GameClock>,
    random: u64,
    opening: Opening,
}

impl Parts {
    fn into_store(self) -> (RedbStore, crate::store::step::Rules) {
        let Self { slot, options, clock, random, opening } = self;
        let RedbOptions { rules, wall, patience, quiz_cache } = options;
        let reader = Arc::new(Reader::new(slot, QuizReader::new(quiz_cache), random));
        let condition = Arc::new(Condition::good(wall));
        let (queue, growth) = (Arc::new(Queue::default()), Arc::new(Growth::default()));
        let reaping = Reaping::default();
        (RedbStore { reader, queue, clock, condition, growth, reaping, patience, opening }, rules)
    }
}

fn unusable(name: &str, error: &StoreError) -> OpenError {
    if let StoreError::Corrupt { what } = error
        && what == DAMAGED_PAGE
    {
        return file::damaged(name, what);
    }
    OpenError::Unusable { path: name.to_owned(), what: error.to_string() }
}

fn random() -> Result<u64, OpenError> {
    getrandom::u64().map_err(|error| unusable("the machine's random", &StoreError::unavailable(error)))
}

fn new_meta(options: &RedbOptions) -> Result<Meta, OpenError> {
    // Game time begins at the wall clock's date, so that ids sort by age, and never looks again.
    let time = Timestamp::from_millis((options.wall)().0);
    let uptime = Uptime::now();
    Ok(Meta { random: random()?, time, uptime, batches: 0, clean: true, generation: 0, identity: None })
}
