//! How a retried request is recognized, however late it comes: by hashes that are stored with its outcome.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What tells a retried request from a new one: a hash of its `Idempotency-Key` with the name of the call,
/// and a hash of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The hash of the call's name and the key.
    #[serde(with = "hex")]
    pub key: [u8; 16],
    /// The hash of the request's body.
    #[serde(with = "hex")]
    pub body: [u8; 16],
}

impl IdempotencyKey {
    /// Hashes a `call`'s idempotency `key` and the parts of its `body`.
    pub fn new(call: &str, key: &str, body: &[&str]) -> Self {
        Self { key: hash(&[call, key]), body: hash(body) }
    }
}

/// How a retry is recognized of a request that says, records or moves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// By an idempotency key. The same key with another body is the client's mistake, and is refused.
    Key(IdempotencyKey),
    /// By the id of its frame. The same id with another body is a new request, because a client may count its
    /// ids from the start again.
    FrameId(IdempotencyKey),
}

impl Idempotency {
    /// Whether it is a frame id, and the hashes.
    pub(super) fn parts(self) -> (bool, IdempotencyKey) {
        match self {
            Self::Key(hashes) => (false, hashes),
            Self::FrameId(hashes) => (true, hashes),
        }
    }
}

/// The first 16 bytes of the hash of `parts`. The length of each part is hashed before it, so that shifting
/// text between parts gives another hash.
pub fn hash(parts: &[&str]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// Serializes a hash as 32 hex digits in human-readable formats, and as bytes in the others.
pub(super) mod hex {
    use super::*;

    pub(in crate::domain) fn serialize<S: Serializer>(hash: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(*hash)))
        } else {
            hash.serialize(serializer)
        }
    }

    pub(in crate::domain) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        if !deserializer.is_human_readable() {
            return Deserialize::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)?;
        Ok(number.to_be_bytes())
    }
}

/// Serializes an option of an option. Human-readable formats have only one null, so there it is a list of at
/// most one element.
pub(super) mod nested {
    use super::*;

    type Nested<T> = Option<Option<T>>;

    pub(in crate::domain) fn serialize<T: Serialize, S: Serializer>(
        value: &Nested<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_seq(value.iter()) } else { value.serialize(serializer) }
    }

    pub(in crate::domain) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Nested<T>, D::Error> {
        if deserializer.is_human_readable() {
            Ok(<Vec<Option<T>>>::deserialize(deserializer)?.into_iter().next())
        } else {
            Deserialize::deserialize(deserializer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Claimed(#[serde(with = "nested")] Option<Option<IdempotencyKey>>);

    #[test]
    fn json_keeps_hashes_and_every_kind_of_nothing() {
        let key = IdempotencyKey::new("award", "k", &[]);
        for claimed in [None, Some(None), Some(Some(key))] {
            let text = serde_json::to_string(&Claimed(claimed)).expect("written");
            assert_eq!(serde_json::from_str::<Claimed>(&text).expect("read"), Claimed(claimed), "{text}");
        }
        let text = serde_json::to_string(&IdempotencyKey { key: [1; 16], body: [0; 16] }).expect("written");
        assert!(text.contains(&"01".repeat(16)), "{text}");
    }
}
