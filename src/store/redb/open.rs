//! Opening the store: reads the metadata and the log, proves with a first durable commit that the file can be
//! written, and then starts the writer.

use std::path::PathBuf;
use std::sync::Arc;

use ::redb::StorageBackend;

use super::checkpoint::Checkpointer;
use super::database_slot::{DAMAGED_PAGE, DatabaseSlot};
use super::file::{self, DatabaseOpener, OpenError};
use super::file_note::{FileProgress, Note};
use super::growth_gate::{self, Growth};
use super::log::{self, CommitLog, RecoveredLog};
use super::meta::{Meta, Opening};
use super::overlay::{Layer, OverlayView};
use super::queue::Queue;
use super::quizzes::QuizReader;
use super::reads::Reader;
use super::row_changes::Op;
use super::sweep_pace::Reaping;
use super::writer::{Logging, Writer};
use super::{RedbOptions, RedbStore, commit};
use crate::domain::Timestamp;
use crate::store::clock::{GameClock, Uptime};
use crate::store::condition::Condition;
use crate::store::error::{StoreError, StoreResult};

impl RedbStore {
    /// Opens the database, creates it if it is missing, and starts its writer. Everything that was committed
    /// before can be read, whether it is in the tables or only in the log.
    ///
    /// # Errors
    /// [`OpenError`] if another process holds the file, or if the file is damaged, of another release, or not
    /// writable.
    pub fn open(opener: DatabaseOpener, options: RedbOptions) -> Result<Self, OpenError> {
        let (name, is_new_epoch, is_file) = (opener.name(), opener.is_new_epoch, opener.path().is_some());
        let log_name = opener
            .path()
            .map_or_else(|| format!("the log of {name}"), |path| file::log_path(path).display().to_string());
        let (note, noted) = Note::open(opener.path());
        let slot = DatabaseSlot::open(opener)?;
        let stored = slot.read(Meta::read).map_err(|error| unusable(&name, &error))?;
        let identity = slot.identity();
        let log = slot.open_log().map_err(|cause| OpenError::Io { path: log_name.clone(), cause })?;
        let Recovered { found, view, meta: known } = match (stored, &log) {
            (Some(meta), Some(place)) => recover(&*place.storage, meta).map_err(|error| unusable(&name, &error))?,
            (known, Some(place)) => {
                Recovered::beside(known, &*place.storage).map_err(|error| unusable(&name, &error))?
            }
            (known, None) => Recovered::nothing(known),
        };
        let damaged = found.is_damaged.then_some("its log is damaged, and the newest batches in it are lost");
        let other_life = damaged.or(known.and_then(|meta| meta.other_life(identity, noted)));
        let is_cut = is_file && stored.is_some_and(|meta| !is_end_known(&found, &meta, noted));
        let other_life = other_life.or(is_cut.then_some(
            "its log and its note are missing, damaged, or older than the file: what was committed last may be missing",
        ));
        match (other_life, known) {
            (Some(why), Some(Meta { clean: false, .. })) => {
                // A copy that was made while a server wrote to the file may be torn anywhere: check all of
                // it.
                tracing::warn!("{name} was not closed cleanly, and {why}; the whole file is checked, which takes time");
                slot.check()?;
            }
            // The file is new, or so torn that not even its metadata is found.
            (_, None) => slot.check()?,
            _ => {}
        }
        let mut meta = known.map_or_else(|| new_meta(&options), Ok)?;
        let other_life = other_life.or(is_new_epoch.then_some("--new-epoch is set"));
        if let Some(why) = other_life {
            tracing::warn!("{name}: {why}; players who come back to a room get a complete snapshot");
            meta.random = random()?;
        }
        // Whether the first commit also takes the rows of the log into the tables. It must if the random
        // changes, because log entries carry the old one, and if the log is turned off. It may if there are
        // no rows.
        let checkpoints = other_life.is_some() || slot.log_options().is_none() || view.is_empty();
        let uptime = Uptime::now();
        let opening = meta.opening(uptime);
        let base = meta.time_at_opening(uptime);
        // One durable commit marks the file as not cleanly closed, and proves that it can be written.
        let (batches, generation) = (meta.batches + u64::from(checkpoints), meta.generation + 1);
        let meta = Meta { time: base, uptime, batches, generation, identity, clean: false, ..meta };
        let has_reserve = stored.is_some() && slot.read(commit::reserve).map_err(|error| unusable(&name, &error))? > 0;
        let reserved = growth_gate::reserved(slot.length());
        let in_tables = if checkpoints { batches } else { stored.map_or(0, |stored| stored.batches) };
        let first = slot.with(|database| {
            let meta = Meta { batches: in_tables, ..meta };
            let ops = if checkpoints { view.upper.ops() } else { Vec::new() };
            let first = commit::store(database, &ops, &meta);
            Ok(if has_reserve { first } else { first.and_then(|()| commit::fill_reserve(database, &meta, reserved)) })
        });
        let first = first.map_err(OpenError::Unwritable)?;
        let can_wait = stored.is_some() && (!checkpoints || view.is_empty());
        let is_full = first.as_ref().is_err_and(|error| error.is_full()) && can_wait;
        if is_full {
            // The disk is full, but nothing is lost by waiting: serve reads until there is space again.
            slot.reopen()?;
        } else {
            first.map_err(|error| OpenError::Unwritable(error.into_store_error()))?;
            // After the commit: a note that is ahead of the file would make it look like an old copy.
            note.write(meta.progress());
        }
        let clock = Arc::new(GameClock::start(base, options.wall.clone()));
        let (store, rules) = StoreParts { slot, options, clock, random: meta.random, opening }.into_store();
        // A log continues from the batch that the tables hold. If they had no space for this opening's batch,
        // start without a log.
        let log = log.filter(|_| !is_full || !checkpoints);
        let view = if checkpoints { OverlayView { batch: batches, ..OverlayView::default() } } else { view };
        // Before anything can read the store: until then reads would miss the rows of the log.
        store.reader.overlay.publish(view.clone());
        let logging = store.open_logging(log, &meta, found, (view, in_tables));
        let logging = logging.map_err(|cause| OpenError::Io { path: log_name, cause })?;
        let writer = Writer::new(&store, rules, meta, note, logging);
        if is_full {
            writer.start_full();
        }
        writer.start().map_err(|cause| OpenError::Io { path: "the writer's thread".to_owned(), cause })?;
        Ok(store)
    }

    /// Opens the log for appending. `None` if batches must be committed to the tables directly: the log is
    /// turned off, or there is no disk space for the file to grow or for the log.
    fn open_logging(
        &self,
        place: Option<log::LogStorage>,
        meta: &Meta,
        found: RecoveredLog,
        (view, in_tables): (OverlayView, u64),
    ) -> std::io::Result<Option<Logging>> {
        let (Some(mut place), slot) = (place, &self.reader.slot) else { return Ok(None) };
        let is_needed = !view.is_empty();
        let Some(options) = slot.log_options() else {
            place.storage.set_len(0)?;
            return Ok(None);
        };
        if found.is_damaged || found.is_foreign {
            slot.set_log_aside(if found.is_damaged { "is damaged" } else { "belongs to another file" })?;
            drop(place);
            let Some(new) = slot.open_log()? else { return Ok(None) };
            place = new;
        }
        if !is_needed && !slot.can_grow() {
            return Ok(None);
        }
        let log = if is_needed {
            CommitLog::open(place, meta.random, &found)
        } else {
            CommitLog::open_anew(place, meta.random)
        };
        let log = match log {
            Err(error) if !is_needed => {
                tracing::warn!(%error, "the log cannot be used; commits go to the file directly");
                return Ok(None);
            }
            log => log?,
        };
        let checkpointer = Checkpointer::start(self.reader.clone(), self.queue.clone())?;
        Ok(Some(Logging::new(log, checkpointer, options.rule, view, in_tables)))
    }

    /// Opens the file at `path` for reading only. Nothing in it changes, and its game time stands still.
    /// Every change is refused with `Unavailable`. There is one exception: if the server of the file was
    /// killed, redb repairs the file first.
    ///
    /// # Errors
    /// [`OpenError`] if another process holds the file, or if the file is missing, damaged, of another
    /// release, or new and empty.
    pub fn open_read_only(path: PathBuf, cache_size: usize, options: RedbOptions) -> Result<Self, OpenError> {
        let (name, log_name) = (path.display().to_string(), file::log_path(&path).display().to_string());
        let (log, noted) = (file::open_log_read_only(&path), Note::look(&path));
        let slot = DatabaseSlot::open_read_only(path, cache_size)?;
        let known = slot.read(Meta::read).map_err(|error| unusable(&name, &error))?;
        let empty = || OpenError::Unusable { path: name.clone(), what: "no server has used it yet".to_owned() };
        let meta = known.ok_or_else(empty)?;
        let log = log.map_err(|cause| OpenError::Io { path: log_name, cause })?;
        let Recovered { found, view, meta } = match &log {
            Some(log) => recover(&**log, meta).map_err(|error| unusable(&name, &error))?,
            None => Recovered::nothing(Some(meta)),
        };
        let meta = meta.ok_or_else(empty)?;
        let (uptime, wall) = (Uptime::now(), options.wall.clone());
        let clock = Arc::new(GameClock::start(meta.time_at_opening(uptime), wall));
        clock.stop();
        let opening = meta.opening(uptime);
        let (mut store, _) = StoreParts { slot, options, clock, random: meta.random, opening }.into_store();
        store.missing = missing(&found, &meta, noted);
        store.reader.overlay.publish(view);
        store.queue.shut();
        Ok(store)
    }
}

/// What a file holds after its log was read.
pub(super) struct Recovered {
    pub(super) found: RecoveredLog,
    /// The rows that are in the log and not in the tables.
    pub(super) view: OverlayView,
    /// The file's metadata after the last batch in the log; `None` if the file is new.
    pub(super) meta: Option<Meta>,
}

impl Recovered {
    pub(super) fn nothing(meta: Option<Meta>) -> Self {
        let batch = meta.map_or(0, |meta| meta.batches);
        Self { found: RecoveredLog::default(), view: OverlayView { batch, ..OverlayView::default() }, meta }
    }

    /// For a new file next to an existing log: reports what is in the log, and uses none of it.
    fn beside(meta: Option<Meta>, log: &dyn StorageBackend) -> StoreResult<Self> {
        let found = log::find(log, 0, 0, |_| ()).map_err(StoreError::unavailable)??;
        Ok(Self { found, ..Self::nothing(meta) })
    }
}

/// Reads the batches that were committed to the log after the last one in the tables.
pub(super) fn recover(log: &dyn StorageBackend, meta: Meta) -> StoreResult<Recovered> {
    let mut upper = Layer::default();
    let take = |ops: Vec<Op>| ops.into_iter().for_each(|op| upper.apply(op));
    let found = log::find(log, meta.random, meta.batches, take).map_err(StoreError::unavailable)??;
    let meta = match found.last {
        Some(log::BatchHead { batch, time, uptime }) => {
            // The tables can have a later time than the last log entry: the reserve is committed to them
            // directly.
            let (time, uptime) = if time >= meta.time { (time, uptime) } else { (meta.time, meta.uptime) };
            Meta { batches: batch, time, uptime, clean: false, ..meta }
        }
        None => meta,
    };
    let view = OverlayView { upper, lower: None, batch: meta.batches };
    Ok(Recovered { found, view, meta: Some(meta) })
}

/// Reads the log of a file that has lost its metadata. `noted` says which file it was, and which batch was committed to
/// it last. The log counts only if its batches lead up to that one without a gap: then it has the newest state of all
/// rows that it names, whichever of its batches the tables have too. `None` if it does not.
pub(super) fn recover_by_note(log: &dyn StorageBackend, noted: FileProgress) -> StoreResult<Option<Recovered>> {
    let FileProgress { random, generation, .. } = noted;
    let (time, uptime) = (Timestamp::from_millis(0), Uptime::now());
    for first in log::first_batches(log, random).map_err(StoreError::unavailable)? {
        let batches = first.saturating_sub(1);
        let meta = Meta { random, time, uptime, batches, clean: false, generation, identity: None };
        let recovered = recover(log, meta)?;
        let reaches = recovered.found.last.is_some_and(|last| last.batch >= noted.batches);
        if reaches && !recovered.found.is_damaged {
            return Ok(Some(recovered));
        }
    }
    Ok(None)
}

/// Which committed data is known to be missing from a file and its log; `None` if nothing is.
pub(super) fn missing(found: &RecoveredLog, meta: &Meta, noted: Option<FileProgress>) -> Option<String> {
    if found.is_damaged {
        return Some("its log is damaged, and the newest batches in it are lost".to_owned());
    }
    let noted = noted.filter(|noted| noted.random == meta.random && noted.batches > meta.batches)?;
    let count = noted.batches - meta.batches;
    Some(format!("the last {count} batches that were committed to it are not there: is its log missing or damaged?"))
}

/// Whether the log or the note shows which batch was committed last to a file with this metadata in its tables. The log
/// of a killed file goes at least as far as the tables, and its note is at most one batch behind.
pub(super) fn is_end_known(found: &RecoveredLog, meta: &Meta, noted: Option<FileProgress>) -> bool {
    let FileProgress { random, generation, batches } = meta.progress();
    let is_as_far = |noted: FileProgress| {
        noted.random == random && noted.generation == generation && noted.batches.saturating_add(1) >= batches
    };
    meta.clean || found.highest >= batches || noted.is_some_and(is_as_far)
}

/// What a [`RedbStore`] is built from.
struct StoreParts {
    slot: DatabaseSlot,
    options: RedbOptions,
    clock: Arc<GameClock>,
    random: u64,
    opening: Opening,
}

impl StoreParts {
    fn into_store(self) -> (RedbStore, crate::store::step::ApplyFn) {
        let Self { slot, options, clock, random, opening } = self;
        let RedbOptions { rules, wall, patience, quiz_cache } = options;
        let reader = Arc::new(Reader::new(slot, QuizReader::new(quiz_cache), random));
        let condition = Arc::new(Condition::good(wall));
        let (queue, growth) = (Arc::new(Queue::default()), Arc::new(Growth::default()));
        let reaping = Reaping::default();
        let missing = None;
        (RedbStore { reader, queue, clock, condition, growth, reaping, patience, opening, missing }, rules)
    }
}

pub(super) fn unusable(name: &str, error: &StoreError) -> OpenError {
    if let StoreError::Corrupt { what } = error
        && what == DAMAGED_PAGE
    {
        return file::damaged(name, what);
    }
    OpenError::Unusable { path: name.to_owned(), what: error.to_string() }
}

pub(super) fn random() -> Result<u64, OpenError> {
    getrandom::u64().map_err(|error| unusable("the machine's random", &StoreError::unavailable(error)))
}

fn new_meta(options: &RedbOptions) -> Result<Meta, OpenError> {
    // Game time begins at the wall clock's date, so that ids sort by age. After that it never follows the
    // wall clock.
    let time = Timestamp::from_millis((options.wall)().0);
    let uptime = Uptime::now();
    Ok(Meta { random: random()?, time, uptime, batches: 0, clean: true, generation: 0, identity: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_note_or_the_log_shows_to_be_missing_is_told() {
        let time = Timestamp::from_millis(0);
        let uptime = Uptime::now();
        let meta = Meta { random: 7, time, uptime, batches: 5, clean: false, generation: 1, identity: None };
        let told = |random, batches, is_damaged| {
            let noted = FileProgress { random, generation: 1, batches };
            let mut found = RecoveredLog::default();
            found.is_damaged = is_damaged;
            missing(&found, &meta, Some(noted)).unwrap_or_default()
        };
        assert_eq!((told(7, 5, false), told(7, 4, false), told(8, 9, false)), Default::default());
        assert!(told(7, 8, false).contains("the last 3 batches"));
        assert!(told(7, 5, true).contains("damaged"));
        assert_eq!(missing(&RecoveredLog::default(), &meta, None), None);
    }
}
