//! A file with changes that are not written to it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use crate::io::{ByteExtent, IoError, ReadAt, Source};
use crate::ranges::{merged, overlapping};
use crate::units::{len_u64, len_usize};

/// Bytes of a sector of the log, and the unit of changes.
pub(super) const SECTOR: u64 = 4 << 10;

/// The changes of a log, in the order in which they are made.
#[derive(Default)]
pub(super) struct Changes {
    /// Sectors by their offset in the file.
    sectors: BTreeMap<u64, Box<[u8]>>,
    zeros: Vec<Range<u64>>,
}

impl Changes {
    /// Writes a sector at `offset`.
    pub(super) fn write(&mut self, offset: u64, sector: Box<[u8]>) {
        self.sectors.insert(offset, sector);
    }

    /// Writes zeros, which are whole sectors.
    pub(super) fn write_zeros(&mut self, range: Range<u64>) {
        while let Some((&offset, _)) = self.sectors.range(range.clone()).next() {
            self.sectors.remove(&offset);
        }
        self.zeros.push(range);
    }

    /// The file with all changes, of `size` bytes at least.
    pub(super) fn over(self, source: Source, size: u64) -> Overlay {
        Overlay {
            size: size.max(source.size()),
            source,
            sectors: self.sectors,
            zeros: merged(self.zeros),
        }
    }
}

/// A file and changes of it. Sectors were written after zeros.
pub(super) struct Overlay {
    source: Source,
    size: u64,
    sectors: BTreeMap<u64, Box<[u8]>>,
    zeros: Vec<Range<u64>>,
}

impl ReadAt for Overlay {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        let Some(end) = end.filter(|&end| end <= self.size) else {
            return Err(IoError::end_of_input());
        };
        let in_file = self.source.size().saturating_sub(offset);
        let in_file = buf.len().min(len_usize(in_file));
        let (stored, added) = buf.split_at_mut_checked(in_file).unwrap_or_default();
        if !stored.is_empty() {
            self.source.read_exact_at(offset, stored)?;
        }
        added.fill(0);
        for zeros in overlapping(&self.zeros, &(offset..end)) {
            let start = len_usize(zeros.start.saturating_sub(offset));
            let end = len_usize(zeros.end.saturating_sub(offset));
            buf.get_mut(start..end).unwrap_or_default().fill(0);
        }
        let first = offset.saturating_sub(SECTOR.saturating_sub(1));
        for (&start, sector) in self.sectors.range(first..end) {
            // One of both is 0.
            let skipped = len_usize(offset.saturating_sub(start));
            let place = len_usize(start.saturating_sub(offset));
            let bytes = sector.get(skipped..).unwrap_or_default();
            let target = buf.get_mut(place..).unwrap_or_default();
            for (byte, changed) in target.iter_mut().zip(bytes) {
                *byte = *changed;
            }
        }
        Ok(())
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        if offset >= self.source.size() {
            let len = self.size.saturating_sub(offset);
            return Ok(ByteExtent::Data { len });
        }
        self.source.extent_at(offset)
    }
}
