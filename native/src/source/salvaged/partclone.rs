//! The volume in a damaged image of partclone.

use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::Result as CoreResult;
use ntfsclone_core::backup_boot_sector::WithBackup;
use ntfsclone_core::error::{EndPlace, Error as CoreError, Structure};
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, Index};
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source, absent_in};
use ntfsclone_core::ranges::{merged, overlapping};
use ntfsclone_core::units::{Extent, Lcn};

use super::find::{Scan, warn};
use super::{SalvagedVolume, bytes};
use crate::device;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::Recognised;

/// Bytes of the image that are read at once to compare its checksums.
const CHUNK_BYTES: u64 = 1 << 20;

impl SalvagedVolume {
    /// What there is of an image of partclone: the blocks that it stores.
    pub(super) fn of_partclone(input: Recognised, image: Source, scan: Scan) -> Result<Self> {
        let failed = |error| Error::read(&input.name, error);
        let index = Index::read(&Whole(&image)).map_err(failed)?;
        let (size, image_size) = (image.size(), index.image_size());
        if size < image_size {
            let damage = CoreError::Truncated {
                offset: size,
                place: EndPlace::Unknown,
            };
            warn(&input.name, &damage);
        }
        let mut progress = Progress::start(scan.progress, Phase::Check, size);
        let mismatches = mismatches(&image, image_size, |done| progress.advance_to(done));
        let mismatches = mismatches.map_err(failed)?;
        progress.finish();

        let (header, used) = (*index.header(), index.blocks().len());
        let cluster_size = u64::from(header.block_size);
        let tail = header.volume_size()..header.restored_size();
        let stored = index.extents();
        let stored: Vec<Range<u64>> = stored.map(|extent| bytes(extent, cluster_size)).collect();
        let blocks = DamagedBlocks { image, index };
        let volume = WithBackup::new(blocks).map_err(|source| {
            failed(CoreError::Io {
                structure: Structure::BootSector,
                offset: 0,
                len: cluster_size,
                source,
            })
        })?;
        // A device without space for a backup boot sector is not missing one.
        let mut salvaged = Self::of_volume(input, Arc::new(volume), Some(tail.end), scan)?;
        let areas = stored.iter().chain([&tail]);
        let mut areas: Vec<Range<u64>> = areas
            .flat_map(|area| overlapping(&salvaged.areas, area))
            .collect();
        areas.extend(salvaged.missing.iter().cloned());
        salvaged.areas = merged(areas);
        salvaged.doubtful = mismatches
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
}

/// The clusters whose checksums do not match, of an image that would have `size` bytes. What
/// cannot be read is taken as it reads.
fn mismatches(image: &Source, size: u64, mut progress: impl FnMut(u64)) -> CoreResult<Vec<Extent>> {
    let mut found = Vec::new();
    let mut last_mismatch = None;
    let mut decoder = Decoder::new();
    while decoder.taken() < size {
        let offset = decoder.taken();
        let len = (size - offset).min(CHUNK_BYTES);
        let mut chunk = vec![0; len as usize];
        let there = image.size().saturating_sub(offset).min(len);
        image
            .read_exact_at(offset, &mut chunk[..there as usize])
            .map_err(|source| CoreError::Io {
                structure: Structure::ImageBlock,
                offset,
                len: there,
                source,
            })?;
        let mut input = chunk.as_slice();
        loop {
            match decoder.next(&mut input) {
                Ok(Event::NeedInput) => break,
                Ok(Event::End) => return Ok(found),
                Ok(_) => {}
                // The same one again: decoding cannot continue after it.
                Err(CoreError::BlockChecksum { offset, .. }) if last_mismatch == Some(offset) => {
                    return Ok(found);
                }
                Err(CoreError::BlockChecksum {
                    offset,
                    first,
                    last,
                }) => {
                    last_mismatch = Some(offset);
                    found.push(Extent::new(Lcn(first), last - first + 1));
                }
                Err(error) => return Err(error),
            }
        }
        progress(decoder.taken().min(image.size()));
    }
    Ok(found)
}

/// The volume in an image, parts of which are absent. Blocks that it does not store read as
/// zeros.
struct DamagedBlocks {
    image: Source,
    index: Index,
}

impl ReadAt for DamagedBlocks {
    fn size(&self) -> u64 {
        self.index.header().restored_size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let (mut position, end) = (offset, offset + buf.len() as u64);
        if end > self.size() {
            return Err(IoError::end_of_input());
        }
        buf.fill(0);
        while position < end {
            let (stored, run_end) = self.index.run_at(position, end);
            if let Some(at) = stored {
                let there = self.image.size().saturating_sub(at);
                let len = there.min(run_end - position);
                let start = (position - offset) as usize;
                let piece = &mut buf[start..start + len as usize];
                self.image.read_exact_at(at, piece)?;
            }
            position = run_end;
        }
        Ok(())
    }

    /// What is absent in the image, and what is past its end. What it does not store is not
    /// missing.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let size = self.size();
        let (stored, run_end) = self.index.run_at(offset, size);
        let left = run_end.saturating_sub(offset);
        Ok(match stored {
            None => ByteExtent::Data { len: left },
            Some(at) if at >= self.image.size() => ByteExtent::Absent { len: left },
            Some(at) => match self.image.extent_at(at)? {
                ByteExtent::Data { len } => ByteExtent::Data { len: len.min(left) },
                ByteExtent::Absent { len } => ByteExtent::Absent { len: len.min(left) },
            },
        })
    }
}

/// A source in which all must be readable.
struct Whole<'a>(&'a Source);

impl ReadAt for Whole<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.read_exact_at(offset, buf)?;
        let mut absent = absent_in(self.0, offset..offset + buf.len() as u64);
        match absent.next().transpose()? {
            Some(_) => Err(IoError::new(device::bad_sector())),
            None => Ok(()),
        }
    }
}
