//! One JSON object, for scripts.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::domain::{Area, Domain, Part, Positions};
use crate::visible::VisibleJson;

#[derive(Serialize)]
struct Document<'a> {
    source: String,
    /// The layers that the volume is within; only where positions count in the
    /// volume, not in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<&'a str>,
    /// Bytes of what positions count in.
    size: u64,
    /// Bytes of a cluster, if there is one volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_size: Option<u32>,
    /// What is in use.
    #[serde(serialize_with = "areas")]
    areas: &'a Domain<'a>,
    /// The partitions of a disk that are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partitions: Vec<PartitionInUse<'a>>,
}

/// A partition of a disk.
#[derive(Serialize)]
struct PartitionInUse<'a> {
    number: u32,
    /// Where it is on the disk.
    offset: u64,
    size: u64,
    /// Bytes of a cluster, if it is an NTFS volume whose clusters are known.
    cluster_size: Option<u32>,
    /// What is in use, by positions in the partition.
    #[serde(serialize_with = "areas_of_part")]
    areas: &'a Part,
}

fn areas<S: Serializer>(domain: &Domain<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(domain.areas())
}

fn areas_of_part<S: Serializer>(part: &Part, serializer: S) -> Result<S::Ok, S::Error> {
    // As far as the partition goes.
    let size = part
        .partition()
        .map_or(u64::MAX, |partition| partition.size);
    let areas = part.areas().filter(|area| area.offset < size);
    serializer.collect_seq(areas.map(|area| Area {
        length: area.length.min(size - area.offset),
        ..area
    }))
}

pub fn write(domain: &Domain<'_>, out: &mut impl Write) -> io::Result<()> {
    let mut volumes = domain.volumes();
    let document = Document {
        source: domain.source.display().to_string(),
        within: match &domain.positions {
            Positions::Source => None,
            Positions::Within(layers) => Some(layers),
        },
        size: domain.size,
        cluster_size: match (volumes.next(), volumes.next()) {
            (Some(one), None) => Some(one.cluster_size()),
            _ => None,
        },
        areas: domain,
        partitions: domain.parts.iter().filter_map(partition).collect(),
    };
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, VisibleJson);
    document.serialize(&mut serializer)?;
    writeln!(out)
}

fn partition(part: &Part) -> Option<PartitionInUse<'_>> {
    let partition = part.partition()?;
    Some(PartitionInUse {
        number: partition.number,
        offset: partition.offset,
        size: partition.size,
        cluster_size: match part {
            Part::Volume(volume) => Some(volume.cluster_size()),
            Part::Partition(_) | Part::Outside(_) => None,
        },
        areas: part,
    })
}
