//! Clusters past the end of a device that was cut short.

use std::sync::Arc;

use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Lcn};

use crate::source::Device;

/// The clusters of which a rescue has no byte, and those of them whose loss is
/// known.
pub struct MissingClusters {
    extent: Extent,
    /// Claimed by a file, or asked for to find the files.
    claimed: Vec<Extent>,
}

impl MissingClusters {
    /// Takes from `map` what files claim. `None` if no cluster is missing.
    pub fn of(volume: &Volume<Arc<Device>>, map: &ClusterMap) -> Option<Self> {
        let damaged = volume.source().damaged()?;
        let geometry = volume.geometry();
        let cluster_size = u64::from(geometry.cluster_size);
        // Of a cluster that is cut, the start is there.
        let first = damaged.medium_size().div_ceil(cluster_size);
        let len = geometry.nr_clusters().checked_sub(first);
        let extent = Extent::new(Lcn(first), len.filter(|&len| len > 0)?);
        let asked_for = damaged.lost().into_iter().map(|area| {
            let start = area.start / cluster_size;
            Extent::new(Lcn(start), area.end.div_ceil(cluster_size) - start)
        });
        let claimed = map.extents().chain(asked_for);
        let claimed = claimed.filter_map(|claimed| overlap(claimed, extent));
        Some(Self {
            claimed: claimed.collect(),
            extent,
        })
    }

    /// Takes those of the `unknown` clusters out of `map` that nothing claims:
    /// what is there is copied to be on the safe side, but these are not there.
    pub fn leave_out_unclaimed(&self, map: &mut ClusterMap, unknown: Extent) {
        if let Some(unclaimed) = overlap(unknown, self.extent) {
            map.remove(unclaimed);
        }
        for &extent in &self.claimed {
            map.insert(extent);
        }
    }
}

fn overlap(a: Extent, b: Extent) -> Option<Extent> {
    let start = a.start.max(b.start);
    let len = a.end().min(b.end()).0.checked_sub(start.0)?;
    (len > 0).then(|| Extent::new(start, len))
}
