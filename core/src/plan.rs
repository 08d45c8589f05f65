//! What to copy, and in which order.

use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::clusters::map::Extents;
use crate::clusters::metadata::MetadataStep;
use crate::image::ntfsclone::{HEADER_SIZE, Header, encoded_size};
use crate::units::{Extent, Geometry, len_u64};

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
            Step::Tail(_) => tail(geometry, self.device_size),
        }
    }

    /// The clusters to copy.
    pub fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// The header of an image made by this plan.
    pub fn header(&self) -> Header {
        header(&self.geometry, self.device_size, self.map.len())
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
        tail(&self.geometry, self.device_size).1
    }
}

/// What is copied of a volume's metadata: clusters and records in the order in
/// which the MFT names them, then the tail.
#[derive(Debug)]
pub struct MetadataPlan {
    geometry: Geometry,
    device_size: u64,
    steps: Vec<MetadataStep>,
    inuse: u64,
    returns_to_start: bool,
}

impl MetadataPlan {
    /// A plan to copy the steps, which count as `inuse` clusters, and the tail
    /// of the device.
    pub fn new(geometry: Geometry, device_size: u64, steps: Vec<MetadataStep>, inuse: u64) -> Self {
        Self {
            geometry,
            device_size,
            steps,
            inuse,
            returns_to_start: false,
        }
    }

    /// With a gap back to the first cluster before the tail. The original makes
    /// it with `--ignore-fs-check`: it begins there to copy what only `$Bitmap`
    /// marks.
    pub fn returning_to_start(self) -> Self {
        Self {
            returns_to_start: true,
            ..self
        }
    }

    /// See [`MetadataPlan::returning_to_start`].
    pub fn returns_to_start(&self) -> bool {
        self.returns_to_start
    }

    /// The steps, in the order in which an image holds them. The tail comes
    /// after them.
    pub fn steps(&self) -> &[MetadataStep] {
        &self.steps
    }

    /// The sizes of the volume.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Where the tail lies on the device, in bytes, and how many there are.
    pub fn tail(&self) -> (u64, u64) {
        tail(&self.geometry, self.device_size)
    }

    /// The header of an image made by this plan.
    pub fn header(&self) -> Header {
        header(&self.geometry, self.device_size, self.inuse)
    }

    /// The most bytes that an image made by this plan may have.
    pub fn image_size_limit(&self) -> u64 {
        let gaps = self.steps.iter().fold(2_u64, |sum, step| {
            let runs = match step {
                MetadataStep::Clusters(_) => 1,
                MetadataStep::Records(_, stream) => len_u64(stream.runs().len()),
            };
            sum.saturating_add(runs)
        });
        let commands = gaps.saturating_mul(9).saturating_add(self.inuse);
        len_u64(HEADER_SIZE)
            .saturating_add(commands)
            .saturating_add(1)
            .saturating_add(self.bytes())
    }

    /// Bytes to copy, about: those that are copied twice count once or twice.
    pub fn bytes(&self) -> u64 {
        self.geometry
            .bytes(self.inuse)
            .saturating_add(self.tail().1)
    }
}

/// Where the tail of a device lies, in bytes, and how many there are.
fn tail(geometry: &Geometry, device_size: u64) -> (u64, u64) {
    let volume = geometry.bytes(geometry.nr_clusters());
    let len = device_size
        .saturating_sub(volume)
        .min(geometry.cluster_size.into());
    (volume, len)
}

fn header(geometry: &Geometry, device_size: u64, inuse: u64) -> Header {
    let nr_clusters = geometry.nr_clusters();
    Header::new(geometry.cluster_size, device_size, nr_clusters, inuse)
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
