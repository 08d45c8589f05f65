//! Partition tables with one partition.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use gpt_disk_types::{
    BlockSize, Chs, GptHeader, GptPartitionEntry, GptPartitionEntryArray,
    GptPartitionEntryArrayLayout, GptPartitionEntrySize, GptPartitionName, GptPartitionType, Guid,
    Lba, LbaLe, MasterBootRecord, MbrPartitionRecord, U32Le,
};

use super::identifier::identifier;
use crate::units::len_usize;

/// What all systems make: 16 KiB, the least that UEFI 5.3.1 reserves.
const ENTRIES: u32 = 128;
const ENTRY_BYTES: u64 = 128;

/// Of NTFS, and of exFAT.
const TYPE_NTFS: u8 = 0x07;
/// An address that has no cylinder, head and sector, since it is too large.
const CHS_BEYOND: Chs = Chs([0xFE, 0xFF, 0xFF]);
const NAME: &str = "Basic data partition";

/// A partition, and the disk that it is on.
pub(super) struct Partition {
    /// In bytes of the disk: whole sectors.
    pub(super) range: Range<u64>,
    pub(super) sector_size: u32,
    /// The number from which identifiers are made.
    pub(super) serial_number: u64,
}

impl Partition {
    /// The first sector, and how many there are.
    fn sectors(&self) -> (u64, u64) {
        let sector = |offset: u64| offset.checked_div(self.sector_size.into()).unwrap_or(0);
        let (start, end) = (sector(self.range.start), sector(self.range.end));
        (start, end.saturating_sub(start))
    }
}

/// A master boot record; `None` if the partition ends beyond the sectors that it can name.
pub(super) fn mbr(partition: &Partition) -> Option<Vec<u8>> {
    let (start, sectors) = partition.sectors();
    u32::try_from(start.checked_add(sectors)?).ok()?;
    let unused = MbrPartitionRecord {
        boot_indicator: 0,
        start_chs: Chs([0; 3]),
        os_indicator: 0,
        end_chs: Chs([0; 3]),
        starting_lba: U32Le::from_u32(0),
        size_in_lba: U32Le::from_u32(0),
    };
    let record = MbrPartitionRecord {
        os_indicator: TYPE_NTFS,
        start_chs: CHS_BEYOND,
        end_chs: CHS_BEYOND,
        starting_lba: U32Le::from_u32(u32::try_from(start).ok()?),
        size_in_lba: U32Le::from_u32(u32::try_from(sectors).ok()?),
        ..unused
    };
    let [a, b, c, d, ..] = identifier(partition.serial_number, "disk");
    let mbr = MasterBootRecord {
        boot_strap_code: [0; 440],
        unique_mbr_disk_signature: [a, b, c, d],
        unknown: [0; 2],
        partitions: [record, unused, unused, unused],
        signature: [0x55, 0xAA],
    };
    Some(bytemuck::bytes_of(&mbr).to_vec())
}

/// Bytes of the backup: the entries, and the header in the last sector.
pub(super) fn gpt_backup_size(sector_size: u32) -> u64 {
    entry_bytes().saturating_add(sector_size.into())
}

/// A GUID partition table for a disk of `size` bytes, and its backup for the end of the disk.
pub(super) fn gpt(partition: &Partition, size: u64) -> (Vec<u8>, Vec<u8>) {
    let sector_size = u64::from(partition.sector_size);
    let sectors = |bytes: u64| bytes.checked_div(sector_size).unwrap_or(0);
    let last = sectors(size).saturating_sub(1);
    let entries = entries(partition);
    let first = Copy {
        lba: 1,
        alternate: last,
        entries: 2,
    };
    let backup = Copy {
        lba: last,
        alternate: 1,
        entries: last.saturating_sub(sectors(entry_bytes())),
    };
    let in_sector = |content: &[u8]| {
        let mut sector = content.to_vec();
        sector.resize(len_usize(sector_size), 0);
        sector
    };
    let protective = MasterBootRecord::protective_mbr(last.saturating_add(1));
    let start = [
        in_sector(bytemuck::bytes_of(&protective)),
        in_sector(bytemuck::bytes_of(&first.header(partition, &entries))),
        entries.clone(),
    ];
    let backup = in_sector(bytemuck::bytes_of(&backup.header(partition, &entries)));
    (start.concat(), [entries, backup].concat())
}

/// A copy of the table: where it is, in sectors.
struct Copy {
    /// Of its header.
    lba: u64,
    /// Of the header of the other copy.
    alternate: u64,
    /// Of its entries.
    entries: u64,
}

impl Copy {
    fn header(&self, partition: &Partition, entries: &[u8]) -> GptHeader {
        let entry_sectors = entry_bytes()
            .checked_div(partition.sector_size.into())
            .unwrap_or(0);
        let last = self.lba.max(self.alternate);
        let last_usable = last.saturating_sub(entry_sectors).saturating_sub(1);
        let mut header = GptHeader {
            my_lba: LbaLe::from_u64(self.lba),
            alternate_lba: LbaLe::from_u64(self.alternate),
            first_usable_lba: LbaLe::from_u64(entry_sectors.saturating_add(2)),
            last_usable_lba: LbaLe::from_u64(last_usable),
            disk_guid: guid(partition, "disk"),
            partition_entry_lba: LbaLe::from_u64(self.entries),
            number_of_partition_entries: U32Le::from_u32(ENTRIES),
            ..GptHeader::default()
        };
        let block = match partition.sector_size {
            4096 => BlockSize::BS_4096,
            _ => BlockSize::BS_512,
        };
        let layout = GptPartitionEntryArrayLayout {
            start_lba: Lba(self.entries),
            entry_size: GptPartitionEntrySize::default(),
            num_entries: ENTRIES,
        };
        let mut entries = entries.to_vec();
        if let Ok(array) = GptPartitionEntryArray::new(layout, block, &mut entries) {
            header.partition_entry_array_crc32 = array.calculate_crc32();
        }
        header.update_header_crc32();
        header
    }
}

/// All entries, of which the first is the partition's.
fn entries(partition: &Partition) -> Vec<u8> {
    let (start, sectors) = partition.sectors();
    let last = start.saturating_add(sectors).saturating_sub(1);
    let entry = GptPartitionEntry {
        partition_type_guid: GptPartitionType::BASIC_DATA,
        unique_partition_guid: guid(partition, "partition"),
        starting_lba: LbaLe::from_u64(start),
        ending_lba: LbaLe::from_u64(last),
        name: NAME.parse().unwrap_or(GptPartitionName([0; 72])),
        ..GptPartitionEntry::default()
    };
    let mut entries = vec![0; len_usize(entry_bytes())];
    for (byte, of_entry) in entries.iter_mut().zip(bytemuck::bytes_of(&entry)) {
        *byte = *of_entry;
    }
    entries
}

fn guid(partition: &Partition, part: &str) -> Guid {
    Guid::from_bytes(identifier(partition.serial_number, part))
}

fn entry_bytes() -> u64 {
    u64::from(ENTRIES).saturating_mul(ENTRY_BYTES)
}
