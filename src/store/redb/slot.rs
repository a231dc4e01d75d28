//! The one place that holds the open database, so that it can be closed and opened again while
//! readers come and go. No reader holds it across an await.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::redb::{Database, ReadTransaction, ReadableDatabase};
use parking_lot::RwLock;

use super::file::{OpenError, Opener};
use crate::store::error::{StoreError, StoreResult};

/// Opens the database; a file so damaged that redb panics is unusable, and no end of the process.
fn guarded(opener: &Opener) -> Result<Database, OpenError> {
    let damaged = |_| OpenError::Unusable { path: "the database file".to_owned(), what: "it is damaged".to_owned() };
    catch_unwind(AssertUnwindSafe(opener)).map_err(damaged)?
}

pub(super) struct Slot {
    open: RwLock<Option<Database>>,
    opener: Opener,
}

impl Slot {
    /// Opens the database.
    pub(super) fn open(opener: Opener) -> Result<Self, OpenError> {
        let database = guarded(&opener)?;
        Ok(Self { open: RwLock::new(Some(database)), opener })
    }

    /// Lets `act` use the database.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> StoreResult<T>) -> StoreResult<T> {
        let open = self.open.read();
        let Some(database) = open.as_ref() else { return Err(StoreError::Unavailable(None)) };
        // redb panics when it meets a damaged page.
        let damaged = |_| StoreError::Corrupt { what: "a page of the file".to_owned() };
        catch_unwind(AssertUnwindSafe(|| act(database))).map_err(damaged)?
    }

    /// Lets `act` read the newest committed snapshot.
    pub(super) fn read<T>(&self, act: impl FnOnce(&ReadTransaction) -> StoreResult<T>) -> StoreResult<T> {
        self.with(|database| act(&database.begin_read().map_err(StoreError::unavailable)?))
    }

    /// Lets go of the database, once every reader has.
    pub(super) fn close(&self) {
        let database = self.open.write().take();
        // Dropped outside the lock: closing writes, and nobody should wait for that to be refused.
        drop(database);
    }

    /// Closes and opens again. Until it is open, readers are refused and don't wait.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        self.close();
        let database = guarded(&self.opener)?;
        *self.open.write() = Some(database);
        Ok(())
    }
}
