//! Copying a volume, or its metadata: raw, or as an image.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::ntfs::OpenedFrom;
use ntfsclone_core::plan::Plan;

use super::copy_target::CopyTarget;
use super::copying::Copying;
use super::open_volume::{Accepted, OpenVolume};
use super::used_clusters::{Purpose, Search};
use super::{lost_data, metadata, open_volume, rescue, shared_clone, used_clusters};
use crate::error::{Error, Result};
use crate::options::{
    self, CopyKind, CopyScope, CopyTask, Form, OUT_OF_ORDER, Output, Rescue, VolumeChecks,
    WriteOptions,
};
use crate::report::{self, Reports};
use crate::rescue::Continued;
use crate::sink::Place;
use crate::source::{BulkReader, Device, Sidecar};

/// What a command orders that has a volume copied.
#[derive(Clone, Copy)]
pub struct CopyOrder<'a> {
    pub kind: &'a CopyKind,
    pub checks: VolumeChecks,
    pub writing: &'a WriteOptions,
    pub rescue: Option<&'a Rescue>,
}

pub fn run(task: &CopyTask, how: options::Progress) -> Result<()> {
    let order = CopyOrder {
        kind: &task.kind,
        checks: task.checks,
        writing: &task.writing,
        rescue: task.rescue.as_ref(),
    };
    copy_from(order, &task.source, task.partition, how)
}

/// Opens the volume `source`, and copies it.
pub fn copy_from(
    order: CopyOrder<'_>,
    source: &Path,
    partition: Option<u32>,
    how: options::Progress,
) -> Result<()> {
    let output = &order.writing.output;
    lost_data::check_report(order.rescue, Some(output))?;
    let (device, continued) = match order.rescue {
        None => {
            let device = Device::open(source, partition, how, Reports::beside(output))?;
            tell_of_checksums(&device);
            (device, None)
        }
        Some(rescue) => {
            let source = rescue::Source {
                path: source,
                partition,
                threads: order.checks.threads,
            };
            source.open_or_continue(output, rescue, how)?
        }
    };
    copy_device(order, device, continued, how)
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
pub fn copy_device(
    order: CopyOrder<'_>,
    device: Device,
    continued: Option<Continued>,
    how: options::Progress,
) -> Result<()> {
    let CopyOrder {
        kind,
        checks,
        writing,
        rescue,
    } = order;
    let output = &writing.output;
    let reports = Reports::beside(output);
    let accepted = Accepted {
        dirty: checks.force,
        mounted: false,
        unknown_use: checks.force,
    };
    let opened = open_volume::open(device, accepted, reports)?;
    // Before the time that a scan takes.
    let sources = opened.device.metadata();
    // A disk that an earlier run began to write was checked by that.
    let overwrites_disk = checks.force || continued.is_some();
    let place = Place::of_volume(writing, sources, overwrites_disk)?;
    refuse_compressed_on_device(kind, place)?;
    refuse_checksum_of_rescue(order)?;
    refuse_metadata_on_device(order, place)?;
    refuse_serial_without_boot_sector(order, &opened)?;

    let prepared = CopyTarget::prepare(order, place, continued, &opened)?;
    let search = Search {
        purpose: match kind.scope {
            CopyScope::Used => Purpose::Copy,
            CopyScope::Metadata { .. } => Purpose::Metadata,
        },
        mismatch: checks.mismatch,
        threads: checks.threads,
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
        None => CopyTarget::open(order, place, &opened)?,
    };
    match kind.scope {
        CopyScope::Used => {
            let geometry = *opened.volume.geometry();
            // Reads anywhere do not compare them.
            opened.device.compare_block_checksums(how)?;
            opened.device.check_stored(&geometry, used.map.extents())?;
            let plan = Arc::new(Plan::new(geometry, opened.device.device_size(), used.map));
            let copying = Copying {
                order,
                opened: &opened,
                plan: Arc::clone(&plan),
                how,
            };
            copying.describe(reports);
            match rescue {
                Some(rescue) if kind.is_plain() && !place.is_stream() => {
                    let lost =
                        rescue::clone(writing, rescue, &opened, &plan, target, how, reports)?;
                    return lost_data::tell(&opened, &lost, rescue);
                }
                Some(_) => rescue::read_metadata_ahead(&opened)?,
                None => {
                    if target.is_in_place() {
                        // What is there is lost with the first write.
                        opened.device.compare_sums()?;
                    }
                    if let Some(sharing) = shared_clone::try_sharing(order, place, &opened) {
                        let target = target.into_new()?;
                        return shared_clone::run(
                            writing, target, &opened, plan, sharing, how, reports,
                        );
                    }
                }
            }
            let reader = BulkReader::new(Arc::clone(&opened.device), plan, writing.direct);
            copying.write(target.into_new()?, reader)?;
        }
        CopyScope::Metadata { times, log_file } => {
            let target = target.into_new()?;
            used_clusters::check_system_files(&opened.volume, used.agree)?;
            metadata::run(order, target, &opened, times, log_file, how, reports)?;
        }
    }
    match (rescue, opened.device.damaged()) {
        (Some(rescue), Some(damaged)) => lost_data::tell(&opened, &damaged.lost(), rescue),
        _ => Ok(()),
    }
}

/// A device with nothing but metadata looks like a volume whose files are all
/// there: not by accident.
fn refuse_metadata_on_device(order: CopyOrder<'_>, place: Place) -> Result<()> {
    let is_raw_metadata =
        matches!(order.kind.scope, CopyScope::Metadata { .. }) && order.kind.form == Form::Raw;
    match (&order.writing.output, place) {
        (Output::File { path, .. }, Place::BlockDevice)
            if is_raw_metadata && !order.checks.force =>
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
fn refuse_compressed_on_device(kind: &CopyKind, place: Place) -> Result<()> {
    match place {
        Place::BlockDevice if kind.compress.is_some() => Err(Error::Usage {
            message:
                "--compress goes with a file or pipe: what is compressed can be used only where \
                      its end is known"
                    .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A volume that is given to be restored may turn out to be raw.
fn refuse_checksum_of_rescue(order: CopyOrder<'_>) -> Result<()> {
    let has_checksum = order.writing.checksum.is_some();
    if order.rescue.is_some() && has_checksum && order.kind.is_plain() {
        return Err(Error::Usage {
            message: OUT_OF_ORDER.to_owned(),
        });
    }
    Ok(())
}

/// Without a sound first boot sector there is nowhere to write a new serial
/// number to that anybody would read.
fn refuse_serial_without_boot_sector(order: CopyOrder<'_>, opened: &OpenVolume) -> Result<()> {
    let changes_serial = order.writing.new_serial.is_some() && order.kind.form == Form::Raw;
    match opened.volume.opened_from() {
        OpenedFrom::Backup { .. } if changes_serial => Err(Error::refused(
            opened.device.path(),
            "its first boot sector is damaged and cannot get a new serial number",
            "copy it without one, and repair the copy first",
        )),
        _ => Ok(()),
    }
}
