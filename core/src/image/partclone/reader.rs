//! The volume in an image, read at any offset.

use super::index::Index;
use crate::error::Error;
use crate::io::{IoError, ReadAt};
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

    /// The blocks from `first` to `end` that follow each other on the volume and in the image, or
    /// that are absent: where their first byte is, if they are stored, and how many they are.
    fn run(&self, first: u64, end: u64) -> (Option<u64>, u64) {
        let blocks = self.index.blocks();
        if !blocks.contains(first) {
            let next = blocks.next(first, true, end);
            return (None, next.saturating_sub(first));
        }
        let rank = blocks.rank(first);
        let strip_left = self.index.strip_blocks().map_or(u64::MAX, |strip| {
            strip.saturating_sub(rank.checked_rem(strip).unwrap_or(0))
        });
        let end = end.min(first.saturating_add(strip_left));
        let count = blocks.next(first, false, end).saturating_sub(first);
        (Some(self.index.offset(rank)), count)
    }
}

impl<S: ReadAt> ReadAt for Reader<S> {
    /// The blocks of the volume, and the rest of the device, at most a block.
    fn size(&self) -> u64 {
        self.index.header().restored_size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        let Some(end) = end.filter(|&end| end <= self.size()) else {
            return Err(IoError::end_of_input());
        };
        let header = self.index.header();
        let block_size = u64::from(header.block_size);
        let end_block = end.div_ceil(block_size);
        let (mut position, mut left) = (offset, buf);
        while !left.is_empty() {
            let block = position.checked_div(block_size).unwrap_or(0);
            let within = position.checked_rem(block_size).unwrap_or(0);
            let (start, count) = match block < header.nr_blocks {
                true => self.run(block, end_block),
                // The rest of the device.
                false => (None, 1),
            };
            let len = header.offset_of(count).saturating_sub(within);
            let (piece, rest) = left.split_at_mut(left.len().min(len_usize(len)));
            match start {
                None => piece.fill(0),
                Some(start) => {
                    let at = start.saturating_add(within);
                    self.read_stored(at, piece, position)?;
                }
            }
            position = position.saturating_add(len_u64(piece.len()));
            left = rest;
        }
        Ok(())
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
