//! What a rescue reads, as bytes of the device.

use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::clusters::metadata::{LogFile, MetadataStep};
use ntfsclone_core::clusters::select_metadata;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::ranges::merged;
use ntfsclone_core::units::{Extent, Vcn};

use crate::source::Device;

/// The bytes to save, in order: `size` is that of the output.
pub fn of_plan(plan: &Plan, size: u64) -> Vec<Range<u64>> {
    let ranges = plan.ranges();
    let ranges = ranges.map(|(offset, len)| offset.min(size)..(offset + len).min(size));
    merged(ranges.collect())
}

/// Where the metadata lies, in bytes, in order. What cannot be told of a
/// damaged volume is left out: this is about the order only.
pub fn metadata(volume: &Volume<Arc<Device>>) -> Vec<Range<u64>> {
    let geometry = volume.geometry();
    let range = |extent: &Extent| geometry.offset(extent.start)..geometry.offset(extent.end());
    let found = select_metadata(volume, LogFile::Whole, |_| {});
    let steps = found.map(|metadata| metadata.steps).unwrap_or_default();
    let mut ranges = Vec::new();
    for step in &steps {
        match step {
            MetadataStep::Clusters(extent) => ranges.push(range(extent)),
            MetadataStep::Records(_, stream) => {
                let extents = stream.extents(Vcn(0), stream.end());
                ranges.extend(extents.map(|(_, extent)| range(&extent)));
            }
        }
    }
    merged(ranges)
}

/// The parts of ordered ranges before `end`.
pub fn up_to(end: u64, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let before = ranges.iter().take_while(|range| range.start < end);
    before
        .map(|range| range.start..range.end.min(end))
        .collect()
}

pub fn bytes_in(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}
