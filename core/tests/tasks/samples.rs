//! Volumes and images of them.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{File, FileData, ListForm, MftLayout, Run, VolumeBuilder, pattern};
use ntfsclone_core::clusters::{audit, select_used};
use ntfsclone_core::image::ntfsclone::Encoder;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::plan::{Plan, Step};

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

/// The image of a volume, made at once.
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
        let (start, len) = plan.bytes_of(step);
        let bytes = &source[start as usize..(start + len) as usize];
        match step {
            Step::Copy(extent) => encoder.clusters(extent.start, bytes, &mut image),
            Step::Tail(_) => encoder.tail(bytes, &mut image),
        }
    }
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
