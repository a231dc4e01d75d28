//! How a repeated request is known, whenever it comes: by hashes that are kept with its outcome.

use serde::{Deserialize, Serialize};

/// How a repeated request is told from a new one: hashes of its `Idempotency-Key` (with the name
/// of the call) and of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatKey {
    /// Hash of the call and the key.
    pub key: [u8; 16],
    /// Hash of what was asked.
    pub body: [u8; 16],
}

impl RepeatKey {
    /// Hashes a `call`'s idempotency `key` and the parts of its `body`.
    pub fn new(call: &str, key: &str, body: &[&str]) -> Self {
        Self { key: hash(&[call, key]), body: hash(body) }
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
