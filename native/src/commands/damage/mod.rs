//! Names the files that a copy of a volume lacks data of: by the map file of a
//! rescue, or by the marks in the copy.

mod copy_with_gaps;
mod map_of_copy;
mod text;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::bitmap::Chunks;
use ntfsclone_core::ntfs::{BootSector, Volume};
use ntfsclone_core::units::Geometry;
use serde::Serialize;

use self::copy_with_gaps::CopyWithGaps;
use self::map_of_copy::MapOfCopy;
use super::lost_data::LostArea;
use super::lost_parts::{Effort, LostPart, LostParts, length, merged, overlaps, total};
use super::map::disk;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::options::{self, DamageTask};
use crate::report::{self, Reports};
use crate::rescue::find_marks;
use crate::source::Device;

/// Ours: parts of files that are listed. Each takes some 200 bytes and its path.
const MAX_PARTS: usize = 200_000;

/// What is lost of a copy.
#[derive(Serialize)]
struct Damage {
    source: String,
    /// Lost bytes in all: of files, metadata, clusters without a known owner, and
    /// free space.
    bytes: u64,
    file_bytes: u64,
    metadata_bytes: u64,
    /// Bytes of clusters that are in use, or may be, by no file that is known.
    unowned_bytes: u64,
    free_bytes: u64,
    /// Where they are in the source.
    areas: Vec<LostArea>,
    /// As in the report of a rescue.
    files: Vec<LostPart>,
    files_left_out: u64,
}

pub fn run(task: &DamageTask, how: options::Progress) -> Result<()> {
    let device = Device::open(&task.source, task.partition, how, Reports::TO_STDERR)?;
    let copy = Copy::of(task, device)?;
    let mapfile = task.mapfile.as_deref();
    let map = mapfile.map(|path| MapOfCopy::read(path, &copy));
    let map = map.transpose()?;
    let lost = match &map {
        Some(map) => map.lost_in(&copy),
        None => copy.lost_by_marks(how)?,
    };
    let (volume, lost) = copy.open_volume(lost)?;
    if let Some(map) = &map {
        map.check_covers(&copy, &volume)?;
    }
    let parts = LostParts::find(&volume, &task.source, &lost, Effort::Thorough, MAX_PARTS)?;
    let damage = copy.sum_up(&volume, &lost, parts)?;
    copy.device.check_unchanged()?;
    if task.json {
        let failed = |error: serde_json::Error| Error::io("write", &task.source, error.into());
        let json = serde_json::to_string_pretty(&damage).map_err(failed)?;
        Reports::TO_STDOUT.json(&json);
    } else {
        text::print(&damage);
    }
    report::check_written()?;
    if damage.bytes == damage.free_bytes {
        return Ok(());
    }
    Err(Error::Incomplete {
        path: task.source.clone(),
        found: format!(
            "{} lost",
            report::count(damage.bytes - damage.free_bytes, "byte is", "bytes are")
        ),
    })
}

/// The copy, and where its volume is in it.
struct Copy<'a> {
    source: &'a Path,
    device: Arc<Device>,
    /// Where the volume is in what positions count in, in bytes.
    offset: u64,
    /// Bytes of what positions count in: the disk that holds a partition, or the volume.
    size: u64,
}

impl<'a> Copy<'a> {
    fn is_in_partition(&self) -> bool {
        self.offset > 0
    }

    /// Bytes of the file that is an image of the volume; `None` if it is compressed, or
    /// there is no image.
    fn image_size(&self) -> Option<u64> {
        let is_compressed = self.device.input().is_compressed();
        let index = self.device.index().filter(|_| !is_compressed);
        index.map(|_| self.device.files().size())
    }

    fn of(task: &'a DamageTask, device: Device) -> Result<Self> {
        let partition = match task.partition {
            Some(number) if device.is_in_file() => disk::find_partition(&task.source, number)?,
            _ => None,
        };
        let (size, offset) = match &partition {
            Some((disk_size, partition)) => (*disk_size, partition.offset),
            None => (device.size_there(), 0),
        };
        Ok(Self {
            source: &task.source,
            device: Arc::new(device),
            offset,
            size,
        })
    }

    /// The sectors that are marked, by positions in the volume.
    fn lost_by_marks(&self, how: options::Progress) -> Result<Vec<Range<u64>>> {
        let mut progress = Progress::start(how, Phase::Check, self.device.size_there());
        let found = find_marks(&*self.device, |position| progress.advance_to(position));
        progress.finish();
        found.map_err(|error| self.device.read_error(0, 0, error))
    }

    /// Opens the volume without what is lost. Returns that too: the end of the volume
    /// is, if the copy is shorter.
    fn open_volume(
        &self,
        mut lost: Vec<Range<u64>>,
    ) -> Result<(Volume<CopyWithGaps>, Vec<Range<u64>>)> {
        let there = self.device.size_there();
        let open = |lost: &[Range<u64>], size| {
            Volume::salvage(CopyWithGaps::new(&self.device, lost.to_vec(), size))
        };
        let opened = match open(&lost, there) {
            Err(CoreError::VolumeCutShort { .. }) => {
                let boot = BootSector::read(&CopyWithGaps::new(&self.device, lost.clone(), there));
                let (boot, _) = boot.map_err(|error| Error::read(self.source, error))?;
                let end = end_of_volume(&boot.geometry);
                lost.push(there..end);
                lost = merged(lost);
                open(&lost, end)
            }
            opened => opened,
        };
        let (volume, damages) = opened.map_err(|error| Error::read(self.source, error))?;
        for damage in &damages {
            let damage = report::with_causes(damage);
            report::warning(format!("{}: {damage}", self.source.display()));
        }
        // What follows the volume is not its business.
        let lost = overlaps(&lost, 0..end_of_volume(volume.geometry())).collect();
        Ok((volume, lost))
    }

    fn sum_up(
        &self,
        volume: &Volume<CopyWithGaps>,
        lost: &[Range<u64>],
        parts: LostParts,
    ) -> Result<Damage> {
        let bytes_of = |is_metadata| {
            let listed = parts
                .list
                .iter()
                .filter(|part| part.is_metadata == is_metadata);
            listed.map(|part| part.length).sum::<u64>()
        };
        let geometry = volume.geometry();
        let backup = geometry.backup_boot_sector()..end_of_volume(geometry);
        let backup_bytes: u64 = overlaps(lost, backup).map(|part| length(&part)).sum();
        let unowned = used_bytes(volume, &gaps_between(lost, &parts.owned))
            .map_err(|error| Error::read(self.source, error))?;
        let (file_bytes, metadata_bytes) = (bytes_of(false), bytes_of(true) + backup_bytes);
        let in_use = file_bytes + metadata_bytes + unowned;
        Ok(Damage {
            source: self.source.display().to_string(),
            bytes: total(lost),
            file_bytes,
            metadata_bytes,
            unowned_bytes: unowned,
            free_bytes: total(lost).saturating_sub(in_use),
            areas: lost
                .iter()
                .map(|range| LostArea::from(&(range.start + self.offset..range.end + self.offset)))
                .collect(),
            files: parts.list,
            files_left_out: parts.left_out,
        })
    }
}

/// Where the backup boot sector ends, in bytes.
fn end_of_volume(geometry: &Geometry) -> u64 {
    geometry.backup_boot_sector() + u64::from(geometry.sector_size)
}

/// The parts of `ranges` that lie in none of `others`; both are in order.
fn gaps_between(ranges: &[Range<u64>], others: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut gaps = Vec::new();
    for range in ranges {
        let mut position = range.start;
        for other in overlaps(others, range.clone()) {
            gaps.push(position..other.start);
            position = other.end;
        }
        gaps.push(position..range.end);
    }
    gaps.retain(|gap| !gap.is_empty());
    gaps
}

/// Bytes of `ranges`, in order, in clusters that `$Bitmap` marks as used, or says
/// nothing of.
fn used_bytes(
    volume: &Volume<CopyWithGaps>,
    ranges: &[Range<u64>],
) -> ntfsclone_core::error::Result<u64> {
    let geometry = volume.geometry();
    let cluster_size = u64::from(geometry.cluster_size);
    let end = geometry.bytes(geometry.nr_clusters());
    let mut chunks = Chunks::new(volume)?;
    let mut used = 0;
    let mut known = 0;
    while let Some((first, words)) = chunks.next(volume)? {
        let start = geometry.offset(first);
        known = (start + words.len() as u64 * 64 * cluster_size).min(end);
        for part in overlaps(ranges, start..known) {
            let clusters =
                (part.start - start) / cluster_size..(part.end - start).div_ceil(cluster_size);
            for cluster in clusters {
                let word = words.get((cluster / 64) as usize).copied().unwrap_or(0);
                if word >> (cluster % 64) & 1 != 0 {
                    let from = start + cluster * cluster_size;
                    let bytes = from.max(part.start)..(from + cluster_size).min(part.end);
                    used += length(&bytes);
                }
            }
        }
    }
    let unknown = overlaps(ranges, known..end.max(known));
    Ok(used + unknown.map(|part| length(&part)).sum::<u64>())
}
