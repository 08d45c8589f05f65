//! Every kind of damage that a check finds, made on a sound volume: the codes of
//! what is found, and nothing else.

mod directories;
mod records;
mod system_files;

use std::collections::BTreeSet;

use Code::*;
use ntfs_volume_builder as build;
use ntfs_volume_builder::{
    File, FileData, ListForm, MftLayout, Run, VolumeBuilder, attribute_type as kind, pattern,
};
use ntfsclone_core::check::{Checking, Code, ContentCheck, Severity, VolumeCheck, check_volume};
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::ntfs::Volume;

use crate::samples::{GEOMETRIES, fragmented, of_geometry, with_many};

/// A directory whose names need blocks, files of each kind, and links.
pub(crate) fn sample() -> VolumeBuilder {
    let names = (0..60).map(|n| format!("many/a file with a long name {n:02}.txt"));
    names
        .fold(VolumeBuilder::new().clusters(1500), |builder, name| {
            builder.file(&name, FileData::Resident(b"many".to_vec()))
        })
        .file("docs/letter.txt", FileData::Resident(b"dear".to_vec()))
        .file("docs/photo.jpg", FileData::Bytes(pattern(2, 20_000)))
        .file("docs/inner/deep.txt", FileData::Resident(b"deep".to_vec()))
        .file(
            "docs/pieces.bin",
            File::new().data(fragmented(4, 4096)).runs_per_record(1),
        )
        .file(
            "docs/holes.bin",
            FileData::Sparse([vec![1; 70_000], vec![0; 200_000]].concat()),
        )
        .file(
            "docs/listed",
            File::new()
                .data(FileData::Resident(b"main".to_vec()))
                .stream("b", vec![2])
                .attribute_list(ListForm::Resident),
        )
        .file(
            "linked",
            File::new()
                .data(FileData::Resident(b"two".to_vec()))
                .link("docs/other name"),
        )
        .file(
            "docs/streams",
            File::new()
                .data(FileData::Resident(b"main".to_vec()))
                .stream("b", vec![2])
                .stream("c", vec![3]),
        )
        .file(
            "deleted",
            File::new().data(FileData::Resident(vec![1])).deleted(),
        )
        .quota_index()
}

fn checked(built: &build::Volume) -> VolumeCheck {
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let selection = select_used(&volume, |_| {}).unwrap();
    check_volume(&volume, selection, None).unwrap()
}

type Break = fn(&mut build::Volume);

/// What is damaged, how, and what is found.
type Row = (&'static str, Break, &'static [Code]);

#[track_caller]
fn check(rows: &[Row]) {
    let sound = sample().build();
    let mut wrong = Vec::new();
    for (what, damage, expected) in rows {
        let mut built = sound.clone();
        damage(&mut built);
        let found = checked(&built).findings;
        let codes: BTreeSet<Code> = found.listed().iter().map(|one| one.code).collect();
        let expected: BTreeSet<Code> = expected.iter().copied().collect();
        let is_sound = expected
            .iter()
            .all(|code| code.severity() != Severity::Error);
        assert_eq!(
            found.is_sound(),
            codes.iter().all(|code| code.severity() != Severity::Error)
        );
        if codes != expected || found.is_sound() != is_sound {
            wrong.push(format!("{what}: found {codes:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn zero_record(built: &mut build::Volume, path: &str) {
    let size = built.geometry.mft_record_size as usize;
    built.replace_record(built.record_number(path), &vec![0; size]);
}

/// Writes bytes of the header of a record.
fn header(built: &mut build::Volume, path: &str, at: usize, bytes: &[u8]) {
    let number = built.record_number(path);
    built.patch_record(number, |record| {
        record[at..][..bytes.len()].copy_from_slice(bytes);
    });
}

/// Writes bytes of an attribute.
fn attribute(built: &mut build::Volume, path: &str, kind: u32, at: usize, bytes: &[u8]) {
    let number = built.record_number(path);
    let name = match kind {
        kind::INDEX_ROOT | kind::INDEX_ALLOCATION | kind::BITMAP if number != 0 => "$I30",
        _ => "",
    };
    built.patch_attribute(number, kind, name, at, bytes);
}

/// Writes bytes of the entry of `docs/letter.txt`.
fn entry(built: &mut build::Volume, at: usize, bytes: &[u8]) {
    let docs = built.record_number("docs");
    built.patch_entry(docs, "letter.txt", |entry| {
        entry[at..][..bytes.len()].copy_from_slice(bytes);
    });
}

/// Changes the first block of the directory `many`.
fn block(built: &mut build::Volume, change: fn(&mut [u8])) {
    let many = built.record_number("many");
    built.patch_index_block(many, 0, change);
}

/// Overwrites bytes of a block of `many` as they stand on disk.
fn raw_block(built: &mut build::Volume, at: u64, bytes: &[u8]) {
    let many = built.record_number("many");
    let offset = built.index_block_offset(many, 0);
    built.patch(offset + at, bytes);
}

/// A record that belongs to `docs/pieces.bin`, not its base record.
fn extension(built: &build::Volume) -> u64 {
    let base = built.record_number("docs/pieces.bin");
    let is_extension = |number: &u64| {
        let record = built.record(*number);
        record[0x20..0x26] == base.to_le_bytes()[..6] && record[0x16] & 1 == 1
    };
    (24..built.mft_records).find(is_extension).unwrap()
}

fn stream(built: &mut build::Volume, record: u64, kind: u32, at: u64, bytes: &[u8]) {
    let offset = built.stream_offset(record, kind, "", at);
    built.patch(offset, bytes);
}

/// Changes the bit of a record in `$MFT:$BITMAP`.
fn flip_mark(built: &mut build::Volume, record: u64) {
    let offset = built.stream_offset(0, kind::BITMAP, "", record / 8);
    let byte = built.bytes[offset as usize] ^ 1 << (record % 8);
    built.patch(offset, &[byte]);
}

#[test]
fn a_sound_volume_has_no_findings() {
    let mut built = sample().build();
    assert_eq!(checked(&built).findings.listed(), []);
    built.write_restart_pages(true);
    assert_eq!(checked(&built).findings.listed(), []);
}

#[test]
fn sound_volumes_of_every_kind_have_no_findings() {
    let geometries = GEOMETRIES.iter().map(of_geometry);
    let versions = [(1, 2), (3, 0), (3, 1)].map(|(major, minor)| {
        let docs = FileData::Resident(b"docs".to_vec());
        with_many(VolumeBuilder::new().version(major, minor), 70).file("docs/a", docs)
    });
    let names = ["Straße/ä", "Straße/Ä b", "Straße/Z", "Straße/_", "Straße/~"];
    let named = names.iter().fold(VolumeBuilder::new(), |builder, name| {
        builder.file(name, FileData::Resident(vec![1]))
    });
    let split = |pieces| MftLayout::AttributeList {
        pieces,
        runs_per_record: 1,
    };
    let layouts = [
        VolumeBuilder::new().mft_layout(split(4)),
        with_many(VolumeBuilder::new().index_pieces(3), 200),
        VolumeBuilder::new()
            .file(
                "sparse",
                FileData::Sparse([vec![1; 70_000], vec![0; 200_000]].concat()),
            )
            .file("packed", FileData::Compressed(vec![3; 100_000]))
            .bad_clusters(300..302)
            .label("SOUND"),
        VolumeBuilder::new().device_tail(0),
    ];
    let all = geometries.chain(versions).chain([named]).chain(layouts);
    for (number, builder) in all.enumerate() {
        let found = checked(&builder.build()).findings;
        // Bad clusters are a note: nothing is wrong with the volume.
        let mut wrong = found
            .listed()
            .iter()
            .filter(|one| one.code != Code::BadClusters);
        assert_eq!(wrong.next(), None, "volume {number}");
    }
}

/// The codes and files of what is found when all content is read.
fn with_content(built: &build::Volume) -> Vec<(Code, Vec<String>)> {
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let selection = select_used(&volume, |_| {}).unwrap();
    let mut content = ContentCheck::new(&volume, &selection);
    while content.step(&volume).unwrap() {}
    let mut checking = Checking::new(selection).with_content(content);
    let check = loop {
        if let Some(check) = checking.step(&volume, None).unwrap() {
            break check;
        }
    };
    let listed = check.findings.listed().iter();
    listed.map(|one| (one.code, one.files.clone())).collect()
}

#[test]
fn content_is_checked_where_that_is_asked_for() {
    let mut built = sample()
        .file("docs/packed", FileData::Compressed(vec![7; 300_000]))
        .build();
    assert_eq!(with_content(&built), []);

    let photo = built.record_number("docs/photo.jpg");
    let mut sector = vec![b'?'; 512];
    sector[..10].copy_from_slice(b"BadSectoR\0");
    let offset = built.stream_offset(photo, kind::DATA, "", 5 * 512);
    built.patch(offset, &sector);
    let packed = built.record_number("docs/packed");
    let offset = built.stream_offset(packed, kind::DATA, "", 0);
    built.patch(offset, &[0xFF; 16]);
    let expected = [
        (CompressedUnit, vec!["/docs/packed".to_owned()]),
        (RescueMark, vec!["/docs/photo.jpg".to_owned()]),
    ];
    assert_eq!(with_content(&built), expected);
    assert_eq!(checked(&built).findings.listed(), []);
}

/// A file that WOF compressed, all chunks of which are stored as they are.
fn of_wof() -> File {
    const CHUNK: usize = 4096;
    let content = pattern(7, 10_000);
    let places = (1..content.len().div_ceil(CHUNK)).map(|chunk| (chunk * CHUNK) as u32);
    let table: Vec<u8> = places.flat_map(u32::to_le_bytes).collect();
    let point = [0x8000_0017_u32, 16, 1, 2, 1, 0].map(u32::to_le_bytes);
    File::new()
        .data(FileData::Placed {
            runs: vec![Run::hole(3)],
            bytes: vec![0; content.len()],
        })
        .stream(
            "WofCompressedData",
            FileData::Bytes([table, content].concat()),
        )
        .attribute(kind::REPARSE_POINT, "", FileData::Resident(point.concat()))
}

#[test]
fn files_of_wof_are_decompressed_where_that_is_asked_for() {
    let sound = sample().file("docs/wof", of_wof()).build();
    assert_eq!(with_content(&sound), []);

    let expected = [(CompressedUnit, vec!["/docs/wof".to_owned()])];
    let damages: [(&str, Break); 3] = [
        ("a place past the end", |b| {
            let offset = wof_offset(b, 0);
            b.patch(offset, &[0, 0, 1, 0]);
        }),
        ("a shorter chunk", |b| {
            let offset = wof_offset(b, 0);
            b.patch(offset, &4000_u32.to_le_bytes());
        }),
        ("an unknown algorithm", |b| {
            let number = b.record_number("docs/wof");
            b.patch_attribute(number, kind::REPARSE_POINT, "", 0x18 + 20, &[9]);
        }),
    ];
    for (what, damage) in damages {
        let mut built = sound.clone();
        damage(&mut built);
        assert_eq!(with_content(&built), expected, "{what}");
        assert_eq!(checked(&built).findings.listed(), [], "{what}");
    }
}

fn wof_offset(built: &build::Volume, at: u64) -> u64 {
    let number = built.record_number("docs/wof");
    built.stream_offset(number, kind::DATA, "WofCompressedData", at)
}

#[test]
fn a_lost_file_is_named_by_its_entry() {
    let mut built = sample().build();
    let number = built.record_number("docs/letter.txt");
    zero_record(&mut built, "docs/letter.txt");
    let found = checked(&built);
    let [finding] = found.findings.listed() else {
        panic!("{:?}", found.findings);
    };
    assert_eq!(finding.record, Some(number));
    assert_eq!(finding.files, ["/docs/letter.txt"]);
    assert_eq!(found.files, ["/docs/letter.txt"]);
}

#[test]
fn clusters_of_runs_that_the_builder_chose_are_sound() {
    let built = sample()
        .file(
            "chosen",
            FileData::Runs(vec![Run::at(1200, 5), Run::hole(3)]),
        )
        .build();
    assert_eq!(checked(&built).findings.listed(), []);
}
