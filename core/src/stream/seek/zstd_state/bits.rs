//! Bits that are read from the last to the first (RFC 8878, 4.1).

use crate::units::{len_u64, len_usize};

/// The bits of sequences. Reading begins before the highest bit that is set in the last byte.
pub(super) struct BackwardBits<'a> {
    bytes: &'a [u8],
    /// Bits that were not read.
    left: u64,
}

impl<'a> BackwardBits<'a> {
    /// `None` if no bit of the last byte is set.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let mark = bytes.last()?.checked_ilog2()?;
        let before = len_u64(bytes.len()).checked_sub(1)?.checked_mul(8)?;
        Some(Self {
            bytes,
            left: before.checked_add(mark.into())?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next `count` bits, at most 32. `None` if fewer are left.
    pub(super) fn read(&mut self, count: u32) -> Option<u32> {
        self.left = self.left.checked_sub(count.into())?;
        let rest = self.bytes.get(len_usize(self.left / 8)..)?;
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let bytes = rest.iter().rev();
                bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
            }
        };
        let shifted = word.checked_shr(u32::try_from(self.left % 8).ok()?)?;
        let mask = 1_u64.checked_shl(count)?.checked_sub(1)?;
        u32::try_from(shifted & mask).ok()
    }
}
