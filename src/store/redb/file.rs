//! The database file: who may open it, what can be wrong with it, and whether it is still there.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, ReadOnlyDatabase, StorageBackend, StorageError};

use super::log;
use super::space::Space;
use super::storage::{Sectors, Storage};
use crate::store::error::StoreError;

/// How the name of a file begins that is still being made.
const UNFINISHED: &str = ".rejoin-unfinished-";

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
    #[error("{path} cannot be opened: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What the disk said.
        cause: std::io::Error,
    },
    /// The first commit failed.
    #[error("the file was opened but cannot be written")]
    Unwritable(#[source] StoreError),
}

impl OpenError {
    /// Whether the disk has no space, not even for the mark of an open file.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if is_full(cause))
    }
}

/// Whether the disk, or what its user may take of it, is full.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Which file it is, whatever its name: what a path leads to after the file was moved, removed or
/// replaced is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// A file that was opened at a path.
#[derive(Debug)]
pub(super) struct NamedFile {
    path: PathBuf,
    identity: Identity,
}

impl NamedFile {
    /// Whether the file is still where it was opened, and has at least so many bytes.
    pub(super) fn is_there(&self, length: u64) -> bool {
        let metadata = std::fs::metadata(&self.path);
        metadata.is_ok_and(|metadata| Identity::of(&metadata) == self.identity && metadata.len() >= length)
    }
}

/// A test's own storage.
type MakeStorage = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

enum FilePlace {
    File(PathBuf),
    Made(MakeStorage),
}

/// When what the log holds is written to the tables: a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointRule {
    /// How long after it was committed, at the latest.
    pub every: Duration,
    /// From how many bytes on, at once.
    pub bytes: u64,
}

/// The log in front of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// How many bytes it takes, where the disk has so much to spare.
    pub size: u64,
    /// When what it holds is written to the tables: a checkpoint.
    pub rule: CheckpointRule,
}

impl Default for LogOptions {
    fn default() -> Self {
        let rule = CheckpointRule { every: Duration::from_secs(1), bytes: 12 * 1024 * 1024 };
        Self { size: 64 * 1024 * 1024, rule }
    }
}

/// At most one in so many of the free bytes of a disk is the log's.
const LOG_PART: u64 = 8;

/// How the database is opened: at the start, and after failures.
pub struct DatabaseOpener {
    place: FilePlace,
    /// Where a storage of a test's own has its log.
    make_log: Option<MakeStorage>,
    /// `None` if batches are committed to the tables directly.
    pub(super) log: Option<LogOptions>,
    cache_size: usize,
    max_size: Option<u64>,
    pub(super) is_new_epoch: bool,
}

/// Opens (or, at the start, creates) the file at `path`, with a page cache of so many bytes, and the log
/// beside it.
pub fn file_opener(path: PathBuf, cache_size: usize) -> DatabaseOpener {
    let (place, log) = (FilePlace::File(path), Some(LogOptions::default()));
    DatabaseOpener { place, make_log: None, log, cache_size, max_size: None, is_new_epoch: false }
}

/// Opens a storage of the caller's own, without a log.
pub fn storage_opener(
    make: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    cache_size: usize,
) -> DatabaseOpener {
    let place = FilePlace::Made(Box::new(make));
    DatabaseOpener { place, make_log: None, log: None, cache_size, max_size: None, is_new_epoch: false }
}

/// A database that is open, and what is known of its file.
pub(super) struct OpenedFile {
    pub(super) database: Database,
    /// The sectors that could not be read.
    pub(super) sectors: Sectors,
    /// Which file it is; `None` for a storage that is no file.
    pub(super) identity: Option<Identity>,
}

impl DatabaseOpener {
    /// Lets the file take at most so many bytes of the disk.
    #[must_use]
    pub fn max_size(self, bytes: Option<u64>) -> Self {
        Self { max_size: bytes, ..self }
    }

    /// Commits to a log like this, or to the tables directly.
    #[must_use]
    pub fn log(self, log: Option<LogOptions>) -> Self {
        Self { log, ..self }
    }

    /// Has the log in a storage of the caller's own.
    #[must_use]
    pub fn log_storage(
        self,
        make: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    ) -> Self {
        Self { make_log: Some(Box::new(make)), ..self }
    }

    /// Renews the random of all epochs: for a file that was put back in a way that shows no trace.
    #[must_use]
    pub fn new_epoch(self, is_new: bool) -> Self {
        Self { is_new_epoch: is_new, ..self }
    }

    /// The file's path.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            FilePlace::File(path) => Some(path),
            FilePlace::Made(_) => None,
        }
    }

    /// Where the log is, as far as it is there; where it is to be, if it `is_wanted`.
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

    /// Puts a log that can't be used out of the way, for whoever wants to look at it; one that was put there before
    /// stays too.
    pub(super) fn set_log_aside(&self, why: &str) -> std::io::Result<()> {
        let Some(path) = self.path().map(log_path) else { return Ok(()) };
        let names = (2..).map(|n: u32| format!("log.damaged.{n}"));
        let mut places = std::iter::once("log.damaged".to_owned()).chain(names).map(|name| path.with_extension(name));
        let Some(aside) = places.find(|place| !place.exists()) else { return Ok(()) };
        tracing::warn!("{} {why}; it is kept as {}", path.display(), aside.display());
        std::fs::rename(&path, aside)
    }

    /// The file's name, for people.
    pub(super) fn name(&self) -> String {
        self.path().map_or_else(|| "the storage".to_owned(), |path| path.display().to_string())
    }

    /// Opens the database, and creates it if it is missing.
    pub(super) fn open_or_create(&self) -> Result<OpenedFile, OpenError> {
        match &self.place {
            FilePlace::File(path) if !path.exists() => create(path)?,
            _ => {}
        }
        self.open(None)
    }

    /// Opens the database that was open before; never another one, and never a new one.
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
                    let what = "it is empty (0 bytes). Put back a copy of the file, or remove it to begin with a \
                                new one"
                        .to_owned();
                    return Err(OpenError::Unusable { path: self.name(), what });
                }
                let same = file.try_clone().map_err(failed)?;
                let backend = FileBackend::new(file).map_err(|error| explain(&self.name(), error))?;
                (Box::new(backend) as Box<dyn StorageBackend>, Some(identity), Some(same))
            }
        };
        let space = Space { file, max_size: self.max_size };
        if let Err(error) = space.fill_holes() {
            tracing::debug!(%error, "the file's holes could not be filled");
        }
        let (storage, sectors) = Storage::over(backend, space);
        let database = self.builder().create_with_backend(storage).map_err(|error| explain(&self.name(), error))?;
        // From now on a sector that can't be read is the trouble of whoever needs it.
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

    /// Whether the file that was opened is still where it was.
    pub(super) fn is_there(&self, identity: Option<Identity>) -> bool {
        match (&self.place, identity) {
            (FilePlace::File(path), Some(identity)) => {
                std::fs::metadata(path).is_ok_and(|metadata| Identity::of(&metadata) == identity)
            }
            _ => true,
        }
    }
}

/// Opens the file at `path` to read it: it must be there, and no other process may own it.
pub(super) fn open_read_only(path: &Path, cache_size: usize) -> Result<ReadOnlyDatabase, OpenError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_size);
    let opened = match builder.open_read_only(path) {
        // A process that was killed has left it open. Its owner's way of opening makes it whole.
        Err(DatabaseError::RepairAborted) => builder.open(path).and_then(|whole| {
            drop(whole);
            builder.open_read_only(path)
        }),
        opened => opened,
    };
    opened.map_err(|error| explain(&path.display().to_string(), error))
}

/// Where the log of a file lies.
fn log_path(path: &Path) -> PathBuf {
    path.with_extension("log")
}

fn open_log_file(path: &Path, creates: bool, size: u64) -> std::io::Result<log::LogStorage> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    // As the file itself: what it holds is nobody else's.
    let file = options.read(true).write(true).create(creates).truncate(false).mode(0o600).open(path)?;
    if is_new {
        sync_folder(folder_of(path))?;
    }
    let space = Space { file: Some(file.try_clone()?), max_size: None };
    let size = space.free().map_or(size, |free| size.min(free / LOG_PART));
    let named = Some(NamedFile { path: path.to_owned(), identity: Identity::of(&file.metadata()?) });
    let storage = FileBackend::new(file).map_err(std::io::Error::other)?;
    Ok(log::LogStorage { storage: Box::new(storage), space, size, file: named })
}

/// The log beside a file that is only read, if there is one.
pub(super) fn open_log_read_only(path: &Path) -> std::io::Result<Option<Box<dyn StorageBackend>>> {
    let path = log_path(path);
    if !path.exists() {
        return Ok(None);
    }
    let storage = FileBackend::new(File::open(path)?).map_err(std::io::Error::other)?;
    Ok(Some(Box::new(storage)))
}

/// Makes a new file under another name and gives it its own once it is whole: a process that ends
/// in between leaves no half a file in the way of the next.
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
    synced.sync_all().map_err(failed)?;
    if let Err(refused) = unfinished.persist_noclobber(path) {
        // Another process was faster, and has it now.
        let is_there = refused.error.kind() == std::io::ErrorKind::AlreadyExists;
        return Err(if is_there { OpenError::Held(name) } else { failed(refused.error) });
    }
    sync_folder(folder).map_err(failed)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what a process that ended in mid-creation left.
fn clear_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        if let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::warn!(%error, file = %entry.path().display(), "an unfinished file could not be removed");
        }
    }
}

/// A new file or folder survives a power cut only when its folder's entry does.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the folder that is to hold the file, if it is missing.
///
/// # Errors
/// What the disk says.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    sync_folder(folder_of(folder))
}

/// What a damaged file leaves its operator to do.
pub(super) fn damaged(path: &str, met: &str) -> OpenError {
    let what = format!(
        "it is damaged ({met}), as a copy may be that was made while a server used the file. Put back a copy that \
         was made while none did; or save the games that can be read: rejoin migrate --from redb:{path} --to \
         redb:NEW-FOLDER"
    );
    OpenError::Unusable { path: path.to_owned(), what }
}

fn explain(path: &str, error: DatabaseError) -> OpenError {
    let name = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::Held(name),
        DatabaseError::Storage(StorageError::Io(source)) if source.raw_os_error().is_some() => {
            OpenError::Io { path: name, cause: source }
        }
        DatabaseError::Storage(StorageError::Io(source)) => {
            OpenError::Unusable { path: name, what: format!("it is no rejoin database ({source})") }
        }
        DatabaseError::Storage(StorageError::Corrupted(met)) => damaged(path, &met),
        other => OpenError::Unusable { path: name, what: other.to_string() },
    }
}
