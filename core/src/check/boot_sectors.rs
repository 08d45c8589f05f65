//! The boot sector and its backup, against each other and what they lead to.

use super::code::Code;
use super::finding::{Finding, Findings, Place};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::{BootSector, OpenedFrom, Volume};

/// Reports what is wrong with either of the two.
pub(super) fn check<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<()> {
    if let OpenedFrom::Backup { offset } = volume.opened_from() {
        if !is_lost(volume, 0)? {
            let what = alloc::format!(
                "the first boot sector is damaged; the backup at byte {offset:#x} is not"
            );
            findings.push(Finding::new(Code::BootSector, at(0), what));
        }
        return Ok(());
    }
    let offset = volume.geometry().backup_boot_sector();
    let end = offset.saturating_add(volume.geometry().sector_size.into());
    // Old images, and some partitions, have no place for it.
    if end > volume.source().size() {
        return Ok(());
    }
    let (code, what) = match BootSector::read_at(volume.source(), offset) {
        Ok(backup) => {
            let boot = volume.boot();
            let is_same = BootSector {
                serial_number: boot.serial_number,
                hidden_sectors: boot.hidden_sectors,
                ..backup
            } == *boot;
            if !is_same {
                let what = "the boot sector and its backup differ in a size or place";
                (Code::BootSectorsDiffer, what)
            } else if backup.serial_number != boot.serial_number {
                let what = "the backup of the boot sector has another serial number";
                (Code::BackupBootSector, what)
            } else {
                return Ok(());
            }
        }
        Err(error) if error.is_loss() => return Ok(()),
        Err(error) if error.is_damage() => (
            Code::BackupBootSector,
            "the backup of the boot sector is not one",
        ),
        Err(error) => return Err(error),
    };
    findings.push(Finding::new(code, at(offset), what));
    Ok(())
}

/// Whether the sector there is in a damaged part of an image.
fn is_lost<R: ReadAt>(volume: &Volume<R>, offset: u64) -> Result<bool> {
    let mut sector = [0; 512];
    let read = volume.source().read_exact_at(offset, &mut sector);
    let read = read.map_err(|source| Error::Io {
        structure: Structure::BootSector,
        offset,
        len: 512,
        source,
    });
    match read {
        Err(error) if error.is_missing() => Err(error),
        read => Ok(read.is_err_and(|error| error.is_loss())),
    }
}

fn at(offset: u64) -> Option<Place> {
    Some(Place::Volume {
        offset,
        length: None,
    })
}
