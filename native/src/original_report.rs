//! The report of the original ntfsclone: its lines, in its words and order and with
//! its values. Programs that drive it read them. They are facts of version
//! 2022.10.3, from running it; a terminal gets our report alone.
//!
//! Numbers are as odd as they are there: megabytes of 1,000,000 bytes, rounded up;
//! bad clusters are called sectors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use ntfsclone_core::clusters::audit::{Audit, Disagreement};
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::units::Geometry;

use crate::commands::OpenVolume;
use crate::report::Reports;
use crate::source::WipedRecords;

/// How many clusters are listed on which files and `$Bitmap` disagree.
const LISTED: usize = 10;

/// How many sectors are listed that could not be read. The original lists all.
const LISTED_SECTORS: usize = 1000;

/// Says who speaks, on standard error, before anything else.
pub fn name() {
    if !io::stderr().is_terminal() {
        let version = env!("CARGO_PKG_VERSION");
        let _ = io::stderr().write_all(format!("ntfsclone v{version} (Rust)\n").as_bytes());
    }
}

/// A volume that was opened to be copied.
pub fn volume(opened: &OpenVolume, reports: Reports) {
    volume_itself(opened, reports);
    reports.original(format_args!(
        "Current device size: {}",
        bytes_and_megabytes(opened.device.device_size())
    ));
}

/// The same, of a copy that is opened again.
fn volume_itself(opened: &OpenVolume, reports: Reports) {
    if let Some((major, minor)) = opened.version {
        reports.original(format_args!("NTFS volume version: {major}.{minor}"));
    }
    let geometry = opened.volume.geometry();
    reports.original(format_args!(
        "Cluster size       : {} bytes",
        geometry.cluster_size
    ));
    reports.original(format_args!(
        "Current volume size: {}",
        bytes_and_megabytes(geometry.bytes(geometry.nr_clusters()))
    ));
}

/// An image that is to be restored.
pub fn image(header: &Header, reports: Reports) {
    reports.original(format_args!("Ntfsclone image version: {}", header.version));
    reports.original(format_args!(
        "Cluster size           : {} bytes",
        header.cluster_size
    ));
    reports.original(format_args!(
        "Image volume size      : {}",
        bytes_and_megabytes(header.volume_size())
    ));
    reports.original(format_args!(
        "Image device size      : {} bytes",
        header.device_size
    ));
    let used = header.inuse.saturating_mul(header.cluster_size.into());
    reports.original(format_args!(
        "Space in use           : {}   ",
        megabytes_and_share(used, header.inuse, header.nr_clusters)
    ));
    reports.original(format_args!(
        "Offset to image data   : {0} ({0:#x}) bytes",
        header.data_offset
    ));
}

/// The scan of a volume begins.
pub fn scan_begins(reports: Reports) {
    reports.original("Scanning volume ...");
}

/// What files use is compared with `$Bitmap`.
pub fn accounting_begins(reports: Reports) {
    reports.original("Accounting clusters ...");
}

/// The clusters on which files and `$Bitmap` disagree, if there are any.
pub fn mismatches(audit: &Audit, reports: Reports) {
    let total = audit.only_in_bitmap.clusters + audit.only_in_runlists.clusters;
    if total == 0 {
        return;
    }
    let of_kind = |disagreement: &Disagreement, kind: &'static str| {
        let extents = disagreement.first.iter();
        let clusters = extents.flat_map(|extent| extent.start.0..extent.end().0);
        clusters
            .take(LISTED)
            .map(move |cluster| (cluster, kind))
            .collect::<Vec<_>>()
    };
    let mut first = of_kind(&audit.only_in_bitmap, "extra");
    first.extend(of_kind(&audit.only_in_runlists, "missing"));
    first.sort_unstable();
    for (cluster, kind) in first.into_iter().take(LISTED) {
        reports.original(format_args!(
            "Cluster accounting failed at {cluster} ({cluster:#x}): {kind} cluster in $Bitmap"
        ));
    }
    reports.original(format_args!(
        "Totally {total} cluster accounting mismatches."
    ));
}

/// Mismatches were found and are accepted.
pub fn mismatches_accepted(reports: Reports) {
    reports
        .original("WARNING: The NTFS inconsistency was overruled by the --ignore-fs-check option.");
}

/// Clusters that are to be copied, and the `bad` ones that are not.
pub fn space_in_use(clusters: u64, bad: u64, geometry: &Geometry, reports: Reports) {
    let used = clusters.saturating_add(bad);
    reports.original(format_args!(
        "Space in use       : {}   ",
        megabytes_and_share(geometry.bytes(used), used, geometry.nr_clusters())
    ));
    if bad > 0 {
        reports.original(format_args!(
            "WARNING: The disk has {bad} or more bad sectors (hardware faults)."
        ));
    }
}

/// A serial number was made for the copy.
pub fn new_serial(serial: u64, reports: Reports) {
    reports.original(format_args!("New serial number      : {serial:#x}"));
}

/// What is copied, for the lines around the copying.
#[derive(Clone, Copy)]
pub enum Copied<'a> {
    /// Clusters in use of a volume, to an image.
    Saved(&'a OpenVolume),
    /// Clusters in use of a volume, as they are.
    Cloned(&'a OpenVolume),
    /// What an image holds.
    Restored,
    Metadata(CopiedMetadata<'a>),
}

/// A copy of the metadata of a volume.
#[derive(Clone, Copy)]
pub struct CopiedMetadata<'a> {
    pub opened: &'a OpenVolume,
    /// It is a volume, not an image.
    pub is_raw: bool,
    /// Base records in use.
    pub files: u64,
    /// Known when all is read.
    pub wiped: &'a Mutex<WipedRecords>,
}

impl Copied<'_> {
    /// The first byte is about to be written.
    pub fn begins(self, reports: Reports) {
        match self {
            Self::Saved(_) => reports.original("Saving NTFS to image ..."),
            Self::Cloned(_) => reports.original("Cloning NTFS ..."),
            Self::Restored => reports.original("Restoring NTFS from image ..."),
            Self::Metadata(metadata) => {
                // The original copies all records, and wipes them in the copy.
                if metadata.is_raw {
                    sync_begins(reports);
                    volume_itself(metadata.opened, reports);
                }
                scan_begins(reports);
            }
        }
    }

    /// All is written, and about to be made permanent.
    pub fn is_written(self, reports: Reports, end_percent: impl FnOnce()) {
        match self {
            Self::Saved(opened) | Self::Cloned(opened) => lost_sectors(opened, reports),
            Self::Metadata(metadata) => lost_sectors(metadata.opened, reports),
            Self::Restored => {}
        }
        end_percent();
        if let Self::Metadata(metadata) = self {
            metadata.wiped(reports);
            if !metadata.is_raw {
                return;
            }
        }
        sync_begins(reports);
    }
}

/// Sectors of a rescue that could not be read, by their offsets.
fn lost_sectors(opened: &OpenVolume, reports: Reports) {
    let lost = opened.device.damaged().map(|damaged| damaged.lost());
    let sector_size = opened.volume.geometry().sector_size as usize;
    let offsets = lost
        .into_iter()
        .flatten()
        .flat_map(|range| range.step_by(sector_size));
    for offset in offsets.take(LISTED_SECTORS) {
        reports.original(format_args!(
            "WARNING: Can't read sector at {offset}, lost data."
        ));
    }
}

fn sync_begins(reports: Reports) {
    reports.original("Syncing ...");
}

impl CopiedMetadata<'_> {
    fn wiped(self, reports: Reports) {
        let wiped = *self.wiped.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, mirror) = (wiped.report.wiped, wiped.mirror);
        let in_mft = |all: u64, mirror: u64| all.saturating_sub(mirror);
        // In an image, the original counts some of it twice: when it walks over the
        // files, and again when it writes $MFT. In a raw copy, it leaves $MFTMirr out.
        let (unused, deleted) = match self.is_raw {
            true => (
                in_mft(all.slack, mirror.slack),
                in_mft(all.deleted, mirror.deleted),
            ),
            false => (all.slack, all.deleted),
        };
        let counted = |all: u64, mirror: u64| match self.is_raw {
            true => in_mft(all, mirror),
            false => in_mft(all, mirror) + all,
        };
        let resident = counted(all.resident_data, mirror.resident_data);
        let times = counted(all.times, mirror.times);
        let lines = [
            (
                "Num of MFT records       =",
                self.opened.volume.mft().record_count(),
            ),
            ("Num of used MFT records  =", self.files),
            ("Wiped unused MFT data    =", unused),
            ("Wiped deleted MFT data   =", deleted),
            ("Wiped resident user data =", resident),
            ("Wiped timestamp data     =", times),
            (
                "Wiped totally            =",
                unused + deleted + resident + times,
            ),
        ];
        for (name, number) in lines {
            reports.original(format_args!("{name} {number:>10}"));
        }
    }
}

fn megabytes(bytes: u64) -> impl Display {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

fn bytes_and_megabytes(bytes: u64) -> impl Display {
    format!("{bytes} bytes ({})", megabytes(bytes))
}

/// The share is in percent, in the precision of the original.
fn megabytes_and_share(bytes: u64, clusters: u64, all: u64) -> impl Display {
    let share = f64::from(clusters as f32 / all as f32) * 100.0;
    format!("{} ({share:.1}%)", megabytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All values are the original's.
    #[test]
    fn numbers_are_rounded_as_the_original_does() {
        let table = [
            (512, 221, 511, "905216", "1 MB (43.2%)"),
            (512, 0, 1, "0", "0 MB (0.0%)"),
            (512, 1, 1, "512", "1 MB (100.0%)"),
            (512, 1953, 2000, "999936", "1 MB (97.6%)"),
            (512, 1954, 2000, "1000448", "2 MB (97.7%)"),
            (512, 9995, 10_000, "5117440", "6 MB (99.9%)"),
            (512, 9996, 10_000, "5117952", "6 MB (100.0%)"),
            (512, 50_050, 100_000, "25625600", "26 MB (50.1%)"),
            (4096, 1_000_000, 2_441_406, "4096000000", "4096 MB (41.0%)"),
            (
                512,
                19_531_250,
                1_953_126,
                "10000000000",
                "10000 MB (1000.0%)",
            ),
        ];
        for (cluster_size, clusters, all, bytes, expected) in table {
            let used: u64 = bytes.parse().unwrap();
            assert!(used == clusters * cluster_size || clusters == 221);
            let found = megabytes_and_share(used, clusters, all).to_string();
            assert_eq!(found, expected);
        }
    }
}
