//! Clusters past the end of a device that was cut short.

use std::slice;
use std::sync::Arc;

use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::ntfs::mft::RECORD_BITMAP;
use ntfsclone_core::ntfs::value::Value;
use ntfsclone_core::ntfs::{AttributeType, FileRecord, Volume};
use ntfsclone_core::units::{Extent, Lcn, Vcn};

use super::{DamagedSource, Status};
use crate::source::Device;

/// The clusters of which a rescue has no byte, and those of them whose loss is
/// known.
pub struct MissingClusters {
    extent: Extent,
    /// Claimed by a file, or read to find the files.
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
        let read = damaged.lost().into_iter().map(|area| {
            let start = area.start / cluster_size;
            Extent::new(Lcn(start), area.end.div_ceil(cluster_size) - start)
        });
        let claimed = map.extents_from(extent.start).chain(read);
        let claimed = claimed.filter_map(|claimed| overlap(claimed, extent));
        Some(Self {
            claimed: claimed.collect(),
            extent,
        })
    }

    /// Takes out of `map` what nothing claims, and `$Bitmap` does not tell of:
    /// what is there is copied to be on the safe side, but these clusters are
    /// not there. `unknown` are those that it is too short for.
    pub fn leave_out_unclaimed(
        &self,
        volume: &Volume<Arc<Device>>,
        unknown: Option<Extent>,
        map: &mut ClusterMap,
    ) {
        let damaged = volume.source().damaged();
        let unread = damaged.map_or_else(Vec::new, |damaged| unread_bits(volume, damaged));
        for extent in unread.into_iter().chain(unknown) {
            if let Some(unclaimed) = overlap(extent, self.extent) {
                map.remove(unclaimed);
            }
        }
        for &extent in &self.claimed {
            map.insert(extent);
        }
    }
}

/// The clusters whose bits in `$Bitmap` could not be read.
fn unread_bits(volume: &Volume<Arc<Device>>, damaged: &DamagedSource) -> Vec<Extent> {
    let file = FileRecord::read(volume, RECORD_BITMAP);
    let value = file.and_then(|file| file.value(AttributeType::DATA, &[]));
    let Ok(Some(Value::NonResident(stream))) = value else {
        return Vec::new();
    };
    let geometry = volume.geometry();
    let mut unread = Vec::new();
    for (vcn, extent) in stream.extents(Vcn(0), stream.end()) {
        let place = geometry.offset(extent.start)..geometry.offset(extent.end());
        for lost in damaged.within(slice::from_ref(&place), Status::Bad) {
            // One bit a cluster. A damaged runlist may reach past all volumes.
            let position = geometry.bytes(vcn.0);
            let first = position.saturating_add(lost.start - place.start);
            let len = lost.end - lost.start;
            unread.push(Extent::new(Lcn(first.saturating_mul(8)), len * 8));
        }
    }
    unread
}

fn overlap(a: Extent, b: Extent) -> Option<Extent> {
    let start = a.start.max(b.start);
    let len = a.end().min(b.end()).0.checked_sub(start.0)?;
    (len > 0).then(|| Extent::new(start, len))
}
