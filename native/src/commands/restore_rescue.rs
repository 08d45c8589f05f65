//! Restoring what there is of a damaged image, or of a volume in a damaged
//! stream.

use super::lost_data;
use super::restore::{describe, refuse_discard_of_stream};
use crate::bulk::pipeline::{self, Flow};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::options::{self, CheckTask, Rescue, RestoreTask, Thin};
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{
    self, Destination, Needs, Place, RawSink, Readers, checksum, least_device_size,
    refuse_partition_table,
};
use crate::source::SalvagedVolume;
use crate::source::input::{FileSums, Format, Opened};

/// Writes what there is, and reports what is missing.
pub fn run(
    task: &RestoreTask,
    rescue: &Rescue,
    opened: Opened,
    how: options::Progress,
) -> Result<()> {
    let writing = &task.writing;
    let output = &writing.output;
    let reports = Reports::beside(output);
    // Before the time that reading takes.
    let sources = opened.input.metadata.clone();
    let place = Place::of(output, &sources)?;
    place.check(writing.thin)?;
    refuse_partition_table(output, place, task.checks.force)?;
    checksum::check(writing.checksum, output, place, &sources)?;
    refuse_discard_of_stream(&opened.input, writing.thin)?;
    let destination = Destination::open(output, Readers::Owner, &sources)?;
    let salvaged = SalvagedVolume::find(opened, task.checks.threads, how)?;
    refuse_discard(&salvaged, writing.thin)?;
    describe(&salvaged.input, &salvaged.header, reports);

    let header = salvaged.header;
    let volume_size = header.nr_clusters * u64::from(header.cluster_size);
    let device_size = match &salvaged.volume {
        Some(volume) => least_device_size(volume.geometry(), header.tail_size()).max(volume_size),
        None => volume_size + header.tail_size(),
    };
    let needs = Needs {
        bytes: salvaged.bytes(),
        device_size,
    };
    let mut target = destination.begin(needs)?;
    target.bypass_cache(writing.direct);
    if writing.verify {
        target.verify(how)?;
    }
    if let Some(algorithm) = writing.checksum {
        target.make_checksum(algorithm);
    }
    let mut serial = SerialChange::new(writing.new_serial)?;
    let progress = Progress::start(how, Phase::Restore, salvaged.bytes());
    let flow = Flow {
        cluster_size: header.cluster_size,
        is_direct: target.is_direct(),
        image: None,
    };
    let thin = match salvaged.input.format {
        // As without --rescue.
        Format::Volume if place.is_file() => Thin::Holes,
        _ => writing.thin,
    };
    let mut sink = RawSink::new(target, volume_size, header.cluster_size, thin)?;
    let batches = pipeline::start("reads", flow, salvaged.fill())?;
    let written = sink::write_all(&mut sink, batches, &mut serial, progress)?;
    reports.line(report::done_with(
        "Restored",
        written.bytes,
        &sink.remark(),
        written.took,
    ));
    if writing.verify {
        reports.line(report::VERIFIED);
    }
    tell(&salvaged, rescue)
}

/// Reports what would be missing, and writes nothing.
pub fn check(
    task: &CheckTask,
    rescue: &Rescue,
    opened: Opened,
    how: options::Progress,
) -> Result<()> {
    let salvaged = SalvagedVolume::find(opened, task.checks.threads, how)?;
    describe(&salvaged.input, &salvaged.header, Reports::ToStdout);
    tell(&salvaged, rescue)
}

/// Reports what is missing, and by the checksum beside the file whether the rest
/// is right.
///
/// # Errors
///
/// Something is missing, or may be wrong.
fn tell(salvaged: &SalvagedVolume, rescue: &Rescue) -> Result<()> {
    let name = &salvaged.input.name;
    if salvaged.untold > 0 {
        report::warning(format!(
            "{}: {} clusters are missing of which nothing is left that tells whether they are in \
             use; they are left out",
            name.display(),
            salvaged.untold
        ));
    }
    if salvaged.is_shifted {
        report::warning(format!(
            "{}: the count of a gap is wrong, and nothing is left that tells which: clusters may \
             be at wrong places",
            name.display()
        ));
    }
    let doubtful = salvaged.doubtful_bytes();
    if !doubtful.is_empty() {
        report::warning(format!(
            "{}: the commands before {} clusters are damaged; their content is written as it is, \
             and may be damaged too",
            name.display(),
            salvaged.doubtful.len()
        ));
    }
    let lost = lost_data::Lost {
        missing: &salvaged.missing,
        doubtful: &doubtful,
    };
    lost_data::tell_of_salvaged(name, salvaged.volume.as_ref(), lost, rescue)?;
    if !salvaged.is_whole() {
        return Err(Error::MayBeDamaged {
            path: name.clone(),
            found: "not all of it is there, or right; see the warnings".to_owned(),
        });
    }
    compare_sums(salvaged)
}

/// Of what is damaged, it is known already that the checksum is another.
fn compare_sums(salvaged: &SalvagedVolume) -> Result<()> {
    let Some(files) = &salvaged.input.files else {
        return Ok(());
    };
    let Some(sums) = FileSums::beside(files)? else {
        return Ok(());
    };
    match sums.finish(&salvaged.input.name) {
        Err(Error::Checksum {
            path,
            sidecar,
            found,
            expected,
        }) => Err(Error::MayBeDamaged {
            path,
            found: format!(
                "its checksum is {found}, {} says {expected}: some bytes are wrong, and nothing \
                 tells which",
                sidecar.display()
            ),
        }),
        compared => compared,
    }
}

/// What is missing is not free, nor what an image of metadata leaves out.
fn refuse_discard(salvaged: &SalvagedVolume, thin: Thin) -> Result<()> {
    if thin == Thin::Discard && (!salvaged.is_ordinary || salvaged.untold > 0) {
        return Err(Error::refused(
            &salvaged.input.name,
            "does not tell of all clusters whether they are free",
            "restore it without --discard",
        ));
    }
    Ok(())
}
