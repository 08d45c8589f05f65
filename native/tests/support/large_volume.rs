//! Volumes of gigabytes and more that take next to no room: long enough to work on that something can happen meanwhile.

use ntfs_volume_builder::{FileData, Run, VolumeBuilder, attribute_type};
use std::{fs::File, ops::Range, os::unix::fs::FileExt, path::Path};

/// Clusters of the volume as it is built. Grown afterwards: the builder works in memory.
const BUILT: u64 = 64;
/// The first cluster behind what the builder placed.
const FREE: u64 = 60;
/// Clusters that stay free at the end.
const LEFT: u64 = 10;

/// Writes a volume of `bytes` bytes, nearly all of them in one file that is a hole below.
pub(crate) fn write(path: &Path, bytes: u64) {
    const CLUSTER: u64 = 64 << 10;
    let clusters = bytes / CLUSTER;
    let file = FileData::Placed {
        runs: vec![Run::at(FREE, clusters - FREE - LEFT)],
        // The rest was reserved, and never written.
        bytes: vec![1],
    };
    let builder = VolumeBuilder::new().file("large.bin", file);
    grow(builder, CLUSTER, clusters, FREE..clusters - LEFT, 1, path);
}

/// Writes a volume of `bytes` bytes in as many areas as can be: $Bitmap marks every other cluster, which are of the
/// largest size. No file does.
pub(crate) fn write_scattered(path: &Path, bytes: u64) {
    const CLUSTER: u64 = 2 << 20;
    let clusters = bytes / CLUSTER;
    let builder = VolumeBuilder::new();
    grow(builder, CLUSTER, clusters, FREE..clusters - LEFT, 2, path);
}

/// Writes a volume of `bytes` bytes of which little is in use, here and there.
pub(crate) fn write_sparse(path: &Path, bytes: u64) {
    const CLUSTER: u64 = 2 << 20;
    let clusters = bytes / CLUSTER;
    let builder = VolumeBuilder::new();
    grow(
        builder,
        CLUSTER,
        clusters,
        FREE..clusters - LEFT,
        4096,
        path,
    );
}

/// Builds the volume with few clusters and makes it `clusters` long, every `step`th of those in `marked` in use.
fn grow(
    builder: VolumeBuilder,
    cluster: u64,
    clusters: u64,
    marked: Range<u64>,
    step: usize,
    path: &Path,
) {
    let mut volume = builder.cluster_size(cluster as u32).clusters(BUILT).build();
    let sectors = (clusters * cluster / 512).to_le_bytes();
    volume.patch(0x28, &sectors);
    let backup = volume.bytes[..512].to_vec();

    // $Bitmap has one cluster, room for many more bits than it had.
    let offset = volume.stream_offset(6, attribute_type::DATA, "", 0);
    let mut bits = vec![0; clusters.div_ceil(64) as usize * 8];
    let used = volume.used_clusters().collect::<Vec<_>>();
    for cluster in used.into_iter().chain(marked.step_by(step)) {
        bits[(cluster / 8) as usize] |= 1 << (cluster % 8);
    }
    assert!(
        bits.len() as u64 <= cluster,
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
    let whole = (BUILT * cluster) as usize;
    let write = |bytes: &[u8], offset| file.write_all_at(bytes, offset).expect("cannot write");
    write(&volume.bytes[..whole], 0);
    write(&backup, clusters * cluster);
}
