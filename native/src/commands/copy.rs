//! Copying a volume, or its metadata: raw, or as an image.

use std::sync::Arc;

use ntfsclone_core::ntfs::OpenedFrom;
use ntfsclone_core::plan::Plan;

use super::copy_target::CopyTarget;
use super::copying::Copying;
use super::open_volume::{Accepted, OpenVolume};
use super::rescue::Continued;
use super::used_clusters::{Purpose, Search};
use super::{lost_data, metadata, open_volume, rescue, shared_clone, used_clusters};
use crate::error::{Error, Result};
use crate::options::{self, Content, CopyTask, Form, OUT_OF_ORDER, Output};
use crate::report::{self, Reports};
use crate::sink::{Place, checksum, refuse_partition_table};
use crate::source::{BulkReader, Device, Sidecar};

pub fn run(task: &CopyTask, how: options::Progress) -> Result<()> {
    lost_data::check_report(task.rescue.as_ref(), Some(&task.output))?;
    let (device, continued) = match &task.rescue {
        None => {
            let reports = Reports::beside(&task.output);
            let device = Device::open(&task.source, task.partition, how, reports)?;
            tell_of_checksums(&device);
            (device, None)
        }
        Some(rescue) => rescue::open(task, rescue, how)?,
    };
    run_on(task, device, continued, how)
}

/// A copy reads what is in use, and a checksum is of all of the file: nobody
/// should take the one for the other.
fn tell_of_checksums(device: &Device) {
    let sidecars = Sidecar::beside(device.files()).unwrap_or_default();
    for sidecar in sidecars {
        report::warning(format!(
            "{} is not compared: a copy reads only what is in use; ntfsclone verify {} compares it",
            sidecar.path().display(),
            device.path().display()
        ));
    }
}

/// Copies the volume on `device`.
pub fn run_on(
    task: &CopyTask,
    device: Device,
    continued: Option<Continued>,
    how: options::Progress,
) -> Result<()> {
    let reports = Reports::beside(&task.output);
    let accepted = Accepted {
        dirty: task.force,
        mounted: false,
        unknown_use: task.force,
    };
    let opened = open_volume::open(device, accepted, reports)?;
    // Before the time that a scan takes.
    let sources = opened.device.metadata();
    let place = Place::of(&task.output, sources)?;
    place.check(task.thin)?;
    if continued.is_none() {
        refuse_partition_table(&task.output, place, task.force)?;
    }
    checksum::check(task.checksum, &task.output, place, sources)?;
    refuse_compressed_on_device(task, place)?;
    refuse_checksum_of_rescue(task)?;
    refuse_metadata_on_device(task, place)?;
    refuse_serial_without_boot_sector(task, &opened)?;

    let prepared = CopyTarget::prepare(task, place, continued, &opened)?;
    let search = Search {
        purpose: match task.content {
            Content::Used => Purpose::Copy,
            Content::Metadata { .. } => Purpose::Metadata,
        },
        mismatch: task.mismatch,
        threads: task.threads,
        progress: how,
    };
    let used = match used_clusters::find(&opened.volume, search) {
        Ok(used) => used,
        Err(error) => {
            return match prepared {
                Some(CopyTarget::Begun(continued)) => continued.end(Err(error)),
                Some(CopyTarget::New(_)) | None => Err(error),
            };
        }
    };
    let target = match prepared {
        Some(target) => target,
        None => CopyTarget::open(task, place, &opened)?,
    };
    match task.content {
        Content::Used => {
            let geometry = *opened.volume.geometry();
            opened.device.check_stored(used.map.extents())?;
            let plan = Arc::new(Plan::new(geometry, opened.device.device_size(), used.map));
            let copying = Copying {
                task,
                opened: &opened,
                geometry,
                header: plan.header(),
                bytes: plan.bytes(),
                image_size: plan.image_size(),
            };
            copying.describe(reports);
            match &task.rescue {
                Some(rescue) if task.is_plain() && !place.is_stream() => {
                    let lost = rescue::clone(task, rescue, &opened, &plan, target, how, reports)?;
                    return lost_data::tell(&opened, &lost, rescue);
                }
                Some(_) => rescue::read_metadata_ahead(&opened)?,
                None => {
                    if target.is_in_place() {
                        // What is there is lost with the first write.
                        opened.device.compare_sums()?;
                    }
                    if let Some(sharing) = shared_clone::try_sharing(task, place, &opened) {
                        let target = target.into_new()?;
                        return shared_clone::run(
                            task, target, &opened, plan, sharing, how, reports,
                        );
                    }
                }
            }
            let reader = BulkReader::new(Arc::clone(&opened.device), plan, task.direct);
            let is_direct = reader.is_direct();
            copying.write(target.into_new()?, reader.fill(), is_direct, how, reports)?;
        }
        Content::Metadata { times, log_file } => {
            let target = target.into_new()?;
            metadata::check_system_files(task, &opened, used.agree)?;
            metadata::run(task, target, &opened, times, log_file, how, reports)?;
        }
    }
    match (&task.rescue, opened.device.damaged()) {
        (Some(rescue), Some(damaged)) => lost_data::tell(&opened, &damaged.lost(), rescue),
        _ => Ok(()),
    }
}

/// A device with nothing but metadata looks like a volume whose files are all
/// there: not by accident.
fn refuse_metadata_on_device(task: &CopyTask, place: Place) -> Result<()> {
    let is_metadata = matches!(task.content, Content::Metadata { .. });
    match (&task.output, place) {
        (Output::File { path, .. }, Place::BlockDevice)
            if is_metadata && task.form == Form::Raw && !task.force =>
        {
            Err(Error::refused(
                path,
                "is a device, and metadata alone would take the place of what is on it",
                "write metadata to a file; or do it all the same with --force",
            ))
        }
        _ => Ok(()),
    }
}

/// On a device, the seek table would not be at the end.
fn refuse_compressed_on_device(task: &CopyTask, place: Place) -> Result<()> {
    match place {
        Place::BlockDevice if task.compress.is_some() => Err(Error::Usage {
            message:
                "--compress goes with a file or pipe: what is compressed can be used only where \
                      its end is known"
                    .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A volume that is given to be restored may turn out to be raw.
fn refuse_checksum_of_rescue(task: &CopyTask) -> Result<()> {
    match task.rescue.is_some() && task.checksum.is_some() && task.is_plain() {
        true => Err(Error::Usage {
            message: OUT_OF_ORDER.to_owned(),
        }),
        false => Ok(()),
    }
}

/// Without a sound first boot sector there is nowhere to write a new serial
/// number to that anybody would read.
fn refuse_serial_without_boot_sector(task: &CopyTask, opened: &OpenVolume) -> Result<()> {
    match opened.volume.opened_from() {
        OpenedFrom::Backup { .. } if task.new_serial.is_some() && task.form == Form::Raw => {
            Err(Error::refused(
                &task.source,
                "its first boot sector is damaged and cannot get a new serial number",
                "copy it without one, and repair the copy first",
            ))
        }
        _ => Ok(()),
    }
}
