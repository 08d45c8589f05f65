//! Finding the used clusters of a volume, and deciding whether to trust it.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::check::{FilesCheck, Touched};
use ntfsclone_core::clusters::audit::{self, Audit};
use ntfsclone_core::clusters::finding::Findings;
use ntfsclone_core::clusters::{
    ClusterMap, DamagedSystemFile, Finding, Selection, damaged_system_files,
};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::bitmap::Unknown;
use ntfsclone_core::ntfs::mft::RECORD_MFT;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::units::Extent;

use super::open_volume::CHKDSK;
use super::source_check;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::options::{self, FileChecks, Mismatch};
use crate::original_report;
use crate::report::{self, Reports};
use crate::rescue::MissingClusters;
use crate::source::Device;

/// How many findings an error lists; the original lists as many.
const LISTED: usize = 10;

/// What the clusters are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// They are copied, or a copy of them is tested.
    Copy,
    /// They are copied to a volume of another size, without the marks of bad ones.
    Resize,
    /// Only metadata is copied; the account of clusters is checked.
    Metadata,
    /// They are listed.
    Map,
}

/// How the clusters are looked for.
pub struct Search {
    pub purpose: Purpose,
    pub mismatch: Mismatch,
    pub files: FileChecks,
    pub threads: Option<NonZeroUsize>,
    pub progress: options::Progress,
    pub reports: Reports,
}

pub struct UsedClusters {
    pub map: ClusterMap,
    /// Files and `$Bitmap` agree: the owner of each cluster is known.
    pub agree: bool,
    /// Clusters of files, without bad ones; `map` may have more.
    pub claimed: u64,
    /// Clusters that `$BadClus` marks; they are not in `map`.
    pub bad: u64,
    /// Where these are.
    pub bad_extents: Vec<Extent>,
    /// Base records in use.
    pub files: u64,
}

/// Finds the clusters in use: those of files, and those that `$Bitmap` marks.
///
/// # Errors
///
/// The volume's account of its clusters contradicts itself, unless `mismatch`
/// accepts that.
pub fn find(volume: &Volume<Arc<Device>>, search: Search) -> Result<UsedClusters> {
    let source = volume.source().path();
    original_report::scan_begins(search.reports);
    let mut progress = Progress::start(search.progress, Phase::Scan, volume.mft().record_count());
    let threads = scan::threads(volume, search.threads);
    let scanned = |records| progress.advance_to(records);
    let (selected, files) = match search.files {
        FileChecks::All => scan::select_used_and_check(volume, source, threads, scanned),
        FileChecks::SystemFiles | FileChecks::None => {
            let selected = scan::select_used_on(volume, source, threads, scanned);
            (selected, FilesCheck::default())
        }
    };
    let mut selection = selected?;
    progress.finish();
    original_report::accounting_begins(search.reports);
    let bad_extents = bad_extents(&selection, volume.geometry().nr_clusters());
    let bad_lens = bad_extents.iter().map(|extent| extent.len);
    let bad = bad_lens.fold(0, u64::saturating_add);
    let claimed = selection.map.len();
    let missing = MissingClusters::of(volume, &selection.map);
    let audit = audit::audit(volume, &mut selection).map_err(|error| Error::read(source, error))?;
    if let Some(missing) = missing {
        let unknown = audit.unknown.as_ref().map(|unknown| unknown.extent);
        missing.leave_out_unclaimed(volume, unknown, &mut selection.map);
    }
    let judge = Judge {
        volume,
        source,
        purpose: search.purpose,
        is_rescue: volume.source().damaged().is_some(),
        mismatch: match volume.source().damaged() {
            // What could not be read makes the rest contradict it.
            Some(damaged) if !damaged.lost().is_empty() => Mismatch::Accept,
            _ => search.mismatch,
        },
    };
    // Where the original would go on, or neither goes on: what ours alone accepts must not
    // look like a failure.
    let is_accepted = search.mismatch == Mismatch::Accept;
    let is_refused = judge.mismatch != Mismatch::Accept && selection.findings.errors() > 0;
    if is_accepted || is_refused || search.mismatch == Mismatch::Refuse {
        original_report::mismatches(&audit, search.reports);
    }
    source_check::report(volume, search.files, files, &selection, search.reports);
    judge.unknown(audit.unknown.as_ref())?;
    judge.errors(&selection.findings)?;
    judge.damaged(&selection.findings)?;
    judge.skipped(&selection.findings);
    judge.unowned(&audit)?;
    judge.bad(&bad_extents, bad);
    if is_accepted && !audit.agrees() {
        original_report::mismatches_accepted(search.reports);
    }
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    Ok(UsedClusters {
        agree: audit.unknown.is_none()
            && audit.only_in_bitmap.clusters == 0
            && selection.findings.errors() == 0,
        map: selection.map,
        claimed: claimed.saturating_sub(bad),
        bad,
        bad_extents,
        files: selection.files,
    })
}

/// Refuses metadata that would lack some of the file system's own: it could not
/// be read as a volume. `agree` tells that files and `$Bitmap` agree, so that
/// nothing can be missing, whatever is damaged.
pub fn check_system_files(volume: &Volume<Arc<Device>>, agree: bool) -> Result<()> {
    if agree {
        return Ok(());
    }
    let source = volume.source().path();
    let damaged = damaged_system_files(volume);
    let damaged = damaged.map_err(|error| Error::read(source, error))?;
    // Bad sectors are reported, with the files that they belong to.
    let lost = volume.source().damaged();
    let has_lost = lost.is_some_and(|damaged| !damaged.lost().is_empty());
    let is_fatal = |file: &&DamagedSystemFile| !has_lost || file.record == RECORD_MFT;
    let Some(file) = damaged.iter().find(is_fatal) else {
        return Ok(());
    };
    let name = path_of(volume, file.record);
    let source_of_all = match lost {
        Some(_) => "--ignore-fs-check",
        None => "--rescue --ignore-fs-check",
    };
    Err(Error::refused(
        source,
        format!(
            "not all metadata can be found: MFT record {} ({name}) is damaged: {}",
            file.record,
            report::with_causes(&file.source)
        ),
        format!(
            "{CHKDSK}; or leave out --metadata, and copy all that is in use with {source_of_all}"
        ),
    ))
}

/// What `$BadClus` names: a damaged runlist may name more than the volume has.
fn bad_extents(selection: &Selection, nr_clusters: u64) -> Vec<Extent> {
    let bad = selection.bad.iter();
    bad.filter_map(|extent| extent.before(nr_clusters))
        .collect()
}

/// Refuses what a scan found, or warns of it.
struct Judge<'a> {
    volume: &'a Volume<Arc<Device>>,
    source: &'a Path,
    purpose: Purpose,
    is_rescue: bool,
    mismatch: Mismatch,
}

impl Judge<'_> {
    fn warn(&self, text: impl Display) {
        report::warning(format!("{}: {text}", self.source.display()));
    }

    fn refuse(&self, found: impl Into<String>, remedy: impl Display) -> Result<()> {
        let remedy = format!("{CHKDSK}; or {remedy}");
        Err(Error::refused(self.source, found, remedy))
    }

    fn unknown(&self, unknown: Option<&Unknown>) -> Result<()> {
        let Some(unknown) = unknown else {
            return Ok(());
        };
        let found = report::with_causes(unknown);
        if !self.is_rescue && self.mismatch != Mismatch::Accept {
            return match self.purpose {
                Purpose::Copy | Purpose::Resize => {
                    self.refuse(found, "copy them too with --rescue")
                }
                Purpose::Metadata => self.refuse(found, "copy metadata all the same with --rescue"),
                Purpose::Map => self.refuse(found, "count them as used with --rescue"),
            };
        }
        self.warn(match self.purpose {
            Purpose::Copy | Purpose::Resize => format!("{found}; they are copied too"),
            Purpose::Metadata => format!("{found}; those that no file has are left out"),
            Purpose::Map => format!("{found}; they count as used"),
        });
        Ok(())
    }

    fn errors(&self, findings: &Findings) -> Result<()> {
        let count = findings.errors();
        if count == 0 {
            return Ok(());
        }
        let found = format!(
            "its account of clusters is damaged; {}{}",
            report::count(count, "finding", "findings"),
            self.list(findings, count, Finding::is_error)
        );
        match (self.mismatch, self.purpose) {
            (Mismatch::Accept, _) => {
                self.warn(found);
                Ok(())
            }
            (Mismatch::Refuse, _) => self.refuse(found, "leave out --strict"),
            (Mismatch::RefuseLoss, Purpose::Metadata) => {
                self.refuse(found, "copy its metadata as it is with --ignore-fs-check")
            }
            (Mismatch::RefuseLoss, Purpose::Map) => {
                self.refuse(found, "map it as it is with --ignore-fs-check")
            }
            (Mismatch::RefuseLoss, Purpose::Copy | Purpose::Resize) => {
                let flags = if self.is_rescue {
                    "--ignore-fs-check"
                } else {
                    "--rescue --ignore-fs-check"
                };
                let remedy = format!("copy it as it is with {flags}, and repair the copy");
                self.refuse(found, remedy)
            }
        }
    }

    /// The clusters of damaged records are marked in `$Bitmap`: nothing is lost
    /// that is not lost on the volume.
    fn damaged(&self, findings: &Findings) -> Result<()> {
        let count = findings.damaged();
        if count == 0 {
            return Ok(());
        }
        let is_damaged = |finding: &Finding| matches!(finding, Finding::RecordDamaged { .. });
        let found = report::count(count, "MFT record is damaged", "MFT records are damaged");
        let list = self.list(findings, count, is_damaged);
        if self.mismatch == Mismatch::Refuse {
            return self.refuse(format!("{found}{list}"), "leave out --strict");
        }
        self.warn(match self.purpose {
            Purpose::Copy | Purpose::Resize => {
                format!("{found}; all clusters that $Bitmap marks are copied{list}")
            }
            Purpose::Metadata => format!("{found}; directories among them may lack entries{list}"),
            Purpose::Map => format!("{found}; all clusters that $Bitmap marks count as used{list}"),
        });
        Ok(())
    }

    fn skipped(&self, findings: &Findings) {
        let count = findings.skipped();
        if count == 0 {
            return;
        }
        let first = findings.listed().iter().find_map(|finding| match finding {
            Finding::RecordSkipped { source, .. } => {
                Some(format!("; the first: {finding}: {source}"))
            }
            _ => None,
        });
        let found = report::count(
            count,
            "damaged MFT record was passed over",
            "damaged MFT records were passed over",
        );
        self.warn(format!("{found}{}", first.unwrap_or_default()));
    }

    /// Clusters that only `$Bitmap` marks hold no file that is known; copying
    /// them loses nothing, leaving them out might.
    fn unowned(&self, audit: &Audit) -> Result<()> {
        let extra = &audit.only_in_bitmap;
        let Some(first) = extra.first.first() else {
            return Ok(());
        };
        let found = format!(
            "{} marked in $Bitmap and used by no file",
            report::count(extra.clusters, "cluster is", "clusters are")
        );
        let them = match extra.clusters {
            1 => "it is",
            _ => "they are",
        };
        if self.mismatch == Mismatch::Refuse {
            let found = format!("{found}; the first: {first}");
            return match self.purpose {
                Purpose::Metadata => self.refuse(found, "leave out --strict"),
                _ => self.refuse(found, format!("leave out --strict, and {them} copied too")),
            };
        }
        self.warn(match self.purpose {
            Purpose::Copy | Purpose::Resize => {
                format!("{found} (the first: {first}); {them} copied too")
            }
            Purpose::Metadata => {
                format!("{found} (the first: {first}); {them} no metadata and left out")
            }
            Purpose::Map => format!("{found} (the first: {first}); {them} listed as used"),
        });
        Ok(())
    }

    /// Clusters that Windows marked as bad: of the disk, not of the copy.
    fn bad(&self, extents: &[Extent], clusters: u64) {
        if clusters == 0 {
            return;
        }
        let cluster_size = u64::from(self.volume.geometry().cluster_size);
        let listed: Vec<String> = extents
            .iter()
            .take(LISTED)
            .map(|extent| {
                let start = extent.start.0.saturating_mul(cluster_size);
                format!("{extent}, from byte {start:#x} on")
            })
            .collect();
        let more = match extents.len() - listed.len() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let found = report::count(clusters, "cluster is", "clusters are");
        let what = match self.purpose {
            Purpose::Copy | Purpose::Metadata => {
                "they are not copied, and stay marked in the copy. The disk is failing, or was: \
                 look at it with smartctl -a. On another disk, chkdsk /b in Windows or ntfsfix -b \
                 makes them usable again"
            }
            Purpose::Resize => {
                "they are not copied, and not marked in the copy, which is for another disk. The \
                 disk is failing, or was: look at it with smartctl -a"
            }
            Purpose::Map => "they count as free",
        };
        self.warn(format!(
            "{found} marked as bad in $BadClus ({}{more}); {what}",
            listed.join("; ")
        ));
    }

    /// The first findings of a kind of which there are `count`, with the names of
    /// the files concerned.
    fn list(&self, findings: &Findings, count: u64, is_of_kind: fn(&Finding) -> bool) -> String {
        let listed = findings.listed().iter();
        let first: Vec<&Finding> = listed
            .filter(|finding| is_of_kind(finding))
            .take(LISTED)
            .collect();
        let extents: Vec<Extent> = first.iter().filter_map(|found| found.extent()).collect();
        let records = first.iter().filter_map(|finding| finding.record());
        // What cannot be read again is left out of the message only.
        let touched = Touched::find(self.volume, &extents, records).unwrap_or_default();

        let mut text = String::new();
        for finding in &first {
            text.push_str(report::NEXT_ITEM);
            text.push_str(&describe(finding, &touched));
        }
        let more = count - first.len() as u64;
        if more > 0 {
            text.push_str(&format!("{}and {more} more", report::NEXT_ITEM));
        }
        text
    }
}

fn describe(finding: &Finding, touched: &Touched) -> String {
    let names: Vec<String> = match finding.extent() {
        Some(extent) => touched.of_extent(extent, LISTED),
        None => finding
            .record()
            .and_then(|record| touched.path(record))
            .map(String::from)
            .into_iter()
            .collect(),
    };
    let files = report::in_brackets(&names);
    format!("{}{files}", report::with_causes(finding))
}
