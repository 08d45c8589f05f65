//! A volume as a restore would write it, read at any place.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::discovery::bad_clusters;
use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::Index;
use ntfsclone_core::io::{Allocation, ByteExtent, IoError, ReadAt, Source, absent_in};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::bitmap::Chunks;
use ntfsclone_core::units::{Geometry, Lcn};
use rangemap::RangeSet;

use super::content::{Content, Part};
use super::volume::Device;
use crate::input::Format;
use crate::report;

/// A volume as a restore would write it. Clusters that an image does not store read as
/// zeros if they are free, and cannot be read if they are in use: those that an image of
/// metadata leaves out, and those that a damaged image lost.
pub struct RestoredVolume {
    device: Device,
    source: Source,
    /// Free clusters are not stored.
    is_image: bool,
    /// Bytes that are in use and not stored.
    missing: RangeSet<u64>,
}

impl RestoredVolume {
    /// Finds out what is missing, by `$Bitmap` of `volume`, which `device` holds; without it,
    /// nothing but the kind of the image is known.
    ///
    /// # Errors
    ///
    /// A read error.
    pub fn new(device: Device, volume: Option<&Volume<Source>>) -> Result<Self, CoreError> {
        let source = Arc::clone(device.source());
        let is_image = matches!(device.input().format, Format::Image | Format::Partclone);
        let mut restored = Self {
            source,
            is_image,
            missing: RangeSet::new(),
            device,
        };
        if is_image {
            restored.find_missing(volume)?;
        }
        Ok(restored)
    }

    /// What it is read from.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes that are in use and not stored: to read them fails.
    pub fn missing_bytes(&self) -> u64 {
        let lengths = self.missing.iter().map(|range| range.end - range.start);
        lengths.sum()
    }

    fn find_missing(&mut self, volume: Option<&Volume<Source>>) -> Result<(), CoreError> {
        let size = self.source.size();
        let index = self.device.index();
        let is_metadata = index.is_some_and(|index| !index.is_ordinary());
        let lost_from = index.and_then(Index::lost_from);
        let cluster_size = index.map_or(1, |index| u64::from(index.header().cluster_size));
        if let Some(Lcn(lost)) = lost_from {
            self.lacks(lost.saturating_mul(cluster_size).min(size)..size)?;
        }
        let Some(volume) = volume else {
            // Nothing says which clusters are free.
            return if is_metadata {
                self.lacks(0..size)
            } else {
                Ok(())
            };
        };
        let geometry = *volume.geometry();
        let mut chunks = Chunks::new(volume)?;
        while let Some((first, words)) = chunks.next(volume)? {
            for run in runs_of_ones(first, words) {
                self.lacks(bytes_of(&geometry, run, size))?;
            }
        }
        if let Some(unknown) = chunks.unknown() {
            let name = self.device.path().display();
            report::warning(format!("{name}: {}", report::with_causes(&unknown)));
            if is_metadata {
                let extent = unknown.extent;
                self.lacks(bytes_of(&geometry, extent.start.0..extent.end().0, size))?;
            }
        }
        // No image has these: nobody can read them.
        for bad in bad_clusters(volume).unwrap_or_default() {
            let range = bytes_of(&geometry, bad.start.0..bad.end().0, size);
            if !range.is_empty() {
                self.missing.remove(range);
            }
        }
        Ok(())
    }

    /// Records what of `range`, which is in use, is not stored.
    fn lacks(&mut self, range: Range<u64>) -> Result<(), CoreError> {
        for absent in absent_in(&self.source, range.clone()) {
            let absent = absent.map_err(|source| CoreError::Io {
                structure: ntfsclone_core::error::Structure::Volume,
                offset: range.start,
                len: range.end.saturating_sub(range.start),
                source,
            })?;
            self.missing.insert(absent);
        }
        Ok(())
    }

    /// The first missing byte of a range.
    fn first_missing(&self, range: &Range<u64>) -> Option<u64> {
        let missing = self.missing.overlapping(range).next()?;
        Some(missing.start.max(range.start))
    }
}

impl Content for RestoredVolume {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let range = offset..offset.saturating_add(buf.len() as u64);
        if let Some(offset) = self.first_missing(&range) {
            return Err(io::Error::other(Missing { offset }));
        }
        self.source.read_exact_at(offset, buf).map_err(into_io)
    }

    fn part_at(&self, offset: u64) -> io::Result<Part> {
        let left = self.size().saturating_sub(offset);
        if left == 0 {
            return Ok(Part::Data { len: 0 });
        }
        let to_missing = match self.missing.overlapping(&(offset..u64::MAX)).next() {
            Some(missing) if missing.start <= offset => {
                let len = missing.end - offset;
                return Ok(Part::Missing { len });
            }
            Some(missing) => missing.start - offset,
            None => left,
        };
        let limit = left.min(to_missing);
        let part = match self.source.extent_at(offset).map_err(into_io)? {
            ByteExtent::Absent { len } if self.is_image => Part::Zeros { len },
            ByteExtent::Absent { len } => Part::Missing { len },
            ByteExtent::Data { len } => {
                let stored = self.source.allocation_at(offset).map_err(into_io)?;
                match stored {
                    Allocation::Stored { len: stored } => Part::Data {
                        len: len.min(stored),
                    },
                    Allocation::Hole { len: hole } => Part::Zeros { len: len.min(hole) },
                }
            }
        };
        Ok(part.up_to(limit))
    }
}

/// A read of what is not there.
#[derive(Debug, thiserror::Error)]
#[error("byte {offset:#x} of the volume is in use, and is not in the image")]
struct Missing {
    offset: u64,
}

/// The error of the system, if there is one: its kind decides what a client is told.
fn into_io(error: IoError) -> io::Error {
    error.downcast().unwrap_or_else(io::Error::other)
}

/// The runs of clusters in use, of bits from the cluster `first` on.
fn runs_of_ones(first: Lcn, words: &[u64]) -> impl Iterator<Item = Range<u64>> {
    let end = words.len() as u64 * 64;
    let mut position = 0;
    std::iter::from_fn(move || {
        let start = next_bit(words, position, true).unwrap_or(end);
        if start == end {
            return None;
        }
        position = next_bit(words, start, false).unwrap_or(end);
        Some(first.0 + start..first.0 + position)
    })
}

/// The first bit at `position` or after it that is set, or is not.
fn next_bit(words: &[u64], position: u64, is_set: bool) -> Option<u64> {
    let flip = if is_set { 0 } else { u64::MAX };
    let first = (position / 64) as usize;
    let mut mask = u64::MAX << (position % 64);
    for (number, word) in words.iter().enumerate().skip(first) {
        let found = (word ^ flip) & mask;
        if found != 0 {
            return Some(number as u64 * 64 + u64::from(found.trailing_zeros()));
        }
        mask = u64::MAX;
    }
    None
}

/// The bytes of clusters, as far as the volume has them.
fn bytes_of(geometry: &Geometry, clusters: Range<u64>, size: u64) -> Range<u64> {
    let at = |cluster| geometry.offset(Lcn(cluster)).min(size);
    at(clusters.start)..at(clusters.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_bits_do() {
        let runs = |words: &[u64]| runs_of_ones(Lcn(128), words).collect::<Vec<_>>();
        assert!(runs(&[0, 0]).is_empty());
        assert_eq!(runs(&[u64::MAX, 1 | 1 << 62]), [128..193, 254..255]);
        assert_eq!(runs(&[0b1100, 1 << 63]), [130..132, 255..256]);
        assert_eq!(runs(&[1 | 1 << 63, 1]), [128..129, 191..193]);
    }
}
