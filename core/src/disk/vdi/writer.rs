//! Writes a dynamic VDI: the header, the table, and the blocks with content.

use alloc::boxed::Box;
use core::num::NonZeroU64;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U32, U64};

use super::{DYNAMIC, Header, SIGNATURE};
use crate::disk::SECTOR;
use crate::error::{Error, Result};
use crate::units::len_u64;
use crate::write::disk::{BlockEncoder, BlockFormat, Blocks, Table, identifier};
use crate::write::{DiskContent, Encode, Out, Stopped};

/// The only size that VirtualBox makes, and QEMU reads.
const BLOCK: NonZeroU64 = NonZeroU64::new(1 << 20).unwrap();
const VERSION: u32 = 0x0001_0001;
/// Bytes of the header from its size on, in this version.
const HEADER_SIZE: u32 = 400;
const TEXT: &[u8] = b"<<< Oracle VM VirtualBox Disk Image >>>\n";
/// After [`Header`]: the identifiers of the disk and of its last change; then those of a disk that
/// it differs from, which are zeros.
const IDENTIFIERS: [&str; 2] = ["disk", "change"];
/// The entry of a block that is not stored.
const NOT_STORED: u8 = 0xFF;
/// Ours: the table, whose entries have 4 bytes, ends within the 4 GiB in which the blocks begin.
const MAX_DISK: u64 = 1 << 49;

struct VdiWriter {
    serial_number: u64,
}

/// Bytes of the file.
pub(crate) fn size(content: &dyn DiskContent) -> Option<u64> {
    let blocks = Blocks::new(content, BLOCK).ok()?;
    let content = blocks.stored().saturating_mul(BLOCK.get());
    Some(data_offset(&blocks).saturating_add(content))
}

/// An encoder of the disk.
///
/// # Errors
///
/// [`Error::DiskTooLarge`], [`Error::Memory`].
pub(crate) fn encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let blocks = Blocks::new(content, BLOCK)?;
    let size = blocks.disk().size;
    if size > MAX_DISK {
        return Err(Error::DiskTooLarge {
            format: "VDI",
            size,
            limit: MAX_DISK,
        });
    }
    let writer = VdiWriter {
        serial_number: blocks.disk().serial_number,
    };
    Ok(BlockEncoder::boxed(writer, blocks))
}

impl BlockFormat for VdiWriter {
    fn begin(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        let mut text = [0; 64];
        for (byte, letter) in text.iter_mut().zip(TEXT) {
            *byte = *letter;
        }
        // All sizes fit, as they were checked.
        let to_u32 = |value: u64| U32::new(u32::try_from(value).unwrap_or(u32::MAX));
        let mut geometry = [0; 20];
        // Cylinders, heads and sectors are not used; then bytes of a sector.
        if let Some(field) = geometry.get_mut(12..16) {
            field.copy_from_slice(to_u32(SECTOR).as_bytes());
        }
        let header = Header {
            text,
            signature: SIGNATURE,
            version: U32::new(VERSION),
            header_size: U32::new(HEADER_SIZE),
            image_type: U32::new(DYNAMIC),
            flags: U32::new(0),
            comment: [0; 256],
            table_offset: to_u32(SECTOR),
            data_offset: to_u32(data_offset(blocks)),
            geometry,
            disk_size: U64::new(blocks.disk().size),
            block_size: to_u32(BLOCK.get()),
            block_extra: U32::new(0),
            nr_blocks: to_u32(blocks.count()),
            nr_allocated: to_u32(blocks.stored()),
        };
        let mut table = Table::new(out);
        table.put(header.as_bytes())?;
        for part in IDENTIFIERS {
            table.put(&identifier(self.serial_number, part))?;
        }
        table.fill_to(SECTOR, 0)?;
        for (number, stored) in blocks.numbers().zip(0_u64..) {
            table.fill_to(entry_offset(number), NOT_STORED)?;
            table.put(to_u32(stored).as_bytes())?;
        }
        table.fill_to(entry_offset(blocks.count()), NOT_STORED)?;
        table.finish(data_offset(blocks), 0)
    }
}

/// Offset of the entry of a block, in bytes of the file.
fn entry_offset(block: u64) -> u64 {
    block
        .saturating_mul(len_u64(size_of::<u32>()))
        .saturating_add(SECTOR)
}

/// Offset of the first block, in bytes of the file: aligned, as VirtualBox has it.
fn data_offset(blocks: &Blocks) -> u64 {
    let end = entry_offset(blocks.count());
    end.checked_next_multiple_of(BLOCK.get()).unwrap_or(end)
}
