//! Giving what is copied another size.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::relocate::{
    self, Carried, Loss, NewDisk, RelocateError, Relocated, Relocation, Resized,
};
use ntfsclone_core::units::{Extent, Geometry};
use serde::Serialize;

use super::copy_target::clusters_in_bitmap;
use super::open_volume::{CHKDSK, OpenVolume};
use super::used_clusters::UsedClusters;
use crate::error::{Error, Result};
use crate::host::{progress, scan};
use crate::options::{self, NewSize, Resize};
use crate::report::{self, Reports};

/// Refuses what does not survive, or warns of it if that is forced. Returns what does not.
pub fn check(opened: &OpenVolume, resize: &Resize, is_forced: bool) -> Result<Vec<Loss>> {
    let path = opened.device.path();
    let losses = Loss::all(&opened.volume).map_err(|error| Error::read(path, error))?;
    let of_losses = losses.iter().map(Objection::to_loss);
    let of_sectors = resize.sector_size.map(|sector_size| {
        let disk = new_disk(opened, resize, Vec::new());
        let checked = disk.check(opened.volume.geometry());
        checked.map_err(|error| refuse(path, error))?;
        Ok::<_, Error>(Objection::to_sectors(opened, sector_size))
    });
    let of_sectors = of_sectors.transpose()?.flatten();
    for objection in of_losses.chain(of_sectors) {
        let Objection {
            found,
            remedy,
            consequence,
        } = objection;
        if let Some(remedy) = remedy.filter(|_| !is_forced) {
            let remedy = format!("{remedy}; or add --force: {consequence}");
            return Err(Error::refused(path, found, remedy));
        }
        report::warning(format!("{}: {found}; {consequence}", path.display()));
    }
    Ok(losses)
}

/// What is to be said against another size.
struct Objection {
    found: String,
    /// What to do about it; `None` for what is only reported.
    remedy: Option<String>,
    /// What becomes of it.
    consequence: &'static str,
}

impl Objection {
    fn to_loss(loss: &Loss) -> Self {
        let of_journal = |found| Self {
            found: format!("{found}, and in another size it is emptied"),
            remedy: Some("start Windows on it, and shut it down".to_owned()),
            consequence: "the journal is emptied; run chkdsk /f on the copy",
        };
        match loss {
            Loss::JournalNotClean => {
                of_journal("its journal holds changes that are not yet in place")
            }
            Loss::JournalUnreadable => {
                of_journal("neither restart page of its journal can be read")
            }
            Loss::Hibernated => Self {
                found: "Windows is hibernated on it (or was shut down with fast startup), and \
                        would resume with the old places of files"
                    .to_owned(),
                remedy: Some(
                    "start Windows on it, and shut it down with shutdown /s /t 0".to_owned(),
                ),
                consequence: "the copy starts anew, without what Windows kept in memory",
            },
            Loss::ShadowCopies { copies, bytes } => Self {
                found: format!(
                    "has {} ({}), whose places another size makes wrong",
                    shadow_copies(*copies),
                    report::size(*bytes)
                ),
                remedy: Some("delete them first, with vssadmin delete shadows /all".to_owned()),
                consequence: "the copy has none; their files stay in System Volume Information",
            },
            Loss::EncryptedSwap { bytes } => Self {
                found: format!("its swap file is encrypted ({})", report::size(*bytes)),
                remedy: None,
                consequence: "it is copied as it is, and no Windows can read it: Windows makes a \
                              new key at each start",
            },
            Loss::BitLocker { files, bytes } => Self {
                found: format!(
                    "has the metadata of BitLocker in {} ({}), for the encrypted volume that it \
                     is on",
                    report::count(*files, "file", "files"),
                    report::size(*bytes)
                ),
                remedy: None,
                consequence: "the copy is not encrypted, and does not need it; the files stay in \
                              System Volume Information",
            },
        }
    }

    /// To MFT records that are smaller than a sector.
    fn to_sectors(opened: &OpenVolume, sector_size: u32) -> Option<Self> {
        let record_size = opened.volume.geometry().mft_record_size;
        (record_size < sector_size).then(|| Self {
            found: format!(
                "its MFT records have {record_size} bytes, less than a sector of {sector_size}"
            ),
            remedy: Some(format!(
                "use a disk with sectors of {record_size} bytes or less, or copy its files to a \
                 volume that was formatted on the new disk"
            )),
            // Microsoft, "NTFS and 4K disks": file records get the size of a sector.
            consequence: "ntfs-3g mounts it; Windows makes records of 4096 bytes on such disks, \
                          and is not known to mount a volume with smaller ones",
        })
    }
}

fn shadow_copies(copies: u64) -> String {
    report::count(copies, "shadow copy", "shadow copies")
}

/// The least size of a volume, by `$Bitmap` alone.
pub fn least_size(opened: &OpenVolume) -> u64 {
    let geometry = opened.volume.geometry();
    let bitmap = relocate::bitmap_clusters(geometry, geometry.nr_clusters());
    relocate::least_size(geometry, clusters_in_bitmap(opened), bitmap)
}

/// What was changed, as a line of `--progress=json`.
#[derive(Serialize)]
struct Document<'a> {
    resized: &'a Resized,
}

/// Another size of a volume.
pub struct Resizing {
    pub resize: Resize,
    /// Bytes of what it is written to, if these are fixed.
    pub target: Option<u64>,
    pub output: PathBuf,
    /// How many threads look at its files; `None` for one a processor.
    pub threads: Option<NonZeroUsize>,
    /// What does not survive.
    pub losses: Vec<Loss>,
    pub how: options::Progress,
    pub reports: Reports,
}

impl Resizing {
    /// The volume in its new size, and its clusters in use.
    pub fn run(
        &self,
        opened: OpenVolume,
        used: UsedClusters,
    ) -> Result<(OpenVolume, UsedClusters)> {
        let path = opened.device.path().to_owned();
        let geometry = *opened.volume.geometry();
        let disk = new_disk(&opened, &self.resize, used.bad_extents.clone());
        let keeps_sectors = disk.sector_size == geometry.sector_size;
        let known_size = self.known_size(&geometry, &disk)?;
        let volume = Volume::open(Arc::clone(&opened.device));
        let volume = volume.map_err(|error| Error::read(&path, error))?;
        let refuse = |error| refuse(&path, error);
        let marked = used.map.len();
        let carried = Carried::read(&volume, used.map).map_err(refuse)?;
        let size = match known_size {
            Some(size) => size,
            None => carried.least_size(&disk).map_err(refuse)?,
        };
        if keeps_sectors && relocate::has_size(&geometry, size) {
            let map = carried.used;
            return Ok((opened, UsedClusters { map, ..used }));
        }
        if let Some(target) = self.target.filter(|target| size > *target) {
            return Err(self.too_large(size, target));
        }
        let relocation = Relocation::new(carried, &disk, size).map_err(refuse)?;
        let relocated = Relocated::new(volume, relocation).map_err(refuse)?;
        let threads = scan::threads(&opened.volume, self.threads);
        let changes = scan::check_relocated(&relocated, &path, threads)?.map_err(refuse)?;
        let losses = self.losses.clone();
        let resized = Resized::new(&relocated, changes, used.bad, losses);
        self.report(&resized);
        let map = relocated.relocation().clusters();
        let device = Arc::new(opened.device.resized(relocated));
        let volume = Volume::open(Arc::clone(&device));
        let volume = volume.map_err(|error| Error::read(device.path(), error))?;
        let opened = OpenVolume {
            device,
            volume,
            ..opened
        };
        let used = UsedClusters {
            // `$Bitmap` alone got other clusters.
            claimed: (used.claimed + map.len()).saturating_sub(marked),
            bad: resized.kept_bad_clusters,
            map,
            ..used
        };
        Ok((opened, used))
    }

    /// Bytes that the volume gets; `None` for the least.
    fn known_size(&self, geometry: &Geometry, disk: &NewDisk) -> Result<Option<u64>> {
        let old = relocate::total_size(geometry);
        let size = match self.resize.size {
            Some(NewSize::Bytes(size)) => size,
            Some(NewSize::Least) => return Ok(None),
            Some(NewSize::Fill) => self.target.ok_or_else(|| self.no_target())?,
            // The partition stays as long as it is. A file may get longer, so that a larger
            // backup boot sector costs no cluster.
            None => {
                let clusters = geometry.bytes(geometry.nr_clusters());
                let with_all = old.max(clusters + u64::from(disk.sector_size));
                match self.target {
                    Some(target) if (old..with_all).contains(&target) => old,
                    _ => with_all,
                }
            }
        };
        Ok(Some(size))
    }

    /// Lists what was changed.
    fn report(&self, resized: &Resized) {
        self.reports.line(format_args!(
            "New size: {} bytes ({}); {} moved, {} changed",
            resized.size,
            report::size(resized.size),
            report::count(resized.moved_clusters, "cluster is", "clusters are"),
            report::count(resized.changed_records, "MFT record is", "MFT records are"),
        ));
        if resized.sector_size != resized.old_sector_size {
            self.reports.line(format_args!(
                "New sectors: {} bytes, {} before",
                resized.sector_size, resized.old_sector_size
            ));
        }
        self.reports.line(format_args!(
            "Emptied: the journal ({})",
            report::size(resized.emptied_journal)
        ));
        let bad_clusters = |count| report::count(count, "bad cluster", "bad clusters");
        if resized.kept_bad_clusters > 0 {
            self.reports.line(format_args!(
                "Kept: the marks of {}",
                bad_clusters(resized.kept_bad_clusters)
            ));
        }
        let place = match self.resize.keeps_bad {
            true => " beyond the new end",
            false => "",
        };
        let bad = format!("{}{place}", bad_clusters(resized.bad_clusters));
        let bad = (resized.bad_clusters > 0).then_some(bad);
        let lost = resized.losses.iter().filter_map(|loss| match loss {
            // The journal is emptied in any case.
            Loss::JournalNotClean | Loss::JournalUnreadable => None,
            // They are copied.
            Loss::EncryptedSwap { .. } | Loss::BitLocker { .. } => None,
            Loss::Hibernated => Some("the memory of a hibernated Windows".to_owned()),
            Loss::ShadowCopies { copies, bytes } => Some(format!(
                "{} ({})",
                shadow_copies(*copies),
                report::size(*bytes)
            )),
        });
        let left_out: Vec<String> = bad.into_iter().chain(lost).collect();
        if !left_out.is_empty() {
            self.reports
                .line(format_args!("Left out: {}", left_out.join(", ")));
        }
        progress::document(self.how, &Document { resized });
    }

    fn no_target(&self) -> Error {
        Error::refused(
            &self.output,
            "has no size that the volume could get",
            "--size=fill goes with a device; give the size in bytes, or --size=min",
        )
    }

    fn too_large(&self, size: u64, target: u64) -> Error {
        Error::refused(
            &self.output,
            format!("has {target} bytes, less than the volume is to have: {size}"),
            "use a larger device, or --size=fill",
        )
    }
}

/// The disk that the volume is for; `bad` are the clusters that are marked as bad.
fn new_disk(opened: &OpenVolume, resize: &Resize, bad: Vec<Extent>) -> NewDisk {
    let like = NewDisk::like(opened.volume.geometry());
    NewDisk {
        sector_size: resize.sector_size.unwrap_or(like.sector_size),
        bad: match resize.keeps_bad {
            true => bad,
            false => Vec::new(),
        },
    }
}

fn refuse(path: &Path, error: RelocateError) -> Error {
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
