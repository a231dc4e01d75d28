//! The database file and the log file beside it: opening and creating them, errors for the operator, and
//! checks whether they are still in place.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, ReadOnlyDatabase, StorageBackend, StorageError};

use super::free_space::Space;
use super::log;
use super::storage::{Sectors, Storage};
use crate::store::error::StoreError;

/// The name prefix of a database file that is still being created.
const UNFINISHED: &str = ".rejoin-unfinished-";

/// Why the file could not be opened, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has opened the file.
    #[error("another process holds {0}: one server to a file")]
    Held(String),
    /// The file is no redb file, is damaged, or is of another release.
    #[error("{path} cannot be used: {what}")]
    Unusable {
        /// The path of the file.
        path: String,
        /// What is wrong with the file.
        what: String,
    },
    /// The operating system refused to open, create or read the file.
    #[error("{path} cannot be opened: {cause}")]
    Io {
        /// The path of the file, or what else could not be opened.
        path: String,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file was opened, but the first commit to it failed.
    #[error("the file was opened but cannot be written")]
    Unwritable(#[source] StoreError),
}

impl OpenError {
    /// Whether the disk is so full that the file can't even be marked as open.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if is_full(cause))
    }
}

/// Whether the disk is full, or the user's quota on it is spent.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Identifies a file by device and inode, whatever its name. After the file was moved, removed or replaced,
/// its old path leads to another file or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// An open file, with the path at which it was opened.
#[derive(Debug)]
pub(super) struct NamedFile {
    path: PathBuf,
    identity: Identity,
}

impl NamedFile {
    /// Whether the path still leads to this file, and the file has at least `length` bytes.
    pub(super) fn is_there(&self, length: u64) -> bool {
        let metadata = std::fs::metadata(&self.path);
        metadata.is_ok_and(|metadata| Identity::of(&metadata) == self.identity && metadata.len() >= length)
    }
}

/// Opens a storage that the caller provides, as tests do.
type MakeStorage = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// Where the database is stored.
enum FilePlace {
    /// A file at this path.
    File(PathBuf),
    /// A storage that the caller provides.
    Made(MakeStorage),
}

/// When a checkpoint begins. A checkpoint writes the contents of the log to the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointRule {
    /// The longest time from a commit to the beginning of the checkpoint that contains it.
    pub every: Duration,
    /// The number of log bytes since the last checkpoint at which one begins at once.
    pub bytes: u64,
}

/// The size of the log in front of the tables, and when it is checkpointed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// The size of the log file in bytes. It takes less if the disk has little free space.
    pub size: u64,
    /// When its contents are written to the tables.
    pub rule: CheckpointRule,
}

impl Default for LogOptions {
    fn default() -> Self {
        let rule = CheckpointRule { every: Duration::from_secs(1), bytes: 12 * 1024 * 1024 };
        Self { size: 64 * 1024 * 1024, rule }
    }
}

/// A new log takes at most one part in this many of the free bytes of the disk.
const LOG_PART: u64 = 8;

/// How the database is opened, both at the start and after failures.
pub struct DatabaseOpener {
    place: FilePlace,
    /// Opens the log of a storage that the caller provides; `None` if such a storage has no log.
    make_log: Option<MakeStorage>,
    /// `None` if batches are committed to the tables directly.
    pub(super) log: Option<LogOptions>,
    cache_size: usize,
    /// The largest size of the file in bytes; `None` if only the disk limits it.
    max_size: Option<u64>,
    /// Whether the epochs of all sessions are renewed when the file is opened.
    pub(super) is_new_epoch: bool,
}

/// Opens the file at `path`, and the log beside it. At the start a missing file is created. `cache_size` is
/// the size of redb's page cache in bytes.
pub fn file_opener(path: PathBuf, cache_size: usize) -> DatabaseOpener {
    let (place, log) = (FilePlace::File(path), Some(LogOptions::default()));
    DatabaseOpener { place, make_log: None, log, cache_size, max_size: None, is_new_epoch: false }
}

/// Opens a storage that the caller provides, without a log. `make` is called each time the database is
/// opened.
pub fn storage_opener(
    make: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    cache_size: usize,
) -> DatabaseOpener {
    let place = FilePlace::Made(Box::new(make));
    DatabaseOpener { place, make_log: None, log: None, cache_size, max_size: None, is_new_epoch: false }
}

/// An open database, with what is known about its file.
pub(super) struct OpenedFile {
    pub(super) database: Database,
    /// The places of the file that could not be read.
    pub(super) sectors: Sectors,
    /// Identifies the file; `None` for a storage that is no file.
    pub(super) identity: Option<Identity>,
}

impl DatabaseOpener {
    /// Limits the size of the database file, in bytes. `None` sets no limit.
    #[must_use]
    pub fn max_size(self, bytes: Option<u64>) -> Self {
        Self { max_size: bytes, ..self }
    }

    /// Sets how the log is used. With `None` batches are committed to the tables directly.
    #[must_use]
    pub fn log(self, log: Option<LogOptions>) -> Self {
        Self { log, ..self }
    }

    /// Keeps the log in a storage that the caller provides.
    #[must_use]
    pub fn log_storage(
        self,
        make: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    ) -> Self {
        Self { make_log: Some(Box::new(make)), ..self }
    }

    /// Renews the file's random number, and with it the epoch of every session. This is for a file that was
    /// restored from a backup in a way that can't be detected.
    #[must_use]
    pub fn new_epoch(self, is_new: bool) -> Self {
        Self { is_new_epoch: is_new, ..self }
    }

    /// The file's path; `None` for a storage that is no file.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            FilePlace::File(path) => Some(path),
            FilePlace::Made(_) => None,
        }
    }

    /// Opens the log. A missing one is created if it `is_wanted`; otherwise the result is `None`.
    pub(super) fn open_log(&self, is_wanted: bool) -> std::io::Result<Option<log::LogStorage>> {
        let size = self.log.map_or(0, |log| log.size);
        let Some(path) = self.path().map(log_path) else {
            let Some(make) = &self.make_log else { return Ok(None) };
            let space = Space { file: None, max_size: None };
            return Ok(Some(log::LogStorage { storage: make()?, space, size, file: None }));
        };
        if !is_wanted && !path.exists() {
            return Ok(None);
        }
        open_log_file(&path, is_wanted, size).map(Some)
    }

    /// Renames a log that can't be used, so that the operator can examine it. Logs that were renamed earlier
    /// are kept too.
    pub(super) fn set_log_aside(&self, why: &str) -> std::io::Result<()> {
        let Some(path) = self.path().map(log_path) else { return Ok(()) };
        let names = (2..).map(|n: u32| format!("log.damaged.{n}"));
        let mut places = std::iter::once("log.damaged".to_owned()).chain(names).map(|name| path.with_extension(name));
        let Some(aside) = places.find(|place| !place.exists()) else { return Ok(()) };
        tracing::warn!("{} {why}; it is kept as {}", path.display(), aside.display());
        std::fs::rename(&path, aside)
    }

    /// The length of the log file in bytes; 0 if there is none.
    pub(super) fn log_length(&self) -> u64 {
        let log = self.path().and_then(|path| std::fs::metadata(log_path(path)).ok());
        log.map_or(0, |metadata| metadata.len())
    }

    /// The file's name in messages.
    pub(super) fn name(&self) -> String {
        self.path().map_or_else(|| "the storage".to_owned(), |path| path.display().to_string())
    }

    /// Opens the database. Creates it if it is missing.
    pub(super) fn open_or_create(&self) -> Result<OpenedFile, OpenError> {
        match &self.place {
            FilePlace::File(path) if !path.exists() => create(path)?,
            _ => {}
        }
        self.open(None)
    }

    /// Opens the database that was open before. Fails if its path leads to another file, and never creates
    /// one.
    pub(super) fn reopen(&self, identity: Option<Identity>) -> Result<OpenedFile, OpenError> {
        self.open(identity)
    }

    fn open(&self, expected: Option<Identity>) -> Result<OpenedFile, OpenError> {
        let failed = |cause| OpenError::Io { path: self.name(), cause };
        let (backend, identity, file) = match &self.place {
            FilePlace::Made(make) => (make().map_err(failed)?, None, None),
            FilePlace::File(path) => {
                let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                let identity = Identity::of(&metadata);
                if expected.is_some_and(|expected| expected != identity) {
                    let source = std::io::Error::other("it is another file than the one that was open");
                    return Err(failed(source));
                }
                if metadata.len() == 0 {
                    return Err(no_database(&self.name(), EMPTY));
                }
                let same = file.try_clone().map_err(failed)?;
                let backend = FileBackend::new(file).map_err(|error| explain(&self.name(), error))?;
                (Box::new(backend) as Box<dyn StorageBackend>, Some(identity), Some(same))
            }
        };
        let space = Space { file, max_size: self.max_size };
        if let Err(error) = space.fill_holes() {
            tracing::debug!(%error, "the sparse parts of the file could not be allocated");
        }
        let (storage, sectors) = Storage::over(backend, space);
        let database = self.builder().create_with_backend(storage).map_err(|error| explain(&self.name(), error))?;
        // Until here a failed read failed the opening. From now on an unreadable sector fails only who needs
        // it.
        sectors.forgive();
        Ok(OpenedFile { database, sectors, identity })
    }

    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_size).set_repair_callback(|session| {
            tracing::warn!(progress = session.progress(), "the file was not closed cleanly and is being repaired");
        });
        builder
    }

    /// Whether the path still leads to the file that was opened. Always true for a storage that is no file.
    pub(super) fn is_there(&self, identity: Option<Identity>) -> bool {
        match (&self.place, identity) {
            (FilePlace::File(path), Some(identity)) => {
                std::fs::metadata(path).is_ok_and(|metadata| Identity::of(&metadata) == identity)
            }
            _ => true,
        }
    }
}

/// Opens the file at `path` for reading only. It must exist, and no other process may own it.
pub(super) fn open_read_only(path: &Path, cache_size: usize) -> Result<ReadOnlyDatabase, OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_size);
    let opened = match builder.open_read_only(path) {
        // A killed process has left the file marked as open. Opening it for writing repairs it.
        Err(DatabaseError::RepairAborted) => builder.open(path).and_then(|whole| {
            drop(whole);
            builder.open_read_only(path)
        }),
        opened => opened,
    };
    let name = path.display().to_string();
    opened.map_err(|error| match error {
        // Whoever reads it only is already at the last way of those that `damaged` names.
        DatabaseError::Storage(StorageError::Corrupted(met)) => OpenError::Unusable {
            what: format!("it is so damaged ({met}) that it cannot be opened. Restore a backup: rejoin restore"),
            path: name,
        },
        error => explain(&name, error),
    })
}

/// The path of the log that belongs to the database at `path`.
pub(super) fn log_path(path: &Path) -> PathBuf {
    companion(path, "log")
}

/// The path of a file that belongs to the database at `path`: `x.log` beside `x.redb`, and `x.bak.log` beside `x.bak`,
/// so that no other file of the folder has the same one.
pub(super) fn companion(path: &Path, ending: &str) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "redb") {
        return path.with_extension(ending);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn open_log_file(path: &Path, creates: bool, size: u64) -> std::io::Result<log::LogStorage> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    // Only the owner may read it, as with the database file: it holds the same data.
    let file = options.read(true).write(true).create(creates).truncate(false).mode(0o600).open(path)?;
    if is_new {
        // Without this a power cut could lose the new file's name, and with it every batch in the log.
        sync_folder(folder_of(path))?;
    }
    let space = Space { file: Some(file.try_clone()?), max_size: None };
    let size = space.free().map_or(size, |free| size.min(free / LOG_PART));
    let named = Some(NamedFile { path: path.to_owned(), identity: Identity::of(&file.metadata()?) });
    let storage = FileBackend::new(file).map_err(std::io::Error::other)?;
    Ok(log::LogStorage { storage: Box::new(storage), space, size, file: named })
}

/// Opens the log of a database that is opened for reading only; `None` if it has no log.
pub(super) fn open_log_read_only(path: &Path) -> std::io::Result<Option<Box<dyn StorageBackend>>> {
    let path = log_path(path);
    if !path.exists() {
        return Ok(None);
    }
    let storage = FileBackend::new(File::open(path)?).map_err(std::io::Error::other)?;
    Ok(Some(Box::new(storage)))
}

/// Creates a database under a temporary name, and renames it when it is complete. A process that ends in
/// between leaves no incomplete file at `path`.
fn create(path: &Path) -> Result<(), OpenError> {
    let name = path.display().to_string();
    let failed = |cause| OpenError::Io { path: name.clone(), cause };
    let folder = folder_of(path);
    clear_unfinished(folder);
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
    let (file, unfinished) = unfinished.into_parts();
    let synced = file.try_clone().map_err(failed)?;
    let backend = FileBackend::new(file).map_err(|error| explain(&name, error))?;
    drop(Builder::new().create_with_backend(backend).map_err(|error| explain(&name, error))?);
    // The content must be durable before the file gets its name; the folder's entry is synced after that.
    synced.sync_all().map_err(failed)?;
    if let Err(refused) = unfinished.persist_noclobber(path) {
        // Another process created the file first, and holds it now.
        let is_there = refused.error.kind() == std::io::ErrorKind::AlreadyExists;
        return Err(if is_there { OpenError::Held(name) } else { failed(refused.error) });
    }
    sync_folder(folder).map_err(failed)
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes files that a process left when it ended while it created a database.
fn clear_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        if let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::warn!(%error, file = %entry.path().display(), "an old temporary file could not be removed");
        }
    }
}

/// Syncs a folder's entries. A new file or folder survives a power cut only after that.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Creates the folder for the file if it is missing, and syncs the entry of its last component.
///
/// # Errors
/// The error of the operating system.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    sync_folder(folder_of(folder))
}

/// Locks a file that is read without redb, so that no server can open it meanwhile. With `is_alone` nobody else can
/// read it either.
pub(super) fn lock(file: &File, path: &Path, is_alone: bool) -> Result<(), OpenError> {
    // A server's redb holds this lock too, beside locks of its own.
    match if is_alone { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::Held(path.display().to_string())),
        Err(TryLockError::Error(cause)) if is_alone => Err(OpenError::Io { path: path.display().to_string(), cause }),
        // A medium without locks, such as one that can only be read.
        Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Gives a new file the owner and the permissions of `like`, so that the server can open it, whoever made it.
pub(super) fn take_owner(new: &Path, like: &Path) -> std::io::Result<()> {
    let (own, other) = (std::fs::metadata(new)?, std::fs::metadata(like)?);
    if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
        let given = std::os::unix::fs::chown(new, Some(other.uid()), Some(other.gid()));
        given.unwrap_or_else(|error| tracing::warn!(%error, "the new file belongs to another user than the old one"));
    }
    if other.is_file() { std::fs::set_permissions(new, other.permissions()) } else { Ok(()) }
}

/// What is wrong with a file of 0 bytes.
pub(super) const EMPTY: &str = "it is empty (0 bytes)";

/// The error for a file that has nothing of a database, or no longer its beginning. Its text tells the operator what to
/// do: a repair finds nothing in such a file.
pub(super) fn no_database(path: &str, met: &str) -> OpenError {
    let what = format!(
        "{met}. If its beginning was overwritten, no repair can read it: rejoin restore BACKUP --data-dir FOLDER --replace, \
         or move it away to begin with a new file"
    );
    OpenError::Unusable { path: path.to_owned(), what }
}

/// The error for a damaged file. Its text tells the operator what to do.
pub(super) fn damaged(path: &str, met: &str) -> OpenError {
    let what = format!(
        "it is damaged ({met}), as a copy may be that was made while a server used the file. Restore a backup; or save \
         what can be read: rejoin check {path} --repair, or rejoin migrate --from redb:{path} --to redb:NEW-FOLDER"
    );
    OpenError::Unusable { path: path.to_owned(), what }
}

pub(super) fn explain(path: &str, error: DatabaseError) -> OpenError {
    let name = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Held(name),
        DatabaseError::Storage(StorageError::Io(source)) if source.raw_os_error().is_some() => {
            OpenError::Io { path: name, cause: source }
        }
        DatabaseError::Storage(StorageError::Io(source)) => {
            // Without an error number it is redb's own error: the content is not that of a database.
            no_database(path, &format!("it is no rejoin database ({source})"))
        }
        DatabaseError::Storage(StorageError::Corrupted(met)) => damaged(path, &met),
        other => OpenError::Unusable { path: name, what: other.to_string() },
    }
}
