//! An entry of the log, which holds one batch.
//!
//! Invariant: other bytes are never taken for an entry. Its checksum covers the whole entry, and it contains
//! the random number of the database file that it belongs to.

use super::super::meta::Meta;
use super::super::row_changes::Op;
use crate::domain::{Millis, Timestamp};
use crate::store::clock::Uptime;
use crate::store::error::StoreResult;
use crate::store::format;

/// The first bytes of every entry.
pub(super) const MAGIC: [u8; 4] = *b"rjb1";
/// Bytes before the body: magic, length, and five numbers.
const HEAD: usize = 4 + 4 + 5 * 8;
const CRC: usize = 4;
/// The initial capacity of an entry's buffer in bytes. Most entries fit in it.
const USUAL: usize = 32 * 1024;

/// What an entry contains besides its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redb) struct BatchHead {
    /// The batch's number: one more than the one before it.
    pub(in crate::store::redb) batch: u64,
    /// The highest game time known.
    pub(in crate::store::redb) time: Timestamp,
    /// The machine's uptime at that time.
    pub(in crate::store::redb) uptime: Uptime,
}

/// Encodes the entry of a batch. `meta` is the file's metadata after that batch.
pub(in crate::store::redb) fn encode(meta: &Meta, ops: &[Op]) -> StoreResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[0; 4]);
    let Meta { random, batches, time, uptime: Uptime { boot, lasted }, .. } = meta;
    for number in [*random, *batches, time.as_millis(), *boot, lasted.0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    format::append(&mut bytes, &ops)?;
    let length = (bytes.len() - HEAD) as u32;
    bytes[MAGIC.len()..MAGIC.len() + 4].copy_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

/// A complete entry whose checksum is right.
#[derive(Debug)]
pub(super) struct LogEntry<'a> {
    /// The random number of the database file that the entry belongs to.
    pub(super) random: u64,
    pub(super) head: BatchHead,
    body: &'a [u8],
    /// Bytes of the whole entry, with its head and its checksum.
    pub(super) length: usize,
}

impl<'a> LogEntry<'a> {
    /// The entry at the beginning of `bytes`; `None` if there is none, or it is not complete.
    pub(super) fn at(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
        // Positions in the head: length 4, random 8, batch 16, time 24, boot 32, uptime 40.
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let body_length = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
        let end = HEAD.checked_add(body_length)?;
        let crc = u32::from_le_bytes(*bytes.get(end..)?.first_chunk()?);
        if crc32fast::hash(bytes.get(..end)?) != crc {
            return None;
        }
        let time = Timestamp::from_millis(number(24)?);
        let uptime = Uptime { boot: number(32)?, lasted: Millis(number(40)?) };
        let head = BatchHead { batch: number(16)?, time, uptime };
        Some(Self { random: number(8)?, head, body: &bytes[HEAD..end], length: end + CRC })
    }

    /// Decodes the row changes of the batch.
    pub(super) fn ops(&self) -> StoreResult<Vec<Op>> {
        let batch = self.head.batch;
        format::decode(self.body, || format!("batch {batch} of the log"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::row_changes::SessionRow;
    use super::*;
    use crate::fuzzing::{Accepted, ByteEdits, edited};
    use crate::store::format::tests::sessions;

    /// The entry with this body, and with checksums that are right.
    fn sealed(entry: &[u8], mut record: Vec<u8>) -> Vec<u8> {
        let end = record.len().saturating_sub(CRC);
        let crc = crc32fast::hash(&record[..end]).to_le_bytes();
        record.splice(end.., crc);
        let mut bytes = [&entry[..HEAD], &record].concat();
        bytes[MAGIC.len()..MAGIC.len() + 4].copy_from_slice(&(record.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    #[test]
    fn any_entry_is_a_batch_or_refused() {
        let uptime = Uptime { boot: 5, lasted: Millis(7) };
        let time = Timestamp::from_millis(1_000);
        let meta = Meta { random: 77, time, uptime, batches: 3, clean: false, generation: 1, identity: None };
        let ops = sessions().map(|(_, session)| {
            let row = SessionRow::State { index_time: time, state: Arc::new(session.state), quiz: None };
            [Op::PutSession { id: session.id.clone(), row, is_added: true }, Op::PutExpiry(time, session.id)]
        });
        let ops = [ops.concat(), vec![Op::Prune(sessions()[0].1.id.clone(), 9)]].concat();
        let entry = encode(&meta, &ops).expect("encoded");
        let body = &entry[HEAD..entry.len() - CRC];
        assert_eq!(LogEntry::at(&sealed(&entry, body.to_vec())).expect("whole").ops().expect("read"), ops);
        let accepted = Accepted::default();
        bolero::check!().with_type::<ByteEdits>().for_each(|edits| {
            assert!(LogEntry::at(&edited(&entry, edits)).is_none_or(|entry| entry.ops().is_ok_and(|read| read == ops)));
            let bytes = sealed(&entry, edited(body, edits));
            let read = LogEntry::at(&bytes).expect("its checksum is right").ops();
            accepted.count(read.is_ok());
            let Ok(ops) = read else { return };
            let again = encode(&meta, &ops).expect("encoded");
            assert_eq!(LogEntry::at(&again).expect("whole").ops().expect("read"), ops);
        });
        accepted.some("log entries");
    }
}
