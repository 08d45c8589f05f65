//! The volume in an image, read at any offset.

use super::index::Index;
use crate::error::Error;
use crate::io::{ByteExtent, IoError, ReadAt};
use crate::units::{Lcn, len_u64, len_usize};

/// The volume in an image, as if it were restored: blocks that are not stored read as zeros.
///
/// Checksums are not checked: a running one could not be, and others only by reading all blocks
/// that they cover. [`super::Decoder`] checks them. Where the image is cut, reads fail with an
/// [`IoError`] of [`Error::Lost`].
#[derive(Debug, Clone)]
pub struct Reader<S> {
    source: S,
    index: Index,
}

impl<S: ReadAt> Reader<S> {
    /// Reads the image `source`, uncompressed, by its index.
    pub fn new(source: S, index: Index) -> Self {
        Self { source, index }
    }

    /// The image.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Where the blocks lie in it.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Whether cluster `lcn` is in the image.
    pub fn is_stored(&self, lcn: Lcn) -> bool {
        self.index.blocks().contains(lcn.0)
    }
}

impl<S: ReadAt> ReadAt for Reader<S> {
    /// The blocks of the volume, and the rest of the device.
    fn size(&self) -> u64 {
        self.index.header().device_size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        let Some(end) = end.filter(|&end| end <= self.size()) else {
            return Err(IoError::end_of_input());
        };
        let (mut position, mut left) = (offset, buf);
        while position < end {
            let (stored, run_end) = self.index.run_at(position, end);
            let len = len_usize(run_end.saturating_sub(position));
            let (piece, rest) = left.split_at_mut_checked(len).unwrap_or_default();
            match stored {
                None => piece.fill(0),
                Some(at) => self.read_stored(at, piece, position)?,
            }
            position = run_end;
            left = rest;
        }
        Ok(())
    }

    /// Blocks that are not stored are absent, as is the rest of the device.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let header = self.index.header();
        let blocks = self.index.blocks();
        let left = self.size().saturating_sub(offset);
        let first = offset.checked_div(header.block_size.into()).unwrap_or(0);
        let len_to = |block| header.offset_of(block).saturating_sub(offset).min(left);
        if blocks.contains(first) {
            let len = len_to(blocks.next(first, false, u64::MAX));
            return Ok(ByteExtent::Data { len });
        }
        let next = blocks.next(first, true, u64::MAX);
        let len = if next < header.nr_blocks {
            len_to(next)
        } else {
            left
        };
        Ok(ByteExtent::Absent { len })
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        self.index.stored_at(offset)
    }
}

impl<S: ReadAt> Reader<S> {
    /// Reads bytes of stored blocks, which lie at `at` in the image and at `offset` on the volume.
    fn read_stored(&self, at: u64, buf: &mut [u8], offset: u64) -> Result<(), IoError> {
        let there = self.source.size().saturating_sub(at);
        if there < len_u64(buf.len()) {
            let offset = offset.saturating_add(there);
            return Err(IoError::new(Error::Lost { offset }));
        }
        self.source.read_exact_at(at, buf)
    }
}
