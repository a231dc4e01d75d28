//! Event payloads as the durable engines store them: plain, or compressed where that saves space.
//!
//! This is the only file that uses zstd.

use std::borrow::Cow;
use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use zstd::bulk::{Compressor, Decompressor};

/// Payloads up to this many bytes are not compressed: there is little to save.
const PLAIN_UP_TO: usize = 1024;
/// Maximum size of an unpacked payload in bytes, whatever length its frame claims.
const LIMIT: usize = 1024 * 1024;
/// The fastest zstd level: payloads are small, and a writer waits for the compression.
const LEVEL: i32 = 1;

thread_local! {
    // One per thread, because creating a compressor costs more than compressing most payloads: 25 of 34 µs
    // for 1 KiB of JSON.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
    static DECOMPRESSOR: RefCell<Decompressor<'static>> = RefCell::default();
}

/// An event payload in its stored form.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredPayload<'a> {
    /// The payload's text, not compressed.
    Plain(#[serde(borrow)] Cow<'a, str>),
    /// A zstd frame of the payload's text.
    Zstd(#[serde(borrow, with = "serde_bytes")] Cow<'a, [u8]>),
}

impl<'a> StoredPayload<'a> {
    /// Encodes a payload. It is compressed only if it is longer than [`PLAIN_UP_TO`], not longer than
    /// [`LIMIT`], and gets smaller.
    pub(crate) fn of(payload: &'a str) -> Self {
        let is_worth_it = payload.len() > PLAIN_UP_TO && payload.len() <= LIMIT;
        let compress = |compressor: &mut Option<Compressor<'_>>| compressor.as_mut()?.compress(payload.as_bytes()).ok();
        let compressed = is_worth_it.then(|| COMPRESSOR.with_borrow_mut(compress)).flatten();
        match compressed.filter(|compressed| compressed.len() < payload.len()) {
            Some(compressed) => Self::Zstd(compressed.into()),
            None => Self::Plain(payload.into()),
        }
    }

    /// Decodes the payload. The error says what is wrong with the stored bytes.
    pub(crate) fn unpack(self) -> Result<String, String> {
        match self {
            Self::Plain(payload) => Ok(payload.into_owned()),
            Self::Zstd(compressed) => {
                let cannot = |why: &dyn std::fmt::Display| format!("its payload cannot be unpacked: {why}");
                let payload = DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.decompress(&compressed, LIMIT));
                let payload = payload.map_err(|error| cannot(&error))?;
                // zstd accepts empty input, but it is not a frame. Only damage can produce it.
                if payload.is_empty() {
                    return Err(cannot(&"there is nothing in it"));
                }
                String::from_utf8(payload).map_err(|_| "its payload is no text".to_owned())
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::fuzzing::{ByteEdits, edited};

    /// Repetitive JSON of at least this many bytes.
    pub(crate) fn repetitive(bytes: usize) -> String {
        let answer = |n: usize| format!("{{\"seat\":{n},\"name\":\"player {n}\",\"right\":true}},");
        let mut text = String::new();
        (0..)
            .take_while(|n| {
                text.push_str(&answer(*n));
                text.len() < bytes
            })
            .for_each(drop);
        text
    }

    /// The zstd frame of a payload that is worth compressing.
    pub(crate) fn compressed(payload: &str) -> Vec<u8> {
        let StoredPayload::Zstd(bytes) = StoredPayload::of(payload) else { panic!("it is left plain") };
        bytes.into_owned()
    }

    fn is_packed(payload: &str) -> bool {
        let packed = StoredPayload::of(payload);
        let is_packed = matches!(packed, StoredPayload::Zstd(_));
        assert_eq!(packed.unpack().as_deref(), Ok(payload));
        is_packed
    }

    #[test]
    fn large_payloads_are_packed_and_small_ones_left_alone() {
        for (bytes, packed) in [(0, false), (1, false), (1024, false), (1025, true), (LIMIT, true), (LIMIT + 1, false)]
        {
            assert_eq!(is_packed(&"x".repeat(bytes)), packed, "{bytes} bytes");
        }
        let bytes = compressed(&repetitive(200 * 1024));
        assert!(bytes.len() < 40 * 1024, "{} bytes", bytes.len());
    }

    #[test]
    fn what_does_not_get_smaller_stays_as_it_is() {
        let mut chance = 1_u64;
        let mut text = String::new();
        while text.len() <= PLAIN_UP_TO {
            // Draw from all Unicode characters with about equal probability, so that the text hardly
            // compresses.
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.extend(char::from_u32((chance >> 43) as u32 % 0x11_0000));
        }
        let packed = StoredPayload::of(&text);
        assert!(
            matches!(&packed, StoredPayload::Plain(_))
                || matches!(&packed, StoredPayload::Zstd(bytes) if bytes.len() < text.len())
        );
        assert_eq!(packed.unpack(), Ok(text));
    }

    #[test]
    fn forged_lengths_are_refused_at_once() {
        let begun = Instant::now();
        let whole = zstd::bulk::compress(&vec![b'x'; LIMIT + 1], LEVEL).expect("compressed");
        assert!(StoredPayload::Zstd(whole.into()).unpack().is_err(), "more than the limit");
        // A single-segment frame whose 8-byte length field holds a forged length.
        for length in [u64::MAX, 1 << 40, LIMIT as u64 + 1, LIMIT as u64] {
            let forged = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &length.to_le_bytes(), &[1, 0, 0]].concat();
            assert!(StoredPayload::Zstd(forged.into()).unpack().is_err(), "{length}");
        }
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }

    #[test]
    fn what_unpacks_to_no_text_is_refused() {
        let no_text = zstd::bulk::compress(&[0xff; 9], LEVEL).expect("compressed");
        assert_eq!(StoredPayload::Zstd(no_text.into()).unpack(), Err("its payload is no text".to_owned()));
    }

    proptest! {
        #[test]
        fn every_payload_comes_back(text in "\\PC{0,1500}") {
            is_packed(&text);
        }
    }

    #[test]
    fn any_stored_payload_is_a_text_or_refused() {
        let sample = compressed(&repetitive(4_096));
        bolero::check!().with_type::<(bool, ByteEdits, Vec<u8>)>().for_each(|(is_sample, edits, bytes)| {
            let bytes = if *is_sample { edited(&sample, edits) } else { bytes.clone() };
            if let Ok(payload) = StoredPayload::Zstd(bytes.into()).unpack() {
                assert!(payload.len() <= LIMIT);
                assert_eq!(StoredPayload::of(&payload).unpack(), Ok(payload));
            }
        });
    }
}
