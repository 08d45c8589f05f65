//! `ntfsclone damage`: which files a copy lacks data of, by a map file or by the marks in the copy.

use crate::support::{
    disk::{self, Partition},
    failing_device::{FAILING_DEVICES, FailingDevice},
    program::{call, finish, ours, printed},
    requirements::met_here,
    scene::{Outcome, Scene, error_text},
    small_volume,
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, attribute_type, pattern};
use serde_json::Value;
use std::{fmt::Write, ops::Range};

const CLUSTER: u64 = 4096;

/// Files in clusters and in their records, in a directory with clusters of its own.
fn builder() -> VolumeBuilder {
    let builder = VolumeBuilder::new()
        .clusters(1024)
        .file("big.bin", FileData::Bytes(pattern(1, 200_000)))
        .file("docs/second.bin", FileData::Bytes(pattern(2, 100_000)))
        .file("docs/small.txt", FileData::Resident(b"small".to_vec()));
    (0..60).fold(builder, |builder, number| {
        let name = format!("many/a file with a long name, number {number}");
        builder.file(&name, FileData::Resident(vec![7; 20]))
    })
}

/// Where a byte of a file's content is.
fn place(volume: &Volume, path: &str, offset: u64) -> u64 {
    volume.stream_offset(volume.record_number(path), attribute_type::DATA, "", offset)
}

fn record(volume: &Volume, path: &str) -> Range<u64> {
    let start = volume.record_offset(volume.record_number(path));
    start..start + 1024
}

fn free_cluster(volume: &Volume) -> u64 {
    let used: Vec<u64> = volume.used_clusters().collect();
    let free = (0..volume.geometry.clusters).rev();
    let mut free = free.filter(|cluster| !used.contains(cluster));
    free.next().expect("it is not full") * CLUSTER
}

/// A map file as ddrescue writes it.
fn map(size: u64, bad: &[Range<u64>]) -> String {
    let mut bad = bad.to_vec();
    bad.sort_by_key(|range| range.start);
    let mut text = "# Mapfile. Created by GNU ddrescue version 1.27\n0x0 + 1\n".to_owned();
    let mut position = 0;
    let mut line = |start: u64, end: u64, status| {
        if start < end {
            writeln!(text, "0x{start:08X}  0x{:08X}  {status}", end - start).expect("to memory");
        }
    };
    for range in bad {
        line(position, range.start, '+');
        line(range.start, range.end, '-');
        position = range.end;
    }
    line(position, size, '+');
    text
}

fn write_map(scene: &Scene, volume: &Volume, bad: &[Range<u64>]) {
    scene.write("map", map(volume.bytes.len() as u64, bad));
}

/// The volume with the marks of a rescue.
fn marked(volume: &Volume, bad: &[Range<u64>]) -> Vec<u8> {
    let mut bytes = volume.bytes.clone();
    for range in bad {
        for sector in bytes[range.start as usize..range.end as usize].chunks_mut(512) {
            sector.fill(b'?');
            sector[..10].copy_from_slice(b"BadSectoR\0");
        }
    }
    bytes
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8_lossy(outcome.stdout()).into_owned()
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(outcome.stdout()).expect("it is JSON")
}

/// What lies in every kind of place.
fn damages(volume: &Volume) -> Vec<Range<u64>> {
    let big = place(volume, "big.bin", 10 * CLUSTER);
    let second = place(volume, "docs/second.bin", 0);
    let small = record(volume, "docs/small.txt");
    let log_file = volume.stream_offset(2, attribute_type::DATA, "", 8 * CLUSTER);
    let index = volume.index_block_offset(volume.record_number("many"), 0);
    let free = free_cluster(volume);
    vec![
        big..big + 512,
        big + 1024..big + 2048,
        second..second + CLUSTER,
        small.start..small.start + 512,
        log_file..log_file + 512,
        index..index + CLUSTER,
        free..free + CLUSTER,
    ]
}

const DAMAGES: &str = "\
/big.bin: 1536 bytes lost
/docs/second.bin: 4096 bytes lost
/docs/small.txt: 512 bytes lost, with MFT record NUMBER
Files: 6144 bytes lost in 3 files
Metadata: 4608 bytes lost
  /$LogFile: 512 bytes lost
  /many:$I30, attribute 0xa0: 4096 bytes lost
Free space: 4096 bytes, of no file
";

#[test]
fn files_are_named_by_a_map_and_by_marks() {
    let volume = builder().build();
    let bad = damages(&volume);
    let number = volume.record_number("docs/small.txt").to_string();
    let expected = DAMAGES.replace("NUMBER", &number);
    let scene = Scene::with_volume(&volume.bytes);
    write_map(&scene, &volume, &bad);
    scene.write("marked", marked(&volume, &bad));
    for line in [
        "damage -q --map map volume",
        "damage -q --map map marked",
        "damage -q marked",
    ] {
        let outcome = scene.run(line);
        assert_eq!(text(&outcome), expected, "{line}: {}", outcome.errors());
        let source = line.rsplit(' ').next().unwrap_or_default();
        let error = error_text(&format!("{source}: 10752 bytes are lost"), "");
        outcome.failed(3, &error);
        outcome.changed_only(&[]);

        let outcome = scene.run(&line.replace("-q", "-q --json"));
        assert_eq!(outcome.code(), Some(3), "{line}");
        let report = json(&outcome);
        for (key, bytes) in [
            ("bytes", 14848),
            ("file_bytes", 6144),
            ("metadata_bytes", 4608),
            ("unowned_bytes", 0),
            ("free_bytes", 4096),
            ("files_left_out", 0),
        ] {
            assert_eq!(report[key], bytes, "{line}: {key}");
        }
        let files = report["files"].as_array().expect("a list");
        assert_eq!(files[0]["path"], "/$LogFile");
        assert_eq!(files[1]["path"], "/big.bin");
        assert_eq!(files[1]["offset"], 10 * CLUSTER);
        assert_eq!(files[2]["offset"], 10 * CLUSTER + 1024);
        let areas = report["areas"].as_array().expect("a list");
        assert_eq!(areas.len(), bad.len(), "{line}");
    }
}

#[test]
fn what_only_free_space_lost_is_success() {
    let volume = builder().build();
    let free = free_cluster(&volume);
    let scene = Scene::with_volume(&volume.bytes);
    let free = free..free + 512;
    let marked_free = [free];
    for bad in [&[][..], &marked_free[..]] {
        write_map(&scene, &volume, bad);
        scene.write("marked", marked(&volume, bad));
        for line in ["damage --map map volume", "damage marked"] {
            let outcome = scene.run(line);
            outcome.failed(0, "");
            outcome.reported("Files: nothing lost\nMetadata: nothing lost\n");
        }
    }
}

/// Records with their directory, the records of which are lost too, and of a file in several records.
#[test]
fn lost_records_are_named_by_their_directories() {
    let content = FileData::Fragmented {
        bytes: pattern(4, 20 * CLUSTER as usize),
        pieces: 20,
    };
    let file = ntfs_volume_builder::File::new()
        .data(content)
        .runs_per_record(4);
    let volume = builder()
        .file("docs/deep/file.txt", FileData::Resident(vec![1; 10]))
        .file("pieces.bin", file)
        .file(
            "links/first",
            ntfs_volume_builder::File::new().link("links/second"),
        )
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    let check = |bad: &[Range<u64>], expected: &[&str]| {
        write_map(&scene, &volume, bad);
        scene.write("marked", marked(&volume, bad));
        for line in [
            "damage -q --json --map map volume",
            "damage -q --json marked",
        ] {
            let outcome = scene.run(line);
            assert_eq!(outcome.code(), Some(3), "{line}: {}", outcome.errors());
            let report = json(&outcome);
            let files = report["files"].as_array().expect("a list");
            let paths: Vec<_> = files.iter().map(|file| file["path"].as_str()).collect();
            let expected: Vec<_> = expected.iter().map(|path| Some(*path)).collect();
            assert_eq!(paths, expected, "{line}");
        }
    };
    let record = |path| record(&volume, path);
    check(&[record("big.bin")], &["/big.bin"]);
    // The index of this directory was in its record.
    let unknown = format!("/[record {}]", volume.record_number("docs/small.txt"));
    check(
        &[record("docs"), record("docs/small.txt")],
        &[&unknown, "/docs"],
    );
    check(&[record("docs/deep")], &["/docs/deep"]);
    // That of this one is in clusters, which no file that is known has now.
    let in_many = |number| format!("many/a file with a long name, number {number}");
    let [first, last] = [10, 59].map(in_many);
    check(
        &[record("many"), record(&first), record(&last)],
        &["/many", &format!("/{first}"), &format!("/{last}")],
    );
    check(&[record("links/first")], &["/links/first"]);
    let second = place(&volume, "docs/second.bin", 0);
    check(
        &[record("docs"), second..second + 512],
        &["/docs", "/docs/second.bin"],
    );
    let base = volume.record_number("pieces.bin");
    let extension = (24..volume.mft_records).find(|number| {
        let bytes = volume.record(*number);
        &bytes[..4] == b"FILE" && bytes[0x20..0x26] == base.to_le_bytes()[..6]
    });
    let start = volume.record_offset(extension.expect("it has extension records"));
    let extension = start..start + 1024;
    check(&[extension], &["/pieces.bin"]);
    // Not in use: nothing is lost.
    let start = volume.record_offset(volume.mft_records - 1);
    let unused = start..start + 1024;
    write_map(&scene, &volume, &[unused]);
    let outcome = scene.run("damage -q --map map volume");
    assert_eq!(outcome.code(), Some(0), "{}", text(&outcome));
}

/// The map of a disk is about the disk.
#[test]
fn a_partition_by_the_map_of_its_disk() {
    let volume = builder().build();
    let sector = 2048;
    let partitions = [Partition {
        sector,
        kind: 7,
        bytes: &volume.bytes,
    }];
    let bytes = disk::with_mbr(&partitions);
    let scene = Scene::new();
    scene.write("disk", &bytes);
    let offset = u64::from(sector) * 512;
    let big = offset + place(&volume, "big.bin", 0);
    // In front of the partition, what is lost is none of its business.
    scene.write("map", map(bytes.len() as u64, &[512..1024, big..big + 512]));
    let outcome = scene.run("damage -q --map map --partition 1 disk");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    outcome.reported("/big.bin: 512 bytes lost\nFiles: 512 bytes lost in 1 file\n");
    let report = json(&scene.run("damage -q --json --map map --partition 1 disk"));
    let areas = report["areas"].as_array().expect("a list");
    assert_eq!(areas.len(), 1);
    assert_eq!(areas[0]["offset"], big);
    // That of the partition is not.
    write_map(&scene, &volume, &[]);
    let outcome = scene.run("damage -q --map map --partition 1 disk");
    assert_eq!(outcome.code(), Some(1), "{}", text(&outcome));
    assert!(
        outcome
            .errors()
            .contains("map: is the map of something else")
    );
    scene.run("damage disk").refused(
        &format!(
            "disk: is a whole disk; NTFS is in\n    partition 1: at byte {offset:#x}, {:.2} MiB",
            volume.bytes.len() as f64 / f64::from(1 << 20)
        ),
        "name the partition: --partition 1",
    );
}

#[test]
fn a_map_of_something_else_is_refused() {
    let volume = builder().build();
    let size = volume.bytes.len() as u64;
    let scene = Scene::with_volume(&volume.bytes);
    for other in [size / 2, size - 4096, size + 512, size * 2] {
        scene.write("map", map(other, &[]));
        scene.run("damage --map map volume").refused(
            &format!("map: is the map of something else: of {other} bytes, and volume has {size}"),
            "name the map file that belongs to this copy; to one of a whole disk belongs the copy \
             of the disk, with --partition",
        );
    }
    scene.write("map", "no map\n");
    let outcome = scene.run("damage --map map volume");
    assert_eq!(outcome.code(), Some(1), "{}", outcome.errors());
    outcome.changed_only(&[]);
}

/// ddrescue ends a copy with the last byte that it read.
#[test]
fn a_copy_that_ends_before_its_source() {
    let volume = builder().build();
    let size = volume.bytes.len() as u64;
    let second = place(&volume, "docs/second.bin", 4 * CLUSTER);
    let scene = Scene::new();
    scene.write("copy", &volume.bytes[..second as usize]);
    let unread = second..size;
    scene.write("map", map(size, &[unread]));
    for line in ["damage -q --map map copy", "damage -q copy"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(3), "{line}: {}", outcome.errors());
        outcome.reported("/docs/second.bin: ");
        outcome.reported("  the backup boot sector: 512 bytes lost\n");
    }
}

/// Names are what others chose.
#[test]
fn names_stay_visible() {
    let volume = VolumeBuilder::new()
        .file(
            "a\nb\u{1b}[2J\u{202e}c",
            FileData::Bytes(pattern(1, 10_000)),
        )
        .build();
    let path = "a\nb\u{1b}[2J\u{202e}c";
    let start = place(&volume, path, 0);
    let scene = Scene::with_volume(&volume.bytes);
    for bad in [start..start + 512, record(&volume, path)] {
        write_map(&scene, &volume, &[bad]);
        for line in [
            "damage -q --map map volume",
            "damage -q --json --map map volume",
        ] {
            let shown = text(&scene.run(line));
            for hidden in ['\u{1b}', '\u{202e}'] {
                assert!(!shown.contains(hidden), "{line}: {shown:?}");
            }
            assert!(!shown.contains("a\nb"), "{line}: {shown:?}");
        }
    }
}

/// An image that was rescued holds the marks as well.
#[test]
fn images_are_looked_through() {
    let volume = builder().build();
    let bad = damages(&volume);
    let mut copy = volume.clone();
    copy.bytes = marked(&volume, &bad);
    let scene = Scene::new();
    scene.write("image", small_volume::image_of(&copy));
    let outcome = scene.run("damage -q image");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    // Free space is not in it.
    let number = volume.record_number("docs/small.txt").to_string();
    let expected = DAMAGES.replace("NUMBER", &number).replace(
        "Free space: 4096 bytes, of no file",
        "Free space: nothing lost",
    );
    assert_eq!(text(&outcome), expected);
}

/// A map of the file that is the image: what is lost of the volume in it.
#[test]
fn an_image_by_the_map_of_its_file() {
    let volume = builder().build();
    let mut image = small_volume::image_of(&volume);
    let content = &pattern(1, 200_000)[40_000..40_032];
    let mut found = image.windows(content.len());
    let at = found.position(|bytes| bytes == content);
    let at = at.expect("the file is in the image");
    image[at..at + 512].fill(0);
    let size = image.len() as u64;
    let scene = Scene::new();
    scene.write("image", &image);
    let bad = at as u64..at as u64 + 512;
    scene.write("map", map(size, &[bad]));
    let outcome = scene.run("damage -q --map map image");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    let expected = "/big.bin: 4096 bytes lost\nFiles: 4096 bytes lost in 1 file\n";
    outcome.reported(expected);
    // The tail has the backup boot sector.
    let tail = size - 100..size;
    scene.write("map", map(size, &[tail]));
    let outcome = scene.run("damage -q --map map image");
    outcome.reported("Files: nothing lost\n");
    outcome.reported("  the backup boot sector: 512 bytes lost\n");
    scene.write("map", map(size, &[]));
    assert_eq!(scene.run("damage -q --map map image").code(), Some(0));
}

/// What a rescue reports is what its map file tells afterwards.
#[test]
fn agrees_with_the_report_of_a_rescue() {
    if !met_here(FAILING_DEVICES) {
        return;
    }
    const SMALL: &str = "many/a file with a long name, number 40";
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    // Whole pages: no copy has less.
    let page = |at: u64| at / CLUSTER * CLUSTER..at / CLUSTER * CLUSTER + CLUSTER;
    let mut bad = [
        page(place(&volume, "big.bin", 10 * CLUSTER)),
        page(record(&volume, SMALL).start),
    ];
    bad.sort_by_key(|range| range.start);
    let device = FailingDevice::new(&scene.path("volume"), &bad);
    let [out, map, report] = ["out", "map", "report"].map(|name| scene.path(name));
    let options = format!(
        "-q --rescue --mapfile {} --report {} -o",
        map.display(),
        report.display()
    );
    let outcome = finish(call(ours, &options, &[&out, device.path()]));
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    let report: Value = serde_json::from_slice(&scene.read("report")).expect("it is JSON");
    assert!(printed(&outcome).contains(&format!("lost /{SMALL}: its MFT record")));
    for line in ["damage -q --json --map map out", "damage -q --json out"] {
        let found = json(&scene.run(line));
        assert_eq!(found["files"], report["files"], "{line}");
    }
}
