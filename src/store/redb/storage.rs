//! What stands between redb and the disk. After one read that fails redb refuses everything until
//! the file is opened again, which would make one unreadable sector everybody's trouble. So a page
//! that can't be read is given to redb as one that can't be parsed: redb panics over it, the caller
//! catches that, and only whoever needs that page fails.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::redb::{BackendError, StorageBackend};
use parking_lot::Mutex;

use super::space::Space;

/// How soon a sector that could not be read is looked at again: a disk takes seconds to give up.
const AGAIN: Duration = Duration::from_secs(60);
/// No page of redb's begins like this.
const NO_PAGE: u8 = 0xEE;

/// The storage as redb sees it.
#[derive(Debug)]
pub(super) struct Storage(Sectors);

/// Which places of a storage can't be read. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Sectors(Arc<StorageInner>);

#[derive(Debug)]
struct StorageInner {
    backend: Box<dyn StorageBackend>,
    space: Space,
    /// Whether failed reads are forgiven: not while the file is being opened.
    forgives: AtomicBool,
    /// Whether a sync has failed: what was written before it may be lost, though it can be read.
    lost_sync: AtomicBool,
    unreadable: Mutex<BTreeMap<u64, Unreadable>>,
}

#[derive(Debug)]
struct Unreadable {
    length: usize,
    looked: Instant,
}

impl Storage {
    /// Over `backend`; with a handle on what can't be read of it.
    pub(super) fn over(backend: Box<dyn StorageBackend>, space: Space) -> (Self, Sectors) {
        let (forgives, lost_sync, unreadable) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let sectors = Sectors(Arc::new(StorageInner { backend, space, forgives, lost_sync, unreadable }));
        (Self(sectors.clone()), sectors)
    }
}

impl Sectors {
    /// From now on failed reads are the trouble of whoever needs the page.
    pub(super) fn forgive(&self) {
        self.0.forgives.store(true, Ordering::Release);
    }

    /// Looks again at places that could not be read a while ago; whether one can be read now, so
    /// that the file is to be opened again: redb may have kept what it was given instead.
    pub(super) fn has_healed(&self) -> bool {
        let mut unreadable = self.0.unreadable.lock();
        let known = unreadable.len();
        unreadable.retain(|offset, place| {
            if place.looked.elapsed() < AGAIN {
                return true;
            }
            place.looked = Instant::now();
            self.0.backend.read(*offset, &mut vec![0; place.length]).is_err()
        });
        unreadable.len() < known
    }

    /// Whether a sync has failed.
    pub(super) fn has_lost_sync(&self) -> bool {
        self.0.lost_sync.load(Ordering::Acquire)
    }

    /// How long the file is.
    pub(super) fn len(&self) -> u64 {
        self.0.backend.len().unwrap_or_default()
    }

    /// Whether the file has space to grow.
    pub(super) fn can_grow(&self) -> bool {
        self.0.space.has_step(self.len())
    }

    fn is_known(&self, offset: u64) -> bool {
        self.0.unreadable.lock().get(&offset).is_some_and(|place| place.looked.elapsed() < AGAIN)
    }

    /// Notes the place; whether it is new.
    fn note(&self, offset: u64, length: usize) -> bool {
        self.0.unreadable.lock().insert(offset, Unreadable { length, looked: Instant::now() }).is_none()
    }
}

impl StorageBackend for Storage {
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let StorageInner { backend, forgives, .. } = &*self.0.0;
        if !forgives.load(Ordering::Acquire) {
            return backend.read(offset, out);
        }
        if !self.0.is_known(offset) {
            // Some errors are over by the second try.
            let Err(error) = backend.read(offset, out).or_else(|_| backend.read(offset, out)) else { return Ok(()) };
            if self.0.note(offset, out.len()) {
                tracing::error!(%error, offset, bytes = out.len(), "a place of the file cannot be read");
            }
        }
        out.fill(NO_PAGE);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.0.backend.write(offset, data)?;
        // What was written can be read: a disk puts another sector in the place of a bad one.
        let mut unreadable = self.0.0.unreadable.lock();
        if !unreadable.is_empty() {
            unreadable.remove(&offset);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.0.backend.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let StorageInner { backend, space, .. } = &*self.0.0;
        let before = backend.len()?;
        if len <= before {
            return backend.set_len(len);
        }
        space.allows(before, len)?;
        backend.set_len(len)?;
        space.take(before, len).inspect_err(|_| {
            // As it was: what is not the disk's is not the file's.
            let _ = backend.set_len(before);
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.0.0.backend.sync_data();
        self.0.0.lost_sync.fetch_or(synced.is_err(), Ordering::AcqRel);
        synced
    }

    fn close(&self) -> io::Result<()> {
        self.0.0.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.0.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.0.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.0.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.0.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.0.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.0.backend.query_lock_range(start, end)
    }
}
