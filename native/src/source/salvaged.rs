//! The volume in a damaged image, or in a damaged stream: what is there of it,
//! and which parts that are in use are missing.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::Index;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::salvage::{Ending, Expected, Salvaged};
use ntfsclone_core::io::{IoError, ReadAt, ReadParts};
use ntfsclone_core::ntfs::{BootSector, Volume};
use ntfsclone_core::salvage::{self, DamagedVolume, SalvagedImage};
use ntfsclone_core::units::{Extent, Lcn};

use super::in_use::InUse;
use super::input::{Bytes, Format, Opened, Recognised};
use super::{PartcloneParts, Parts};
use crate::bulk::pipeline::{Filled, Filler};
use crate::device;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::options;
use crate::report;
use crate::rescue::{Medium, write_marks};

/// The least size of a sector, taken where the volume's is not known.
const LEAST_SECTOR: u64 = 512;

/// What a damaged input holds.
pub struct SalvagedVolume {
    pub input: Recognised,
    pub header: Header,
    pub volume: Option<Volume<Arc<DamagedVolume<Parts>>>>,
    content: Arc<DamagedVolume<Parts>>,
    /// What is written, in order, in bytes.
    areas: Vec<Range<u64>>,
    /// What is in use and missing, in order. Of a sector that is there in part,
    /// the rest.
    pub missing: Vec<Range<u64>>,
    /// What may be damaged, and whether it is cannot be known.
    pub doubtful: Vec<Extent>,
    /// How many clusters are not there, of which nothing tells whether they are
    /// in use.
    pub untold: u64,
    /// The count of a gap is wrong and nothing tells which: clusters may be at
    /// wrong places.
    pub is_shifted: bool,
    /// Bytes of a sector, each of which gets a mark.
    sector: u64,
    /// An image of metadata holds no account of what is in use.
    pub is_ordinary: bool,
}

impl SalvagedVolume {
    /// Reads all of the input, to find out.
    ///
    /// # Errors
    ///
    /// It holds nothing of an image or volume; it cannot be read at all.
    pub fn find(
        opened: Opened,
        threads: Option<NonZeroUsize>,
        how: options::Progress,
    ) -> Result<Self> {
        let Opened { input, bytes } = opened;
        let name = input.name.clone();
        let parts = parts_of(&input, bytes)?;
        match input.format {
            Format::Image => Self::of_image(input, parts, threads, how),
            Format::Partclone => Self::of_partclone(input, parts, threads, how),
            Format::Volume => Self::of_volume(input, parts, threads, how),
        }
        .map_err(|error| match error {
            Failure::Core(error) => Error::read(&name, error),
            Failure::Other(error) => error,
        })
    }

    fn of_image(
        input: Recognised,
        parts: Parts,
        threads: Option<NonZeroUsize>,
        how: options::Progress,
    ) -> Result<Self, Failure> {
        let mut progress = Progress::start(how, Phase::Check, parts.size());
        let SalvagedImage { found, expected } = match parts.index() {
            Some(index) => SalvagedImage {
                expected: Expected::of_index(&index),
                found: Salvaged::by_index(&parts, index, &mut |done| progress.advance_to(done))?,
            },
            None => {
                let header = salvage::find_header(&parts)?;
                if let Some(damage) = &header.damage {
                    warn(&input.name, damage);
                }
                let ending = match input.ends_anywhere() {
                    true => Ending::Anywhere,
                    false => Ending::WithSource,
                };
                salvage::salvage_image(&parts, header.header, ending, |done| {
                    progress.advance_to(done);
                })?
            }
        };
        progress.finish();
        for damage in &found.damages {
            warn(&input.name, damage);
        }
        let header = *found.index.header();
        let cluster_size = u64::from(header.cluster_size);
        let content = Arc::new(DamagedVolume::in_image(parts, &found));
        let volume = open(&input.name, &content);
        let sector = sector_of(volume.as_ref());
        let mut missing = found.absent_of_volume();
        let mut untold = 0;
        if !found.unknown.is_empty() {
            let mut in_use = InUse::new(&input.name, volume.as_ref(), expected, threads, how)?;
            let (lost, rest) = in_use.split(&found.unknown);
            missing.extend(lost.iter().map(|extent| bytes(*extent, cluster_size)));
            untold = rest;
        }
        let volume_size = header.nr_clusters * cluster_size;
        let size = content.size();
        if !found.has_tail {
            missing.push(volume_size..size);
        }
        let missing = merged(missing);
        let mut areas: Vec<Range<u64>> = found
            .index
            .extents()
            .map(|extent| bytes(extent, cluster_size))
            .collect();
        areas.push(volume_size..size);
        areas.extend(missing.iter().map(|part| {
            // As clusters are written, but at the end.
            let end = part.end.next_multiple_of(cluster_size);
            part.start - part.start % cluster_size..end.min(size)
        }));
        Ok(Self {
            is_shifted: found.is_shifted(),
            doubtful: found.doubtful,
            is_ordinary: found.is_ordinary,
            header,
            volume,
            content,
            areas: merged(areas),
            missing,
            untold,
            sector,
            input,
        })
    }

    /// What there is of an image of partclone: the blocks that it stores.
    fn of_partclone(
        input: Recognised,
        image: Parts,
        threads: Option<NonZeroUsize>,
        how: options::Progress,
    ) -> Result<Self, Failure> {
        let size = image.size();
        let image = PartcloneParts::open(image)?;
        let image_size = image.image_size();
        if size < image_size {
            report::warning(format!(
                "{}: the image is truncated: it ends at byte {size:#x}, and {image_size} bytes \
                 are expected",
                input.name.display()
            ));
        }
        let mut progress = Progress::start(how, Phase::Check, size);
        let doubtful = image.mismatches(|done| progress.advance_to(done))?;
        progress.finish();
        let (header, used) = (*image.index().header(), image.index().blocks().len());
        let cluster_size = u64::from(header.block_size);
        let tail = header.volume_size()..header.restored_size();
        let stored = image.index().extents();
        let stored: Vec<Range<u64>> = stored.map(|extent| bytes(extent, cluster_size)).collect();
        let mut salvaged = Self::of_volume(input, image.into(), threads, how)?;
        // A device without room for a backup boot sector is not missing one.
        salvaged.header.device_size = tail.end;
        salvaged.missing = overlapping(&salvaged.missing, &(0..tail.end)).collect();
        let areas = stored.iter().chain([&tail]);
        let mut areas: Vec<Range<u64>> = areas
            .flat_map(|area| overlapping(&salvaged.areas, area))
            .collect();
        areas.extend(salvaged.missing.iter().cloned());
        salvaged.areas = merged(areas);
        salvaged.doubtful = doubtful
            .iter()
            .flat_map(|extent| overlapping(&stored, &bytes(*extent, cluster_size)))
            .map(|part| {
                let first = part.start / cluster_size;
                Extent::new(Lcn(first), part.end / cluster_size - first)
            })
            .collect();
        salvaged.header.inuse = used;
        Ok(salvaged)
    }

    /// All there is of a volume, which is not told by what is in use alone.
    fn of_volume(
        input: Recognised,
        parts: Parts,
        threads: Option<NonZeroUsize>,
        how: options::Progress,
    ) -> Result<Self, Failure> {
        let size = parts.size();
        let mut absent = Vec::new();
        let mut progress = Progress::start(how, Phase::Check, size);
        let mut piece = vec![0; 1 << 20];
        let mut position = 0;
        while position < size {
            let len = (size - position).min(piece.len() as u64);
            let read = parts.read_parts_at(position, &mut piece[..len as usize], &mut |part| {
                absent.push(part);
            });
            read.map_err(|source| CoreError::Io {
                structure: Structure::Volume,
                offset: position,
                len,
                source,
            })?;
            position += len;
            progress.advance_to(position);
        }
        progress.finish();
        let boot = {
            let all = DamagedVolume::of_volume(parts.clone(), size, absent.clone());
            BootSector::read(&all)?.0
        };
        let geometry = boot.geometry;
        let cluster_size = u64::from(geometry.cluster_size);
        let backup_end = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
        let volume_size = geometry.bytes(geometry.nr_clusters());
        let full_size = size.max(backup_end);
        let header = Header::new(
            geometry.cluster_size,
            full_size,
            geometry.nr_clusters(),
            geometry.nr_clusters(),
        );
        let content = Arc::new(DamagedVolume::of_volume(parts, full_size, absent));
        let volume = open(&input.name, &content);
        let sector = sector_of(volume.as_ref());
        let not_there: Vec<Extent> = content
            .missing()
            .iter()
            .filter(|part| part.start < volume_size)
            .map(|part| {
                let first = part.start / cluster_size;
                let end = part.end.min(volume_size).div_ceil(cluster_size);
                Extent::new(Lcn(first), end - first)
            })
            .collect();
        let mut in_use = InUse::new(&input.name, volume.as_ref(), None, threads, how)?;
        if let (Some(_), false) = (&volume, not_there.is_empty()) {
            let volume = |fill| (*content).clone().filled_with(fill);
            in_use.expected = salvage::expected(&volume(0xFF), &volume(0))?;
        }
        let (lost, untold) = in_use.split(&not_there);
        let lost: Vec<Range<u64>> = lost
            .iter()
            .map(|extent| bytes(*extent, cluster_size))
            .collect();
        let mut missing = Vec::new();
        for part in content.missing() {
            let tail = part.start.max(volume_size)..part.end;
            missing.extend(overlapping(&lost, part).chain([tail]));
        }
        let missing = merged(missing);
        let mut areas = Vec::new();
        let mut position = 0;
        for part in content.missing() {
            areas.push(position..part.start);
            position = part.end;
        }
        areas.push(position..full_size);
        areas.extend(missing.iter().cloned());
        Ok(Self {
            input,
            header,
            volume,
            content,
            areas: merged(areas),
            missing,
            doubtful: Vec::new(),
            untold,
            is_shifted: false,
            sector,
            is_ordinary: true,
        })
    }

    /// The volume, of which what is missing cannot be read.
    pub fn medium(&self) -> Medium {
        let there = WithHoles::new(Arc::clone(&self.content), self.missing.clone());
        Medium::of_reader(there, self.content.size())
    }

    /// How many of these clusters an image does not hold.
    pub fn lacks(&self, extent: Extent) -> u64 {
        let wanted = bytes(extent, self.header.cluster_size.into());
        let there = overlapping(&self.areas, &wanted).map(|part| part.end - part.start);
        let lacks = (wanted.end - wanted.start) - there.sum::<u64>();
        lacks / u64::from(self.header.cluster_size)
    }

    /// Bytes that are written.
    pub fn bytes(&self) -> u64 {
        self.areas.iter().map(|area| area.end - area.start).sum()
    }

    /// Whether nothing is missing or in doubt.
    pub fn is_whole(&self) -> bool {
        let is_complete = self.missing.is_empty() && self.untold == 0;
        is_complete && self.doubtful.is_empty() && !self.is_shifted
    }

    /// Bytes in doubt, in order.
    pub fn doubtful_bytes(&self) -> Vec<Range<u64>> {
        let size = u64::from(self.header.cluster_size);
        let all = self.doubtful.iter();
        merged(all.map(|extent| bytes(*extent, size)).collect())
    }

    /// Fills batches with what is written, and marks where it is missing.
    pub fn fill(&self) -> impl FnOnce(&mut Filler<'_>) -> Filled + use<> {
        let (content, name) = (Arc::clone(&self.content), self.input.name.clone());
        let (areas, missing) = (self.areas.clone(), self.missing.clone());
        let (cluster_size, sector) = (self.header.cluster_size, self.sector);
        move |filler| {
            for area in areas {
                let len = area.end - area.start;
                let read = filler.fill(area.start, len, cluster_size, |offset, bytes| {
                    let end = offset + bytes.len() as u64;
                    content
                        .read_exact_at(offset, bytes)
                        .map_err(|source| CoreError::Io {
                            structure: Structure::Volume,
                            offset,
                            len: bytes.len() as u64,
                            source,
                        })
                        .map_err(|error| Error::read(&name, error))?;
                    for part in overlapping(&missing, &(offset..end)) {
                        let within = (part.start - offset) as usize..(part.end - offset) as usize;
                        write_marks(sector, part.start, &mut bytes[within]);
                    }
                    Ok(())
                })?;
                if let Err(error) = read {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        }
    }
}

/// Reads as zeros where nothing is.
impl ReadAt for SalvagedVolume {
    fn size(&self) -> u64 {
        self.content.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::result::Result<(), IoError> {
        self.content.read_exact_at(offset, buf)
    }
}

/// What is read as a device would be that has bad sectors where it is missing.
pub(super) struct WithHoles<R> {
    content: R,
    missing: Vec<Range<u64>>,
}

impl<R> WithHoles<R> {
    pub(super) fn new(content: R, missing: Vec<Range<u64>>) -> Self {
        Self { content, missing }
    }
}

impl<R: ReadAt> positioned_io::ReadAt for WithHoles<R> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.content.size().saturating_sub(offset);
        let asked = offset..offset + left.min(buf.len() as u64);
        let first = overlapping(&self.missing, &asked).next();
        // Whole sectors, of which none is missing in part.
        let end = first.map_or(asked.end, |part| part.start - part.start % LEAST_SECTOR);
        if end <= offset && !asked.is_empty() {
            return Err(device::bad_sector());
        }
        let len = (end - offset) as usize;
        let read = self.content.read_exact_at(offset, &mut buf[..len]);
        read.map_err(io::Error::other)?;
        Ok(len)
    }
}

enum Failure {
    Core(CoreError),
    Other(Error),
}

impl From<CoreError> for Failure {
    fn from(error: CoreError) -> Self {
        Self::Core(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn parts_of(input: &Recognised, bytes: Bytes) -> Result<Parts> {
    match (&input.damaged, bytes) {
        (Some(source), _) => Ok(Parts::Sectors(Arc::clone(source))),
        (None, Bytes::Seekable(seekable)) => Ok(Parts::Frames(seekable)),
        (None, Bytes::Random(files)) => Ok(Parts::of_files(files)),
        (None, Bytes::Stream(mut reader)) => {
            let reader: &mut (dyn Read + Send) = &mut *reader;
            let (parts, damage) = Parts::of_stream(&input.name, reader)?;
            if let Some(damage) = damage {
                report::warning(report::with_causes(&damage));
            }
            Ok(parts)
        }
    }
}

/// Opens what there is of the volume, to know what is in use, and by whom.
fn open(
    name: &Path,
    content: &Arc<DamagedVolume<Parts>>,
) -> Option<Volume<Arc<DamagedVolume<Parts>>>> {
    match Volume::salvage(Arc::clone(content)) {
        Ok((volume, damages)) => {
            for damage in &damages {
                warn(name, damage);
            }
            Some(volume)
        }
        Err(error) => {
            report::warning(format!(
                "{}: cannot tell which files it holds: {}",
                name.display(),
                report::with_causes(&error)
            ));
            None
        }
    }
}

fn warn(name: &Path, damage: &dyn std::error::Error) {
    let damage = report::with_causes(damage);
    report::warning(format!("{}: {damage}", name.display()));
}

fn sector_of(volume: Option<&Volume<Arc<DamagedVolume<Parts>>>>) -> u64 {
    volume.map_or(LEAST_SECTOR, |volume| {
        u64::from(volume.geometry().sector_size).max(LEAST_SECTOR)
    })
}

fn bytes(extent: Extent, cluster_size: u64) -> Range<u64> {
    extent.start.0 * cluster_size..extent.end().0 * cluster_size
}

/// The parts of ordered ranges that lie in `range`.
fn overlapping<'a>(
    ranges: &'a [Range<u64>],
    range: &Range<u64>,
) -> impl Iterator<Item = Range<u64>> + use<'a> {
    let (start, end) = (range.start, range.end);
    let first = ranges.partition_point(|part| part.end <= start);
    ranges[first..]
        .iter()
        .take_while(move |part| part.start < end)
        .map(move |part| part.start.max(start)..part.end.min(end))
}

/// The same bytes in ascending ranges that do not touch.
fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

impl Parts {
    /// Where the clusters are, if the file reports that itself.
    fn index(&self) -> Option<Index> {
        match self {
            Self::Sectors(_) | Self::Partclone(_) => None,
            Self::Frames(seekable) => seekable.summary().ok()??.index().ok()?,
        }
    }
}
