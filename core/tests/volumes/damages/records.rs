//! Damages of records and their attributes.

use super::*;

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
            "flags that are not known",
            |b| header(b, "docs/letter.txt", 0x17, &[0x10]),
            &[RecordHeader],
        ),
        (
            "more bytes in use than its attributes have",
            |b| {
                let number = b.record_number("docs/letter.txt");
                b.patch_record(number, |record| record[0x18] += 16);
            },
            &[RecordHeader],
        ),
        (
            "a next instance that is in use",
            |b| header(b, "docs/letter.txt", 0x28, &[0, 0]),
            &[AttributeInstance],
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
            "a name that is not in an index",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x16, &[0]),
            &[AttributeFlags],
        ),
        (
            "flags that are not known",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 0x0D, &[0x10]),
            &[AttributeFlags],
        ),
        (
            "a unit, and not compressed",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x22, &[4]),
            &[AttributeFlags],
        ),
        (
            "compressed in a way that is not known",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 0x0C, &[9]),
            &[AttributeFlags],
        ),
        (
            "a compressed name",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0x0C, &[1]),
            &[AttributeFlags],
        ),
        (
            "a name of what has none",
            |b| attribute(b, "docs/letter.txt", kind::STANDARD_INFORMATION, 9, &[1]),
            &[AttributeInvalid],
        ),
        (
            "a name within the value",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 9, &[1, 0x18]),
            &[AttributeInvalid],
        ),
        (
            "a type above the last one",
            |b| attribute(b, "docs/letter.txt", kind::DATA, 2, &[1]),
            &[AttributeInvalid, AttributeMissing],
        ),
        (
            "compressed, without a unit",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x0C, &[1]),
            &[AttributeFlags],
        ),
        (
            "a value twice",
            |b| attribute(b, "docs/letter.txt", kind::FILE_NAME, 0, &[0x10]),
            &[
                AttributeFlags,
                AttributeInvalid,
                LinkCount,
                NameMismatch,
                NotInDirectory,
            ],
        ),
        (
            "streams out of order",
            |b| b.patch_attribute(b.record_number("docs/streams"), kind::DATA, "b", 0x18, b"d"),
            &[AttributeOrder],
        ),
        (
            "a stream twice",
            |b| b.patch_attribute(b.record_number("docs/streams"), kind::DATA, "b", 0x18, b"c"),
            &[AttributeInvalid],
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
            "another size on disk",
            |b| attribute(b, "docs/holes.bin", kind::DATA, 0x42, &[9]),
            &[CompressedSize],
        ),
        (
            "a value without holes that says that it is sparse",
            |b| attribute(b, "docs/photo.jpg", kind::DATA, 0x0D, &[0x80]),
            &[AttributeFlags],
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
    const LISTED: &str = "docs/listed";
    /// Where the entries of the list begin in its attribute.
    const FIRST: usize = 0x18;
    fn entry_of_data(built: &build::Volume) -> usize {
        find_entry(built, PIECES, |entry| entry[0] == 0x80)
    }
    fn named_entry(built: &build::Volume) -> usize {
        find_entry(built, LISTED, |entry| entry[6] == 1)
    }
    /// Where an entry of the list of a file is in its attribute.
    fn find_entry(built: &build::Volume, path: &str, is_it: fn(&[u8]) -> bool) -> usize {
        let number = built.record_number(path);
        let list = built
            .attribute_offset(number, kind::ATTRIBUTE_LIST, "")
            .unwrap();
        let record = built.record(number);
        let mut at = FIRST;
        while !is_it(&record[list + at..]) {
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
            "an entry with a name",
            |b| {
                let at = entry_of_data(b);
                attribute(b, PIECES, kind::ATTRIBUTE_LIST, at + 6, &[1]);
            },
            &[AttributeList],
        ),
        (
            "an entry with another name",
            |b| {
                let at = named_entry(b);
                attribute(b, LISTED, kind::ATTRIBUTE_LIST, at + 0x1A, b"c");
            },
            &[AttributeList],
        ),
        (
            "an entry with its name elsewhere",
            |b| {
                let at = named_entry(b);
                attribute(b, LISTED, kind::ATTRIBUTE_LIST, at + 7, &[0x1C]);
            },
            &[AttributeList],
        ),
        (
            "an entry without a name, and a place for one",
            |b| attribute(b, PIECES, kind::ATTRIBUTE_LIST, FIRST + 7, &[0xFF]),
            &[AttributeList],
        ),
        (
            "an entry for an older file",
            |b| attribute(b, PIECES, kind::ATTRIBUTE_LIST, FIRST + 0x16, &[9]),
            &[AttributeList],
        ),
        (
            "an extension record without an end",
            |b| {
                let number = extension(b);
                b.patch_record(number, |record| {
                    let end = usize::from(u16::from_le_bytes([record[0x18], record[0x19]])) - 8;
                    record[end] = 0x70;
                });
            },
            &[RecordDamaged],
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
