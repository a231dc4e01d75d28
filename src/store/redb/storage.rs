//! The layer between redb and the disk.
//!
//! After one failed read redb refuses everything until the file is opened again. One unreadable sector would
//! then stop all sessions. So instead of an error, redb gets bytes that can't be parsed as a page. redb
//! panics over them, the caller catches the panic, and only the access that needs this page fails.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::redb::{BackendError, StorageBackend};
use parking_lot::Mutex;

use super::free_space::Space;

/// How soon an unreadable place is tried again. A disk takes seconds before it reports such an error.
const AGAIN: Duration = Duration::from_secs(60);
/// The byte that fills an unreadable page. No page of redb begins with it.
const NO_PAGE: u8 = 0xEE;

/// The storage backend that redb uses.
#[derive(Debug)]
pub(super) struct Storage(Sectors);

/// A handle on a storage and its list of unreadable places. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct Sectors(Arc<StorageInner>);

#[derive(Debug)]
struct StorageInner {
    backend: Box<dyn StorageBackend>,
    space: Space,
    /// Whether a failed read gives invalid bytes instead of an error. False while the file is being opened.
    forgives: AtomicBool,
    /// Whether a sync has failed. What was written before may be lost, although it can still be read.
    lost_sync: AtomicBool,
    /// The unreadable places by their offset.
    unreadable: Mutex<BTreeMap<u64, Unreadable>>,
}

#[derive(Debug)]
struct Unreadable {
    length: usize,
    /// When it was last tried.
    looked: Instant,
}

impl Storage {
    /// A storage over `backend`, with a handle on its unreadable places.
    pub(super) fn over(backend: Box<dyn StorageBackend>, space: Space) -> (Self, Sectors) {
        let (forgives, lost_sync, unreadable) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let sectors = Sectors(Arc::new(StorageInner { backend, space, forgives, lost_sync, unreadable }));
        (Self(sectors.clone()), sectors)
    }
}

impl Sectors {
    /// From now on a failed read fails only the access that needs the page.
    pub(super) fn forgive(&self) {
        self.0.forgives.store(true, Ordering::Release);
    }

    /// Tries places again that could not be read a while ago. Returns true if one can be read now. The file
    /// must then be opened again, because redb may have cached the invalid bytes.
    pub(super) fn has_healed(&self) -> bool {
        // The lock is held while the disk is read, which can take seconds. Other reads of the file wait for
        // it.
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

    /// Whether a sync has failed since the file was opened.
    pub(super) fn has_lost_sync(&self) -> bool {
        self.0.lost_sync.load(Ordering::Acquire)
    }

    /// The length of the file in bytes; 0 if it can't be read.
    pub(super) fn len(&self) -> u64 {
        self.0.backend.len().unwrap_or_default()
    }

    /// Whether the disk has space for another growth step of the file.
    pub(super) fn can_grow(&self) -> bool {
        self.0.space.has_step(self.len())
    }

    /// The free bytes and all bytes of the disk; `None` if they can't be read.
    pub(super) fn disk(&self) -> Option<(u64, u64)> {
        self.0.space.disk()
    }

    fn is_known(&self, offset: u64) -> bool {
        self.0.unreadable.lock().get(&offset).is_some_and(|place| place.looked.elapsed() < AGAIN)
    }

    /// Notes an unreadable place. Returns whether it is new.
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
            // Some read errors do not occur again on a second try.
            let Err(error) = backend.read(offset, out).or_else(|_| backend.read(offset, out)) else { return Ok(()) };
            if self.0.note(offset, out.len()) {
                tracing::error!(%error, offset, bytes = out.len(), "a part of the file cannot be read; check the disk");
            }
        }
        out.fill(NO_PAGE);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.0.backend.write(offset, data)?;
        // A place that was written can be read again: a disk replaces a bad sector when it is written.
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
            // Back to the old length: the file must not be longer than the space that is allocated for it.
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
