//! Where random bytes come from; a test brings its own.

use std::sync::Arc;

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// A source of random bytes.
#[derive(Clone)]
pub struct Chance(Arc<Fill>);

impl Chance {
    /// The operating system's.
    pub fn system() -> Self {
        Self::from_fn(|bytes| getrandom::fill(bytes).expect("the operating system gives random bytes"))
    }

    /// Any source.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// So many random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A random number below `bound`, which is at least 1. Its bias is below 2⁻³² for any list
    /// that fits in memory.
    pub fn below(&self, bound: usize) -> usize {
        let random = u128::from(u64::from_le_bytes(self.bytes()));
        ((random * bound as u128) >> 64) as usize
    }
}
