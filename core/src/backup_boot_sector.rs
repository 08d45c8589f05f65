//! The backup boot sector of a volume whose image does not have it: of partclone, which copies
//! clusters only, while the backup lies after the last one.

use alloc::vec::Vec;
use core::ops::Range;

use crate::io::{IoError, ReadAt};
use crate::ntfs::BootSector;
use crate::units::{len_u64, len_usize};

/// Bytes at the start of a volume that contain its boot sector, whatever its sector size.
pub const START_BYTES: usize = 4096;

/// A copy of the boot sector, and where on the volume it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupBootSector {
    /// In bytes from the start of the volume.
    pub offset: u64,
    /// The first sector of the volume.
    pub bytes: Vec<u8>,
}

impl BackupBootSector {
    /// Copies the boot sector at the `start` of a volume that is restored to `size` bytes. `None`
    /// if it is not a boot sector of NTFS, or its backup lies past the end.
    pub fn new(start: &[u8], size: u64) -> Option<Self> {
        let geometry = BootSector::parse(start.first_chunk()?, 0).ok()?.geometry;
        let offset = geometry.backup_boot_sector();
        let bytes = start.get(..len_usize(geometry.sector_size.into()))?;
        let end = offset.checked_add(len_u64(bytes.len()))?;
        (end <= size).then(|| Self {
            offset,
            bytes: bytes.to_vec(),
        })
    }

    fn range(&self) -> Range<u64> {
        let end = self.offset.saturating_add(len_u64(self.bytes.len()));
        self.offset..end
    }
}

/// A volume with the backup boot sector that its source lacks.
#[derive(Debug, Clone)]
pub struct WithBackup<S> {
    volume: S,
    backup: Option<BackupBootSector>,
}

impl<S: ReadAt> WithBackup<S> {
    /// Reads the boot sector of `volume`. Without one there is no backup, either.
    ///
    /// # Errors
    ///
    /// As [`ReadAt::read_exact_at`].
    pub fn new(volume: S) -> Result<Self, IoError> {
        let mut start = [0; START_BYTES];
        let len = start.len().min(len_usize(volume.size()));
        let (there, _) = start.split_at_mut(len);
        volume.read_exact_at(0, there)?;
        let backup = BackupBootSector::new(there, volume.size());
        Ok(Self { volume, backup })
    }

    /// The volume as its source has it.
    pub fn volume(&self) -> &S {
        &self.volume
    }

    /// What is added to it.
    pub fn backup(&self) -> Option<&BackupBootSector> {
        self.backup.as_ref()
    }
}

impl<S: ReadAt> ReadAt for WithBackup<S> {
    fn size(&self) -> u64 {
        self.volume.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.volume.read_exact_at(offset, buf)?;
        let Some(backup) = &self.backup else {
            return Ok(());
        };
        let range = backup.range();
        let from = range.start.max(offset);
        let skipped = len_usize(from.saturating_sub(offset));
        let target = buf.get_mut(skipped..).unwrap_or_default();
        let copied = len_usize(from.saturating_sub(range.start));
        let source = backup.bytes.get(copied..).unwrap_or_default();
        for (byte, of_backup) in target.iter_mut().zip(source) {
            *byte = *of_backup;
        }
        Ok(())
    }
}
