//! Reads a redb file page by page, without redb.
//!
//! redb trusts the pages of a file that was closed cleanly: over a damaged one it panics, and damage in its lists
//! of free pages can end the process. Here every page is checked against the checksum that its parent holds, and
//! nothing is ever written. A page with one flipped bit is corrected in memory: a checksum of 128 bits proves that
//! it is then right. Of any other damaged page the rows are given as suspects, which prove nothing by themselves.
//!
//! Invariant: no bytes of a file make this panic, loop for ever, take much more memory than the file has bytes, or
//! give a row as sound that no commit has stored.

mod bits;
mod cursor;
mod header;
mod page;

use std::collections::HashMap;
use std::io;

use ::redb::StorageBackend;
use parking_lot::Mutex;

pub(super) use cursor::{Cursor, Row};
pub(super) use header::{Header, Unusable};
pub(super) use page::Widths;

/// Bytes of a page. redb may join a power of two of them to one larger page.
pub(super) const PAGE: u64 = 4096;
/// Pages of a region, in a file that was created with redb's usual settings.
const REGION_PAGES: u64 = 1 << 20;
/// The largest page in which a flipped bit is searched, in bytes. The time grows with the square of the size.
const LARGEST_CORRECTED: usize = 16 * 1024;
/// How many pages of a file are searched for a flipped bit. With more damage than that it is not one bit.
const MOST_CORRECTED: usize = 500;
/// The order of the largest page: one that fills a region.
const LARGEST_ORDER: u8 = 20;

/// The number under which a page is stored: its region, its index there, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageNumber(u64);

impl PageNumber {
    /// The page's position and length in bytes; `None` if no page can have this number.
    fn place(self) -> Option<(u64, usize)> {
        let order = (self.0 >> 59) as u8;
        if order > LARGEST_ORDER {
            return None;
        }
        let (index, region) = (self.0 & (0x000F_FFFF >> order), (self.0 >> 20) & 0x000F_FFFF);
        let length = PAGE << order;
        Some((PAGE + region * REGION_PAGES * PAGE + index * length, usize::try_from(length).ok()?))
    }
}

/// A tree of pages: its root page, and the checksum that this page must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) page: PageNumber,
    pub(super) checksum: u128,
    /// The number of rows in the tree.
    pub(super) rows: u64,
}

impl Root {
    /// Decodes a root from the beginning of `bytes`: page number, checksum, number of rows.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let page = PageNumber(u64::from_le_bytes(*bytes.first_chunk()?));
        let checksum = u128::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
        let rows = u64::from_le_bytes(*bytes.get(24..)?.first_chunk()?);
        Some(Self { page, checksum, rows })
    }
}

/// Pages in which a flipped bit was searched, by position and checksum; `None` if it was not found.
type CorrectedPages = HashMap<(u64, u128), Option<Vec<u8>>>;

/// A file whose pages are read.
pub(super) struct PageFile {
    storage: Box<dyn StorageBackend>,
    length: u64,
    corrected: Mutex<CorrectedPages>,
}

impl PageFile {
    /// Reads the pages of `storage`.
    ///
    /// # Errors
    /// The length of the storage can't be read.
    pub(super) fn over(storage: Box<dyn StorageBackend>) -> io::Result<Self> {
        let length = storage.len()?;
        Ok(Self { storage, length, corrected: Mutex::default() })
    }

    /// The length of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The page after the one flipped bit in it was corrected; `None` if that is not what is wrong with it. A page
    /// is searched only once, because it takes a while.
    fn correct(&self, (offset, checksum): (u64, u128), bytes: &[u8], widths: Widths) -> Option<Vec<u8>> {
        let mut known = self.corrected.lock();
        if let Some(corrected) = known.get(&(offset, checksum)) {
            return corrected.clone();
        }
        if bytes.len() > LARGEST_CORRECTED || known.len() >= MOST_CORRECTED {
            return None;
        }
        let mut corrected = bytes.to_vec();
        let is_right = |bytes: &[u8]| page::is_right(bytes, widths, checksum);
        let corrected = bits::correct(&mut corrected, is_right).then_some(corrected);
        known.insert((offset, checksum), corrected.clone());
        corrected
    }

    /// The bytes at a position; `None` if the file ends before, or the disk can't read them.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        offset.checked_add(length as u64).filter(|end| *end <= self.length)?;
        let mut bytes = vec![0; length];
        self.storage.read(offset, &mut bytes).ok().map(|()| bytes)
    }
}

/// The checksum of redb's pages and commit slots.
fn checksum(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

/// What is wrong with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// One bit is flipped. The page was read as it was before.
    Bit,
    /// It can't be corrected. What hangs on it is lost, or only suspected.
    Lost,
}

/// A page that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DamagedPage {
    /// Its position in the file, in bytes.
    pub(super) offset: u64,
    /// The table that it belongs to.
    pub(super) table: String,
    pub(super) fault: Fault,
    /// Its length in bytes; 0 if its number is impossible.
    pub(super) length: usize,
}
