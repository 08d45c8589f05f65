//! Converting a disk as a whole: NTFS volumes by their used clusters, all else as it is.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::job::{Co, Job};
use super::super::opened_disk::OpenedDisk;
use super::super::scan::piece_len;
use super::super::used::used;
use super::super::{Failure, Refusal, read_at, read_error};
use super::compressed::{Compression, Compressor};
use super::copy::copy_range;
use super::output::{Form, Output};
use super::{refuse_dirty, refuse_not_stored};
use crate::error::Result;
use crate::io::Source;
use crate::open::{Content, Inside, Partition, PartitionReader, Probe};
use crate::plan::Plan;
use crate::write::{
    Disk, DiskArea, DiskContent, DiskPart, DiskSupport, Shape, StoredSearch, Stretches, Writer,
};

impl OpenedDisk {
    /// Converts the disk, and compresses the result if requested: the same steps as
    /// [`Opened::convert`](super::Opened::convert).
    ///
    /// # Errors
    ///
    /// [`Refusal::Target`]: `writer` holds one volume, or there is no such level.
    pub fn convert(
        &self,
        writer: &'static Writer,
        compression: Option<Compression>,
    ) -> Result<Job<()>, Failure> {
        if writer.disk == DiskSupport::None {
            return Err(Failure::refused(
                Refusal::Target,
                format!("is a whole disk, and {} holds one volume", writer.id),
                "open a partition of it; or convert it to a virtual disk, or raw",
            ));
        }
        let form = match compression {
            Some(compression) => {
                Form::Compressed(Box::new(Compressor::new(&self.name, compression)?))
            }
            None => Form::Plain,
        };
        let disk = self.clone();
        Ok(Job::new(Arc::clone(&self.pages), move |co| async move {
            convert(&co, &disk, writer, Output::new(&co, form)).await
        }))
    }
}

/// A disk whose parts are known.
struct PlannedDisk {
    disk: Disk,
    parts: Vec<DiskPart>,
}

impl DiskContent for PlannedDisk {
    fn disk(&self) -> Disk {
        self.disk
    }

    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        let ranges = self.parts.iter().flat_map(DiskPart::ranges);
        Box::new(ranges.filter(|(_, len)| *len > 0))
    }
}

async fn convert(
    co: &Co,
    disk: &OpenedDisk,
    writer: &Writer,
    mut output: Output<'_>,
) -> Result<(), Failure> {
    let source = &disk.source;
    let mut start = vec![0; Disk::start_len(disk.size())];
    co.read(|| read_at(source, 0, &mut start)).await?;
    let planned = PlannedDisk {
        disk: Disk::copy_of(&disk.table, disk.size(), &start, writer),
        parts: plan(co, disk).await?,
    };
    output.encode(writer, &Shape::Disk(&planned))?;
    let lens = planned.ranges().map(|(_, len)| len);
    let total = lens.fold(0, u64::saturating_add);
    let mut done = 0;
    for range in planned.ranges() {
        copy_range(co, (source, None), range, (&mut done, total), &mut output).await?;
    }
    output.finish_disk(writer, planned.disk.size).await
}

/// The parts of a disk, in order.
async fn plan(co: &Co, disk: &OpenedDisk) -> Result<Vec<DiskPart>, Failure> {
    let areas = DiskArea::all(&disk.table, disk.size());
    let mut parts = Vec::new();
    for gap in DiskArea::outside(&areas, disk.size()) {
        parts.push(content_of(co, &disk.source, gap).await?);
    }
    for area in &areas {
        let mut rest = area.range.clone();
        if let [partition] = area.partitions[..]
            && let Some(plan) = plan_of_volume(co, disk, partition).await?
        {
            rest = area.behind(&plan);
            let start = area.range.start;
            parts.push(DiskPart::Volume { start, plan });
        }
        parts.push(DiskPart::Ranges(stored_in(co, &disk.source, rest).await?));
    }
    parts.sort_by_key(DiskPart::start);
    Ok(parts)
}

/// What is read of the volume in a partition; `None` if it holds something else than NTFS.
async fn plan_of_volume(
    co: &Co,
    disk: &OpenedDisk,
    partition: &Partition,
) -> Result<Option<Plan>, Failure> {
    let source: Source = Arc::new(PartitionReader::new(Arc::clone(&disk.source), partition));
    let probe = co.attempt(|| Probe::new(&source).map(|probe| probe.content()));
    if !matches!(probe.await, Ok(Content::Volume)) {
        return Ok(None);
    }
    let inside = Inside::of_volume(source);
    let scanned = scan_volume(co, inside, disk.accepts_dirty).await;
    let plan = scanned.map_err(|failure| failure.in_partition(partition.number))?;
    Ok(Some(plan))
}

/// Checks a volume as for a copy, and finds its used clusters.
async fn scan_volume(co: &Co, inside: Inside, accepts_dirty: bool) -> Result<Plan, Failure> {
    if !accepts_dirty {
        refuse_dirty(co, &inside).await?;
    }
    let counted = used(co, inside, false).await?;
    refuse_not_stored(co, &counted).await?;
    let geometry = *counted.volume.geometry();
    let device_size = counted.inside.device_size();
    Ok(Plan::new(geometry, device_size, counted.map))
}

/// A range of a disk that is outside of partitions, without zeros: these are looked for, since
/// there may be much that was never written.
async fn content_of(co: &Co, source: &Source, range: Range<u64>) -> Result<DiskPart, Failure> {
    let mut found = Stretches::default();
    for Range { mut start, end } in stored_in(co, source, range).await? {
        while start < end {
            let len = piece_len(start, end);
            let piece = co.piece(source, start, len).await?;
            found.push_content(start, &piece);
            start = start.saturating_add(len);
            co.progress(0, 0);
        }
    }
    Ok(DiskPart::Ranges(found.into_ranges()))
}

/// A range of a disk, without its holes.
async fn stored_in(
    co: &Co,
    source: &Source,
    range: Range<u64>,
) -> Result<Vec<Range<u64>>, Failure> {
    let mut search = StoredSearch::new(range);
    loop {
        let step = co.read(|| {
            let step = search.step(source);
            step.map_err(|error| read_error(search.position(), 0, error))
        });
        if !step.await? {
            return Ok(search.into_ranges());
        }
        co.progress(0, 0);
    }
}
