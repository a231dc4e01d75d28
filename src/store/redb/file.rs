//! The database file: who may open it, and what can be wrong with it.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::redb::{Builder, Database, DatabaseError, ReadOnlyDatabase, StorageError};

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

/// Opens the database, at the start and after every failure.
pub type Opener = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// Opens (or creates) the file at `path`, with a page cache of so many bytes.
pub fn file_opener(path: PathBuf, cache_size: usize) -> Opener {
    Box::new(move || {
        let mut builder = Builder::new();
        builder.set_cache_size(cache_size).set_repair_callback(|session| {
            tracing::warn!(progress = session.progress(), "the file was not closed cleanly and is being repaired");
        });
        if path.exists() {
            builder.create(&path).map_err(|error| explain(&path, error))
        } else {
            create(&path, &builder)
        }
    })
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
    opened.map_err(|error| explain(path, error))
}

/// Makes a new file under another name and gives it its own once it is whole: a process that ends
/// in between leaves no half a file in the way of the next.
fn create(path: &Path, builder: &Builder) -> Result<Database, OpenError> {
    let failed = |source| OpenError::Io { path: path.display().to_string(), source };
    let folder = folder_of(path);
    clear_unfinished(folder);
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
    let (file, unfinished) = unfinished.into_parts();
    let synced = file.try_clone().map_err(failed)?;
    let database = builder.create_file(file).map_err(|error| explain(path, error))?;
    synced.sync_all().map_err(failed)?;
    if let Err(refused) = unfinished.persist_noclobber(path) {
        // Another process was faster, and has it now.
        let is_there = refused.error.kind() == std::io::ErrorKind::AlreadyExists;
        return Err(if is_there { OpenError::Held(path.display().to_string()) } else { failed(refused.error) });
    }
    sync_folder(folder).map_err(failed)?;
    Ok(database)
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
