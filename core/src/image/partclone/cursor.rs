//! The position of a decoder in an image that comes in pieces.

use super::layout::FIELDS_SIZE;
use crate::units::{len_u64, len_usize};

/// The position in an image.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    /// Bytes of the image taken so far.
    position: u64,
    /// What is collected: the header, a checksum.
    pending: [u8; FIELDS_SIZE],
    pending_len: usize,
}

impl Cursor {
    /// The start of an image.
    pub(super) fn new() -> Self {
        Self {
            position: 0,
            pending: [0; FIELDS_SIZE],
            pending_len: 0,
        }
    }

    /// Bytes of the image taken so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// What was collected; zeros where nothing was.
    pub(super) fn pending(&self) -> &[u8; FIELDS_SIZE] {
        &self.pending
    }

    /// Drops what was collected.
    pub(super) fn clear(&mut self) {
        self.pending_len = 0;
    }

    /// Collects until `len` bytes are pending; `None` if the input ends before.
    pub(super) fn collect(&mut self, len: usize, input: &mut &[u8]) -> Option<&[u8]> {
        let missing = len.saturating_sub(self.pending_len);
        let bytes = self.take(len_u64(missing), input);
        let space = self.pending.get_mut(self.pending_len..).unwrap_or_default();
        for (byte, taken) in space.iter_mut().zip(bytes) {
            *byte = *taken;
        }
        self.pending_len = self.pending_len.saturating_add(bytes.len());
        match self.pending_len >= len {
            true => self.pending.get(..len),
            false => None,
        }
    }

    /// Takes at most `len` bytes.
    pub(super) fn take<'i>(&mut self, len: u64, input: &mut &'i [u8]) -> &'i [u8] {
        let len = input.len().min(len_usize(len));
        let (taken, rest) = input.split_at_checked(len).unwrap_or((input, &[]));
        *input = rest;
        self.position = self.position.saturating_add(len_u64(len));
        taken
    }

    /// Skips at most `left` bytes, at least one, and returns how many are left then; `None` if
    /// there is no input.
    pub(super) fn skip(&mut self, left: u64, input: &mut &[u8]) -> Option<u64> {
        let skipped = self.take(left, input).len();
        (skipped > 0).then(|| left.saturating_sub(len_u64(skipped)))
    }
}
