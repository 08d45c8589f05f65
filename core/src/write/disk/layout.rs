//! Where a volume lies on the disk that it is written into, and what is around it.

use alloc::vec::Vec;
use core::ops::Range;

use super::partition_table::{self, Partition};
use crate::error::{Error, Result};
use crate::ntfs::boot_sector::HIDDEN_SECTORS_OFFSET;
use crate::plan::Plan;
use crate::units::{len_u64, len_usize};
use crate::write::Disk;

/// Partitions begin at multiples of it, as Windows and others make them, and disks end at one.
const ALIGNMENT: u64 = 1 << 20;
const SECTOR: u32 = 512;
/// The sectors of disks that have larger ones.
const LARGE_SECTOR: u32 = 4096;

/// Offset and text of the name that a boot sector of NTFS has.
const OEM_NAME: (usize, &[u8]) = (3, b"NTFS    ");

/// The partition table around a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// None: the disk is the volume.
    None,
    /// A GUID partition table, with a protective MBR, and a backup at the end.
    Gpt,
    /// A master boot record.
    Mbr,
}

/// A disk with one volume on it.
#[derive(Debug, Clone)]
pub struct DiskLayout {
    is_partitioned: bool,
    /// Bytes of a sector of the disk.
    sector_size: u32,
    /// Bytes of the disk.
    size: u64,
    /// Where the volume lies on the disk, in bytes.
    volume: Range<u64>,
    /// Offset of the backup boot sector on the volume.
    backup: u64,
    /// Bytes of a sector of the volume.
    volume_sector_size: u32,
    serial_number: u64,
    /// The partition table at the start of the disk.
    start: Vec<u8>,
    /// Its backup at the end of the disk.
    end: Vec<u8>,
}

impl DiskLayout {
    /// The disk for the volume of a plan. Its identifiers are made from the serial number of the
    /// volume, so that the same volume always makes the same disk. `has_large_sectors`: the disk
    /// has sectors of 4096 bytes if the volume has, since Windows mounts it only then.
    ///
    /// # Errors
    ///
    /// [`Error::DiskTooLarge`]: a master boot record has 32 bits for a number of sectors.
    pub fn new(
        partitioning: Partitioning,
        plan: &Plan,
        serial_number: u64,
        has_large_sectors: bool,
    ) -> Result<Self> {
        let geometry = plan.geometry();
        let mut layout = Self {
            serial_number,
            ..Self::unpartitioned(plan)
        };
        if has_large_sectors && geometry.sector_size == LARGE_SECTOR {
            layout.sector_size = LARGE_SECTOR;
        }
        let sector_size = layout.sector_size;
        if partitioning == Partitioning::None {
            layout.size = rounded_up(layout.size, sector_size.into());
            layout.volume = 0..layout.size;
            return Ok(layout);
        }
        layout.is_partitioned = true;
        // The last sector of a partition is the backup boot sector.
        let volume_size = layout.backup.saturating_add(geometry.sector_size.into());
        let volume_size = rounded_up(volume_size, sector_size.into());
        layout.volume = ALIGNMENT..ALIGNMENT.saturating_add(volume_size);
        let partition = Partition {
            range: layout.volume.clone(),
            sector_size,
            serial_number,
        };
        if partitioning == Partitioning::Gpt {
            let backup_size = partition_table::gpt_backup_size(sector_size);
            let size = layout.volume.end.saturating_add(backup_size);
            layout.size = rounded_up(size, ALIGNMENT);
            (layout.start, layout.end) = partition_table::gpt(&partition, layout.size);
            return Ok(layout);
        }
        layout.size = rounded_up(layout.volume.end, ALIGNMENT);
        layout.start = partition_table::mbr(&partition).ok_or(Error::DiskTooLarge {
            format: "a master boot record",
            size: layout.size,
            limit: u64::from(u32::MAX).saturating_mul(sector_size.into()),
        })?;
        Ok(layout)
    }

    /// The volume of a plan by itself.
    pub(super) fn unpartitioned(plan: &Plan) -> Self {
        let size = rounded_up(plan.end(), SECTOR.into());
        Self {
            is_partitioned: false,
            sector_size: SECTOR,
            size,
            volume: 0..size,
            backup: plan.geometry().backup_boot_sector(),
            volume_sector_size: plan.geometry().sector_size,
            serial_number: 0,
            start: Vec::new(),
            end: Vec::new(),
        }
    }

    /// Whether there is a partition table.
    pub fn is_partitioned(&self) -> bool {
        self.is_partitioned
    }

    /// Bytes of the disk: whole sectors.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What formats record of the disk.
    pub(super) fn disk(&self) -> Disk {
        Disk {
            size: self.size,
            sector_size: self.sector_size,
            serial_number: self.serial_number,
        }
    }

    /// The partition table at the start of the disk.
    pub(super) fn start(&self) -> &[u8] {
        &self.start
    }

    /// The end of the disk, and its offset.
    pub(super) fn end(&self) -> (u64, &[u8]) {
        (self.end_offset(), &self.end)
    }

    /// The offset on the disk of byte `offset` of the volume.
    pub(super) fn on_disk(&self, offset: u64) -> u64 {
        offset.saturating_add(self.volume.start)
    }

    /// Bytes of the volume, with its backup boot sector.
    pub(super) fn volume_len(&self) -> u64 {
        self.volume.end.saturating_sub(self.volume.start)
    }

    /// The range of the backup boot sector on the volume. Empty without a partition table:
    /// nothing in it is changed then.
    pub(super) fn backup(&self) -> Range<u64> {
        match self.is_partitioned {
            true => self.backup..self.backup.saturating_add(self.volume_sector_size.into()),
            false => u64::MAX..u64::MAX,
        }
    }

    /// Bytes of a boot sector.
    pub(super) fn boot_sector_len(&self) -> usize {
        len_usize(self.volume_sector_size.into())
    }

    /// Records in a boot sector of NTFS how many sectors precede the volume.
    pub(super) fn set_hidden_sectors(&self, boot_sector: &mut [u8]) {
        let (offset, name) = OEM_NAME;
        let is_ntfs = boot_sector
            .get(offset..)
            .is_some_and(|rest| rest.starts_with(name));
        let hidden = self
            .volume
            .start
            .checked_div(self.volume_sector_size.into());
        let hidden = u32::try_from(hidden.unwrap_or(0))
            .unwrap_or(0)
            .to_le_bytes();
        let field = boot_sector.iter_mut().skip(HIDDEN_SECTORS_OFFSET);
        for (byte, new) in field.zip(hidden).filter(|_| is_ntfs) {
            *byte = new;
        }
    }

    fn end_offset(&self) -> u64 {
        self.size.saturating_sub(len_u64(self.end.len()))
    }
}

fn rounded_up(size: u64, multiple: u64) -> u64 {
    size.checked_next_multiple_of(multiple).unwrap_or(size)
}
