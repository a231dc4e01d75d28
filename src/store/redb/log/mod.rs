//! The log in front of the tables: each batch is one append and one sync, and told then. What it holds is
//! checkpointed into redb later; until that is durable there, its segment is not used again.
//!
//! The file lies on the disk whole from its beginning, so that an append meets no full disk. It begins
//! with [`FILE_HEAD`]; then come [`SEGMENTS`] segments of one size, each with a [`SegmentHead`] and then
//! one entry after the other. Batches are numbered without gaps, so what lies behind the last entry of a
//! segment, left from its last use, is told from it: its numbers are lower. A segment that was begun
//! later says from which batch on it holds: whatever another has of those is void.

mod entry;
mod recovery;

use std::io;

use ::redb::StorageBackend;

use super::file::NamedFile;
use super::space::Space;

pub(super) use entry::{BatchHead, encode};
pub(super) use recovery::{RecoveredLog, find};

/// Between two syncs of the tables one segment is written, one is checkpointed, and others wait for theirs.
pub(super) const SEGMENTS: u64 = 4;
/// What stands before the first segment, and before the first entry of each.
const FILE_HEAD: u64 = 4096;
const SEGMENT_HEAD: u64 = 512;

const FILE_MAGIC: [u8; 8] = *b"rejoinL1";
const SEGMENT_MAGIC: [u8; 8] = *b"rejoinS1";

/// How a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SegmentHead {
    /// The random of the file that the log belongs to.
    random: u64,
    /// Goes up with every segment that is begun.
    number: u64,
    /// Its first batch.
    first: u64,
}

/// Numbers behind a magic, with a checksum.
fn sealed(magic: [u8; 8], numbers: &[u64]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    let crc = u64::from(crc32fast::hash(&bytes));
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// The numbers behind this magic, if their checksum is right.
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

/// Where the segments of a log lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    segment: u64,
}

impl Layout {
    /// That of a log of about so many bytes.
    fn of(bytes: u64) -> Self {
        Self { segment: (bytes.saturating_sub(FILE_HEAD) / SEGMENTS) & !(FILE_HEAD - 1) }
    }

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

/// What a segment is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    Free,
    /// Holds batches up to this one.
    Used(u64),
}

/// The log, open for appending.
pub(super) struct CommitLog {
    storage: Box<dyn StorageBackend>,
    file: Option<NamedFile>,
    layout: Layout,
    random: u64,
    segments: [Segment; SEGMENTS as usize],
    /// The one that is written, and how far it is filled.
    current: Option<(usize, u64)>,
    next_number: u64,
}

/// What a log that is to be appended to is made from.
pub(super) struct LogStorage {
    /// Where it lies.
    pub(super) storage: Box<dyn StorageBackend>,
    /// The space that it takes of the disk.
    pub(super) space: Space,
    /// How many bytes it takes where it is new.
    pub(super) size: u64,
    /// Which file it is; `None` for a storage that is no file.
    pub(super) file: Option<NamedFile>,
}

impl CommitLog {
    /// Opens a log. What was found in it stays until it is released.
    ///
    /// # Errors
    /// What the disk says; a full one above all.
    pub(super) fn open(place: LogStorage, random: u64, found: &RecoveredLog) -> io::Result<Self> {
        let LogStorage { storage, space, size, file } = place;
        let layout = match Layout::read(&*storage)? {
            Some(layout) => layout,
            None => create(&*storage, &space, Layout::of(size))?,
        };
        // It was cut.
        if storage.len()? < layout.length() {
            storage.set_len(layout.length())?;
            space.take(0, layout.length())?;
        }
        let segments = found.segments.map(|last| last.map_or(Segment::Free, Segment::Used));
        Ok(Self { storage, file, layout, random, segments, current: None, next_number: found.next_number })
    }

    /// Opens a log of which nothing is needed: all that it held is in redb for good.
    ///
    /// # Errors
    /// What the disk says; a full one above all.
    pub(super) fn open_anew(place: LogStorage, random: u64) -> io::Result<Self> {
        place.storage.set_len(0)?;
        Self::open(place, random, &RecoveredLog::default())
    }

    /// Whether the log is still where it was opened, and whole.
    pub(super) fn is_there(&self) -> bool {
        self.file.as_ref().is_none_or(|file| file.is_there(self.layout.length()))
    }

    /// The largest entry that it takes.
    pub(super) fn most(&self) -> u64 {
        self.layout.segment - SEGMENT_HEAD
    }

    /// Whether an entry of so many bytes has room in the segment that is written.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.current.is_some_and(|(_, filled)| filled + bytes <= self.layout.segment)
    }

    /// Ends the segment that is written: the next entry begins another one.
    pub(super) fn end_segment(&mut self) {
        self.current = None;
    }

    /// Whether another segment can be begun.
    pub(super) fn has_free_segment(&self) -> bool {
        self.segments.contains(&Segment::Free)
    }

    /// Batches up to this one are in redb for good: segments that hold no others can be used again.
    pub(super) fn release(&mut self, through: u64) {
        let current = self.current.map(|(place, _)| place);
        for (place, segment) in self.segments.iter_mut().enumerate() {
            if Some(place) != current && matches!(segment, Segment::Used(last) if *last <= through) {
                *segment = Segment::Free;
            }
        }
    }

    /// Appends the entry of a batch, durably. There is room for it, or a free segment.
    ///
    /// # Errors
    /// What the disk says. Whether the entry is there is unknown then, and its segment is done with.
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
        self.storage.write(self.layout.begin(place), &head.encode())
    }

    /// Empties the log: all that it held is in redb for good.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.current = None;
        self.storage.set_len(0)?;
        self.storage.sync_data()
    }
}

/// Makes a new log, whole on the disk.
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
