//! VMDK, of VMware: a descriptor in text, and extents, which are files with the parts of the disk.
//! A disk of one extent has the descriptor in that. Numbers are little-endian; offsets and sizes
//! are in sectors (VMware, Virtual Disk Format 1.1).
//!
//! A sparse extent has grains, found through two levels of tables; a stream-optimised one has
//! compressed grains, and the place of its tables in a footer. Grains of a delta that are not
//! stored are those of the parent.

mod cowd;
mod descriptor;
mod extents;
pub(crate) mod writer;

use alloc::format;
use core::num::NonZeroU64;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use self::descriptor::Descriptor;
use super::SECTOR;
use super::compressed_block::{CompressedBlock, MAX_BLOCK, Method};
use super::header::{NO_PARENT, Place, not_read};
use super::neighbours::Chain;
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::{Error, Result, Structure};
use crate::io::Source;
use crate::units::len_u64;

/// The first bytes of every sparse extent.
pub(crate) const MAGIC: &[u8; 4] = b"KDMV";
/// The first bytes of a descriptor in a file of its own.
pub(crate) const DESCRIPTOR_MAGIC: &[u8] = b"# Disk DescriptorFile";

const LAST_VERSION: u32 = 3;
/// Bytes of a table entry.
const ENTRY: u64 = 4;
/// The place of the tables is in the footer.
const AT_END: u64 = u64::MAX;
/// Distance of the footer from the end: it is followed by the marker of the end.
const FOOTER_DISTANCE: u64 = 2 * SECTOR;
/// Ours: mostly 512.
const MAX_TABLE_ENTRIES: u64 = 1 << 20;

// Flags.
const HAS_ZERO_ENTRIES: u32 = 1 << 2;
const IS_COMPRESSED: u32 = 1 << 16;
const HAS_MARKERS: u32 = 1 << 17;
const DEFLATE: u16 = 1;

/// The entry of a grain that is not stored.
const UNALLOCATED: u32 = 0;
/// The entry of a grain of zeros, by [`HAS_ZERO_ENTRIES`].
const ZEROS: u32 = 1;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    /// 0: [`MAGIC`]
    magic: [u8; 4],
    /// 4
    version: U32,
    /// 8
    flags: U32,
    /// 12: sectors of the disk
    capacity: U64,
    /// 20: sectors of a grain
    grain_size: U64,
    /// 28: sector of the descriptor; 0 if it is in another file
    descriptor_offset: U64,
    /// 36: sectors
    descriptor_size: U64,
    /// 44
    entries_per_table: U32,
    /// 48: sector of the redundant grain directory
    redundant_directory: U64,
    /// 56: sector of the grain directory, or [`AT_END`]
    directory: U64,
    /// 64: sectors of metadata
    overhead: U64,
    /// 72: 1 while it is open
    unclean_shutdown: u8,
    /// 73: line ends, to find damage by transfers as text
    line_ends: [u8; 4],
    /// 77
    compression: U16,
}

/// What precedes a compressed grain.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct GrainMarker {
    /// The first sector of the grain on the disk.
    sector: U64,
    /// Compressed bytes.
    size: U32,
}

/// Opens the disk that a descriptor describes: a file of its own, or in a sparse extent.
pub(super) fn open(source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
    let descriptor = Descriptor::read(source)?;
    let parent = open_parent(&descriptor, chain)?;
    if !descriptor.is_in_extent {
        return extents::open(&descriptor, parent, chain);
    }
    match *descriptor.extents {
        // A part of a disk may have space for a descriptor, and none in it.
        [] => Err(not_read(PART)),
        [_] => {
            let grains = Grains::read(source)?;
            let parent = parent.map(Parent::from);
            Ok(VirtualDisk::over(parent, source, grains.disk_size, grains))
        }
        _ => Err(not_read("has its data in several files")),
    }
}

/// For [`not_read`]: there is no descriptor.
const PART: &str = "is one of several files, described by another one";

/// Opens the parent of a delta.
fn open_parent(descriptor: &Descriptor, chain: &mut Chain<'_>) -> Result<Option<Source>> {
    let Some(expected) = descriptor.parent_id else {
        return Ok(None);
    };
    let path = descriptor.parent.as_ref();
    let parent = chain.open(path.ok_or_else(|| not_read(NO_PARENT))?)?;
    let disk = chain.enter(&parent, open)?;
    let found = Descriptor::read(&parent.source)?.id;
    if found != Some(expected) {
        return Err(Error::OtherParent {
            name: parent.name,
            found: found.map_or_else(|| "none".into(), |id| format!("{id:08x}")),
            expected: format!("{expected:08x}"),
        });
    }
    Ok(Some(disk))
}

fn read_header(source: &Source, offset: u64) -> Result<(Place, Header)> {
    let place = Place::header(offset);
    let header: Header = place.read(source)?;
    if header.magic != *MAGIC {
        let found = u32::from_le_bytes(header.magic).into();
        return Err(place.corrupt("its magic", found, "that of VMDK"));
    }
    let version = header.version.get();
    if !(1..=LAST_VERSION).contains(&version) {
        return Err(place.unsupported("version", version.into(), "1 to 3"));
    }
    Ok((place, header))
}

/// The two levels of tables.
struct Grains {
    tables: TableReader,
    /// Bytes of the disk.
    disk_size: u64,
    /// Offset of the grain directory.
    directory: u64,
    /// Bytes of the disk that a table is for.
    table_range: NonZeroU64,
    grain_size: NonZeroU64,
    has_zero_entries: bool,
    is_compressed: bool,
}

impl Grains {
    /// Reads the headers of a sparse extent.
    fn read(source: &Source) -> Result<Self> {
        let (place, header) = read_header(source, 0)?;
        let (place, header) = match header.directory.get() {
            AT_END => read_header(source, source.size().saturating_sub(FOOTER_DISTANCE))?,
            _ => (place, header),
        };
        Self::new(source, place, &header)
    }

    /// Checks that they are of a disk of `size` bytes at least, of which the rest is not used.
    fn of_size(self, size: u64) -> Result<Self> {
        if self.disk_size < size {
            let expected = "that of its line in the descriptor";
            return Err(Place::header(0).corrupt("its size", self.disk_size, expected));
        }
        Ok(Self {
            disk_size: size,
            ..self
        })
    }

    fn new(source: &Source, place: Place, header: &Header) -> Result<Self> {
        let flags = header.flags.get();
        let is_compressed = flags & IS_COMPRESSED != 0;
        if is_compressed && header.compression.get() != DEFLATE {
            let found = header.compression.get().into();
            return Err(place.unsupported("compression", found, "deflate"));
        }
        if is_compressed && flags & HAS_MARKERS == 0 {
            let expected = "compression with markers";
            return Err(place.unsupported("flags", flags.into(), expected));
        }
        let bytes = header.grain_size.get().saturating_mul(SECTOR);
        let grain_size = place.block_size(bytes, SECTOR..=MAX_BLOCK)?;
        let entries = u64::from(header.entries_per_table.get());
        if !entries.is_power_of_two() || entries > MAX_TABLE_ENTRIES {
            let expected = "a power of two up to 2^20";
            return Err(place.corrupt("its entries per table", entries, expected));
        }
        let table_range = entries.saturating_mul(bytes);
        let capacity = header.capacity.get();
        let disk_size = capacity
            .checked_mul(SECTOR)
            .ok_or_else(|| place.corrupt("its capacity", capacity, "less than 2^55 sectors"))?;
        Ok(Self {
            tables: TableReader::new(source.clone()),
            disk_size,
            directory: header.directory.get().saturating_mul(SECTOR),
            table_range: place.block_size(table_range, 1..=u64::MAX)?,
            grain_size,
            has_zero_entries: flags & HAS_ZERO_ENTRIES != 0,
            is_compressed,
        })
    }

    /// Entry `index` of the table at `offset`: a sector.
    fn entry(&self, offset: u64, index: u64) -> Result<u32> {
        let offset = offset.saturating_add(index.saturating_mul(ENTRY));
        self.tables.entry(offset).map(u32::from_le_bytes)
    }

    /// The compressed grain at `offset` of the file, which begins at `start` of the disk.
    fn compressed(&self, offset: u64, start: u64) -> Result<CompressedBlock> {
        let place = Place {
            structure: Structure::DiskBlock,
            offset,
        };
        let marker: GrainMarker = place.read(self.tables.source())?;
        let sector = marker.sector.get();
        if sector != start / SECTOR {
            let expected = "that by which it was found";
            return Err(place.corrupt("its sector", sector, expected));
        }
        let (len, limit) = (
            marker.size.get().into(),
            self.grain_size.get().saturating_mul(2),
        );
        if len > limit {
            return Err(Error::Limit {
                structure: place.structure,
                offset,
                found: len,
                limit,
            });
        }
        Ok(CompressedBlock {
            offset: offset.saturating_add(len_u64(size_of::<GrainMarker>())),
            len,
            size: self.grain_size.get(),
            needed: self
                .disk_size
                .saturating_sub(start)
                .min(self.grain_size.get()),
            method: Method::Zlib,
        })
    }
}

impl Layout for Grains {
    fn find(&self, offset: u64) -> Result<Run> {
        let (table, in_range) = (offset / self.table_range, offset % self.table_range);
        let table_sector = self.entry(self.directory, table)?;
        if table_sector == UNALLOCATED {
            return Ok(Run {
                len: self.table_range.get().saturating_sub(in_range),
                stored: Stored::Parent,
            });
        }
        let table_offset = u64::from(table_sector).saturating_mul(SECTOR);
        let (index, within) = (in_range / self.grain_size, in_range % self.grain_size);
        let sector = self.entry(table_offset, index)?;
        let position = u64::from(sector).saturating_mul(SECTOR);
        let stored = match sector {
            UNALLOCATED => Stored::Parent,
            ZEROS if self.has_zero_entries => Stored::Zeros,
            _ if self.is_compressed => {
                let start = offset.saturating_sub(within);
                Stored::Compressed(self.compressed(position, start)?, within)
            }
            _ => Stored::At(position.saturating_add(within)),
        };
        Ok(Run {
            len: self.grain_size.get().saturating_sub(within),
            stored,
        })
    }
}
