//! A backup while the store is used: a snapshot, copied table by table in slices.
//!
//! The snapshot is a read transaction and the overlay of the same moment. Everything that was acknowledged before
//! is in it. As long as it is read, redb reuses none of the pages that it needs, so the file grows by what is
//! changed meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ::redb::{Key, ReadTransaction, ReadableTableMetadata, TableDefinition, TableError, Value};

use super::file::OpenError;
use super::growth_gate::Growth;
use super::inspection::{BackupMark, Content, DamagedGame, FileReport, InspectedFile, Remarks};
use super::meta::{Meta, UNUSED};
use super::new_file::{NewFile, SLICE, TABLES};
use super::open::random;
use super::overlay::OverlayView;
use super::reads::Reader;
use super::rewrite::rewrite;
use super::{EVENTS, EXPIRY_INDEX, JOINS, OWNERS, QUESTION_ENDS, QUESTIONS, QUIZZES, RedbStore, SESSIONS, commit};
use crate::domain::WallTime;
use crate::store::backup::{BackupError, BackupReport, BackupSource, CopyControl};
use crate::store::clock::{Clock, Uptime};
use crate::store::contract::Cause;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// Row changes of the overlay in one slice.
const MOST_CHANGES: usize = 1_000;
/// Rows or games in a slice that is read back.
const READ_AT_ONCE: usize = 200;
/// How many damaged games a backup names in the log.
const MOST_NAMED: usize = 20;
/// How much less the thread of a backup counts than those of players.
const NICENESS: i32 = 10;

/// Everything that was committed at one moment.
struct Snapshot {
    view: Arc<OverlayView>,
    transaction: ReadTransaction,
    /// The number of the opening of the file that the transaction belongs to.
    opening: u64,
}

impl Snapshot {
    fn take(reader: &Reader) -> StoreResult<Self> {
        loop {
            // In this order, as for every read.
            let view = reader.overlay.view();
            let (transaction, opening) = reader.slot.begin_long_read()?;
            if reader.overlay.fits(&view) {
                return Ok(Self { view, transaction, opening });
            }
        }
    }
}

/// A copy in progress.
struct LiveCopy<'a> {
    reader: &'a Reader,
    growth: &'a Growth,
    snapshot: &'a Snapshot,
    new: NewFile,
}

impl LiveCopy<'_> {
    /// Copies a table in slices. The file can be closed and opened again between two of them, and then the copy
    /// ends: another opening does not know of the pages that this snapshot needs.
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        name: &'static str,
        table: TableDefinition<'_, K, V>,
    ) -> Result<(), BackupError> {
        let Snapshot { transaction, opening, .. } = self.snapshot;
        let (slot, opening) = (&self.reader.slot, *opening);
        let mut rows = slot.read_on(opening, || {
            let table = transaction.open_table(table).map_err(StoreError::unavailable)?;
            table.range::<K::SelfType<'_>>(..).map_err(StoreError::unavailable)
        })?;
        loop {
            let slice = slot.read_on(opening, || {
                let (mut slice, mut bytes) = (Vec::new(), 0);
                while bytes < SLICE {
                    let Some(row) = rows.next() else { break };
                    let (key, value) = row.map_err(StoreError::unavailable)?;
                    let (key, value) = (key.value(), value.value());
                    let (key, value) = (K::as_bytes(&key), V::as_bytes(&value));
                    let (key, value) = (key.as_ref().to_vec(), value.as_ref().to_vec());
                    bytes += key.len() + value.len();
                    slice.push((key, value));
                }
                Ok(slice)
            })?;
            if slice.is_empty() {
                return Ok(());
            }
            for (key, value) in slice {
                self.new.put(name, &key, &value)?;
            }
            if self.growth.refusal() == Some(Cause::Full) {
                return Err(BackupError::NoSpaceForGames);
            }
        }
    }

    fn all(&mut self) -> Result<(), BackupError> {
        self.table("sessions", SESSIONS)?;
        self.table("quizzes", QUIZZES)?;
        self.table("questions", QUESTIONS)?;
        self.table("question_ends", QUESTION_ENDS)?;
        self.table("hints", EXPIRY_INDEX)?;
        self.table("events", EVENTS)?;
        self.table("joins", JOINS)?;
        self.table("owners", OWNERS)?;
        self.new.flush()
    }

    /// Writes the rows of the overlay over those of the tables, as a checkpoint would.
    fn overlay(&mut self, meta: &Meta, control: &CopyControl) -> Result<(), BackupError> {
        let view = &self.snapshot.view;
        let lower = view.lower.iter().flat_map(|(layer, _)| layer.ops());
        let ops: Vec<_> = lower.chain(view.upper.ops()).collect();
        for changes in ops.chunks(MOST_CHANGES) {
            let begun = Instant::now();
            let Some(database) = self.new.database() else { return Err(BackupError::Stopped) };
            commit::store(database, changes, meta).map_err(|error| match error.into_store_error() {
                StoreError::Full => BackupError::full(self.new.path()),
                error => BackupError::Unproved(error.to_string()),
            })?;
            control.after_slice(begun.elapsed())?;
        }
        Ok(())
    }
}

/// How many rows the tables of a snapshot have.
fn rows(transaction: &ReadTransaction) -> StoreResult<u64> {
    let count = |table: &str| {
        let handles = transaction.list_tables().map_err(StoreError::unavailable)?;
        let Some(handle) = handles.into_iter().find(|handle| ::redb::TableHandle::name(handle) == table) else {
            return Ok(0);
        };
        match transaction.open_untyped_table(handle) {
            Ok(table) => table.len().map_err(StoreError::unavailable),
            Err(TableError::TableDoesNotExist(_)) => Ok(0),
            Err(error) => Err(StoreError::unavailable(error)),
        }
    };
    TABLES.iter().map(|table| count(table)).sum()
}

/// Leaves out games that can't be read, because a backup with them could not be restored. Most files are whole, and
/// `new` stays as it is. Also returns how many games are left out.
fn without_damaged(
    new: NewFile,
    target: &Path,
    meta: &Meta,
    control: &CopyControl,
) -> Result<(NewFile, u64), BackupError> {
    let unproved = |error: OpenError| BackupError::Unproved(error.to_string());
    let file = InspectedFile::open(new.path(), false).map_err(unproved)?;
    let mut slices = ReadSlices::of(control);
    let report = FileReport::of(&file, || slices.step());
    slices.end()?;
    if report.is_whole() {
        return Ok((new, 0));
    }
    for DamagedGame { name, why } in report.damaged.iter().take(MOST_NAMED) {
        tracing::warn!(session = %name, why, "a damaged game is left out of the backup");
    }
    // `file` holds the copy meanwhile, so that it is not taken for one that was left.
    let mut whole = NewFile::beside(target, control)?;
    rewrite(&file, &mut whole, &mut |_, _| Ok(()))?;
    whole.close(meta)?;
    Ok((whole, report.damaged.len() as u64))
}

/// Pauses after each slice of rows or games that are read.
struct ReadSlices<'a> {
    control: &'a CopyControl,
    steps: usize,
    begun: Instant,
    stopped: Option<BackupError>,
}

impl<'a> ReadSlices<'a> {
    fn of(control: &'a CopyControl) -> Self {
        Self { control, steps: 0, begun: Instant::now(), stopped: None }
    }

    /// Called after each row or game.
    fn step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(READ_AT_ONCE) && self.stopped.is_none() {
            self.stopped = self.control.after_slice(self.begun.elapsed()).err();
            self.begun = Instant::now();
        }
    }

    /// An error if the copy was to end meanwhile.
    fn end(self) -> Result<(), BackupError> {
        self.stopped.map_or(Ok(()), Err)
    }
}

/// Reads the written file back, writes into it what it holds, and gives it its name.
pub(super) fn prove_and_name(
    mut new: NewFile,
    target: &Path,
    (taken_at, generation): (WallTime, u64),
    control: &CopyControl,
) -> Result<BackupReport, BackupError> {
    let content = read_back(&new, control)?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let Content { games, checksum, .. } = content;
    let mark = format::encode(&BackupMark { taken_at, version, games, generation, checksum })?;
    new.mark(&mark)?;
    let bytes = std::fs::metadata(new.path()).map_err(|cause| BackupError::io(new.path(), cause))?.len();
    new.name(target, false)?;
    Ok(BackupReport { file: target.to_owned(), bytes, games, left_out: 0, taken_at, took: std::time::Duration::ZERO })
}

/// Reads all pages and rows of a written file, in slices too.
fn read_back(new: &NewFile, control: &CopyControl) -> Result<Content, BackupError> {
    let unproved = |what: String| BackupError::Unproved(what);
    let file = InspectedFile::open(new.path(), false).map_err(|error| unproved(error.to_string()))?;
    let mut slices = ReadSlices::of(control);
    let content = Content::of(&file, || slices.step());
    slices.end()?;
    if content.is_sound && file.remarks == Remarks::default() && file.other_damage().is_empty() {
        return Ok(content);
    }
    Err(unproved("a page is not as it was written; check the disk".to_owned()))
}

impl BackupSource for RedbStore {
    fn back_up(&self, target: &Path, control: &CopyControl) -> Result<BackupReport, BackupError> {
        let begun = Instant::now();
        if target.exists() {
            return Err(BackupError::Exists(target.to_owned()));
        }
        // Only this thread. Where it is not allowed the backup is made all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        let (reader, growth) = (&*self.reader, &*self.growth);
        let taken_at = self.clock.wall();
        let snapshot = Snapshot::take(reader)?;
        // After the snapshot: no game in it knows a later time.
        let now = self.clock.moment().now;
        let (stored, total) = reader
            .slot
            .read_on(snapshot.opening, || Ok((Meta::read(&snapshot.transaction)?, rows(&snapshot.transaction)?)))?;
        let stored = stored.ok_or(BackupError::Source("it has no metadata".to_owned()))?;
        control.progress.begin(total);
        let random = random().map_err(|error| BackupError::Source(error.to_string()))?;
        let (uptime, identity) = (Uptime::now(), Some(UNUSED));
        let meta = Meta { random, time: now.max(stored.time), uptime, clean: true, identity, ..stored };
        let mut copy = LiveCopy { reader, growth, snapshot: &snapshot, new: NewFile::beside(target, control)? };
        copy.all()?;
        copy.overlay(&meta, control)?;
        let LiveCopy { mut new, .. } = copy;
        // From here on redb may reuse the pages of the snapshot.
        drop(snapshot);
        new.close(&meta)?;
        let (new, left_out) = without_damaged(new, target, &meta, control)?;
        let report = prove_and_name(new, target, (taken_at, meta.generation), control)?;
        Ok(BackupReport { took: begun.elapsed(), left_out, ..report })
    }

    fn name(&self) -> String {
        self.reader.slot.file_stem()
    }
}
