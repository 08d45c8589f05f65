//! Prints which bytes of a volume or disk are in use, for programs that copy no
//! others.

mod bmap;
mod ddrescue;
pub(super) mod disk;
mod domain;
mod json;

use std::fs::{self, Metadata};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Layer, Partition};
use ntfsclone_core::plan::Plan;

use self::disk::Disk;
use self::domain::{Domain, Part, Positions, VolumePart};
use super::open_volume::{Accepted, OpenVolume};
use super::used_clusters::{Purpose, Search};
use super::{open_volume, rescue, used_clusters};
use crate::cli::MapFormat;
use crate::error::{Error, Result};
use crate::input::Format;
use crate::options::{self, MapTask, Output};
use crate::report::{self, Reports};
use crate::sink::{Destination, Needs, Readers, Target};
use crate::source::Device;

pub fn run(task: &MapTask, how: options::Progress) -> Result<()> {
    refuse_existing(&task.output)?;
    let disk = match task.partition {
        None => Disk::open(&task.source)?,
        Some(_) => None,
    };
    let mapping = Mapping { task, how };
    match disk {
        Some(disk) => mapping.map_disk(&disk),
        None => mapping.map_volume(),
    }
}

/// A map that is made.
#[derive(Clone, Copy)]
struct Mapping<'a> {
    task: &'a MapTask,
    how: options::Progress,
}

impl Mapping<'_> {
    /// Maps a volume: all of the source, or the partition that is named.
    fn map_volume(self) -> Result<()> {
        let opened = self.open(self.task.partition)?;
        // Check the output before the time that a scan takes.
        let destination = self.open_destination(opened.device.metadata())?;
        let plan = self.plan(&opened)?;
        let partition = match self.task.partition {
            Some(number) if opened.device.is_in_file() => {
                disk::find_partition(&self.task.source, number)?
            }
            _ => None,
        };
        let size = opened.device.size_there();
        let domain = Domain {
            source: &self.task.source,
            positions: positions(&opened.device),
            size: partition.as_ref().map_or(size, |(disk_size, _)| *disk_size),
            parts: vec![Part::Volume(VolumePart {
                plan,
                size,
                partition: partition.map(|(_, partition)| partition),
            })],
        };
        self.write(&domain, destination)?;
        tell_unread(&self.task.source, unread_bytes(&opened))
    }

    /// Maps a whole disk: its tables, what is in use of its NTFS volumes, and all of
    /// its other partitions.
    fn map_disk(self, disk: &Disk) -> Result<()> {
        let source = &self.task.source;
        let destination = self.open_destination(&disk.files.metadata())?;
        let outside = disk.table.areas_outside(&disk.files);
        let mut parts: Vec<Part> = outside.into_iter().map(Part::Outside).collect();
        let mut unread = 0;
        for partition in &disk.table.partitions {
            let there = disk.files.size().saturating_sub(partition.offset);
            let partition = Partition {
                size: partition.size.min(there),
                ..partition.clone()
            };
            if !disk.has_volume(&partition)? {
                parts.push(Part::Partition(partition));
                continue;
            }
            match self.volume_in(&partition) {
                Ok((volume, bytes)) => {
                    parts.push(Part::Volume(volume));
                    unread += bytes;
                }
                Err(error @ (Error::Memory { .. } | Error::Thread(_))) => return Err(error),
                // More than is in use is no loss to a copy.
                Err(error) => {
                    disk::warn_of_unread(source, &partition, &error);
                    parts.push(Part::Partition(partition));
                }
            }
        }
        disk.files.check_unchanged()?;
        let domain = Domain {
            source,
            positions: Positions::Source,
            size: disk.files.size(),
            parts,
        };
        self.write(&domain, destination)?;
        tell_unread(source, unread)
    }

    /// The NTFS volume in a partition of a disk, and how many bytes of its metadata
    /// could not be read.
    fn volume_in(self, partition: &Partition) -> Result<(VolumePart, u64)> {
        let opened = self.open(Some(partition.number))?;
        let volume = VolumePart {
            plan: self.plan(&opened)?,
            size: opened.device.size_there().min(partition.size),
            partition: Some(partition.clone()),
        };
        Ok((volume, unread_bytes(&opened)))
    }

    fn open(self, partition: Option<u32>) -> Result<OpenVolume> {
        let Self { task, how } = self;
        let reports = Reports::beside(&task.output);
        let accepted = Accepted {
            // A map is not a copy: what is in use is known of a dirty volume, too.
            dirty: true,
            mounted: task.checks.force,
            unknown_use: task.checks.force,
        };
        let device = match &task.rescue {
            None => Device::open(&task.source, partition, how, reports)?,
            Some(rescue) => {
                let volume = rescue::Source {
                    path: &task.source,
                    partition,
                    threads: task.checks.threads,
                };
                volume.open(&task.output, rescue, how)?
            }
        };
        open_volume::open(device, accepted, reports)
    }

    /// Scans a volume: what a copy reads of it.
    fn plan(self, opened: &OpenVolume) -> Result<Plan> {
        let search = Search {
            purpose: Purpose::Map,
            mismatch: self.task.checks.mismatch,
            files: self.task.checks.files,
            threads: self.task.checks.threads,
            progress: self.how,
            reports: Reports::NONE,
        };
        let map = used_clusters::find(&opened.volume, search)?.map;
        opened.device.confirm_failures()?;
        opened.device.check_unchanged()?;
        let geometry = *opened.volume.geometry();
        Ok(Plan::new(geometry, opened.device.device_size(), map))
    }

    /// `None` for a terminal, which takes a map as other text.
    fn open_destination(self, sources: &[Metadata]) -> Result<Option<Destination>> {
        let output = &self.task.output;
        if matches!(output, Output::Stdout) && io::stdout().is_terminal() {
            return Ok(None);
        }
        Destination::open(output, Readers::All, sources).map(Some)
    }

    fn write(self, domain: &Domain<'_>, destination: Option<Destination>) -> Result<()> {
        let task = self.task;
        domain.describe(Reports::beside(&task.output));
        let Some(destination) = destination else {
            return write(domain, task.format, io::stdout().lock(), &task.output);
        };
        // A map is small: a lack of space is reported when it is written.
        let needs = Needs {
            bytes: 0,
            device_size: 0,
        };
        let mut target = destination.begin(needs)?;
        let out = TargetWriter(&mut target);
        write(domain, task.format, out, &task.output)?;
        target.finish()
    }
}

fn positions(device: &Device) -> Positions {
    if device.is_in_file() {
        return Positions::Source;
    }
    let input = device.input();
    let is_piece = |layer: &&Layer| matches!(layer, Layer::Pieces(_));
    let layers = input.layers.iter().filter(|layer| !is_piece(layer));
    let mut names: Vec<String> = layers.map(Layer::to_string).collect();
    if input.format == Format::Image {
        names.push("image".to_owned());
    }
    Positions::Within(names.join(", "))
}

fn refuse_existing(output: &Output) -> Result<()> {
    match output {
        Output::File { path, .. } if fs::symlink_metadata(path).is_ok() => Err(Error::refused(
            path,
            "exists already",
            "a map never overwrites; give another name",
        )),
        _ => Ok(()),
    }
}

fn write(domain: &Domain<'_>, format: MapFormat, out: impl Write, output: &Output) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let written = match format {
        MapFormat::Ddrescue => ddrescue::write(domain, &mut out),
        MapFormat::Bmap => bmap::write(domain, &mut out),
        MapFormat::Json => json::write(domain, &mut out),
    };
    let written = written.and_then(|()| out.flush());
    match output {
        Output::Stdout => report::written_to_stdout(written),
        _ => written.map_err(|error| Error::io("write to", &output.name(), error)),
    }
}

/// A target as the formats want it.
struct TargetWriter<'a>(&'a mut Target);

impl Write for TargetWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(Error::Io { source, .. }) => Err(source),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes of metadata that could not be read.
fn unread_bytes(opened: &OpenVolume) -> u64 {
    let damaged = opened.device.damaged();
    let lost = damaged.map_or_else(Vec::new, |damaged| damaged.lost());
    lost.iter().map(|area| area.end - area.start).sum()
}

/// # Errors
///
/// [`Error::MapIncomplete`], if something could not be read.
fn tell_unread(source: &Path, bytes: u64) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    Err(Error::MapIncomplete {
        path: source.to_owned(),
        bytes,
    })
}
