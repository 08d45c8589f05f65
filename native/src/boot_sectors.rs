//! What the boot sectors of a copied volume have of their own: a serial number, and
//! the place on its disk.

use std::path::Path;

use ntfsclone_core::ntfs::boot_sector::{
    BOOT_SECTOR_BYTES, BootSector, HIDDEN_SECTORS_OFFSET, SERIAL_NUMBER_OFFSET,
};

use crate::bulk::pipeline::Batch;
use crate::error::{Error, Result};
use crate::options::{HiddenSectors, NewFields, NewSerial};
use crate::original_report;
use crate::report::{self, Reports};

/// Changes both boot sectors as they pass by.
#[derive(Debug)]
pub struct BootSectorChange {
    wanted: NewFields,
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
    fields: Fields,
}

/// What is written into a boot sector; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
struct Fields {
    serial: Option<u64>,
    hidden_sectors: Option<u32>,
}

impl BootSectorChange {
    /// Changes nothing if nothing new is wanted.
    pub fn new(wanted: NewFields, reports: Reports) -> Result<Self> {
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
        if self.wanted.is_empty() {
            return;
        }
        if let Some(sector) = sector_at(batch, 0)
            && let Ok(boot) = BootSector::parse(sector, 0)
        {
            let fields = self.fields(&boot);
            fields.write(sector);
            self.report(fields);
            self.backup = Some(Backup {
                offset: boot.geometry.backup_boot_sector(),
                fields,
            });
        }
        if let Some(Backup { offset, fields }) = self.backup
            && let Some(sector) = sector_at(batch, offset)
            && BootSector::parse(sector, offset).is_ok()
        {
            fields.write(sector);
            self.backup_changed = true;
        }
    }

    fn fields(&self, boot: &BootSector) -> Fields {
        let low = u64::from(u32::MAX);
        let sector_size = u64::from(boot.geometry.sector_size);
        Fields {
            serial: self.wanted.serial.map(|wanted| match wanted {
                NewSerial::Full => self.random,
                NewSerial::Half => self.random & !low | boot.serial_number & low,
            }),
            // 32 bits are not enough for every place, and beyond them Windows does not boot.
            hidden_sectors: self.wanted.hidden_sectors.map(|wanted| match wanted {
                HiddenSectors::Count(count) => count,
                HiddenSectors::Start(bytes) => {
                    u32::try_from(bytes / sector_size).unwrap_or(u32::MAX)
                }
            }),
        }
    }

    fn report(&self, fields: Fields) {
        if let Some(serial) = fields.serial {
            original_report::new_serial(serial, self.reports);
        }
        if let Some(count) = fields.hidden_sectors {
            self.reports.line(format_args!(
                "Hidden sectors: {count}, in both boot sectors"
            ));
        }
    }

    /// Tells whether it was done; `target` is for messages.
    ///
    /// # Errors
    ///
    /// No boot sector passed by that could be changed.
    pub fn check(&self, target: &Path) -> Result<()> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let what = self.wanted.description();
        if self.backup.is_none() {
            return Err(Error::refused(
                target,
                format!("gets no {what}: there is no boot sector to put it in"),
                "write it as it is, and repair its boot sector first (chkdsk, testdisk)",
            ));
        }
        if !self.backup_changed {
            report::warning(format!(
                "{}: has no backup boot sector; the {what} is in the first one only",
                target.display()
            ));
        }
        Ok(())
    }
}

impl Fields {
    fn write(self, sector: &mut [u8; BOOT_SECTOR_BYTES]) {
        if let Some(serial) = self.serial {
            sector[SERIAL_NUMBER_OFFSET..][..8].copy_from_slice(&serial.to_le_bytes());
        }
        if let Some(count) = self.hidden_sectors {
            sector[HIDDEN_SECTORS_OFFSET..][..4].copy_from_slice(&count.to_le_bytes());
        }
    }
}

/// The bytes of a sector, if the batch has it whole.
fn sector_at(batch: &mut Batch, offset: u64) -> Option<&mut [u8; BOOT_SECTOR_BYTES]> {
    let (piece, bytes) = batch
        .pieces_mut()
        .find(|(piece, _)| (piece.offset..piece.offset + piece.len as u64).contains(&offset))?;
    let within = usize::try_from(offset - piece.offset).ok()?;
    bytes.get_mut(within..)?.first_chunk_mut()
}
