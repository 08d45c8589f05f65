//! Every kind of damage that a check finds, made on a sound volume: the codes of
//! what is found, and nothing else.

use std::collections::BTreeSet;

use Code::*;
use ntfs_volume_builder as build;
use ntfs_volume_builder::{
    File, FileData, MftLayout, Run, VolumeBuilder, attribute_type as kind, pattern,
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
            "linked",
            File::new()
                .data(FileData::Resident(b"two".to_vec()))
                .link("docs/other name"),
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

#[test]
fn lost_records_are_found() {
    check(&[
        (
            "a record of zeros",
            |b| zero_record(b, "docs/letter.txt"),
            &[RecordUnreadable],
        ),
        (
            "a record of zeros, with clusters",
            |b| zero_record(b, "docs/photo.jpg"),
            &[RecordUnreadable, ClusterOnlyInBitmap],
        ),
        (
            "the record of a directory",
            |b| zero_record(b, "docs/inner"),
            &[RecordUnreadable, NotInDirectory],
        ),
        (
            "a record with another magic",
            |b| header(b, "docs/letter.txt", 0, b"BAAD"),
            &[RecordUnreadable],
        ),
        (
            "a record that was not wholly written",
            |b| b.tear_record(b.record_number("docs/letter.txt")),
            &[RecordUnreadable],
        ),
        (
            "the same, of no file",
            |b| b.tear_record(b.mft_records - 1),
            &[RecordSkipped],
        ),
        (
            "an extension record",
            |b| {
                let number = extension(b);
                b.replace_record(number, &[0; 1024]);
            },
            &[RecordUnreadable, RecordDamaged, ClusterOnlyInBitmap],
        ),
        (
            "the root directory",
            |b| zero_record(b, "."),
            &[
                RootDirectory,
                RecordUnreadable,
                ClusterOnlyInBitmap,
                NameMismatch,
                NotInDirectory,
            ],
        ),
        (
            "a record that is not in use",
            |b| header(b, "docs/letter.txt", 0x16, &[0]),
            &[EntryWithoutFile, RecordMarkedUsed],
        ),
        (
            "a fixup array elsewhere",
            |b| b.patch_raw_record(b.record_number("docs/letter.txt"), 6, &[9]),
            &[RecordDamaged],
        ),
    ]);
}

#[test]
fn headers_of_records_are_checked() {
    check(&[
        (
            "another sequence number",
            |b| header(b, "docs/letter.txt", 0x10, &[7]),
            &[EntryStale],
        ),
        (
            "another sequence number of a directory",
            |b| header(b, "docs/inner", 0x10, &[7]),
            &[EntryStale, NameMismatch],
        ),
        (
            "no sequence number",
            |b| header(b, "docs/letter.txt", 0x10, &[0]),
            &[EntryStale, RecordHeader],
        ),
        (
            "another number",
            |b| header(b, "docs/letter.txt", 0x2C, &[1]),
            &[RecordHeader],
        ),
        (
            "another size",
            |b| header(b, "docs/letter.txt", 0x1C, &[0, 8]),
            &[RecordHeader],
        ),
        (
            "more bytes in use than there are",
            |b| header(b, "docs/letter.txt", 0x18, &[0, 16]),
            &[RecordDamaged],
        ),
        (
            "attributes that begin elsewhere",
            |b| header(b, "docs/letter.txt", 0x14, &[3]),
            &[RecordUnreadable],
        ),
        (
            "more names than there are",
            |b| header(b, "docs/letter.txt", 0x12, &[2]),
            &[LinkCount],
        ),
        (
            "no names",
            |b| header(b, "linked", 0x12, &[0]),
            &[LinkCount],
        ),
        (
            "a base record",
            |b| header(b, "docs/letter.txt", 0x20, &[30, 0, 0, 0, 0, 0, 1, 0]),
            &[RecordOrphaned, EntryWithoutFile],
        ),
        (
            "a file that is a directory",
            |b| header(b, "docs/letter.txt", 0x16, &[3]),
            &[AttributeMissing, IndexDamaged],
        ),
        (
            "a directory that is a file",
            |b| header(b, "docs/inner", 0x16, &[1]),
            &[AttributeMissing, NotInDirectory],
        ),
    ]);
}

#[test]
fn attributes_are_checked() {
    check(&[
        (
            "no $STANDARD_INFORMATION",
            |b| {
                b.remove_attribute(
                    b.record_number("docs/letter.txt"),
                    kind::STANDARD_INFORMATION,
                    "",
                )
            },
            &[AttributeMissing],
        ),
        (
            "no $FILE_NAME",
            |b| b.remove_attribute(b.record_number("docs/letter.txt"), kind::FILE_NAME, ""),
            &[LinkCount, NameMismatch, NotInDirectory],
        ),
        (
            "no $DATA",
            |b| b.remove_attribute(b.record_number("docs/letter.txt"), kind::DATA, ""),
            &[AttributeMissing],
        ),
        (
            "no $INDEX_ROOT",
            |b| b.remove_attribute(b.record_number("docs/inner"), kind::INDEX_ROOT, "$I30"),
            &[AttributeMissing, IndexDamaged, NotInDirectory],
        ),
        (
            "attributes out of order",
            |b| attribute(b, "docs/letter.txt", kind::STANDARD_INFORMATION, 0, &[0x50]),
            &[AttributeOrder, AttributeMissing],
        ),
        (
            "an unknown type",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 0, &[0x88]),
            &[AttributeInvalid, AttributeMissing],
        ),
        (
            "an instance twice",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 0x0E, &[0]),
            &[AttributeInstance],
        ),
        (
            "a length of 0",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 4, &[0]),
            &[RecordDamaged, AttributeMissing],
        ),
        (
            "a length past the end",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 4, &[0, 8]),
            &[RecordDamaged, AttributeMissing],
        ),
        (
            "a form that is none",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 8, &[2]),
            &[RecordDamaged, AttributeMissing],
        ),
        (
            "a value longer than its attribute",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 0x10, &[200]),
            &[RecordDamaged, AttributeMissing],
        ),
        (
            "a short $STANDARD_INFORMATION",
            |b| {
                attribute(
                    b,
                    "docs/letter.txt",
                    kind::STANDARD_INFORMATION,
                    0x10,
                    &[0x20],
                )
            },
            &[AttributeInvalid],
        ),
        (
            "a name longer than its value",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x18 + 0x40, &[11]),
            &[AttributeInvalid, NameMismatch],
        ),
        (
            "a name without length",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x18 + 0x40, &[0]),
            &[AttributeInvalid, NameMismatch],
        ),
        (
            "another name",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x18 + 0x42, b"L"),
            &[NameMismatch],
        ),
        (
            "another directory",
            |b| {
                let many = b.record_number("many");
                attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x18, &[many as u8]);
            },
            &[NameMismatch],
        ),
        (
            "another namespace",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x18 + 0x41, &[2]),
            &[NameMismatch],
        ),
    ]);
}

#[test]
fn sizes_are_checked() {
    check(&[
        (
            "more data than allocated",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x30, &[0, 0, 1]),
            &[AttributeSizes],
        ),
        (
            "more initialised than data",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x38, &[0xFF, 0xFF]),
            &[AttributeSizes],
        ),
        (
            "more allocated than clusters",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x28, &[0, 0, 1]),
            &[AttributeSizes],
        ),
        (
            "another last VCN",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x18, &[9]),
            &[AttributeSizes],
        ),
        (
            "another first VCN",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x10, &[1]),
            &[AttributeSizes],
        ),
        (
            "no runs",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x40, &[0]),
            &[AttributeSizes, ClusterOnlyInBitmap],
        ),
        (
            "a run that is none",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x40, &[0x1F]),
            &[RecordDamaged, ClusterOnlyInBitmap],
        ),
        (
            "a run past the end",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x42, &[0xFF, 0x7F]),
            &[RunPastEnd, ClusterOnlyInBitmap],
        ),
        (
            "the clusters of another file",
            |b| {
                let run = b.runs(b.record_number("docs/pieces.bin"), kind::DATA, "")[0];
                let lcn = run.lcn.unwrap().to_le_bytes();
                attribute(b, "docs/photo.jpg", kind::DATA, 0x42, &lcn[..2]);
            },
            &[ClusterClaimedTwice, ClusterNotInBitmap, ClusterOnlyInBitmap],
        ),
        (
            "clusters marked as free",
            |b| {
                let run = b.runs(b.record_number("docs/photo.jpg"), kind::DATA, "")[0];
                b.set_in_bitmap(run.clusters(), false);
            },
            &[ClusterNotInBitmap],
        ),
        (
            "clusters of no file",
            |b| b.set_in_bitmap(1400..1402, true),
            &[ClusterOnlyInBitmap],
        ),
    ]);
}

#[test]
fn attribute_lists_are_checked() {
    const PIECES: &str = "docs/pieces.bin";
    /// Where the entries of the list begin in its attribute.
    const FIRST: usize = 0x18;
    fn entry_of_data(built: &build::Volume) -> usize {
        let number = built.record_number(PIECES);
        let list = built
            .attribute_offset(number, kind::ATTRIBUTE_LIST, "")
            .unwrap();
        let record = built.record(number);
        let mut at = FIRST;
        while record[list + at] != 0x80 {
            at += usize::from(record[list + at + 4]);
        }
        at
    }
    check(&[
        (
            "a list without its last entry",
            |b| {
                let number = b.record_number(PIECES);
                let list = b
                    .attribute_offset(number, kind::ATTRIBUTE_LIST, "")
                    .unwrap();
                let len = b.record(number)[list + 0x10];
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, 0x10, &[len - 32]);
            },
            &[ClusterOnlyInBitmap, RecordOrphaned, AttributeSizes],
        ),
        (
            "an entry with another VCN",
            |b| {
                let at = entry_of_data(b);
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, at + 32 + 8, &[9]);
            },
            &[AttributeList],
        ),
        (
            "an entry for a record that is none",
            |b| {
                let at = entry_of_data(b);
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, at + 32 + 0x10, &[200]);
            },
            &[RecordDamaged, ClusterOnlyInBitmap, RecordOrphaned],
        ),
        (
            "an entry for an attribute that is not there",
            |b| {
                let at = entry_of_data(b);
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, at + 32 + 0x18, &[77]);
            },
            &[RecordDamaged],
        ),
        (
            "an entry without length",
            |b| {
                let at = entry_of_data(b);
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, at + 4, &[0]);
            },
            &[RecordDamaged, ClusterOnlyInBitmap, RecordOrphaned],
        ),
        (
            "an extension record of another file",
            |b| {
                let number = extension(b);
                b.patch_record(number, |record| record[0x20] ^= 1);
            },
            &[RecordDamaged, ClusterOnlyInBitmap, RecordOrphaned],
        ),
        (
            "an extension record that is not in use",
            |b| {
                let number = extension(b);
                b.patch_record(number, |record| record[0x16] = 0);
            },
            &[RecordDamaged, ClusterOnlyInBitmap, RecordMarkedUsed],
        ),
        (
            "an extension record used again",
            |b| {
                let number = extension(b);
                b.patch_record(number, |record| record[0x10] = 9);
            },
            &[RecordDamaged, ClusterOnlyInBitmap, RecordOrphaned],
        ),
    ]);
}

#[test]
fn nodes_of_directories_are_checked() {
    check(&[
        (
            "a block of zeros",
            |b| raw_block(b, 0, &[0; 4096]),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a block not wholly written",
            |b| raw_block(b, 510, &[7, 7]),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a block from elsewhere",
            |b| block(b, |block| block[0x10] = 5),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "another size of a node",
            |b| block(b, |block| block[0x20] = 1),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "entries past the end",
            |b| block(b, |block| block[0x1D] = 0x7F),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a leaf that has children",
            |b| block(b, |block| block[0x24] = 1),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "an entry without length",
            |b| block(b, |block| block[0x48] = 0),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "an entry of no multiple of 8",
            |b| block(b, |block| block[0x48] += 1),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a key longer than its entry",
            |b| block(b, |block| block[0x4A] = 0xFF),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a key that is no name",
            |b| block(b, |block| block[0x4A] -= 2),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "a node without an end",
            |b| {
                block(b, |block| {
                    let end = 0x18 + usize::from(u16::from_le_bytes([block[0x1C], block[0x1D]]));
                    block[end - 16 + 12] = 0;
                })
            },
            &[IndexDamaged],
        ),
        (
            "a block marked as free",
            |b| attribute(b, "many", kind::BITMAP, 0x20, &[0xFE]),
            &[IndexBlockFree, IndexBlockUnused],
        ),
        (
            "a block marked that is not in the tree",
            |b| attribute(b, "many", kind::BITMAP, 0x21, &[1]),
            &[IndexBlockUnused],
        ),
        (
            "no bitmap",
            |b| b.remove_attribute(b.record_number("many"), kind::BITMAP, "$I30"),
            &[IndexBlockFree],
        ),
        (
            "no blocks",
            |b| b.remove_attribute(b.record_number("many"), kind::INDEX_ALLOCATION, "$I30"),
            &[ClusterOnlyInBitmap, IndexDamaged, NotInDirectory],
        ),
        (
            "blocks of another size",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x28, &[0, 8]),
            &[IndexDamaged, NameMismatch, NotInDirectory],
        ),
        (
            "a root past its end",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x35, &[9]),
            &[IndexDamaged, NameMismatch, NotInDirectory],
        ),
        (
            "an entry that leads to no block",
            |b| lead(b, 90),
            &[IndexDamaged, NotInDirectory],
        ),
        (
            "two entries that lead to one block",
            |b| lead(b, 1),
            &[IndexDamaged, IndexOrder, NotInDirectory],
        ),
    ]);

    /// Makes the first entry in the root of `many` lead to another block.
    fn lead(built: &mut build::Volume, vcn: u8) {
        let many = built.record_number("many");
        let root = built
            .attribute_offset(many, kind::INDEX_ROOT, "$I30")
            .unwrap();
        built.patch_record(many, |record| {
            let entry = root + 0x40;
            record[entry + usize::from(record[entry + 8]) - 8] = vcn;
        });
    }
}

#[test]
fn entries_of_directories_are_checked() {
    check(&[
        (
            "an entry that is missing",
            |b| b.remove_entry(b.record_number("docs"), "letter.txt"),
            &[NotInDirectory],
        ),
        (
            "one of two links",
            |b| b.remove_entry(b.record_number("docs"), "other name"),
            &[NameMismatch],
        ),
        (
            "an entry with another name",
            |b| entry(b, 0x10 + 0x42 + 2, b"E"),
            &[NameMismatch],
        ),
        (
            "an entry out of order",
            |b| entry(b, 0x10 + 0x42, b"a"),
            &[NameMismatch, IndexOrder],
        ),
        (
            "an entry for an older file",
            |b| entry(b, 6, &[9]),
            &[EntryStale],
        ),
        (
            "an entry for a free record",
            |b| {
                let free = b.mft_records - 1;
                entry(b, 0, &[free as u8]);
            },
            &[EntryWithoutFile, NotInDirectory],
        ),
        (
            "an entry past the end of $MFT",
            |b| entry(b, 2, &[9]),
            &[EntryWithoutFile, NotInDirectory],
        ),
        (
            "an entry for a part of a file",
            |b| {
                let number = extension(b);
                entry(b, 0, &[number as u8]);
            },
            &[EntryWithoutFile, NotInDirectory],
        ),
        (
            "an entry for another file",
            |b| {
                let photo = b.record_number("docs/photo.jpg");
                entry(b, 0, &[photo as u8]);
            },
            &[NameMismatch, NotInDirectory],
        ),
        (
            "an entry of another directory",
            |b| entry(b, 0x10, &[5]),
            &[NameMismatch],
        ),
        (
            "a directory in itself",
            |b| {
                // docs/inner names itself, and docs is in it.
                let [docs, inner] = ["docs", "docs/inner"].map(|path| b.record_number(path));
                attribute(b, "docs", kind::FILE_NAME, 0x18, &inner.to_le_bytes()[..6]);
                let name = b.attribute_offset(docs, kind::FILE_NAME, "").unwrap();
                b.patch_record(docs, |record| record[name + 0x18 + 6] = 1);
            },
            &[NameMismatch, DirectoryCycle],
        ),
    ]);
}

#[test]
fn mft_and_boot_sectors_are_checked() {
    check(&[
        (
            "a file marked as free",
            |b| flip_mark(b, b.record_number("linked")),
            &[RecordMarkedFree],
        ),
        (
            "a free record marked",
            |b| flip_mark(b, b.mft_records - 1),
            &[RecordMarkedUsed],
        ),
        (
            "a bitmap that is too short",
            |b| attribute(b, "$MFT", kind::BITMAP, 0x30, &[1]),
            &[AttributeSizes, MftSize],
        ),
        (
            "an $MFT longer than its runs",
            |b| attribute(b, "$MFT", kind::DATA, 0x32, &[9]),
            &[AttributeSizes, MftSize],
        ),
        (
            "a copy that differs",
            |b| b.patch_mirror_record(1, |record| record[0x12] ^= 2),
            &[MftMirror],
        ),
        (
            "a copy elsewhere",
            |b| b.patch(0x38, &(b.geometry.clusters / 3).to_le_bytes()),
            &[MftMirror, BootSectorsDiffer],
        ),
        (
            "no boot sector",
            build::Volume::damage_boot_sector,
            &[BootSector],
        ),
        (
            "no backup",
            build::Volume::damage_backup_boot_sector,
            &[BackupBootSector],
        ),
        (
            "a backup of another volume",
            |b| {
                let end = b.bytes.len() as u64;
                b.patch(end - 512 + 0x48, &[9]);
            },
            &[BackupBootSector],
        ),
        (
            "a backup of another size",
            |b| {
                let end = b.bytes.len() as u64;
                b.patch(end - 512 + 0x28, &[9]);
            },
            &[BootSectorsDiffer],
        ),
    ]);
}

#[test]
fn other_system_files_are_checked() {
    check(&[
        (
            "a letter",
            |b| stream(b, 10, kind::DATA, 2 * 0x61, &[0x42]),
            &[Upcase],
        ),
        (
            "a sign",
            |b| stream(b, 10, kind::DATA, 2 * 0x2B, &[0x2C]),
            &[Upcase],
        ),
        (
            "an upper case that has one",
            |b| stream(b, 10, kind::DATA, 2 * 0x400, &[0x61, 0]),
            &[Upcase],
        ),
        (
            "a short table",
            |b| attribute(b, "$UpCase", kind::DATA, 0x30, &[0, 0, 1]),
            &[AttributeSizes, Upcase],
        ),
        (
            "no table",
            |b| b.remove_attribute(10, kind::DATA, ""),
            &[ClusterOnlyInBitmap, Upcase],
        ),
        (
            "a definition",
            |b| stream(b, 4, kind::DATA, 0xA0 + 0x80, &[0x90]),
            &[AttributeDefinitions],
        ),
        (
            "no definitions",
            |b| stream(b, 4, kind::DATA, 0x80, &[0]),
            &[AttributeDefinitions],
        ),
        (
            "dirty",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 10, &[1]),
            &[Dirty],
        ),
        (
            "a check under way",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 11, &[0x40]),
            &[CheckInterrupted],
        ),
        (
            "another version",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 8, &[9]),
            &[VolumeInformation],
        ),
        (
            "no information",
            |b| b.remove_attribute(3, kind::VOLUME_INFORMATION, ""),
            &[VolumeInformation],
        ),
        (
            "an open journal",
            |b| b.write_restart_pages(false),
            &[JournalNotClean],
        ),
        (
            "half a journal",
            |b| {
                b.write_restart_pages(true);
                stream(b, 2, kind::DATA, 510, &[9]);
            },
            &[JournalRestart],
        ),
        (
            "no journal",
            |b| stream(b, 2, kind::DATA, 0, &[0; 8192]),
            &[Journal],
        ),
        (
            "no bitmap",
            |b| b.remove_attribute(6, kind::DATA, ""),
            &[Bitmap],
        ),
        (
            "a short bitmap",
            |b| attribute(b, "$Bitmap", kind::DATA, 0x30, &[8]),
            &[Bitmap, AttributeSizes],
        ),
    ]);
}

#[test]
fn security_descriptors_are_checked() {
    /// Writes a byte of a value of `$Secure`.
    fn secure(built: &mut build::Volume, kind: u32, name: &str, at: usize, byte: u8) {
        built.patch_attribute(9, kind, name, 0x20 + at, &[byte]);
    }
    check(&[
        (
            "a descriptor",
            |b| secure(b, kind::DATA, "$SDS", 0x18, 9),
            &[Security],
        ),
        (
            "the header of one",
            |b| secure(b, kind::DATA, "$SDS", 4, 9),
            &[Security],
        ),
        (
            "its place",
            |b| secure(b, kind::INDEX_ROOT, "$SII", 0x20 + 0x14 + 8, 9),
            &[Security],
        ),
        (
            "its number",
            |b| secure(b, kind::INDEX_ROOT, "$SII", 0x20 + 0x11, 9),
            &[Security],
        ),
        (
            "a number that is not there",
            |b| {
                attribute(
                    b,
                    "docs/letter.txt",
                    kind::STANDARD_INFORMATION,
                    0x18 + 0x34,
                    &[7],
                )
            },
            &[Security],
        ),
        (
            "no index by number",
            |b| b.remove_attribute(9, kind::INDEX_ROOT, "$SII"),
            &[],
        ),
        (
            "no index by hash",
            |b| b.remove_attribute(9, kind::INDEX_ROOT, "$SDH"),
            &[IndexDamaged, Security],
        ),
        (
            "a damaged index of $Extend",
            |b| {
                let quota = b.record_number("$Extend/$Quota");
                b.patch_attribute(quota, kind::INDEX_ROOT, "$Q", 0x20 + 0x14, &[0xFF]);
            },
            &[IndexDamaged],
        ),
    ]);
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
