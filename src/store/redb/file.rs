//! The database file: who may open it, what can be wrong with it, and whether it is still there.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, ReadOnlyDatabase, StorageBackend, StorageError};

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

impl OpenError {
    /// Whether the disk has no space, not even for the mark of an open file.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
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

/// A test's own storage.
type MakeStorage = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

enum Place {
    File(PathBuf),
    Made(MakeStorage),
}

/// How the database is opened: at the start, and after failures.
pub struct Opener {
    place: Place,
    cache_size: usize,
    max_size: Option<u64>,
    pub(super) is_new_epoch: bool,
}

/// Opens (or, at the start, creates) the file at `path`, with a page cache of so many bytes.
pub fn file_opener(path: PathBuf, cache_size: usize) -> Opener {
    Opener { place: Place::File(path), cache_size, max_size: None, is_new_epoch: false }
}

/// Opens a storage of the caller's own.
pub fn storage_opener(
    make: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    cache_size: usize,
) -> Opener {
    Opener { place: Place::Made(Box::new(make)), cache_size, max_size: None, is_new_epoch: false }
}

/// A database that is open, and what is known of its file.
pub(super) struct Opened {
    pub(super) database: Database,
    /// The sectors that could not be read.
    pub(super) sectors: Sectors,
    /// Which file it is; `None` for a storage that is no file.
    pub(super) identity: Option<Identity>,
}

impl Opener {
    /// Lets the file take at most so many bytes of the disk.
    #[must_use]
    pub fn max_size(self, bytes: Option<u64>) -> Self {
        Self { max_size: bytes, ..self }
    }

    /// Renews the random of all epochs: for a file that was put back in a way that shows no trace.
    #[must_use]
    pub fn new_epoch(self, is_new: bool) -> Self {
        Self { is_new_epoch: is_new, ..self }
    }

    /// The file's path.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Made(_) => None,
        }
    }

    /// The file's name, for people.
    pub(super) fn name(&self) -> String {
        self.path().map_or_else(|| "the storage".to_owned(), |path| path.display().to_string())
    }

    /// Opens the database, and creates it if it is missing.
    pub(super) fn open_or_create(&self) -> Result<Opened, OpenError> {
        match &self.place {
            Place::File(path) if !path.exists() => create(path)?,
            _ => {}
        }
        self.open(None)
    }

    /// Opens the database that was open before; never another one, and never a new one.
    pub(super) fn reopen(&self, identity: Option<Identity>) -> Result<Opened, OpenError> {
        self.open(identity)
    }

    fn open(&self, expected: Option<Identity>) -> Result<Opened, OpenError> {
        let failed = |source| OpenError::Io { path: self.name(), source };
        let (backend, identity, file) = match &self.place {
            Place::Made(make) => (make().map_err(failed)?, None, None),
            Place::File(path) => {
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
        Ok(Opened { database, sectors, identity })
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
            (Place::File(path), Some(identity)) => {
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

/// Makes a new file under another name and gives it its own once it is whole: a process that ends
/// in between leaves no half a file in the way of the next.
fn create(path: &Path) -> Result<(), OpenError> {
    let name = path.display().to_string();
    let failed = |source| OpenError::Io { path: name.clone(), source };
    let folder = folder_of(path);
    clear_unfinished(folder);
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
    let (file, unfinished) = unfinished.into_parts();
    let synced = file.try_clone().map_err(failed)?;
    drop(Builder::new().create_file(file).map_err(|error| explain(&name, error))?);
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
            OpenError::Io { path: name, source }
        }
        DatabaseError::Storage(StorageError::Io(source)) => {
            OpenError::Unusable { path: name, what: format!("it is no rejoin database ({source})") }
        }
        DatabaseError::Storage(StorageError::Corrupted(met)) => damaged(path, &met),
        other => OpenError::Unusable { path: name, what: other.to_string() },
    }
}
