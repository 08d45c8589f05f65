//! Volumes that several tests look at.

use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, Run, VolumeBuilder, attribute_type, pattern,
};

/// Sector, cluster, MFT record and index record sizes, and clusters.
pub(crate) const GEOMETRIES: &[(u32, u32, u32, u32, u64)] = &[
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
    (512, 4096, 1024, 4096, 1000),
    (512, 4096, 4096, 4096, 512),
    (512, 4096, 1024, 8192, 512),
    (512, 4096, 8192, 4096, 1000),
    (512, 4096, 1024, 512, 512),
    (512, 1024, 1024, 65_536, 4000),
    (512, 4096, 65_536, 4096, 2500),
    (512, 65_536, 1024, 4096, 64),
    (512, 131_072, 1024, 4096, 40),
    (512, 2 << 20, 1024, 4096, 24),
    (1024, 1024, 1024, 4096, 1000),
    (1024, 4096, 1024, 4096, 256),
    (2048, 2048, 2048, 4096, 600),
    (4096, 4096, 4096, 4096, 512),
    (4096, 4096, 1024, 4096, 300),
    (4096, 65_536, 4096, 4096, 64),
    (4096, 2 << 20, 4096, 4096, 24),
];

/// A volume of that geometry with a few files, and a tail of one sector.
pub(crate) fn of_geometry(row: &(u32, u32, u32, u32, u64)) -> VolumeBuilder {
    let &(sector, cluster, record, index, clusters) = row;
    VolumeBuilder::new()
        .bytes_per_sector(sector)
        .cluster_size(cluster)
        .mft_record_size(record)
        .index_record_size(index)
        .clusters(clusters)
        .device_tail(sector.into())
        .label("GEOMETRY")
        .file("docs/hello.txt", FileData::Resident(b"hello".to_vec()))
        .file("docs/bytes.bin", FileData::Bytes(pattern(1, 700)))
        .file("big.bin", fragmented(3, cluster as usize))
}

/// Adds `count` small files.
pub(crate) fn with_many(builder: VolumeBuilder, count: usize) -> VolumeBuilder {
    (0..count).fold(builder, |builder, n| {
        let content = FileData::Resident(n.to_string().into_bytes());
        builder.file(&format!("directory/file {n}"), content)
    })
}

/// Data in so many runs of one cluster each.
pub(crate) fn fragmented(pieces: u64, cluster_size: usize) -> FileData {
    FileData::Fragmented {
        bytes: pattern(pieces, cluster_size * pieces as usize),
        pieces,
    }
}

/// A small volume with one of everything, for tests that break it everywhere.
pub(crate) fn everything() -> VolumeBuilder {
    let listed = File::new().data(fragmented(4, 512)).runs_per_record(1);
    let list_in_clusters = File::new()
        .data(fragmented(3, 512))
        .attribute_list(ListForm::NonResident);
    let streams = File::new()
        .data(FileData::Sparse(sparse_content(512)))
        .stream("beside", FileData::Bytes(pattern(5, 1500)))
        .attribute(attribute_type::OBJECT_ID, "", pattern(3, 16))
        .link("other/name");
    with_many(VolumeBuilder::new(), 60)
        .cluster_size(512)
        .clusters(1500)
        .index_record_size(512)
        .log_file_size(4096)
        .upcase_length(16)
        .version(1, 2)
        .mft_layout(MftLayout::AttributeList {
            pieces: 4,
            runs_per_record: 1,
        })
        .label("EVERYTHING")
        .file("listed", listed)
        .file("list in clusters", list_in_clusters)
        .file("streams", streams)
        .file(
            "chosen",
            FileData::Runs(vec![Run::at(1400, 2), Run::hole(3)]),
        )
        .hibernated()
        .bad_clusters(1450..1453)
}

/// Two units of data around two of zeros.
pub(crate) fn sparse_content(cluster_size: usize) -> Vec<u8> {
    let unit = 16 * cluster_size;
    [pattern(1, unit), vec![0; 2 * unit], pattern(2, unit)].concat()
}
