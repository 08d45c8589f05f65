//! Copying the metadata of a volume, anonymised.

use std::sync::{Arc, Mutex};

use ntfsclone_core::clusters::metadata::{LogFile, Sensitive};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::plan::MetadataPlan;
use ntfsclone_core::wipe::Times;

use super::copying::Copying;
use super::open_volume::OpenVolume;
use crate::error::{Error, Result};
use crate::options::{self, CopyTask};
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::scan;
use crate::sink::Destination;
use crate::source::{WipeReport, copy_metadata};

pub fn run(
    task: &CopyTask,
    destination: Destination,
    opened: &OpenVolume,
    times: Times,
    log_file: LogFile,
    how: options::Progress,
    reports: Reports,
) -> Result<()> {
    let volume = &opened.volume;
    let mut progress = Progress::start(how, Phase::Scan, volume.mft().record_count());
    let threads = scan::threads(volume, task.threads);
    let name = opened.device.path();
    let metadata = scan::select_metadata_on(volume, name, log_file, threads, |records| {
        progress.advance_to(records);
    })?;
    progress.finish();

    let geometry = *volume.geometry();
    let plan = MetadataPlan::new(
        geometry,
        opened.device.size(),
        metadata.steps,
        metadata.inuse,
    );
    let copying = Copying {
        task,
        opened,
        geometry,
        header: plan.header(),
        bytes: plan.bytes(),
        image_size: plan.image_size_limit(),
    };
    copying.describe(reports);
    let wiped = Arc::new(Mutex::new(WipeReport::default()));
    let fill = copy_metadata(Arc::clone(&opened.device), plan, times, Arc::clone(&wiped));
    copying.write(destination, fill, false, how, reports)?;

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
        report::warning(format!(
            "{} records are damaged and were copied as they are: they may hold content of files",
            report.damaged_records
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
