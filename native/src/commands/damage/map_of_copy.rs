//! The map file of the rescue that made a copy.

use std::ops::Range;
use std::path::Path;

use ntfsclone_core::image::Index;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::Extent;

use super::copy_with_gaps::CopyWithGaps;
use super::{Copy, gaps_between};
use crate::commands::lost_parts::merged;
use crate::error::{Error, Result};
use crate::rescue::Status;
use crate::rescue::mapfile::{self, Listed};

/// What a rescue read of the source of a copy.
pub struct MapOfCopy<'a> {
    path: &'a Path,
    /// Bytes of the source.
    size: u64,
    /// In order.
    read: Vec<Range<u64>>,
    positions: Positions,
}

/// What the map is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Positions {
    /// A volume, or the disk that a partition is on.
    Volume,
    /// A file that is an image of the volume.
    ImageFile,
}

impl<'a> MapOfCopy<'a> {
    /// # Errors
    ///
    /// It is no map file, or of something else than `copy`.
    pub fn read(path: &'a Path, copy: &Copy<'_>) -> Result<Self> {
        let listed = Listed::parse(&mapfile::read(path)?, path)?;
        let areas = listed.areas.iter();
        let read = areas.filter(|area| area.status == Status::Finished);
        let size = listed.size();
        let is_of_image = copy.image_size() == Some(size) && size != copy.size;
        let map = Self {
            path,
            size,
            read: merged(read.map(|area| area.range.clone()).collect()),
            positions: if is_of_image {
                Positions::ImageFile
            } else {
                Positions::Volume
            },
        };
        // A copy may end before what could not be read, but not before what was.
        let read_end = map.read.last().map_or(0, |range| range.end);
        let is_shorter = copy.is_in_partition() && size < copy.size;
        if !is_of_image && (read_end > copy.size || is_shorter) {
            return Err(map.is_of_another(copy));
        }
        Ok(map)
    }

    /// What is not listed as read, by positions in the volume.
    pub fn lost_in(&self, copy: &Copy<'_>) -> Vec<Range<u64>> {
        if let (Positions::ImageFile, Some(index)) = (self.positions, copy.device.index()) {
            return self.lost_in_image(index);
        }
        let end = if copy.is_in_partition() {
            copy.offset + copy.device.size_there()
        } else {
            self.size.max(copy.size)
        };
        let all = copy.offset..end;
        let lost = gaps_between(&[all], &self.read);
        let in_volume = |range: &Range<u64>| range.start - copy.offset..range.end - copy.offset;
        lost.iter().map(in_volume).collect()
    }

    /// Whole clusters: without its command, the content of one is not known to be right.
    fn lost_in_image(&self, index: &Index) -> Vec<Range<u64>> {
        let cluster_size = u64::from(index.header().cluster_size);
        let in_volume = |extent: Extent| {
            let start = extent.start.0 * cluster_size;
            start..start + extent.len * cluster_size
        };
        let all = 0..self.size;
        let mut lost = Vec::new();
        for range in gaps_between(&[all], &self.read) {
            lost.extend(index.extents_in(&range).into_iter().map(in_volume));
            if index.tail().is_some_and(|tail| range.end > tail) {
                lost.push(index.header().nr_clusters * cluster_size..index.restored_size());
            }
        }
        merged(lost)
    }

    /// # Errors
    ///
    /// It ends before the volume.
    pub fn check_covers(&self, copy: &Copy<'_>, volume: &Volume<CopyWithGaps>) -> Result<()> {
        let end = copy.offset + volume.geometry().backup_boot_sector();
        if self.positions == Positions::Volume && self.size < end {
            return Err(self.is_of_another(copy));
        }
        Ok(())
    }

    fn is_of_another(&self, copy: &Copy<'_>) -> Error {
        Error::refused(
            self.path,
            format!(
                "is the map of something else: of {} bytes, and {} has {}",
                self.size,
                copy.source.display(),
                copy.size
            ),
            "name the map file that belongs to this copy; to one of a whole disk belongs the copy \
             of the disk, with --partition",
        )
    }
}
