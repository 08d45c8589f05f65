//! VHDX, of Hyper-V: headers, regions with metadata and the block allocation table, and blocks of
//! mostly 32 MiB. Numbers are little-endian ([MS-VHDX]).
//!
//! Metadata is changed through a log. What was logged and is not in its place yet is read as if it
//! were: the file itself is not changed.

mod checksum;
mod guid;
mod header;
mod log;
mod metadata;
mod overlay;
mod regions;
pub(crate) mod writer;

use core::num::NonZeroU64;

use self::header::Header;
use self::metadata::Metadata;
use self::regions::Regions;
use super::header::{Place, not_read};
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Run, Stored, VirtualDisk};
use crate::error::Result;
use crate::io::Source;

/// The first bytes of every file.
pub(crate) const SIGNATURE: &[u8; 8] = b"vhdxfile";

/// Bytes of a table entry.
const ENTRY: u64 = 8;
/// State of a block that is stored.
const STATE_FULLY_PRESENT: u64 = 6;
/// Sectors of the disk for which a sector bitmap has bits, by 2.2.2.
const SECTORS_PER_BITMAP: u64 = 1 << 23;

/// Opens the disk in a VHDX.
pub(super) fn open(source: &Source) -> Result<Source> {
    let header = Header::read(source)?;
    let source = &log::replay(source, &header)?;
    let regions = Regions::read(source)?;
    let metadata = Metadata::read(source, &regions.metadata)?;
    if metadata.has_parent {
        return Err(not_read("is a difference to its parent"));
    }
    let size = metadata.disk_size;
    let blocks = Blocks {
        table: TableReader::new(source.clone()),
        table_offset: regions.table.start,
        block_size: metadata.block_size,
        blocks_per_bitmap: metadata.blocks_per_bitmap,
    };
    let last = size.saturating_sub(1) / blocks.block_size;
    let end = blocks.entry_offset(last).saturating_add(ENTRY);
    if size > 0 && end > regions.table.end {
        let place = Place::table(regions.table.start);
        let length = regions.table.end.saturating_sub(regions.table.start);
        return Err(place.corrupt("its length", length, "enough for the whole disk"));
    }
    Ok(VirtualDisk::open(source, size, blocks))
}

struct Blocks {
    table: TableReader,
    table_offset: u64,
    block_size: NonZeroU64,
    /// The entry of a sector bitmap follows those of so many blocks, in every VHDX.
    blocks_per_bitmap: NonZeroU64,
}

impl Blocks {
    /// Offset of the entry of a block, in bytes from the start of the file.
    fn entry_offset(&self, block: u64) -> u64 {
        let index = block.saturating_add(block / self.blocks_per_bitmap);
        self.table_offset
            .saturating_add(index.saturating_mul(ENTRY))
    }
}

impl Layout for Blocks {
    fn find(&self, offset: u64) -> Result<Run> {
        const STATE: u64 = 7;
        /// Offsets are multiples of 1 MiB.
        const OFFSET: u64 = !((1 << 20) - 1);
        const NOT_PRESENT: u64 = 0;
        const UNMAPPED: u64 = 3;
        let (block, within) = (offset / self.block_size, offset % self.block_size);
        let entry_offset = self.entry_offset(block);
        let entry = u64::from_le_bytes(self.table.entry(entry_offset)?);
        let start = entry & OFFSET;
        let stored = match entry & STATE {
            // What is undefined or unmapped may be zeros.
            NOT_PRESENT..=UNMAPPED => Stored::Zeros,
            STATE_FULLY_PRESENT if start > 0 => Stored::At(start.saturating_add(within)),
            _ => {
                let place = Place::table(entry_offset);
                let expected = "a block that is present or not";
                return Err(place.corrupt("an entry", entry, expected));
            }
        };
        Ok(Run {
            len: self.block_size.get().saturating_sub(within),
            stored,
        })
    }
}
