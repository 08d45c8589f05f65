//! Copying the metadata of a volume, anonymised.

use std::sync::Arc;

use ntfsclone_core::clusters::metadata::{LogFile, Sensitive};
use ntfsclone_core::plan::Plan;
use ntfsclone_core::wipe::Times;
use ntfsclone_core::write::WipeReport;

use super::copy::CopyOrder;
use super::copying::Copying;
use super::open_volume::OpenVolume;
use super::used_clusters::UsedClusters;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::options::{self, Direct, Form, Mismatch};
use crate::original_report::{self, Copied};
use crate::report::{self, Reports};
use crate::sink::Destination;
use crate::source::BulkReader;

/// What of a volume is copied.
pub struct MetadataCopy<'a> {
    pub opened: &'a OpenVolume,
    pub used: &'a UsedClusters,
    pub times: Times,
    pub log_file: LogFile,
}

impl MetadataCopy<'_> {
    pub fn run(
        &self,
        order: CopyOrder<'_>,
        destination: Destination,
        how: options::Progress,
        reports: Reports,
    ) -> Result<()> {
        let &Self {
            opened,
            used,
            times,
            log_file,
        } = self;
        let volume = &opened.volume;
        // The original has found them in its first scan.
        let scanning = how.without_percent();
        let mut progress = Progress::start(scanning, Phase::Scan, volume.mft().record_count());
        let threads = scan::threads(volume, order.checks.threads);
        let name = opened.device.path();
        let metadata = scan::select_metadata_on(volume, name, log_file, threads, |records| {
            progress.advance_to(records);
        })?;
        progress.finish();

        let plan = Plan::of_metadata(
            *volume.geometry(),
            opened.device.device_size(),
            metadata.steps,
            metadata.inuse,
        );
        let plan = Arc::new(match order.checks.mismatch {
            Mismatch::Accept => plan.returning_to_start(),
            _ => plan,
        });
        let copying = Copying {
            order,
            opened,
            plan: Arc::clone(&plan),
            how,
        };
        copying.describe(reports);
        let is_raw = order.kind.form == Form::Raw;
        let in_use = match is_raw {
            // One more than in a clone.
            true => used.claimed + 1,
            false => metadata.inuse,
        };
        original_report::space_in_use(in_use, used.bad, volume.geometry(), reports);
        // It lies all over the volume, in small pieces.
        let reader = BulkReader::new(Arc::clone(&opened.device), plan, Direct::Never);
        let reader = reader.with_times(times);
        let wiped = reader.wiped();
        let copied = original_report::CopiedMetadata {
            opened,
            is_raw,
            files: used.files,
            wiped: &wiped,
        };
        copying.write(destination, reader, Copied::Metadata(copied))?;

        let wiped = *wiped.lock().map_err(|_| Error::Thread("reads"))?;
        describe_wiped(&wiped.report, reports);
        describe_sensitive(&metadata.sensitive, times, reports);
        Ok(())
    }
}

fn describe_wiped(report: &WipeReport, reports: Reports) {
    let wiped = &report.wiped;
    reports.line(format_args!(
        "Wiped: {} (slack of records {}, deleted records {}, small files {}, times {})",
        report::count(wiped.total(), "byte", "bytes"),
        wiped.slack,
        wiped.deleted,
        wiped.resident_data,
        wiped.times
    ));
    if report.damaged_records > 0 {
        let found = report::count(report.damaged_records, "record is", "records are");
        report::warning(format!(
            "{found} damaged; what could not be read there was not wiped, and may hold content of \
             files"
        ));
    }
}

/// What stays that tells of people. Said always: these images are made to be
/// given away.
fn describe_sensitive(sensitive: &Sensitive, times: Times, reports: Reports) {
    let counts = [
        (sensitive.file_names, "file name", "file names", ""),
        (sensitive.stream_names, "name", "names", " of streams"),
        (sensitive.labels, "volume label", "volume labels", ""),
        (
            sensitive.shared_security_bytes,
            "byte",
            "bytes",
            " of security descriptors (accounts and rights) in $Secure",
        ),
        (
            sensitive.security_descriptors,
            "security descriptor of a single file",
            "security descriptors of single files",
            "",
        ),
        (
            sensitive.extended_attributes,
            "file with extended attributes",
            "files with extended attributes",
            "",
        ),
        (
            sensitive.object_ids,
            "object identifier",
            "object identifiers",
            "",
        ),
        (
            sensitive.reparse_points,
            "target",
            "targets",
            " of links, mount points or cloud files",
        ),
        (
            sensitive.utility_streams,
            "EFS or other utility stream",
            "EFS or other utility streams",
            "",
        ),
        (
            sensitive.log_file_bytes,
            "byte",
            "bytes",
            " of $LogFile, which may name files and hold parts of records",
        ),
    ];
    reports.line("Still in it, so look before you give it away:");
    for (count, one, many, of_what) in counts {
        if count > 0 {
            let counted = report::count(count, one, many);
            reports.line(format_args!("  {counted}{of_what}"));
        }
    }
    reports.line("  unused entries of directories, with names of deleted files");
    if times == Times::Keep {
        reports.line("  all times, as asked for");
    }
}
