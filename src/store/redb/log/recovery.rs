//! Reads a log after a crash, from the batch after the last one in redb up to the first that is missing or
//! incomplete. That is where the server stopped. If there is a later batch, something in between is lost, and
//! the log is damaged.

use std::io;

use ::redb::StorageBackend;
use memchr::memmem;

use super::super::row_changes::Op;
use super::entry::{self, BatchHead, LogEntry};
use super::{Layout, SEGMENT_HEAD, SEGMENTS, SegmentHead};
use crate::store::error::StoreResult;

/// The most bytes that are read in one piece: of a segment, or of a log whose head is damaged. No log of rejoin has as
/// many, but a damaged one may say so.
const MOST_READ: u64 = 256 * 1024 * 1024;

/// What was found in a log.
#[derive(Debug, Default)]
pub(in crate::store::redb) struct RecoveredLog {
    /// The last batch that counts; `None` if the log has no batch that redb does not have.
    pub(in crate::store::redb) last: Option<BatchHead>,
    /// Whether committed batches are missing from the log.
    pub(in crate::store::redb) is_damaged: bool,
    /// The highest batch of this database file that is anywhere in the log; 0 if there is none.
    pub(in crate::store::redb) highest: u64,
    /// Whether the log holds batches of another database file.
    pub(in crate::store::redb) is_foreign: bool,
    /// The last batch of each segment; `None` for a segment that holds nothing that is still needed.
    pub(super) segments: [Option<u64>; SEGMENTS as usize],
    /// The number that the next segment gets.
    pub(super) next_number: u64,
}

/// Reads the log of the database file with this random number. Gives each batch after `checkpointed` to
/// `take`, in order, and returns what it found.
///
/// # Errors
/// The error of the disk. The inner result is `Corrupt` for a complete batch that can't be decoded, such as
/// one of a newer release.
pub(in crate::store::redb) fn find(
    storage: &dyn StorageBackend,
    random: u64,
    checkpointed: u64,
    mut take: impl FnMut(Vec<Op>),
) -> io::Result<StoreResult<RecoveredLog>> {
    let mut found = RecoveredLog { next_number: 1, ..RecoveredLog::default() };
    let Some(layout) = Layout::read(storage)? else {
        let mut bytes = vec![0; usize::try_from(storage.len()?.min(MOST_READ)).map_err(io::Error::other)?];
        if !bytes.is_empty() {
            storage.read(0, &mut bytes)?;
        }
        found.highest = highest_batch(&bytes, random);
        found.is_damaged = found.highest > checkpointed;
        found.is_foreign = has_others(&bytes, random);
        return Ok(Ok(found));
    };
    let heads = heads(storage, layout, random)?;
    // One segment at a time, so that a start takes no more memory than one segment has.
    let mut bytes = Vec::new();
    let mut next = checkpointed + 1;
    for (n, (place, head)) in heads.iter().enumerate() {
        read_segment(storage, layout, *place, &mut bytes)?;
        found.highest = found.highest.max(highest_batch(&bytes, random));
        found.is_foreign |= has_others(&bytes, random);
        let Some(head) = head else { continue };
        found.next_number = head.number + 1;
        // Batches from the first one of a later segment on are void in this segment.
        let later = heads[n + 1..].iter().filter_map(|(_, later)| later.map(|later| later.first));
        let (end, mut last) = (later.min().unwrap_or(u64::MAX), None);
        for entry in entries(&bytes, *head).take_while(|entry| entry.head.batch < end) {
            if entry.head.batch == next {
                match entry.ops() {
                    Ok(ops) => take(ops),
                    Err(error) => return Ok(Err(error)),
                }
                next += 1;
                found.last = Some(entry.head);
            }
            last = Some(entry.head.batch);
        }
        found.segments[*place] = last.filter(|last| *last > checkpointed);
    }
    // The entry of `next` may be complete without the head of its segment: the server stopped before the
    // sync, so the batch was not acknowledged. Only an entry after it shows that something is lost.
    found.is_damaged = found.highest > next;
    Ok(Ok(found))
}

/// The numbers of the batches with which the segments for this database file begin, the lowest first.
///
/// # Errors
/// The error of the disk.
pub(in crate::store::redb) fn first_batches(storage: &dyn StorageBackend, random: u64) -> io::Result<Vec<u64>> {
    let Some(layout) = Layout::read(storage)? else { return Ok(Vec::new()) };
    let heads = heads(storage, layout, random)?;
    let mut first: Vec<_> = heads.into_iter().filter_map(|(_, head)| Some(head?.first)).collect();
    first.sort_unstable();
    Ok(first)
}

/// The segments of a log. Those that were begun for this database file come first, in that order, with their
/// heads.
fn heads(storage: &dyn StorageBackend, layout: Layout, random: u64) -> io::Result<Vec<(usize, Option<SegmentHead>)>> {
    let length = storage.len()?;
    let mut heads = Vec::new();
    for place in 0..SEGMENTS as usize {
        let mut bytes = [0; SEGMENT_HEAD as usize];
        if layout.begin(place) + SEGMENT_HEAD <= length {
            storage.read(layout.begin(place), &mut bytes)?;
        }
        heads.push((place, SegmentHead::decode(&bytes).filter(|head| head.random == random)));
    }
    heads.sort_by_key(|(_, head)| head.map_or(u64::MAX, |head| head.number));
    Ok(heads)
}

/// Reads what a segment holds behind its head. It is less than a segment if the log is truncated.
fn read_segment(storage: &dyn StorageBackend, layout: Layout, place: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let begin = layout.begin(place);
    let end = storage.len()?.min(begin.saturating_add(layout.segment.min(MOST_READ)));
    bytes.clear();
    let length = end.saturating_sub(begin + SEGMENT_HEAD);
    bytes.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
    if bytes.is_empty() {
        return Ok(());
    }
    storage.read(begin + SEGMENT_HEAD, bytes)
}

/// The entries from the start of a segment, as long as they are complete and their numbers follow each other.
fn entries(bytes: &[u8], head: SegmentHead) -> impl Iterator<Item = LogEntry<'_>> {
    let (mut rest, mut next) = (bytes, head.first);
    std::iter::from_fn(move || {
        let entry = LogEntry::at(rest).filter(|entry| entry.random == head.random && entry.head.batch == next)?;
        rest = &rest[entry.length..];
        next += 1;
        Some(entry)
    })
}

/// The highest batch of this database file that has a complete entry anywhere in `bytes`; 0 if none has.
fn highest_batch(bytes: &[u8], random: u64) -> u64 {
    let own = anywhere(bytes).filter(|entry| entry.random == random);
    own.map(|entry| entry.head.batch).max().unwrap_or_default()
}

/// Whether the first complete entry belongs to another database file. The others need no check, because a log
/// is emptied before another file uses it.
fn has_others(bytes: &[u8], random: u64) -> bool {
    anywhere(bytes).next().is_some_and(|entry| entry.random != random)
}

/// The complete entries in `bytes`, at any position.
fn anywhere(bytes: &[u8]) -> impl Iterator<Item = LogEntry<'_>> {
    memmem::find_iter(bytes, &entry::MAGIC).filter_map(|place| LogEntry::at(&bytes[place..]))
}
