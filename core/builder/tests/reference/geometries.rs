use ntfs_volume_builder::{File, FileData, VolumeBuilder, pattern};

use crate::check_sound;

/// Sector, cluster, MFT record and index record sizes, and clusters.
const GEOMETRIES: &[(u32, u32, u32, u32, u64)] = &[
    (256, 256, 1024, 4096, 6000),
    (256, 512, 1024, 4096, 3000),
    (256, 4096, 1024, 4096, 256),
    (256, 65_536, 1024, 4096, 64),
    (512, 512, 512, 4096, 2000),
    (512, 512, 1024, 4096, 3000),
    (512, 512, 4096, 4096, 8000),
    (512, 1024, 1024, 4096, 1000),
    (512, 2048, 1024, 2048, 600),
    (512, 4096, 512, 4096, 256),
    (512, 4096, 1024, 4096, 128),
    (512, 4096, 1024, 4096, 1000),
    (512, 4096, 2048, 4096, 512),
    (512, 4096, 4096, 4096, 512),
    (512, 4096, 1024, 8192, 512),
    (512, 4096, 8192, 4096, 1000),
    (512, 4096, 1024, 512, 512),
    (512, 1024, 1024, 65_536, 4000),
    (512, 8192, 1024, 4096, 256),
    (512, 16384, 1024, 4096, 128),
    (512, 65536, 1024, 4096, 64),
    (512, 65536, 4096, 4096, 64),
    (512, 131072, 1024, 4096, 40),
    (512, 1 << 20, 1024, 4096, 24),
    (512, 2 << 20, 1024, 4096, 24),
    (1024, 1024, 1024, 4096, 1000),
    (1024, 4096, 1024, 4096, 256),
    (1024, 2 << 20, 1024, 4096, 24),
    (2048, 2048, 2048, 4096, 600),
    (2048, 4096, 4096, 4096, 512),
    (4096, 4096, 4096, 4096, 512),
    (4096, 4096, 1024, 4096, 300),
    (4096, 65536, 4096, 4096, 64),
    (4096, 2 << 20, 4096, 4096, 24),
];

fn with_files(builder: VolumeBuilder, cluster_size: usize) -> VolumeBuilder {
    let mut builder = builder
        .label("GEOMETRY")
        .fill_free(0xe5)
        .file("docs/hello.txt", FileData::Resident(b"hello".to_vec()))
        .file(
            "docs/bytes.bin",
            FileData::Bytes(pattern(1, cluster_size + 100)),
        )
        .file(
            "pieces.bin",
            FileData::Fragmented {
                bytes: pattern(2, 3 * cluster_size),
                pieces: 3,
            },
        )
        .file(
            "streams.txt",
            File::new()
                .data(b"main".to_vec())
                .stream("ads", b"beside".to_vec()),
        );
    for n in 0..60 {
        builder = builder.file(
            &format!("many/file number {n}.txt"),
            File::new().data(vec![n; 9]),
        );
    }
    builder
}

#[test]
fn every_geometry_is_accepted() {
    for &(sector, cluster, record, index, clusters) in GEOMETRIES {
        let builder = VolumeBuilder::new()
            .bytes_per_sector(sector)
            .cluster_size(cluster)
            .mft_record_size(record)
            .index_record_size(index)
            .clusters(clusters);
        let name = format!("{sector}/{cluster}/{record}/{index}/{clusters}");
        check_sound(&name, &with_files(builder, cluster as usize));
    }
}

#[test]
fn every_tail_is_accepted() {
    for (extra, tail) in [
        (0, 512),
        (0, 4096),
        (7, 4096),
        (3, 2048),
        (0, 1024),
        (1, 1024),
        (0, 10240),
    ] {
        let builder = VolumeBuilder::new().extra_sectors(extra).device_tail(tail);
        check_sound(
            &format!("{extra} extra sectors, tail of {tail}"),
            &with_files(builder, 4096),
        );
    }
}

#[test]
fn every_version_is_accepted() {
    for (major, minor) in [(1, 1), (1, 2), (2, 0), (3, 0), (3, 1)] {
        let builder = VolumeBuilder::new().version(major, minor);
        check_sound(
            &format!("version {major}.{minor}"),
            &with_files(builder, 4096),
        );
    }
}

#[test]
fn a_mirror_shorter_than_a_cluster_is_accepted() {
    for cluster in [8192, 65_536] {
        let builder = VolumeBuilder::new()
            .cluster_size(cluster)
            .clusters(128)
            .mirror_records(4);
        check_sound(
            &format!("4 records in a cluster of {cluster}"),
            &with_files(builder, cluster as usize),
        );
    }
}
