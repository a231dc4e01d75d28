//! The database file: who may open it, and what can be wrong with it.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::redb::{Builder, Database, DatabaseError, StorageError};

use crate::store::error::StoreError;

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
        let is_new = !path.exists();
        let mut builder = Builder::new();
        builder.set_cache_size(cache_size).set_repair_callback(|session| {
            tracing::warn!(progress = session.progress(), "the file was not closed cleanly and is being repaired");
        });
        let database = builder.create(&path).map_err(|error| explain(&path, error))?;
        if is_new {
            sync_directory(&path).map_err(|source| OpenError::Io { path: path.display().to_string(), source })?;
        }
        Ok(database)
    })
}

/// A new file survives a power cut only when its directory's entry does; redb leaves that out.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
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
