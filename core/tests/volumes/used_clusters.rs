//! The clusters in use of sound volumes: exactly those that the builder used,
//! and nothing found wrong.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, Run, VolumeBuilder, attribute_type, pattern,
};
use ntfsclone_core::clusters::{Selection, audit, select_used};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::units::{Extent, RecordNumber};

use crate::samples::{GEOMETRIES, everything, fragmented, of_geometry, sparse_content, with_many};

fn ranges(extents: impl IntoIterator<Item = Extent>) -> Vec<core::ops::Range<u64>> {
    let range = |extent: Extent| extent.start.0..extent.end().0;
    extents.into_iter().map(range).collect()
}

fn check(name: &str, builder: &VolumeBuilder) {
    check_built(name, &builder.build());
}

fn check_built(name: &str, built: &build::Volume) {
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let mut walked = 0;
    let mut selection = select_used(&volume, |records| walked = records).unwrap();
    assert_eq!(walked, built.mft_records, "{name}");
    let audited = audit(&volume, &mut selection).unwrap();
    let Selection {
        map, bad, findings, ..
    } = &mut selection;
    let listed: Vec<String> = findings.listed().iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "{name}: {listed:#?}");
    assert_eq!(audited.only_in_bitmap.clusters, 0, "{name}");
    assert_eq!(audited.only_in_runlists.clusters, 0, "{name}");

    bad.sort_unstable();
    assert_eq!(ranges(bad.iter().copied()), built.bad, "{name}: bad");
    for extent in bad {
        assert_eq!(map.remove(*extent), extent.len, "{name}: bad");
    }
    assert_eq!(ranges(map.extents()), built.used, "{name}: used");
    check_paths(name, built, &volume);
}

/// Every path leads to a record, and the record's path is one of these.
fn check_paths(name: &str, built: &build::Volume, volume: &Volume<&[u8]>) {
    for (_, number) in built.paths() {
        let found = path_of(volume, RecordNumber(number));
        let of_record = built.paths().filter(|path| path.1 == number);
        let expected: Vec<&str> = of_record.map(|path| path.0).collect();
        let found = found.strip_prefix('/').unwrap();
        assert!(expected.contains(&found), "{name}: {found} of {expected:?}");
    }
}

#[test]
fn of_every_geometry() {
    for row in GEOMETRIES {
        let builder = with_many(of_geometry(row), 20);
        check(&format!("{row:?}"), &builder);
    }
}

#[test]
fn of_every_version() {
    for (major, minor) in [(1, 1), (1, 2), (2, 0), (3, 0), (3, 1)] {
        let builder = VolumeBuilder::new().version(major, minor);
        check(&format!("{major}.{minor}"), &with_many(builder, 30));
    }
}

#[test]
fn when_opened_from_the_backup() {
    let mut built = everything().build();
    built.damage_boot_sector();
    check_built("backup", &built);
}

#[test]
fn of_all_that_small_volumes_can_hold() {
    check("everything", &everything());
    check("no files", &VolumeBuilder::new().label("EMPTY"));
    check("quota", &VolumeBuilder::new().quota_index());
    check("a full volume", &VolumeBuilder::new().fill_free(0xE5));
}

#[test]
fn of_every_layout_of_the_mft() {
    let list = |pieces, runs_per_record| MftLayout::AttributeList {
        pieces,
        runs_per_record,
    };
    for layout in [
        MftLayout::Fragmented(3),
        MftLayout::Fragmented(7),
        MftLayout::Runs(vec![Run::at(300, 10), Run::at(200, 20), Run::at(350, 30)]),
        list(2, 1),
        list(4, 1),
        list(9, 2),
    ] {
        for (cluster_size, record_size) in [(4096, 1024), (512, 1024), (512, 4096)] {
            if matches!(layout, MftLayout::Runs(_)) && cluster_size != 4096 {
                continue;
            }
            let builder = with_many(VolumeBuilder::new(), 150)
                .cluster_size(cluster_size)
                .mft_record_size(record_size)
                .clusters((4 << 20) / u64::from(cluster_size))
                .mft_layout(layout.clone());
            check(
                &format!("{layout:?}, {cluster_size}, {record_size}"),
                &builder,
            );
        }
    }
    // Records in two runs that do not touch.
    let mut runs = vec![Run::at(900, 8)];
    runs.extend((0..60).map(|n| Run::at(1000 + 3 * n, 1)));
    let split = VolumeBuilder::new().cluster_size(512).clusters(2500);
    check("split records", &split.mft_layout(MftLayout::Runs(runs)));
}

#[test]
fn of_files_with_attribute_lists() {
    let mut linked = File::new().data(vec![7; 100]);
    for n in 0..30 {
        linked = linked.link(&format!("links/the name number {n} of a file"));
    }
    let list = |form| File::new().data(fragmented(3, 4096)).attribute_list(form);
    let split = |pieces, runs| {
        let file = File::new().data(fragmented(pieces, 4096));
        file.runs_per_record(runs)
    };
    let builder = VolumeBuilder::new()
        .clusters(1500)
        .file("resident list", list(ListForm::Resident))
        .file("list in clusters", list(ListForm::NonResident))
        .file("split", split(12, 5))
        .file("far", split(6, 2).record(90))
        .file("many runs", fragmented(400, 4096))
        .file("long list", split(60, 1))
        .file("linked", linked)
        .directory_with("listed", File::new().attribute_list(ListForm::Resident));
    let builder = (0..30).fold(builder, |builder, n| {
        builder.file(&format!("listed/file {n}"), FileData::Resident(vec![n]))
    });
    check("attribute lists", &builder);
}

#[test]
fn of_sparse_and_compressed_files_and_streams() {
    let content = sparse_content(4096);
    let text: Vec<u8> = b"again and again, ".repeat(5000);
    let holes = vec![Run::at(400, 3), Run::hole(5), Run::at(420, 1), Run::hole(2)];
    let backwards = vec![Run::at(460, 2), Run::at(450, 2), Run::at(440, 2)];
    let streams = File::new()
        .data(FileData::Bytes(pattern(1, 10_000)))
        .stream("first", FileData::Bytes(pattern(2, 5000)))
        .stream("second", vec![1, 2, 3])
        .attribute(attribute_type::OBJECT_ID, "", pattern(3, 16))
        .attribute(attribute_type::EA, "", FileData::Bytes(pattern(4, 9000)));
    let builder = VolumeBuilder::new()
        .clusters(700)
        .file("holes", FileData::Runs(holes))
        .file("backwards", FileData::Runs(backwards))
        .file("only holes", FileData::Sparse(vec![0; 1 << 20]))
        .file("sparse", FileData::Sparse(content.clone()))
        .file("compressed", FileData::Compressed(text))
        .file("hardly compressed", FileData::Compressed(content))
        .file("empty", FileData::Bytes(Vec::new()))
        .file("the last cluster", FileData::Runs(vec![Run::at(699, 1)]))
        .file("streams", streams)
        .file("Größe/ÄÖÜ 日本語 🦀", FileData::Resident(vec![1]));
    check("sparse and compressed", &builder);
}

#[test]
fn without_bad_clusters() {
    let builder = VolumeBuilder::new().bad_clusters(100..103);
    check(
        "bad",
        &builder.bad_clusters(200..201).bad_clusters(511..512),
    );
}

#[test]
fn without_records_that_are_not_in_use() {
    let deleted = || {
        File::new()
            .data(FileData::Bytes(pattern(1, 20_000)))
            .deleted()
    };
    let over_others = File::new().data(FileData::Runs(vec![Run::at(0, 40)]));
    let damaged = File::new().data(FileData::Bytes(pattern(2, 9000)));
    let builder = VolumeBuilder::new()
        .file("gone/deleted", deleted().stream("gone too", vec![1]))
        .file("deleted in pieces", deleted().runs_per_record(1))
        .file("deleted over others", over_others.deleted())
        .file("damaged", damaged.baad())
        .file("last", File::new().data(vec![3]).record(200).sequence(77))
        .first_user_record(64);
    check("deleted and damaged records", &builder);
}

#[test]
fn of_large_directories() {
    for count in [5, 40, 300, 2000] {
        let builder = with_many(VolumeBuilder::new().clusters(4000), count);
        check(&format!("{count} files"), &builder.index_pieces(3));
    }
}
