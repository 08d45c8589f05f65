//! Clusters in use that are not there: not in an image, or not in a container.

use alloc::vec::Vec;

use crate::clusters::{self, ClusterMap};
use crate::error::{Error, Result, Structure};
use crate::image::Index;
use crate::io::{self, ReadAt};
use crate::ntfs::Volume;
use crate::units::{Extent, Lcn};

/// Clusters in use that an image does not hold.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub(super) extents: Vec<Extent>,
    /// More of them, not listed.
    pub(super) left_out: u64,
    pub(super) clusters: u64,
    /// That is how images of metadata are.
    pub(super) is_metadata: bool,
}

impl Missing {
    /// What is in the image is taken out of `used`.
    pub(super) fn find(used: &mut ClusterMap, index: &Index, unknown: Option<Extent>) -> Self {
        for extent in index.extents().chain(unknown) {
            used.remove(extent);
        }
        Self {
            is_metadata: !index.is_ordinary(),
            ..Self::of_clusters(used)
        }
    }

    /// What the source of a volume lacks. What it has is taken out of `used`.
    pub(super) fn in_source<R: ReadAt>(
        used: &mut ClusterMap,
        volume: &Volume<R>,
        unknown: Option<Extent>,
    ) -> Result<Self> {
        let (source, geometry) = (volume.source(), volume.geometry());
        let cluster_at = |position| geometry.vcn_at(position).0.0;
        let end = geometry.bytes(geometry.nr_clusters()).min(source.size());
        let mut position = 0;
        for absent in io::absent_in(source, 0..end) {
            let absent = absent.map_err(|source| Error::Io {
                structure: Structure::Volume,
                offset: position,
                len: end.saturating_sub(position),
                source,
            })?;
            let first = cluster_at(position);
            let len = cluster_at(absent.start).saturating_sub(first);
            used.remove(Extent::new(Lcn(first), len));
            position = absent.end;
        }
        let first = cluster_at(position);
        let len = geometry.nr_clusters().saturating_sub(first);
        used.remove(Extent::new(Lcn(first), len));
        if let Some(unknown) = unknown {
            used.remove(unknown);
        }
        Ok(Self::of_clusters(used))
    }

    fn of_clusters(used: &ClusterMap) -> Self {
        let mut missing = Self::default();
        for extent in used.extents() {
            missing.clusters = missing.clusters.saturating_add(extent.len);
            match missing.extents.len() < clusters::finding::MAX_LISTED {
                true => missing.extents.push(extent),
                false => missing.left_out = missing.left_out.saturating_add(1),
            }
        }
        missing
    }
}
