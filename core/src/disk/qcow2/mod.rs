//! qcow2, versions 2 and 3, of QEMU: clusters, found through two levels of tables. Numbers are
//! big-endian.
//!
//! Reference counts are not needed to read, so an image that is marked dirty is read as well. So
//! is one that is marked corrupt: QEMU sets the mark when it stops writing (QEMU, docs/interop,
//! qcow2).

mod extensions;
pub(crate) mod writer;

use core::num::NonZeroU64;

use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use self::extensions::{Extensions, Name};
use super::SECTOR;
use super::compressed_block::{CompressedBlock, Method};
use super::header::{Place, not_read};
use super::neighbours::Chain;
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::Result;
use crate::io::Source;
use crate::units::len_u64;

/// The first bytes of every image, of version 1 as well.
pub(crate) const MAGIC: &[u8; 4] = b"QFI\xFB";

/// Bytes of an entry; an L2 entry with subclusters has twice as many.
const ENTRY: u64 = 8;
const MIN_CLUSTER: u64 = 512;
const MAX_CLUSTER: u64 = super::compressed_block::MAX_BLOCK;
/// With subclusters, of which each cluster has 32.
const MIN_EXTENDED_CLUSTER: u64 = 16 << 10;
const SUBCLUSTERS: u64 = 32;

// Incompatible features.
const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

/// Bits of an L1 entry or of an L2 entry: the offset in the file.
const OFFSET: u64 = 0x00FF_FFFF_FFFF_FE00;
/// Of an L2 entry: the cluster is compressed.
const COMPRESSED: u64 = 1 << 62;
/// Of an L2 entry: only this image has the cluster. In another file, a cluster may be at offset 0,
/// and has this bit.
const COPIED: u64 = 1 << 63;
/// Of an L2 entry of version 3 without subclusters: the cluster is zeros.
const ZEROS: u64 = 1;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header2 {
    /// 0: [`MAGIC`]
    magic: [u8; 4],
    /// 4
    version: U32,
    /// 8: offset of its name; 0 if there is none
    backing_file_offset: U64,
    /// 16: bytes of its name
    backing_file_size: U32,
    /// 20
    cluster_bits: U32,
    /// 24: bytes of the disk
    size: U64,
    /// 32
    crypt_method: U32,
    /// 36: entries
    l1_size: U32,
    /// 40
    l1_table_offset: U64,
    /// 48: reference counts and snapshots
    rest: [u8; 24],
}

/// What version 3 adds.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header3 {
    /// 72
    incompatible_features: U64,
    /// 80
    compatible_features: U64,
    /// 88
    autoclear_features: U64,
    /// 96
    refcount_order: U32,
    /// 100: bytes of the header
    header_length: U32,
}

/// Opens the disk in a qcow2 image.
pub(super) fn open(source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
    let place = Place::header(0);
    let header: Header2 = place.read(source)?;
    if header.magic != *MAGIC {
        let found = u32::from_be_bytes(header.magic).into();
        return Err(place.corrupt("its magic", found, "that of qcow2"));
    }
    let version = header.version.get();
    let features = match version {
        2 => Features::of_version_2(),
        3 => Features::read(source)?,
        _ => return Err(place.unsupported("version", version.into(), "2 or 3")),
    };
    if header.crypt_method.get() != 0 {
        return Err(not_read("is encrypted"));
    }
    let found = 1_u64.checked_shl(header.cluster_bits.get()).unwrap_or(0);
    let smallest = match features.has_subclusters {
        true => MIN_EXTENDED_CLUSTER,
        false => MIN_CLUSTER,
    };
    let cluster_size = place.block_size(found, smallest..=MAX_CLUSTER)?;
    let (entry_size, l2_entries) = match features.has_subclusters {
        true => (2 * ENTRY, cluster_size.get() / (2 * ENTRY)),
        false => (ENTRY, cluster_size.get() / ENTRY),
    };
    let l2_range = l2_entries.saturating_mul(cluster_size.get());
    let has_backing = header.backing_file_offset.get() != 0 && header.backing_file_size.get() != 0;
    let (parent, data) = match has_backing || features.has_external_data {
        true => open_other_files(source, &header, &features, chain)?,
        false => (None, source.clone()),
    };
    let clusters = Clusters {
        tables: TableReader::new(source.clone()),
        l1_offset: header.l1_table_offset.get(),
        l2_range: place.block_size(l2_range, 1..=u64::MAX)?,
        entry_size,
        cluster_size,
        has_zero_flag: version >= 3 && !features.has_subclusters,
        features,
    };
    let size = header.size.get();
    let entries = header.l1_size.get().into();
    if entries < size.div_ceil(clusters.l2_range.get()) {
        let expected = "enough for the whole disk";
        return Err(place.corrupt("its number of L1 entries", entries, expected));
    }
    Ok(VirtualDisk::over(
        parent.map(Parent::from),
        &data,
        size,
        clusters,
    ))
}

/// Opens the backing file, if there is one, and the file that has the clusters.
fn open_other_files(
    source: &Source,
    header: &Header2,
    features: &Features,
    chain: &mut Chain<'_>,
) -> Result<(Option<Source>, Source)> {
    let backing = Name {
        offset: header.backing_file_offset.get(),
        len: header.backing_file_size.get().into(),
    };
    let end = match backing.offset {
        0 => MAX_CLUSTER,
        offset => offset,
    };
    let extensions = Extensions::read(source, features.header_length, end)?;
    let data = match features.has_external_data {
        true => extensions.open_data(source, chain)?,
        false => source.clone(),
    };
    Ok((extensions.open_backing(source, backing, chain)?, data))
}

/// The features that matter to a reader.
struct Features {
    has_subclusters: bool,
    has_external_data: bool,
    /// Bytes.
    header_length: u64,
    compression: Method,
}

impl Features {
    /// Those of version 2.
    fn of_version_2() -> Self {
        Self {
            has_subclusters: false,
            has_external_data: false,
            header_length: len_u64(size_of::<Header2>()),
            compression: Method::Deflate,
        }
    }

    fn read(source: &Source) -> Result<Self> {
        /// After the fields of [`Header3`].
        const COMPRESSION_TYPE_OFFSET: u64 = 104;
        const ZLIB: u8 = 0;
        const ZSTD: u8 = 1;
        let place = Place::header(len_u64(size_of::<Header2>()));
        let header: Header3 = place.read(source)?;
        let features = header.incompatible_features.get();
        if features & !KNOWN != 0 {
            let expected = "none that this program does not know";
            return Err(place.unsupported("features", features, expected));
        }
        let mut compression = [ZLIB];
        let place = Place::header(COMPRESSION_TYPE_OFFSET);
        if features & COMPRESSION_TYPE != 0 {
            place.read_into(source, &mut compression)?;
        }
        Ok(Self {
            has_subclusters: features & EXTENDED_L2 != 0,
            has_external_data: features & EXTERNAL_DATA != 0,
            header_length: header.header_length.get().into(),
            compression: match compression {
                [ZLIB] => Method::Deflate,
                [ZSTD] => Method::Zstd,
                [other] => {
                    let expected = "zlib or zstd";
                    return Err(place.unsupported("compression", other.into(), expected));
                }
            },
        })
    }
}

/// The two levels of tables.
struct Clusters {
    tables: TableReader,
    l1_offset: u64,
    /// Bytes of the disk that an L2 table is for. It has the size of a cluster.
    l2_range: NonZeroU64,
    /// Bytes of an L2 entry.
    entry_size: u64,
    cluster_size: NonZeroU64,
    has_zero_flag: bool,
    features: Features,
}

impl Clusters {
    fn entry(&self, offset: u64) -> Result<u64> {
        self.tables.entry(offset).map(u64::from_be_bytes)
    }

    /// The offset in an entry, which is that of a cluster; 0 if there is none.
    fn cluster_at(&self, entry_offset: u64, entry: u64) -> Result<u64> {
        let offset = entry & OFFSET;
        if offset % self.cluster_size != 0 {
            let expected = "a multiple of the cluster size";
            let place = Place::table(entry_offset);
            return Err(place.corrupt("the offset of a cluster", offset, expected));
        }
        Ok(offset)
    }

    /// A compressed cluster: where it begins, and in how many sectors after the first it lies.
    /// How many bits each has depends on the cluster size.
    fn compressed(&self, entry: u64) -> CompressedBlock {
        let sectors_bits = self.cluster_size.ilog2().saturating_sub(8);
        let offset_bits = 62_u32.saturating_sub(sectors_bits);
        let offset = entry & low_bits(offset_bits);
        let sectors = entry.checked_shr(offset_bits).unwrap_or(0) & low_bits(sectors_bits);
        let end = (offset / SECTOR)
            .saturating_add(sectors)
            .saturating_add(1)
            .saturating_mul(SECTOR);
        // The last sector may be cut short.
        let end = end.min(self.tables.source().size());
        CompressedBlock {
            offset,
            len: end.saturating_sub(offset),
            size: self.cluster_size.get(),
            needed: self.cluster_size.get(),
            method: self.features.compression,
        }
    }

    /// The subclusters from `within` bytes of the cluster on that are stored alike. The bitmap
    /// has a bit for each that is stored, then one for each that is zeros.
    fn subclusters(&self, entry_offset: u64, cluster: Option<u64>, within: u64) -> Result<Run> {
        let place = Place::table(entry_offset.saturating_add(ENTRY));
        let bitmap = self.entry(place.offset)?;
        let size = self.cluster_size.get() / SUBCLUSTERS;
        let subcluster = within.checked_div(size).unwrap_or(0);
        // Both bits of the subcluster, 32 apart.
        let mask = u32::try_from(subcluster)
            .ok()
            .and_then(|bit| 1_u64.checked_shl(bit));
        let mask = mask.unwrap_or(0);
        let is_stored = bitmap & mask != 0;
        let is_zeros = (bitmap >> SUBCLUSTERS) & mask != 0;
        let stored = match (is_stored, is_zeros, cluster) {
            (true, false, Some(cluster)) => Stored::At(cluster.saturating_add(within)),
            (false, true, _) => Stored::Zeros,
            (false, false, _) => Stored::Parent,
            (true, _, _) => {
                let expected = "subclusters that are either stored or not";
                return Err(place.corrupt("a bitmap", bitmap, expected));
            }
        };
        let end = subcluster.saturating_add(1).saturating_mul(size);
        Ok(Run {
            len: end.saturating_sub(within),
            stored,
        })
    }
}

impl Layout for Clusters {
    fn find(&self, offset: u64) -> Result<Run> {
        let (l1_index, in_range) = (offset / self.l2_range, offset % self.l2_range);
        let l1_offset = self
            .l1_offset
            .saturating_add(l1_index.saturating_mul(ENTRY));
        let l2_table = self.cluster_at(l1_offset, self.entry(l1_offset)?)?;
        if l2_table == 0 {
            return Ok(Run {
                len: self.l2_range.get().saturating_sub(in_range),
                stored: Stored::Parent,
            });
        }
        let (index, within) = (in_range / self.cluster_size, in_range % self.cluster_size);
        let entry_offset = l2_table.saturating_add(index.saturating_mul(self.entry_size));
        let entry = self.entry(entry_offset)?;
        let len = self.cluster_size.get().saturating_sub(within);
        if entry & COMPRESSED != 0 {
            let stored = Stored::Compressed(self.compressed(entry), within);
            return Ok(Run { len, stored });
        }
        let cluster = self.cluster_at(entry_offset, entry)?;
        let is_at_start = self.features.has_external_data && entry & COPIED != 0;
        let is_allocated = cluster != 0 || is_at_start;
        if self.features.has_subclusters {
            let cluster = is_allocated.then_some(cluster);
            return self.subclusters(entry_offset, cluster, within);
        }
        let is_zeros = self.has_zero_flag && entry & ZEROS != 0;
        let stored = match is_allocated {
            _ if is_zeros => Stored::Zeros,
            true => Stored::At(cluster.saturating_add(within)),
            false => Stored::Parent,
        };
        Ok(Run { len, stored })
    }
}

/// The lowest `count` bits.
fn low_bits(count: u32) -> u64 {
    !u64::MAX.checked_shl(count).unwrap_or(0)
}
