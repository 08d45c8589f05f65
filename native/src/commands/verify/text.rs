//! The report as people read it.

use ntfsclone_core::check::{Document, Finding, Place, Severity};

use crate::report::{self, Reports};

/// How many findings of a kind are printed; `--json` has more.
const LISTED: usize = 5;

/// How many files are printed; `--json` has more.
const FILES: usize = 20;

pub(super) fn print(document: &Document<'_>, remark: &str) {
    let reports = Reports::ToStdout;
    let checked = document.report;
    reports.line(format_args!("{}{remark}", document.source));
    if let Some(image) = checked.image {
        reports.line(format_args!(
            "Image: {} read, {} in it",
            report::size(image.bytes),
            report::count(image.clusters, "cluster", "clusters")
        ));
    }
    if !checked.checksums.is_empty() {
        let kinds = checked.checksums.join(", ");
        reports.line(format_args!("Checksums looked at: {kinds}"));
    }
    match checked.volume {
        Some(volume) => reports.line(format_args!(
            "Volume: {} files and directories, {} in use",
            volume.files,
            report::count(volume.clusters, "cluster", "clusters")
        )),
        None => reports.line("Volume: not checked"),
    }
    if let (Some(other), Some(bytes)) = (&document.against, document.compared) {
        reports.line(format_args!(
            "Compared with {other}: {}",
            report::size(bytes)
        ));
    }
    for findings in checked.findings.chunk_by(|a, b| a.code == b.code) {
        for finding in findings.iter().take(LISTED) {
            reports.line(describe(finding));
        }
        if let more @ 1.. = findings.len().saturating_sub(LISTED) {
            reports.line(format_args!("  and {more} more such; --json lists them"));
        }
        if let Some(finding) = findings.first() {
            reports.line(format_args!("  {}; {}", finding.meaning, finding.advice));
            if let Some(systems) = finding.systems {
                reports.line(format_args!("  {systems}"));
            }
        }
    }
    let total = checked.errors + checked.warnings + checked.notes;
    if let more @ 1.. = total - checked.findings.len() as u64 {
        let more = report::count(more, "more finding", "more findings");
        reports.line(format_args!("and {more}, too many to list"));
    }
    for path in checked.files.iter().take(FILES) {
        reports.line(format_args!("Touched: {}", report::path(path)));
    }
    let more = (checked.files.len() as u64).saturating_sub(FILES as u64) + checked.files_left_out;
    if more > 0 {
        reports.line(format_args!(
            "and {}; --json has more of them",
            report::count(more, "more file", "more files")
        ));
    }
    if checked.sound {
        reports.line(match checked.warnings {
            0 => "Sound",
            _ => "Sound, with warnings",
        });
    }
}

fn describe(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let place = match (finding.place.map(position), finding.also_at.map(position)) {
        (Some(place), Some(also)) => format!("{place} ({also}): "),
        (Some(place), None) => format!("{place}: "),
        (None, _) => String::new(),
    };
    let files = report::in_brackets(&finding.files);
    format!("{severity}: {place}{}{files}", finding.message)
}

fn position(place: Place) -> String {
    let (offset, whole) = match place {
        Place::Image { offset } => (offset, "image"),
        Place::Disk { offset } => (offset, "disk"),
        Place::Volume { offset, .. } => (offset, "volume"),
    };
    format!("byte {offset:#x} of the {whole}")
}
