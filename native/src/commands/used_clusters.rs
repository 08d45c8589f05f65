//! Finding the used clusters of a volume, and deciding whether to trust it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::clusters::audit::{self, Audit};
use ntfsclone_core::clusters::finding::Findings;
use ntfsclone_core::clusters::{ClusterMap, Finding};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::Extent;
use ntfsclone_core::validate::Touched;

use crate::error::{Error, Result};
use crate::options::{self, Mismatch};
use crate::progress::{Phase, Progress};
use crate::report;
use crate::scan;
use crate::source::Device;

/// How many findings an error lists; the original lists as many.
const LISTED: usize = 10;

/// The clusters to copy, found by so many threads.
///
/// # Errors
///
/// The volume's account of its clusters is wrong in a way that would lose
/// data; with [`Mismatch::Refuse`], in any way.
pub fn find(
    volume: &Volume<Arc<Device>>,
    mismatch: Mismatch,
    threads: Option<NonZeroUsize>,
    how: options::Progress,
) -> Result<ClusterMap> {
    let source = volume.source().path();
    let failed = |error| Error::read(source, error);

    let mut progress = Progress::start(how, Phase::Scan, volume.mft().record_count());
    let threads = scan::threads(volume, threads);
    let mut selection = scan::select_used_on(volume, source, threads, |records| {
        progress.advance_to(records);
    })?;
    progress.finish();
    let mut audit = audit::audit(volume, &mut selection).map_err(failed)?;
    let damaged = volume.source().damaged();
    // What could not be read makes the rest contradict it.
    let mismatch = match damaged.is_some_and(|damaged| !damaged.lost().is_empty()) {
        true => Mismatch::Accept,
        false => mismatch,
    };
    match (audit.unknown.take(), damaged) {
        (Some(unknown), Some(_)) => report::warning(format!(
            "{}: {}; they are copied too",
            source.display(),
            report::with_causes(&unknown)
        )),
        (Some(unknown), None) => return Err(failed(unknown.source)),
        (None, _) => {}
    }

    if selection.findings.errors() > 0 {
        let found = describe_all(volume, &selection.findings);
        match mismatch {
            Mismatch::Accept => report::warning(format!("{}: {found}", source.display())),
            Mismatch::Refuse | Mismatch::RefuseLoss => {
                let remedy = match volume.source().damaged().is_some() {
                    false => {
                        "run chkdsk /f on it in Windows, then try again: a copy would not be whole"
                    }
                    true => "copy what there is with --ignore-fs-check, and repair the copy",
                };
                return Err(Error::refused(source, found, remedy));
            }
        }
    }
    let skipped = selection.findings.warnings();
    if skipped > 0 {
        report::warning(format!(
            "{}: {skipped} damaged MFT records were passed over{}",
            source.display(),
            first_of(selection.findings.listed())
        ));
    }
    judge_extra(source, &audit, mismatch)?;
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    Ok(selection.map)
}

fn first_of(findings: &[Finding]) -> String {
    match findings.iter().find(|finding| !finding.is_error()) {
        Some(finding @ Finding::RecordSkipped { source, .. }) => {
            format!("; the first: {finding}: {source}")
        }
        _ => String::new(),
    }
}

/// Clusters that only $Bitmap marks hold no file that is known; copying them
/// loses nothing, leaving them out might.
fn judge_extra(source: &Path, audit: &Audit, mismatch: Mismatch) -> Result<()> {
    let extra = &audit.only_in_bitmap;
    let Some(first) = extra.first.first() else {
        return Ok(());
    };
    if mismatch == Mismatch::Refuse {
        return Err(Error::refused(
            source,
            format!(
                "{} clusters are marked in $Bitmap and used by no file; the first: {first}",
                extra.clusters
            ),
            "run chkdsk /f on it in Windows; or leave out --strict, and they are copied too",
        ));
    }
    report::warning(format!(
        "{}: {} clusters are marked in $Bitmap and used by no file (the first: {first}); they \
         are copied too",
        source.display(),
        extra.clusters
    ));
    Ok(())
}

/// The first findings that are errors, with the names of the files concerned.
fn describe_all(volume: &Volume<Arc<Device>>, findings: &Findings) -> String {
    let errors: Vec<&Finding> = findings
        .listed()
        .iter()
        .filter(|finding| finding.is_error())
        .take(LISTED)
        .collect();
    let extents: Vec<Extent> = errors
        .iter()
        .filter_map(|finding| finding.extent())
        .collect();
    let records = errors.iter().filter_map(|finding| finding.record());
    // What cannot be read again is left out of the message only.
    let touched = Touched::find(volume, &extents, records).unwrap_or_default();

    let mut text = format!(
        "its account of clusters is damaged; {} findings",
        findings.errors()
    );
    for finding in &errors {
        text.push_str("\n    ");
        text.push_str(&describe(finding, &touched));
    }
    let more = findings.errors() - errors.len() as u64;
    if more > 0 {
        text.push_str(&format!("\n    and {more} more"));
    }
    text
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
