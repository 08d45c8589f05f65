//! The boot sector: the sizes of the volume and where `$MFT` begins.

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Geometry, Lcn};

/// How many bytes of the boot sector this crate reads: the size of the
/// smallest sector that has all its fields.
pub const BOOT_SECTOR_BYTES: usize = 512;

/// Where the volume's serial number stands in the boot sector.
pub const SERIAL_NUMBER_OFFSET: usize = offset_of!(RawBootSector, serial_number);
/// Where the number of sectors before the volume, of 32 bits, is in a boot sector.
pub const HIDDEN_SECTORS_OFFSET: usize = offset_of!(RawBootSector, hidden_sectors);

/// The largest cluster: what Windows 10 1709 and later can format.
const MAX_CLUSTER_SIZE: u32 = 2 << 20;
/// The smallest cluster and sector that the image format knows.
const MIN_SECTOR_SIZE: u32 = 256;
const MAX_SECTOR_SIZE: u32 = 4096;
/// Records are protected in blocks of this size; a smaller one cannot be.
const MIN_RECORD_SIZE: u32 = 512;
/// Ours: Windows makes 1 KiB and 4 KiB records; one as large as the largest
/// classic cluster is where trust ends.
const MAX_MFT_RECORD_SIZE: u32 = 64 << 10;

/// The boot sector as it stands on disk.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawBootSector {
    /// 0x00: x86 code that jumps over this structure.
    jump: [u8; 3],
    /// 0x03: `NTFS` and four spaces.
    oem_id: [u8; 8],
    /// 0x0B: a power of two, 256 to 4096.
    bytes_per_sector: U16,
    /// 0x0D: a power of two up to 128; above, 256 minus the exponent of two.
    sectors_per_cluster: u8,
    /// 0x0E: fields of FAT, zero or ignored.
    reserved_sectors: U16,
    fats: u8,
    root_entries: U16,
    sectors_16: U16,
    media_type: u8,
    sectors_per_fat: U16,
    sectors_per_track: U16,
    heads: U16,
    /// 0x1C: sectors of the disk before the volume.
    hidden_sectors: U32,
    sectors_32: U32,
    /// 0x24: drive number, flags, extended boot signature.
    drive: [u8; 4],
    /// 0x28: sectors of the volume, without the backup boot sector.
    total_sectors: U64,
    /// 0x30: the first cluster of `$MFT`.
    mft_lcn: U64,
    /// 0x38: the first cluster of `$MFTMirr`.
    mftmirr_lcn: U64,
    /// 0x40: clusters if positive, else minus the exponent of two of bytes.
    clusters_per_mft_record: i8,
    reserved_1: [u8; 3],
    /// 0x44: as above, for index records.
    clusters_per_index_record: i8,
    reserved_2: [u8; 3],
    /// 0x48: random, chosen when the volume was formatted.
    serial_number: U64,
    /// 0x50: unused by NTFS.
    checksum: U32,
}

const _: () = assert!(size_of::<RawBootSector>() == 0x54);
const _: () = assert!(SERIAL_NUMBER_OFFSET == 0x48);
const _: () = assert!(HIDDEN_SECTORS_OFFSET == 0x1C);

/// A boot sector whose every field is within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootSector {
    /// The sizes of the volume.
    pub geometry: Geometry,
    /// The first cluster of `$MFT`.
    pub mft: Lcn,
    /// The first cluster of `$MFTMirr`.
    pub mft_mirror: Lcn,
    /// The volume's serial number.
    pub serial_number: u64,
    /// Sectors before the volume on the disk that it was formatted on. Only Windows' boot code
    /// needs it.
    pub hidden_sectors: u32,
}

/// Which of the two boot sectors was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedFrom {
    /// The first sector of the volume.
    First,
    /// The backup in the last sector: the first is damaged.
    Backup {
        /// Where the backup lies, in bytes.
        offset: u64,
    },
}

impl BootSector {
    /// Reads the first sector and, where it is no boot sector of NTFS, the
    /// backup in the last sector of the device.
    ///
    /// # Errors
    ///
    /// What is wrong with the first, if neither is usable.
    pub fn read(source: &(impl ReadAt + ?Sized)) -> Result<(Self, OpenedFrom)> {
        match Self::read_at(source, 0) {
            Ok(boot) => Ok((boot, OpenedFrom::First)),
            Err(error) => Self::read_backup(source).ok_or(error),
        }
    }

    /// Reads the backup in the last sector of the device, if there is one.
    pub fn read_backup(source: &(impl ReadAt + ?Sized)) -> Option<(Self, OpenedFrom)> {
        // How large the last sector is only the backup tells.
        let mut sector_size = MIN_SECTOR_SIZE;
        while sector_size <= MAX_SECTOR_SIZE {
            let offset = source.size().checked_sub(u64::from(sector_size));
            if let Some(offset) = offset.filter(|&offset| offset > 0)
                && let Ok(boot) = Self::read_at(source, offset)
                && boot.geometry.sector_size == sector_size
                && boot.geometry.backup_boot_sector() == offset
            {
                return Some((boot, OpenedFrom::Backup { offset }));
            }
            sector_size = sector_size.saturating_mul(2);
        }
        None
    }

    /// Reads and checks the boot sector at `offset`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] with the first field out of its limits.
    pub fn read_at(source: &(impl ReadAt + ?Sized), offset: u64) -> Result<Self> {
        let mut sector = [0; BOOT_SECTOR_BYTES];
        // A volume of 256-byte sectors may end with fewer bytes.
        let there = source.size().saturating_sub(offset);
        let len = sector.len().min(crate::units::len_usize(there));
        let (read, _) = sector.split_at_mut(len);
        source
            .read_exact_at(offset, read)
            .map_err(|error| Error::Io {
                structure: Structure::BootSector,
                offset,
                len: crate::units::len_u64(len),
                source: error,
            })?;
        Self::parse(&sector, offset)
    }

    /// Checks the bytes of a boot sector; `offset` is where they lie, for
    /// errors.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first field out of its limits.
    pub fn parse(sector: &[u8; BOOT_SECTOR_BYTES], offset: u64) -> Result<Self> {
        let corrupt = |field, found, expected| Error::Corrupt {
            structure: Structure::BootSector,
            offset,
            field,
            found,
            expected,
        };
        let Ok((raw, _)) = RawBootSector::ref_from_prefix(sector) else {
            return Err(corrupt("length", 0, "512"));
        };
        if &raw.oem_id != b"NTFS    " {
            let found = u64::from_be_bytes(raw.oem_id);
            return Err(corrupt(
                "the system name",
                found,
                "0x4e54465320202020 (NTFS)",
            ));
        }

        let sector_size = u32::from(raw.bytes_per_sector.get());
        if !sector_size.is_power_of_two()
            || !(MIN_SECTOR_SIZE..=MAX_SECTOR_SIZE).contains(&sector_size)
        {
            let expected = "a power of two from 256 to 4096";
            return Err(corrupt("bytes per sector", sector_size.into(), expected));
        }

        let cluster_size = sectors_per_cluster(raw.sectors_per_cluster)
            .and_then(|sectors| sectors.checked_mul(sector_size))
            .filter(|&size| size <= MAX_CLUSTER_SIZE)
            .ok_or_else(|| {
                let expected = "a power of two that makes a cluster of at most 2 MiB";
                corrupt(
                    "sectors per cluster",
                    raw.sectors_per_cluster.into(),
                    expected,
                )
            })?;

        let mft_record_size = record_size(raw.clusters_per_mft_record, cluster_size)
            .filter(|size| (MIN_RECORD_SIZE..=MAX_MFT_RECORD_SIZE).contains(size))
            .ok_or_else(|| {
                corrupt(
                    "clusters per MFT record",
                    u64::from(raw.clusters_per_mft_record.cast_unsigned()),
                    "a record size of 512 B to 64 KiB",
                )
            })?;
        let index_record_size = record_size(raw.clusters_per_index_record, cluster_size)
            .filter(|size| (MIN_RECORD_SIZE..=MAX_CLUSTER_SIZE).contains(size))
            .ok_or_else(|| {
                corrupt(
                    "clusters per index record",
                    u64::from(raw.clusters_per_index_record.cast_unsigned()),
                    "a record size of 512 B to 2 MiB",
                )
            })?;

        // Every byte position on the volume must be a positive i64, as file
        // offsets are.
        let total_sectors = raw.total_sectors.get();
        let bytes = total_sectors
            .checked_add(1)
            .and_then(|sectors| sectors.checked_mul(u64::from(sector_size)))
            .filter(|&bytes| i64::try_from(bytes).is_ok());
        let geometry = Geometry {
            sector_size,
            cluster_size,
            mft_record_size,
            index_record_size,
            total_sectors,
        };
        if bytes.is_none() || geometry.nr_clusters() == 0 {
            let expected = "at least a cluster, and less than 2^63 bytes";
            return Err(corrupt("the number of sectors", total_sectors, expected));
        }

        let within = |field, lcn: u64| match lcn < geometry.nr_clusters() {
            true => Ok(Lcn(lcn)),
            false => Err(corrupt(field, lcn, "a cluster of the volume")),
        };
        Ok(Self {
            geometry,
            mft: within("the cluster of $MFT", raw.mft_lcn.get())?,
            mft_mirror: within("the cluster of $MFTMirr", raw.mftmirr_lcn.get())?,
            serial_number: raw.serial_number.get(),
            hidden_sectors: raw.hidden_sectors.get(),
        })
    }
}

/// Changes the boot sector of a volume `from` for one of another size, whose files are elsewhere.
/// `places` are the first clusters of `$MFT` and `$MFTMirr`.
pub(crate) fn relocate_boot_sector(
    sector: &mut [u8],
    from: &Geometry,
    to: &Geometry,
    places: [Lcn; 2],
) {
    let Ok((raw, _)) = RawBootSector::mut_from_prefix(sector) else {
        return;
    };
    let [mft, mft_mirror] = places;
    raw.total_sectors.set(to.total_sectors);
    raw.mft_lcn.set(mft.0);
    raw.mftmirr_lcn.set(mft_mirror.0);
    if from.sector_size == to.sector_size {
        return;
    }
    raw.bytes_per_sector
        .set(u16::try_from(to.sector_size).unwrap_or(u16::MAX));
    let sectors = to.cluster_size.checked_div(to.sector_size).unwrap_or(0);
    raw.sectors_per_cluster = encoded_sectors_per_cluster(sectors);
    let hidden_bytes = u64::from(raw.hidden_sectors.get()).saturating_mul(from.sector_size.into());
    let hidden = hidden_bytes.checked_div(to.sector_size.into()).unwrap_or(0);
    raw.hidden_sectors
        .set(u32::try_from(hidden).unwrap_or(u32::MAX));
}

/// See [`sectors_per_cluster`]; `sectors` is a power of two.
fn encoded_sectors_per_cluster(sectors: u32) -> u8 {
    match u8::try_from(sectors) {
        Ok(sectors @ ..=128) => sectors,
        _ => u8::try_from(sectors.trailing_zeros())
            .unwrap_or(0)
            .wrapping_neg(),
    }
}

/// Sectors per cluster as encoded: small numbers as they are, large ones as
/// 256 minus the exponent of two.
fn sectors_per_cluster(encoded: u8) -> Option<u32> {
    match encoded {
        1..=128 => Some(u32::from(encoded)).filter(|sectors| sectors.is_power_of_two()),
        0xF4..=0xFF => 1_u32.checked_shl(encoded.wrapping_neg().into()),
        _ => None,
    }
}

/// The size of a record: clusters if positive, else minus the exponent of two.
fn record_size(encoded: i8, cluster_size: u32) -> Option<u32> {
    let size = match encoded {
        1.. => cluster_size.checked_mul(u32::from(encoded.unsigned_abs())),
        _ => 1_u32.checked_shl(encoded.unsigned_abs().into()),
    };
    size.filter(|size| size.is_power_of_two())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sectors_per_cluster_knows_both_encodings() {
        let table = [
            (1, Some(1)),
            (8, Some(8)),
            (128, Some(128)),
            (0xFF, Some(2)),
            (0xF8, Some(256)),
            (0xF4, Some(4096)),
            (0, None),
            (3, None),
            (129, None),
            (0xF3, None),
        ];
        for (encoded, expected) in table {
            assert_eq!(sectors_per_cluster(encoded), expected, "{encoded:#x}");
            // Two sectors have both; the small number is written.
            if let Some(sectors) = expected.filter(|_| encoded != 0xFF) {
                assert_eq!(encoded_sectors_per_cluster(sectors), encoded, "{sectors}");
            }
        }
        assert_eq!(encoded_sectors_per_cluster(2), 2);
    }

    #[test]
    fn record_size_knows_both_encodings() {
        let table = [
            (1, 4096, Some(4096)),
            (2, 512, Some(1024)),
            (-10, 4096, Some(1024)),
            (-12, 512, Some(4096)),
            (3, 512, None),
            (-128, 512, None),
        ];
        for (encoded, cluster, expected) in table {
            assert_eq!(record_size(encoded, cluster), expected, "{encoded}");
        }
    }
}
