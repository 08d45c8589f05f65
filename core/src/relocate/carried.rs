//! What of a volume is carried over to another size.

use alloc::vec::Vec;

use super::error::RelocateError;
use super::new_disk::NewDisk;
use super::places::{lowest_end, set_of};
use super::relocation::{bitmap_clusters, least_size};
use super::system_data::bitmap_runs;
use crate::clusters::ClusterMap;
use crate::error::{Error, Structure};
use crate::io::ReadAt;
use crate::ntfs::{Run, Volume};
use crate::units::{Extent, Geometry, Vcn};

/// What of a volume is carried over to another size.
#[derive(Debug)]
pub struct Carried {
    /// The sizes of the volume as it is.
    pub geometry: Geometry,
    /// Clusters in use, without bad ones.
    pub used: ClusterMap,
    /// The runs of `$Bitmap`, which gets more clusters or fewer.
    pub bitmap: Vec<Run>,
}

impl Carried {
    /// The clusters `used`, without bad ones, of `volume`.
    ///
    /// # Errors
    ///
    /// `$Bitmap` cannot be read.
    pub fn read<R: ReadAt>(volume: &Volume<R>, used: ClusterMap) -> Result<Self, RelocateError> {
        Ok(Self {
            geometry: *volume.geometry(),
            used,
            bitmap: bitmap_runs(volume)?,
        })
    }

    /// The least bytes of the volume on `disk`, with its backup boot sector.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn least_size(&self, disk: &NewDisk) -> Result<u64, RelocateError> {
        let geometry = Geometry {
            sector_size: disk.sector_size,
            ..self.geometry
        };
        let size = least_size(&geometry, self.used.len(), self.bitmap_end());
        if disk.bad.is_empty() {
            return Ok(size);
        }
        let last_sector = u64::from(disk.sector_size);
        let cluster_size = u64::from(geometry.cluster_size);
        let clusters = size.saturating_sub(last_sector).checked_div(cluster_size);
        let mut clusters = clusters.unwrap_or(0);
        // $Bitmap grows with the volume, and far more slowly.
        loop {
            let needed = self.clusters_around(disk, clusters)?;
            if needed <= clusters {
                break;
            }
            clusters = needed;
        }
        Ok(geometry.bytes(clusters).saturating_add(last_sector))
    }

    /// How many clusters a volume needs, with a `$Bitmap` for `clusters`, if the bad ones of
    /// `disk` stay free.
    fn clusters_around(&self, disk: &NewDisk, clusters: u64) -> Result<u64, Error> {
        let bitmap = bitmap_clusters(&self.geometry, clusters);
        let mut used = self.used.clone();
        remove_end(&mut used, &self.bitmap, bitmap);
        let added = bitmap.saturating_sub(self.bitmap_end());
        let bad = set_of(&disk.bad, self.geometry.nr_clusters())?;
        let lens = used.extents().map(|extent| extent.len);
        Ok(lowest_end(lens.chain([added]), &bad))
    }

    /// Clusters of `$Bitmap`, with holes if it is damaged.
    fn bitmap_end(&self) -> u64 {
        self.bitmap.last().map_or(0, |run| run.end().0)
    }
}

/// Takes the clusters of `$Bitmap` that a volume with a smaller one does not need out of `used`.
pub(super) fn remove_end(used: &mut ClusterMap, bitmap: &[Run], needed: u64) {
    for run in bitmap.iter().filter_map(|run| after(run, Vcn(needed))) {
        used.remove(run);
    }
}

/// How many clusters the runs of `$Bitmap` have, which must all be in use.
pub(super) fn check_bitmap(bitmap: &[Run], used: &ClusterMap) -> Result<u64, Error> {
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

pub(super) fn damaged_bitmap(vcn: Vcn) -> Error {
    Error::Corrupt {
        structure: Structure::Bitmap,
        offset: 0,
        field: "a run without clusters in use, at VCN",
        found: vcn.0,
        expected: "none",
    }
}

/// What of a run is from cluster `vcn` of its file on.
fn after(run: &Run, vcn: Vcn) -> Option<Extent> {
    let skipped = vcn.0.saturating_sub(run.vcn.0).min(run.len);
    let len = run.len.saturating_sub(skipped);
    let start = run.lcn?.plus(skipped);
    (len > 0).then_some(Extent::new(start, len))
}
