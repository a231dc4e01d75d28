//! The disk space of a file. The file grows in steps: each doubles it, but adds at most 4 GiB.
//!
//! Invariant: the space of a step is allocated on the disk at once. So only a step can find the disk full,
//! and never a write within the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// A step must leave this many bytes of the disk free, or one part in [`PART_LEFT`] of the disk if that is
/// less.
const MOST_LEFT: u64 = 64 * 1024 * 1024;
/// The other limit for the free bytes that a step must leave: see [`MOST_LEFT`].
const PART_LEFT: u64 = 16;

/// The largest growth step in bytes.
const LARGEST_STEP: u64 = 4 * 1024 * 1024 * 1024;

/// The disk space of one file, with the limit of its size.
#[derive(Debug)]
pub(super) struct Space {
    /// `None` for a storage that is no file.
    pub(super) file: Option<File>,
    /// The largest size of the file in bytes; `None` if only the disk limits it.
    pub(super) max_size: Option<u64>,
}

impl Space {
    /// Fails with `NOSPC` if the file may not grow from `from` to `to` bytes.
    pub(super) fn allows(&self, from: u64, to: u64) -> io::Result<()> {
        let is_too_large = self.max_size.is_some_and(|max_size| to > max_size);
        let room = self.disk().is_none_or(|(free, total)| has_room(to - from, free, total));
        if is_too_large || !room { Err(Errno::NOSPC.into()) } else { Ok(()) }
    }

    /// The free bytes of the disk; `None` if that can't be read.
    pub(super) fn free(&self) -> Option<u64> {
        self.disk().map(|(free, _)| free)
    }

    /// The free bytes and all bytes of the disk; `None` if they can't be read.
    pub(super) fn disk(&self) -> Option<(u64, u64)> {
        let disk = rustix::fs::fstatvfs(self.file.as_ref()?).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
    }

    /// Whether there is space for the next growth step of a file of `length` bytes.
    pub(super) fn has_step(&self, length: u64) -> bool {
        self.allows(length, length.saturating_add(length.min(LARGEST_STEP))).is_ok()
    }

    /// Allocates the bytes from `from` to `to` on the disk. Does nothing if the file system can't do that.
    pub(super) fn take(&self, from: u64, to: u64) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        match rustix::fs::fallocate(file, FallocateFlags::empty(), from, to - from) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Allocates the holes of the file on the disk, if there is room. A file of an earlier release or a copy
    /// may have holes.
    pub(super) fn fill_holes(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let metadata = file.metadata()?;
        // `blocks` counts units of 512 bytes, whatever the block size of the file system is.
        let missing = metadata.len().saturating_sub(metadata.blocks() * 512);
        if missing == 0 || self.allows(0, missing).is_err() {
            return Ok(());
        }
        self.take(0, metadata.len())
    }
}

fn has_room(growth: u64, free: u64, total: u64) -> bool {
    free >= growth.saturating_add(MOST_LEFT.min(total / PART_LEFT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_step_leaves_something_of_the_disk_to_others() {
        assert!(has_room(16 * MIB, 19 * MIB, 48 * MIB) && !has_room(16 * MIB, 19 * MIB - 1, 48 * MIB));
        assert!(has_room(MIB, 65 * MIB, 1_000_000 * MIB) && !has_room(MIB, 65 * MIB - 1, 1_000_000 * MIB));
    }

    #[test]
    fn a_file_grows_up_to_its_largest_size_and_takes_what_it_seems_to_have() {
        let file = tempfile::tempfile().expect("a file");
        let space = Space { file: Some(file.try_clone().expect("the same file")), max_size: Some(4 * MIB) };
        space.allows(MIB, 4 * MIB).expect("it may");
        let error = space.allows(MIB, 4 * MIB + 1).expect_err("it may not");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        file.set_len(MIB).expect("it is longer");
        space.fill_holes().expect("they are filled");
        let blocks = file.metadata().expect("it is there").blocks() * 512;
        assert!(blocks >= MIB, "only {blocks} bytes are taken");
        file.set_len(2 * MIB).expect("it is longer");
        space.take(MIB, 2 * MIB).expect("it is taken");
        assert_eq!(file.metadata().expect("it is there").len(), 2 * MIB);
    }
}
