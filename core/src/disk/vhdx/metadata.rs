//! The metadata region: the sizes of the disk ([MS-VHDX] 2.6).

use core::num::NonZeroU64;
use core::ops::Range;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::SECTORS_PER_BITMAP;
use super::guid::{Guid, guid};
use crate::disk::header::Place;
use crate::error::Result;
use crate::io::Source;
use crate::units::len_u64;

const SIGNATURE: &[u8; 8] = b"metadata";
const MAX_ENTRIES: u64 = 2047;
const MIN_BLOCK: u64 = 1 << 20;
const MAX_BLOCK: u64 = 256 << 20;
pub(super) const MAX_DISK: u64 = 64 << 40;

pub(super) const FILE_PARAMETERS: Guid = guid(0xCAA1_6737, 0xFA36, 0x4D43, 0xB3B6_33F0_AA44_E76B);
pub(super) const DISK_SIZE: Guid = guid(0x2FA5_4224, 0xCD1B, 0x4876, 0xB211_5DBE_D83B_F4B8);
pub(super) const LOGICAL_SECTOR_SIZE: Guid =
    guid(0x8141_BF1D, 0xA96F, 0x4709, 0xBA47_F233_A8FA_AB5F);
pub(super) const PHYSICAL_SECTOR_SIZE: Guid =
    guid(0xCDA3_48C7, 0x445D, 0x4471, 0x9CC9_E988_5251_C556);
pub(super) const DISK_ID: Guid = guid(0xBECA_12AB, 0xB2E6, 0x4523, 0x93EF_C309_E000_C746);
const PARENT: Guid = guid(0xA8D3_5F2D, 0xB30B, 0x454D, 0xABF7_D3D8_4834_AB0C);
/// Items that change nothing for a reader.
const OTHERS: [Guid; 2] = [PHYSICAL_SECTOR_SIZE, DISK_ID];

/// Of an item: a reader has to know it.
const IS_REQUIRED: u32 = 1 << 2;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct TableHeader {
    signature: [u8; 8],
    reserved: U16,
    entries: U16,
    reserved_2: [u8; 20],
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Entry {
    guid: Guid,
    /// From the start of the region.
    offset: U32,
    length: U32,
    flags: U32,
    reserved: U32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct FileParameters {
    pub(super) block_size: U32,
    pub(super) flags: U32,
}

/// The sizes of the disk.
pub(super) struct Metadata {
    pub(super) block_size: NonZeroU64,
    /// Set of a differencing disk.
    pub(super) has_parent: bool,
    /// Where the paths of the parent are, if there are any.
    pub(super) parent: Option<Place>,
    /// Bytes.
    pub(super) disk_size: u64,
    /// Bytes: the unit of sector bitmaps.
    pub(super) sector_size: NonZeroU64,
    /// How many blocks a sector bitmap is for: 16 at least.
    pub(super) blocks_per_bitmap: NonZeroU64,
}

/// Where the items are in the file.
#[derive(Default)]
struct Items {
    parameters: Option<Place>,
    disk_size: Option<Place>,
    sector_size: Option<Place>,
    parent: Option<Place>,
}

impl Metadata {
    pub(super) fn read(source: &Source, region: &Range<u64>) -> Result<Self> {
        const HAS_PARENT: u32 = 1 << 1;
        let items = Items::read(source, region)?;
        let place = Place::header(region.start);
        let (Some(parameters_place), Some(size_place), Some(sector_place)) =
            (items.parameters, items.disk_size, items.sector_size)
        else {
            let expected = "parameters, disk size and sector size among them";
            return Err(place.corrupt("its items", 0, expected));
        };
        let parameters: FileParameters = parameters_place.read(source)?;
        let found = parameters.block_size.get().into();
        let block_size = parameters_place.block_size(found, MIN_BLOCK..=MAX_BLOCK)?;
        let disk_size = size_place.read::<U64>(source)?.get();
        if disk_size > MAX_DISK {
            return Err(size_place.corrupt("its disk size", disk_size, "at most 64 TiB"));
        }
        let sector_size = sector_place.read::<U32>(source)?.get();
        if ![512, 4096].contains(&sector_size) {
            let found = sector_size.into();
            return Err(sector_place.corrupt("its sector size", found, "512 or 4096"));
        }
        let bitmap_range = SECTORS_PER_BITMAP.saturating_mul(sector_size.into());
        let blocks_per_bitmap = bitmap_range / block_size;
        Ok(Self {
            block_size,
            has_parent: parameters.flags.get() & HAS_PARENT != 0,
            parent: items.parent,
            disk_size,
            sector_size: sector_place.block_size(sector_size.into(), 512..=4096)?,
            blocks_per_bitmap: parameters_place.block_size(blocks_per_bitmap, 1..=u64::MAX)?,
        })
    }
}

/// A table of items, which follow it from `size` bytes on.
pub(super) fn region(items: &[(Guid, &[u8])], size: usize) -> alloc::vec::Vec<u8> {
    use zerocopy::IntoBytes;

    /// The item is of the disk, not of the file.
    const IS_DISK: u32 = 1 << 1;
    let header = TableHeader {
        signature: *SIGNATURE,
        reserved: U16::new(0),
        entries: U16::new(u16::try_from(items.len()).unwrap_or(0)),
        reserved_2: [0; 20],
    };
    // All sizes are small.
    let to_u32 = |len: usize| U32::new(u32::try_from(len).unwrap_or(u32::MAX));
    let mut region = header.as_bytes().to_vec();
    let mut offset = size;
    for (guid, item) in items {
        let flags = match *guid {
            FILE_PARAMETERS => IS_REQUIRED,
            _ => IS_REQUIRED | IS_DISK,
        };
        let entry = Entry {
            guid: *guid,
            offset: to_u32(offset),
            length: to_u32(item.len()),
            flags: U32::new(flags),
            reserved: U32::new(0),
        };
        region.extend_from_slice(entry.as_bytes());
        offset = offset.saturating_add(item.len());
    }
    region.resize(size, 0);
    for (_, item) in items {
        region.extend_from_slice(item);
    }
    region
}

impl Items {
    fn read(source: &Source, region: &Range<u64>) -> Result<Self> {
        const IS_USER: u32 = 1 << 0;
        let place = Place::header(region.start);
        let header: TableHeader = place.read(source)?;
        if header.signature != *SIGNATURE {
            let found = u64::from_be_bytes(header.signature);
            return Err(place.corrupt("the signature of its metadata", found, "`metadata`"));
        }
        let entries = u64::from(header.entries.get());
        if entries > MAX_ENTRIES {
            return Err(place.corrupt("its number of items", entries, "at most 2047"));
        }
        let mut items = Self::default();
        let mut offset = region
            .start
            .saturating_add(len_u64(size_of::<TableHeader>()));
        for _ in 0..entries {
            let entry: Entry = Place::header(offset).read(source)?;
            let start = region.start.saturating_add(entry.offset.get().into());
            let item = Place::header(start);
            let flags = entry.flags.get();
            match entry.guid {
                FILE_PARAMETERS => items.parameters = Some(item),
                DISK_SIZE => items.disk_size = Some(item),
                LOGICAL_SECTOR_SIZE => items.sector_size = Some(item),
                PARENT => items.parent = Some(item),
                known if OTHERS.contains(&known) => {}
                _ if flags & IS_USER == 0 && flags & IS_REQUIRED != 0 => {
                    let expected = "items that this program knows";
                    let place = Place::header(offset);
                    return Err(place.unsupported("a required item", start, expected));
                }
                _ => {}
            }
            offset = offset.saturating_add(len_u64(size_of::<Entry>()));
        }
        Ok(items)
    }
}
