//! Copying a volume, or its metadata: raw, or as an image.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::ntfs::OpenedFrom;
use ntfsclone_core::plan::Plan;

use super::copy_target::CopyTarget;
use super::copying::Copying;
use super::lost_parts::Effort;
use super::open_volume::{Accepted, OpenVolume};
use super::resize::Resizing;
use super::used_clusters::{Purpose, Search};
use super::{lost_data, metadata, open_volume, rescue, resize, shared_clone, used_clusters};
use crate::error::{Error, Result};
use crate::input::Files;
use crate::options::{
    self, CopyKind, CopyScope, CopyTask, Form, OUT_OF_ORDER, Rescue, VolumeChecks, WriteOptions,
};
use crate::original_report::{self, Copied};
use crate::report;
use crate::rescue::Continued;
use crate::sink::{Place, refuse_metadata};
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
            let how = how.without_percent();
            let device = Device::open(source, partition, how, order.writing.reports())?;
            tell_of_checksums(device.path(), device.files());
            (device, None)
        }
        Some(rescue) => {
            let source = rescue::Source {
                path: source,
                partition,
                threads: order.checks.threads,
            };
            source.open_or_continue(output, rescue, how.without_percent())?
        }
    };
    copy_device(order, device, continued, how)
}

/// A copy reads what is in use, and a checksum is of all of the file: nobody
/// should take the one for the other.
pub fn tell_of_checksums(path: &Path, files: &Files) {
    let sidecars = Sidecar::beside(files).unwrap_or_default();
    for sidecar in sidecars {
        report::warning(format!(
            "{} is not compared: a copy reads only what is in use; ntfsclone verify {} compares it",
            sidecar.path().display(),
            path.display()
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
    let reports = writing.reports();
    let accepted = Accepted {
        dirty: checks.force,
        mounted: false,
        unknown_use: checks.force,
    };
    let opened = open_volume::open(device, accepted, reports)?;
    let losses = match &writing.resize {
        Some(resize) => resize::check(&opened, resize, checks.force)?,
        None => Vec::new(),
    };
    // Before the time that a scan takes.
    let sources = opened.device.metadata();
    let has_begun = continued.is_some();
    let place = Place::of_volume(writing, sources, checks.force, has_begun)?;
    refuse_compressed_on_device(kind, place)?;
    refuse_checksum_of_rescue(order)?;
    if kind.form == Form::Raw && matches!(kind.scope, CopyScope::Metadata { .. }) {
        refuse_metadata(output, place, checks.force)?;
    }
    refuse_new_fields_without_boot_sector(order, &opened)?;

    let prepared = CopyTarget::prepare(order, place, continued, &opened)?;
    let search = Search {
        purpose: match kind.scope {
            CopyScope::Used => match writing.resize {
                Some(resize) if !resize.keeps_bad => Purpose::Resize,
                _ => Purpose::Copy,
            },
            CopyScope::Metadata { .. } => Purpose::Metadata,
        },
        mismatch: checks.mismatch,
        files: checks.files,
        threads: checks.threads,
        progress: how,
        reports,
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
    let (opened, used) = match writing.resize {
        Some(resize) => {
            let resizing = Resizing {
                resize,
                threads: checks.threads,
                target: target.size(),
                output: writing.output.name(),
                losses,
                how,
                reports,
            };
            resizing.run(opened, used)?
        }
        None => (opened, used),
    };
    match kind.scope {
        CopyScope::Used => {
            let geometry = *opened.volume.geometry();
            // Reads anywhere do not compare them.
            opened.device.compare_block_checksums(how)?;
            opened.device.check_stored(&geometry, used.map.extents())?;
            original_report::space_in_use(used.claimed, used.bad, &geometry, reports);
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
                    // What is in use was read, and is read again from the copy.
                    return lost_data::tell(&opened, &lost, Effort::Thorough, rescue);
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
            let reader = match opened.device.relocated() {
                Some(_) => reader.through_image(writing.direct)?,
                None => reader,
            };
            let copied = match kind.form {
                Form::Image => Copied::Saved(&opened),
                Form::Raw | Form::Converted(_) => Copied::Cloned(&opened),
            };
            copying.write(target.into_new()?, reader, copied)?;
        }
        CopyScope::Metadata { times, log_file } => {
            let target = target.into_new()?;
            used_clusters::check_system_files(&opened.volume, used.agree)?;
            let copy = metadata::MetadataCopy {
                opened: &opened,
                used: &used,
                times,
                log_file,
            };
            copy.run(order, target, how, reports)?;
        }
    }
    match (rescue, opened.device.damaged()) {
        (Some(rescue), Some(damaged)) => {
            lost_data::tell(&opened, &damaged.lost(), Effort::Metadata, rescue)
        }
        _ => Ok(()),
    }
}

/// On a device, the seek table would not be at the end, nor other formats.
fn refuse_compressed_on_device(kind: &CopyKind, place: Place) -> Result<()> {
    match (place, kind.form) {
        (Place::BlockDevice, Form::Converted(conversion)) => Err(Error::Usage {
            message: format!(
                "{} goes to a file or pipe: a device does not end where it does",
                conversion.writer.id
            ),
        }),
        _ => refuse_seek_table_on_device(kind, place),
    }
}

fn refuse_seek_table_on_device(kind: &CopyKind, place: Place) -> Result<()> {
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

/// Without a sound first boot sector there is nowhere to write to that anybody would
/// read.
fn refuse_new_fields_without_boot_sector(order: CopyOrder<'_>, opened: &OpenVolume) -> Result<()> {
    let new_fields = order.writing.new_fields;
    let changes_them = !new_fields.is_empty() && order.kind.form == Form::Raw;
    match opened.volume.opened_from() {
        OpenedFrom::Backup { .. } if changes_them => Err(Error::refused(
            opened.device.path(),
            format!(
                "its first boot sector is damaged and cannot get a {}",
                new_fields.description()
            ),
            "copy it without one, and repair the copy first",
        )),
        _ => Ok(()),
    }
}
