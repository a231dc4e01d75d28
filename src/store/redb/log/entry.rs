//! An entry of the log: one batch. Its checksum is over all of it, and it names the file that it belongs
//! to, so that nothing else is taken for one.

use super::super::meta::Meta;
use super::super::ops::Op;
use crate::domain::{Millis, Timestamp};
use crate::store::clock::Uptime;
use crate::store::error::StoreResult;
use crate::store::format;

/// How an entry begins.
pub(super) const MAGIC: [u8; 4] = *b"rjb1";
/// Bytes before the body: magic, length, and five numbers.
const HEAD: usize = 4 + 4 + 5 * 8;
const CRC: usize = 4;
/// Most entries are smaller, so that they are written without growing.
const USUAL: usize = 32 * 1024;

/// What an entry says beside its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redb) struct BatchHead {
    /// The batch's number: one more than the one before it.
    pub(in crate::store::redb) batch: u64,
    /// The highest game time known.
    pub(in crate::store::redb) time: Timestamp,
    /// The machine's uptime at that time.
    pub(in crate::store::redb) uptime: Uptime,
}

/// The bytes of a batch's entry, after which the file's record is `meta`.
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

/// A whole entry that these bytes begin with.
#[derive(Debug)]
pub(super) struct LogEntry<'a> {
    pub(super) random: u64,
    pub(super) head: BatchHead,
    body: &'a [u8],
    /// How many bytes it takes.
    pub(super) length: usize,
}

impl<'a> LogEntry<'a> {
    /// The entry at the beginning of these bytes, if there is one and it is whole.
    pub(super) fn at(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(&MAGIC) {
            return None;
        }
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

    /// What it changes.
    pub(super) fn ops(&self) -> StoreResult<Vec<Op>> {
        let batch = self.head.batch;
        format::decode(self.body, || format!("batch {batch} of the log"))
    }
}
