//! Images of whole volumes, by the way that a program takes.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, Run, VolumeBuilder, pattern};
use ntfsclone_core::clusters::{audit, select_used};
use ntfsclone_core::image::ntfsclone::Encoder;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::plan::{Plan, Step};

use crate::decoded::decode;

pub(crate) fn image_of(built: &build::Volume) -> Vec<u8> {
    let source = built.bytes.as_slice();
    let volume = Volume::open(source).unwrap();
    let mut selection = select_used(&volume, |_| {}).unwrap();
    audit(&volume, &mut selection).unwrap();
    for extent in &selection.bad {
        selection.map.remove(*extent);
    }
    let plan = Plan::new(*volume.geometry(), source.len() as u64, selection.map);
    let mut image = Vec::new();
    let mut encoder = Encoder::new(&plan.header(), &mut image);
    for step in plan.steps() {
        match step {
            Step::Copy(extent) => {
                let start = volume.geometry().offset(extent.start) as usize;
                let len = volume.geometry().bytes(extent.len) as usize;
                encoder.clusters(extent.start, &source[start..start + len], &mut image);
            }
            Step::Tail(len) => {
                let start = built.geometry.volume_size() as usize;
                encoder.tail(&source[start..start + len as usize], &mut image);
            }
        }
    }
    assert_eq!(image.len() as u64, plan.image_size());
    image
}

/// The device, zeros in the clusters that are not in use.
pub(crate) fn expected(built: &build::Volume) -> Vec<u8> {
    let mut device = vec![0; built.bytes.len()];
    let cluster_size = built.geometry.cluster_size as usize;
    for lcn in built.used_clusters() {
        device[lcn as usize * cluster_size..][..cluster_size].copy_from_slice(built.cluster(lcn));
    }
    let tail = built.geometry.volume_size() as usize;
    let end = built.bytes.len().min(tail + cluster_size);
    device[tail..end].copy_from_slice(&built.bytes[tail..end]);
    device
}

#[test]
fn restore_to_the_used_clusters() {
    let files = VolumeBuilder::new()
        .fill_free(0xE5)
        .bad_clusters(300..302)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .file("b", FileData::Runs(vec![Run::at(400, 3), Run::at(390, 2)]))
        .file("last", FileData::Runs(vec![Run::at(511, 1)]));
    let table = [
        files.clone(),
        files.clone().device_tail(0),
        files.clone().device_tail(1),
        files.clone().device_tail(4096),
        files.clone().device_tail(20_000),
        files.extra_sectors(3).device_tail(2048),
        VolumeBuilder::new().bytes_per_sector(4096),
        VolumeBuilder::new().cluster_size(65_536).clusters(64),
    ];
    for builder in table {
        let built = builder.build();
        let image = image_of(&built);
        let decoded = decode(image.chunks(100_000)).unwrap();
        let used = built.used_clusters().count() as u64;
        assert_eq!(decoded.header.inuse, used);
        assert_eq!(decoded.header.device_size, built.bytes.len() as u64);
        assert!(decoded.device() == expected(&built), "{:?}", built.geometry);
    }
}
