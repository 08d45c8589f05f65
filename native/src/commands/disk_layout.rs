//! What is copied of a whole disk.

use std::ops::Range;

use ntfsclone_core::io::Allocation;
use ntfsclone_core::open::{Content, Partition, Role};
use ntfsclone_core::plan::Plan;
use ntfsclone_core::ranges::merged;

use super::open_volume::{self, Accepted};
use super::used_clusters::{self, Purpose, Search};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::input;
use crate::options::{self, VolumeChecks};
use crate::report::{self, Reports};
use crate::sink::is_zero;
use crate::source::{Disk, Ranges};

/// Shorter holes are copied as zeros, so that the list of ranges stays small: 16 bytes for each.
const LEAST_HOLE: u64 = 256 << 10;
/// Bytes that are looked at for zeros in one piece.
const BLOCK: u64 = 64 << 10;
/// Looking for zeros in more bytes than these is shown as progress.
const LONG_SEARCH: u64 = 1 << 30;
/// Bytes at the start of a disk, in which its identifiers are: the MBR, and the header of a GPT
/// behind it, whatever the sectors.
const START: u64 = 8 << 10;

/// The parts of `disk`, each with its offset and what is read of it, in order: what is outside of
/// partitions, and the partitions.
pub fn plan(
    disk: &Disk,
    checks: VolumeChecks,
    progress: options::Progress,
    reports: Reports,
) -> Result<Vec<(u64, Ranges)>> {
    input::warn_of_table(disk.name(), disk.table().damage);
    let planning = Planning {
        disk,
        checks,
        progress,
        reports,
    };
    let areas = areas(disk);
    let outside = planning.outside(&areas)?;
    let mut parts = Vec::new();
    let mut position = 0;
    for area in &areas {
        parts.push((position, relative(&outside, position..area.range.start)));
        position = area.range.end;
        planning.plan_area(area, &mut parts)?;
    }
    parts.push((position, relative(&outside, position..disk.size())));
    Ok(parts)
}

/// The number from which identifiers of a copy are made: those of the disk make it.
pub fn serial_number(disk: &Disk) -> Result<u64> {
    let mut start = vec![0; START.min(disk.size()) as usize];
    disk.read_at(0, &mut start)?;
    let hash = blake3::hash(&start);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

/// A partition, or several that overlap.
struct Area<'a> {
    /// In bytes of the disk.
    range: Range<u64>,
    partitions: Vec<&'a Partition>,
}

/// All partitions, in the order of the disk, as far as they lie on it.
fn areas(disk: &Disk) -> Vec<Area<'_>> {
    let mut partitions: Vec<&Partition> = disk.table().partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.offset);
    let mut areas: Vec<Area<'_>> = Vec::new();
    for partition in partitions {
        let end = partition.offset.saturating_add(partition.size);
        let range = partition.offset..end.min(disk.size());
        match areas.last_mut() {
            Some(last) if range.start < last.range.end => {
                last.range.end = last.range.end.max(range.end);
                last.partitions.push(partition);
            }
            _ => areas.push(Area {
                range,
                partitions: vec![partition],
            }),
        }
    }
    areas
}

/// A disk that is planned.
struct Planning<'a> {
    disk: &'a Disk,
    checks: VolumeChecks,
    progress: options::Progress,
    reports: Reports,
}

impl Planning<'_> {
    fn plan_area(&self, area: &Area<'_>, parts: &mut Vec<(u64, Ranges)>) -> Result<()> {
        let [partition] = area.partitions[..] else {
            self.describe_overlapping(area);
            parts.push(self.as_it_is(area.range.clone())?);
            return Ok(());
        };
        let number = partition.number;
        let what = match self.disk.content_of(partition) {
            Content::Volume => {
                let plan = self.scan(partition)?;
                // What follows the volume in its partition.
                let (offset, len) = plan.ranges().last().unwrap_or((0, 0));
                let end = area.range.start.saturating_add(offset + len);
                parts.push((area.range.start, Ranges::Volume(plan)));
                parts.push(self.as_it_is(end.min(area.range.end)..area.range.end)?);
                return Ok(());
            }
            Content::Refused(format) if matches!(format.role, Role::Refused { .. }) => format.name,
            _ => "is not NTFS",
        };
        let (start, ranges) = self.as_it_is(area.range.clone())?;
        let bytes: u64 = ranges.iter().map(|(_, len)| len).sum();
        self.reports.line(format_args!(
            "Partition {number} {what}: copied as it is, {} of {}",
            report::size(bytes),
            report::size(partition.size)
        ));
        parts.push((start, ranges));
        Ok(())
    }

    /// Checks the volume in a partition as for a copy, and finds its used clusters.
    fn scan(&self, partition: &Partition) -> Result<Plan> {
        let device = self.disk.volume_in(partition, self.progress)?;
        let accepted = Accepted {
            dirty: self.checks.force,
            mounted: false,
            unknown_use: self.checks.force,
        };
        let opened = open_volume::open(device, accepted, Reports::NONE)?;
        let search = Search {
            purpose: Purpose::Copy,
            mismatch: self.checks.mismatch,
            files: self.checks.files,
            threads: self.checks.threads,
            progress: self.progress,
            reports: Reports::NONE,
        };
        let used = used_clusters::find(&opened.volume, search)?;
        let geometry = *opened.volume.geometry();
        opened.device.check_stored(&geometry, used.map.extents())?;
        let plan = Plan::new(geometry, opened.device.device_size(), used.map);
        let label = match opened.label.as_deref() {
            None | Some("") => "no label".to_owned(),
            Some(label) => format!("label {label:?}"),
        };
        let header = plan.header();
        self.reports.line(format_args!(
            "Partition {} is NTFS, {label}: {} of {} clusters are in use ({}); free ones become \
             zeros",
            partition.number,
            header.inuse,
            header.nr_clusters,
            report::size(plan.bytes())
        ));
        Ok(plan)
    }

    fn describe_overlapping(&self, area: &Area<'_>) {
        let partitions = area.partitions.iter();
        let numbers: Vec<String> = partitions.map(|one| one.number.to_string()).collect();
        report::warning(format!(
            "{}: partitions {} overlap: they are copied as they are",
            self.disk.name().display(),
            numbers.join(", ")
        ));
    }

    /// A range of the disk, without its holes.
    fn as_it_is(&self, range: Range<u64>) -> Result<(u64, Ranges)> {
        let mut found = Stretches::default();
        let mut position = range.start;
        while position < range.end {
            let (len, is_hole) = match self.disk.allocation_at(position)? {
                Allocation::Stored { len } => (len, false),
                Allocation::Hole { len } => (len, true),
            };
            let end = position.saturating_add(len.max(1)).min(range.end);
            if !is_hole {
                found.push(position - range.start..end - range.start);
            }
            position = end;
        }
        Ok((range.start, Ranges::List(found.0)))
    }

    /// What is outside of partitions, without zeros: these are looked for, since there may be much
    /// that was never written.
    fn outside(&self, areas: &[Area<'_>]) -> Result<Vec<Range<u64>>> {
        let ends = areas.iter().map(|area| area.range.end);
        let starts = areas.iter().map(|area| area.range.start);
        let gaps: Vec<Range<u64>> = std::iter::once(0)
            .chain(ends)
            .zip(starts.chain([self.disk.size()]))
            .map(|(start, end)| start..end)
            .filter(|gap| !gap.is_empty())
            .collect();
        let total: u64 = gaps.iter().map(|gap| gap.end - gap.start).sum();
        let how = match total > LONG_SEARCH {
            true => self.progress,
            false => options::Progress::None,
        };
        let mut progress = Progress::start(how, Phase::Check, total);
        let mut found = Vec::new();
        let mut done = 0;
        for gap in gaps {
            let (start, stored) = self.as_it_is(gap.clone())?;
            let mut stretches = Stretches::default();
            for (offset, len) in stored.iter() {
                let stored = start + offset..start + offset + len;
                self.find_content(stored, &mut stretches, |at| {
                    progress.advance_to(done + (at - gap.start));
                })?;
            }
            done += gap.end - gap.start;
            found.extend(stretches.0);
        }
        progress.finish();
        Ok(merged(found))
    }

    /// Adds the blocks of `range` that do not hold zeros.
    fn find_content(
        &self,
        range: Range<u64>,
        found: &mut Stretches,
        mut progress: impl FnMut(u64),
    ) -> Result<()> {
        let mut block = vec![0; BLOCK as usize];
        let mut position = range.start;
        while position < range.end {
            let end = (position + 1).next_multiple_of(BLOCK).min(range.end);
            let bytes = &mut block[..(end - position) as usize];
            self.disk.read_at(position, bytes)?;
            if !is_zero(bytes) {
                found.push(position..end);
            }
            position = end;
            progress(position);
        }
        Ok(())
    }
}

/// Ranges in order, those of which are joined that have little between them.
#[derive(Default)]
struct Stretches(Vec<Range<u64>>);

impl Stretches {
    fn push(&mut self, range: Range<u64>) {
        match self.0.last_mut() {
            Some(last) if range.start < last.end.saturating_add(LEAST_HOLE) => last.end = range.end,
            _ => self.0.push(range),
        }
    }
}

/// Those of `ranges` that lie in `area`, from its start.
fn relative(ranges: &[Range<u64>], area: Range<u64>) -> Ranges {
    let within = ntfsclone_core::ranges::overlapping(ranges, &area);
    Ranges::List(
        within
            .map(|range| range.start - area.start..range.end - area.start)
            .collect(),
    )
}
