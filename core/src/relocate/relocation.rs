//! The places of a volume's clusters when it gets another size.

use alloc::vec::Vec;

use super::carried::{Carried, check_bitmap, damaged_bitmap, remove_end};
use super::error::RelocateError;
use super::new_disk::NewDisk;
use super::places::{places, places_around, set_of};
use super::ranked_clusters::RankedClusters;
use crate::clusters::ClusterMap;
use crate::ntfs::Run;
use crate::units::{Extent, Geometry, Lcn, Vcn};

/// The most clusters of a volume: Windows formats 2^32 - 1.
const MAX_CLUSTERS: u64 = 0xFFFF_FFFF;

/// `$Bitmap` is a multiple of so many bytes on all volumes made by Windows and mkntfs.
const BITMAP_UNIT: u64 = 8;

/// A map from the clusters in use to their places on the volume in another size.
///
/// It is monotone: the order of clusters stays, so the distance between two clusters of a file
/// never grows, and neither does a runlist. No run is split. A cluster stays where it is, if it
/// can: those that do not fit before the new end, or would be on bad clusters that are kept, are
/// pushed down, and push others.
#[derive(Debug)]
pub struct Relocation {
    from: Geometry,
    to: Geometry,
    /// Clusters that are carried over.
    old: RankedClusters,
    /// Their places, in the same order.
    new: RankedClusters,
    /// Clusters that `$Bitmap` gets in addition.
    added: Option<Extent>,
    /// The runs of `$Bitmap`.
    bitmap: Vec<Run>,
    /// Clusters that stay marked as bad.
    bad: ClusterMap,
}

/// Bytes of a volume with its backup boot sector: what a size counts.
pub fn total_size(geometry: &Geometry) -> u64 {
    geometry
        .backup_boot_sector()
        .saturating_add(geometry.sector_size.into())
}

/// Whether a volume has that size as it is: only whole sectors count.
pub fn has_size(geometry: &Geometry, size: u64) -> bool {
    let sector_size = u64::from(geometry.sector_size);
    let within_sector = size.checked_rem(sector_size).unwrap_or(0);
    size.saturating_sub(within_sector) == total_size(geometry)
}

/// The least bytes of a volume with `used` clusters in use, bad ones not counted, with its
/// backup boot sector. `bitmap` are those of them that `$Bitmap` has.
pub fn least_size(geometry: &Geometry, used: u64, bitmap: u64) -> u64 {
    let others = used.saturating_sub(bitmap);
    let mut clusters = others.max(1);
    // The bitmap has a bit for each of its own clusters, too. It grows with the volume, and far
    // more slowly.
    loop {
        let needed = others.saturating_add(bitmap_clusters(geometry, clusters));
        if needed <= clusters {
            break;
        }
        clusters = needed;
    }
    geometry
        .bytes(clusters)
        .saturating_add(geometry.sector_size.into())
}

/// Bytes of `$Bitmap` on a volume of `nr_clusters` clusters.
pub(super) fn bitmap_size(nr_clusters: u64) -> u64 {
    nr_clusters.div_ceil(8).next_multiple_of(BITMAP_UNIT)
}

/// Clusters of `$Bitmap` on a volume of `nr_clusters` clusters.
pub fn bitmap_clusters(geometry: &Geometry, nr_clusters: u64) -> u64 {
    bitmap_size(nr_clusters).div_ceil(geometry.cluster_size.max(1).into())
}

impl Relocation {
    /// The places of what is `carried` over to a volume of `size` bytes, with its backup boot
    /// sector, on `disk`.
    ///
    /// # Errors
    ///
    /// [`RelocateError::TooSmall`], [`RelocateError::TooLarge`],
    /// [`RelocateError::SmallerThanSector`], [`RelocateError::BootSectorFree`]; [`RelocateError::Volume`]: `$Bitmap` has holes, or
    /// there is not enough memory.
    pub fn new(carried: Carried, disk: &NewDisk, size: u64) -> Result<Self, RelocateError> {
        let from = carried.geometry;
        disk.check(&from)?;
        if !carried.used.contains(Lcn(0)) {
            return Err(RelocateError::BootSectorFree);
        }
        let sectors = size.checked_div(disk.sector_size.into()).unwrap_or(0);
        let to = Geometry {
            sector_size: disk.sector_size,
            total_sectors: sectors.saturating_sub(1),
            ..from
        };
        let clusters = to.nr_clusters();
        if clusters > MAX_CLUSTERS || i64::try_from(size).is_err() {
            return Err(RelocateError::TooLarge {
                clusters,
                limit: MAX_CLUSTERS,
            });
        }
        let owned = check_bitmap(&carried.bitmap, &carried.used)?;
        let least = carried.least_size(disk)?;
        if size < least {
            return Err(RelocateError::TooSmall { least });
        }
        let needed = bitmap_clusters(&from, clusters);
        let added = needed.saturating_sub(owned);
        let Carried {
            mut used, bitmap, ..
        } = carried;
        remove_end(&mut used, &bitmap, needed);

        let nr_bad = if disk.bad.is_empty() { 0 } else { clusters };
        let bad = set_of(&disk.bad, nr_bad)?;
        let new = if bad.is_empty() {
            places(&used, clusters, clusters.saturating_sub(added))?
        } else {
            let found = places_around(&bad, &used, clusters, added)?;
            found.ok_or(RelocateError::TooSmall { least })?
        };
        let mut relocation = Self {
            from,
            to,
            old: RankedClusters::new(used)?,
            new: RankedClusters::new(new)?,
            added: None,
            bitmap: Vec::new(),
            bad,
        };
        relocation.place_bitmap(&cut(&bitmap, needed), added)?;
        Ok(relocation)
    }

    /// The sizes of the volume as it is.
    pub fn from(&self) -> &Geometry {
        &self.from
    }

    /// The sizes of the volume as it will be.
    pub fn to(&self) -> &Geometry {
        &self.to
    }

    /// The clusters in use on the new volume.
    pub fn clusters(&self) -> ClusterMap {
        let mut clusters = self.new.map().clone();
        if let Some(added) = self.added {
            clusters.insert(added);
        }
        clusters
    }

    /// How many clusters are not where they were.
    pub fn moved(&self) -> u64 {
        let moved = self.old.map().extents().filter_map(|extent| {
            let place = self.place(extent)?;
            (place.start != extent.start).then_some(extent.len)
        });
        moved.fold(0, u64::saturating_add)
    }

    /// The place of `extent` on the new volume; `None` if some of it is not in use.
    pub fn place(&self, extent: Extent) -> Option<Extent> {
        let is_whole =
            |clusters: &ClusterMap, start| clusters.run_len(start, extent.len) == extent.len;
        if !is_whole(self.old.map(), extent.start) {
            return None;
        }
        let start = self.new.select(self.old.rank(extent.start))?;
        is_whole(self.new.map(), start).then_some(Extent::new(start, extent.len))
    }

    /// The place of a byte of the old volume, in bytes from the start of the new one.
    pub(super) fn place_byte(&self, offset: u64) -> Option<u64> {
        let (Vcn(lcn), within) = self.from.vcn_at(offset);
        let place = self.place(Extent::new(Lcn(lcn), 1))?;
        Some(self.to.offset(place.start).saturating_add(within))
    }

    /// The original of a cluster of the new volume, `None` if it has none; and how many clusters
    /// from there on have theirs one after the other, or have none: `limit` at the most.
    pub(super) fn original(&self, lcn: Lcn, limit: u64) -> (Option<Lcn>, u64) {
        let len = self.new.map().run_len(lcn, limit);
        if len == 0 {
            return (None, self.new.map().gap_len(lcn, limit));
        }
        match self.old.select(self.new.rank(lcn)) {
            Some(original) => (Some(original), self.old.map().run_len(original, len)),
            None => (None, len),
        }
    }

    /// 64 bits of the new `$Bitmap`, from cluster `lcn` on, a multiple of 64. Bits past the last
    /// cluster are set.
    pub(super) fn bitmap_word(&self, lcn: Lcn) -> u64 {
        let mut word = self.new.map().word(lcn);
        let nr_clusters = self.to.nr_clusters();
        if let Some(added) = self.added {
            word |= bits(lcn, added.start.0, added.end().0);
        }
        word | self.bad.word(lcn) | bits(lcn, nr_clusters, u64::MAX)
    }

    /// How many clusters stay marked as bad.
    pub(super) fn bad_clusters(&self) -> u64 {
        self.bad.len()
    }

    /// The runs of `$BadClus:$Bad`: a hole for each sound cluster.
    pub(super) fn bad_runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut end = Vcn(0);
        let mut push = |until: u64, lcn| {
            let len = until.saturating_sub(end.0);
            if len > 0 {
                runs.push(Run { vcn: end, lcn, len });
                end = Vcn(until);
            }
        };
        for extent in self.bad.extents() {
            push(extent.start.0, None);
            push(extent.end().0, Some(extent.start));
        }
        push(self.to.nr_clusters(), None);
        runs
    }

    /// The runs of `$Bitmap` on the new volume.
    pub(super) fn bitmap_runs(&self) -> &[Run] {
        &self.bitmap
    }

    /// Sets the runs of `$Bitmap`: those of `kept`, and `added` clusters.
    fn place_bitmap(&mut self, kept: &[Run], added: u64) -> Result<(), RelocateError> {
        for run in kept {
            let place = run.extent().and_then(|extent| self.place(extent));
            let Some(place) = place else {
                return Err(damaged_bitmap(run.vcn).into());
            };
            push(&mut self.bitmap, place);
        }
        if added == 0 {
            return Ok(());
        }
        let mut taken = self.bad.clone();
        let taken = match self.bad.is_empty() {
            true => self.new.map(),
            false => {
                for extent in self.new.map().extents() {
                    taken.insert(extent);
                }
                &taken
            }
        };
        let last = self.bitmap.last().and_then(Run::extent);
        let behind = last.map(|last| Extent::new(last.end(), added));
        let behind = behind.filter(|behind| {
            behind.end().0 <= self.to.nr_clusters() && taken.gap_len(behind.start, added) == added
        });
        let extent = behind.or_else(|| first_gap(taken, added));
        // The places leave that many clusters free at the end.
        let extent = extent.ok_or_else(|| damaged_bitmap(Vcn(0)))?;
        push(&mut self.bitmap, extent);
        self.added = Some(extent);
        Ok(())
    }
}

/// The first extent of `len` clusters that are not in the set.
fn first_gap(clusters: &ClusterMap, len: u64) -> Option<Extent> {
    let mut end = Lcn(0);
    for extent in clusters.extents() {
        if extent.start.0.saturating_sub(end.0) >= len {
            break;
        }
        end = extent.end();
    }
    let gap = Extent::new(end, len);
    (gap.end().0 <= clusters.nr_clusters()).then_some(gap)
}

/// The runs, without what is from cluster `end` on.
fn cut(runs: &[Run], end: u64) -> Vec<Run> {
    let cut = runs.iter().map(|run| Run {
        len: end.saturating_sub(run.vcn.0).min(run.len),
        ..*run
    });
    cut.filter(|run| run.len > 0).collect()
}

/// Appends clusters to runs.
fn push(runs: &mut Vec<Run>, extent: Extent) {
    if let Some(last) = runs.last_mut()
        && last.extent().map(Extent::end) == Some(extent.start)
    {
        last.len = last.len.saturating_add(extent.len);
        return;
    }
    let vcn = runs.last().map_or(Vcn(0), Run::end);
    runs.push(Run {
        vcn,
        lcn: Some(extent.start),
        len: extent.len,
    });
}

/// The bits of clusters `start` to `end` in the word at `lcn`.
fn bits(lcn: Lcn, start: u64, end: u64) -> u64 {
    let position = |cluster: u64| u32::try_from(cluster.saturating_sub(lcn.0)).unwrap_or(u32::MAX);
    let from = u64::MAX.checked_shl(position(start)).unwrap_or(0);
    let after = u64::MAX.checked_shl(position(end)).unwrap_or(0);
    from & !after
}
