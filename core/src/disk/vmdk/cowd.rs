//! Sparse extents of ESXi, mostly of snapshots: grains of mostly one sector, found through two
//! levels of tables.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Grains, MAX_BLOCK, SECTOR};
use crate::disk::header::Place;
use crate::disk::table_reader::TableReader;
use crate::error::Result;
use crate::io::Source;

/// The first bytes.
const MAGIC: &[u8; 4] = b"COWD";
/// Entries of a grain table.
const TABLE_ENTRIES: u64 = 4096;

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
    capacity: U32,
    /// 16: sectors of a grain
    grain_size: U32,
    /// 20: sector of the grain directory
    directory: U32,
}

/// Reads the header.
pub(super) fn read(source: &Source) -> Result<Grains> {
    let place = Place::header(0);
    let header: Header = place.read(source)?;
    if header.magic != *MAGIC {
        let found = u32::from_le_bytes(header.magic).into();
        return Err(place.corrupt("its magic", found, "that of a sparse extent of ESXi"));
    }
    let grain_bytes = u64::from(header.grain_size.get()).saturating_mul(SECTOR);
    let grain_size = place.block_size(grain_bytes, SECTOR..=MAX_BLOCK)?;
    let table_range = grain_bytes.saturating_mul(TABLE_ENTRIES);
    Ok(Grains {
        tables: TableReader::new(source.clone()),
        disk_size: u64::from(header.capacity.get()).saturating_mul(SECTOR),
        directory: u64::from(header.directory.get()).saturating_mul(SECTOR),
        table_range: place.block_size(table_range, 1..=u64::MAX)?,
        grain_size,
        has_zero_entries: false,
        is_compressed: false,
    })
}
