//! The record format: one version byte, a bincode body (fixed-int, little-endian, bounded), and a CRC-32 of
//! both. This is the only file of the stores that uses bincode.
//!
//! A release writes a new format only if the release before it can already read that format. A newer or
//! damaged record gives an error that says what is wrong, and the record is never deleted because of that.
//! Golden files under `tests/it/golden/` pin the bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{StoreError, StoreResult};

/// The version of the record format that this release writes and reads.
pub const RECORD_FORMAT: u8 = 3;
/// Maximum size of a record in bytes, whatever lengths it claims inside.
const LIMIT: usize = 32 * 1024 * 1024;
/// Initial capacity of an encoding buffer in bytes. Most states are smaller, so the buffer rarely grows.
const USUAL: usize = 1024;
const CRC: usize = size_of::<u32>();

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Encodes a value as a record.
pub(crate) fn encode<T: Serialize>(value: &T) -> StoreResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    append(&mut bytes, value)?;
    Ok(bytes)
}

/// Encodes a value as a record and appends it to `bytes`.
pub(crate) fn append<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> StoreResult<()> {
    let begin = bytes.len();
    bytes.push(RECORD_FORMAT);
    bincode::serde::encode_into_std_write(value, bytes, config())
        .map_err(|error| StoreError::Corrupt { what: format!("a record that cannot be written: {error}") })?;
    bytes.extend_from_slice(&crc32fast::hash(&bytes[begin..]).to_le_bytes());
    match bytes.len() - begin {
        ..=LIMIT => Ok(()),
        more => Err(StoreError::Corrupt { what: format!("a record of {more} bytes could not be read again") }),
    }
}

/// Decodes a record. `what` names the record in errors.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<T> {
    decode_borrowed(bytes, what)
}

/// Like [`decode`], for a value that borrows from `bytes`.
pub(crate) fn decode_borrowed<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: impl Fn() -> String) -> StoreResult<T> {
    let corrupt = |met: String| StoreError::Corrupt { what: format!("{}: {met}", what()) };
    let body = checked_body(bytes).map_err(corrupt)?;
    let (value, used) =
        bincode::serde::borrow_decode_from_slice(body, config()).map_err(|error| corrupt(error.to_string()))?;
    if used == body.len() { Ok(value) } else { Err(corrupt(format!("{} bytes too many", body.len() - used))) }
}

/// Decodes only the value at the beginning of a record. The checksum and the rest are not checked.
pub(crate) fn decode_prefix<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<T> {
    let corrupt = |met: String| StoreError::Corrupt { what: format!("{}: {met}", what()) };
    let body = bytes.get(1..).filter(|_| bytes[0] == RECORD_FORMAT);
    let body = body.ok_or_else(|| corrupt("another format version".to_owned()))?;
    let decoded = bincode::serde::decode_from_slice(body, config());
    decoded.map(|(value, _)| value).map_err(|error| corrupt(error.to_string()))
}

/// Checks a record's version and checksum without decoding it.
pub(crate) fn check(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<()> {
    let checked = checked_body(bytes).map(drop);
    checked.map_err(|met| StoreError::Corrupt { what: format!("{}: {met}", what()) })
}

/// Copies a record and replaces the value at its beginning. The new value must encode to the same length. The
/// checksum is computed again.
pub(crate) fn replace_prefix<T: Serialize>(record: &[u8], prefix: &T) -> StoreResult<Vec<u8>> {
    let begins = encode(prefix)?;
    let mut bytes = record.to_vec();
    let (begins, end) = (&begins[..begins.len() - CRC], bytes.len().saturating_sub(CRC));
    if end < begins.len() {
        return Err(StoreError::Corrupt { what: "a record that is shorter than its beginning".to_owned() });
    }
    bytes[..begins.len()].copy_from_slice(begins);
    let crc = crc32fast::hash(&bytes[..end]).to_le_bytes();
    bytes[end..].copy_from_slice(&crc);
    Ok(bytes)
}

fn checked_body(bytes: &[u8]) -> Result<&[u8], String> {
    let (content, crc) = bytes.split_last_chunk::<CRC>().ok_or("shorter than its checksum")?;
    // Check the version before the checksum: a record from a newer release must be reported as newer, not as
    // damaged.
    let (version, body) = content.split_first().ok_or("without a version")?;
    if *version != RECORD_FORMAT {
        return Err(format!("format version {version}, and this release reads {RECORD_FORMAT}"));
    }
    if u32::from_le_bytes(*crc) == crc32fast::hash(content) {
        Ok(body)
    } else {
        Err("its checksum is wrong".to_owned())
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
pub(crate) mod tests;
