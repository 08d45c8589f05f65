//! Volumes and images of them.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{File, FileData, ListForm, MftLayout, Run, VolumeBuilder, pattern};

/// Sound volumes of all kinds.
pub(crate) fn volumes() -> Vec<(&'static str, build::Volume)> {
    let files = VolumeBuilder::new()
        .fill_free(0xE5)
        .bad_clusters(300..302)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .file("b", FileData::Runs(vec![Run::at(400, 3), Run::at(390, 2)]))
        .file("last", FileData::Runs(vec![Run::at(511, 1)]));
    let fragmented = |pieces: u64| FileData::Fragmented {
        bytes: pattern(pieces, 512 * pieces as usize),
        pieces,
    };
    let listed = VolumeBuilder::new()
        .cluster_size(512)
        .clusters(3000)
        .mft_layout(MftLayout::AttributeList {
            pieces: 3,
            runs_per_record: 1,
        })
        .bad_clusters(2900..2910)
        .file(
            "list",
            File::new()
                .data(fragmented(3))
                .attribute_list(ListForm::NonResident),
        )
        .file("split", File::new().data(fragmented(6)).runs_per_record(1));
    vec![
        ("files", files.clone().build()),
        ("no tail", files.clone().device_tail(0).build()),
        ("a long tail", files.clone().device_tail(20_000).build()),
        ("attribute lists", listed.build()),
        ("large", large().build()),
        (
            "large clusters",
            VolumeBuilder::new()
                .cluster_size(65_536)
                .clusters(64)
                .build(),
        ),
    ]
}

/// More than the pages that are kept.
pub(crate) fn large() -> VolumeBuilder {
    (0..40).fold(
        VolumeBuilder::new().clusters(16_000).mft_record_size(4096),
        |builder, n| {
            let content = FileData::Bytes(pattern(n, 700_000 + 5000 * n as usize));
            builder.file(&format!("directory {}/file {n}", n % 7), content)
        },
    )
}
