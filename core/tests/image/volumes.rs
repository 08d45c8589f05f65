//! Images of whole volumes, by the way that a program takes.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, Run, VolumeBuilder, pattern};

use crate::copies::{image_of, restored};
use crate::decoded::decode;

/// All of the device, as if it had been zeros before.
pub(crate) fn expected(built: &build::Volume) -> Vec<u8> {
    let mut device = restored(built);
    device.resize(built.bytes.len(), 0);
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
        assert_eq!(decoded.header().inuse, used);
        assert_eq!(decoded.header().device_size, built.bytes.len() as u64);
        assert!(decoded.device() == expected(&built), "{:?}", built.geometry);
    }
}
