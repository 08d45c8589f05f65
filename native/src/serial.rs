//! A new serial number for a copied volume.

use ntfsclone_core::ntfs::boot_sector::{BOOT_SECTOR_BYTES, BootSector, SERIAL_NUMBER_OFFSET};

use std::path::Path;

use crate::bulk::pipeline::Batch;
use crate::error::{Error, Result};
use crate::options::NewSerial;
use crate::original_report;
use crate::report::{self, Reports};

/// Writes a new serial number into both boot sectors as they pass by.
#[derive(Debug)]
pub struct SerialChange {
    wanted: Option<NewSerial>,
    random: u64,
    reports: Reports,
    /// Known when the first boot sector has passed.
    backup: Option<Backup>,
    backup_changed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Backup {
    /// Where the backup boot sector lies, in bytes.
    offset: u64,
    serial: u64,
}

impl SerialChange {
    /// Changes nothing if no new number is wanted.
    pub fn new(wanted: Option<NewSerial>, reports: Reports) -> Result<Self> {
        let random = getrandom::u64().map_err(|error| {
            let error = std::io::Error::other(error.to_string());
            Error::io(
                "make a serial number with",
                "the random source".as_ref(),
                error,
            )
        })?;
        Ok(Self {
            wanted,
            random,
            reports,
            backup: None,
            backup_changed: false,
        })
    }

    /// Changes the boot sectors in `batch`, if they are in it.
    pub fn apply(&mut self, batch: &mut Batch) {
        let Some(wanted) = self.wanted else {
            return;
        };
        if let Some(sector) = sector_at(batch, 0)
            && let Ok(boot) = BootSector::parse(sector, 0)
        {
            let serial = match wanted {
                NewSerial::Full => self.random,
                NewSerial::Half => {
                    let low = u64::from(u32::MAX);
                    self.random & !low | boot.serial_number & low
                }
            };
            write(sector, serial);
            original_report::new_serial(serial, self.reports);
            self.backup = Some(Backup {
                offset: boot.geometry.backup_boot_sector(),
                serial,
            });
        }
        if let Some(Backup { offset, serial }) = self.backup
            && let Some(sector) = sector_at(batch, offset)
            && BootSector::parse(sector, offset).is_ok()
        {
            write(sector, serial);
            self.backup_changed = true;
        }
    }

    /// Tells whether it was done; `target` is for messages.
    ///
    /// # Errors
    ///
    /// No boot sector passed by that could be changed.
    pub fn check(&self, target: &Path) -> Result<()> {
        if self.wanted.is_none() {
            return Ok(());
        }
        if self.backup.is_none() {
            return Err(Error::refused(
                target,
                "gets no new serial number: there is no boot sector to put it in",
                "write it with the number that it has, and repair its boot sector first (chkdsk, \
                 testdisk)",
            ));
        }
        if !self.backup_changed {
            report::warning(format!(
                "{}: has no backup boot sector; the new serial number is in the first one only",
                target.display()
            ));
        }
        Ok(())
    }
}

fn write(sector: &mut [u8; BOOT_SECTOR_BYTES], serial: u64) {
    sector[SERIAL_NUMBER_OFFSET..][..8].copy_from_slice(&serial.to_le_bytes());
}

/// The bytes of a sector, if the batch has it whole.
fn sector_at(batch: &mut Batch, offset: u64) -> Option<&mut [u8; BOOT_SECTOR_BYTES]> {
    let (piece, bytes) = batch
        .pieces_mut()
        .find(|(piece, _)| (piece.offset..piece.offset + piece.len as u64).contains(&offset))?;
    let within = usize::try_from(offset - piece.offset).ok()?;
    bytes.get_mut(within..)?.first_chunk_mut()
}
