//! Sources one after the other, read as one.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::virtual_disk::limited;
use crate::io::{Allocation, ByteExtent, IoError, ReadAt, Source};
use crate::units::{len_u64, len_usize};

/// The extents of a disk, or the segments of an image.
#[derive(Default)]
pub(super) struct Joined {
    /// Where each part begins, in order. None is empty.
    parts: Vec<(u64, Source)>,
    size: u64,
}

impl Joined {
    /// Adds a part at the end. `None` if there are more bytes than can be counted.
    pub(super) fn push(&mut self, part: Source) -> Option<()> {
        let size = self.size.checked_add(part.size())?;
        if size > self.size {
            self.parts.push((self.size, part));
        }
        self.size = size;
        Some(())
    }

    /// Bytes of all parts.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// All parts as one source.
    pub(super) fn into_source(self) -> Source {
        match <[_; 1]>::try_from(self.parts) {
            Ok([(_, only)]) => only,
            Err(parts) => Arc::new(Self {
                parts,
                size: self.size,
            }),
        }
    }

    /// The part that has the byte at `offset`, that byte's offset in it, and how many bytes it has
    /// from there on.
    fn find(&self, offset: u64) -> Option<(&Source, u64, u64)> {
        let after = self.parts.partition_point(|(start, _)| *start <= offset);
        let (start, part) = self.parts.get(after.checked_sub(1)?)?;
        let within = offset.saturating_sub(*start);
        let left = part.size().checked_sub(within).filter(|&left| left > 0)?;
        Some((part, within, left))
    }
}

impl ReadAt for Joined {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let (part, within, left) = self.find(offset).ok_or_else(IoError::end_of_input)?;
            let len = rest.len().min(len_usize(left));
            let (now, later) = rest.split_at_mut_checked(len).unwrap_or_default();
            part.read_exact_at(within, now)?;
            offset = offset.saturating_add(len_u64(len));
            rest = later;
        }
        Ok(())
    }

    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        match self.find(offset) {
            Some((part, within, left)) => Ok(part.allocation_at(within)?.up_to(left)),
            None => Ok(Allocation::Stored { len: 0 }),
        }
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        match self.find(offset) {
            Some((part, within, left)) => Ok(limited(part.extent_at(within)?, left)),
            None => Ok(ByteExtent::Data { len: 0 }),
        }
    }
}
