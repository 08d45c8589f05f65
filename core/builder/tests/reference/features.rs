use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, Run, VolumeBuilder, attribute_type, pattern,
};

use crate::oracle::{VolumeFile, fix_complaints, saved_clusters, write_mounted};
use crate::{check_saved, check_sound};

#[test]
fn an_empty_volume() {
    check_sound("empty", &VolumeBuilder::new().label("EMPTY"));
}

#[test]
fn sparse_and_compressed_files() {
    let mut half_zero = pattern(1, 300_000);
    half_zero[65_536..200_000].fill(0);
    let text: Vec<u8> = b"the same words again and again, "
        .iter()
        .copied()
        .cycle()
        .take(150_000)
        .collect();
    let builder = VolumeBuilder::new()
        .file(
            "holes.bin",
            FileData::Runs(vec![
                Run::at(400, 3),
                Run::hole(5),
                Run::at(420, 1),
                Run::hole(2),
            ]),
        )
        .file(
            "backwards.bin",
            FileData::Runs(vec![Run::at(460, 2), Run::at(450, 2), Run::at(440, 2)]),
        )
        .file(
            "placed.bin",
            FileData::Placed {
                runs: vec![Run::at(470, 2)],
                bytes: pattern(9, 5000),
            },
        )
        .file("zeros.bin", FileData::Sparse(vec![0; 1 << 20]))
        .file("sparse.bin", FileData::Sparse(half_zero.clone()))
        .file("compressed.txt", FileData::Compressed(text))
        .file("compressed.bin", FileData::Compressed(half_zero))
        .file("empty.bin", FileData::Bytes(Vec::new()));
    check_sound("sparse and compressed", &builder);
}

#[test]
fn links_streams_and_attributes() {
    let file = File::new()
        .data(FileData::Bytes(pattern(1, 10_000)))
        .stream("first", FileData::Bytes(pattern(2, 5000)))
        .stream("second", vec![1, 2, 3])
        .attribute(attribute_type::OBJECT_ID, "", pattern(3, 16))
        .link("other/name.txt")
        .link("third name.txt");
    let builder = VolumeBuilder::new()
        .file("one/file.txt", file)
        .directory("empty")
        .directory_with(
            "streamed",
            File::new().stream("on a directory", vec![9; 20]),
        )
        .file("Größe/ÄÖÜ λόγος 日本語.txt", FileData::Resident(vec![1]))
        .quota_index();
    check_sound("links and streams", &builder);
}

#[test]
fn fragmented_mft() {
    for pieces in [2, 3, 7] {
        check_sound(
            "fragmented $MFT",
            &with_many(VolumeBuilder::new(), 100).mft_layout(MftLayout::Fragmented(pieces)),
        );
    }
    let layout = MftLayout::Runs(vec![Run::at(300, 10), Run::at(200, 20), Run::at(350, 30)]);
    check_sound(
        "chosen runs of $MFT",
        &with_many(VolumeBuilder::new(), 100).mft_layout(layout),
    );
}

#[test]
fn mft_with_attribute_list() {
    for (pieces, runs_per_record) in [(2, 1), (4, 1), (9, 2), (6, 6)] {
        let layout = MftLayout::AttributeList {
            pieces,
            runs_per_record,
        };
        for (cluster, record) in [(4096, 1024), (512, 1024), (512, 4096), (4096, 4096)] {
            let builder = with_many(VolumeBuilder::new(), 150)
                .cluster_size(cluster)
                .mft_record_size(record)
                .clusters((4 << 20) / u64::from(cluster))
                .mft_layout(layout.clone());
            check_sound(
                &format!("$MFT {layout:?}, clusters of {cluster}, records of {record}"),
                &builder,
            );
        }
    }
}

#[test]
fn attribute_lists() {
    let fragmented = |pieces| FileData::Fragmented {
        bytes: pattern(pieces, 4096 * pieces as usize),
        pieces,
    };
    let mut builder = VolumeBuilder::new()
        .clusters(1500)
        .file(
            "forced.bin",
            File::new()
                .data(fragmented(3))
                .attribute_list(ListForm::Resident),
        )
        .file(
            "list in clusters.bin",
            File::new()
                .data(fragmented(4))
                .attribute_list(ListForm::NonResident),
        )
        .file(
            "split.bin",
            File::new().data(fragmented(12)).runs_per_record(5),
        )
        .file(
            "far.bin",
            File::new()
                .data(fragmented(6))
                .runs_per_record(2)
                .record(90),
        )
        .file("automatic.bin", fragmented(400))
        .file(
            "resident.bin",
            File::new()
                .data(vec![1; 50])
                .attribute_list(ListForm::Resident),
        )
        .directory_with("listed", File::new().attribute_list(ListForm::Resident))
        .file(
            "long list.bin",
            File::new().data(fragmented(60)).runs_per_record(1),
        );
    let mut linked = File::new().data(vec![7; 100]);
    for n in 0..30 {
        linked = linked.link(&format!("links/the name number {n} of a file"));
        builder = builder.file(&format!("listed/a file {n}"), FileData::Resident(vec![n]));
    }
    check_sound("attribute lists", &builder.file("linked.bin", linked));
}

#[test]
fn large_directories() {
    for count in [5, 10, 40, 300, 2000] {
        for (record, index) in [(512, 4096), (1024, 4096), (1024, 2048), (4096, 4096)] {
            let builder = with_many(VolumeBuilder::new().clusters(10_000), count);
            let builder = builder
                .mft_record_size(record)
                .index_record_size(index)
                .index_pieces(3);
            check_sound(
                &format!("{count} files, records of {record}, blocks of {index}"),
                &builder,
            );
        }
    }
    let mut builder = VolumeBuilder::new();
    for n in 0..20 {
        builder = builder.file(
            &format!("{}{n}", "long ".repeat(50)),
            FileData::Resident(Vec::new()),
        );
    }
    check_sound("long names", &builder);
}

#[test]
fn records_that_are_not_files() {
    let deleted = File::new()
        .data(FileData::Bytes(pattern(1, 20_000)))
        .runs_per_record(1)
        .deleted();
    let builder = VolumeBuilder::new()
        .file(
            "gone/deleted.bin",
            deleted.clone().stream("gone too", vec![1]),
        )
        .file("deleted in pieces", deleted)
        .file(
            "deleted over others",
            File::new()
                .data(FileData::Runs(vec![Run::at(0, 40)]))
                .deleted(),
        )
        .file(
            "damaged.bin",
            File::new().data(FileData::Bytes(pattern(2, 9000))).baad(),
        )
        .file(
            "last.bin",
            File::new().data(vec![3]).record(200).sequence(77),
        )
        .first_user_record(64);
    check_sound("deleted and damaged records", &builder);
}

#[test]
fn bad_clusters_and_mirror() {
    let builder = VolumeBuilder::new()
        .bad_clusters(100..103)
        .bad_clusters(200..201)
        .bad_clusters(511..512);
    check_sound("bad clusters", &builder);
    check_sound(
        "bad at 33",
        &VolumeBuilder::new()
            .bad_clusters(33..34)
            .mirror_records(8)
            .cluster_size(8192),
    );
}

#[test]
fn a_mounted_volume_takes_new_files() {
    let volume = with_many(VolumeBuilder::new().clusters(1000), 120).build();
    let file = VolumeFile::new(&volume);
    check_saved("before writing", &volume, &file, &[]);
    write_mounted("writable", &file, "directory/file 55 and a half");
    // The reference compares its walk of the records with $Bitmap: success is proof that both still agree.
    if let Some(saved) = saved_clusters(&file, &[]) {
        saved.expect("consistent after writing");
    }
    if let Some(complaints) = fix_complaints(&file) {
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

fn with_many(mut builder: VolumeBuilder, count: usize) -> VolumeBuilder {
    for n in 0..count {
        builder = builder.file(
            &format!("directory/file {n}"),
            FileData::Resident(n.to_string().into_bytes()),
        );
    }
    builder
}
