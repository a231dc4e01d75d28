//! A database file that is written from beginning to end, in slices, and gets its name when it is complete.
//!
//! Invariant: a process that ends in between leaves nothing at the target, only a temporary file, which the next
//! copy into that folder removes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, Key, TableDefinition, Value, WriteTransaction};
use tempfile::TempPath;

use super::file::{folder_of, sync_folder};
use super::meta::Meta;
use super::{EVENTS, EXPIRY_INDEX, JOINS, OWNERS, QUESTION_ENDS, QUESTIONS, QUIZZES, SESSIONS};
use crate::store::backup::{BackupError, CopyControl, UNFINISHED};
use crate::store::panics;

/// Bytes of rows in one slice. Each slice is synced by itself, and a log that is synced meanwhile waits for that: with
/// 512 KiB, players' p99 was twice as long.
pub(super) const SLICE: usize = 128 * 1024;
/// redb's page cache for the new file, in bytes.
const CACHE: usize = 8 * 1024 * 1024;

/// What a file says about itself as a backup.
pub(super) const BACKUP: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("backup");

/// The key and the value of a row, as redb stores them.
pub(super) type RawRow = (Vec<u8>, Vec<u8>);

/// A new file that is not complete yet.
pub(super) struct NewFile {
    database: Option<Database>,
    /// The file under its temporary name.
    path: TempPath,
    control: CopyControl,
    slice: BTreeMap<&'static str, Vec<RawRow>>,
    /// Bytes of the rows in `slice`.
    bytes: usize,
    begun: Instant,
}

impl NewFile {
    /// Creates a file beside `target`, for the same user only.
    pub(super) fn beside(target: &Path, control: &CopyControl) -> Result<Self, BackupError> {
        let folder = folder_of(target);
        remove_unfinished(folder);
        let failed = |cause| BackupError::io(folder, cause);
        let created = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
        let (file, path) = created.into_parts();
        let database = open(file, &path)?;
        let (slice, bytes, begun) = (BTreeMap::new(), 0, Instant::now());
        Ok(Self { database: Some(database), path, control: control.clone(), slice, bytes, begun })
    }

    /// The path under which the file is written.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a row, in redb's own encoding. `table` is one of those with rows of games.
    pub(super) fn put(&mut self, table: &'static str, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        self.bytes += key.len() + value.len();
        self.slice.entry(table).or_default().push((key.to_vec(), value.to_vec()));
        if self.bytes >= SLICE { self.flush() } else { Ok(()) }
    }

    /// Adds a row of a table whose keys and values are at hand.
    pub(super) fn put_typed<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: &'static str,
        key: &K::SelfType<'_>,
        value: &V::SelfType<'_>,
    ) -> Result<(), BackupError> {
        self.put(table, K::as_bytes(key).as_ref(), V::as_bytes(value).as_ref())
    }

    /// Writes the rows that were added since the last slice, and syncs them.
    pub(super) fn flush(&mut self) -> Result<(), BackupError> {
        let slice = std::mem::take(&mut self.slice);
        self.bytes = 0;
        let rows: usize = slice.values().map(Vec::len).sum();
        self.transact(|transaction| slice.iter().try_for_each(|(table, rows)| insert(transaction, table, rows)))?;
        self.control.progress.add(rows as u64);
        self.control.after_slice(self.begun.elapsed())?;
        self.begun = Instant::now();
        Ok(())
    }

    /// Runs one durable transaction.
    pub(super) fn transact(
        &self,
        fill: impl FnOnce(&WriteTransaction) -> Result<(), ::redb::Error>,
    ) -> Result<(), BackupError> {
        let failed = |error: ::redb::Error| explain(&self.path, error);
        let Some(database) = &self.database else { return Err(BackupError::Stopped) };
        let run = || -> Result<(), ::redb::Error> {
            let transaction = database.begin_write()?;
            fill(&transaction)?;
            Ok(transaction.commit()?)
        };
        panics::catch(run).unwrap_or_else(|met| Err(::redb::Error::Corrupted(met))).map_err(failed)
    }

    /// The database that is being written.
    pub(super) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Writes what is left and the file's metadata, and closes the file. Every table exists then.
    pub(super) fn close(&mut self, meta: &Meta) -> Result<(), BackupError> {
        self.flush()?;
        self.transact(|transaction| {
            for table in TABLES {
                insert(transaction, table, &[])?;
            }
            meta.write(transaction)
        })?;
        self.shut()
    }

    fn shut(&mut self) -> Result<(), BackupError> {
        let Some(database) = self.database.take() else { return Ok(()) };
        // Closing shortens the file to what it needs.
        let closed = panics::catch(|| database.close()).map_err(BackupError::Unproved)?;
        closed.map_err(|error| explain(&self.path, error.into()))
    }

    /// Opens the closed file once more, to write what it says about itself as a backup.
    pub(super) fn mark(&mut self, record: &[u8]) -> Result<(), BackupError> {
        let file = File::options().read(true).write(true).open(&self.path);
        self.database = Some(open(file.map_err(|cause| BackupError::io(&self.path, cause))?, &self.path)?);
        self.transact(|transaction| {
            transaction.open_table(BACKUP)?.insert("mark", record)?;
            Ok(())
        })?;
        self.shut()
    }

    /// Gives the file its name. A file of that name is only replaced if `replaces`.
    pub(super) fn name(mut self, target: &Path, replaces: bool) -> Result<(), BackupError> {
        self.shut()?;
        let failed = |cause| BackupError::io(target, cause);
        // The content must be durable before the file gets its name; the folder's entry is synced after that.
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(failed)?;
        if replaces {
            self.path.persist(target).map_err(|refused| failed(refused.error))?;
        } else if let Err(refused) = self.path.persist_noclobber(target) {
            let is_there = refused.error.kind() == std::io::ErrorKind::AlreadyExists;
            return Err(if is_there { BackupError::Exists(target.to_owned()) } else { failed(refused.error) });
        }
        sync_folder(folder_of(target)).map_err(failed)
    }
}

fn open(file: File, path: &Path) -> Result<Database, BackupError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    let opened = FileBackend::new(file).and_then(|backend| builder.create_with_backend(backend));
    opened.map_err(|error| explain(path, error.into()))
}

fn explain(path: &Path, error: ::redb::Error) -> BackupError {
    match error {
        ::redb::Error::Io(cause) => BackupError::io(path, cause),
        other => BackupError::io(path, std::io::Error::other(other)),
    }
}

/// The tables that have rows of games. `meta`, `reserve` and `backup` are each file's own.
pub(super) const TABLES: [&str; 8] =
    ["sessions", "quizzes", "questions", "question_ends", "hints", "events", "joins", "owners"];

fn insert(transaction: &WriteTransaction, table: &str, rows: &[RawRow]) -> Result<(), ::redb::Error> {
    match table {
        "sessions" => insert_into(transaction, SESSIONS, rows),
        "quizzes" => insert_into(transaction, QUIZZES, rows),
        "questions" => insert_into(transaction, QUESTIONS, rows),
        "question_ends" => insert_into(transaction, QUESTION_ENDS, rows),
        "hints" => insert_into(transaction, EXPIRY_INDEX, rows),
        "events" => insert_into(transaction, EVENTS, rows),
        "joins" => insert_into(transaction, JOINS, rows),
        _ => insert_into(transaction, OWNERS, rows),
    }
}

fn insert_into<K: Key + 'static, V: Value + 'static>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    rows: &[RawRow],
) -> Result<(), ::redb::Error> {
    let mut table = transaction.open_table(table)?;
    for (key, value) in rows {
        table.insert(K::from_bytes(key), V::from_bytes(value))?;
    }
    Ok(())
}

/// Removes incomplete files that no process writes any more.
pub(super) fn remove_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let path: PathBuf = entry.path();
        // redb locks a file as long as it is open.
        let is_left = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if is_left && let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(%error, file = %path.display(), "an old temporary file could not be removed");
        }
    }
}
