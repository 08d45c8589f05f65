//! Copying a volume from a device that fails: what matters most first, and, if
//! a map file is wanted, by several runs.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::Content;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::ranges::merged;
use positioned_io::ReadAt as _;

use super::copy_target::CopyTarget;
use super::open_volume::OpenVolume;
use crate::boot_sectors::BootSectorChange;
use crate::bulk::pipeline::Batch;
use crate::error::{Error, Result};
use crate::input::{self, OpenInput};
use crate::options::{self, Output, Rescue, WriteOptions};
use crate::original_report::Copied;
use crate::report::{self, Reports};
use crate::rescue::passes::Passes;
use crate::rescue::{Continued, DamagedSource, Kept, Medium, RunStatus, continued, wanted};
use crate::sink::{Needs, Target, directory_of, least_device_size};
use crate::source::Device;

/// What is read in spite of bad sectors, or damage.
pub struct Source<'a> {
    pub path: &'a Path,
    /// The partition with this number, of a whole disk.
    pub partition: Option<u32>,
    /// For a scan; `None` is up to the program.
    pub threads: Option<NonZeroUsize>,
}

impl Source<'_> {
    /// Opens it, and with it the copy that an earlier run began, if there is one.
    pub fn open_or_continue(
        &self,
        output: &Output,
        rescue: &Rescue,
        how: options::Progress,
    ) -> Result<(Device, Option<Continued>)> {
        let Some(mapfile) = rescue.mapfile.as_ref().filter(|path| path.exists()) else {
            return Ok((self.open(output, rescue, how)?, None));
        };
        let opened = match input::open_unread(self.path, self.partition)? {
            Some(opened) => opened,
            None => input::open_volume(self.path, self.partition, Some(rescue))?,
        };
        if !opened.is_plain_volume() {
            return Err(refuse_mapfile(self.path));
        }
        let (device, medium) = open_medium(opened)?;
        let (damaged, continued) =
            continued::go_on(output, mapfile, &device, medium, rescue.retries)?;
        Ok((device.rescued_by(damaged), Some(continued)))
    }

    /// Opens it, to be read in spite of bad sectors of which nothing is known yet;
    /// an image or a stream, in spite of damage.
    pub fn open(&self, output: &Output, rescue: &Rescue, how: options::Progress) -> Result<Device> {
        let in_spite = |opened| {
            let (device, medium) = open_medium(opened)?;
            let damaged = DamagedSource::new(medium, rescue.retries, temporary(output));
            Ok::<_, Error>(device.rescued_by(Arc::new(damaged)))
        };
        if let Some(opened) = input::open_unread(self.path, self.partition)? {
            // What is read to detect a volume is kept for its copy.
            let device = in_spite(opened)?;
            if device.content()? == Content::Volume {
                return Ok(device);
            }
        }
        let opened = input::open_volume(self.path, self.partition, Some(rescue))?;
        if opened.is_plain_volume() {
            return in_spite(opened);
        }
        if rescue.mapfile.is_some() {
            return Err(refuse_mapfile(self.path));
        }
        Device::salvage(opened, self.threads, rescue, temporary(output), how)
    }
}

/// A later run would have to find the same in it again.
fn refuse_mapfile(path: &Path) -> Error {
    Error::refused(
        path,
        "is an image, or compressed, and --mapfile goes with a volume as it is",
        "leave out --mapfile",
    )
}

fn open_medium(opened: OpenInput) -> Result<(Device, Medium)> {
    let name = opened.input.name.clone();
    let device = Device::of(opened, options::Progress::None, Reports::NONE)?;
    let path = input::path_to_rescue(&name, device.files())?;
    let medium = Medium::open(path, device.size());
    let medium = medium.map_err(|error| Error::io("open", &name, error))?;
    Ok((device, medium))
}

/// Where the metadata is kept that is read before there is an output: beside
/// it, where there must be room anyway.
fn temporary(output: &Output) -> Option<Kept> {
    let folder = match output {
        Output::File { path, .. } => Some(directory_of(path)),
        Output::Stdout => None,
    };
    let kept = folder.map_or_else(
        || Kept::temporary(None),
        |folder| Kept::temporary(Some(folder)).or_else(|_| Kept::temporary(None)),
    );
    kept.inspect_err(|error| {
        report::warning(format!(
            "cannot make a temporary file ({error}); metadata will be read twice"
        ));
    })
    .ok()
}

/// Reads the metadata of a volume, to have it before the rest is read in the
/// order of a stream. From then on nothing is kept: the stream takes it.
pub fn read_metadata_ahead(opened: &OpenVolume) -> Result<()> {
    let Some(damaged) = opened.device.damaged() else {
        return Ok(());
    };
    let mut buffer = vec![0; READ_AHEAD_BYTES as usize];
    for range in wanted::metadata(&opened.volume) {
        let mut position = range.start;
        while position < range.end {
            let len = READ_AHEAD_BYTES.min(range.end - position);
            opened
                .device
                .read_at(position, &mut buffer[..len as usize])?;
            position += len;
        }
    }
    damaged.stop_keeping();
    Ok(())
}

const READ_AHEAD_BYTES: u64 = 1 << 20;

/// Copies what `plan` says to a file or device, raw. Returns what was lost, in
/// bytes.
pub fn clone(
    writing: &WriteOptions,
    rescue: &Rescue,
    opened: &OpenVolume,
    plan: &Plan,
    target: CopyTarget,
    how: options::Progress,
    reports: Reports,
) -> Result<Vec<Range<u64>>> {
    let Some(damaged) = opened.device.damaged() else {
        return Ok(Vec::new());
    };
    let failed = |error| Error::io("rescue", opened.device.path(), error);
    let started = Instant::now();
    let needs = Needs {
        bytes: plan.bytes(),
        device_size: least_device_size(plan.geometry(), opened.volume.tail_size()),
    };
    let mut continued = match target {
        CopyTarget::Begun(continued) => *continued,
        CopyTarget::New(destination) => {
            Continued::without_mapfile(destination.begin(needs)?, &opened.volume)?
        }
    };
    let target = &mut continued.target;
    let size = target.device_size().unwrap_or(u64::MAX);
    if size < needs.device_size {
        // Not the device of the first run, which was asked for its size.
        let found = format!("has {size} bytes, {} are needed", needs.device_size);
        let remedy = "name the device that the map file belongs to, or a larger copy of it";
        let error = Error::refused(target.name(), found, remedy);
        return continued.end(Err(error));
    }
    let all = wanted::of_plan(plan, size);
    Copied::Cloned(opened).begins(reports);
    let there = damaged.medium_size();
    let rescued = (|| {
        target.set_len(continued::copy_len(&opened.volume))?;
        let passes = Passes {
            source: damaged,
            name: opened.device.path(),
            first: &wanted::up_to(there, &wanted::metadata(&opened.volume)),
            all: &wanted::up_to(there, &all),
            retries: rescue.retries,
            checkpoint: continued.checkpoint.as_deref(),
            how,
        };
        let course = passes.run()?;
        opened.device.check_unchanged()?;
        let lost = merged(damaged.unfinished(&all));
        for range in &lost {
            damaged.mark_kept(range.clone()).map_err(failed)?;
        }
        change_boot_sectors(writing, opened, target, reports)?;
        Copied::Cloned(opened).is_written(reports, || course.finish());
        if let Some(checkpoint) = &continued.checkpoint {
            checkpoint.pass_by(RunStatus::Finished, 0)?;
        }
        Ok(lost)
    })();
    let before = continued.bytes_before(&all);
    let lost = continued.end(rescued)?;
    let total = wanted::bytes_in(&all) - wanted::bytes_in(&lost);
    let bytes = total - before.unwrap_or(0);
    let mut line = report::done("Rescued", bytes, started.elapsed());
    if before.is_some() {
        line.push_str(&format!("; {} in all", report::size(total)));
    }
    reports.line(line);
    Ok(lost)
}

/// Both boot sectors are in the copy by now.
fn change_boot_sectors(
    writing: &WriteOptions,
    opened: &OpenVolume,
    target: &mut Target,
    reports: Reports,
) -> Result<()> {
    let mut boot_sectors = BootSectorChange::new(writing.new_fields, reports)?;
    if writing.new_fields.is_empty() {
        return Ok(());
    }
    let failed = |error| Error::io("read", &writing.output.name(), error);
    let geometry = opened.volume.geometry();
    let file = target.handle()?;
    for offset in [0, geometry.backup_boot_sector()] {
        let mut batch = Batch::new(geometry.sector_size as usize)?;
        // The backup may be in bytes that the copy has no room for.
        let room = target.len()?.saturating_sub(offset);
        let len = room.min(u64::from(geometry.sector_size));
        file.read_exact_at(offset, batch.push(offset, len as usize))
            .map_err(failed)?;
        boot_sectors.apply(&mut batch);
        for (piece, bytes) in batch.pieces() {
            target.write_at(piece.offset, bytes)?;
        }
    }
    boot_sectors.check(&writing.output.name())
}
