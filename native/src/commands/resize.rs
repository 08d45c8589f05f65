//! Giving what is copied another size.

use std::path::PathBuf;
use std::sync::Arc;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::{Journal, Volume};
use ntfsclone_core::relocate::{self, RelocateError, Relocated};

use super::copy_target::clusters_in_bitmap;
use super::open_volume::{CHKDSK, OpenVolume};
use super::used_clusters::UsedClusters;
use crate::error::{Error, Result};
use crate::options::NewSize;
use crate::report::{self, Reports};
use crate::source::Device;

/// What does not survive another size, of what a volume may hold.
struct Loss {
    found: String,
    remedy: &'static str,
    /// What becomes of it with --force.
    consequence: &'static str,
}

/// Refuses what does not survive another size, or warns of it if that is forced.
pub fn check(opened: &OpenVolume, is_forced: bool) -> Result<()> {
    let path = opened.device.path();
    for loss in losses(&opened.volume).map_err(|error| Error::read(path, error))? {
        if !is_forced {
            let remedy = format!("{}; or add --force: {}", loss.remedy, loss.consequence);
            return Err(Error::refused(path, loss.found, remedy));
        }
        report::warning(format!(
            "{}: {}; {}",
            path.display(),
            loss.found,
            loss.consequence
        ));
    }
    Ok(())
}

/// Refuses MFT records that are smaller than a sector, or warns of them if that is forced.
pub fn check_sector_size(opened: &OpenVolume, wanted: Option<u32>, is_forced: bool) -> Result<()> {
    let path = opened.device.path();
    let record_size = opened.volume.geometry().mft_record_size;
    let Some(sector_size) = wanted.filter(|&size| record_size < size) else {
        return Ok(());
    };
    // Windows and mkntfs make records of 4096 bytes on sectors of 4096.
    let found =
        format!("its MFT records have {record_size} bytes, less than a sector of {sector_size}");
    let consequence = "ntfs-3g reads it; Windows makes no such volume, and may not read it";
    if !is_forced {
        let remedy = format!(
            "use a disk with sectors of {record_size} bytes or less, or add --force: {consequence}"
        );
        return Err(Error::refused(path, found, remedy));
    }
    report::warning(format!("{}: {found}; {consequence}", path.display()));
    Ok(())
}

fn losses(volume: &Volume<Arc<Device>>) -> ntfsclone_core::Result<Vec<Loss>> {
    let mut losses = Vec::new();
    let journal = match volume.journal()? {
        Journal::Clean | Journal::CleanByOnePage => None,
        Journal::NotClean => Some("its journal holds changes that are not yet in place"),
        Journal::Unreadable => Some("neither restart page of its journal can be read"),
    };
    losses.extend(journal.map(|found| Loss {
        found: format!("{found}, and in another size it is emptied"),
        remedy: "start Windows on it, and shut it down",
        consequence: "the journal is emptied; run chkdsk /f on the copy",
    }));
    if volume.is_hibernated()? {
        losses.push(Loss {
            found: "Windows is hibernated on it (or was shut down with fast startup), and would \
                    resume with the old places of files"
                .to_owned(),
            remedy: "start Windows on it, and shut it down with shutdown /s /t 0",
            consequence: "the copy starts anew, without what Windows kept in memory",
        });
    }
    if let Some(copies) = volume.shadow_copies()? {
        losses.push(Loss {
            found: format!(
                "has {} ({}), whose places another size makes wrong",
                report::count(copies.files, "shadow copy", "shadow copies"),
                report::size(copies.bytes)
            ),
            remedy: "delete them first, with vssadmin delete shadows /all",
            consequence: "the copy has none; their files stay in System Volume Information",
        });
    }
    Ok(losses)
}

/// The least size of a volume, by `$Bitmap` alone.
pub fn least_size(opened: &OpenVolume) -> u64 {
    let geometry = opened.volume.geometry();
    let bitmap = relocate::bitmap_clusters(geometry, geometry.nr_clusters());
    relocate::least_size(geometry, clusters_in_bitmap(opened), bitmap)
}

/// Another size of a volume.
pub struct Resizing {
    pub size: NewSize,
    /// Bytes of a sector, if they change.
    pub sector_size: Option<u32>,
    /// Bytes of what it is written to, if these are fixed.
    pub target: Option<u64>,
    pub output: PathBuf,
    pub reports: Reports,
}

impl Resizing {
    /// The volume in its new size, and its clusters in use.
    pub fn run(
        &self,
        opened: OpenVolume,
        used: UsedClusters,
    ) -> Result<(OpenVolume, UsedClusters)> {
        let refuse = |error| self.refuse(&opened, error);
        let geometry = *opened.volume.geometry();
        let old_sector_size = u64::from(geometry.sector_size);
        let old_size = geometry.backup_boot_sector() + old_sector_size;
        let new_sector_size = self.sector_size.unwrap_or(geometry.sector_size);
        let sector_size = u64::from(new_sector_size);
        let size = match self.size {
            NewSize::Bytes(size) => size,
            NewSize::Least => {
                let least = relocate::least_size_of(&opened.volume, used.map.len());
                // All but its last sector are whole clusters.
                least.map_err(refuse)? - old_sector_size + sector_size
            }
            NewSize::Kept => old_size,
            NewSize::Fill => self.target.ok_or_else(|| self.no_target())?,
        };
        if sector_size == old_sector_size && size / sector_size * sector_size == old_size {
            return Ok((opened, used));
        }
        if let Some(target) = self.target.filter(|target| size > *target) {
            return Err(Error::refused(
                &self.output,
                format!("has {target} bytes, less than the volume is to have: {size}"),
                "use a larger device, or --size=fill",
            ));
        }
        let volume = Volume::open(Arc::clone(&opened.device));
        let volume = volume.map_err(|error| Error::read(opened.device.path(), error))?;
        let relocated =
            Relocated::with_sector_size(volume, used.map, size, new_sector_size).map_err(refuse)?;
        let changes = relocated.check().map_err(refuse)?;
        let size = relocated.size();
        self.reports.line(format_args!(
            "New size: {size} bytes ({}); {} moved, {} changed",
            report::size(size),
            report::count(changes.moved_clusters, "cluster is", "clusters are"),
            report::count(changes.records, "MFT record is", "MFT records are"),
        ));
        let map = relocated.relocation().clusters();
        let device = Arc::new(opened.device.resized(relocated));
        let volume = Volume::open(Arc::clone(&device));
        let volume = volume.map_err(|error| Error::read(device.path(), error))?;
        let opened = OpenVolume {
            device,
            volume,
            ..opened
        };
        Ok((opened, UsedClusters { map, ..used }))
    }

    fn no_target(&self) -> Error {
        Error::refused(
            &self.output,
            "has no size that the volume could get",
            "--size=fill goes with a device; give the size in bytes, or --size=min",
        )
    }

    fn refuse(&self, opened: &OpenVolume, error: RelocateError) -> Error {
        let path = opened.device.path();
        match error {
            RelocateError::Volume(error) => Error::read(path, error),
            RelocateError::TooSmall { least } => Error::refused(
                path,
                format!("its files need {least} bytes ({})", report::size(least)),
                "give a larger --size, or min",
            ),
            RelocateError::SmallerThanSector { .. } => Error::refused(
                path,
                error.to_string(),
                "use a disk with smaller sectors, or copy its files to a new volume",
            ),
            RelocateError::TooLarge { .. } => {
                Error::refused(path, error.to_string(), "give a smaller --size")
            }
            error => Error::refused(
                path,
                report::with_causes(&error),
                format!("{CHKDSK}; or copy it without --size"),
            ),
        }
    }
}
