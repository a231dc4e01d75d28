//! The one place that holds the open database, so that it can be closed and opened again while
//! readers come and go. No reader holds it across an await.

use std::path::PathBuf;
use std::time::Duration;

use ::redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::file::{self, DatabaseOpener, Identity, LogOptions, OpenError, OpenedFile};
use super::log;
use super::storage::Sectors;
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

/// How long a reader waits for a database that is just being opened again.
const OPENING: Duration = Duration::from_millis(250);

/// What is said of a page over which redb panicked.
pub(super) const DAMAGED_PAGE: &str = "a page of the file is damaged";

/// An open database: one that is this process's own, or one that it only reads.
enum Open {
    Owned(Database),
    Read(ReadOnlyDatabase),
}

pub(super) struct DatabaseSlot {
    open: RwLock<Option<Open>>,
    /// How it is opened again; `None` if it is only read.
    opener: Option<DatabaseOpener>,
    /// Which file was opened first.
    identity: Option<Identity>,
    sectors: Mutex<Option<Sectors>>,
}

/// Opens the database; a file so damaged that redb panics is unusable, and no end of the process.
fn guarded<T>(name: &str, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    panics::catch(open).unwrap_or_else(|met| {
        tracing::debug!(met, "a page of the file cannot be read");
        Err(file::damaged(name, "a page of it cannot be read"))
    })
}

impl DatabaseSlot {
    /// Opens the database as its owner, and creates it if it is missing.
    pub(super) fn open(opener: DatabaseOpener) -> Result<Self, OpenError> {
        let OpenedFile { database, sectors, identity } = guarded(&opener.name(), || opener.open_or_create())?;
        let (open, sectors) = (RwLock::new(Some(Open::Owned(database))), Mutex::new(Some(sectors)));
        Ok(Self { open, opener: Some(opener), identity, sectors })
    }

    /// Opens the file at `path` to read it.
    pub(super) fn open_read_only(path: PathBuf, cache_size: usize) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let database = guarded(&name, || file::open_read_only(&path, cache_size))?;
        let open = RwLock::new(Some(Open::Read(database)));
        Ok(Self { open, opener: None, identity: None, sectors: Mutex::default() })
    }

    /// Which file it is.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Whether the file is still where it was opened.
    pub(super) fn is_there(&self) -> bool {
        self.opener.as_ref().is_none_or(|opener| opener.is_there(self.identity))
    }

    /// Whether a place of the file can be read again that could not be.
    pub(super) fn has_healed(&self) -> bool {
        self.sectors.lock().as_ref().is_some_and(Sectors::has_healed)
    }

    /// Whether a sync has failed since the database was opened.
    pub(super) fn has_lost_sync(&self) -> bool {
        self.sectors.lock().as_ref().is_none_or(Sectors::has_lost_sync)
    }

    /// How long the file is.
    pub(super) fn length(&self) -> u64 {
        self.sectors.lock().as_ref().map_or(0, Sectors::len)
    }

    /// Whether the file has space to grow.
    pub(super) fn can_grow(&self) -> bool {
        self.sectors.lock().as_ref().is_some_and(Sectors::can_grow)
    }

    /// How the log is used, if it is to be.
    pub(super) fn log_options(&self) -> Option<LogOptions> {
        self.opener.as_ref().and_then(|opener| opener.log)
    }

    /// Where the log is, or is to be.
    pub(super) fn open_log(&self) -> std::io::Result<Option<log::LogStorage>> {
        let Some(opener) = &self.opener else { return Ok(None) };
        opener.open_log(opener.log.is_some())
    }

    /// Puts a log that can't be used out of the way.
    pub(super) fn set_log_aside(&self, why: &str) -> std::io::Result<()> {
        self.opener.as_ref().map_or(Ok(()), |opener| opener.set_log_aside(why))
    }

    /// Goes through the whole file; an error if any page of it is not what it was written as.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let name = self.opener.as_ref().map(DatabaseOpener::name).unwrap_or_default();
        guarded(&name, || match &mut *self.open.write() {
            Some(Open::Owned(database)) => match database.check_integrity() {
                Ok(_) => Ok(()),
                Err(error) => Err(file::damaged(&name, &error.to_string())),
            },
            _ => Ok(()),
        })
    }

    /// Lets `act` use the database as its owner.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> StoreResult<T>) -> StoreResult<T> {
        self.with_open(|open| match open {
            Open::Owned(database) => act(database),
            Open::Read(_) => Err(StoreError::unavailable("the file is only read")),
        })
    }

    fn with_open<T>(&self, act: impl FnOnce(&Open) -> StoreResult<T>) -> StoreResult<T> {
        let open = self.opened().ok_or(StoreError::Unavailable(None))?;
        let Some(open) = open.as_ref() else { return Err(StoreError::Unavailable(None)) };
        // redb panics when it meets a damaged page.
        panics::catch(|| act(open)).map_err(|met| {
            tracing::debug!(met, "a page of the file cannot be read");
            StoreError::Corrupt { what: DAMAGED_PAGE.to_owned() }
        })?
    }

    /// The database, which may be just being opened again.
    fn opened(&self) -> Option<RwLockReadGuard<'_, Option<Open>>> {
        self.open.try_read().or_else(|| self.open.try_read_for(OPENING))
    }

    /// Lets `act` read the newest committed snapshot.
    pub(super) fn read<T>(&self, act: impl FnOnce(&ReadTransaction) -> StoreResult<T>) -> StoreResult<T> {
        self.with_reads(|begin| act(&begin()?))
    }

    /// Lets `act` read, and say itself when a snapshot is to be taken.
    pub(super) fn with_reads<T>(
        &self,
        act: impl FnOnce(&dyn Fn() -> StoreResult<ReadTransaction>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.with_open(|open| {
            let begin = || {
                let begun = match open {
                    Open::Owned(database) => database.begin_read(),
                    Open::Read(database) => database.begin_read(),
                };
                begun.map_err(StoreError::unavailable)
            };
            act(&begin)
        })
    }

    /// Lets go of the database, once every reader has.
    pub(super) fn close(&self) {
        let open = self.open.write().take();
        // Dropped outside the lock: closing writes, and nobody should wait for that to be refused.
        drop_quietly(open);
    }

    /// Closes and opens again. Meanwhile readers wait for a moment, and are refused then.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        let Some(opener) = &self.opener else { return Ok(()) };
        let mut slot = self.open.write();
        drop_quietly(slot.take());
        let OpenedFile { database, sectors, .. } = guarded(&opener.name(), || opener.reopen(self.identity))?;
        *self.sectors.lock() = Some(sectors);
        *slot = Some(Open::Owned(database));
        Ok(())
    }
}

impl Drop for DatabaseSlot {
    fn drop(&mut self) {
        self.close();
    }
}

/// Closing writes, and may meet a damaged page as any commit may.
fn drop_quietly(open: Option<Open>) {
    if let Err(met) = panics::catch(|| drop(open)) {
        tracing::debug!(met, "the file could not be closed cleanly");
    }
}
