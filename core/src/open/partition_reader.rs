//! A partition of a disk, as a source of its own.

#[cfg(feature = "jobs")]
use core::ops::Range;

use super::partition_table::Partition;
use crate::io::{Allocation, ByteExtent, IoError, ReadAt, Source};
use crate::piece::Piece;
use crate::units::len_u64;

/// The bytes of a partition; fewer, if the disk ends before it does.
pub struct PartitionReader {
    disk: Source,
    start: u64,
    size: u64,
    /// Places in it are places on a disk.
    is_partition: bool,
}

impl PartitionReader {
    /// The bytes of `partition` of `disk`.
    pub fn new(disk: Source, partition: &Partition) -> Self {
        let rest = disk.size().saturating_sub(partition.offset);
        Self {
            disk,
            start: partition.offset,
            size: partition.size.min(rest),
            is_partition: true,
        }
    }

    /// A range of the source `disk`, which has all of it. Where that is in the source is no place that a
    /// finding has.
    #[cfg(feature = "jobs")]
    pub(crate) fn of_range(disk: Source, range: Range<u64>) -> Self {
        Self {
            disk,
            start: range.start,
            size: range.end.saturating_sub(range.start),
            is_partition: false,
        }
    }

    /// Where that is on the disk.
    fn on_disk(&self, offset: u64, len: usize) -> Result<u64, IoError> {
        let end = offset.checked_add(len_u64(len));
        if end.is_none_or(|end| end > self.size) {
            return Err(IoError::end_of_input());
        }
        Ok(self.start.saturating_add(offset))
    }
}

impl ReadAt for PartitionReader {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let offset = self.on_disk(offset, buf.len())?;
        self.disk.read_exact_at(offset, buf)
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        self.disk.extent_at(self.on_disk(offset, 0)?)
    }

    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        let left = self.size.saturating_sub(offset);
        let allocation = self.disk.allocation_at(self.on_disk(offset, 0)?)?;
        Ok(allocation.up_to(left))
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        self.on_disk(offset, 0).ok().filter(|_| self.is_partition)
    }

    fn piece_at(&self, offset: u64, len: usize) -> Result<Piece, IoError> {
        self.disk.piece_at(self.on_disk(offset, len)?, len)
    }
}
