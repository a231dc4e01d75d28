//! What a store lies on: one disk, or one for the file and one for the log.

use rejoin::store::redb::{DatabaseOpener, LogOptions, storage_opener};

use super::disk::Disk;

/// What a store lies on: one disk, or one for the file and one for the log.
pub(crate) trait Medium: Clone {
    /// Opens it with a page cache of so many bytes.
    fn cached_opener(&self, cache_size: usize) -> DatabaseOpener;
    /// What is there after a crash at this instant: one of many possibilities.
    fn crashed(&self, seed: u64) -> Self;
}

impl Medium for Disk {
    fn cached_opener(&self, cache_size: usize) -> DatabaseOpener {
        let disk = self.clone();
        storage_opener(move || Ok(Box::new(disk.clone())), cache_size)
    }

    fn crashed(&self, seed: u64) -> Self {
        Disk::crashed(self, seed)
    }
}

/// The disks of a file and its log.
#[derive(Debug, Clone)]
pub(crate) struct Disks {
    pub(crate) file: Disk,
    pub(crate) log: Disk,
    pub(crate) options: LogOptions,
}

impl Disks {
    /// New ones, for a log that is used like this.
    pub(crate) fn new(seed: u64, options: LogOptions) -> Self {
        Self { file: Disk::new(seed), log: Disk::new(seed + 1), options }
    }

    /// The same contents on disks of their own.
    pub(crate) fn copied(&self, seed: u64) -> Self {
        let log = self.log.copied(seed);
        Self { file: self.file.copied(seed), log, options: self.options }
    }
}

impl Medium for Disks {
    fn cached_opener(&self, cache_size: usize) -> DatabaseOpener {
        let (file, log) = (self.file.clone(), self.log.clone());
        let opener = storage_opener(move || Ok(Box::new(file.clone())), cache_size);
        opener.log_storage(move || Ok(Box::new(log.clone()))).log(Some(self.options))
    }

    /// The log is looked at first: what a checkpoint writes in between is there twice then, and
    /// nothing is in neither.
    fn crashed(&self, seed: u64) -> Self {
        let log = self.log.crashed(seed);
        Self { file: self.file.crashed(seed), log, options: self.options }
    }
}
