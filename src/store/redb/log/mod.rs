//! The log in front of the tables. Each batch is one append and one sync, and is answered after that. The
//! contents of the log are checkpointed into redb later.
//!
//! Invariant: a segment is reused only when all its batches are durable in redb.
//!
//! The log file has its full size on the disk from the start, so that an append never finds the disk full. It
//! begins with a head of [`FILE_HEAD`] bytes. Then come [`SEGMENTS`] segments of equal size, each with a
//! [`SegmentHead`] and then one entry after another. Batches are numbered without gaps. Old entries behind
//! the last entry of a segment, which are left from its last use, are recognised by their lower numbers. A
//! segment that was begun later names its first batch: entries of that batch and later ones are void in all
//! earlier segments.

mod entry;
mod recovery;

use std::io;

use ::redb::StorageBackend;

use super::file::NamedFile;
use super::free_space::Space;

pub(super) use entry::{BatchHead, encode};
pub(super) use recovery::{RecoveredLog, find, first_batches};

/// The number of segments. One is written while another is being checkpointed. The others are free, or are
/// full and wait for their checkpoint.
pub(super) const SEGMENTS: u64 = 4;
/// Bytes before the first segment.
const FILE_HEAD: u64 = 4096;
/// Bytes before the first entry of a segment.
const SEGMENT_HEAD: u64 = 512;

const FILE_MAGIC: [u8; 8] = *b"rejoinL1";
const SEGMENT_MAGIC: [u8; 8] = *b"rejoinS1";

/// The head of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SegmentHead {
    /// The random number of the database file that the log belongs to.
    random: u64,
    /// Goes up by one with every segment that is begun.
    number: u64,
    /// The number of the segment's first batch.
    first: u64,
}

/// Encodes a magic value and numbers, with a checksum at the end.
fn sealed(magic: [u8; 8], numbers: &[u64]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    let crc = u64::from(crc32fast::hash(&bytes));
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Decodes the numbers behind a magic value; `None` if the magic value or the checksum is wrong.
fn unsealed<const N: usize>(magic: [u8; 8], bytes: &[u8]) -> Option<[u64; N]> {
    let number = |n: usize| Some(u64::from_le_bytes(*bytes.get((n + 1) * 8..)?.first_chunk()?));
    let mut numbers = [0; N];
    for (n, place) in numbers.iter_mut().enumerate() {
        *place = number(n)?;
    }
    (bytes.get(..(N + 2) * 8)? == sealed(magic, &numbers)).then_some(numbers)
}

impl SegmentHead {
    fn encode(self) -> Vec<u8> {
        sealed(SEGMENT_MAGIC, &[self.random, self.number, self.first])
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [random, number, first] = unsealed(SEGMENT_MAGIC, bytes)?;
        Some(Self { random, number, first })
    }
}

/// The positions of the segments in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// Bytes of one segment with its head, a multiple of [`FILE_HEAD`].
    segment: u64,
}

impl Layout {
    /// The layout of a log of at most `bytes` bytes.
    fn of(bytes: u64) -> Self {
        Self { segment: (bytes.saturating_sub(FILE_HEAD) / SEGMENTS) & !(FILE_HEAD - 1) }
    }

    /// Reads the layout from the head of a log; `None` if the log is new or its head is damaged.
    fn read(storage: &dyn StorageBackend) -> io::Result<Option<Self>> {
        let mut bytes = [0; 32];
        if storage.len()? < FILE_HEAD {
            return Ok(None);
        }
        storage.read(0, &mut bytes)?;
        let layout = unsealed(FILE_MAGIC, &bytes).map(|[segment]| Self { segment });
        Ok(layout.filter(|layout| layout.segment > SEGMENT_HEAD))
    }

    fn length(self) -> u64 {
        FILE_HEAD.saturating_add(self.segment.saturating_mul(SEGMENTS))
    }

    fn begin(self, place: usize) -> u64 {
        FILE_HEAD + self.segment * place as u64
    }
}

/// The state of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// It holds no batch that is still needed, and can be begun.
    Free,
    /// It holds batches up to this one, which redb may not have yet.
    Used(u64),
}

/// A log that is open for appending.
pub(super) struct CommitLog {
    storage: Box<dyn StorageBackend>,
    /// The log file; `None` for a storage that is no file.
    file: Option<NamedFile>,
    layout: Layout,
    random: u64,
    segments: [Segment; SEGMENTS as usize],
    /// The segment that is written, and how many of its bytes are filled; `None` if the next entry begins
    /// one.
    current: Option<(usize, u64)>,
    /// The number of the segment that is begun next.
    next_number: u64,
}

/// What a log is opened from.
pub(super) struct LogStorage {
    /// The contents of the log.
    pub(super) storage: Box<dyn StorageBackend>,
    /// The disk space of the log file.
    pub(super) space: Space,
    /// The size of the log in bytes if it is created.
    pub(super) size: u64,
    /// The log file; `None` for a storage that is no file.
    pub(super) file: Option<NamedFile>,
}

impl CommitLog {
    /// Opens a log, or creates it. The batches that were found in it stay there until they are released.
    ///
    /// # Errors
    /// The error of the disk, most likely that it is full.
    pub(super) fn open(place: LogStorage, random: u64, found: &RecoveredLog) -> io::Result<Self> {
        let LogStorage { storage, space, size, file } = place;
        let layout = match Layout::read(&*storage)? {
            Some(layout) => layout,
            None => create(&*storage, &space, Layout::of(size))?,
        };
        // The file was truncated. Give it its full size again, so that no append finds the disk full.
        if storage.len()? < layout.length() {
            storage.set_len(layout.length())?;
            space.take(0, layout.length())?;
        }
        let segments = found.segments.map(|last| last.map_or(Segment::Free, Segment::Used));
        Ok(Self { storage, file, layout, random, segments, current: None, next_number: found.next_number })
    }

    /// Opens a log and discards its contents. Everything that it held must be durable in redb.
    ///
    /// # Errors
    /// The error of the disk, most likely that it is full.
    pub(super) fn open_anew(place: LogStorage, random: u64) -> io::Result<Self> {
        place.storage.set_len(0)?;
        Self::open(place, random, &RecoveredLog::default())
    }

    /// Whether the log file is still at its path, with its full size.
    pub(super) fn is_there(&self) -> bool {
        self.file.as_ref().is_none_or(|file| file.is_there(self.layout.length()))
    }

    /// The size of the largest entry that fits in a segment, in bytes.
    pub(super) fn most(&self) -> u64 {
        self.layout.segment - SEGMENT_HEAD
    }

    /// Whether an entry of `bytes` bytes fits in the rest of the segment that is written.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.current.is_some_and(|(_, filled)| filled + bytes <= self.layout.segment)
    }

    /// Ends the current segment. The next entry begins another one.
    pub(super) fn end_segment(&mut self) {
        self.current = None;
    }

    /// Whether there is a segment that can be begun.
    pub(super) fn has_free_segment(&self) -> bool {
        self.segments.contains(&Segment::Free)
    }

    /// Frees the segments that hold only batches up to `through`, except the current one. Those batches must
    /// be durable in redb.
    pub(super) fn release(&mut self, through: u64) {
        let current = self.current.map(|(place, _)| place);
        for (place, segment) in self.segments.iter_mut().enumerate() {
            // Only after redb has them durably: a freed segment may be overwritten by the next entry.
            if Some(place) != current && matches!(segment, Segment::Used(last) if *last <= through) {
                *segment = Segment::Free;
            }
        }
    }

    /// Appends the entry of a batch and syncs it. The caller checks before that there is room for it, or a
    /// free segment.
    ///
    /// # Errors
    /// The error of the disk. It is then unknown whether the log has the entry, and no more entries are
    /// appended to its segment.
    pub(super) fn append(&mut self, batch: u64, entry: &[u8]) -> io::Result<()> {
        let appended = self.write(batch, entry).and_then(|()| self.storage.sync_data());
        if appended.is_err() {
            self.current = None;
        }
        appended
    }

    fn write(&mut self, batch: u64, entry: &[u8]) -> io::Result<()> {
        if !self.has_room(entry.len() as u64) {
            self.begin_segment(batch)?;
        }
        let (place, filled) = self.current.ok_or_else(|| io::Error::other("no segment of the log is free"))?;
        // Before the write: if that fails, the entry may be in the segment all the same.
        self.segments[place] = Segment::Used(batch);
        self.storage.write(self.layout.begin(place) + filled, entry)?;
        self.current = Some((place, filled + entry.len() as u64));
        Ok(())
    }

    fn begin_segment(&mut self, first: u64) -> io::Result<()> {
        let free = self.segments.iter().position(|segment| *segment == Segment::Free);
        let place = free.ok_or_else(|| io::Error::other("no segment of the log is free"))?;
        let head = SegmentHead { random: self.random, number: self.next_number, first };
        self.next_number += 1;
        self.current = Some((place, SEGMENT_HEAD));
        self.segments[place] = Segment::Used(first);
        // Not synced here: the sync after the first entry covers the head too.
        self.storage.write(self.layout.begin(place), &head.encode())
    }

    /// Empties the log. Everything that it holds must be durable in redb.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.current = None;
        self.storage.set_len(0)?;
        self.storage.sync_data()
    }
}

/// Creates a log with its full size allocated on the disk.
fn create(storage: &dyn StorageBackend, space: &Space, layout: Layout) -> io::Result<Layout> {
    if layout.segment <= SEGMENT_HEAD {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let length = layout.length();
    space.allows(0, length)?;
    storage.set_len(0)?;
    storage.set_len(length)?;
    let taken = space.take(0, length);
    let made = taken.and_then(|()| storage.write(0, &sealed(FILE_MAGIC, &[layout.segment])));
    made.and_then(|()| storage.sync_data()).inspect_err(|_| {
        let _ = storage.set_len(0);
    })?;
    Ok(layout)
}

#[cfg(test)]
mod tests;
