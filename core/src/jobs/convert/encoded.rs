//! The output of an encoder until it is written: bytes, and long zeros as holes.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::write::{Out, Stopped};

/// Zeros that become a hole: of fewer, bytes take less time than another step.
const LEAST_HOLE: u64 = 64 << 10;

/// Bytes of a part that gets no more. Only the tables of a large disk have as many in one call.
const FULL: usize = 8 << 20;

/// A part of an encoder's output.
pub(super) enum Part {
    Bytes(Vec<u8>),
    Zeros(u64),
}

/// The parts that are not written yet, in order.
#[derive(Default)]
pub(super) struct Encoded {
    before: VecDeque<Part>,
    /// The last part.
    bytes: Vec<u8>,
}

impl Encoded {
    /// Makes space for more bytes.
    pub(super) fn reserve(&mut self, len: usize) {
        self.bytes.reserve(len);
    }

    /// Whether there are `len` bytes, or a part that is complete.
    pub(super) fn has(&self, len: usize) -> bool {
        !self.before.is_empty() || self.bytes.len() >= len
    }

    /// Takes the next part.
    pub(super) fn next(&mut self) -> Option<Part> {
        self.before.pop_front().or_else(|| {
            let bytes = core::mem::take(&mut self.bytes);
            (!bytes.is_empty()).then_some(Part::Bytes(bytes))
        })
    }

    fn end_part(&mut self) {
        let bytes = core::mem::take(&mut self.bytes);
        if !bytes.is_empty() {
            self.before.push_back(Part::Bytes(bytes));
        }
    }
}

/// Never stops.
impl Out for Encoded {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        if self.bytes.len() >= FULL {
            self.end_part();
        }
        self.bytes.put(bytes)
    }

    fn zeros(&mut self, len: u64) -> Result<(), Stopped> {
        if len < LEAST_HOLE {
            return self.bytes.zeros(len);
        }
        self.end_part();
        self.before.push_back(Part::Zeros(len));
        Ok(())
    }
}
