//! VHDX, of Hyper-V: headers, regions with metadata and the block allocation table, and blocks of
//! mostly 32 MiB. Numbers are little-endian ([MS-VHDX]).
//!
//! Metadata is changed through a log. What was logged and is not in its place yet is read as if it
//! were: the file itself is not changed.
//!
//! Of a differencing disk, a block may have sectors of its own and sectors of the parent: by the
//! bits of a sector bitmap.

mod checksum;
mod guid;
mod header;
mod log;
mod metadata;
mod overlay;
mod parent;
mod regions;
pub(crate) mod writer;

use core::num::NonZeroU64;

use self::header::Header;
use self::metadata::Metadata;
use self::regions::Regions;
use super::header::Place;
use super::neighbours::Chain;
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::Result;
use crate::io::Source;

/// The first bytes of every file.
pub(crate) const SIGNATURE: &[u8; 8] = b"vhdxfile";

/// Bytes of a table entry.
const ENTRY: u64 = 8;
/// Bits of an entry: the state of the block.
const STATE: u64 = 7;
/// Bits of an entry: the offset, a multiple of 1 MiB.
const OFFSET: u64 = !((1 << 20) - 1);
/// State of a block that is the parent's, if there is one.
const STATE_NOT_PRESENT: u64 = 0;
/// The last of the states of a block that is not stored.
const STATE_UNMAPPED: u64 = 3;
/// State of a block that is stored.
const STATE_FULLY_PRESENT: u64 = 6;
/// State of a block with sectors that are stored, by the bits of a bitmap.
const STATE_PARTIALLY_PRESENT: u64 = 7;
/// Sectors of the disk for which a sector bitmap has bits, by 2.2.2.
const SECTORS_PER_BITMAP: u64 = 1 << 23;

/// Opens the disk in a VHDX.
pub(super) fn open(source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
    let header = Header::read(source)?;
    let source = &log::replay(source, &header)?;
    let regions = Regions::read(source)?;
    let metadata = Metadata::read(source, &regions.metadata)?;
    let size = metadata.disk_size;
    let blocks = Blocks {
        table: TableReader::new(source.clone()),
        table_offset: regions.table.start,
        block_size: metadata.block_size,
        blocks_per_bitmap: metadata.blocks_per_bitmap,
        sector_size: metadata.sector_size,
        has_parent: metadata.has_parent,
    };
    let last = size.saturating_sub(1) / blocks.block_size;
    let last_entry = match metadata.has_parent {
        true => blocks.bitmap_entry_offset(last),
        false => blocks.entry_offset(last),
    };
    if size > 0 && last_entry.saturating_add(ENTRY) > regions.table.end {
        let place = Place::table(regions.table.start);
        let length = regions.table.end.saturating_sub(regions.table.start);
        return Err(place.corrupt("its length", length, "enough for the whole disk"));
    }
    let parent = match metadata.has_parent {
        true => Some(parent::open(source, metadata.parent, chain)?),
        false => None,
    };
    Ok(VirtualDisk::over(
        parent.map(Parent::from),
        source,
        size,
        blocks,
    ))
}

struct Blocks {
    table: TableReader,
    table_offset: u64,
    block_size: NonZeroU64,
    /// The entry of a sector bitmap follows those of so many blocks, in every VHDX.
    blocks_per_bitmap: NonZeroU64,
    sector_size: NonZeroU64,
    has_parent: bool,
}

impl Blocks {
    /// Offset of the entry of a block, in bytes from the start of the file.
    fn entry_offset(&self, block: u64) -> u64 {
        self.offset_of(block.saturating_add(block / self.blocks_per_bitmap))
    }

    /// Offset of the entry of the sector bitmap that has the sectors of a block.
    fn bitmap_entry_offset(&self, block: u64) -> u64 {
        let blocks = self.blocks_per_bitmap.get();
        let bitmaps = block / self.blocks_per_bitmap;
        let before = bitmaps.saturating_mul(blocks.saturating_add(1));
        self.offset_of(before.saturating_add(blocks))
    }

    fn offset_of(&self, index: u64) -> u64 {
        self.table_offset
            .saturating_add(index.saturating_mul(ENTRY))
    }

    /// How many bytes from `within` bytes of a block on are all of this file or all of the parent,
    /// as far as the bits next to each other tell, and whether they are of this file.
    fn present(&self, block: u64, within: u64) -> Result<(u64, bool)> {
        const BITS: u64 = 64;
        let entry_offset = self.bitmap_entry_offset(block);
        let entry = u64::from_le_bytes(self.table.entry(entry_offset)?);
        let start = entry & OFFSET;
        if entry & STATE != STATE_FULLY_PRESENT || start == 0 {
            let expected = "a bitmap for a block that is present in part";
            return Err(Place::table(entry_offset).corrupt("an entry", entry, expected));
        }
        let sectors_per_block = self.block_size.get() / self.sector_size;
        let first = (block % self.blocks_per_bitmap).saturating_mul(sectors_per_block);
        let sector_in_block = within / self.sector_size;
        let sector = first.saturating_add(sector_in_block);
        let word_offset = (sector / BITS).saturating_mul(BITS / 8);
        let word: [u8; 8] = self.table.entry(start.saturating_add(word_offset))?;
        // The first sector is that of the least significant bit.
        let bit = u32::try_from(sector % BITS).unwrap_or(0);
        let rest = u64::from_le_bytes(word).wrapping_shr(bit);
        let is_present = rest & 1 != 0;
        let alike = match is_present {
            true => rest.trailing_ones(),
            false => rest.trailing_zeros(),
        };
        let sectors = u64::from(alike).min(BITS.saturating_sub(bit.into()));
        let end = sector_in_block
            .saturating_add(sectors)
            .saturating_mul(self.sector_size.get());
        Ok((end.saturating_sub(within), is_present))
    }
}

impl Layout for Blocks {
    fn find(&self, offset: u64) -> Result<Run> {
        let (block, within) = (offset / self.block_size, offset % self.block_size);
        let entry_offset = self.entry_offset(block);
        let entry = u64::from_le_bytes(self.table.entry(entry_offset)?);
        let start = entry & OFFSET;
        let left = self.block_size.get().saturating_sub(within);
        let at = Stored::At(start.saturating_add(within));
        let (len, stored) = match entry & STATE {
            STATE_NOT_PRESENT => (left, Stored::Parent),
            // What is undefined or unmapped may be zeros.
            1..=STATE_UNMAPPED => (left, Stored::Zeros),
            STATE_FULLY_PRESENT if start > 0 => (left, at),
            STATE_PARTIALLY_PRESENT if start > 0 && self.has_parent => {
                match self.present(block, within)? {
                    (len, true) => (len, at),
                    (len, false) => (len, Stored::Parent),
                }
            }
            _ => {
                let place = Place::table(entry_offset);
                let expected = "a block that is present or not";
                return Err(place.corrupt("an entry", entry, expected));
            }
        };
        Ok(Run {
            len: len.min(left),
            stored,
        })
    }
}
