//! The disks under a store: one for the file, or one for the file and one for its log.

use rejoin::store::redb::{DatabaseOpener, LogOptions, storage_opener};

use super::disk::Disk;

/// The disks under a store.
pub(crate) trait Medium: Clone {
    /// Opens the store with a redb cache of this many bytes.
    fn cached_opener(&self, cache_size: usize) -> DatabaseOpener;
    /// The disks as they may be after a crash at this instant. `seed` chooses one of the possibilities.
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

/// The disks of a file and its log, and how the log is used.
#[derive(Debug, Clone)]
pub(crate) struct Disks {
    pub(crate) file: Disk,
    pub(crate) log: Disk,
    pub(crate) options: LogOptions,
}

impl Disks {
    /// New, empty disks for a log with these options.
    pub(crate) fn new(seed: u64, options: LogOptions) -> Self {
        Self { file: Disk::new(seed), log: Disk::new(seed + 1), options }
    }

    /// New disks with the same contents.
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

    /// The log is copied before the file. What a checkpoint moves between the two copies is then in both; in
    /// the other order it could be in neither.
    fn crashed(&self, seed: u64) -> Self {
        let log = self.log.crashed(seed);
        Self { file: self.file.crashed(seed), log, options: self.options }
    }
}
