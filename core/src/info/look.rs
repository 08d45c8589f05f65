//! Looking at a volume, step by step.

use alloc::boxed::Box;
use core::mem;

use super::{BadClusters, Usage, VolumeSummary};
use crate::clusters::{Auditor, Part, Selection, Walk};
use crate::discovery::bad_clusters;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::mft::RECORD_MFT;
use crate::ntfs::value::Value;
use crate::ntfs::{AttributeType, FileRecord, OpenedFrom, Unclean, Volume, VolumeInfo};
use crate::relocate::{bitmap_clusters, least_size};
use crate::units::{Geometry, len_u64, len_usize};

/// As many records as are walked over in some tenths of a second.
const MAX_RECORDS: u64 = 200_000;

/// Bytes of `$MFT`'s bitmap read at once.
const CHUNK_BYTES: u64 = 1 << 20;

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
        let journal = unless_damaged(volume.journal())?;
        let bad = unless_damaged(bad_clusters(volume))?;
        let bad = bad.map(|bad| BadClusters::of(&bad, volume.geometry().nr_clusters()));
        let usage = self.usage.take();
        Ok(VolumeSummary {
            ntfs_version: info
                .as_ref()
                .map(|info| alloc::format!("{}.{}", info.major_version, info.minor_version)),
            is_dirty: info.as_ref().map(VolumeInfo::is_dirty),
            unclean: info
                .as_ref()
                .zip(journal)
                .map(|(info, journal)| Unclean::reasons(info, journal)),
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
            least_size: usage.as_ref().zip(bad.as_ref()).map(|(usage, bad)| {
                let geometry = volume.geometry();
                let used = usage.used.saturating_sub(bad.clusters);
                let bitmap = bitmap_clusters(geometry, geometry.nr_clusters());
                least_size(geometry, used, bitmap)
            }),
            usage,
            bad,
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
