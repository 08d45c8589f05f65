//! What is copied of a disk that is written as a whole, part by part: NTFS volumes by their used
//! clusters, all else as it is, without holes; outside of partitions, without zeros too.
//!
//! A host scans the volumes, searches the rest, and sorts the parts by [`DiskPart::start`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::once;
use core::ops::Range;

use crate::io::{Allocation, IoError, ReadAt};
use crate::open::{Partition, PartitionTable};
use crate::plan::Plan;
use crate::units::{len_u64, len_usize};
use crate::write::{Disk, DiskSupport, Writer};
use crate::zeros::is_zero;

/// Shorter holes are copied as zeros, so that the list of ranges stays small: 16 bytes for each.
const LEAST_HOLE: u64 = 256 << 10;
/// Bytes that are looked at for zeros in one piece.
const BLOCK: u64 = 64 << 10;
/// Stretches of a disk that one step of a search looks at, at most.
const STEP: usize = 1024;
/// Bytes at the start of a disk, in which its identifiers are: the MBR, and the header of a GPT
/// behind it, whatever the sectors.
const START: u64 = 8 << 10;
/// Bytes of a sector of most disks.
const SECTOR: u32 = 512;

/// A partition of a disk, or several that overlap.
#[derive(Debug)]
pub struct DiskArea<'a> {
    /// In bytes of the disk.
    pub range: Range<u64>,
    /// In the order of the disk.
    pub partitions: Vec<&'a Partition>,
}

/// A part of a disk, and what is read of it.
#[derive(Debug)]
pub enum DiskPart {
    /// Bytes of the disk, in order.
    Ranges(Vec<Range<u64>>),
    /// The clusters and the tail of a volume.
    Volume {
        /// Where the volume begins on the disk, in bytes.
        start: u64,
        /// What of it is read.
        plan: Plan,
    },
}

impl DiskArea<'_> {
    /// All partitions of a disk of `disk_size` bytes, in its order, as far as they lie on it.
    pub fn all(table: &PartitionTable, disk_size: u64) -> Vec<DiskArea<'_>> {
        let mut partitions: Vec<&Partition> = table.partitions.iter().collect();
        partitions.sort_by_key(|partition| partition.offset);
        let mut areas: Vec<DiskArea<'_>> = Vec::new();
        for partition in partitions {
            let end = partition.offset.saturating_add(partition.size);
            let range = partition.offset..end.min(disk_size);
            match areas.last_mut() {
                Some(last) if range.start < last.range.end => {
                    last.range.end = last.range.end.max(range.end);
                    last.partitions.push(partition);
                }
                _ => areas.push(DiskArea {
                    range,
                    partitions: [partition].into(),
                }),
            }
        }
        areas
    }

    /// What of a disk of `disk_size` bytes is outside of all areas, in order.
    pub fn outside(areas: &[DiskArea<'_>], disk_size: u64) -> Vec<Range<u64>> {
        let ends = areas.iter().map(|area| area.range.end);
        let starts = areas.iter().map(|area| area.range.start);
        once(0)
            .chain(ends)
            .zip(starts.chain(once(disk_size)))
            .map(|(start, end)| start..end)
            .filter(|gap| !gap.is_empty())
            .collect()
    }

    /// What follows the volume that is copied by `plan` in its partition.
    pub fn behind(&self, plan: &Plan) -> Range<u64> {
        let (offset, len) = plan.ranges().last().unwrap_or((0, 0));
        let end = self.range.start.saturating_add(offset).saturating_add(len);
        end.min(self.range.end)..self.range.end
    }
}

impl DiskPart {
    /// Where it begins on the disk, in bytes; for nothing, anywhere.
    pub fn start(&self) -> u64 {
        match self {
            Self::Ranges(ranges) => ranges.first().map_or(0, |range| range.start),
            Self::Volume { start, .. } => *start,
        }
    }

    /// The bytes that are read: offset on the disk and length, in order.
    pub fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        match self {
            Self::Ranges(ranges) => {
                let ranges = ranges.iter();
                Box::new(ranges.map(|range| (range.start, range.end.saturating_sub(range.start))))
            }
            Self::Volume { start, plan } => {
                let ranges = plan.ranges();
                Box::new(ranges.map(|(offset, len)| (start.saturating_add(offset), len)))
            }
        }
    }
}

/// A search for what is stored of a range of a disk: all but its holes.
#[derive(Debug)]
pub struct StoredSearch {
    left: Range<u64>,
    found: Stretches,
}

impl StoredSearch {
    /// A search of `range`.
    pub fn new(range: Range<u64>) -> Self {
        Self {
            left: range,
            found: Stretches::default(),
        }
    }

    /// Searches the next part of the range; false if nothing was left. After an error it can be
    /// repeated.
    ///
    /// # Errors
    ///
    /// Those of [`ReadAt::allocation_at`].
    pub fn step(&mut self, disk: &(impl ReadAt + ?Sized)) -> Result<bool, IoError> {
        for _ in 0..STEP {
            let position = self.left.start;
            if position >= self.left.end {
                return Ok(false);
            }
            let (len, is_stored) = match disk.allocation_at(position)? {
                Allocation::Stored { len } => (len, true),
                Allocation::Hole { len } => (len, false),
            };
            let end = position.saturating_add(len.max(1)).min(self.left.end);
            if is_stored {
                self.found.push(position..end);
            }
            self.left.start = end;
        }
        Ok(true)
    }

    /// Where the search continues.
    pub fn position(&self) -> u64 {
        self.left.start
    }

    /// What was found, in order.
    pub fn into_ranges(self) -> Vec<Range<u64>> {
        self.found.0
    }
}

/// Ranges in order, those of which are joined that have little between them.
#[derive(Debug, Default)]
pub struct Stretches(Vec<Range<u64>>);

impl Stretches {
    fn push(&mut self, range: Range<u64>) {
        match self.0.last_mut() {
            Some(last) if range.start < last.end.saturating_add(LEAST_HOLE) => last.end = range.end,
            _ => self.0.push(range),
        }
    }

    /// Adds the blocks of `bytes`, which are at `offset` of a disk, that do not hold zeros.
    pub fn push_content(&mut self, offset: u64, bytes: &[u8]) {
        let (mut position, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let len = BLOCK.saturating_sub(position % BLOCK);
            let (block, after) = rest.split_at_checked(len_usize(len)).unwrap_or((rest, &[]));
            let end = position.saturating_add(len_u64(block.len()));
            if !is_zero(block) {
                self.push(position..end);
            }
            (position, rest) = (end, after);
        }
    }

    /// All ranges, in order.
    pub fn into_ranges(self) -> Vec<Range<u64>> {
        self.0
    }
}

impl Disk {
    /// The disk that `writer` makes of one with that table and `size` bytes. Those at the start of
    /// the disk ([`Disk::start_len`]) make its identifiers.
    pub fn copy_of(table: &PartitionTable, size: u64, start: &[u8], writer: &Writer) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(start).as_bytes();
        Self {
            // A virtual disk has whole sectors.
            size: match writer.disk {
                DiskSupport::Bytes => size,
                _ => size
                    .checked_next_multiple_of(table.sector_size.max(1))
                    .unwrap_or(size),
            },
            sector_size: u32::try_from(table.sector_size).unwrap_or(SECTOR),
            serial_number: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        }
    }

    /// Bytes at the start of a disk of `size` bytes that make the identifiers of a copy.
    pub fn start_len(size: u64) -> usize {
        len_usize(size.min(START))
    }
}
