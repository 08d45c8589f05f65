//! Finding out what a damaged input holds, by reading all of it.

use std::io::Read;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::Index;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::salvage::{Ending, Expected, Salvaged};
use ntfsclone_core::io::{IoError, ReadAt, Source, absent_in};
use ntfsclone_core::ntfs::{BootSector, Volume};
use ntfsclone_core::ranges::{merged, overlapping};
use ntfsclone_core::salvage::{self, DamagedVolume, SalvagedImage};
use ntfsclone_core::units::{Extent, Lcn};

use super::damaged_disk::DamagedDisk;
use super::damaged_frames::DamagedFrames;
use super::in_use::InUse;
use super::{LEAST_SECTOR, SalvagedVolume, bytes};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::{Bytes, Files, Format, OpenInput, Recognised};
use crate::options;
use crate::report;
use crate::rescue::{DamagedSource, Medium};
use crate::source::spool::spool;

/// Bytes of a volume that are read at once.
const PIECE_BYTES: u64 = 1 << 20;

impl SalvagedVolume {
    /// Reads all of the input.
    ///
    /// # Errors
    ///
    /// It holds nothing of an image or volume; it cannot be read at all.
    pub fn find(
        opened: OpenInput,
        threads: Option<NonZeroUsize>,
        progress: options::Progress,
    ) -> Result<Self> {
        let OpenInput { input, bytes } = opened;
        let (source, index) = source_of(&input, bytes)?;
        let scan = Scan { threads, progress };
        match input.format {
            Format::Image => Self::of_image(input, source, index, scan),
            Format::Partclone => Self::of_partclone(input, source, scan),
            Format::Volume => Self::of_volume(input, source, None, scan),
        }
    }

    fn of_image(
        input: Recognised,
        source: Source,
        index: Option<Index>,
        scan: Scan,
    ) -> Result<Self> {
        let SalvagedImage { found, expected } = search_image(&input, &source, index, scan)?;
        for damage in &found.damages {
            warn(&input.name, damage);
        }
        let header = *found.index.header();
        let cluster_size = u64::from(header.cluster_size);
        let content = DamagedVolume::in_image(source, &found);
        let volume = open(&input.name, &content);
        let mut missing = found.absent_of_volume();
        let mut untold = 0;
        if !found.unknown.is_empty() {
            let mut in_use = InUse::new(&input.name, volume.as_ref(), expected, scan)?;
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
            sector: sector_of(volume.as_ref()),
            volume,
            content,
            areas: merged(areas),
            missing,
            untold,
            input,
        })
    }

    /// All there is of a volume, which is not told by what is in use alone.
    /// `device_size` is in bytes; `None` if it is only known by the boot sector: the
    /// backup of that is expected.
    pub(super) fn of_volume(
        input: Recognised,
        source: Source,
        device_size: Option<u64>,
        scan: Scan,
    ) -> Result<Self> {
        let failed = |error| Error::read(&input.name, error);
        let absent = search_volume(&source, scan).map_err(failed)?;
        let size = source.size();
        let boot = {
            let all = DamagedVolume::of_volume(Arc::clone(&source), size, absent.clone());
            BootSector::read(&all).map_err(failed)?.0
        };
        let geometry = boot.geometry;
        let cluster_size = u64::from(geometry.cluster_size);
        let backup_end = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
        let volume_size = geometry.bytes(geometry.nr_clusters());
        let full_size = match device_size {
            Some(device_size) if device_size >= volume_size => device_size,
            _ => size.max(backup_end),
        };
        let header = Header::new(
            geometry.cluster_size,
            full_size,
            geometry.nr_clusters(),
            geometry.nr_clusters(),
        );
        let content = DamagedVolume::of_volume(source, full_size, absent);
        let volume = open(&input.name, &content);
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
        let expected = match volume {
            Some(_) if !not_there.is_empty() => salvage::expected(&content).map_err(failed)?,
            _ => None,
        };
        let mut in_use = InUse::new(&input.name, volume.as_ref(), expected, scan)?;
        let (lost, untold) = in_use.split(&not_there);
        let lost: Vec<Range<u64>> = lost
            .iter()
            .map(|extent| bytes(*extent, cluster_size))
            .collect();
        let mut missing = Vec::new();
        let mut areas = Vec::new();
        let mut position = 0;
        for part in content.missing() {
            let tail = part.start.max(volume_size)..part.end;
            missing.extend(overlapping(&lost, part).chain([tail]));
            areas.push(position..part.start);
            position = part.end;
        }
        let missing = merged(missing);
        areas.push(position..full_size);
        areas.extend(missing.iter().cloned());
        Ok(Self {
            input,
            header,
            sector: sector_of(volume.as_ref()),
            volume,
            content,
            areas: merged(areas),
            missing,
            doubtful: Vec::new(),
            untold,
            is_shifted: false,
            is_ordinary: true,
        })
    }
}

/// How a volume is scanned.
#[derive(Clone, Copy)]
pub(super) struct Scan {
    pub(super) threads: Option<NonZeroUsize>,
    pub(super) progress: options::Progress,
}

/// The bytes of an image or volume, decompressed, at any place; what cannot be read
/// is absent. Where the clusters are, if the file reports that itself.
fn source_of(input: &Recognised, bytes: Bytes) -> Result<(Source, Option<Index>)> {
    let source: Source = match (&input.damaged, bytes) {
        (Some(source), _) => Arc::clone(source) as Source,
        (None, Bytes::Seekable(seekable)) => {
            let summary = seekable.summary().ok().flatten();
            let index = summary.and_then(|summary| summary.index().ok().flatten());
            return Ok((Arc::new(DamagedFrames(seekable)), index));
        }
        (None, Bytes::Random(files)) => source_of_files(files),
        (None, Bytes::Disk(disk)) => Arc::new(DamagedDisk(disk.source())),
        (None, Bytes::Stream(mut reader)) => {
            let reader: &mut (dyn Read + Send) = &mut *reader;
            let (files, damage) = spool(&input.name, reader)?;
            if let Some(damage) = damage {
                report::warning(report::with_causes(&damage));
            }
            source_of_files(Arc::new(files))
        }
    };
    Ok((source, None))
}

/// Files in which sectors are not expected to be bad.
fn source_of_files(files: Arc<Files>) -> Source {
    Arc::new(DamagedSource::new(Medium::of_files(files), 0, None))
}

/// Finds the clusters of an image.
fn search_image(
    input: &Recognised,
    source: &Source,
    index: Option<Index>,
    scan: Scan,
) -> Result<SalvagedImage> {
    let failed = |error| Error::read(&input.name, error);
    let mut progress = Progress::start(scan.progress, Phase::Check, source.size());
    let mut advance = |done| progress.advance_to(done);
    let image = match index {
        Some(index) => Salvaged::by_index(source, index, &mut advance).map(|found| SalvagedImage {
            expected: Expected::of_index(&found.index),
            found,
        }),
        None => {
            let header = salvage::find_header(source).map_err(failed)?;
            if let Some(damage) = &header.damage {
                warn(&input.name, damage);
            }
            let ending = match input.ends_anywhere() {
                true => Ending::Anywhere,
                false => Ending::WithSource,
            };
            salvage::salvage_image(source, header.header, ending, advance)
        }
    };
    let image = image.map_err(failed)?;
    progress.finish();
    Ok(image)
}

/// Reads all of a volume. Returns what of it cannot be read, in order.
fn search_volume(source: &Source, scan: Scan) -> Result<Vec<Range<u64>>, CoreError> {
    let size = source.size();
    let mut absent = Vec::new();
    let mut progress = Progress::start(scan.progress, Phase::Check, size);
    let mut buffer = vec![0; PIECE_BYTES as usize];
    for offset in (0..size).step_by(PIECE_BYTES as usize) {
        let len = (size - offset).min(PIECE_BYTES);
        let failed = |source: IoError| CoreError::Io {
            structure: Structure::Volume,
            offset,
            len,
            source,
        };
        let piece = &mut buffer[..len as usize];
        source.read_exact_at(offset, piece).map_err(failed)?;
        for part in absent_in(source, offset..offset + len) {
            absent.push(part.map_err(failed)?);
        }
        progress.advance_to(offset + len);
    }
    progress.finish();
    Ok(absent)
}

/// Opens what there is of the volume, to know what is in use, and by whom.
fn open(name: &Path, content: &DamagedVolume) -> Option<Volume<DamagedVolume>> {
    match Volume::salvage(content.clone()) {
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

pub(super) fn warn(name: &Path, damage: &dyn std::error::Error) {
    let damage = report::with_causes(damage);
    report::warning(format!("{}: {damage}", name.display()));
}

fn sector_of(volume: Option<&Volume<DamagedVolume>>) -> u64 {
    volume.map_or(LEAST_SECTOR, |volume| {
        u64::from(volume.geometry().sector_size).max(LEAST_SECTOR)
    })
}
