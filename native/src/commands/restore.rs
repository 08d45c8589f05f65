//! Writing the volume in an image.

use super::lost_data;
use crate::error::{Error, Result};
use crate::options::{self, Direct, RestoreTask, Thin};
use crate::pipeline::{self, Flow};
use crate::progress::{Phase, Progress};
use crate::report::{self, Reports};
use crate::serial::SerialChange;
use crate::sink::{self, Needs, Place, RawSink, Target, checksum, least_device_size};
use crate::source::{ImageStream, check_ahead};

pub fn run(task: &RestoreTask, how: options::Progress) -> Result<()> {
    let (input, output) = (&task.image, &task.output);
    let rescue = task.rescue.as_ref();
    let reports = Reports::beside(output);
    lost_data::check_report(rescue, Some(output))?;
    let mut image = ImageStream::open(input, rescue)?;
    describe(&image, reports);
    let sources: Vec<_> = image.metadata().into_iter().collect();
    let place = Place::of(output, &sources)?;
    place.check(task.thin)?;
    checksum::check(task.checksum, output, place, &sources)?;
    refuse_discard_by_metadata(&image, task.thin)?;
    if place.is_written_in_place(output) {
        // What is there is lost with the first write: not for a bad image.
        let progress = Progress::start(how, Phase::Check, image.expected_bytes());
        // From memory the second time, if it can be.
        image.bypass_cache(match image.fits_in_cache() {
            true if task.direct == Direct::Auto => Direct::Never,
            _ => task.direct,
        });
        image = check_ahead(image, input, rescue, progress)?;
    }
    image.bypass_cache(task.direct);

    let header = *image.header();
    let volume_size = header.nr_clusters * u64::from(header.cluster_size);
    let device_size = match image.boot_sector() {
        // What the boot sector says is not checked against the header.
        Some(boot) => least_device_size(&boot.geometry, header.tail_size()).max(volume_size),
        None => volume_size + header.tail_size(),
    };
    let needs = Needs {
        bytes: image.expected_bytes(),
        device_size,
    };
    let mut target = Target::open(output, needs, &sources)?;
    target.bypass_cache(task.direct);
    if let Some(algorithm) = task.checksum {
        target.make_checksum(algorithm);
    }
    let mut serial = SerialChange::new(task.new_serial)?;
    let progress = Progress::start(how, Phase::Restore, image.expected_bytes());
    let flow = Flow {
        cluster_size: header.cluster_size,
        is_direct: image.is_direct() || target.is_direct(),
        image: None,
    };
    let mut sink = RawSink::new(target, volume_size, header.cluster_size, task.thin)?;
    let damaged = image.damaged();
    let batches = pipeline::start("reads", flow, image.fill())?;
    let written = sink::write_all(&mut sink, batches, |batch| serial.apply(batch), progress)?;
    serial.check(&output.name())?;
    reports.line(report::done_with(
        "Restored",
        written.bytes,
        &sink.remark(),
        written.took,
    ));
    lost_data::tell_of_image(&input.name(), damaged.as_deref(), rescue)
}

/// What an image of metadata leaves out is not free: there is the content of
/// the files. These images do not begin with a boot sector; all others do,
/// unless that is damaged.
fn refuse_discard_by_metadata(image: &ImageStream, thin: Thin) -> Result<()> {
    match image.boot_sector() {
        None if thin == Thin::Discard => Err(Error::refused(
            image.name(),
            "does not begin with a boot sector, as images of metadata, which leave out more than \
             what is free",
            "restore it without --discard",
        )),
        _ => Ok(()),
    }
}

/// Says what an image holds.
pub(super) fn describe(image: &ImageStream, reports: Reports) {
    let header = image.header();
    reports.line(format_args!(
        "Image: {}, version {}",
        image.name().display(),
        header.version
    ));
    let size = header.nr_clusters * u64::from(header.cluster_size);
    reports.line(format_args!("Cluster size: {} bytes", header.cluster_size));
    reports.line(format_args!(
        "Volume size: {size} bytes ({})",
        report::size(size)
    ));
    reports.line(format_args!(
        "In use: {} of {} clusters, {}",
        header.inuse,
        header.nr_clusters,
        report::size(image.expected_bytes())
    ));
    if !header.has_tail() {
        report::warning(format!(
            "{}: images of this version lack the backup boot sector; chkdsk or ntfsfix makes a \
             new one",
            image.name().display()
        ));
    }
}
