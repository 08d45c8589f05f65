//! What a source is that does not begin with a boot sector of NTFS.

use crate::io::ReadAt;
use crate::partition_table::{self, Partition};
use crate::units::{len_u64, len_usize};

use alloc::vec::Vec;

/// What was found where a boot sector of NTFS was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A volume encrypted by BitLocker.
    BitLocker,
    /// Microsoft's Resilient File System.
    Refs,
    /// exFAT.
    ExFat,
    /// FAT12, FAT16 or FAT32.
    Fat,
    /// An ntfsclone image: to be restored, not cloned.
    NtfscloneImage,
    /// A partclone image.
    PartcloneImage,
    /// A whole disk; with the partitions of its table.
    Disk(Vec<Partition>),
    /// Nothing but zeros.
    Zeros,
    /// Fewer bytes than a boot sector.
    TooShort,
    /// None of these.
    Unknown,
}

/// Tells what `source` is, by its first sector. What cannot be read is
/// [`Foreign::Unknown`].
pub fn identify(source: &(impl ReadAt + ?Sized)) -> Foreign {
    let mut sector = [0; 512];
    let len = sector.len().min(len_usize(source.size()));
    let (read, _) = sector.split_at_mut(len);
    if source.read_exact_at(0, read).is_err() {
        return Foreign::Unknown;
    }
    let has = |offset: usize, text: &[u8]| {
        sector
            .get(offset..)
            .is_some_and(|bytes| bytes.starts_with(text))
    };
    if has(0, crate::image::ntfsclone::MAGIC) {
        return Foreign::NtfscloneImage;
    }
    if has(0, b"partclone-image") {
        return Foreign::PartcloneImage;
    }
    // "BitLocker To Go" looks like FAT32, and says MSWIN4.1 like it.
    if has(3, b"-FVE-FS-") || has(0x1A8, BITLOCKER_TO_GO_GUID) {
        return Foreign::BitLocker;
    }
    if has(3, b"ReFS\0\0\0\0") {
        return Foreign::Refs;
    }
    if has(3, b"EXFAT   ") {
        return Foreign::ExFat;
    }
    if has(0x36, b"FAT12   ") || has(0x36, b"FAT16   ") || has(0x52, b"FAT32   ") {
        return Foreign::Fat;
    }
    if len_u64(len) < 512 {
        return Foreign::TooShort;
    }
    let partitions = partition_table::read(source);
    if !partitions.is_empty() {
        return Foreign::Disk(partitions);
    }
    match sector.iter().all(|&byte| byte == 0) {
        true => Foreign::Zeros,
        false => Foreign::Unknown,
    }
}

/// 4967D63B-2E29-4AD8-8399-F6A339E3D001, as libbde documents it.
const BITLOCKER_TO_GO_GUID: &[u8] = &[
    0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01,
];
