//! Copying the metadata of a volume, anonymised.

use std::sync::Arc;

use ntfsclone_core::clusters::metadata::{LogFile, Sensitive};
use ntfsclone_core::plan::Plan;
use ntfsclone_core::wipe::Times;
use ntfsclone_core::write::WipeReport;

use super::copy::CopyOrder;
use super::copying::Copying;
use super::open_volume::OpenVolume;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::options::{self, Direct, Mismatch};
use crate::report::{self, Reports};
use crate::sink::Destination;
use crate::source::BulkReader;

pub fn run(
    order: CopyOrder<'_>,
    destination: Destination,
    opened: &OpenVolume,
    times: Times,
    log_file: LogFile,
    how: options::Progress,
    reports: Reports,
) -> Result<()> {
    let volume = &opened.volume;
    let mut progress = Progress::start(how, Phase::Scan, volume.mft().record_count());
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
    // It lies all over the volume, in small pieces.
    let reader = BulkReader::new(Arc::clone(&opened.device), plan, Direct::Never);
    let reader = reader.with_times(times);
    let wiped = reader.wiped();
    copying.write(destination, reader)?;

    let wiped = *wiped.lock().map_err(|_| Error::Thread("reads"))?;
    describe_wiped(&wiped, reports);
    describe_sensitive(&metadata.sensitive, times, reports);
    Ok(())
}

fn describe_wiped(report: &WipeReport, reports: Reports) {
    let wiped = &report.wiped;
    reports.line(format_args!(
        "Wiped: {} bytes (slack of records {}, deleted records {}, small files {}, times {})",
        wiped.total(),
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
        (sensitive.file_names, "file names"),
        (sensitive.stream_names, "names of streams"),
        (sensitive.labels, "volume labels"),
        (
            sensitive.shared_security_bytes,
            "bytes of security descriptors (accounts and rights) in $Secure",
        ),
        (
            sensitive.security_descriptors,
            "security descriptors of single files",
        ),
        (sensitive.extended_attributes, "extended attributes"),
        (sensitive.object_ids, "object identifiers"),
        (
            sensitive.reparse_points,
            "targets of links, mount points or cloud files",
        ),
        (sensitive.utility_streams, "EFS or other utility streams"),
        (
            sensitive.log_file_bytes,
            "bytes of $LogFile, which may name files and hold parts of records",
        ),
    ];
    reports.line("Still in it, so look before you give it away:");
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        reports.line(format_args!("  {count} {what}"));
    }
    reports.line("  unused entries of directories, with names of deleted files");
    if times == Times::Keep {
        reports.line("  all times, as asked for");
    }
}
