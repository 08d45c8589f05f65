//! VHD: the disk in blocks of mostly 2 MiB, and a footer. Numbers are big-endian.
//!
//! A fixed VHD is the disk itself, with the footer after it. A dynamic one begins with a copy of
//! the footer, and has a header with the place of the block allocation table (Virtual Hard Disk
//! Image Format Specification 1.0). Of a differencing one, sectors that were not written are those
//! of the parent.

mod parent;
pub(crate) mod writer;

use core::num::NonZeroU64;

use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::SECTOR;
use super::header::Place;
use super::neighbours::Chain;
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::units::len_u64;

/// The first bytes of the footer.
pub(crate) const COOKIE: &[u8; 8] = b"conectix";
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES: u64 = SECTOR;

const HEADER_COOKIE: &[u8; 8] = b"cxsparse";
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;
/// The entry of a block that is not stored.
const UNALLOCATED: u32 = u32::MAX;
/// Ours: Windows creates blocks of 512 KiB and 2 MiB.
const MAX_BLOCK: u64 = 256 << 20;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Footer {
    /// 0: [`COOKIE`]
    cookie: [u8; 8],
    /// 8
    features: U32,
    /// 12
    version: U32,
    /// 16: offset of the header; all bits set in a fixed VHD
    data_offset: U64,
    /// 24: time, and what created it
    creation: [u8; 16],
    /// 40
    original_size: U64,
    /// 48: bytes of the disk
    current_size: U64,
    /// 56: cylinders, heads, sectors
    geometry: U32,
    /// 60
    disk_type: U32,
    /// 64
    checksum: U32,
    /// 68: UUID, saved state and reserved bytes
    rest: [u8; 444],
}

/// Of a dynamic VHD.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    /// 0: [`HEADER_COOKIE`]
    cookie: [u8; 8],
    /// 8
    data_offset: U64,
    /// 16: offset of the block allocation table
    table_offset: U64,
    /// 24
    version: U32,
    /// 28: entries of the table
    entries: U32,
    /// 32: bytes of a block
    block_size: U32,
    /// 36
    checksum: U32,
    /// 40: of the parent, and reserved bytes
    rest: [u8; 984],
}

/// Opens the disk in a VHD.
pub(super) fn open(source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
    let footer = read_footer(source)?;
    let place = footer.0;
    let footer = footer.1;
    let size = footer.current_size.get();
    match footer.disk_type.get() {
        FIXED if size > place.offset => {
            Err(place.corrupt("its disk size", size, "at most the bytes before it"))
        }
        FIXED => Ok(VirtualDisk::open(source, size, Fixed { size })),
        kind @ (DYNAMIC | DIFFERENCING) => {
            let header = read_header(source, footer.data_offset.get())?;
            let is_difference = kind == DIFFERENCING;
            let dynamic = Dynamic::new(source, &header, size, is_difference)?;
            let parent = match is_difference {
                true => Some(parent::open(source, &header.1.rest, size, chain)?),
                false => None,
            };
            Ok(VirtualDisk::over(
                parent.map(Parent::from),
                source,
                size,
                dynamic,
            ))
        }
        other => {
            let expected = "fixed, dynamic or differencing";
            Err(place.unsupported("type", other.into(), expected))
        }
    }
}

/// Reads the footer, or the copy at the start if the one at the end is damaged.
fn read_footer(source: &Source) -> Result<(Place, Footer)> {
    let last = source.size().saturating_sub(FOOTER_BYTES);
    match read_footer_at(source, last) {
        Err(error) if !error.is_missing() => read_footer_at(source, 0).map_err(|of_copy| {
            // A file without a copy is named by its end.
            let has_copy = !matches!(
                of_copy,
                Error::Corrupt {
                    field: "its cookie",
                    ..
                }
            );
            if has_copy { of_copy } else { error }
        }),
        read => read,
    }
}

fn read_footer_at(source: &Source, offset: u64) -> Result<(Place, Footer)> {
    let place = Place::header(offset);
    let footer: Footer = place.read(source)?;
    check_cookie(place, footer.cookie, COOKIE)?;
    check_sum(place, footer.as_bytes(), footer.checksum)?;
    Ok((place, footer))
}

/// Reads the header of a dynamic VHD.
fn read_header(source: &Source, offset: u64) -> Result<(Place, Header)> {
    let place = Place::header(offset);
    let header: Header = place.read(source)?;
    check_cookie(place, header.cookie, HEADER_COOKIE)?;
    check_sum(place, header.as_bytes(), header.checksum)?;
    Ok((place, header))
}

fn check_cookie(place: Place, found: [u8; 8], expected: &[u8; 8]) -> Result<()> {
    if found != *expected {
        let found = u64::from_be_bytes(found);
        return Err(place.corrupt("its cookie", found, "that of VHD"));
    }
    Ok(())
}

/// Checks the one's complement of the sum of all bytes but those of the checksum.
fn check_sum(place: Place, bytes: &[u8], checksum: U32) -> Result<()> {
    let sum = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u32, |sum, &byte| sum.wrapping_add(byte.into()))
    };
    let expected = !sum(bytes).wrapping_sub(sum(checksum.as_bytes()));
    if checksum.get() != expected {
        let found = checksum.get().into();
        return Err(place.corrupt("its checksum", found, "that of its bytes"));
    }
    Ok(())
}

/// The disk as it is.
struct Fixed {
    size: u64,
}

impl Layout for Fixed {
    fn find(&self, offset: u64) -> Result<Run> {
        Ok(Run {
            len: self.size.saturating_sub(offset).max(1),
            stored: Stored::At(offset),
        })
    }
}

/// Blocks, each after a bitmap of its sectors.
struct Dynamic {
    table: TableReader,
    table_offset: u64,
    block_size: NonZeroU64,
    bitmap_size: u64,
    /// The bitmaps are of the sectors that are not the parent's. Without a parent, sectors that
    /// were never written are zeros in the file as well, and the bitmaps are not read.
    is_difference: bool,
}

impl Dynamic {
    fn new(
        source: &Source,
        (place, header): &(Place, Header),
        size: u64,
        is_difference: bool,
    ) -> Result<Self> {
        let found = header.block_size.get().into();
        let block_size = place.block_size(found, SECTOR..=MAX_BLOCK)?;
        let entries = header.entries.get().into();
        if entries < size.div_ceil(block_size.get()) {
            let expected = "enough for all blocks";
            return Err(place.corrupt("its number of table entries", entries, expected));
        }
        let bitmap_bytes = block_size.get().div_ceil(8 * SECTOR);
        Ok(Self {
            table: TableReader::new(source.clone()),
            table_offset: header.table_offset.get(),
            block_size,
            bitmap_size: bitmap_bytes.next_multiple_of(SECTOR),
            is_difference,
        })
    }

    /// How many bytes from `within` bytes of a block on are all of this file or all of the parent,
    /// as far as the bits next to each other tell, and whether they are of this file.
    fn written(&self, bitmap: u64, within: u64) -> Result<(u64, bool)> {
        const BITS: u64 = 64;
        let sector = within / SECTOR;
        let word_offset = (sector / BITS).saturating_mul(BITS / 8);
        let word: [u8; 8] = self.table.entry(bitmap.saturating_add(word_offset))?;
        // The first sector is that of the most significant bit.
        let bit = u32::try_from(sector % BITS).unwrap_or(0);
        let rest = u64::from_be_bytes(word).wrapping_shl(bit);
        let is_written = rest >> (BITS - 1) != 0;
        let alike = match is_written {
            true => rest.leading_ones(),
            false => rest.leading_zeros(),
        };
        let sectors = u64::from(alike).min(BITS.saturating_sub(bit.into()));
        let end = sector.saturating_add(sectors).saturating_mul(SECTOR);
        Ok((end.saturating_sub(within), is_written))
    }
}

impl Layout for Dynamic {
    fn find(&self, offset: u64) -> Result<Run> {
        let (block, within) = (offset / self.block_size, offset % self.block_size);
        let entry_bytes = block.saturating_mul(len_u64(size_of::<u32>()));
        let entry = self
            .table
            .entry(self.table_offset.saturating_add(entry_bytes));
        let sector = u32::from_be_bytes(entry?);
        let left = self.block_size.get().saturating_sub(within);
        if sector == UNALLOCATED {
            return Ok(Run {
                len: left,
                stored: Stored::Parent,
            });
        }
        let bitmap = u64::from(sector).saturating_mul(SECTOR);
        let position = bitmap
            .saturating_add(self.bitmap_size)
            .saturating_add(within);
        let (len, is_written) = match self.is_difference {
            true => self.written(bitmap, within)?,
            false => (left, true),
        };
        Ok(Run {
            len: len.min(left),
            stored: match is_written {
                true => Stored::At(position),
                false => Stored::Parent,
            },
        })
    }
}
