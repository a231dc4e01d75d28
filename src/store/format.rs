//! The record format: one version byte, a bincode body (fixed-int, little-endian, bounded), and a
//! CRC-32 of both. The only file of the stores that names bincode.
//!
//! A format is written only from the release after the one that learnt to read it. A newer or
//! damaged record is an error that names what it met; it is never deleted for that. Golden files
//! under `tests/it/golden/` pin the bytes.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{StoreError, StoreResult};

/// The version that this release writes and the newest that it reads.
const VERSION: u8 = 3;
/// No record is larger, whatever its lengths claim.
const LIMIT: usize = 32 * 1024 * 1024;
/// Most states are smaller, so that they are written without growing.
const USUAL: usize = 1024;
const CRC: usize = size_of::<u32>();

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// The bytes of a record.
pub(crate) fn encode<T: Serialize>(value: &T) -> StoreResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL);
    append(&mut bytes, value)?;
    Ok(bytes)
}

/// Appends the bytes of a record.
pub(crate) fn append<T: Serialize>(bytes: &mut Vec<u8>, value: &T) -> StoreResult<()> {
    let begin = bytes.len();
    bytes.push(VERSION);
    bincode::serde::encode_into_std_write(value, bytes, config())
        .map_err(|error| StoreError::Corrupt { what: format!("a record that cannot be written: {error}") })?;
    bytes.extend_from_slice(&crc32fast::hash(&bytes[begin..]).to_le_bytes());
    match bytes.len() - begin {
        ..=LIMIT => Ok(()),
        more => Err(StoreError::Corrupt { what: format!("a record of {more} bytes could not be read again") }),
    }
}

/// The record that these bytes hold; `what` names it in errors.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<T> {
    decode_borrowed(bytes, what)
}

/// The same for a value that borrows from the record.
pub(crate) fn decode_borrowed<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: impl Fn() -> String) -> StoreResult<T> {
    let corrupt = |met: String| StoreError::Corrupt { what: format!("{}: {met}", what()) };
    let body = checked_body(bytes).map_err(corrupt)?;
    let (value, used) =
        bincode::serde::borrow_decode_from_slice(body, config()).map_err(|error| corrupt(error.to_string()))?;
    if used == body.len() { Ok(value) } else { Err(corrupt(format!("{} bytes too many", body.len() - used))) }
}

/// The value that a record begins with, read without looking at the rest.
pub(crate) fn decode_prefix<T: DeserializeOwned>(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<T> {
    let corrupt = |met: String| StoreError::Corrupt { what: format!("{}: {met}", what()) };
    let body = bytes.get(1..).filter(|_| bytes[0] == VERSION);
    let body = body.ok_or_else(|| corrupt("another format version".to_owned()))?;
    let decoded = bincode::serde::decode_from_slice(body, config());
    decoded.map(|(value, _)| value).map_err(|error| corrupt(error.to_string()))
}

/// Whether a record is whole, without decoding it.
pub(crate) fn check(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<()> {
    let checked = checked_body(bytes).map(drop);
    checked.map_err(|met| StoreError::Corrupt { what: format!("{}: {met}", what()) })
}

/// The same whole record with another value at its beginning, which is as long as the one there.
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
    // The version comes first: what a newer release wrote is newer, not damaged.
    let (version, body) = content.split_first().ok_or("without a version")?;
    if *version != VERSION {
        return Err(format!("format version {version}, and this release reads {VERSION}"));
    }
    if u32::from_le_bytes(*crc) == crc32fast::hash(content) {
        Ok(body)
    } else {
        Err("its checksum is wrong".to_owned())
    }
}

#[cfg(test)]
pub(crate) mod tests;
