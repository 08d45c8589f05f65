//! Damages of directories: their nodes and entries.

use super::*;

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
            "flags of a block that are not known",
            |b| block(b, |block| block[0x24] |= 8),
            &[AttributeFlags],
        ),
        (
            "flags of a root that are not known",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x20 + 0x1D, &[1]),
            &[AttributeFlags],
        ),
        (
            "more VCNs a block than the volume has",
            |b| attribute(b, "many", kind::INDEX_ROOT, 0x20 + 0x0C, &[9]),
            &[IndexDamaged],
        ),
        (
            "no VCNs a block, in an index without blocks",
            |b| attribute(b, "docs/inner", kind::INDEX_ROOT, 0x20 + 0x0C, &[0]),
            &[IndexDamaged],
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
            "an entry with unknown flags",
            |b| block(b, |block| block[0x4C] = 8),
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
            "a root of something else than names",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x20, &[0x40]),
            &[IndexDamaged, NameMismatch, NotInDirectory],
        ),
        (
            "a root in another order",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x24, &[2]),
            &[IndexDamaged, NameMismatch, NotInDirectory],
        ),
        (
            "another size of the root",
            |b| attribute(b, "docs", kind::INDEX_ROOT, 0x38, &[8]),
            &[IndexDamaged, NameMismatch, NotInDirectory],
        ),
        (
            "a block that does not end with its last entry",
            |b| block(b, |block| block[0x1C] += 8),
            &[IndexDamaged],
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
