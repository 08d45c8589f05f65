//! Partitions of a whole disk, by its MBR or GPT.

use alloc::vec;
use alloc::vec::Vec;

use gpt_disk_types::{GptHeader, GptPartitionEntry, MasterBootRecord, MbrPartitionRecord};

use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// A partition of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number, as operating systems count: from 1, logical ones from 5.
    pub number: u32,
    /// Where it starts on the disk, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// True if its first sector is a boot sector of NTFS.
    pub is_ntfs: bool,
}

/// A kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// A master boot record with partitions.
    Mbr,
    /// A GUID partition table, or what is left of it.
    Gpt,
}

/// Disks have sectors of 512 or of 4096 bytes; their tables count in them.
const SECTOR_SIZES: [u64; 2] = [512, 4096];
/// Ours: Windows makes 128 entries; other tools up to a few hundred.
const MAX_GPT_ENTRIES: u32 = 1024;
/// Ours: logical partitions of an MBR are a linked list, which might be a
/// circle.
const MAX_LOGICAL: u32 = 128;

const TYPE_PROTECTIVE: u8 = 0xEE;
const TYPES_EXTENDED: [u8; 3] = [0x05, 0x0F, 0x85];

/// The partitions in the table of `disk`; none if there is no table. What
/// cannot be read or lies past the end of the disk is left out.
pub fn read(disk: &(impl ReadAt + ?Sized)) -> Vec<Partition> {
    let Some(mbr) = read_mbr(disk, 0) else {
        return Vec::new();
    };
    let is_gpt = mbr
        .partitions
        .iter()
        .any(|partition| partition.os_indicator == TYPE_PROTECTIVE);
    for sector_size in SECTOR_SIZES {
        let found = match is_gpt {
            true => read_gpt(disk, sector_size),
            false => read_mbr_partitions(disk, &mbr, sector_size),
        };
        // With the wrong sector size, no GPT is found at all, and an MBR's
        // partitions begin at the wrong places.
        let found = found.unwrap_or_default();
        if found.iter().any(|partition| partition.is_ntfs) || (is_gpt && !found.is_empty()) {
            return found;
        }
        if !is_gpt && sector_size == 512 && !found.is_empty() {
            let others = read_mbr_partitions(disk, &mbr, 4096).unwrap_or_default();
            return match others.iter().any(|partition| partition.is_ntfs) {
                true => others,
                false => found,
            };
        }
    }
    Vec::new()
}

/// The table on `disk`, also one that is damaged, but for one of its two copies,
/// or has no partitions in it; `None` if there is none. The boot sector of a file
/// system is not a table, though it has the signature of one; the copy at the
/// end of a disk that begins with one, or with an image, is left over.
pub fn identify(disk: &(impl ReadAt + ?Sized)) -> Option<Table> {
    let is_gpt_at = |sector_size: u64, sector: u64| {
        let position = sector.checked_mul(sector_size);
        let header = position.and_then(|position| read_pod::<GptHeader>(disk, position));
        header.is_some_and(|header| header.is_signature_valid() && header.my_lba.to_u64() == sector)
    };
    if SECTOR_SIZES.iter().any(|&size| is_gpt_at(size, 1)) {
        return Some(Table::Gpt);
    }
    if begins_with_content(disk) {
        return None;
    }
    let has_backup = |&size: &u64| {
        let sectors = disk.size().checked_div(size);
        let last = sectors.and_then(|sectors| sectors.checked_sub(1));
        last.is_some_and(|last| is_gpt_at(size, last))
    };
    if SECTOR_SIZES.iter().any(has_backup) {
        return Some(Table::Gpt);
    }
    (!read(disk).is_empty()).then_some(Table::Mbr)
}

/// Whether the first sector is the boot sector of NTFS, FAT, exFAT, ReFS or
/// BitLocker, or the header of an image.
fn begins_with_content(disk: &(impl ReadAt + ?Sized)) -> bool {
    const NAMES: [(usize, &[u8]); 8] = [
        (0, crate::image::ntfsclone::MAGIC),
        (3, b"NTFS    "),
        (3, b"EXFAT   "),
        (3, b"ReFS\0\0\0\0"),
        (3, b"-FVE-FS-"),
        (0x36, b"FAT12   "),
        (0x36, b"FAT16   "),
        (0x52, b"FAT32   "),
    ];
    let mut sector = [0; 512];
    if disk.read_exact_at(0, &mut sector).is_err() {
        return false;
    }
    let has = |(offset, name): &(usize, &[u8])| {
        let bytes = sector.get(*offset..);
        bytes.is_some_and(|bytes| bytes.starts_with(name))
    };
    NAMES.iter().any(has)
}

fn read_gpt(disk: &(impl ReadAt + ?Sized), sector_size: u64) -> Option<Vec<Partition>> {
    let header: GptHeader = read_pod(disk, sector_size)?;
    if !header.is_signature_valid() {
        return None;
    }
    let entry_size = u64::from(header.size_of_partition_entry.to_u32());
    if entry_size < len_u64(size_of::<GptPartitionEntry>()) {
        return None;
    }
    let first = header.partition_entry_lba.to_u64();
    let entries = first.checked_mul(sector_size)?;
    let count = header.number_of_partition_entries.to_u32();

    let mut found = Vec::new();
    for index in 0..count.min(MAX_GPT_ENTRIES) {
        let position = entries.checked_add(entry_size.checked_mul(index.into())?)?;
        let Some(entry) = read_pod::<GptPartitionEntry>(disk, position) else {
            break;
        };
        let start = entry.starting_lba.to_u64();
        let sectors = entry
            .ending_lba
            .to_u64()
            .checked_sub(start)
            .and_then(|sectors| sectors.checked_add(1));
        if entry.is_used()
            && let Some(sectors) = sectors
        {
            let number = index.saturating_add(1);
            found.extend(partition(disk, number, start, sectors, sector_size));
        }
    }
    Some(found)
}

fn read_mbr_partitions(
    disk: &(impl ReadAt + ?Sized),
    mbr: &MasterBootRecord,
    sector_size: u64,
) -> Option<Vec<Partition>> {
    let mut found = Vec::new();
    let mut logical_number = 5_u32;
    for (number, primary) in (1_u32..).zip(&mbr.partitions) {
        let (start, sectors) = position_of(primary);
        if TYPES_EXTENDED.contains(&primary.os_indicator) {
            let mut link = start;
            for _ in 0..MAX_LOGICAL {
                let Some(table) = read_mbr(disk, link.checked_mul(sector_size)?) else {
                    break;
                };
                let [logical, next, ..] = &table.partitions;
                let (offset, sectors) = position_of(logical);
                if logical.os_indicator != 0 {
                    let start = link.checked_add(offset)?;
                    found.extend(partition(disk, logical_number, start, sectors, sector_size));
                    logical_number = logical_number.saturating_add(1);
                }
                if !TYPES_EXTENDED.contains(&next.os_indicator) {
                    break;
                }
                // Links count from the start of the extended partition.
                link = start.checked_add(position_of(next).0)?;
            }
        } else if primary.os_indicator != 0 {
            found.extend(partition(disk, number, start, sectors, sector_size));
        }
    }
    Some(found)
}

fn partition(
    disk: &(impl ReadAt + ?Sized),
    number: u32,
    start: u64,
    sectors: u64,
    sector_size: u64,
) -> Option<Partition> {
    let offset = start.checked_mul(sector_size)?;
    let size = sectors.checked_mul(sector_size)?;
    if sectors == 0 || offset == 0 || offset >= disk.size() {
        return None;
    }
    let mut name = [0; 8];
    let is_ntfs = disk
        .read_exact_at(offset.checked_add(3)?, &mut name)
        .is_ok_and(|()| &name == b"NTFS    ");
    Some(Partition {
        number,
        offset,
        size,
        is_ntfs,
    })
}

/// First sector and number of sectors.
fn position_of(record: &MbrPartitionRecord) -> (u64, u64) {
    (
        record.starting_lba.to_u32().into(),
        record.size_in_lba.to_u32().into(),
    )
}

fn read_mbr(disk: &(impl ReadAt + ?Sized), offset: u64) -> Option<MasterBootRecord> {
    let mbr: MasterBootRecord = read_pod(disk, offset)?;
    // The signature is also that of volumes, which have code in this place;
    // partitions are active (0x80) or not (0).
    let has_partitions = mbr
        .partitions
        .iter()
        .all(|partition| partition.boot_indicator & 0x7F == 0);
    (mbr.signature == [0x55, 0xAA] && has_partitions).then_some(mbr)
}

fn read_pod<T: bytemuck::Pod>(disk: &(impl ReadAt + ?Sized), offset: u64) -> Option<T> {
    let mut bytes = vec![0; size_of::<T>()];
    let end = offset.checked_add(len_u64(bytes.len()))?;
    if len_usize(end) > len_usize(disk.size()) {
        return None;
    }
    disk.read_exact_at(offset, &mut bytes).ok()?;
    bytemuck::try_pod_read_unaligned(&bytes).ok()
}
