//! The source of random bytes. Tests replace it by their own.

use std::cell::RefCell;
use std::sync::Arc;

/// Bytes fetched from the operating system at a time.
const DRAWN: usize = 256;

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// A source of random bytes. Clones share it.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

impl Entropy {
    /// The operating system's randomness. 256 bytes are fetched at a time for each thread, since a new game
    /// needs a dozen numbers. Each byte is used once.
    pub fn system() -> Self {
        thread_local!(static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        Self::from_fn(|bytes| LEFT.with_borrow_mut(|left| draw(left, bytes)))
    }

    /// A source that fills buffers by `fill`, for tests.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A random number below `bound`, which must be at least 1. Its bias is below 2⁻³² for any list that fits
    /// in memory.
    pub fn below(&self, bound: usize) -> usize {
        let random = u128::from(u64::from_le_bytes(self.bytes()));
        ((random * bound as u128) >> 64) as usize
    }
}

/// Fills `bytes` from `left`, the unused bytes of the last fetch. Fetches new ones first if they are too few.
fn draw(left: &mut Vec<u8>, bytes: &mut [u8]) {
    let system = |bytes: &mut [u8]| getrandom::fill(bytes).expect("the operating system gives random bytes");
    if bytes.len() > DRAWN {
        return system(bytes);
    }
    if left.len() < bytes.len() {
        left.resize(DRAWN, 0);
        system(left);
    }
    let from = left.len() - bytes.len();
    bytes.copy_from_slice(&left[from..]);
    // Erased, so that no secret made from these bytes stays in the buffer.
    left[from..].fill(0);
    left.truncate(from);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_byte_is_given_twice() {
        let (chance, mut left) = (Entropy::system(), Vec::new());
        let numbers: HashSet<[u8; 10]> = (0..1_000).map(|_| chance.bytes()).collect();
        assert_eq!(numbers.len(), 1_000);
        let (mut few, mut many) = ([0; 200], [0; DRAWN + 1]);
        draw(&mut left, &mut few);
        assert_eq!(left.len(), DRAWN - 200);
        draw(&mut left, &mut many);
        assert_eq!(left.len(), DRAWN - 200, "more than is drawn at a time comes by itself");
        draw(&mut left, &mut few);
        assert_eq!(left.len(), DRAWN - 200, "too little was left");
        assert!(many.iter().any(|byte| *byte != 0) && few.iter().any(|byte| *byte != 0));
    }
}
