//! A backup while the store is used: a snapshot, copied table by table in slices.
//!
//! The snapshot is a read transaction and the overlay of the same moment. Everything that was acknowledged before
//! is in it. As long as it is read, redb reuses none of the pages that it needs, so the file grows by what is
//! changed meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ::redb::{Key, ReadTransaction, ReadableTableMetadata, TableDefinition, TableError, Value};

use super::growth_gate::Growth;
use super::inspection::{BackupMark, Content, InspectedFile};
use super::meta::{Meta, UNUSED};
use super::new_file::{NewFile, SLICE, TABLES};
use super::open::random;
use super::overlay::OverlayView;
use super::reads::Reader;
use super::{EVENTS, EXPIRY_INDEX, JOINS, OWNERS, QUESTION_ENDS, QUESTIONS, QUIZZES, RedbStore, SESSIONS, commit};
use crate::domain::WallTime;
use crate::store::backup::{BackupError, BackupReport, BackupSource, CopyControl};
use crate::store::clock::{Clock, Uptime};
use crate::store::contract::Cause;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// Row changes of the overlay in one slice.
const MOST_CHANGES: usize = 1_000;
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
                return Err(BackupError::Full("for the games"));
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
                StoreError::Full => BackupError::Full("for it"),
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
    Ok(BackupReport { file: target.to_owned(), bytes, games, taken_at, took: std::time::Duration::ZERO })
}

/// Reads all pages and rows of a written file, in slices too.
fn read_back(new: &NewFile, control: &CopyControl) -> Result<Content, BackupError> {
    let unproved = |what: String| BackupError::Unproved(what);
    let file = InspectedFile::open(new.path(), false).map_err(|error| unproved(error.to_string()))?;
    let (mut rows, mut begun, mut stopped) = (0_u64, Instant::now(), None);
    let content = Content::of(&file, || {
        rows += 1;
        if rows.is_multiple_of(MOST_CHANGES as u64) && stopped.is_none() {
            stopped = control.after_slice(begun.elapsed()).err();
            begun = Instant::now();
        }
    });
    match stopped {
        Some(stopped) => Err(stopped),
        None if content.is_sound && file.notes.is_empty() && file.other_damage().is_empty() => Ok(content),
        None => Err(unproved("a page is not as it was written; check the disk".to_owned())),
    }
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
        let report = prove_and_name(new, target, (taken_at, meta.generation), control)?;
        Ok(BackupReport { took: begun.elapsed(), ..report })
    }

    fn name(&self) -> String {
        self.reader.slot.file_stem()
    }
}
