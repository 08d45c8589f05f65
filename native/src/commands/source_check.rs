//! The check of the files of a volume that is copied. What it finds are warnings: a damaged
//! volume is copied as it is.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::check::{Code, FilesCheck, Findings, Severity, check_system_files};
use ntfsclone_core::clusters::Selection;
use ntfsclone_core::ntfs::Volume;

use crate::options::FileChecks;
use crate::report::{self, Reports};
use crate::source::Device;

/// How many findings the warning of a copy lists that did not ask for a check.
const LISTED: usize = 3;

/// Completes the check `files`, which was begun if `checks` are of all files, and warns of what it
/// finds.
pub(super) fn report(
    volume: &Volume<Arc<Device>>,
    checks: FileChecks,
    files: FilesCheck,
    selection: &Selection,
    reports: Reports,
) {
    let source = volume.source().path();
    let found = match checks {
        FileChecks::None => return,
        FileChecks::SystemFiles => check_system_files(volume),
        FileChecks::All => files.finish(volume),
    };
    let is_warned = match found {
        Ok(findings) => warn(source, findings, checks),
        // What cannot be read is met again by the copy, which has to read these files as well.
        Err(_) if checks == FileChecks::SystemFiles => return,
        Err(error) => {
            report::warning(format!(
                "{}: its files could not be checked: {}",
                source.display(),
                report::with_causes(&error)
            ));
            true
        }
    };
    if checks == FileChecks::All && !is_warned {
        let files = report::count(
            selection.files,
            "file or directory",
            "files and directories",
        );
        reports.line(format_args!("Checked: {files}, nothing is damaged"));
    }
}

/// Warns of findings. Returns false if there are none.
fn warn(source: &Path, findings: Findings, checks: FileChecks) -> bool {
    let count = |severity| findings.count(severity);
    let (mut errors, mut warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut listed = findings.into_sorted();
    listed.retain(|finding| {
        // Reported when the volume was opened.
        let is_known = finding.code.is_unclean() || finding.code == Code::BootSector;
        match finding.severity {
            Severity::Error => errors -= u64::from(is_known),
            Severity::Warning => warnings -= u64::from(is_known),
            Severity::Note => return false,
        }
        !is_known
    });
    if errors + warnings == 0 {
        return false;
    }
    let counts: Vec<String> = [
        (errors, "error", "errors"),
        (warnings, "warning", "warnings"),
    ]
    .into_iter()
    .filter(|&(number, ..)| number > 0)
    .map(|(number, one, many)| report::count(number, one, many))
    .collect();
    let shown = match checks {
        FileChecks::All => listed.len(),
        FileChecks::SystemFiles | FileChecks::None => LISTED,
    };
    let what = match errors {
        0 => "is not quite in order, nor is the copy, though no data is lost",
        _ => "is damaged, and so is the copy",
    };
    let mut text = format!("{}: {what}: {}", source.display(), counts.join(" and "));
    for finding in listed.iter().take(shown) {
        text.push_str(report::NEXT_ITEM);
        text.push_str(&report::finding(finding));
    }
    let more = (errors + warnings).saturating_sub(shown.min(listed.len()) as u64);
    if more > 0 {
        text.push_str(&format!("{}and {more} more", report::NEXT_ITEM));
    }
    if checks != FileChecks::All {
        text.push_str(&format!(
            "{}ntfsclone verify {} lists all that is wrong with it",
            report::NEXT_ITEM,
            source.display()
        ));
    }
    report::warning(text);
    true
}
