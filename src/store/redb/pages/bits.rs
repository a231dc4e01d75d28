//! Corrects one flipped bit by trying each of them: only the right one gives the checksum.

/// Flips the one bit of `bytes` after which `is_right` holds, and returns true. If there is none, `bytes` stay as
/// they are.
pub(super) fn correct(bytes: &mut [u8], is_right: impl Fn(&[u8]) -> bool) -> bool {
    for place in 0..bytes.len() {
        for bit in 0..8 {
            bytes[place] ^= 1 << bit;
            if is_right(bytes) {
                return true;
            }
            bytes[place] ^= 1 << bit;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::checksum;
    use super::*;

    #[test]
    fn one_flipped_bit_is_corrected_and_two_are_left_as_they_are() {
        let whole = b"a page of which one bit may flip".to_vec();
        let right = checksum(&whole);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(correct(&mut damaged, |bytes| checksum(bytes) == right));
            assert_eq!(damaged, whole);
        }
        let mut twice = whole.clone();
        twice[3] ^= 1;
        twice[9] ^= 4;
        let before = twice.clone();
        assert!(!correct(&mut twice, |bytes| checksum(bytes) == right));
        assert_eq!(twice, before);
    }
}
