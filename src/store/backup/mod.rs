//! Backups of a store's file: what an engine offers for them, and the service that makes them while a server runs.
//!
//! A backup is a file of its own, complete and proved by its checksum, or it does not exist: it is written under a
//! temporary name, read back, and renamed at the end. It is a copy of one moment. There is no continuous copy.

mod control;
mod folder;
mod schedule;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::StoreError;
use crate::domain::WallTime;
pub use control::{CopyControl, CopyProgress};
pub use folder::{BackupFolder, stamp};
pub use schedule::BackupSchedule;
pub use service::{BackupStatus, Backups, FinishedBackup};

/// The beginning of the names of incomplete files, which the next backup into their folder removes.
pub(crate) const UNFINISHED: &str = ".rejoin-copy-";

/// What a finished backup has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// The backup file.
    pub file: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// The number of games in it, ended ones included.
    pub games: u64,
    /// How many games are not in it, because they are damaged in the file that was copied.
    pub left_out: u64,
    /// When it began. Everything that was acknowledged before is in it.
    pub taken_at: WallTime,
    /// How long it took.
    pub took: Duration,
}

/// Why there is no backup. The server and its file are as they were.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store has no file that could be copied.
    #[error("{0}")]
    NoFile(&'static str),
    /// A backup is being made already.
    #[error("a backup is being made already; wait until it has ended")]
    Busy,
    /// There is a file of that name, which is never replaced.
    #[error("{} exists already; a backup replaces no file", .0.display())]
    Exists(PathBuf),
    /// The server is being stopped.
    #[error("the server is being stopped, so the backup was given up")]
    Stopped,
    /// The disk of this folder is full.
    #[error("no space is left in {}, so the new file was given up; nothing else was changed", .0.display())]
    Full(PathBuf),
    /// The file that is copied can't grow.
    #[error("no space is left for the games, so the backup was given up")]
    NoSpaceForGames,
    /// The file of the backup can't be written.
    #[error("{} cannot be written: {cause}", path.display())]
    Io {
        /// The file or its folder.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file that is copied can't be read, or is damaged.
    #[error("the file that is copied cannot be read: {0}")]
    Source(String),
    /// What was written could not be read back.
    #[error("what was written cannot be read back: {0}")]
    Unproved(String),
}

impl BackupError {
    /// The error for a file that its disk has no space for.
    pub(crate) fn full(file: &Path) -> Self {
        let folder = if file.is_dir() { Some(file) } else { file.parent() };
        Self::Full(folder.unwrap_or(file).to_owned())
    }

    /// The error for a file or folder that can't be written.
    pub(crate) fn io(path: &Path, cause: std::io::Error) -> Self {
        match cause.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::full(path),
            _ => Self::Io { path: path.to_owned(), cause: without_path(cause) },
        }
    }

    /// The same error, told of the file that was asked for and not of its folder.
    pub(crate) fn of(self, target: &Path) -> Self {
        match self {
            Self::Io { cause, .. } => Self::Io { path: target.to_owned(), cause },
            error => error,
        }
    }
}

/// An error without the temporary name that `tempfile` writes behind it: nobody asked for that one. Its source does not
/// hold the error that it began with, so only the text tells.
fn without_path(cause: std::io::Error) -> std::io::Error {
    let text = cause.to_string();
    match text.split_once(" at path \"") {
        Some((reason, path)) if path.contains(UNFINISHED) => std::io::Error::new(cause.kind(), reason),
        _ => cause,
    }
}

/// Refuses the name of an incomplete file: such files are removed.
///
/// # Errors
/// [`BackupError::NoFile`].
pub(crate) fn check_name(target: &Path) -> Result<(), BackupError> {
    let name = target.file_name().unwrap_or_default().as_encoded_bytes();
    if name.starts_with(UNFINISHED.as_bytes()) {
        return Err(BackupError::NoFile(
            "names that begin with .rejoin-copy- are for unfinished files, which are removed",
        ));
    }
    Ok(())
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Source(format!("{error}"))
    }
}

/// A store whose file can be copied while it is used.
pub trait BackupSource: Send + Sync {
    /// Copies everything that is committed now to a new file, on the caller's thread. It takes seconds for a large
    /// file, and players go on meanwhile. Games that can't be read are left out, so that every backup can be restored.
    ///
    /// # Errors
    /// [`BackupError`]. Then there is no file at `target`.
    fn back_up(&self, target: &Path, control: &CopyControl) -> Result<BackupReport, BackupError>;

    /// The name of the file that is copied, without its folder and ending: `rejoin` or `fallback`.
    fn name(&self) -> String;
}
