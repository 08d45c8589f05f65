//! The places of a volume's clusters when it gets another size.

use alloc::vec::Vec;

use super::error::RelocateError;
use super::ranked_clusters::RankedClusters;
use crate::clusters::ClusterMap;
use crate::error::{Error, Structure};
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
/// can: those that do not fit before the new end are pushed down, and push others.
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
    /// The places of the clusters `used`, without bad ones, on a volume of `size` bytes with its
    /// backup boot sector. `bitmap` are the runs of `$Bitmap`.
    ///
    /// # Errors
    ///
    /// [`RelocateError::TooSmall`], [`RelocateError::TooLarge`]; [`RelocateError::Volume`]:
    /// `$Bitmap` has holes, or there is not enough memory.
    pub fn new(
        from: Geometry,
        used: ClusterMap,
        bitmap: &[Run],
        size: u64,
    ) -> Result<Self, RelocateError> {
        let sectors = size.checked_div(from.sector_size.into()).unwrap_or(0);
        let to = Geometry {
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
        let mut carried = used;
        let owned = carried_clusters(bitmap, &carried)?;
        let least = least_size(&from, carried.len(), owned);
        if size < least {
            return Err(RelocateError::TooSmall { least });
        }
        let needed = bitmap_clusters(&from, clusters);
        let kept = cut(bitmap, needed);
        for run in bitmap.iter().filter_map(|run| after(run, Vcn(needed))) {
            carried.remove(run);
        }
        let added = needed.saturating_sub(owned);

        let new = places(&carried, clusters, clusters.saturating_sub(added))?;
        let mut relocation = Self {
            from,
            to,
            old: RankedClusters::new(carried)?,
            new: RankedClusters::new(new)?,
            added: None,
            bitmap: Vec::new(),
        };
        relocation.place_bitmap(&kept, added)?;
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
        if self.old.run_len(extent.start) < extent.len {
            return None;
        }
        let start = self.new.select(self.old.rank(extent.start))?;
        (self.new.run_len(start) >= extent.len).then_some(Extent::new(start, extent.len))
    }

    /// The place of a byte of the old volume, in bytes from the start of the new one.
    pub(super) fn place_byte(&self, offset: u64) -> Option<u64> {
        let (Vcn(lcn), within) = self.from.vcn_at(offset);
        let place = self.place(Extent::new(Lcn(lcn), 1))?;
        Some(self.to.offset(place.start).saturating_add(within))
    }

    /// The original of a cluster of the new volume, `None` if it has none; and how many clusters
    /// from there on have theirs one after the other, or have none.
    pub(super) fn original(&self, lcn: Lcn) -> (Option<Lcn>, u64) {
        let len = self.new.run_len(lcn);
        if len == 0 {
            return (None, self.new.gap_len(lcn));
        }
        match self.old.select(self.new.rank(lcn)) {
            Some(original) => (Some(original), len.min(self.old.run_len(original))),
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
        word | bits(lcn, nr_clusters, u64::MAX)
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
        let last = self.bitmap.last().and_then(Run::extent);
        let behind = last.map(|last| Extent::new(last.end(), added));
        let behind = behind.filter(|behind| {
            behind.end().0 <= self.to.nr_clusters() && self.new.gap_len(behind.start) >= added
        });
        let extent = behind.or_else(|| self.new.first_gap(added));
        // The map left that many clusters free at the end.
        let extent = extent.ok_or_else(|| damaged_bitmap(Vcn(0)))?;
        push(&mut self.bitmap, extent);
        self.added = Some(extent);
        Ok(())
    }
}

/// The places of `clusters` in a volume of `nr_clusters`, all before `end`.
fn places(clusters: &ClusterMap, nr_clusters: u64, end: u64) -> Result<ClusterMap, Error> {
    let mut places = ClusterMap::new(nr_clusters).map_err(|_| Error::Memory {
        structure: Structure::Volume,
        len: ClusterMap::least_memory(nr_clusters),
    })?;
    let mut left = clusters.len();
    for extent in clusters.extents() {
        // All that are left must fit before the end. Within an extent, both grow by one.
        let limit = end.saturating_sub(left);
        let start = extent.start.0.min(limit);
        places.insert(Extent::new(Lcn(start), extent.len));
        left = left.saturating_sub(extent.len);
    }
    Ok(places)
}

/// How many clusters the runs of `$Bitmap` have, which must all be in use.
fn carried_clusters(bitmap: &[Run], used: &ClusterMap) -> Result<u64, Error> {
    let mut count = 0_u64;
    for run in bitmap {
        let is_used = run.extent().is_some_and(|extent| {
            let found = used.extents_from(extent.start).next();
            found.is_some_and(|found| found.start == extent.start && found.len >= extent.len)
        });
        if !is_used {
            return Err(damaged_bitmap(run.vcn));
        }
        count = count.saturating_add(run.len);
    }
    Ok(count)
}

fn damaged_bitmap(vcn: Vcn) -> Error {
    Error::Corrupt {
        structure: Structure::Bitmap,
        offset: 0,
        field: "a run without clusters in use, at VCN",
        found: vcn.0,
        expected: "none",
    }
}

/// The runs, without what is from cluster `end` on.
fn cut(runs: &[Run], end: u64) -> Vec<Run> {
    let cut = runs.iter().map(|run| Run {
        len: end.saturating_sub(run.vcn.0).min(run.len),
        ..*run
    });
    cut.filter(|run| run.len > 0).collect()
}

/// What of a run is from cluster `vcn` of its file on.
fn after(run: &Run, vcn: Vcn) -> Option<Extent> {
    let skipped = vcn.0.saturating_sub(run.vcn.0).min(run.len);
    let len = run.len.saturating_sub(skipped);
    let start = run.lcn?.plus(skipped);
    (len > 0).then_some(Extent::new(start, len))
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
