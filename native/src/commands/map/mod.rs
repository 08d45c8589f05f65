//! Printing which bytes of a volume are in use, for programs that copy no
//! others.

mod bmap;
mod ddrescue;
mod json;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::{fs, iter};

use ntfsclone_core::plan::Plan;
use serde::Serialize;

use super::open_volume::{Accepted, OpenVolume};
use super::used_clusters::{Purpose, Search};
use super::{open_volume, rescue, used_clusters};
use crate::cli::MapFormat;
use crate::error::{Error, Result};
use crate::options::{self, MapTask, Output};
use crate::report::{self, Reports};
use crate::sink::{Destination, Needs, Readers, Target};
use crate::source::Device;

/// The bytes that a full copy reads: used clusters and the tail.
struct Domain<'a> {
    source: &'a Path,
    plan: Plan,
    /// Bytes of the device.
    size: u64,
}

/// Consecutive bytes of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Area {
    offset: u64,
    length: u64,
}

impl Area {
    fn end(self) -> u64 {
        self.offset + self.length
    }
}

impl Domain<'_> {
    fn cluster_size(&self) -> u32 {
        self.plan.geometry().cluster_size
    }

    /// The longest areas in use, in order. There can be millions: they are
    /// found one by one.
    fn areas(&self) -> impl Iterator<Item = Area> {
        let areas = self.plan.ranges().map(|(offset, length)| {
            // Of a volume that was cut short, what is there.
            let there = self.size.saturating_sub(offset);
            Area {
                offset,
                length: length.min(there),
            }
        });
        let mut areas = areas.filter(|area| area.length > 0).peekable();
        iter::from_fn(move || {
            let mut area = areas.next()?;
            // The tail may join the last clusters.
            while let Some(more) = areas.next_if(|next| next.offset == area.end()) {
                area.length += more.length;
            }
            Some(area)
        })
    }

    fn describe(&self, reports: Reports) {
        reports.line(format_args!(
            "In use: {} of {} clusters, {} in {}",
            self.plan.header().inuse,
            self.plan.geometry().nr_clusters(),
            report::size(self.plan.bytes()),
            report::count(self.areas().count() as u64, "area", "areas")
        ));
    }

    fn write(&self, format: MapFormat, out: &mut impl Write) -> io::Result<()> {
        match format {
            MapFormat::Ddrescue => ddrescue::write(self, out),
            MapFormat::Bmap => bmap::write(self, out),
            MapFormat::Json => json::write(self, out),
        }
    }
}

pub fn run(task: &MapTask, how: options::Progress) -> Result<()> {
    let reports = Reports::beside(&task.output);
    refuse_existing(&task.output)?;
    let accepted = Accepted {
        // A map is not a copy: what is in use can be told of a dirty volume.
        dirty: true,
        mounted: task.checks.force,
        unknown_use: task.checks.force,
    };
    let device = match &task.rescue {
        None => Device::open(&task.source, task.partition, how, reports)?,
        Some(rescue) => {
            let volume = rescue::Source {
                path: &task.source,
                partition: task.partition,
                threads: task.checks.threads,
            };
            volume.open(&task.output, rescue, how)?
        }
    };
    let opened = open_volume::open(device, accepted, reports)?;
    let sources = opened.device.metadata();
    let to_terminal = matches!(task.output, Output::Stdout) && io::stdout().is_terminal();
    // Before the time that a scan takes.
    let destination = match to_terminal {
        true => None,
        false => Some(Destination::open(&task.output, Readers::All, sources)?),
    };

    let search = Search {
        purpose: Purpose::Map,
        mismatch: task.checks.mismatch,
        threads: task.checks.threads,
        progress: how,
        reports: Reports::None,
    };
    let map = used_clusters::find(&opened.volume, search)?.map;
    opened.device.confirm_failures()?;
    opened.device.check_unchanged()?;
    let domain = Domain {
        source: &task.source,
        plan: Plan::new(*opened.volume.geometry(), opened.device.device_size(), map),
        size: opened.device.size_there(),
    };
    domain.describe(reports);
    match destination {
        None => write(&domain, task.format, io::stdout().lock(), &task.output)?,
        Some(destination) => {
            // A map is small; that there is no room for it is told when it is
            // written.
            let needs = Needs {
                bytes: 0,
                device_size: 0,
            };
            let mut target = destination.begin(needs)?;
            write(
                &domain,
                task.format,
                TargetWriter(&mut target),
                &task.output,
            )?;
            target.finish()?;
        }
    }
    tell_unread(&opened)
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
    let written = domain.write(format, &mut out).and_then(|()| out.flush());
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

/// # Errors
///
/// [`Error::MapIncomplete`], if something could not be read.
fn tell_unread(opened: &OpenVolume) -> Result<()> {
    let lost = opened
        .device
        .damaged()
        .map_or_else(Vec::new, |damaged| damaged.lost());
    match lost.iter().map(|area| area.end - area.start).sum() {
        0 => Ok(()),
        bytes => Err(Error::MapIncomplete {
            path: opened.device.path().to_owned(),
            bytes,
        }),
    }
}
