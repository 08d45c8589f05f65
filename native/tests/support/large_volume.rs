//! A volume with gigabytes in use that takes next to no room: long enough to copy that something can happen meanwhile.

use ntfs_volume_builder::{FileData, Run, VolumeBuilder, attribute_type};
use std::{fs::File, os::unix::fs::FileExt, path::Path};

const CLUSTER: u64 = 64 << 10;
/// Clusters of the volume as it is built. Grown afterwards: the builder works in memory.
const BUILT: u64 = 64;
/// Where the one large file begins: behind what the builder placed.
const LARGE: u64 = 60;

/// Writes a volume of `bytes` bytes, nearly all of them in one file that is a hole below.
pub(crate) fn write(path: &Path, bytes: u64) {
    let clusters = bytes / CLUSTER;
    let mut volume = VolumeBuilder::new()
        .cluster_size(CLUSTER as u32)
        .clusters(BUILT)
        .file(
            "large.bin",
            FileData::Placed {
                runs: vec![Run::at(LARGE, clusters - LARGE - 10)],
                // The rest was reserved, and never written.
                bytes: vec![1],
            },
        )
        .build();
    let sectors = (clusters * CLUSTER / 512).to_le_bytes();
    volume.patch(0x28, &sectors);
    let backup = volume.bytes[..512].to_vec();

    // $Bitmap has one cluster, room for many more bits than it had.
    let offset = volume.stream_offset(6, attribute_type::DATA, "", 0);
    let mut bits = vec![0; clusters.div_ceil(64) as usize * 8];
    let used = volume.used_clusters().collect::<Vec<_>>();
    for cluster in used.into_iter().chain(LARGE..clusters - 10) {
        bits[(cluster / 8) as usize] |= 1 << (cluster % 8);
    }
    assert!(
        bits.len() as u64 <= CLUSTER,
        "$Bitmap needs more than a cluster"
    );
    volume.patch(offset, &bits);
    let data = volume
        .attribute_offset(6, attribute_type::DATA, "")
        .expect("$Bitmap has data");
    volume.patch_record(6, |record| {
        for size in [0x30, 0x38] {
            let length = bits.len() as u64;
            record[data + size..data + size + 8].copy_from_slice(&length.to_le_bytes());
        }
    });

    let file = File::create(path).expect("cannot create a file");
    let whole = (BUILT * CLUSTER) as usize;
    let write = |bytes: &[u8], offset| file.write_all_at(bytes, offset).expect("cannot write");
    write(&volume.bytes[..whole], 0);
    write(&backup, clusters * CLUSTER);
}
