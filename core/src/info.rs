//! What can be told of a volume at a glance, whatever its size: nothing is
//! read but a few records, `$MFT`'s bitmap and `$Bitmap`; and `$MFT`, if it is small.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;

use crate::clusters::{Auditor, ClusterMap, Part, Selection, Walk};
#[cfg(feature = "serde")]
use crate::error::with_causes;
use crate::error::{Error, Result, Structure};
use crate::image::Index;
use crate::image::ntfsclone::Header;
#[cfg(feature = "serde")]
use crate::image::seekable::Summary;
use crate::io::ReadAt;
use crate::ntfs::mft::RECORD_MFT;
use crate::ntfs::value::Value;
use crate::ntfs::{AttributeType, FileRecord, OpenedFrom, Volume, VolumeInfo};
use crate::units::{Extent, Geometry, Lcn, len_u64, len_usize};

/// As many records as are walked over in some tenths of a second.
const MAX_RECORDS: u64 = 200_000;

/// Bytes of `$MFT`'s bitmap read at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// Parts of the map of a volume: blocks in a line of a terminal.
pub const MAP_PARTS: usize = 64;

/// All that is told of an image or volume at a glance, for programs.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "Info"))]
pub struct Document {
    /// What it is called.
    pub source: String,
    /// Bytes of the file or files; none of a pipe.
    pub size: Option<u64>,
    /// What it is.
    pub format: Format,
    /// What it is within, from the outside in.
    pub layers: Vec<String>,
    /// When and from what it was made, where that is told.
    #[cfg(feature = "serde")]
    pub made: Option<serde_json::Value>,
    /// The header of the image, if it is one.
    pub image: Option<ImageSummary>,
    /// The volume, as far as it can be told.
    pub volume: Option<VolumeSummary>,
    /// What could not be told, and why.
    pub warnings: Vec<String>,
}

/// What can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Format {
    /// An image of ntfsclone.
    #[cfg_attr(feature = "serde", serde(rename = "ntfsclone-image"))]
    Image,
    /// The bytes of an NTFS volume.
    #[cfg_attr(feature = "serde", serde(rename = "ntfs-volume"))]
    Volume,
}

#[cfg(feature = "serde")]
impl Document {
    /// Takes what a compressed image tells of itself.
    pub fn tell_made(&mut self, summary: Result<Option<&Summary>, &Error>) {
        let facts = match summary {
            Ok(summary) => summary.and_then(Summary::facts),
            Err(error) => {
                self.warnings.push(with_causes(error));
                return;
            }
        };
        match facts.map(serde_json::from_str).transpose() {
            Ok(facts) => self.made = facts,
            Err(error) => {
                let warning = alloc::format!("what it tells of itself: {error}");
                self.warnings.push(warning);
            }
        }
    }

    /// As it is printed.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn to_json(&self) -> Result<String> {
        to_json(self)
    }
}

/// JSON for people and programs.
#[cfg(feature = "serde")]
pub(crate) fn to_json(document: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(document).map_err(|_| Error::Memory {
        structure: Structure::Source,
        len: 0,
    })
}

/// What is said where nothing of the volume can be told at once.
pub const TOO_LARGE: &str = "it is damaged, or no ordinary image, and too large to be read at \
                             once: of the volume nothing can be told; verify reads all of it";

/// The header of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ImageSummary {
    /// Version of the format, such as `10.1`.
    pub version: String,
    /// Bytes of a cluster.
    pub cluster_size: u32,
    /// Bytes of the partition or file that was read.
    pub device_size: u64,
    /// Clusters of the volume.
    pub clusters: u64,
    /// Clusters in the image, as its header says.
    pub clusters_in_use: u64,
    /// Whether it holds metadata only; none where that was not looked at.
    pub is_metadata: Option<bool>,
}

impl ImageSummary {
    /// Of a header, and, if it is known, where the clusters are.
    pub fn new(header: &Header, index: Option<&Index>) -> Self {
        Self {
            version: header.version.to_string(),
            cluster_size: header.cluster_size,
            device_size: header.device_size,
            clusters: header.nr_clusters,
            clusters_in_use: header.inuse,
            is_metadata: index.map(|index| !index.is_ordinary()),
        }
    }
}

/// A volume at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct VolumeSummary {
    /// Version of NTFS, such as `3.1`; none where `$Volume` is damaged, like
    /// the next two.
    pub ntfs_version: Option<String>,
    /// The label; empty if there is none.
    pub label: Option<String>,
    /// Marked by Windows: not unmounted cleanly, or has errors.
    pub is_dirty: Option<bool>,
    /// Whether Windows is hibernated on it; none where that cannot be told.
    pub is_hibernated: Option<bool>,
    /// 16 hexadecimal digits.
    pub serial: String,
    /// Bytes of a sector.
    pub sector_size: u32,
    /// Bytes of a cluster.
    pub cluster_size: u32,
    /// Bytes of a record of `$MFT`.
    pub mft_record_size: u32,
    /// Bytes of a block of a directory index.
    pub index_record_size: u32,
    /// Bytes of the volume, without the backup boot sector.
    pub size: u64,
    /// Whole clusters.
    pub clusters: u64,
    /// Where `$MFT` begins, in clusters.
    pub mft_lcn: u64,
    /// The first boot sector is damaged; the backup was used.
    pub is_from_backup_boot_sector: bool,
    /// How full it is; none where `$Bitmap` is damaged.
    pub usage: Option<Usage>,
    /// Records of `$MFT`.
    pub records: u64,
    /// Records in use, those of the file system and extension records among
    /// them; none where `$MFT`'s bitmap is damaged.
    pub records_in_use: Option<u64>,
    /// Files and directories, those of the file system among them; none where
    /// there are too many records to count them at once.
    pub files: Option<u64>,
}

/// How full a volume is, by `$Bitmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Usage {
    /// Clusters in use.
    pub used: u64,
    /// Clusters that are free.
    pub free: u64,
    /// Runs of clusters in use.
    pub runs: u64,
    /// The largest runs of clusters in use, the largest first.
    pub largest_used: Vec<Run>,
    /// The largest runs of free clusters, the largest first.
    pub largest_free: Vec<Run>,
    /// The volume in equal parts, from its start: how many per mille of each
    /// part are in use, rounded up so that 0 is wholly free.
    pub map: Vec<u16>,
}

/// Consecutive clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Run {
    /// The first cluster.
    pub lcn: u64,
    /// How many clusters.
    pub clusters: u64,
}

impl VolumeSummary {
    /// Looks at a volume. `parts` are those of [`Usage::map`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Memory`]. What is damaged is left out.
    pub fn read<R: ReadAt>(volume: &Volume<R>, parts: usize) -> Result<Self> {
        let mut look = VolumeLook::new(parts);
        loop {
            if let Some(summary) = look.step(volume)? {
                return Ok(summary);
            }
        }
    }
}

/// As [`VolumeSummary::read`], step by step.
#[derive(Debug)]
pub struct VolumeLook {
    parts: usize,
    usage: Option<Usage>,
    records_in_use: Option<u64>,
    files: Option<u64>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Start,
    /// Beside no file at all, what only `$Bitmap` marks is all that it marks.
    Bitmap(Box<(Selection, Auditor)>),
    RecordsStart,
    Records(Box<RecordBits>),
    FilesStart,
    Files(Box<Selection>, Part),
    End,
}

impl VolumeLook {
    /// A look that has not begun; `parts` as for [`VolumeSummary::read`].
    pub fn new(parts: usize) -> Self {
        Self {
            parts,
            usage: None,
            records_in_use: None,
            files: None,
            stage: Stage::Start,
        }
    }

    /// Goes on; none if that was not the end. After an error, it can be tried
    /// again.
    ///
    /// # Errors
    ///
    /// As [`VolumeSummary::read`].
    pub fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<Option<VolumeSummary>> {
        match &mut self.stage {
            Stage::Start => {
                self.stage = match unless_damaged(Auditor::new(volume))? {
                    Some(auditor) => Stage::Bitmap(Box::new((Selection::new(volume)?, auditor))),
                    None => Stage::RecordsStart,
                };
            }
            Stage::Bitmap(both) => {
                let (selection, auditor) = &mut **both;
                let goes_on = unless_damaged(auditor.step(volume, selection))?;
                if goes_on == Some(true) {
                    return Ok(None);
                }
                let stage = mem::replace(&mut self.stage, Stage::RecordsStart);
                if let (Some(_), Stage::Bitmap(both)) = (goes_on, stage) {
                    let (mut selection, auditor) = *both;
                    if auditor.finish(&mut selection).unknown.is_none() {
                        self.usage = Some(Usage::of(&selection.map, self.parts));
                    }
                }
            }
            Stage::RecordsStart => {
                let bits = unless_damaged(RecordBits::new(volume))?;
                let bits = bits.map(Box::new);
                self.stage = bits.map_or(Stage::FilesStart, Stage::Records);
            }
            Stage::Records(bits) => match unless_damaged(bits.step(volume))? {
                Some(true) => {}
                ended => {
                    self.records_in_use = ended.map(|_| bits.in_use);
                    self.stage = Stage::FilesStart;
                }
            },
            Stage::FilesStart => {
                self.stage = match volume.mft().record_count() {
                    ..=MAX_RECORDS => {
                        Stage::Files(Box::new(Selection::new(volume)?), Part::all(volume))
                    }
                    _ => Stage::End,
                };
            }
            Stage::Files(selection, rest) => match rest.is_empty() {
                false => {
                    Walk::new(volume).claims_of_some(rest, &mut |claims| selection.add(claims))?
                }
                true => {
                    self.files = Some(selection.files);
                    self.stage = Stage::End;
                }
            },
            Stage::End => return self.finish(volume).map(Some),
        }
        Ok(None)
    }

    fn finish<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<VolumeSummary> {
        let Geometry {
            sector_size,
            cluster_size,
            mft_record_size,
            index_record_size,
            total_sectors,
        } = *volume.geometry();
        let info = unless_damaged(VolumeInfo::read(volume))?;
        let is_hibernated = unless_damaged(volume.is_hibernated())?;
        Ok(VolumeSummary {
            ntfs_version: info
                .as_ref()
                .map(|info| alloc::format!("{}.{}", info.major_version, info.minor_version)),
            is_dirty: info.as_ref().map(VolumeInfo::is_dirty),
            label: info.map(|info| info.label),
            is_hibernated,
            serial: alloc::format!("{:016X}", volume.boot().serial_number),
            sector_size,
            cluster_size,
            mft_record_size,
            index_record_size,
            size: total_sectors.saturating_mul(sector_size.into()),
            clusters: volume.geometry().nr_clusters(),
            mft_lcn: volume.boot().mft.0,
            is_from_backup_boot_sector: matches!(volume.opened_from(), OpenedFrom::Backup { .. }),
            usage: self.usage.take(),
            records: volume.mft().record_count(),
            records_in_use: self.records_in_use,
            files: self.files,
        })
    }
}

/// None for what is damaged.
fn unless_damaged<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bits that are set in `$MFT`'s bitmap, as they are counted.
#[derive(Debug)]
struct RecordBits {
    value: Value,
    records: u64,
    position: u64,
    in_use: u64,
}

impl RecordBits {
    fn new<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let file = FileRecord::read(volume, RECORD_MFT)?;
        let Some(value) = file.value(AttributeType::BITMAP, &[])? else {
            return Err(Error::Corrupt {
                structure: Structure::Mft,
                offset: file.base()?.offset(),
                field: "the number of its bitmaps",
                found: 0,
                expected: "1",
            });
        };
        Ok(Self {
            value,
            records: volume.mft().record_count(),
            position: 0,
            in_use: 0,
        })
    }

    /// False at the end. After an error, it can be tried again.
    fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        // What stands after the bit of the last record means nothing.
        let bytes = self.records.div_ceil(8);
        let left = bytes.saturating_sub(self.position);
        if left == 0 {
            return Ok(false);
        }
        let mut chunk = alloc::vec![0; len_usize(left.min(CHUNK_BYTES))];
        let (source, geometry) = (volume.source(), volume.geometry());
        self.value
            .read_exact_at(source, geometry, self.position, &mut chunk)?;
        self.position = self.position.saturating_add(len_u64(chunk.len()));
        if let (0, Some(last), used @ 1..) = (
            bytes.saturating_sub(self.position),
            chunk.last_mut(),
            self.records % 8,
        ) {
            let unused = u32::try_from(8_u64.saturating_sub(used)).unwrap_or(0);
            *last &= u8::MAX.checked_shr(unused).unwrap_or(0);
        }
        let set = chunk.iter().map(|byte| u64::from(byte.count_ones()));
        self.in_use = self.in_use.saturating_add(set.sum());
        Ok(true)
    }
}

impl Usage {
    /// Of the clusters in `used`, with a map of so many `parts`.
    pub fn of(used: &ClusterMap, parts: usize) -> Self {
        let nr_clusters = used.nr_clusters();
        let mut usage = Self {
            used: 0,
            free: nr_clusters,
            runs: 0,
            largest_used: Vec::new(),
            largest_free: Vec::new(),
            map: Vec::new(),
        };
        let parts = len_u64(parts).min(nr_clusters).max(1);
        let mut filling = alloc::vec![0_u64; len_usize(parts)];
        let mut end = Lcn(0);
        for extent in used.extents() {
            usage.used = usage.used.saturating_add(extent.len);
            usage.runs = usage.runs.saturating_add(1);
            keep_largest(&mut usage.largest_used, extent);
            keep_largest(&mut usage.largest_free, between(end, extent.start));
            end = extent.end();
            fill(&mut filling, extent, nr_clusters);
        }
        keep_largest(&mut usage.largest_free, between(end, Lcn(nr_clusters)));
        usage.free = nr_clusters.saturating_sub(usage.used);
        let starts = (0..parts).map(|part| part_start(part, parts, nr_clusters));
        let ends = (1..=parts).map(|part| part_start(part, parts, nr_clusters));
        let sizes = starts
            .zip(ends)
            .map(|(start, end)| end.saturating_sub(start));
        usage.map = filling
            .iter()
            .zip(sizes)
            .map(|(&used, size)| {
                let per_mille = u128::from(used)
                    .saturating_mul(1000)
                    .div_ceil(size.max(1).into());
                u16::try_from(per_mille).unwrap_or(1000)
            })
            .collect();
        usage
    }
}

fn between(start: Lcn, end: Lcn) -> Extent {
    Extent::new(start, end.0.saturating_sub(start.0))
}

/// How many runs are told.
const LARGEST: usize = 5;

fn keep_largest(largest: &mut Vec<Run>, extent: Extent) {
    if extent.len == 0 {
        return;
    }
    let place = largest.partition_point(|run| run.clusters >= extent.len);
    if place < LARGEST {
        let run = Run {
            lcn: extent.start.0,
            clusters: extent.len,
        };
        largest.insert(place, run);
        largest.truncate(LARGEST);
    }
}

/// The cluster with which a part of the volume begins.
fn part_start(part: u64, parts: u64, nr_clusters: u64) -> u64 {
    let start = u128::from(part).saturating_mul(nr_clusters.into());
    u64::try_from(start.checked_div(parts.into()).unwrap_or(0)).unwrap_or(nr_clusters)
}

/// Adds the clusters of an extent to the parts it lies in.
fn fill(filling: &mut [u64], extent: Extent, nr_clusters: u64) {
    let parts = len_u64(filling.len());
    let first = u128::from(extent.start.0).saturating_mul(parts.into());
    let first = first.checked_div(nr_clusters.into()).unwrap_or(0);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    for (index, part) in filling.iter_mut().enumerate().skip(first) {
        let number = len_u64(index);
        let start = part_start(number, parts, nr_clusters).max(extent.start.0);
        if start >= extent.end().0 {
            break;
        }
        let end = part_start(number.saturating_add(1), parts, nr_clusters).min(extent.end().0);
        *part = part.saturating_add(end.saturating_sub(start));
    }
}
