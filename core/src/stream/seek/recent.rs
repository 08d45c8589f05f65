//! The last content of a stream.

use alloc::vec::Vec;

use crate::units::len_usize;

/// Bytes beyond those that are kept, after which the others are dropped.
const SLACK: usize = 1 << 20;

/// The last bytes of the content so far.
#[derive(Default)]
pub(super) struct Recent {
    bytes: Vec<u8>,
    /// How many are kept.
    kept: usize,
}

impl Recent {
    /// Keeps so many bytes from here on.
    pub(super) fn keep(&mut self, len: u64) {
        self.kept = len_usize(len);
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.kept == 0 {
            self.bytes.clear();
            return;
        }
        self.bytes.extend_from_slice(bytes);
        let unused = self.bytes.len().saturating_sub(self.kept);
        if unused > self.kept.max(SLACK) {
            self.bytes.drain(..unused);
        }
    }

    /// The last bytes: those that are kept, or all.
    pub(super) fn window(&self) -> Vec<u8> {
        let start = self.bytes.len().saturating_sub(self.kept);
        self.bytes.get(start..).unwrap_or_default().to_vec()
    }
}
