//! Partitions of a whole disk, by its MBR or GPT.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use gpt_disk_types::{MasterBootRecord, MbrPartitionRecord};

use super::gpt;
use super::probe::Probe;
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

/// The partition table of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionTable {
    /// Which kind it is.
    pub kind: Kind,
    /// Those that can be read and lie on the disk.
    pub partitions: Vec<Partition>,
    /// Bytes of a sector of the disk, 512 or 4096: what the table counts in.
    pub sector_size: u64,
    /// What is wrong with it, if that is known.
    pub damage: Option<Damage>,
}

/// A kind of partition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A master boot record with partitions.
    Mbr,
    /// A GUID partition table.
    Gpt,
}

/// What is wrong with a GUID partition table, which has checksums and a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The first copy is damaged, and the backup taken.
    BackupUsed,
    /// Both copies are, or the backup cannot be read: the first is taken as it
    /// is.
    BothDamaged,
}

/// Disks have sectors of 512 or of 4096 bytes; their tables count in them.
pub(super) const SECTOR_SIZES: [u64; 2] = [512, 4096];
/// Ours: logical partitions of an MBR are a linked list, which might be a
/// circle.
const MAX_LOGICAL: u32 = 128;
/// Ours: boot loaders of PCs end before 1 MiB, those of small boards before 16 MiB.
const MAX_BOOT_LOADER: u64 = 16 << 20;

const TYPE_PROTECTIVE: u8 = 0xEE;
const TYPES_EXTENDED: [u8; 3] = [0x05, 0x0F, 0x85];

impl PartitionTable {
    /// The table of `disk`, if it has one with partitions in it.
    pub fn read(disk: &(impl ReadAt + ?Sized)) -> Option<Self> {
        let mbr = read_mbr(disk, 0);
        let is_protective = |record: &MbrPartitionRecord| record.os_indicator == TYPE_PROTECTIVE;
        let found = match mbr {
            Some(mbr) if !mbr.partitions.iter().any(is_protective) => {
                let (partitions, sector_size) = mbr_partitions(disk, &mbr, &mut |_, _| {});
                Self {
                    kind: Kind::Mbr,
                    partitions,
                    sector_size,
                    damage: None,
                }
            }
            _ => gpt::read(disk)?,
        };
        (!found.partitions.is_empty()).then_some(found)
    }

    /// The table that writing over `disk` would destroy, also one without
    /// partitions. The backup at the end of a disk that begins with a file system
    /// or an image is left over from before, and does not count.
    pub fn to_protect(disk: &impl ReadAt) -> Option<Self> {
        if let Some(table) = gpt::read(disk) {
            let is_left_over = || Probe::new(disk).is_ok_and(|probe| probe.begins_with_content());
            if gpt::has_first(disk) || !is_left_over() {
                return Some(table);
            }
        }
        Self::read(disk).filter(|table| table.kind == Kind::Mbr)
    }

    /// Bytes of `disk` outside of its partitions that a copy of it needs, in any
    /// order: the table with all its copies and links, and what stands before the
    /// first partition, where boot loaders are.
    pub fn areas_outside(&self, disk: &impl ReadAt) -> Vec<Range<u64>> {
        let offsets = self.partitions.iter().map(|partition| partition.offset);
        let first = offsets.min().unwrap_or(u64::MAX);
        let mut areas = Vec::new();
        areas.push(0..first.min(MAX_BOOT_LOADER).min(disk.size()));
        match self.kind {
            Kind::Gpt => areas.extend(gpt::areas(disk)),
            Kind::Mbr => {
                let mut add = |offset: u64, sector_size: u64| {
                    areas.push(offset..offset.saturating_add(sector_size).min(disk.size()));
                };
                if let Some(mbr) = read_mbr(disk, 0) {
                    mbr_partitions(disk, &mbr, &mut add);
                }
            }
        }
        areas.retain(|area| !area.is_empty());
        areas
    }

    /// The partition with this number.
    pub fn find(&self, number: u32) -> Option<&Partition> {
        let mut partitions = self.partitions.iter();
        partitions.find(|partition| partition.number == number)
    }

    /// The partition with NTFS, if there is exactly one.
    pub fn only_ntfs(&self) -> Option<&Partition> {
        let mut ntfs = self.partitions.iter().filter(|partition| partition.is_ntfs);
        ntfs.next().filter(|_| ntfs.next().is_none())
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BackupUsed => {
                "the partition table is damaged; its backup at the end of the disk is used"
            }
            Self::BothDamaged => {
                "the partition table is damaged, and so is its backup, or that cannot be read; \
                 it is used as it is"
            }
        })
    }
}

/// The partitions of an MBR. With the wrong sector size, they begin at the wrong
/// places: the size that finds NTFS is right, and returned. Calls `visit_link` with the offset of
/// each table in the list of logical partitions, in bytes, and its sector size.
fn mbr_partitions(
    disk: &(impl ReadAt + ?Sized),
    mbr: &MasterBootRecord,
    visit_link: &mut impl FnMut(u64, u64),
) -> (Vec<Partition>, u64) {
    let [usual_size, large_size] = SECTOR_SIZES;
    let [usual, large] = SECTOR_SIZES.map(|size| mbr_partitions_at(disk, mbr, size, visit_link));
    let has_ntfs = |found: &[Partition]| found.iter().any(|partition| partition.is_ntfs);
    let (usual, large) = (usual.unwrap_or_default(), large.unwrap_or_default());
    if !has_ntfs(&usual) && has_ntfs(&large) {
        return (large, large_size);
    }
    (usual, usual_size)
}

fn mbr_partitions_at(
    disk: &(impl ReadAt + ?Sized),
    mbr: &MasterBootRecord,
    sector_size: u64,
    visit_link: &mut impl FnMut(u64, u64),
) -> Option<Vec<Partition>> {
    let mut found = Vec::new();
    let mut logical_number = 5_u32;
    for (number, primary) in (1_u32..).zip(&mbr.partitions) {
        let (start, sectors) = position_of(primary);
        if TYPES_EXTENDED.contains(&primary.os_indicator) {
            let mut link = start;
            for _ in 0..MAX_LOGICAL {
                let link_offset = link.checked_mul(sector_size)?;
                let Some(table) = read_mbr(disk, link_offset) else {
                    break;
                };
                visit_link(link_offset, sector_size);
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

/// A partition of which the table is right, as far as can be seen.
pub(super) fn partition(
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

pub(super) fn read_pod<T: bytemuck::Pod>(disk: &(impl ReadAt + ?Sized), offset: u64) -> Option<T> {
    let mut bytes = vec![0; size_of::<T>()];
    let end = offset.checked_add(len_u64(bytes.len()))?;
    if len_usize(end) > len_usize(disk.size()) {
        return None;
    }
    disk.read_exact_at(offset, &mut bytes).ok()?;
    bytemuck::try_pod_read_unaligned(&bytes).ok()
}
