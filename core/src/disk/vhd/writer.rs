//! Writes VHD: fixed, which is the disk and a footer, or dynamic: a copy of the footer, the
//! header, the table, the blocks with content, and the footer.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use zerocopy::IntoBytes;
use zerocopy::big_endian::{U32, U64};

use super::{COOKIE, DYNAMIC, FIXED, FOOTER_BYTES, Footer, HEADER_COOKIE, Header};
use crate::disk::SECTOR;
use crate::error::{Error, Result};
use crate::units::len_u64;
use crate::write::disk::{BlockEncoder, BlockFormat, Blocks, Table, WholeDisk, identifier};
use crate::write::{Disk, DiskContent, Encode, Out, Stopped};

/// As Windows makes it.
const BLOCK: NonZeroU64 = NonZeroU64::new(2 << 20).unwrap();
/// Bytes of the bitmap before each block: a bit for each of 4096 sectors.
const BITMAP: u64 = SECTOR;
/// Windows takes no larger ones: 2040 GiB.
const MAX_DISK: u64 = 2040 << 30;
/// The table follows the footer and the header.
const TABLE_OFFSET: u64 = 512 + 1024;
/// The offset of a header that is not there, and of the data, which no field has.
const NO_OFFSET: u64 = u64::MAX;
const FEATURES: u32 = 2;
const VERSION: u32 = 0x0001_0000;
/// Of what creates it, with its version and system. For "win " the size is that in the footer; for
/// some others, programs compute it from cylinders, heads and sectors.
const CREATOR: [u8; 12] = *b"win \x00\x0A\x00\x00Wi2k";
const NOT_STORED: u8 = 0xFF;

struct VhdWriter {
    footer: [u8; 512],
}

/// Bytes of a fixed VHD.
pub(crate) fn fixed_size(content: &dyn DiskContent) -> Option<u64> {
    Some(content.disk().size.saturating_add(FOOTER_BYTES))
}

/// Bytes of a dynamic VHD.
pub(crate) fn dynamic_size(content: &dyn DiskContent) -> Option<u64> {
    let blocks = Blocks::new(content, BLOCK).ok()?;
    let stride = BLOCK.get().saturating_add(BITMAP);
    let content = blocks.stored().saturating_mul(stride);
    let end = first_block(&blocks).saturating_add(content);
    Some(end.saturating_add(FOOTER_BYTES))
}

/// An encoder of a fixed VHD.
///
/// # Errors
///
/// [`Error::DiskTooLarge`].
pub(crate) fn fixed_encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let footer = footer(content.disk(), FIXED)?;
    Ok(WholeDisk::boxed(content.disk().size, Vec::from(footer)))
}

/// An encoder of a dynamic VHD.
///
/// # Errors
///
/// [`Error::DiskTooLarge`], [`Error::Memory`].
pub(crate) fn dynamic_encoder(content: &dyn DiskContent) -> Result<Box<dyn Encode + Send>> {
    let blocks = Blocks::new(content, BLOCK)?;
    let footer = footer(blocks.disk(), DYNAMIC)?;
    Ok(BlockEncoder::boxed(VhdWriter { footer }, blocks))
}

impl BlockFormat for VhdWriter {
    fn begin(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        let mut header = Header {
            cookie: *HEADER_COOKIE,
            data_offset: U64::new(NO_OFFSET),
            table_offset: U64::new(TABLE_OFFSET),
            version: U32::new(VERSION),
            entries: U32::new(low_u32(blocks.count())),
            block_size: U32::new(low_u32(BLOCK.get())),
            checksum: U32::new(0),
            rest: [0; 984],
        };
        header.checksum = U32::new(checksum(header.as_bytes()));
        let mut table = Table::new(out);
        table.put(&self.footer)?;
        table.put(header.as_bytes())?;
        let stride = BLOCK.get().saturating_add(BITMAP);
        for (number, stored) in blocks.numbers().zip(0_u64..) {
            table.fill_to(entry_offset(number), NOT_STORED)?;
            let offset = first_block(blocks).saturating_add(stored.saturating_mul(stride));
            table.put(&low_u32(offset / SECTOR).to_be_bytes())?;
        }
        table.finish(first_block(blocks), NOT_STORED)
    }

    fn begin_block(&self, out: &mut dyn Out) -> Result<(), Stopped> {
        // All of its sectors are there.
        out.put(&[0xFF; 512])
    }

    fn end(&self, _blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped> {
        out.put(&self.footer)
    }
}

fn footer(disk: Disk, disk_type: u32) -> Result<[u8; 512]> {
    let size = disk.size;
    if size > MAX_DISK {
        return Err(Error::DiskTooLarge {
            format: "VHD",
            size,
            limit: MAX_DISK,
        });
    }
    // The time stays 0, so that the same volume always makes the same file.
    let mut creation = [0; 16];
    for (byte, of_creator) in creation.iter_mut().skip(4).zip(CREATOR) {
        *byte = of_creator;
    }
    let mut rest = [0; 444];
    for (byte, of_id) in rest.iter_mut().zip(identifier(disk.serial_number, "disk")) {
        *byte = of_id;
    }
    let mut footer = Footer {
        cookie: *COOKIE,
        features: U32::new(FEATURES),
        version: U32::new(VERSION),
        data_offset: U64::new(match disk_type {
            FIXED => NO_OFFSET,
            _ => FOOTER_BYTES,
        }),
        creation,
        original_size: U64::new(size),
        current_size: U64::new(size),
        geometry: U32::new(geometry(size / SECTOR)),
        disk_type: U32::new(disk_type),
        checksum: U32::new(0),
        rest,
    };
    footer.checksum = U32::new(checksum(footer.as_bytes()));
    Ok(zerocopy::transmute!(footer))
}

/// Cylinders, heads and sectors of a track, as the specification computes them from the number of
/// sectors (appendix "CHS Calculation").
fn geometry(sectors: u64) -> u32 {
    const MAX_CYLINDERS: u64 = 65_535;
    const FEW_CYLINDERS: u64 = 1024;
    let sectors = sectors.min(MAX_CYLINDERS * 16 * 255);
    let tracks = |per_track: u64| sectors.checked_div(per_track).unwrap_or(0);
    let (mut heads, mut per_track) = (16_u64, 255);
    if sectors < MAX_CYLINDERS * 16 * 63 {
        per_track = 17;
        heads = tracks(per_track).div_ceil(FEW_CYLINDERS).max(4);
        if tracks(per_track) >= heads.saturating_mul(FEW_CYLINDERS) || heads > 16 {
            (heads, per_track) = (16, 31);
        }
        if tracks(per_track) >= heads.saturating_mul(FEW_CYLINDERS) {
            (heads, per_track) = (16, 63);
        }
    }
    let of_cylinder = per_track.saturating_mul(heads);
    let cylinders = sectors.checked_div(of_cylinder).unwrap_or(0);
    low_u32(cylinders << 16 | heads << 8 | per_track)
}

/// The one's complement of the sum of all bytes; the checksum in them is 0.
fn checksum(bytes: &[u8]) -> u32 {
    let sum = bytes
        .iter()
        .fold(0_u32, |sum, &byte| sum.wrapping_add(byte.into()));
    !sum
}

/// Offset of the entry of a block, in bytes of the file.
fn entry_offset(block: u64) -> u64 {
    block
        .saturating_mul(len_u64(size_of::<u32>()))
        .saturating_add(TABLE_OFFSET)
}

/// Offset of the first block, in bytes of the file: the bitmap before its content ends at a
/// multiple of 4 KiB, so that content of small volumes is aligned.
fn first_block(blocks: &Blocks) -> u64 {
    const ALIGNMENT: u64 = 4 << 10;
    let end = entry_offset(blocks.count()).saturating_add(BITMAP);
    let aligned = end.checked_next_multiple_of(ALIGNMENT).unwrap_or(end);
    aligned.saturating_sub(BITMAP)
}

/// Sizes of a disk within [`MAX_DISK`] fit.
fn low_u32(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
