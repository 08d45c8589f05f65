//! The volume in a damaged image, or a damaged copy of one: what is there, and
//! what is missing.
//!
//! [`image::salvage`](crate::image::salvage) follows the commands; where some
//! are lost, `$Bitmap` reports what they were, if that is in the image.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::clusters::ClusterMap;
use crate::clusters::extender::Extender;
use crate::discovery::bad_clusters;
use crate::error::{Error, Result, Structure};
use crate::image::Reader;
use crate::image::ntfsclone::{HEADER_SIZE, Header};
use crate::image::salvage::{Ending, Expected, Salvaged};
use crate::io::{IoError, ReadAt, Source};
use crate::ntfs::bitmap::Chunks;
use crate::ntfs::boot_sector::BOOT_SECTOR_BYTES;
use crate::ntfs::{BootSector, Volume};
use crate::ranges::{merged, overlapping};
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// How often an image is read, at the most: what is found helps to find more.
const MAX_PASSES: usize = 3;

/// A header whose fields come from elsewhere, and why.
#[derive(Debug)]
pub struct FoundHeader {
    /// The header.
    pub header: Header,
    /// What is wrong with the one in the image, if it is damaged.
    pub damage: Option<Error>,
}

/// Reads the header of a damaged image. Where it is damaged, the boot sector of
/// the volume reports the sizes: the first one follows the header, the backup
/// ends the image.
///
/// # Errors
///
/// What is wrong with the header, if there is no boot sector; [`Error::Io`].
pub fn find_header(source: &Source) -> Result<FoundHeader> {
    let damage = match Header::read(source) {
        Ok(header) => match disagreement(source, &header) {
            None => {
                return Ok(FoundHeader {
                    header,
                    damage: None,
                });
            }
            Some(damage) => damage,
        },
        Err(error) if error.is_damage() => error,
        Err(error) => return Err(error),
    };
    let first = len_u64(HEADER_SIZE).saturating_add(1);
    let sector = len_u64(BOOT_SECTOR_BYTES);
    let places = [first, source.size().saturating_sub(sector)];
    let mut boots = places
        .iter()
        .filter_map(|&offset| BootSector::read_at(source, offset).ok());
    let Some(boot) = boots.next() else {
        return Err(damage);
    };
    let geometry = boot.geometry;
    let (cluster_size, nr_clusters) = (geometry.cluster_size, geometry.nr_clusters());
    let volume = geometry.bytes(nr_clusters);
    let backup_end = geometry
        .backup_boot_sector()
        .saturating_add(geometry.sector_size.into());
    // As far as its fields can be right, they are.
    let mut fields = [0; HEADER_SIZE];
    source
        .read_exact_at(0, &mut fields)
        .map_err(|source| Error::Io {
            structure: Structure::ImageHeader,
            offset: 0,
            len: len_u64(HEADER_SIZE),
            source,
        })?;
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, rest @ ..] = fields;
    let field = |at: usize| {
        let bytes = rest.get(at.saturating_sub(16)..).unwrap_or_default();
        u64::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default())
    };
    let device_size = match field(22) {
        size if (backup_end..=volume.saturating_mul(2)).contains(&size) => size,
        _ => backup_end.max(volume),
    };
    let inuse = field(38).min(nr_clusters);
    Ok(FoundHeader {
        header: Header::new(cluster_size, device_size, nr_clusters, inuse),
        damage: Some(damage),
    })
}

/// What the header says that the boot sector after it does not: each is too
/// improbable to agree by chance with what is damaged.
fn disagreement(source: &Source, header: &Header) -> Option<Error> {
    let first = |data: u64| BootSector::read_at(source, data.saturating_add(1)).ok();
    let usual = len_u64(HEADER_SIZE);
    let data_offset = u64::from(header.data_offset);
    let boot = match first(data_offset) {
        Some(boot) => boot,
        None if data_offset != usual && first(usual).is_some() => {
            return Some(Error::Corrupt {
                structure: Structure::ImageHeader,
                offset: 46,
                field: "the offset of its data",
                found: data_offset,
                expected: "56, where the boot sector is",
            });
        }
        None => return None,
    };
    let geometry = boot.geometry;
    let fields = [
        (
            18,
            "its cluster size",
            u64::from(header.cluster_size),
            u64::from(geometry.cluster_size),
        ),
        (
            30,
            "its number of clusters",
            header.nr_clusters,
            geometry.nr_clusters(),
        ),
    ];
    let differs = fields
        .iter()
        .find(|(_, _, found, by_boot)| found != by_boot);
    differs.map(|&(offset, field, found, _)| Error::Corrupt {
        structure: Structure::ImageHeader,
        offset,
        field,
        found,
        expected: "that of the boot sector",
    })
}

/// What a damaged image holds, and what the volume in it reports to be in use.
#[derive(Debug)]
pub struct SalvagedImage {
    /// Where the clusters are.
    pub found: Salvaged,
    /// `None` where no `$Bitmap` is readable, or the image is none of all that is
    /// in use.
    pub expected: Option<Expected>,
}

/// Finds what a damaged image holds. Calls `progress` with the number of bytes
/// read, from the start again if it has to be read once more.
///
/// # Errors
///
/// [`Error::Io`], [`Error::Memory`].
pub fn salvage_image(
    source: &Source,
    header: Header,
    ending: Ending,
    mut progress: impl FnMut(u64),
) -> Result<SalvagedImage> {
    let mut found = Salvaged::find(source, header, ending, None, &mut progress)?;
    let mut expected = None;
    for _ in 1..MAX_PASSES {
        if found.is_whole() || !found.is_ordinary {
            break;
        }
        let Some(by_bitmap) = expected_by(source, &found)? else {
            break;
        };
        let next = Salvaged::find(source, header, ending, Some(&by_bitmap), &mut progress)?;
        let is_last = next.index == found.index;
        expected = Some(by_bitmap);
        found = next;
        if is_last {
            break;
        }
    }
    Ok(SalvagedImage { found, expected })
}

/// What the `$Bitmap` in the image reports, if that is of this image. It is
/// looked for where the clusters are, or would be with another count of a gap.
fn expected_by(source: &Source, found: &Salvaged) -> Result<Option<Expected>> {
    let agreeing = |found: &Salvaged| -> Result<Option<Expected>> {
        let stored: Vec<Extent> = found.index.extents().collect();
        let expected = expected_in(source, found)?;
        let header = found.index.header();
        Ok(expected.filter(|expected| expected.agrees_with(header, &stored, &found.unknown)))
    };
    if let Some(expected) = agreeing(found)? {
        return Ok(Some(expected));
    }
    for shifted in found.shifted() {
        if let Some(expected) = agreeing(&shifted?)? {
            return Ok(Some(expected));
        }
    }
    Ok(None)
}

/// What the `$Bitmap` in the image reports, as far as it is readable.
fn expected_in(source: &Source, found: &Salvaged) -> Result<Option<Expected>> {
    expected(&DamagedVolume::in_image(Arc::clone(source), found))
}

/// The clusters in use by `$Bitmap`: unreadable bits differ between the volume
/// that reads as ones where it is unreadable, and the one that reads as zeros.
///
/// # Errors
///
/// [`Error::Io`], [`Error::Memory`].
pub fn expected(volume: &DamagedVolume) -> Result<Option<Expected>> {
    let (ones, zeros) = (volume.filled_with(0xFF), volume.filled_with(0));
    let open = |volume| match Volume::salvage(volume) {
        Ok((volume, _)) => Ok(Some(volume)),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    };
    let (Some(ones), Some(zeros)) = (open(&ones)?, open(&zeros)?) else {
        return Ok(None);
    };
    let nr_clusters = ones.geometry().nr_clusters();
    let is_same_size = nr_clusters == zeros.geometry().nr_clusters();
    let is_as_said = volume.nr_clusters.is_none_or(|said| said == nr_clusters);
    if !is_same_size || !is_as_said {
        return Ok(None);
    }
    let no_memory = |_| Error::Memory {
        structure: Structure::Bitmap,
        len: ClusterMap::least_memory(nr_clusters),
    };
    let mut used = ClusterMap::new(nr_clusters).map_err(no_memory)?;
    let mut unknown = ClusterMap::new(nr_clusters).map_err(no_memory)?;
    let (mut by_ones, mut by_zeros) = (Chunks::new(&ones)?, Chunks::new(&zeros)?);
    let (mut in_use, mut differ) = (Extender::default(), Extender::default());
    let mut known = 0_u64;
    while let (Some((first, words)), Some((_, others))) =
        (by_ones.next(&ones)?, by_zeros.next(&zeros)?)
    {
        let lcns = (first.0..).step_by(64).map(Lcn);
        for ((lcn, &word), &other) in lcns.zip(words).zip(others) {
            in_use.add_bits(lcn, word & other, |extent| {
                used.insert(extent);
            });
            differ.add_bits(lcn, word ^ other, |extent| {
                unknown.insert(extent);
            });
            known = lcn.0.saturating_add(64).min(nr_clusters);
        }
    }
    if let Some(extent) = in_use.finish() {
        used.insert(extent);
    }
    if let Some(extent) = differ.finish() {
        unknown.insert(extent);
    }
    unknown.insert(Extent::new(Lcn(known), nr_clusters.saturating_sub(known)));
    match bad_clusters(&ones) {
        Ok(bad) => bad.into_iter().for_each(|extent| {
            used.remove(extent);
        }),
        Err(error) if error.is_damage() => {}
        Err(error) => return Err(error),
    }
    Ok(Some(Expected::new(
        nr_clusters,
        used.extents().collect(),
        unknown.extents().collect(),
    )))
}

/// A volume of which parts are missing, as it would be restored.
#[derive(Clone)]
pub struct DamagedVolume {
    /// The volume; what is missing is not read from it.
    source: Source,
    size: u64,
    /// What the image it is in says.
    nr_clusters: Option<u64>,
    /// In order, in bytes; none touches another.
    missing: Arc<[Range<u64>]>,
    /// Missing bytes are read as this.
    fill: u8,
}

impl DamagedVolume {
    /// The volume in a damaged image.
    pub fn in_image(source: Source, found: &Salvaged) -> Self {
        let header = found.index.header();
        let cluster_size = u64::from(header.cluster_size);
        let mut missing = found.absent_of_volume();
        missing.extend(found.unknown.iter().map(|extent| {
            let start = extent.start.0.saturating_mul(cluster_size);
            start..extent.end().0.saturating_mul(cluster_size)
        }));
        let size = found.index.restored_size();
        if !found.has_tail {
            let clusters = header.nr_clusters.saturating_mul(cluster_size);
            missing.push(clusters..size);
        }
        Self {
            size,
            nr_clusters: Some(header.nr_clusters),
            missing: merged(missing).into(),
            source: Arc::new(Reader::of_damaged(source, found.index.clone())),
            fill: 0xFF,
        }
    }

    /// A volume of at least `size` bytes, of which `source` holds the first;
    /// `absent` of these cannot be read.
    pub fn of_volume(source: Source, size: u64, mut absent: Vec<Range<u64>>) -> Self {
        let end = source.size();
        if end < size {
            absent.push(end..size);
        }
        Self {
            size: size.max(end),
            nr_clusters: None,
            missing: merged(absent).into(),
            source,
            fill: 0xFF,
        }
    }

    /// The same, whose missing bytes read as `fill`.
    fn filled_with(&self, fill: u8) -> Self {
        Self {
            fill,
            ..self.clone()
        }
    }

    /// The parts that are missing, in order, in bytes; those of images that
    /// hold no clusters of them, too.
    pub fn missing(&self) -> &[Range<u64>] {
        &self.missing
    }
}

impl ReadAt for DamagedVolume {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        let Some(end) = end.filter(|&end| end <= self.size) else {
            return Err(IoError::end_of_input());
        };
        let mut missing = overlapping(&self.missing, &(offset..end)).peekable();
        let (mut position, mut left) = (offset, buf);
        while position < end {
            let lost = missing.next_if(|part| part.start == position);
            let piece_end = match &lost {
                Some(part) => part.end,
                None => missing.peek().map_or(end, |part| part.start),
            };
            let len = len_usize(piece_end.saturating_sub(position));
            let (piece, rest) = left.split_at_mut_checked(len).unwrap_or_default();
            match lost {
                Some(_) => piece.fill(self.fill),
                None => self.source.read_exact_at(position, piece)?,
            }
            position = piece_end;
            left = rest;
        }
        Ok(())
    }
}
