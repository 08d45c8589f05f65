//! Giving what is copied another size.

use std::path::PathBuf;
use std::sync::Arc;

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::relocate::{self, Loss, RelocateError, Relocated, Resized};
use serde::Serialize;

use super::copy_target::clusters_in_bitmap;
use super::open_volume::{CHKDSK, OpenVolume};
use super::used_clusters::UsedClusters;
use crate::error::{Error, Result};
use crate::host::progress;
use crate::options::{self, NewSize};
use crate::report::{self, Reports};

/// Refuses what does not survive another size, or warns of it if that is forced. Returns what
/// does not.
pub fn check(opened: &OpenVolume, is_forced: bool) -> Result<Vec<Loss>> {
    let path = opened.device.path();
    let losses = Loss::all(&opened.volume).map_err(|error| Error::read(path, error))?;
    for loss in losses.iter().map(LossWords::of) {
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
    Ok(losses)
}

/// How a loss is reported.
struct LossWords {
    found: String,
    remedy: &'static str,
    /// What becomes of it with --force.
    consequence: &'static str,
}

impl LossWords {
    fn of(loss: &Loss) -> Self {
        let of_journal = |found| Self {
            found: format!("{found}, and in another size it is emptied"),
            remedy: "start Windows on it, and shut it down",
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
                remedy: "start Windows on it, and shut it down with shutdown /s /t 0",
                consequence: "the copy starts anew, without what Windows kept in memory",
            },
            Loss::ShadowCopies { copies, bytes } => Self {
                found: format!(
                    "has {} ({}), whose places another size makes wrong",
                    shadow_copies(*copies),
                    report::size(*bytes)
                ),
                remedy: "delete them first, with vssadmin delete shadows /all",
                consequence: "the copy has none; their files stay in System Volume Information",
            },
        }
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
    pub size: NewSize,
    /// Bytes of what it is written to, if these are fixed.
    pub target: Option<u64>,
    pub output: PathBuf,
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
        let refuse = |error| self.refuse(&opened, error);
        let geometry = *opened.volume.geometry();
        let size = match self.size {
            NewSize::Bytes(size) => size,
            NewSize::Least => {
                relocate::least_size_of(&opened.volume, used.map.len()).map_err(refuse)?
            }
            NewSize::Fill => self.target.ok_or_else(|| self.no_target())?,
        };
        if relocate::has_size(&geometry, size) {
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
        let relocated = Relocated::new(volume, used.map, size).map_err(refuse)?;
        let changes = relocated.check().map_err(refuse)?;
        let losses = self.losses.clone();
        self.report(&Resized::new(&relocated, changes, used.bad, losses));
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

    /// Lists what was changed.
    fn report(&self, resized: &Resized) {
        self.reports.line(format_args!(
            "New size: {} bytes ({}); {} moved, {} changed",
            resized.size,
            report::size(resized.size),
            report::count(resized.moved_clusters, "cluster is", "clusters are"),
            report::count(resized.changed_records, "MFT record is", "MFT records are"),
        ));
        self.reports.line(format_args!(
            "Emptied: the journal ({})",
            report::size(resized.emptied_journal)
        ));
        let bad = report::count(resized.bad_clusters, "bad cluster", "bad clusters");
        let bad = (resized.bad_clusters > 0).then_some(bad);
        let lost = resized.losses.iter().filter_map(|loss| match loss {
            // The journal is emptied in any case.
            Loss::JournalNotClean | Loss::JournalUnreadable => None,
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

    fn refuse(&self, opened: &OpenVolume, error: RelocateError) -> Error {
        let path = opened.device.path();
        match error {
            RelocateError::Volume(error) => Error::read(path, error),
            RelocateError::TooSmall { least } => Error::refused(
                path,
                format!("its files need {least} bytes ({})", report::size(least)),
                "give a larger --size, or min",
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
