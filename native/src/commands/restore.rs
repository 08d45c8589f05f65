//! Writing the volume in an image, or one that comes as it is.

use std::fs::Metadata;

use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::relocate;

use super::copy::CopyOrder;
use super::transfer::Transfer;
use super::{copy, lost_data, restore_rescue};
use crate::bulk::pipeline::{Filled, Filler, Flow};
use crate::error::{Error, Result};
use crate::host::percent::Part;
use crate::host::progress::{Phase, Progress};
use crate::input::{self, Format, OpenInput, Recognised};
use crate::options::{self, CopyKind, Direct, RestoreTask, Thin, WriteOptions};
use crate::original_report::{self, Copied};
use crate::report::{self, Reports};
use crate::sink::{
    Destination, Needs, Place, RawSink, Readers, least_device_size, refuse_metadata,
};
use crate::source::{Device, ImageStream, check_ahead, expected_bytes};

pub fn run(task: &RestoreTask, how: options::Progress) -> Result<()> {
    let writing = &task.writing;
    let output = &writing.output;
    let rescue = task.rescue.as_ref();
    let reports = writing.reports();
    lost_data::check_report(rescue, Some(output))?;
    let opened = input::open_compared(&task.image, rescue)?;
    if opened.is_plain_volume() {
        // What of it is in use can be looked up.
        return copy_volume(task, opened, how);
    }
    if writing.resize.is_some() {
        // Where its clusters go is known when all records have been read.
        check_before_overwriting(task, &opened.input, how)?;
        return copy_volume(task, opened, how);
    }
    if let Some(rescue) = rescue {
        return restore_rescue::run(task, rescue, opened, how);
    }
    let mut image = ImageStream::new(opened)?;
    describe(image.input(), image.header(), reports);
    let sources = image.metadata().to_vec();
    let place = check_place(task, image.input(), &sources)?;
    refuse_discard(&image, writing.thin)?;
    if image.is_metadata() {
        refuse_metadata(output, place, task.checks.force)?;
    }
    let header = *image.header();
    let volume_size = header.volume_size();
    let device_size = match image.boot_sector() {
        // What the boot sector says is not checked against the header.
        Some(boot) => least_device_size(&boot.geometry, header.tail_size()).max(volume_size),
        None => volume_size + header.tail_size(),
    };
    let needs = Needs {
        bytes: image.expected_bytes(),
        device_size,
    };
    let mut destination = Destination::open(output, Readers::Owner, &sources)?;
    let is_checked = destination.is_in_place();
    if is_checked {
        match image.boot_sector() {
            // Which clusters of a volume are in use is in one of them.
            Some(_) if image.input().format == Format::Volume => {
                destination.check_volume(needs, || None)?;
            }
            Some(boot) => destination.check_volume(needs, || {
                let bitmap = relocate::bitmap_clusters(&boot.geometry, header.nr_clusters);
                Some(relocate::least_size(&boot.geometry, header.inuse, bitmap))
            })?,
            None => destination.check(needs)?,
        }
    }
    Copied::Restored.begins(reports);
    if is_checked {
        // What is there is lost with the first write: not for a bad image.
        let checking = how.part(Part::FirstHalf);
        let progress = Progress::start(checking, Phase::Check, image.expected_bytes());
        // From memory the second time, if it can be.
        image.bypass_cache(match image.fits_in_cache() {
            true if writing.direct == Direct::Auto => Direct::Never,
            _ => writing.direct,
        });
        image = check_ahead(image, task.image.partition, progress)?;
    }
    image.bypass_cache(writing.direct);

    let restoring = Restoring {
        writing,
        header,
        thin: thin_of(task, image.input(), place),
        is_direct: image.is_direct(),
        how: match is_checked {
            true => how.part(Part::SecondHalf),
            false => how,
        },
    };
    restoring.write(destination, needs, image.fill())
}

/// Checks all of an image that is restored in another size, if what is there is lost with the
/// first write. One that comes from a pipe is not read twice.
fn check_before_overwriting(
    task: &RestoreTask,
    input: &Recognised,
    how: options::Progress,
) -> Result<()> {
    let place = Place::of(&task.writing.output, &input.metadata)?;
    let is_in_place = matches!(place, Place::BlockDevice | Place::InPlace(_));
    if !is_in_place || input.files.is_none() {
        return Ok(());
    }
    let partition = task.image.partition;
    let image = ImageStream::new(input::open_again(input.clone(), partition)?)?;
    let progress = Progress::start(how.without_percent(), Phase::Check, image.expected_bytes());
    check_ahead(image, partition, progress)?;
    Ok(())
}

/// A volume that is written as it is read, whole or rescued.
pub(super) struct Restoring<'a> {
    pub(super) writing: &'a WriteOptions,
    pub(super) header: Header,
    pub(super) thin: Thin,
    /// It is read past the kernel's cache.
    pub(super) is_direct: bool,
    pub(super) how: options::Progress,
}

impl Restoring<'_> {
    pub(super) fn write(
        &self,
        destination: Destination,
        needs: Needs,
        fill: impl FnOnce(&mut Filler<'_>) -> Filled + Send + 'static,
    ) -> Result<()> {
        let header = &self.header;
        let transfer = Transfer {
            writing: self.writing,
            new_fields: self.writing.new_fields,
            phase: Phase::Restore,
            done: "Restored",
            copied: Copied::Restored,
            bytes: needs.bytes,
            how: self.how,
        };
        let target = transfer.begin(destination, needs)?;
        let flow = Flow {
            cluster_size: header.cluster_size,
            is_direct: self.is_direct || target.is_direct(),
            encoding: None,
        };
        let volume_size = header.volume_size();
        let sink = RawSink::new(target, volume_size, header.cluster_size, self.thin)?;
        transfer.run(sink, flow, fill)
    }
}

/// Checks the output before the time that reading takes.
pub(super) fn check_place(
    task: &RestoreTask,
    input: &Recognised,
    sources: &[Metadata],
) -> Result<Place> {
    let writing = &task.writing;
    let place = Place::of_volume(writing, sources, task.checks.force, false)?;
    refuse_discard_of_stream(input, writing.thin)?;
    Ok(place)
}

/// The holes of the output. What is free in a volume that comes as it is cannot be
/// told from zeros in use: devices get it, in files these are holes.
pub(super) fn thin_of(task: &RestoreTask, input: &Recognised, place: Place) -> Thin {
    match input.format {
        Format::Volume if place.is_file() => Thin::Holes,
        _ => task.writing.thin,
    }
}

/// Copies a volume of which any part can be read, as without --restore-image. What comes in a
/// stream is kept in a temporary file.
fn copy_volume(task: &RestoreTask, opened: OpenInput, how: options::Progress) -> Result<()> {
    let order = CopyOrder {
        kind: &CopyKind::RAW,
        checks: task.checks,
        writing: &task.writing,
        rescue: task.rescue.as_ref(),
    };
    if task.rescue.is_some() {
        return copy::copy_from(order, &opened.input.name, task.image.partition, how);
    }
    let reports = task.writing.reports();
    let device = Device::of(opened, how.without_percent(), reports)?;
    copy::copy_device(order, device, None, how)
}

/// What an image of metadata leaves out is not free: there is the content of
/// the files.
fn refuse_discard(image: &ImageStream, thin: Thin) -> Result<()> {
    if thin == Thin::Discard && image.is_metadata() {
        return Err(Error::refused(
            image.name(),
            "is an image of metadata, which leaves out more than what is free",
            "restore it without --discard",
        ));
    }
    Ok(())
}

/// All of a volume in a stream is written.
fn refuse_discard_of_stream(input: &Recognised, thin: Thin) -> Result<()> {
    if thin == Thin::Discard && input.format == Format::Volume {
        return Err(Error::refused(
            &input.name,
            "is a volume in a stream, of which all is written; what is free in it is not known",
            "restore it without --discard, or decompress it to a file first",
        ));
    }
    Ok(())
}

/// Says what an image holds.
pub(super) fn describe(input: &Recognised, header: &Header, reports: Reports) {
    let (name, remark) = (input.name.display(), input.remark());
    match input.format {
        Format::Image => reports.line(format_args!(
            "Image: {name}, version {}{remark}",
            header.version
        )),
        Format::Partclone => reports.line(format_args!("Image: {name}{remark}")),
        Format::Volume => reports.line(format_args!("Volume: {name}{remark}")),
    }
    let size = header.volume_size();
    original_report::image(header, reports);
    // Programs look for these words, and have the original's lines with them.
    if !reports.has_original() {
        reports.line(format_args!("Cluster size: {} bytes", header.cluster_size));
        reports.line(format_args!(
            "Volume size: {size} bytes ({})",
            report::size(size)
        ));
    }
    if input.format != Format::Volume {
        reports.line(format_args!(
            "In use: {} of {} clusters ({})",
            header.inuse,
            header.nr_clusters,
            report::size(expected_bytes(header))
        ));
    }
    if !header.has_tail() {
        report::warning(format!(
            "{}: images of this version lack the backup boot sector; chkdsk or ntfsfix makes a \
             new one",
            input.name.display()
        ));
    }
}
