//! Writes a dynamic VHDX: identifier, headers, region tables, an empty log, metadata, the block
//! allocation table, and the blocks with content.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::checksum::Checksums;
use super::guid::Guid;
use super::header::{self, RawHeader};
use super::metadata::{self, FileParameters, MAX_DISK};
use super::{ENTRY, SECTORS_PER_BITMAP, SIGNATURE, STATE_FULLY_PRESENT, regions};
use crate::error::{Error, Result};
use crate::write::disk::{BlockEncoder, BlockFormat, Blocks, Table, identifier};
use crate::write::{DiskContent, Encode, Out, Stopped};

/// All parts are aligned to it.
const MIB: u64 = 1 << 20;
const LOG: u64 = MIB;
const METADATA: u64 = 2 * MIB;
const TABLE: u64 = 3 * MIB;
/// The metadata's items follow its table.
const ITEMS: usize = 64 << 10;
/// Blocks are as small as the table has no more entries, so that little space is lost around
/// small files.
const MAX_BLOCKS: u64 = 1 << 20;
/// Of a disk as Windows makes it.
const PHYSICAL_SECTOR: u32 = 4096;
const CREATOR: &str = "ntfsclone";

struct VhdxWriter {
    /// The entry of a sector bitmap follows those of so many blocks.
    blocks_per_bitmap: NonZeroU64,
    table_size: u64,
}

/// Bytes of the file.
pub(crate) fn size(content: &dyn DiskContent) -> Option<u64> {
    let blocks = blocks(content).ok()?;
    let content = blocks.stored().saturating_mul(blocks.size().get());
    Some(
        VhdxWriter::new(&blocks)
            .first_block()
            .saturating_add(content),
    )
}

/// An encoder of the disk.
///
/// # Errors
///
/// [`Error::DiskTooLarge`], [`Error::Memory`].
pub(crate) fn encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let blocks = blocks(content)?;
    Ok(BlockEncoder::boxed(VhdxWriter::new(&blocks), blocks))
}

fn blocks(content: &dyn DiskContent) -> Result<Blocks> {
    let size = content.disk().size;
    if size > MAX_DISK {
        return Err(Error::DiskTooLarge {
            format: "VHDX",
            size,
            limit: MAX_DISK,
        });
    }
    let block_size = size.div_ceil(MAX_BLOCKS).max(MIB).next_power_of_two();
    Blocks::new(
        content,
        NonZeroU64::new(block_size).unwrap_or(NonZeroU64::MIN),
    )
}

impl VhdxWriter {
    fn new(blocks: &Blocks) -> Self {
        let sector_size = u64::from(blocks.disk().sector_size);
        let bitmap_range = SECTORS_PER_BITMAP.saturating_mul(sector_size);
        let blocks_per_bitmap = bitmap_range / blocks.size();
        let mut writer = Self {
            blocks_per_bitmap: NonZeroU64::new(blocks_per_bitmap).unwrap_or(NonZeroU64::MIN),
            table_size: 0,
        };
        let last = blocks.count().saturating_sub(1);
        let end = writer.entry_offset(last).saturating_add(ENTRY);
        writer.table_size = end.checked_next_multiple_of(MIB).unwrap_or(end);
        writer
    }

    /// Offset of the entry of a block in the table.
    fn entry_offset(&self, block: u64) -> u64 {
        let index = block.saturating_add(block / self.blocks_per_bitmap);
        index.saturating_mul(ENTRY)
    }

    fn first_block(&self) -> u64 {
        TABLE.saturating_add(self.table_size)
    }
}

impl BlockFormat for VhdxWriter {
    fn begin(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        let checksums = Checksums::new();
        let mut parts = Table::new(&mut *out);
        parts.put(SIGNATURE)?;
        for unit in CREATOR.encode_utf16() {
            parts.put(&unit.to_le_bytes())?;
        }
        let serial_number = blocks.disk().serial_number;
        for (offset, sequence_number) in header::OFFSETS.into_iter().zip(1..) {
            parts.fill_to(offset, 0)?;
            parts.put(&header(&checksums, serial_number, sequence_number))?;
        }
        let table_size = u32::try_from(self.table_size).unwrap_or(u32::MAX);
        let regions = regions::table(
            &checksums,
            (TABLE, table_size),
            (METADATA, u32::try_from(MIB).unwrap_or(u32::MAX)),
        );
        for offset in regions::OFFSETS {
            parts.fill_to(offset, 0)?;
            parts.put(&regions)?;
        }
        // An empty log is zeros.
        parts.fill_to(METADATA, 0)?;
        parts.put(&metadata(blocks))?;
        parts.finish(TABLE, 0)?;

        let mut table = Table::new(out);
        for (number, stored) in blocks.numbers().zip(0_u64..) {
            table.fill_to(self.entry_offset(number), 0)?;
            let offset = stored.saturating_mul(blocks.size().get());
            let entry = self.first_block().saturating_add(offset) | STATE_FULLY_PRESENT;
            table.put(&entry.to_le_bytes())?;
        }
        table.finish(self.table_size, 0)
    }
}

fn header(checksums: &Checksums, serial_number: u64, sequence_number: u64) -> Vec<u8> {
    let raw = RawHeader {
        signature: *header::HEADER_SIGNATURE,
        checksum: U32::new(0),
        sequence_number: U64::new(sequence_number),
        write_guids: ["file", "data"].map(|part| identifier(serial_number, part)),
        log_guid: [0; 16],
        log_version: U16::new(0),
        version: U16::new(1),
        log_length: U32::new(u32::try_from(METADATA.saturating_sub(LOG)).unwrap_or(0)),
        log_offset: U64::new(LOG),
    };
    let mut bytes = raw.as_bytes().to_vec();
    bytes.resize(header::SIZE, 0);
    checksums.set(&mut bytes);
    bytes
}

fn metadata(blocks: &Blocks) -> Vec<u8> {
    let disk = blocks.disk();
    let block_size = u32::try_from(blocks.size().get()).unwrap_or(u32::MAX);
    let parameters = FileParameters {
        block_size: U32::new(block_size),
        flags: U32::new(0),
    };
    let items: [(Guid, &[u8]); 5] = [
        (metadata::FILE_PARAMETERS, parameters.as_bytes()),
        (metadata::DISK_SIZE, &disk.size.to_le_bytes()),
        (metadata::DISK_ID, &identifier(disk.serial_number, "disk")),
        (
            metadata::LOGICAL_SECTOR_SIZE,
            &disk.sector_size.to_le_bytes(),
        ),
        (
            metadata::PHYSICAL_SECTOR_SIZE,
            &PHYSICAL_SECTOR.to_le_bytes(),
        ),
    ];
    metadata::region(&items, ITEMS)
}
