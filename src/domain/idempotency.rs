//! How a repeated request is known, whenever it comes: by hashes that are kept with its outcome.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How a repeated request is told from a new one: hashes of its `Idempotency-Key` (with the name
/// of the call) and of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// Hash of the call and the key.
    #[serde(with = "hex")]
    pub key: [u8; 16],
    /// Hash of what was asked.
    #[serde(with = "hex")]
    pub body: [u8; 16],
}

impl IdempotencyKey {
    /// Hashes a `call`'s idempotency `key` and the parts of its `body`.
    pub fn new(call: &str, key: &str, body: &[&str]) -> Self {
        Self { key: hash(&[call, key]), body: hash(body) }
    }
}

/// How the repeat of what is said, recorded or moved is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// By a key: whoever brings it with another body has made a mistake.
    Key(IdempotencyKey),
    /// By its frame's id: with another body it is another request, as ids may be counted anew.
    FrameId(IdempotencyKey),
}

impl Idempotency {
    /// Whether it is known by its frame's id, and the hashes.
    pub(super) fn parts(self) -> (bool, IdempotencyKey) {
        match self {
            Self::Key(hashes) => (false, hashes),
            Self::FrameId(hashes) => (true, hashes),
        }
    }
}

/// The first 16 bytes of the hash of `parts`, each closed off from the next.
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

/// A hash is 32 hex digits in formats that people read.
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

/// An option of an option is a list of at most one in formats that know only one kind of nothing.
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
