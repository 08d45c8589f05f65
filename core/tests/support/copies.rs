//! Copies of whole volumes, made at once.

use ntfs_volume_builder as build;
use ntfsclone_core::clusters::{audit, select_used};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::write::{NTFSCLONE, Shape};

use crate::encoded::Encoded;

/// The image of a volume, by the way that a program takes.
pub(crate) fn image_of(built: &build::Volume) -> Vec<u8> {
    let source = built.bytes.as_slice();
    let volume = Volume::open(source).unwrap();
    let mut selection = select_used(&volume, |_| {}).unwrap();
    audit(&volume, &mut selection).unwrap();
    for extent in &selection.bad {
        selection.map.remove(*extent);
    }
    let plan = Plan::new(*volume.geometry(), source.len() as u64, selection.map);
    let mut encoder = Encoded::new(&plan.header());
    for extent in plan.extents() {
        let start = volume.geometry().offset(extent.start) as usize;
        let len = volume.geometry().bytes(extent.len) as usize;
        encoder.clusters(extent.start, &source[start..start + len]);
    }
    let (start, len) = plan.ranges().last().unwrap();
    let image = encoder.tail(&source[start as usize..(start + len) as usize]);
    assert_eq!(
        image.len() as u64,
        NTFSCLONE.size(&Shape::of_volume(&plan)).unwrap()
    );
    image
}

/// The device, zeros in the clusters that are not in use.
pub(crate) fn restored(built: &build::Volume) -> Vec<u8> {
    let cluster_size = built.geometry.cluster_size as usize;
    let tail = built.geometry.volume_size() as usize;
    let end = built.bytes.len().min(tail + cluster_size);
    let mut device = vec![0; end];
    for lcn in built.used_clusters() {
        device[lcn as usize * cluster_size..][..cluster_size].copy_from_slice(built.cluster(lcn));
    }
    device[tail..].copy_from_slice(&built.bytes[tail..end]);
    device
}
