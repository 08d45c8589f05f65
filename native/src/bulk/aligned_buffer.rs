//! Memory that is aligned as direct I/O needs it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::device;
use crate::error::{Error, Result};

/// Where a buffer must begin in memory: a page is enough for every device.
const ALIGNMENT: usize = 4096;

/// Bytes that begin at a page.
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// `len` zeros, of a length that does not come from input.
    pub fn new(len: usize) -> Self {
        Self::of(vec![0; len + ALIGNMENT], len)
    }

    /// Some zeros.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`], if there is no memory for them.
    pub fn try_new(len: usize) -> Result<Self> {
        let size = len + ALIGNMENT;
        let memory = device::try_zeros(size);
        let memory = memory.ok_or(Error::Memory { bytes: size as u64 })?;
        Ok(Self::of(memory, len))
    }

    fn of(memory: Vec<u8>, len: usize) -> Self {
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Self { memory, start, len }
    }
}

impl Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

impl fmt::Debug for AlignedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlignedBuffer")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
