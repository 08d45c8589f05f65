//! Looking for zeros, which need not be stored.

/// Whether all bytes are zeros. In steps of a cache line, each of which the processor looks at as a
/// whole.
pub fn is_zero(bytes: &[u8]) -> bool {
    let (lines, rest) = bytes.as_chunks::<64>();
    let is_zero = |line: &[u8]| line.iter().fold(0, |all, byte| all | byte) == 0;
    lines.iter().all(|line| is_zero(line)) && is_zero(rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may panic")]

    use super::*;

    #[test]
    fn every_byte_counts() {
        for len in [0, 1, 63, 64, 65, 512, 4096] {
            let mut bytes = alloc::vec![0; len];
            assert!(is_zero(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_zero(&bytes), "{at} of {len}");
                bytes[at] = 0;
            }
        }
    }
}
