//! GUID partition tables: two copies, each with checksums.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use gpt_disk_types::{BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray};

use super::partition_table::{
    Damage, Kind, Partition, PartitionTable, SECTOR_SIZES, partition, read_pod,
};
use crate::io::ReadAt;
use crate::units::len_usize;

/// Ours: Windows makes 128 entries of 128 bytes; other tools up to a few hundred.
const MAX_ENTRY_BYTES: u64 = 256 << 10;

/// The least that is reserved for entries: UEFI 5.3.1.
const USUAL_ENTRY_BYTES: u64 = 16 << 10;

/// One copy of a table.
struct Copy {
    header: GptHeader,
    sector_size: u64,
    /// As far as they can be read.
    entries: Vec<u8>,
    is_sound: bool,
}

/// The table of `disk`, if it has one: the copy that is sound, or else the first,
/// as it is.
pub(super) fn read(disk: &(impl ReadAt + ?Sized)) -> Option<PartitionTable> {
    let mut unsound = None;
    for (is_first, sector_size, lba) in places(disk) {
        let Some(copy) = Copy::read(disk, sector_size, lba) else {
            continue;
        };
        if copy.is_sound {
            let damage = (!is_first).then_some(Damage::BackupUsed);
            return Some(copy.table(disk, damage));
        }
        // Which may know of a backup that is not at the end: the disk has grown.
        let alternate = copy.header.alternate_lba.to_u64();
        if is_first
            && let Some(backup) = Copy::read(disk, sector_size, alternate)
            && backup.is_sound
        {
            return Some(backup.table(disk, Some(Damage::BackupUsed)));
        }
        unsound = unsound.or(Some(copy));
    }
    unsound.map(|copy| copy.table(disk, Some(Damage::BothDamaged)))
}

/// Where both copies are on `disk`, in bytes: the headers and the entries that they
/// name, and the usual place of the backup, whatever stands there.
pub(super) fn areas(disk: &impl ReadAt) -> Vec<Range<u64>> {
    let size = disk.size();
    let mut found = Vec::new();
    let mut add = |offset: u64, len: u64| {
        found.push(offset.min(size)..offset.saturating_add(len).min(size));
    };
    for (is_first, sector_size, lba) in places(disk) {
        let Some(header) = Copy::read_header(disk, sector_size, lba) else {
            continue;
        };
        let mut headers = vec![(lba, header)];
        let alternate = header.alternate_lba.to_u64();
        if is_first && let Some(header) = Copy::read_header(disk, sector_size, alternate) {
            headers.push((alternate, header));
        }
        for (lba, header) in headers {
            add(lba.saturating_mul(sector_size), sector_size);
            if let Ok(layout) = header.get_partition_entry_array_layout() {
                let len = layout.num_bytes_exact().unwrap_or(0).min(MAX_ENTRY_BYTES);
                add(layout.start_lba.to_u64().saturating_mul(sector_size), len);
            }
        }
        let backup = USUAL_ENTRY_BYTES.saturating_add(sector_size);
        add(size.saturating_sub(backup), backup);
    }
    found
}

/// Whether the first copy is there, sound or not.
pub(super) fn has_first(disk: &(impl ReadAt + ?Sized)) -> bool {
    SECTOR_SIZES
        .iter()
        .any(|&size| Copy::read_header(disk, size, 1).is_some())
}

/// Where a copy may be: whether it is the first, bytes of a sector, and its
/// sector.
fn places(disk: &(impl ReadAt + ?Sized)) -> impl Iterator<Item = (bool, u64, u64)> {
    let size = disk.size();
    let last = move |&sector_size: &u64| {
        let last = size.checked_div(sector_size)?.checked_sub(1)?;
        Some((false, sector_size, last))
    };
    let first = SECTOR_SIZES.iter().map(|&size| (true, size, 1));
    first.chain(SECTOR_SIZES.iter().filter_map(last))
}

impl Copy {
    fn read_header(disk: &(impl ReadAt + ?Sized), sector_size: u64, lba: u64) -> Option<GptHeader> {
        let header: GptHeader = read_pod(disk, lba.checked_mul(sector_size)?)?;
        let is_header = header.is_signature_valid() && header.my_lba.to_u64() == lba;
        is_header.then_some(header)
    }

    fn read(disk: &(impl ReadAt + ?Sized), sector_size: u64, lba: u64) -> Option<Self> {
        let header = Self::read_header(disk, sector_size, lba)?;
        let layout = header.get_partition_entry_array_layout().ok()?;
        let offset = layout.start_lba.to_u64().checked_mul(sector_size)?;
        let block = match sector_size {
            4096 => BlockSize::BS_4096,
            _ => BlockSize::BS_512,
        };
        let len = layout.num_bytes_rounded_to_block(block)?;
        let is_header_sound = header.calculate_header_crc32() == header.header_crc32;
        let there = disk
            .size()
            .saturating_sub(offset)
            .min(len)
            .min(MAX_ENTRY_BYTES);
        let mut entries = vec![0; len_usize(there)];
        if disk.read_exact_at(offset, &mut entries).is_err() {
            entries.clear();
        }
        let array = GptPartitionEntryArray::new(layout, block, &mut entries);
        let is_sound = is_header_sound
            && array
                .is_ok_and(|array| array.calculate_crc32() == header.partition_entry_array_crc32);
        Some(Self {
            header,
            sector_size,
            entries,
            is_sound,
        })
    }

    fn table(&self, disk: &(impl ReadAt + ?Sized), damage: Option<Damage>) -> PartitionTable {
        PartitionTable {
            kind: Kind::Gpt,
            sector_size: self.sector_size,
            partitions: self.partitions(disk),
            damage,
        }
    }

    fn partitions(&self, disk: &(impl ReadAt + ?Sized)) -> Vec<Partition> {
        let size = len_usize(u64::from(self.header.size_of_partition_entry.to_u32()));
        let count = len_usize(u64::from(self.header.number_of_partition_entries.to_u32()));
        let entries = self
            .entries
            .chunks_exact(size.max(size_of::<GptPartitionEntry>()));
        let mut found = Vec::new();
        for (number, bytes) in (1_u32..).zip(entries.take(count)) {
            let entry = bytes.get(..size_of::<GptPartitionEntry>());
            let entry = entry.and_then(|bytes| bytemuck::try_pod_read_unaligned(bytes).ok());
            let Some(entry): Option<GptPartitionEntry> = entry.filter(GptPartitionEntry::is_used)
            else {
                continue;
            };
            let start = entry.starting_lba.to_u64();
            let end = entry.ending_lba.to_u64().checked_add(1);
            if let Some(sectors) = end.and_then(|end| end.checked_sub(start)) {
                found.extend(partition(disk, number, start, sectors, self.sector_size));
            }
        }
        found
    }
}
