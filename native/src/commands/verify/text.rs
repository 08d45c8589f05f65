//! The report as people read it.

use ntfsclone_core::check::{Code, Document, Finding, Report};
use ntfsclone_core::ntfs::Unclean;

use crate::report::{self, Reports};

/// How many findings of a kind are printed; `--json` has more.
const LISTED: usize = 5;

/// How many files are printed; `--json` has more.
const FILES: usize = 20;

pub(super) fn print(document: &Document<'_>, remark: &str) {
    let reports = Reports::TO_STDOUT;
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
            reports.line(report::finding(finding));
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
        reports.line(verdict(checked));
    }
}

/// The last line about what is sound. What is not clean is never called only that.
fn verdict<'a>(report: &'a Report) -> String {
    let mut verdict = match report.warnings {
        0 => "Sound".to_owned(),
        _ => "Sound, with warnings".to_owned(),
    };
    let unclean = report.findings.iter().filter(|one| one.code.is_unclean());
    let reason = |finding: &'a Finding| match finding.code {
        Code::JournalNotClean => Unclean::Journal.what(),
        _ => finding.message.as_str(),
    };
    let reasons: Vec<&str> = unclean.map(reason).collect();
    if !reasons.is_empty() {
        verdict.push_str(&format!(
            "; the volume is not clean: {}",
            reasons.join("; ")
        ));
    }
    verdict
}
