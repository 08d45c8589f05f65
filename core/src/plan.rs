//! A plan: what is copied of a volume, and in which order.

use alloc::vec::Vec;
use core::iter;

use crate::clusters::ClusterMap;
use crate::clusters::metadata::{MetadataStep, RecordKind};
use crate::image::ntfsclone::Header;
use crate::ntfs::value::Stream;
use crate::units::{Extent, Geometry, Lcn, Vcn};

/// What is copied of a volume, in the order of an image: clusters, then the tail.
#[derive(Debug)]
pub struct Plan {
    geometry: Geometry,
    device_size: u64,
    /// Clusters to copy, as the header of an image counts them.
    inuse: u64,
    selection: Selection,
}

#[derive(Debug)]
enum Selection {
    /// In LCN order.
    Clusters(ClusterMap),
    /// In the order in which the MFT names them.
    Metadata(Vec<MetadataStep>),
}

/// A step of a copy.
#[derive(Debug, Clone, Copy)]
pub enum CopyStep<'a> {
    /// Bytes to be copied as they are: clusters, or in the last step the tail,
    /// which is shorter than a cluster or a whole one, and may be empty.
    Bytes {
        /// In bytes from the start of the volume.
        offset: u64,
        /// How many bytes.
        len: u64,
    },
    /// All clusters of a stream of records, which are to be wiped.
    Records(RecordKind, &'a Stream),
}

impl Plan {
    /// A plan to copy the clusters in `map`, and the tail of the device.
    pub fn new(geometry: Geometry, device_size: u64, map: ClusterMap) -> Self {
        Self {
            geometry,
            device_size,
            inuse: map.len(),
            selection: Selection::Clusters(map),
        }
    }

    /// A plan to copy these steps, which count as `inuse` clusters, and the tail
    /// of the device.
    pub fn of_metadata(
        geometry: Geometry,
        device_size: u64,
        steps: Vec<MetadataStep>,
        inuse: u64,
    ) -> Self {
        Self {
            geometry,
            device_size,
            inuse,
            selection: Selection::Metadata(steps),
        }
    }

    /// With a gap back to the first cluster before the tail: a step of no clusters.
    /// The original writes it with `--metadata --ignore-fs-check`, where it starts
    /// again to copy what only `$Bitmap` marks.
    pub fn returning_to_start(mut self) -> Self {
        if let Selection::Metadata(steps) = &mut self.selection {
            steps.push(MetadataStep::Clusters(Extent::new(Lcn(0), 0)));
        }
        self
    }

    /// The steps, in the order in which an image holds them. The tail is the last
    /// one.
    pub fn steps(&self) -> impl Iterator<Item = CopyStep<'_>> {
        let (map, list) = self.selection();
        let clusters = map.into_iter().flat_map(ClusterMap::extents);
        let clusters = clusters.map(|extent| self.copy(extent));
        let metadata = list.iter().map(|step| match step {
            MetadataStep::Clusters(extent) => self.copy(*extent),
            MetadataStep::Records(kind, stream) => CopyStep::Records(*kind, stream),
        });
        let (offset, len) = self.tail();
        clusters
            .chain(metadata)
            .chain([CopyStep::Bytes { offset, len }])
    }

    /// The clusters of all steps, in their order. In a plan of metadata some may
    /// occur twice.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        let (map, list) = self.selection();
        let metadata = list.iter().flat_map(|step| {
            let (extent, stream) = match step {
                MetadataStep::Clusters(extent) => (Some(*extent), None),
                MetadataStep::Records(_, stream) => (None, Some(stream)),
            };
            let records = stream.map(|stream| stream.extents(Vcn(0), stream.end()));
            let records = records.into_iter().flatten().map(|(_, extent)| extent);
            extent.into_iter().chain(records)
        });
        let clusters = map.into_iter().flat_map(ClusterMap::extents);
        clusters.chain(metadata)
    }

    /// The bytes of the device that are copied: the offset and length of each
    /// extent, then of the tail.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        let extents = self.extents();
        let clusters = extents.map(|extent| self.range(extent));
        clusters.chain(iter::once(self.tail()))
    }

    /// The sizes of the volume.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The header of an image made by this plan.
    pub fn header(&self) -> Header {
        let geometry = &self.geometry;
        let nr_clusters = geometry.nr_clusters();
        Header::new(
            geometry.cluster_size,
            self.device_size,
            nr_clusters,
            self.inuse,
        )
    }

    /// Bytes to copy. Metadata that is copied twice counts once or twice.
    pub fn bytes(&self) -> u64 {
        let (_, tail) = self.tail();
        self.geometry.bytes(self.inuse).saturating_add(tail)
    }

    /// Bytes of the volume as it is copied: the end of the tail.
    pub(crate) fn end(&self) -> u64 {
        let (offset, len) = self.tail();
        offset.saturating_add(len)
    }

    fn selection(&self) -> (Option<&ClusterMap>, &[MetadataStep]) {
        match &self.selection {
            Selection::Clusters(map) => (Some(map), &[]),
            Selection::Metadata(steps) => (None, steps),
        }
    }

    fn copy(&self, extent: Extent) -> CopyStep<'static> {
        let (offset, len) = self.range(extent);
        CopyStep::Bytes { offset, len }
    }

    fn range(&self, extent: Extent) -> (u64, u64) {
        let geometry = &self.geometry;
        (geometry.offset(extent.start), geometry.bytes(extent.len))
    }

    /// The offset and length of what follows the last cluster, with the backup
    /// boot sector: at most a cluster.
    fn tail(&self) -> (u64, u64) {
        let volume = self.geometry.bytes(self.geometry.nr_clusters());
        let len = self.device_size.saturating_sub(volume);
        (volume, len.min(self.geometry.cluster_size.into()))
    }
}
