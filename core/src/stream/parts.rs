//! Formats that consist of headers and blocks (lz4, lzop): each part is collected
//! before it is read, and the content of a block is returned as there is room.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::Problem;

/// The bytes of the part that is read next.
#[derive(Default)]
pub(super) struct Collected {
    bytes: Vec<u8>,
}

impl Collected {
    /// Takes bytes until there are `len`. Returns how many were taken and, once all are
    /// there, the part.
    pub(super) fn take(
        &mut self,
        input: &[u8],
        len: usize,
    ) -> Result<(usize, Option<Vec<u8>>), Problem> {
        let missing = len.saturating_sub(self.bytes.len());
        let taken = missing.min(input.len());
        self.bytes
            .try_reserve(taken)
            .map_err(|_| Problem::NoMemory)?;
        self.bytes
            .extend_from_slice(input.get(..taken).unwrap_or_default());
        let whole = (taken == missing).then(|| mem::take(&mut self.bytes));
        Ok((taken, whole))
    }

    /// Begins the next part, in the memory of the last one; with its bytes, if they are
    /// a part of the next one as well.
    pub(super) fn begin(&mut self, mut last: Vec<u8>, is_part_of_next: bool) {
        if !is_part_of_next {
            last.clear();
        }
        self.bytes = last;
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Copies what is `waiting` of the content of the last block. Returns how many bytes.
pub(super) fn take_content(content: &[u8], waiting: &mut Range<usize>, output: &mut [u8]) -> usize {
    let left = content.get(waiting.clone()).unwrap_or_default();
    let made = left.len().min(output.len());
    if let (Some(to), Some(from)) = (output.get_mut(..made), left.get(..made)) {
        to.copy_from_slice(from);
    }
    waiting.start = waiting.start.saturating_add(made);
    made
}
