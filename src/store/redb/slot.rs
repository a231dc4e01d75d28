//! The one place that holds the open database, so that it can be closed and opened again while
//! readers come and go. No reader holds it across an await.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase};
use parking_lot::RwLock;

use super::file::{OpenError, Opener};
use crate::store::error::{StoreError, StoreResult};

/// An open database: one that is this process's own, or one that it only reads.
enum Open {
    Owned(Database),
    Read(ReadOnlyDatabase),
}

type Opens = Box<dyn Fn() -> Result<Open, OpenError> + Send + Sync>;

/// Opens the database; a file so damaged that redb panics is unusable, and no end of the process.
fn guarded(opens: &Opens) -> Result<Open, OpenError> {
    let damaged = |_| OpenError::Unusable { path: "the database file".to_owned(), what: "it is damaged".to_owned() };
    catch_unwind(AssertUnwindSafe(opens)).map_err(damaged)?
}

pub(super) struct Slot {
    open: RwLock<Option<Open>>,
    opens: Opens,
}

impl Slot {
    /// Opens the database as its owner.
    pub(super) fn open(opener: Opener) -> Result<Self, OpenError> {
        Self::open_by(Box::new(move || opener().map(Open::Owned)))
    }

    /// Opens the database to read it.
    pub(super) fn open_read_only(
        opener: impl Fn() -> Result<ReadOnlyDatabase, OpenError> + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        Self::open_by(Box::new(move || opener().map(Open::Read)))
    }

    fn open_by(opens: Opens) -> Result<Self, OpenError> {
        let open = guarded(&opens)?;
        Ok(Self { open: RwLock::new(Some(open)), opens })
    }

    /// Lets `act` use the database as its owner.
    pub(super) fn with<T>(&self, act: impl FnOnce(&Database) -> StoreResult<T>) -> StoreResult<T> {
        self.with_open(|open| match open {
            Open::Owned(database) => act(database),
            Open::Read(_) => Err(StoreError::unavailable("the file is only read")),
        })
    }

    fn with_open<T>(&self, act: impl FnOnce(&Open) -> StoreResult<T>) -> StoreResult<T> {
        let open = self.open.read();
        let Some(open) = open.as_ref() else { return Err(StoreError::Unavailable(None)) };
        // redb panics when it meets a damaged page.
        let damaged = |_| StoreError::Corrupt { what: "a page of the file".to_owned() };
        catch_unwind(AssertUnwindSafe(|| act(open))).map_err(damaged)?
    }

    /// Lets `act` read the newest committed snapshot.
    pub(super) fn read<T>(&self, act: impl FnOnce(&ReadTransaction) -> StoreResult<T>) -> StoreResult<T> {
        self.with_open(|open| {
            let begun = match open {
                Open::Owned(database) => database.begin_read(),
                Open::Read(database) => database.begin_read(),
            };
            act(&begun.map_err(StoreError::unavailable)?)
        })
    }

    /// Lets go of the database, once every reader has.
    pub(super) fn close(&self) {
        let open = self.open.write().take();
        // Dropped outside the lock: closing writes, and nobody should wait for that to be refused.
        drop(open);
    }

    /// Closes and opens again. Until it is open, readers are refused and don't wait.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        self.close();
        let open = guarded(&self.opens)?;
        *self.open.write() = Some(open);
        Ok(())
    }
}
