//! What to copy, and in which order.

use crate::clusters::ClusterMap;
use crate::clusters::map::Extents;
use crate::image::ntfsclone::{Header, encoded_size};
use crate::units::{Extent, Geometry};

/// What is copied of a volume: clusters in LCN order, then the tail.
#[derive(Debug)]
pub struct Plan {
    geometry: Geometry,
    device_size: u64,
    map: ClusterMap,
}

/// Consecutive bytes of the source to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Clusters of the volume.
    Copy(Extent),
    /// What follows the last cluster, with the backup boot sector: so many
    /// bytes of the device, from 0 to those of a cluster.
    Tail(u64),
}

impl Plan {
    /// A plan to copy the clusters in `map`, and the tail of the device.
    pub fn new(geometry: Geometry, device_size: u64, map: ClusterMap) -> Self {
        Self {
            geometry,
            device_size,
            map,
        }
    }

    /// The steps, in the order in which an image holds them. The tail is the
    /// last one.
    pub fn steps(&self) -> Steps<'_> {
        Steps {
            extents: self.map.extents(),
            tail: Some(self.tail_size()),
        }
    }

    /// The sizes of the volume.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Where the bytes of a step lie on the device, and how many there are.
    pub fn bytes_of(&self, step: Step) -> (u64, u64) {
        let geometry = &self.geometry;
        match step {
            Step::Copy(extent) => (geometry.offset(extent.start), geometry.bytes(extent.len)),
            Step::Tail(len) => (geometry.bytes(geometry.nr_clusters()), len),
        }
    }

    /// The clusters to copy.
    pub fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// The header of an image made by this plan.
    pub fn header(&self) -> Header {
        Header::new(
            self.geometry.cluster_size,
            self.device_size,
            self.geometry.nr_clusters(),
            self.map.len(),
        )
    }

    /// Bytes to copy.
    pub fn bytes(&self) -> u64 {
        self.geometry
            .bytes(self.map.len())
            .saturating_add(self.tail_size())
    }

    /// Bytes of an image made by this plan.
    pub fn image_size(&self) -> u64 {
        encoded_size(&self.header(), self.map.extents(), self.tail_size())
    }

    fn tail_size(&self) -> u64 {
        let geometry = &self.geometry;
        self.device_size
            .saturating_sub(geometry.bytes(geometry.nr_clusters()))
            .min(geometry.cluster_size.into())
    }
}

/// See [`Plan::steps`].
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    extents: Extents<'a>,
    tail: Option<u64>,
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        match self.extents.next() {
            Some(extent) => Some(Step::Copy(extent)),
            None => self.tail.take().map(Step::Tail),
        }
    }
}
