//! What is copied of a whole disk.

use std::ops::Range;

use ntfsclone_core::open::{Content, Partition, Role};
use ntfsclone_core::plan::Plan;
use ntfsclone_core::write::{DiskArea, DiskPart, Stretches};

use super::open_volume::{self, Accepted};
use super::used_clusters::{self, Purpose, Search};
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::input;
use crate::options::{self, VolumeChecks};
use crate::report::{self, Reports};
use crate::source::Disk;

/// Bytes that are looked at for zeros in one piece.
const BLOCK: u64 = 64 << 10;
/// Looking for zeros in more bytes than these is shown as progress.
const LONG_SEARCH: u64 = 1 << 30;
/// The parts of `disk`, in order: what is outside of partitions, and the partitions.
pub fn plan(
    disk: &Disk,
    checks: VolumeChecks,
    progress: options::Progress,
    reports: Reports,
) -> Result<Vec<DiskPart>> {
    input::warn_of_table(disk.name(), disk.table().damage);
    let planning = Planning {
        disk,
        checks,
        progress,
        reports,
    };
    let areas = DiskArea::all(disk.table(), disk.size());
    let mut parts = planning.outside(&DiskArea::outside(&areas, disk.size()))?;
    for area in &areas {
        planning.plan_area(area, &mut parts)?;
    }
    parts.sort_by_key(DiskPart::start);
    Ok(parts)
}

/// A disk that is planned.
struct Planning<'a> {
    disk: &'a Disk,
    checks: VolumeChecks,
    progress: options::Progress,
    reports: Reports,
}

impl Planning<'_> {
    fn plan_area(&self, area: &DiskArea<'_>, parts: &mut Vec<DiskPart>) -> Result<()> {
        let [partition] = area.partitions[..] else {
            self.describe_overlapping(area);
            parts.push(self.as_it_is(area.range.clone())?);
            return Ok(());
        };
        let number = partition.number;
        let what = match self.disk.content_of(partition) {
            Content::Volume => {
                let plan = self.scan(partition)?;
                parts.push(self.as_it_is(area.behind(&plan))?);
                let start = area.range.start;
                parts.push(DiskPart::Volume { start, plan });
                return Ok(());
            }
            Content::Refused(format) if matches!(format.role, Role::Refused { .. }) => format.name,
            _ => "is not NTFS",
        };
        let part = self.as_it_is(area.range.clone())?;
        let bytes: u64 = part.ranges().map(|(_, len)| len).sum();
        self.reports.line(format_args!(
            "Partition {number} {what}: copied as it is, {} of {}",
            report::size(bytes),
            report::size(partition.size)
        ));
        parts.push(part);
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

    fn describe_overlapping(&self, area: &DiskArea<'_>) {
        let partitions = area.partitions.iter();
        let numbers: Vec<String> = partitions.map(|one| one.number.to_string()).collect();
        report::warning(format!(
            "{}: partitions {} overlap: they are copied as they are",
            self.disk.name().display(),
            numbers.join(", ")
        ));
    }

    /// A range of the disk, without its holes.
    fn as_it_is(&self, range: Range<u64>) -> Result<DiskPart> {
        Ok(DiskPart::Ranges(self.disk.stored_in(range)?))
    }

    /// What is outside of partitions, without zeros: these are looked for, since there may be much
    /// that was never written.
    fn outside(&self, gaps: &[Range<u64>]) -> Result<Vec<DiskPart>> {
        let total: u64 = gaps.iter().map(|gap| gap.end - gap.start).sum();
        let how = match total > LONG_SEARCH {
            true => self.progress,
            false => options::Progress::None,
        };
        let mut progress = Progress::start(how, Phase::Check, total);
        let mut parts = Vec::new();
        let mut done = 0;
        for gap in gaps {
            let mut found = Stretches::default();
            for stored in self.disk.stored_in(gap.clone())? {
                self.find_content(stored, &mut found, |position| {
                    progress.advance_to(done + (position - gap.start));
                })?;
            }
            done += gap.end - gap.start;
            parts.push(DiskPart::Ranges(found.into_ranges()));
        }
        progress.finish();
        Ok(parts)
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
            found.push_content(position, bytes);
            position = end;
            progress(position);
        }
        Ok(())
    }
}
