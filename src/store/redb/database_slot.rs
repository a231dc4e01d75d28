//! Holds the open database, so that it can be closed and opened again while reads go on.
//!
//! Invariant: no reader holds the database across an await.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use super::file::{self, DatabaseOpener, Identity, LogOptions, OpenError, OpenedFile};
use super::log;
use super::storage::Sectors;
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

/// How long a reader waits while the database is being opened again. After that it is refused.
const OPENING: Duration = Duration::from_millis(250);

/// The error text for a page over which redb panicked.
pub(super) const DAMAGED_PAGE: &str = "a page of the file is damaged";

/// An open database: owned by this process, or opened for reading only.
enum Open {
    Owned(Database),
    Read(ReadOnlyDatabase),
}

pub(super) struct DatabaseSlot {
    /// `None` while the database is closed or could not be opened again.
    open: RwLock<Option<Open>>,
    /// How the database is opened again; `None` if it was opened for reading only.
    opener: Option<DatabaseOpener>,
    /// The file that was opened first. `None` for a storage that is no file, and if opened for reading only.
    identity: Option<Identity>,
    /// How often the database was closed or opened again.
    openings: AtomicU64,
    /// Unreadable places of the file; `None` if it was opened for reading only.
    sectors: Mutex<Option<Sectors>>,
}

/// Runs `open`. redb panics over a damaged page: that makes the file unusable, but must not end the process.
fn guarded<T>(name: &str, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    panics::catch(open).unwrap_or_else(|met| {
        tracing::debug!(met, "a page of the file cannot be read");
        Err(file::damaged(name, "a page of it cannot be read"))
    })
}

impl DatabaseSlot {
    /// Opens the database as its owner. Creates it if it is missing.
    pub(super) fn open(opener: DatabaseOpener) -> Result<Self, OpenError> {
        let OpenedFile { database, sectors, identity } = guarded(&opener.name(), || opener.open_or_create())?;
        let (open, sectors) = (RwLock::new(Some(Open::Owned(database))), Mutex::new(Some(sectors)));
        Ok(Self { open, opener: Some(opener), identity, openings: AtomicU64::new(0), sectors })
    }

    /// Opens the file at `path` for reading only.
    pub(super) fn open_read_only(path: PathBuf, cache_size: usize) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let database = guarded(&name, || file::open_read_only(&path, cache_size))?;
        let open = RwLock::new(Some(Open::Read(database)));
        Ok(Self { open, opener: None, identity: None, openings: AtomicU64::new(0), sectors: Mutex::default() })
    }

    /// The file that was opened; `None` for a storage that is no file, and if opened for reading only.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Whether the file is still at its path. Always true if it was opened for reading only.
    pub(super) fn is_there(&self) -> bool {
        self.opener.as_ref().is_none_or(|opener| opener.is_there(self.identity))
    }

    /// Tries unreadable places again; true if one of them can be read now.
    pub(super) fn has_healed(&self) -> bool {
        self.sectors.lock().as_ref().is_some_and(Sectors::has_healed)
    }

    /// Whether a sync has failed since the database was opened. True if that is not known.
    pub(super) fn has_lost_sync(&self) -> bool {
        self.sectors.lock().as_ref().is_none_or(Sectors::has_lost_sync)
    }

    /// The length of the file in bytes; 0 if it was opened for reading only.
    pub(super) fn length(&self) -> u64 {
        self.sectors.lock().as_ref().map_or(0, Sectors::len)
    }

    /// Whether the file has disk space for another growth step. False if it was opened for reading only.
    pub(super) fn can_grow(&self) -> bool {
        self.sectors.lock().as_ref().is_some_and(Sectors::can_grow)
    }

    /// The free bytes and all bytes of the disk; `None` if they can't be read.
    pub(super) fn disk(&self) -> Option<(u64, u64)> {
        self.sectors.lock().as_ref().and_then(Sectors::disk)
    }

    /// The length of the log file in bytes; 0 if there is none.
    pub(super) fn log_length(&self) -> u64 {
        self.opener.as_ref().map_or(0, DatabaseOpener::log_length)
    }

    /// How the log is used; `None` if it is turned off.
    pub(super) fn log_options(&self) -> Option<LogOptions> {
        self.opener.as_ref().and_then(|opener| opener.log)
    }

    /// Opens the log. If the log is turned off, it is not created, but one that exists is opened: it may hold
    /// batches.
    pub(super) fn open_log(&self) -> std::io::Result<Option<log::LogStorage>> {
        let Some(opener) = &self.opener else { return Ok(None) };
        opener.open_log(opener.log.is_some())
    }

    /// Renames a log that can't be used, so that a new one can be created.
    pub(super) fn set_log_aside(&self, why: &str) -> std::io::Result<()> {
        self.opener.as_ref().map_or(Ok(()), |opener| opener.set_log_aside(why))
    }

    /// Verifies the checksums of all pages of the file, which takes long for a large one.
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

    /// Runs `act` on the database. Fails with `Unavailable` if it is closed or was opened for reading only.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> StoreResult<T>) -> StoreResult<T> {
        self.with_open(|open| match open {
            Open::Owned(database) => act(database),
            Open::Read(_) => Err(StoreError::unavailable("the file is only read")),
        })
    }

    fn with_open<T>(&self, act: impl FnOnce(&Open) -> StoreResult<T>) -> StoreResult<T> {
        let open = self.opened().ok_or(StoreError::Unavailable(None))?;
        let Some(open) = open.as_ref() else { return Err(StoreError::Unavailable(None)) };
        // redb panics over a damaged page. Only this access fails for it.
        panics::catch(|| act(open)).map_err(|met| {
            tracing::debug!(met, "a page of the file cannot be read");
            StoreError::Corrupt { what: DAMAGED_PAGE.to_owned() }
        })?
    }

    /// The database. If it is just being opened again, waits up to [`OPENING`], then returns `None`.
    fn opened(&self) -> Option<RwLockReadGuard<'_, Option<Open>>> {
        self.open.try_read().or_else(|| self.open.try_read_for(OPENING))
    }

    /// Runs `act` on the newest snapshot that is committed to the tables.
    pub(super) fn read<T>(&self, act: impl FnOnce(&ReadTransaction) -> StoreResult<T>) -> StoreResult<T> {
        self.with_reads(|begin| act(&begin()?))
    }

    /// Runs `act`, which decides itself when to take a snapshot of the tables.
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

    /// Begins a read that lasts longer than one call, and returns the number of the current opening with it. No
    /// lock is held meanwhile: the database can be closed or opened again at any time.
    pub(super) fn begin_long_read(&self) -> StoreResult<(ReadTransaction, u64)> {
        self.with_reads(|begin| Ok((begin()?, self.openings.load(Ordering::Relaxed))))
    }

    /// Runs a part of a long read. Fails if the database was closed or opened again since the read began.
    pub(super) fn read_on<T>(&self, opening: u64, act: impl FnOnce() -> StoreResult<T>) -> StoreResult<T> {
        self.with_open(|_| {
            // The lock is held, so the number stays what it is.
            if self.openings.load(Ordering::Relaxed) != opening {
                return Err(StoreError::unavailable("the file was opened again meanwhile"));
            }
            act()
        })
    }

    /// The name of the file without its folder and ending.
    pub(super) fn file_stem(&self) -> String {
        let path = self.opener.as_ref().and_then(DatabaseOpener::path);
        path.and_then(Path::file_stem).map_or_else(|| "rejoin".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Closes the database once no reader uses it any more.
    pub(super) fn close(&self) {
        let mut slot = self.open.write();
        self.openings.fetch_add(1, Ordering::Relaxed);
        let open = slot.take();
        drop(slot);
        // Dropped after the lock is released: closing writes to disk, and callers should be refused at once
        // meanwhile.
        drop_quietly(open);
    }

    /// Closes the database and opens it again. Readers wait up to [`OPENING`] meanwhile, and are then
    /// refused. If this fails, the database stays closed and every access is refused.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        let Some(opener) = &self.opener else { return Ok(()) };
        let mut slot = self.open.write();
        self.openings.fetch_add(1, Ordering::Relaxed);
        // Closed first: redb locks the file, and a second open would find it held.
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

/// Closes the database. That writes to the file, and may panic over a damaged page as any commit may.
fn drop_quietly(open: Option<Open>) {
    if let Err(met) = panics::catch(|| drop(open)) {
        tracing::debug!(met, "the file could not be closed cleanly");
    }
}
